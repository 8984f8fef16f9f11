//! Cleaning, facts about the deployment, health.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};

/// How many rows a batch of cleaning removed, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged(pub Vec<(&'static str, usize)>);

impl Purged {
    /// Rows removed altogether.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.iter().map(|(_, rows)| rows).sum()
    }

    /// Rows removed from this table.
    #[must_use]
    pub fn of(&self, table: &str) -> usize {
        self.0.iter().filter(|(name, _)| *name == table).map(|(_, rows)| rows).sum()
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

    /// Removes at most `batch` rows that are dead at `now` from each table whose rows expire.
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
