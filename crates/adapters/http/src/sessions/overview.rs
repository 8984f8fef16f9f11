//! Sessions as others look at them and end them.

use crate::conventions::Api;
use crate::kit::answer::{self, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_services::Principal;
use doorward_services::sessions::{self, ListedSession, SessionList, SessionQuery};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list_sessions, list_sessions).no_store();
    r.user(__path_end_all_sessions, end_all_sessions);
    r.user(__path_list_user_sessions, list_user_sessions).no_store();
    r.user(__path_end_user_sessions, end_user_sessions);
    r.user(__path_end_session, end_session);
}

/// An app that was told by a session who its user is.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionApp)]
pub(crate) struct AppObject {
    id: Uuid,
    name: String,
}

/// A session: a browser, or a command line, in which somebody is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct ListedSessionObject {
    /// The public part of its key.
    id: String,
    user_id: Uuid,
    username: String,
    /// How its user has signed in.
    login_type: &'static str,
    /// The identity provider at which it began; empty when it began at none.
    provider: String,
    /// What kind of program it began in, such as `Firefox on Linux`; empty when that is not known.
    device: String,
    /// Address of its last use.
    ip: String,
    created_at: Timestamp,
    /// To the hour.
    last_used: Timestamp,
    expires_at: Timestamp,
    /// Whether it is the one in which this is asked.
    current: bool,
    /// Apps that were told by it who its user is (OpenID Connect), and still have access.
    apps: Vec<AppObject>,
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionsResponse)]
pub(crate) struct SessionsObject {
    /// Newest first.
    sessions: Vec<ListedSessionObject>,
    /// How many match, before `limit` and `offset`; at most ten thousand more than `offset`.
    count: u64,
}

impl From<(ListedSession, bool)> for ListedSessionObject {
    fn from((session, current): (ListedSession, bool)) -> Self {
        let ListedSession { key, username, device, provider, apps } = session;
        Self {
            id: key.id.to_string(),
            user_id: key.user_id.0,
            username,
            login_type: key.login_type.as_str(),
            provider: provider.unwrap_or_default(),
            device: device.unwrap_or_default(),
            ip: key.ip,
            created_at: key.created_at.into(),
            last_used: key.last_used.into(),
            expires_at: key.expires_at.into(),
            current,
            apps: apps.into_iter().map(|(id, name)| AppObject { id: id.0, name }).collect(),
        }
    }
}

impl From<SessionList> for SessionsObject {
    fn from(list: SessionList) -> Self {
        Self { sessions: list.sessions.into_iter().map(ListedSessionObject::from).collect(), count: list.count }
    }
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub(crate) struct Ended {
    ended: usize,
}

fn asked(call: &Call) -> Result<SessionQuery, Failure> {
    let mut query = call.query();
    let asked = SessionQuery {
        after: query.text("after_id"),
        limit: query.count("limit"),
        offset: query.count("offset").unwrap_or(0),
    };
    query.done()?;
    Ok(asked)
}

fn except_current(call: &Call) -> Result<bool, Failure> {
    let mut query = call.query();
    let except_current = query.flag("except_current");
    query.done()?;
    Ok(except_current)
}

/// Lists the living sessions that the caller may see, newest first: owners see all, others their own.
#[utoipa::path(
    get, path = "/api/v2/sessions", tag = "sessions",
    params(
        ("after_id" = Option<String>, Query, description = "Only sessions behind this one, which began earlier"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many, never more than 1000; 0 means 100"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = SessionsObject)),
)]
pub(crate) async fn list_sessions(call: Call, actor: Principal) -> HandlerResult {
    let query = asked(&call)?;
    let list = sessions::list_sessions(call.context(), &actor, query).await?;
    Ok(answer::list(list.sessions.len(), move || SessionsObject::from(list)).await)
}

/// Ends the sessions of everybody. API tokens, and what apps hold, stay.
#[utoipa::path(
    delete, path = "/api/v2/sessions", tag = "sessions",
    params(("except_current" = Option<bool>, Query, description = "The session in which this is asked stays")),
    responses((status = 200, body = Ended)),
)]
pub(crate) async fn end_all_sessions(call: Call, actor: Principal) -> HandlerResult {
    let except_current = except_current(&call)?;
    let ended = sessions::end_all_sessions(call.context(), &actor, except_current).await?;
    Ok(ok(&Ended { ended }))
}

/// Lists the living sessions of a user, newest first.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/sessions", tag = "sessions",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("after_id" = Option<String>, Query, description = "Only sessions behind this one, which began earlier"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many, never more than 1000; 0 means 100"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = SessionsObject)),
)]
pub(crate) async fn list_user_sessions(call: Call, actor: Principal) -> HandlerResult {
    let query = asked(&call)?;
    let list = sessions::list_sessions_of(call.context(), &actor, &call.user(), query).await?;
    Ok(answer::list(list.sessions.len(), move || SessionsObject::from(list)).await)
}

/// Ends the sessions of a user. API tokens, and what apps hold, stay.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/sessions", tag = "sessions",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("except_current" = Option<bool>, Query, description = "The session in which this is asked stays"),
    ),
    responses((status = 200, body = Ended)),
)]
pub(crate) async fn end_user_sessions(call: Call, actor: Principal) -> HandlerResult {
    let except_current = except_current(&call)?;
    let ended = sessions::end_sessions_of(call.context(), &actor, &call.user(), except_current).await?;
    Ok(ok(&Ended { ended }))
}

/// Ends a session of a user, as signing out there would.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/sessions/{session}", tag = "sessions",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("session" = String, Path, description = "Id of the session"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn end_session(call: Call, actor: Principal) -> HandlerResult {
    sessions::end_session(call.context(), &actor, &call.user(), &call.segment("session")).await?;
    Ok(no_content())
}
