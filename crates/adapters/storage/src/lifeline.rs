//! Whether a call that blocks on the database still gets anywhere.
//!
//! The drivers block their thread, and nothing in the process can wake a thread that waits for an answer from a peer that
//! has fallen silent. So whoever waits for the call gives up when nothing has happened for too long: the connection is not
//! used again, and the thread ends whenever the operating system gives the connection up, or with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// One call, seen by the thread that does it and by the task that waits for it.
#[derive(Debug)]
pub(crate) struct Lifeline {
    began: Instant,
    /// When something happened last, in microseconds since `began`.
    beat: AtomicU64,
    state: Mutex<State>,
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
    pub(crate) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { began: Instant::now(), beat: AtomicU64::new(0), state: Mutex::new(State::Running(permit)) }
    }

    /// Something happened.
    pub(crate) fn beat(&self) {
        self.beat.store(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
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
