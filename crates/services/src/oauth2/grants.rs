//! Grants: which apps may act for whom, and revocation, by users and by those who look after them.

use super::shown_app::ShownApp;
use crate::audit::{Audited, Diff, Snapshot};
use crate::sessions::in_person::InPerson;
use crate::users::UserRef;
use crate::users::reference::resolve;
use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, GrantId, UserId};
use doorward_domain::oauth2::{App, Grant};
use doorward_domain::openid::{AppProfile, AppRules};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, Object, ResourceType, System, action, resource};
use doorward_ports::oauth2::{AuthorizedGrant, GrantFilter};
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};

/// A live grant, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MyGrant {
    /// The grant.
    pub grant: Grant,
    /// The app that may act.
    pub app: ShownApp,
    /// When its access token was last used, to the hour.
    pub last_used: Option<Instant>,
}

pub use doorward_ports::oauth2::{GrantPage, ListedGrant};

/// Grants of a page for which no limit is asked.
const PAGE_DEFAULT: u32 = 100;
/// Most grants of a page.
const PAGE_MAX: u32 = 1000;

/// The live grants of the actor, newest first.
///
/// Needs `oauth2_app_code_token:read` on those of the caller. Errors: `Refused` (a caller without an account),
/// `Forbidden`.
pub async fn list_mine(ctx: &Context, actor: &Principal) -> Result<Vec<MyGrant>, Error> {
    let user = actor.account()?.user.id;
    actor.subject.check(Action::Read, &grants_of(user))?;
    ctx.look(actor, move |look| {
        let found = look.repos.grants().list_of_user(user, look.now)?;
        let apps: Vec<AppId> = found.iter().map(|one| one.app.id).collect::<BTreeSet<_>>().into_iter().collect();
        let rules: BTreeMap<AppId, AppRules> = look.repos.openid().list_rules(&apps)?.into_iter().collect();
        let plain = AppProfile::default();
        let profile = |app: &App| rules.get(&app.id).map_or(&plain, |rules| &rules.profile);
        let mine = |AuthorizedGrant { grant, app, last_used }| MyGrant {
            grant,
            app: ShownApp::of(&app, profile(&app)),
            last_used,
        };
        Ok(found.into_iter().map(mine).collect())
    })
    .await
}

/// The live grants of a user, newest first.
///
/// Needs `oauth2_app_code_token:read` on those of the user, and `user:read` if that is somebody else. Errors: `UserNotFound`
/// (missing or not readable), `Forbidden`.
pub async fn list_of_user(ctx: &Context, actor: &Principal, user: &UserRef, page: Page) -> Result<GrantPage, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?.id;
        look.by.subject.check(Action::Read, &grants_of(user))?;
        let visible = look.by.subject.list_filter(Action::Read, ResourceType::Oauth2AppCodeToken);
        let filter = GrantFilter { user: Some(user), app: None };
        let page = look.repos.grants().list(filter, &visible, bounded(page), look.now)?;
        page.ok_or_else(|| Error::page_is_gone("grant"))
    })
    .await
}

/// The live grants for an app, newest first, as far as the caller may read them.
///
/// Needs `oauth2_app:read`; shows what `oauth2_app_code_token:read` reaches. Errors: `Forbidden`, `NotFound` (no such app).
pub async fn list_of_app(ctx: &Context, actor: &Principal, app: AppId, page: Page) -> Result<GrantPage, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>().id(app.0))?;
    let visible = actor.subject.list_filter(Action::Read, ResourceType::Oauth2AppCodeToken);
    if visible.is_never() {
        actor.subject.check(Action::Read, &Object::of::<resource::Oauth2AppCodeToken>())?;
    }
    ctx.look(actor, move |look| {
        look.repos.apps().find(app)?.ok_or(Error::NotFound)?;
        let filter = GrantFilter { user: None, app: Some(app) };
        let page = look.repos.grants().list(filter, &visible, bounded(page), look.now)?;
        page.ok_or_else(|| Error::page_is_gone("grant"))
    })
    .await
}

fn bounded(page: Page) -> Page {
    let limit = page.limit.filter(|limit| *limit > 0).unwrap_or(PAGE_DEFAULT).min(PAGE_MAX);
    Page { limit: Some(limit), ..page }
}

/// Ends one grant, of the caller or of somebody else. The app has to ask that user anew.
///
/// Needs `oauth2_app_code_token:read` and `oauth2_app_code_token:delete` on it. Errors: `NotFound` (missing, or not readable),
/// `Forbidden`, `Refused` (asked by another app).
pub async fn revoke(ctx: &Context, actor: &Principal, id: GrantId) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let grant = deed.repos.grants().find(id)?.ok_or(Error::NotFound)?;
        let object = grants_of(grant.user_id).id(id.0);
        let readable = deed.by.subject.check(Action::Read, &object);
        readable.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let permit = deed.by.permit::<action::Delete, resource::Oauth2AppCodeToken>(&object)?;
        deed.by.in_person_unless(grant.app_id, InPerson::EndGrant)?;
        let because = System::because("whoever takes an access back wants to be asked");
        deed.repos.codes().delete_of_user_and_app(&because.permit(), grant.user_id, grant.app_id)?;
        // Of two who end it at once, one has.
        if !deed.repos.grants().delete(&permit, grant.id)? {
            return Err(Error::NotFound);
        }
        deed.repos.openid().delete_consents(&because.permit(), grant.user_id, grant.app_id)?;
        Ok(deed.entry().answering(204).ended(&grant)?.answer(()))
    })
    .await
}

/// Ends all that an app was allowed: its grants of all users, its codes, the tokens of its service account. Answers how many grants
/// they were.
///
/// Needs `oauth2_app:read`, and `oauth2_app_code_token:delete` on all there are. Errors: `Forbidden`, `NotFound` (no such app),
/// `Refused` (asked by an app).
pub async fn revoke_of_app(ctx: &Context, actor: &Principal, app: AppId) -> Result<usize, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>().id(app.0))?;
    let all = Object::of::<resource::Oauth2AppCodeToken>();
    let permit = actor.permit::<action::Delete, resource::Oauth2AppCodeToken>(&all)?;
    actor.in_person(InPerson::EndGrant)?;
    ctx.act(actor, move |deed| {
        let app = deed.repos.apps().find(app)?.ok_or(Error::NotFound)?;
        let ended = deed.repos.grants().delete_of_app(&permit, app.id)?;
        let about = Map::from_iter([("grants".to_owned(), ended.into())]);
        let recorded = deed.entry().with(about).noted(AuditAction::Delete, 200, &AllGrants(&app), Diff::default())?;
        Ok(recorded.answer(ended))
    })
    .await
}

/// Withdraws an app: all its grants and codes of the actor end (`oauth2.md` 12). It is no error when there were none.
///
/// Needs `oauth2_app_code_token:delete` on those of the caller. Errors: `Refused` (a caller without an account, or
/// another app), `Forbidden`.
pub async fn withdraw(ctx: &Context, actor: &Principal, app: &App) -> Result<(), Error> {
    let user = actor.account()?.user.id;
    let permit = actor.permit::<action::Delete, resource::Oauth2AppCodeToken>(&grants_of(user))?;
    actor.in_person_unless(app.id, InPerson::EndGrant)?;
    let app = app.clone();
    ctx.act(actor, move |deed| {
        let ended = deed.repos.grants().delete_of_user_and_app(&permit, user, app.id)?;
        deed.repos.openid().delete_consents(&permit, user, app.id)?;
        if ended == 0 {
            return Ok(deed.unrecorded("there were none", ()));
        }
        let about = Map::from_iter([("grants".to_owned(), ended.into())]);
        let recorded = deed.entry().with(about).noted(AuditAction::Delete, 204, &AllGrants(&app), Diff::default())?;
        Ok(recorded.answer(()))
    })
    .await
}

fn grants_of(user: UserId) -> Object<'static> {
    Object::of::<resource::Oauth2AppCodeToken>().owner(user.0)
}

/// All grants of a user for an app: one record, under the id of the app.
struct AllGrants<'a>(&'a App);

impl Audited for AllGrants<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderGrant
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }

    fn target(&self) -> String {
        self.0.name.clone()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}
