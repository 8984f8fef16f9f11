//! What a database adapter does for the store.

use crate::{Repositories, StoreError};
use async_trait::async_trait;

/// How the closure of a store call uses the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkMode {
    /// Reads only, outside a transaction.
    Read,
    /// Reads and writes in one transaction.
    Write,
    /// Reads and writes in one transaction with serializable isolation: what it read is still true when it commits. Fails
    /// with [`StoreError::Serialization`] when that cannot be had.
    Serializable,
    /// Exactly one repository call that is atomic by itself; no transaction is opened where that costs round trips.
    AtOnce,
}

/// Whether the work of a closure is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Keep it.
    Yes,
    /// Undo it.
    No,
}

/// A closure over the repositories, for [`StoreBackend::run`].
pub type Work = Box<dyn FnOnce(&mut dyn Repositories) -> Commit + Send>;

/// What a database adapter implements; use it through [`Store`](crate::Store).
#[async_trait]
pub trait StoreBackend: Send + Sync {
    /// Runs `work` once on a blocking thread.
    ///
    /// MUST commit before it returns `Ok` when the work says [`Commit::Yes`] in a writing mode, and MUST NOT keep
    /// anything when it says [`Commit::No`] in [`WorkMode::Write`] or [`WorkMode::Serializable`]. `Err` means that
    /// nothing was kept. It MUST answer [`StoreError::Serialization`] whenever that is why the work failed, whatever the
    /// work says.
    async fn run(&self, mode: WorkMode, work: Work) -> Result<(), StoreError>;
}
