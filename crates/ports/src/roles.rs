//! Custom roles.

use crate::StoreError;
use doorward_domain::roles::{CustomRole, RoleName};

/// Stores custom roles.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RoleRepository {
    /// The custom roles of these names; names that resolve to nothing are left out.
    fn find_custom(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError>;
}
