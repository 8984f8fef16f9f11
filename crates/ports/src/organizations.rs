//! Organizations and members.

use crate::StoreError;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{Permit, action, resource};

/// Stores organizations and who belongs to them.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait OrganizationRepository {
    /// The organization with this id, unless it is deleted.
    fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// The organization with this name, without regard to letter case, unless it is deleted.
    fn find_by_name(&mut self, name: &str) -> Result<Option<Organization>, StoreError>;
    /// The default organization; `None` only before the first start.
    fn find_default(&mut self) -> Result<Option<Organization>, StoreError>;
    /// The organizations of a user, by name.
    fn list_of_user(&mut self, user: UserId) -> Result<Vec<Organization>, StoreError>;
    /// Adds an organization together with its group Everyone. May answer `Conflict::OrganizationName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Organization>,
        organization: &Organization,
    ) -> Result<(), StoreError>;
    /// Adds a member. May answer `Conflict::Membership`.
    fn insert_member(
        &mut self,
        permit: &Permit<action::Create, resource::OrganizationMember>,
        membership: &Membership,
    ) -> Result<(), StoreError>;
    /// The memberships of a user, by organization id.
    fn list_memberships(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError>;
    /// The memberships of several users at once, by user and organization id.
    fn list_memberships_of(&mut self, users: &[UserId]) -> Result<Vec<Membership>, StoreError>;
}
