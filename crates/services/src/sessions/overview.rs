//! Sessions as others look at them and end them: of a user, of everybody.

use super::keys::{may_end, parse_id, readable_key};
use crate::Principal;
use crate::audit::{Audited, Diff, Snapshot};
use crate::context::Context;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use crate::users::reference::{resolve, resolve_live};
use crate::users::{UserRef, access};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::roles::{Action, Object, ResourceType, ScopeName, System, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::User;
use doorward_ports::sessions::{ListedSession, SessionFilter, SessionPage};
use serde_json::Map;

/// Sessions of a page for which no limit is asked.
const PAGE_DEFAULT: u32 = 100;
/// Most sessions of a page.
const PAGE_MAX: u32 = 1000;

/// Which part of the list of sessions is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionQuery {
    /// Those behind this session, which began earlier.
    pub after: Option<String>,
    /// At most so many; `None` means a hundred.
    pub limit: Option<u32>,
    /// So many are left out at the start.
    pub offset: u32,
}

/// A page of sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionList {
    /// The sessions, each with whether it is the one in use.
    pub sessions: Vec<(ListedSession, bool)>,
    /// How many match; exact up to ten thousand more than the offset.
    pub count: u64,
}

/// Lists the living sessions of all users, as far as the caller may read them.
///
/// Shows what `api_key:read` reaches: ordinary users see their own. Errors: `Forbidden` (none at all).
pub async fn list_sessions(ctx: &Context, actor: &Principal, query: SessionQuery) -> Result<SessionList, Error> {
    let visible = actor.subject.list_filter(Action::Read, ResourceType::ApiKey);
    if visible.is_never() {
        actor.subject.check(Action::Read, &Object::of::<resource::ApiKey>())?;
    }
    list(ctx, actor, None, query).await
}

/// Lists the living sessions of a user.
///
/// Needs `api_key:read` on those of the user, and `user:read` if that is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `Forbidden`.
pub async fn list_sessions_of(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    query: SessionQuery,
) -> Result<SessionList, Error> {
    list(ctx, actor, Some(user.clone()), query).await
}

async fn list(
    ctx: &Context,
    actor: &Principal,
    user: Option<UserRef>,
    query: SessionQuery,
) -> Result<SessionList, Error> {
    let limit = query.limit.filter(|limit| *limit > 0).unwrap_or(PAGE_DEFAULT).min(PAGE_MAX);
    ctx.look(actor, move |look| {
        let user = match user {
            None => None,
            Some(reference) => {
                let user = resolve(look.repos, look.by, &reference)?.id;
                access::may(look.by, Action::Read, &access::keys_of(user))?;
                Some(user)
            }
        };
        let gone = || Error::page_is_gone("session");
        let after = query.after.map(ApiKeyId::new).transpose().map_err(|_no_id| gone())?;
        let visible = look.by.subject.list_filter(Action::Read, ResourceType::ApiKey);
        let filter = SessionFilter { user, after, limit, offset: query.offset };
        let page = look.repos.sessions().list(&filter, &visible, look.now)?;
        let SessionPage { sessions, count } = page.ok_or_else(gone)?;
        let current = look.by.as_account().map(|account| &account.key.id);
        let marked = |session: ListedSession| {
            let is_current = Some(&session.key.id) == current;
            (session, is_current)
        };
        Ok(SessionList { sessions: sessions.into_iter().map(marked).collect(), count })
    })
    .await
}

/// Ends a session of a user, as signing out there would: apps that were told of it are told of its end.
///
/// Needs `api_key:read` and `api_key:delete`, and `user:read` if the user is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `NotFound` (no session, of another user, or not readable), `Forbidden`, `Refused` (asked by an app).
pub async fn end_session(ctx: &Context, actor: &Principal, user: &UserRef, id: &str) -> Result<(), Error> {
    let (reference, id) = (user.clone(), parse_id(id)?);
    ctx.act(actor, move |deed| {
        let key = readable_key(deed.repos, deed.by, &reference, &id)?;
        if !key.is_session() {
            return Err(Error::NotFound);
        }
        may_end(deed.by, &key)?;
        let permit = deed.by.permit::<action::Delete, resource::ApiKey>(&access::key(&key))?;
        deed.ends_sessions();
        if !deed.repos.api_keys().delete(&permit, &key.id)? {
            return Err(Error::NotFound);
        }
        let because = System::because("as whenever somebody signs out");
        deed.repos.api_keys().delete_of_scope(&because.permit(), key.user_id, ScopeName::APPLICATION_CONNECT)?;
        Ok(deed.ended(&key)?.answer(()))
    })
    .await
}

/// Ends the sessions of a user, all or (`except_current`) all but the one in use, and answers how many they were. API tokens and
/// what apps hold stay, but for the apps that end with a session.
///
/// Needs `api_key:delete` on those of the user, and `user:read` if that is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `Forbidden`, `Refused` (asked by an app).
pub async fn end_sessions_of(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    except_current: bool,
) -> Result<usize, Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let user = resolve_live(deed.repos, deed.by, &reference)?;
        let permit = deed.by.permit::<action::Delete, resource::ApiKey>(&access::keys_of(user.id))?;
        deed.by.in_person(InPerson::EndKey)?;
        // Nobody signs in as this user until the transaction ends.
        deed.repos.users().find_for_update(user.id)?;
        let current = current(deed.by, except_current);
        deed.ends_sessions();
        let ended = deed.repos.sessions().delete_of_user(&permit, user.id, current)?;
        let because = System::because("as whenever somebody signs out");
        deed.repos.api_keys().delete_of_scope(&because.permit(), user.id, ScopeName::APPLICATION_CONNECT)?;
        if ended == 0 {
            return Ok(deed.unrecorded("there were none", 0));
        }
        let about = Map::from_iter([("sessions".to_owned(), ended.into())]);
        let entry = deed.entry().with(about);
        Ok(entry.noted(AuditAction::Delete, 200, &Sessions(Some(&user)), Diff::default())?.answer(ended))
    })
    .await
}

/// Ends the sessions of everybody, all or (`except_current`) all but the one in use, and answers how many they were. API tokens and
/// what apps hold stay, but for the apps that end with a session.
///
/// Needs `api_key:delete` on all there are. Errors: `Forbidden`, `Refused` (asked by an app).
pub async fn end_all_sessions(ctx: &Context, actor: &Principal, except_current: bool) -> Result<usize, Error> {
    let permit = actor.permit::<action::Delete, resource::ApiKey>(&Object::of::<resource::ApiKey>())?;
    actor.in_person(InPerson::EndKey)?;
    ctx.act(actor, move |deed| {
        let current = current(deed.by, except_current);
        deed.ends_sessions();
        let ended = deed.repos.sessions().delete_all(&permit, current)?;
        if ended == 0 {
            return Ok(deed.unrecorded("there were none", 0));
        }
        let about = Map::from_iter([("sessions".to_owned(), ended.into())]);
        let entry = deed.entry().with(about);
        Ok(entry.noted(AuditAction::Delete, 200, &Sessions(None), Diff::default())?.answer(ended))
    })
    .await
}

/// The key in use, if it is to be kept.
fn current(actor: &Principal, is_kept: bool) -> Option<ApiKeyId> {
    actor.as_account().filter(|_| is_kept).map(|account| account.key.id.clone())
}

/// The sessions of a user, or of everybody: one record.
struct Sessions<'a>(Option<&'a User>);

impl Audited for Sessions<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::ApiKey
    }

    fn id(&self) -> String {
        self.0.map(|user| user.id.to_string()).unwrap_or_default()
    }

    fn target(&self) -> String {
        let of = self.0.map_or("everybody", |user| user.username.as_str());
        format!("the sessions of {of}")
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}
