//! Provisioner daemons and their keys.

use crate::StoreError;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{ProvisionerDaemon, ProvisionerKey};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::{Digest, Instant};

/// Stores the keys of provisioner daemons.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ProvisionerKeyRepository {
    /// The keys of an organization, in the order in which they were made.
    fn list(&mut self, organization: OrganizationId) -> Result<Vec<ProvisionerKey>, StoreError>;
    /// The key with this digest, whose organization is not deleted.
    fn find_by_digest(&mut self, digest: &Digest) -> Result<Option<ProvisionerKey>, StoreError>;
    /// Adds a key. May answer `Conflict::ProvisionerKeyName` or `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerDaemon>,
        key: &ProvisionerKey,
    ) -> Result<(), StoreError>;
    /// Deletes a key and the daemons that came in with it. `false` when the organization has no such key.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::ProvisionerDaemon>,
        organization: OrganizationId,
        id: ProvisionerKeyId,
    ) -> Result<bool, StoreError>;
}

/// Which daemons of an organization are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonFilter {
    /// Only these; `None` means all.
    pub ids: Option<Vec<ProvisionerDaemonId>>,
    /// Only those that were seen at this instant or later.
    pub seen_since: Option<Instant>,
}

/// Stores what is remembered of daemons.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ProvisionerDaemonRepository {
    /// Daemons of an organization, those first that were first seen last.
    fn list(
        &mut self,
        organization: OrganizationId,
        filter: &DaemonFilter,
    ) -> Result<Vec<ProvisionerDaemon>, StoreError>;
    /// Daemons of all organizations that were seen at this instant or later, those first that were first seen last; at most `limit`.
    fn list_seen(&mut self, since: Instant, limit: u32) -> Result<Vec<ProvisionerDaemon>, StoreError>;
    /// How many daemons of an organization are remembered that have this owner
    /// ([`Tags::owner`](doorward_domain::provisioners::Tags::owner)); those of the organization itself have an empty one.
    fn count(&mut self, organization: OrganizationId, owner: &str) -> Result<i64, StoreError>;
    /// Remembers a daemon. One of this organization, name and owner that is remembered keeps its id and since when, and becomes
    /// this one otherwise. Answers the daemon as it is remembered.
    fn upsert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerDaemon>,
        daemon: &ProvisionerDaemon,
    ) -> Result<ProvisionerDaemon, StoreError>;
    /// Of the daemons of an organization that have this owner, leaves the `most` that were seen last, and those that were seen after
    /// `seen_since`. Answers how many it has forgotten.
    fn make_room(
        &mut self,
        permit: &Permit<action::Delete, resource::ProvisionerDaemon>,
        organization: OrganizationId,
        owner: &str,
        most: i64,
        seen_since: Instant,
    ) -> Result<i64, StoreError>;
    /// Notes that a daemon was seen, unless it was seen later. `false` when it is not remembered.
    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: ProvisionerDaemonId,
        now: Instant,
    ) -> Result<bool, StoreError>;
}
