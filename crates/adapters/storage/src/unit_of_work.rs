//! The repositories over one connection, for the time of one closure.

use crate::error::Error;
use crate::known::{Known, Room};
use crate::lifeline::Lifeline;
use crate::touches::{Touches, Touching};
use diesel::Connection;
use doorward_domain::roles::{ActionMarker, Actor, Object, Permit, ResourceMarker};
use doorward_ports::changes::Change;
use doorward_ports::{Outage, StoreError};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What can be seen of a connection without asking the database.
pub(crate) trait Living {
    /// Whether the other end is still there.
    fn is_alive(&mut self) -> bool;
}

/// A server that ends a connection says why, and closes its socket a moment later.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Implements every repository over a connection to one of the databases; the implementations stand in `queries`.
pub(crate) struct UnitOfWork<'a, C> {
    conn: &'a mut C,
    transaction: Transaction,
    failed: bool,
    unserializable: Option<StoreError>,
    changes: Vec<Change>,
    hurried: bool,
    lifeline: Option<Arc<Lifeline>>,
    known: Option<Arc<Known>>,
}

/// What is around the calls of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    /// Nothing, for nothing is written.
    Needless,
    /// One for all calls.
    Begun,
    /// Nothing: a call of several writing statements must bring its own.
    PerCall,
}

/// A statement of the transaction has failed, so nothing of it can be kept, and nothing more be done in it.
#[derive(Debug, thiserror::Error)]
#[error("a statement of the transaction failed before")]
pub(crate) struct FailedTransaction;

/// Something was to be written where nothing may be: in no transaction, it would be kept even if what follows fails, and nobody told.
#[derive(Debug, thiserror::Error)]
#[error("this work only reads, and cannot write")]
pub(crate) struct ReadsOnly;

/// What a permit may be for.
pub(crate) trait Kind {
    /// All that is of the kind of the permit; a write narrows it to what it is about, as far as it knows.
    fn kind(&self) -> Object<'static>;
}

impl<A: ActionMarker, R: ResourceMarker> Kind for Permit<A, R> {
    fn kind(&self) -> Object<'static> {
        Object::of::<R>()
    }
}

impl<'a, C: Connection + Living> UnitOfWork<'a, C> {
    /// For reading, outside a transaction.
    pub(crate) fn reading(conn: &'a mut C) -> Self {
        Self {
            conn,
            transaction: Transaction::Needless,
            failed: false,
            unserializable: None,
            changes: Vec::new(),
            hurried: false,
            lifeline: None,
            known: None,
        }
    }

    /// In a transaction that was begun.
    pub(crate) fn in_transaction(conn: &'a mut C) -> Self {
        Self {
            conn,
            transaction: Transaction::Begun,
            failed: false,
            unserializable: None,
            changes: Vec::new(),
            hurried: false,
            lifeline: None,
            known: None,
        }
    }

    /// For writing, outside a transaction.
    pub(crate) fn alone(conn: &'a mut C) -> Self {
        Self {
            conn,
            transaction: Transaction::PerCall,
            failed: false,
            unserializable: None,
            changes: Vec::new(),
            hurried: false,
            lifeline: None,
            known: None,
        }
    }

    /// Tells whoever waits that it gets anywhere.
    pub(crate) fn on(mut self, lifeline: &Arc<Lifeline>) -> Self {
        self.lifeline = Some(Arc::clone(lifeline));
        self
    }

    /// Uses what is known of the database, and adds to it.
    pub(crate) fn at(mut self, known: &Arc<Known>) -> Self {
        self.known = Some(Arc::clone(known));
        self
    }

    /// Whether there is room for changes, as far as earlier ones have found out.
    pub(crate) fn room(&self) -> Room {
        self.known.as_ref().map_or(Room::Enough, |known| known.room(Instant::now()))
    }

    /// There is room again.
    pub(crate) fn found_room(&self) {
        if let Some(known) = &self.known {
            known.found_room();
        }
    }

    /// Whether a statement has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Why the transaction must be done again, if that is so.
    pub(crate) fn take_unserializable(&mut self) -> Option<StoreError> {
        self.unserializable.take()
    }

    /// Notes who is to be forgotten. To be told to others after the commit.
    fn note(&mut self, touches: Touches) {
        let changes = match touches {
            Touches::Nobody => return,
            Touches::Soon(change) => vec![change],
            Touches::Now(changes) => {
                self.hurried |= !changes.is_empty();
                changes
            }
        };
        for change in changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
    }

    /// Whether others have to learn at once of what was noted.
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried
    }

    /// What was noted.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Runs a repository call that reads.
    ///
    /// After a failure in a transaction `PostgreSQL` refuses all that follows and keeps nothing. `SQLite` would go on, so
    /// that is done here for both: what works on one works on the other.
    pub(crate) fn run<T>(&mut self, call: impl FnOnce(&mut C) -> Result<T, Error>) -> Result<T, StoreError> {
        if self.failed && self.transaction == Transaction::Begun {
            return Err(StoreError::other(FailedTransaction));
        }
        let result = call(self.conn);
        let took = self.lifeline.as_ref().map_or(Duration::ZERO, |lifeline| lifeline.silence());
        if let Some(lifeline) = &self.lifeline {
            // An error is an answer, but no sign that the database does what it is asked.
            if result.is_ok() { lifeline.advance() } else { lifeline.beat() }
        }
        result.map_err(|error| {
            self.failed = true;
            let outage = if error.is_unnamed() { self.outage_by_signs(&error, took) } else { None };
            let is_news = !matches!(error, Error::NoRoom);
            let error = match (error.into_store_error(), outage) {
                (StoreError::Other(cause), Some(outage)) => StoreError::unavailable(outage, cause),
                (error, _) => error,
            };
            if let Some(known) = self.known.as_ref().filter(|_| is_news && error.outage() == Some(Outage::Full)) {
                known.found_full(Instant::now());
            }
            if let StoreError::Serialization(cause) = &error {
                self.unserializable = Some(StoreError::Serialization(cause.to_string().into()));
            }
            error
        })
    }

    /// What an error is a case of whose words are not known: those of another language, say.
    fn outage_by_signs(&mut self, error: &Error, took: Duration) -> Option<Outage> {
        let known = self.known.as_ref().zip(error.said());
        if known.is_some_and(|(known, said)| known.lacks_table(said)) {
            return Some(Outage::MissingTables);
        }
        if self.lifeline.as_ref().is_some_and(|lifeline| lifeline.is_too_long(took)) {
            return Some(Outage::Silent);
        }
        let is_alive = self.conn.is_alive() && {
            std::thread::sleep(LAST_WORDS);
            self.conn.is_alive()
        };
        (!is_alive).then_some(Outage::Unreachable)
    }

    /// Runs a repository call of one writing statement, if the permit covers what it is `about`, and notes what it touches.
    pub(crate) fn write<T, A: ActionMarker, R: ResourceMarker>(
        &mut self,
        permit: &Permit<A, R>,
        about: &Object<'_>,
        touches: impl Touching<T>,
        call: impl FnOnce(&mut C) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        if let Actor::System(reason) = permit.actor() {
            tracing::debug!(reason, permit = %format_args!("{}:{}", R::TYPE, A::ACTION), "writes for the server itself");
        }
        let is_covered = permit.covers(about);
        self.write_permitted(touches, |conn| if is_covered { call(conn) } else { Err(Error::NotPermitted(R::TYPE)) })
    }

    /// Runs a repository call of one writing statement whose argument is the proof that it is permitted.
    pub(crate) fn write_permitted<T>(
        &mut self,
        touches: impl Touching<T>,
        call: impl FnOnce(&mut C) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        if self.transaction == Transaction::Needless {
            return Err(StoreError::other(ReadsOnly));
        }
        let done = self.run(call)?;
        self.note(touches.of(&done));
        Ok(done)
    }

    /// As [`Self::write`], for a call of several writing statements, all or none of which take effect.
    pub(crate) fn write_all<T, A: ActionMarker, R: ResourceMarker>(
        &mut self,
        permit: &Permit<A, R>,
        about: &Object<'_>,
        touches: impl Touching<T>,
        call: impl FnOnce(&mut C) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        let brings_its_own = self.transaction == Transaction::PerCall;
        self.write(permit, about, touches, |conn| if brings_its_own { conn.transaction(call) } else { call(conn) })
    }
}

impl<C> fmt::Debug for UnitOfWork<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitOfWork")
            .field("transaction", &self.transaction)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
