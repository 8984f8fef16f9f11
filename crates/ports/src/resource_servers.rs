//! Resources that owners have registered.

use crate::StoreError;
use doorward_domain::ids::ResourceServerId;
use doorward_domain::oauth2::ResourceServer;
use doorward_domain::roles::{Permit, action, resource};

/// Stores registered resources.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ResourceServerRepository {
    /// All, by identifier.
    fn list(&mut self) -> Result<Vec<ResourceServer>, StoreError>;
    /// The one of this id.
    fn find(&mut self, id: ResourceServerId) -> Result<Option<ResourceServer>, StoreError>;
    /// Adds one; `false`, and nothing written, when there is one of that identifier.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        server: &ResourceServer,
    ) -> Result<bool, StoreError>;
    /// Replaces the rules and the time of the last change. `false` when it is gone.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        server: &ResourceServer,
    ) -> Result<bool, StoreError>;
    /// Removes one. `false` when there is none.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2App>,
        id: ResourceServerId,
    ) -> Result<bool, StoreError>;
}
