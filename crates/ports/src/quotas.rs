//! Quotas.

use crate::StoreError;
use doorward_domain::ids::{OrganizationId, UserId, WorkspaceId};

/// Adds up what users spend and may spend.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait QuotaRepository {
    /// Sum of the daily costs of the latest builds of the living workspaces of a user in an organization; `except` this
    /// one of them.
    fn consumed(
        &mut self,
        owner: UserId,
        organization: OrganizationId,
        except: Option<WorkspaceId>,
    ) -> Result<i64, StoreError>;
    /// Sum of the allowances of the groups that a user is in there, Everyone included if the user is a member. 0 without
    /// any group.
    fn budget(&mut self, user: UserId, organization: OrganizationId) -> Result<i64, StoreError>;
}
