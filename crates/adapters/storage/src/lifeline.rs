//! Whether a call that blocks on the database still gets anywhere.
//!
//! The drivers block their thread, and nothing in the process can wake a thread that waits for an answer from a peer that
//! has fallen silent. So whoever waits for the call gives up when nothing has happened for too long: the connection is not
//! used again, and the thread ends whenever the operating system gives the connection up, or with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// One call, seen by the thread that does it and by the task that waits for it.
#[derive(Debug)]
pub(crate) struct Lifeline {
    began: Instant,
    /// When something happened last, in microseconds since `began`.
    beat: AtomicU64,
    /// When the database last did what any call wanted, shared by all of them.
    progress: Arc<Progress>,
    /// After so long the database ends a statement; zero for never.
    statement_timeout: Duration,
    state: Mutex<State>,
}

/// When the database last did what a call wanted.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    /// In microseconds since `began`.
    last: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Progress {
    /// How long ago that was.
    pub(crate) fn ago(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_micros(self.last.load(Ordering::Relaxed)))
    }

    fn note(&self) {
        self.last.store(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum State {
    /// Its thread is at it; the right to a connection belongs to it.
    Running(OwnedSemaphorePermit),
    /// Nobody waits for it any more. When there are too many like that, the right to a connection stays with it.
    Abandoned(#[expect(dead_code, reason = "it is kept for its end")] Option<OwnedSemaphorePermit>),
    Done,
}

impl Lifeline {
    pub(crate) fn new(permit: OwnedSemaphorePermit, progress: Arc<Progress>, statement_timeout: Duration) -> Self {
        Self {
            began: Instant::now(),
            beat: AtomicU64::new(0),
            progress,
            statement_timeout,
            state: Mutex::new(State::Running(permit)),
        }
    }

    /// Whether a statement that took so long was ended for that.
    pub(crate) fn is_too_long(&self, took: Duration) -> bool {
        !self.statement_timeout.is_zero() && took >= self.statement_timeout
    }

    /// Something happened.
    pub(crate) fn beat(&self) {
        self.beat.store(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The database did what was asked.
    pub(crate) fn advance(&self) {
        self.beat();
        self.progress.note();
    }

    /// How long nothing has happened.
    pub(crate) fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_micros(self.beat.load(Ordering::Relaxed)))
    }

    /// Whether it was given up.
    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(*self.state(), State::Abandoned(_))
    }

    /// Gives it up, unless it is done. With `release`, somebody else gets its turn; else its thread keeps it, for there are
    /// too many such threads.
    pub(crate) fn abandon(&self, release: bool) -> bool {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Done) {
            State::Running(permit) => {
                *state = State::Abandoned(if release { None } else { Some(permit) });
                true
            }
            other @ (State::Abandoned(_) | State::Done) => {
                *state = other;
                false
            }
        }
    }

    /// The thread is through. Whether the call had been given up before.
    pub(crate) fn end(&self) -> bool {
        matches!(std::mem::replace(&mut *self.state(), State::Done), State::Abandoned(_))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
