//! Quotas (`enterprise-identity.md` 2). What a build may spend is decided in [`crate::workspaces`].

use crate::context::{Actor, Context};
use crate::error::Error;
use crate::organizations::{self, OrganizationRef};
use crate::users::reference::resolve;
use crate::users::{UserRef, access};
use doorward_domain::ids::{OrganizationId, UserId, WorkspaceId};
use doorward_domain::quotas::{Budget, Quota};
use doorward_domain::roles::Action;
use doorward_ports::Repositories;

/// What a user spends and may spend in an organization. The user need not belong to it, but the
/// caller must be able to read the user.
pub async fn find(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<Quota, Error> {
    let (actor, organization, user) = (actor.clone(), organization.clone(), user.clone());
    ctx.store
        .read(move |repos| {
            let organization = organizations::resolve(repos, &actor, &organization)?;
            let user = resolve(repos, &actor, &user)?;
            // Oneself too: a credential may not be meant to tell about its user.
            access::may(&actor, Action::Read, &access::user(user.id))
                .map_err(|denied| Error::UserNotFound.unless_scope_is_short(denied))?;
            load(repos, user.id, organization.id, None)
        })
        .await
}

/// The quota of a user in an organization, without what one of the workspaces costs.
pub(crate) fn load(
    repos: &mut dyn Repositories,
    user: UserId,
    organization: OrganizationId,
    except: Option<WorkspaceId>,
) -> Result<Quota, Error> {
    let consumed = repos.quotas().consumed(user, organization, except)?;
    let budget = Budget::Credits(repos.quotas().budget(user, organization)?);
    Ok(Quota { consumed, budget })
}
