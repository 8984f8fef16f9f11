//! Cleaning, facts about the deployment, health.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};

/// How many rows of each kind a batch of cleaning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Expired authorization codes.
    pub codes: usize,
    /// Grants whose refresh token has expired.
    pub grants: usize,
    /// Keys that have expired and belong to no live grant.
    pub api_keys: usize,
    /// Forgotten failures of sign-in.
    pub throttles: usize,
    /// Places from which a user has not signed in for long.
    pub places: usize,
    /// Records of the audit log that are older than is kept.
    pub audit_logs: usize,
    /// Keys of the server that do not verify any more.
    pub crypto_keys: usize,
}

impl Purged {
    /// Rows removed altogether.
    #[must_use]
    pub const fn total(self) -> usize {
        self.codes + self.grants + self.api_keys + self.throttles + self.places + self.audit_logs + self.crypto_keys
    }
}

/// What the server needs of its database for itself.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait MaintenanceRepository {
    /// What the server keeps for itself under this name, if anything. Nothing secret: that is with the keys.
    fn find_server_key(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// What the server keeps for itself under this name; `generated` if there was nothing. Atomic: of several replicas
    /// that start at once, all get the same value.
    fn server_key(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        name: &str,
        generated: &[u8],
        now: Instant,
    ) -> Result<Vec<u8>, StoreError>;

    /// Removes at most `batch` rows of each kind that are dead at `now`.
    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        now: Instant,
        batch: u32,
    ) -> Result<Purged, StoreError>;

    /// Renews what lists are counted by, if there is much to be renewed; whether it did. Counts are right without it,
    /// but slow after many changes.
    fn renew_counts(&mut self, permit: &Permit<action::Update, resource::System>) -> Result<bool, StoreError>;

    /// Asks the database for a sign of life.
    fn ping(&mut self) -> Result<(), StoreError>;

    /// Writes a row that says nothing, which fails as any other write would.
    fn prove_writable(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<(), StoreError>;

    /// Number of live grants, for the metrics.
    fn count_grants(&mut self) -> Result<u64, StoreError>;
}
