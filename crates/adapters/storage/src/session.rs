//! The repositories over one connection, for the time of one closure.

use crate::error::Error;
use diesel::Connection;
use doorward_ports::StoreError;
use std::fmt;

/// Implements every repository over a connection to one of the databases; the implementations stand in `queries`.
pub(crate) struct Session<'a, C> {
    conn: &'a mut C,
    /// Whether a repository call of several statements must bring its own transaction.
    alone: bool,
    failed: bool,
}

impl<'a, C: Connection> Session<'a, C> {
    /// Inside a transaction, or for reading.
    pub(crate) fn new(conn: &'a mut C) -> Self {
        Self { conn, alone: false, failed: false }
    }

    /// Outside a transaction, for writing.
    pub(crate) fn alone(conn: &'a mut C) -> Self {
        Self { conn, alone: true, failed: false }
    }

    /// Whether a statement has failed. PostgreSQL keeps nothing of a transaction after that, so SQLite does not either.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Runs a repository call.
    pub(crate) fn run<T>(&mut self, call: impl FnOnce(&mut C) -> Result<T, Error>) -> Result<T, StoreError> {
        let result = call(self.conn);
        self.note(result)
    }

    /// Runs a repository call of several writing statements, all or none of which take effect.
    pub(crate) fn atomically<T>(&mut self, call: impl FnOnce(&mut C) -> Result<T, Error>) -> Result<T, StoreError> {
        let result = if self.alone { self.conn.transaction(call) } else { call(self.conn) };
        self.note(result)
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            // A conflict that the repository found by itself has written nothing and spoilt nothing, but is treated
            // alike, for callers cannot tell.
            self.failed = true;
            error.into_store_error()
        })
    }
}

impl<C> fmt::Debug for Session<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("alone", &self.alone).field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// The transaction cannot be kept, because a statement in it has failed.
#[derive(Debug, thiserror::Error)]
#[error("a statement of the transaction failed, so nothing of it was kept")]
pub(crate) struct Spoilt;
