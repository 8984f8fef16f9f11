//! Replicas: the servers of a deployment, and those of its workspace proxies (`enterprise-platform.md` 7).
//!
//! Each writes a row when it starts and renews it while it lives. Whoever has not renewed it for [`FRESH`] is gone, however it ended.

use crate::Instant;
use crate::ids::{ReplicaId, WorkspaceProxyId};
use time::Duration;

/// How often a server renews its row and looks for others.
pub const SYNC_EVERY: Duration = Duration::seconds(5);
/// For how long a replica counts as alive after it was last heard of.
pub const FRESH: Duration = Duration::seconds(15);
/// Longest name of a host and longest address of a relay, in bytes.
pub const MACHINE_TEXT_MAX: usize = 255;
/// Longest error, in bytes.
pub const ERROR_MAX: usize = 1000;

/// One server, from its start to its end. Times are those of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its id, another one at each start.
    pub id: ReplicaId,
    /// The workspace proxy that it belongs to; `None` for a server of the deployment itself.
    pub proxy_id: Option<WorkspaceProxyId>,
    /// When it was first heard of.
    pub created_at: Instant,
    /// When it started.
    pub started_at: Instant,
    /// When it was stopped; `None` while it lives.
    pub stopped_at: Option<Instant>,
    /// When it was last heard of.
    pub updated_at: Instant,
    /// The name of its machine.
    pub hostname: String,
    /// The region of the relay network in which it stands.
    pub region_id: i32,
    /// Where others reach it directly: a URL, or empty.
    pub relay_address: String,
    /// Its version.
    pub version: String,
    /// What it has to complain of, or empty.
    pub error: String,
    /// How long the database takes to answer it.
    pub database_latency: Duration,
}

impl Replica {
    /// Whether the server `own` and this one are to reach each other: another server of the deployment, with an address.
    #[must_use]
    pub fn is_peer_of(&self, own: ReplicaId) -> bool {
        self.id != own && self.proxy_id.is_none() && !self.relay_address.is_empty()
    }

    /// Whether it counts as a server of the deployment for licences: after a minute, so that restarts of one are not two.
    #[must_use]
    pub fn counts_at(&self, now: Instant) -> bool {
        self.proxy_id.is_none() && now - self.started_at >= Duration::MINUTE
    }
}

/// What a replica says of itself each time that it is heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its id.
    pub id: ReplicaId,
    /// The workspace proxy that it belongs to.
    pub proxy_id: Option<WorkspaceProxyId>,
    /// The name of its machine.
    pub hostname: String,
    /// The region of the relay network in which it stands.
    pub region_id: i32,
    /// Where others reach it directly: a URL, or empty.
    pub relay_address: String,
    /// Its version.
    pub version: String,
    /// What it has to complain of, or empty. Of a replica that was not heard of before it is not kept: it has not tried anything yet.
    pub error: String,
    /// How long the database takes to answer it.
    pub database_latency: Duration,
}

/// The complaint of a server that does not reach others, for these reasons; empty without any. It has at most [`ERROR_MAX`] bytes.
///
/// ```
/// use doorward_domain::replicas::dial_error;
/// assert_eq!(dial_error(&[]), "");
/// assert_eq!(dial_error(&["a: refused".to_owned(), "b: silent".to_owned()]), "Failed to dial peers: a: refused; b: silent");
/// ```
#[must_use]
pub fn dial_error(failures: &[String]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    shortened(&format!("Failed to dial peers: {}", failures.join("; ")), ERROR_MAX)
}

/// As much of a text as fits into so many bytes.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn replica(id: u128) -> Replica {
        let at = Instant::UNIX_EPOCH;
        Replica {
            id: ReplicaId(Uuid::from_u128(id)),
            proxy_id: None,
            created_at: at,
            started_at: at,
            stopped_at: None,
            updated_at: at,
            hostname: "a".to_owned(),
            region_id: 999,
            relay_address: "http://10.0.0.1:3000".to_owned(),
            version: "1".to_owned(),
            error: String::new(),
            database_latency: Duration::ZERO,
        }
    }

    #[test]
    fn peers_are_other_servers_of_the_deployment_with_an_address() {
        let (own, other) = (replica(1).id, replica(2));
        assert!(other.is_peer_of(own) && !replica(1).is_peer_of(own));
        assert!(!Replica { relay_address: String::new(), ..other.clone() }.is_peer_of(own));
        assert!(!Replica { proxy_id: Some(WorkspaceProxyId::NIL), ..other }.is_peer_of(own));
    }

    #[test]
    fn a_complaint_is_bounded_and_stays_text() {
        let told = dial_error(&["é".repeat(ERROR_MAX)]);
        assert!(told.len() <= ERROR_MAX && told.ends_with('é'), "{}", told.len());
        assert_eq!(shortened("aé", 2), "a");
        assert_eq!(shortened("aé", 3), "aé");
    }
}
