//! What a sync would do, without doing it.

use super::scene::{Hold, Scene, Trial};
use super::{check, object};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::identity_providers::settings::OidcSettings;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::identity_providers::GroupsMissing;
use doorward_domain::idp_sync::{Plan, SyncClaims, Unsyncable};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::Action;
use doorward_domain::user_links::UserLink;
use doorward_domain::users::{LoginType, User};
use doorward_ports::Repositories;
use std::collections::BTreeMap;

/// What is to be tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DryRun {
    /// The claims; `None` are those of the last sign-in of the user.
    pub claims: Option<SyncClaims>,
    /// Who would sign in; `None` is somebody who has nothing yet.
    pub user: Option<UserRef>,
    /// Settings that are tried in the place of those that hold.
    pub settings: Trial,
}

/// What would come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunResult {
    /// Who would sign in.
    pub user: Option<UserId>,
    /// What would be gained and lost, or why nobody would be signed in.
    pub plan: Result<Plan, Unsyncable>,
    /// The names of the organizations that it speaks of; those that are not there have none.
    pub organizations: BTreeMap<OrganizationId, String>,
}

/// What the provider said at the last sign-in of a user with OpenID Connect. Errors: `Invalid` (`claims`).
fn last_claims(repos: &mut dyn Repositories, user: &User, oidc: &OidcSettings) -> Result<SyncClaims, Error> {
    let links = repos.user_links().list_of_user(user.id)?;
    let is_followed = |link: &UserLink| link.is_main && link.login_type == LoginType::Oidc;
    let last = links.into_iter().filter(is_followed).max_by_key(|link| link.updated_at);
    let none = || Error::invalid_field("claims", "is required, for the user has not signed in with OpenID Connect yet");
    let last = last.ok_or_else(none)?;
    let keeps = oidc
        .providers
        .iter()
        .any(|provider| provider.name == last.provider && provider.groups_missing() == GroupsMissing::Keep);
    let claims = SyncClaims::new(last.claims);
    Ok(if keeps { claims.keeping_absent() } else { claims })
}

/// Says what a sign-in would change, and writes nothing.
///
/// Needs `idpsync_settings:read`, and `user:read` for the user. Errors: `Forbidden`, `UserNotFound` (missing or not readable),
/// `Invalid` (`claims`; settings that could not be stored).
pub async fn dry_run(ctx: &Context, actor: &Principal, trial: DryRun) -> Result<DryRunResult, Error> {
    let DryRun { claims, user, settings: tried } = trial;
    let (settings, oidc) = (ctx.settings.idp_sync.clone(), ctx.settings.oidc.clone());
    ctx.look(actor, move |look| {
        access::may(look.by, Action::Read, &object(None))?;
        let user = user.map(|reference| resolve_live(look.repos, look.by, &reference)).transpose()?;
        if let Some(tried) = &tried.organizations {
            check(tried)?;
        }
        tried.groups.values().try_for_each(check)?;
        tried.roles.values().try_for_each(check)?;
        let claims = match (claims, &user) {
            (Some(claims), _) => claims,
            (None, None) => return Err(Error::invalid_field("claims", "is required unless a user is named")),
            (None, Some(user)) => last_claims(look.repos, user, &oidc)?,
        };
        let scene = Scene::load(look.repos, &settings, user.as_ref(), &claims, (tried, Hold::No))?;
        Ok(DryRunResult {
            user: user.map(|user| user.id),
            plan: scene.plan(&claims),
            organizations: scene.known.organizations,
        })
    })
    .await
}
