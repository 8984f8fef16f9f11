//! The servers of the deployment and of its workspace proxies.
//!
//! Every time stored here is read from the clock of the database, for those of servers differ.

use crate::StoreError;
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::replicas::{Heartbeat, Replica};
use doorward_domain::roles::{Permit, action, resource};
use time::Duration;

/// Stores who lives.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ReplicaRepository {
    /// Notes that a replica was heard of, and makes its row if there is none. `false`, and nothing written, when it has been stopped,
    /// or when the row of its id is of another proxy.
    fn beat(&mut self, permit: &Permit<action::Update, resource::System>, beat: &Heartbeat)
    -> Result<bool, StoreError>;

    /// Notes that a replica of this proxy (`None`: of the deployment) has ended. `false` when it has ended already, or there is none.
    fn stop(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        proxy: Option<WorkspaceProxyId>,
        id: ReplicaId,
    ) -> Result<bool, StoreError>;

    /// A replica by its id, whether or not it lives.
    fn find(&mut self, id: ReplicaId) -> Result<Option<Replica>, StoreError>;

    /// The replicas that have not ended and were heard of within this time, those that came first at the front.
    fn list_live(&mut self, within: Duration) -> Result<Vec<Replica>, StoreError>;
}
