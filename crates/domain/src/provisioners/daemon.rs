//! Daemons.

use crate::Instant;
use crate::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId};
use crate::provisioners::tags::Tags;
use crate::text_enum::text_enum;
use std::collections::BTreeSet;
use time::Duration;

/// Who was not seen for longer is offline.
pub const OFFLINE_AFTER: Duration = Duration::seconds(90);
/// Whom lists by key show: those that were seen within this time.
pub const RECENT: Duration = Duration::minutes(3);
/// For so long after it was seen last a daemon is remembered.
pub const KEPT: Duration = Duration::days(7);
/// Longest name of a daemon, in bytes.
pub const DAEMON_NAME_MAX: usize = 128;
/// Most daemons of one organization that are remembered, without those of its users.
pub const DAEMONS_MAX: i64 = 5000;
/// Most daemons of one user in an organization that are remembered: anybody may start some, and all see them.
pub const DAEMONS_OF_USER_MAX: i64 = 20;

text_enum! {
    /// What a daemon can provision with.
    ProvisionerType {
        /// Terraform.
        Terraform = "terraform",
        /// Nothing: for tests.
        Echo = "echo",
    }
}

text_enum! {
    /// What a daemon is doing.
    DaemonStatus {
        /// It was not seen for a while.
        Offline = "offline",
        /// It waits for a job.
        Idle = "idle",
        /// It has a job.
        Busy = "busy",
    }
}

/// A daemon: what is remembered of the connections of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerDaemon {
    /// Its id, which stays while it is remembered.
    pub id: ProvisionerDaemonId,
    /// The organization whose jobs it takes.
    pub organization_id: OrganizationId,
    /// The key with which it came in last, or what stands in the place of one.
    pub key_id: ProvisionerKeyId,
    /// What it is called: one name of one owner in an organization is one daemon.
    pub name: String,
    /// When it was first seen.
    pub created_at: Instant,
    /// When it was seen last.
    pub last_seen_at: Instant,
    /// The version of its program.
    pub version: String,
    /// The version of the protocol that it speaks.
    pub api_version: String,
    /// What it provisions with.
    pub provisioners: BTreeSet<ProvisionerType>,
    /// Which jobs it takes.
    pub tags: Tags,
}

impl ProvisionerDaemon {
    /// What it is doing at this instant.
    #[must_use]
    pub fn status(&self, now: Instant, has_job: bool) -> DaemonStatus {
        if now - self.last_seen_at > OFFLINE_AFTER {
            DaemonStatus::Offline
        } else if has_job {
            DaemonStatus::Busy
        } else {
            DaemonStatus::Idle
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_offline_when_it_was_not_seen_for_more_than_a_minute_and_a_half() {
        let now = Instant::UNIX_EPOCH;
        let daemon = ProvisionerDaemon {
            id: ProvisionerDaemonId::NIL,
            organization_id: OrganizationId::NIL,
            key_id: ProvisionerKeyId::NIL,
            name: "rack".to_owned(),
            created_at: now,
            last_seen_at: now,
            version: "v2.24.2".to_owned(),
            api_version: "1.7".to_owned(),
            provisioners: BTreeSet::from([ProvisionerType::Echo]),
            tags: Tags::default(),
        };
        assert_eq!(daemon.status(now + OFFLINE_AFTER, false), DaemonStatus::Idle);
        assert_eq!(daemon.status(now + OFFLINE_AFTER, true), DaemonStatus::Busy);
        assert_eq!(daemon.status(now + OFFLINE_AFTER + Duration::MILLISECOND, true), DaemonStatus::Offline);
    }
}
