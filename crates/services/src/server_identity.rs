//! Which server this is.

use doorward_domain::ids::ReplicaId;
use uuid::Uuid;

/// Which server of which deployment this is: what stays the same from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// Tells the deployment from others.
    pub deployment_id: Uuid,
    /// Tells the server from others of the deployment, and from what it was before its last start.
    pub replica_id: ReplicaId,
    /// The name of its machine.
    pub hostname: String,
    /// What it is said to be: the release of Coder whose API is spoken, then our own version.
    pub version: String,
}

/// That of nobody: for tests, and for commands, which are no servers.
impl Default for ServerIdentity {
    fn default() -> Self {
        Self { deployment_id: Uuid::nil(), replica_id: ReplicaId::NIL, hostname: String::new(), version: String::new() }
    }
}
