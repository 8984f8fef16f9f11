//! Who is signed in, from where, and the end of it.

use super::form::{About, Outcome, Report, carry_out, done_among, done_here, says_nothing};
use super::pager::{Pager, ROWS};
use super::shell::{Screen, Shell, shell};
use super::users::login_word;
use super::{path, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::sessions::{self, ListedSession, SessionList, SessionQuery};
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// From so many on they are not counted any more.
const COUNTED: u64 = 10_000;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list).no_store();
    r.user(__path_end, end).no_store();
}

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) initial: Cow<'static, str>,
    pub(crate) username: String,
    pub(crate) href: String,
    /// The sessions of the same user.
    pub(crate) of_user: String,
    pub(crate) device: String,
    pub(crate) ip: String,
    pub(crate) way: String,
    pub(crate) apps: String,
    pub(crate) began: TimeElement,
    pub(crate) used: Option<TimeElement>,
    pub(crate) is_current: bool,
    pub(crate) may_end: bool,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/sessions.html")]
pub(crate) struct SessionsPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    /// The user whose sessions are shown, as typed; empty for all.
    pub(crate) user: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) pager: Pager,
    /// Whether those of the user who is named can be ended at once.
    pub(crate) may_end_of_user: bool,
    pub(crate) may_end_all: bool,
    /// Whether the session in use is among them.
    pub(crate) has_current: bool,
    pub(crate) report: Report,
}

only_logo!(SessionsPage);

/// Lists the living sessions that the caller may see.
#[utoipa::path(
    get, path = paths::SESSIONS, tag = "pages", operation_id = "sessions_page",
    params(
        ("user" = Option<String>, Query, description = "Id or name: only those of this user"),
        ("after" = Option<String>, Query, description = "Only sessions that began before this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let report = Report::done(done_here(&call, &actor, paths::SESSIONS).as_deref().and_then(done_words));
    let mut query = call.query();
    let (user, after) = (query.text("user").unwrap_or_default(), query.text("after"));
    query.done_loosely()?;
    page(&call, &actor, user, after, report).await
}

/// The form that ends sessions.
#[derive(Deserialize, ToSchema)]
#[schema(as = SessionsPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct EndForm {
    csrf_token: String,
    /// `end` for one session, `user` for those of a user, `all` for those of everybody. The one in use stays.
    r#do: String,
    /// With `end` and `user`: the id of the user.
    #[schema(required = false)]
    user: String,
    /// With `end`: the id of the session.
    #[schema(required = false)]
    session: String,
    /// The user whose sessions the page shows.
    #[schema(required = false)]
    shown: String,
}

/// Ends sessions.
#[utoipa::path(
    post, path = paths::SESSIONS, tag = "pages", operation_id = "end_sessions_page",
    request_body(content = EndForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn end(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let done = act(&call, &actor, &form);
    match carry_out(&call, &actor, (About::Sessions, &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, form.text("shown").unwrap_or_default(), None, report).await,
    }
}

/// Does what the form asks for; answers where it leads.
async fn act(call: &Call, actor: &Principal, form: &Form) -> Result<String, Error> {
    let ctx = call.context();
    let text = |field: &str| form.text(field).unwrap_or_default();
    let user = || {
        let text = form.text("user").ok_or_else(|| Error::invalid_field("user", "Name a user."))?;
        Ok::<_, Error>(UserRef::parse(&text))
    };
    let done = match text("do").as_str() {
        "end" => {
            sessions::end_session(ctx, actor, &user()?, &text("session")).await.map_err(ended)?;
            "ended"
        }
        "user" => match sessions::end_sessions_of(ctx, actor, &user()?, true).await? {
            0 => "none",
            _ => "user",
        },
        "all" => match sessions::end_all_sessions(ctx, actor, true).await? {
            0 => "none",
            _ => "all",
        },
        _ => return Err(says_nothing()),
    };
    Ok(done_among(call, actor, paths::SESSIONS, done, &[("user", &text("shown"))]))
}

/// Somebody else was faster, or the form was sent twice.
fn ended(error: Error) -> Error {
    if matches!(error, Error::NotFound) {
        return Error::NoSuch("There is no such session any more: it has ended.".to_owned());
    }
    error
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "ended" => "The session is ended.",
        "user" => "The sessions of this user are ended.",
        "all" => "All sessions but yours are ended.",
        "none" => "There was no other session to be ended.",
        _ => return None,
    })
}

async fn page(
    call: &Call,
    actor: &Principal,
    user: String,
    after: Option<String>,
    mut report: Report,
) -> HandlerResult {
    let reference = (!user.is_empty()).then(|| UserRef::parse(&user));
    let is_later = after.is_some();
    let query = SessionQuery { after, limit: Some(ROWS), offset: 0 };
    let found = match &reference {
        Some(reference) => sessions::list_sessions_of(call.context(), actor, reference, query).await,
        None => sessions::list_sessions(call.context(), actor, query).await,
    };
    let found = match found {
        Ok(found) => found,
        // Not allowed to see any: that is a page of its own.
        Err(error @ Error::Forbidden(_)) if reference.is_none() => return Err(error.into()),
        Err(error) => {
            report = report.and(Report::of(error)?);
            SessionList::default()
        }
    };
    let here = |after: &str| with_query(paths::SESSIONS, &[("user", &user), ("after", after)]);
    let next = found.sessions.last().map(|(last, _)| here(last.key.id.as_str()));
    let may_end = |object: &Object<'_>| actor.subject.allows(Action::Delete, object);
    let now = call.now();
    let rows: Vec<Row> = found
        .sessions
        .into_iter()
        .map(|(session, is_current)| {
            let object = Object::new(ResourceType::ApiKey).owner(session.key.user_id.0);
            let may_end = may_end(&object) && !is_current;
            Row { is_current, may_end, ..row(session, now) }
        })
        .collect();
    let look = of_pages(call.context()).await;
    let page = SessionsPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Sessions, None).await?,
        csrf_token: About::Sessions.token(call, actor),
        pager: Pager::at((is_later.then(|| here("")), next), rows.len(), found.count, "session")
            .or_more(found.count >= COUNTED),
        may_end_of_user: reference.is_some() && rows.iter().any(|row| row.may_end),
        may_end_all: reference.is_none() && may_end(&Object::new(ResourceType::ApiKey)),
        has_current: rows.iter().any(|row| row.is_current),
        rows,
        user,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

fn row(session: ListedSession, now: Instant) -> Row {
    let ListedSession { key, username, device, provider, apps } = session;
    Row {
        id: key.id.to_string(),
        user_id: key.user_id.to_string(),
        initial: initial(&username),
        href: path(paths::USER, &[&username]),
        of_user: with_query(paths::SESSIONS, &[("user", &username)]),
        username,
        device: device.unwrap_or_default(),
        ip: key.ip,
        way: provider.unwrap_or_else(|| login_word(key.login_type.as_str(), false).to_owned()),
        apps: apps.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", "),
        began: TimeElement::ago(key.created_at, now),
        used: key.last_used.map(|used| TimeElement::ago(used, now)),
        is_current: false,
        may_end: false,
    }
}
