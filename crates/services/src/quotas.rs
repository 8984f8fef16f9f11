//! Quotas (`enterprise-identity.md` 2). What a build may spend is decided in [`crate::workspaces`].

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{self, OrganizationRef};
use crate::users::reference::resolve;
use crate::users::{UserRef, access};
use doorward_domain::entitlements::{Feature, Features};
use doorward_domain::ids::{OrganizationId, UserId, WorkspaceId};
use doorward_domain::quotas::{Budget, Quota};
use doorward_domain::roles::Action;
use doorward_domain::users::User;
use doorward_ports::Repositories;

/// What a user spends and may spend in an organization. The user need not belong to it, but the
/// caller must be able to read the user.
///
/// Needs `organization:read` and `user:read`. Errors: `OrganizationNotFound` and `UserNotFound` (missing or not
/// readable), `Forbidden` (only the scope is too short).
pub async fn find(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<Quota, Error> {
    let (organization, user) = (organization.clone(), user.clone());
    ctx.look(actor, move |look| {
        let organization = organizations::resolve(look.repos, look.by, &organization)?;
        let user = resolve(look.repos, look.by, &user)?;
        // Oneself too: a credential may not be meant to tell about its user.
        access::may(look.by, Action::Read, &access::user(user.id))
            .map_err(|denied| Error::UserNotFound.unless_scope_is_short(denied))?;
        load(look.repos, look.licensed, user.id, organization.id, None)
    })
    .await
}

/// Somebody who is about to spend. The user is held, so that of several builds of one owner each sees what those before
/// it spent: whoever wants to spend of the same quota waits for the end of the transaction, and nobody has to do it again.
///
/// What may be spent is not held: the sum of the allowances is read at one moment, and until the end of the transaction
/// nothing else is spent. So it is as if all of it had happened at that moment, whoever changes groups meanwhile.
pub(crate) struct Spender(User);

impl Spender {
    /// Waits until nobody else spends what this user has. `None` when there is no such user; deleted ones count.
    pub(crate) fn hold(repos: &mut dyn Repositories, user: UserId) -> Result<Option<Self>, Error> {
        Ok(repos.users().find_for_update(user)?.map(Self))
    }

    /// Who that is.
    pub(crate) const fn user(&self) -> &User {
        &self.0
    }

    /// What the user may still spend in the organization, apart from what this workspace costs.
    pub(crate) fn quota(
        &self,
        repos: &mut dyn Repositories,
        licensed: Features,
        organization: OrganizationId,
        except: WorkspaceId,
    ) -> Result<Quota, Error> {
        load(repos, licensed, self.0.id, organization, Some(except))
    }
}

/// The quota of a user in an organization, without what one of the workspaces costs. Without a licence for groups there is no limit.
fn load(
    repos: &mut dyn Repositories,
    licensed: Features,
    user: UserId,
    organization: OrganizationId,
    except: Option<WorkspaceId>,
) -> Result<Quota, Error> {
    let consumed = repos.quotas().consumed(user, organization, except)?;
    let budget = if licensed.contains(Feature::TemplateRbac) {
        Budget::Credits(repos.quotas().budget(user, organization)?)
    } else {
        Budget::Unlimited
    };
    Ok(Quota { consumed, budget })
}
