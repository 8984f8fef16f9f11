//! Grants of a user: which apps may act for them, and revocation by the user.

use super::shown_app::ShownApp;
use crate::audit::{Audited, Diff, Snapshot};
use crate::sessions::in_person::InPerson;
use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, GrantId, UserId};
use doorward_domain::oauth2::{App, Grant};
use doorward_domain::openid::{AppProfile, AppRules};
use doorward_domain::roles::{Action, Object, action, resource};
use doorward_ports::oauth2::AuthorizedGrant;
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

/// Ends one grant of the actor; somebody else's looks like none.
///
/// Needs `oauth2_app_code_token:delete` on those of the caller. Errors: `Refused` (a caller without an account, or
/// another app), `Forbidden`, `NotFound` (missing, or somebody else's).
pub async fn revoke(ctx: &Context, actor: &Principal, id: GrantId) -> Result<(), Error> {
    let user = actor.account()?.user.id;
    let permit = actor.permit::<action::Delete, resource::Oauth2AppCodeToken>(&grants_of(user))?;
    ctx.act(actor, move |deed| {
        let is_mine = |grant: &Grant| grant.user_id == user;
        let grant = deed.repos.grants().find(id)?.filter(is_mine).ok_or(Error::NotFound)?;
        deed.by.in_person_unless(grant.app_id, InPerson::EndGrant)?;
        let end = deed.by.permit::<action::Delete, resource::Oauth2AppCodeToken>(&grants_of(user).id(id.0))?;
        // Of two who end it at once, one has.
        if !deed.repos.grants().delete(&end, grant.id)? {
            return Err(Error::NotFound);
        }
        // Whoever takes an access back wants to be asked.
        deed.repos.openid().delete_consents(&permit, user, grant.app_id)?;
        Ok(deed.ended(&grant)?.answer(()))
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
