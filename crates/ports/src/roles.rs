//! Custom roles.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{CustomRoleId, OrganizationId};
use doorward_domain::roles::{CustomRole, Permit, RoleName, action, resource};

/// Stores custom roles.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RoleRepository {
    /// The custom roles of these names; names that resolve to nothing are left out.
    fn find_custom(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError>;
    /// The same with a row lock on each (`FOR KEY SHARE`) until the transaction ends: whoever wants to delete one waits for
    /// that. For giving them to somebody.
    fn find_custom_for_key_share(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError>;
    /// Takes an advisory lock: until the transaction ends, nobody else gets past this. To be called before anything else by whoever defines custom
    /// roles: of two who take the rights from each other by that, the second then sees what the first did.
    fn lock_definitions(&mut self) -> Result<(), StoreError>;
    /// The custom role of this name with its id, and a row lock (`FOR UPDATE`) until the transaction ends.
    fn find_custom_for_update(&mut self, name: &RoleName) -> Result<Option<(CustomRoleId, CustomRole)>, StoreError>;
    /// The custom roles of an organization, or of the whole site, by name.
    fn list_custom(&mut self, organization: Option<OrganizationId>) -> Result<Vec<CustomRole>, StoreError>;
    /// Adds a custom role to an organization. May answer `Conflict::RoleName`, whatever the place of the other role is,
    /// and `Conflict::OrganizationDeleted` when the organization has gone.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::AssignOrgRole>,
        id: CustomRoleId,
        role: &CustomRole,
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Replaces the display name and the permissions of the role that has this id. `false` when there is none.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::AssignOrgRole>,
        id: CustomRoleId,
        role: &CustomRole,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Deletes a role of an organization, and takes it from every member there; their other roles stay. `false` when
    /// there is none.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::AssignOrgRole>,
        name: &RoleName,
        now: Instant,
    ) -> Result<bool, StoreError>;
}
