//! Workspace proxies.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspace_proxies::WorkspaceProxy;

/// Stores workspace proxies.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait WorkspaceProxyRepository {
    /// The proxies that are not deleted, in the order in which they were made.
    fn list(&mut self) -> Result<Vec<WorkspaceProxy>, StoreError>;
    /// The proxy with this id, deleted ones included.
    fn find(&mut self, id: WorkspaceProxyId) -> Result<Option<WorkspaceProxy>, StoreError>;
    /// The proxy with this id, deleted ones included, and a row lock until the transaction ends.
    fn find_for_update(&mut self, id: WorkspaceProxyId) -> Result<Option<WorkspaceProxy>, StoreError>;
    /// The proxy with this name, unless it is deleted. Letter case matters.
    fn find_by_name(&mut self, name: &str) -> Result<Option<WorkspaceProxy>, StoreError>;
    /// The number of the region of the next proxy, from 1 on. Nobody else gets one until the transaction ends.
    fn next_region_number(&mut self) -> Result<i32, StoreError>;
    /// Adds a proxy. May answer `Conflict::ProxyName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::WorkspaceProxy>,
        proxy: &WorkspaceProxy,
    ) -> Result<(), StoreError>;
    /// Stores all that can change of a proxy; `false` when there is none or it is deleted. May answer `Conflict::ProxyName`.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::WorkspaceProxy>,
        proxy: &WorkspaceProxy,
    ) -> Result<bool, StoreError>;
    /// Marks a proxy as deleted; `false` when there is none or it is already.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::WorkspaceProxy>,
        id: WorkspaceProxyId,
        now: Instant,
    ) -> Result<bool, StoreError>;
}
