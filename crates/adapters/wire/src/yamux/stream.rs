//! A stream, for whoever reads and writes it.

use crate::budget::{Budget, Hold};
use crate::fault::Fault;
use crate::limits::Limits;
use crate::yamux::core::{Core, Side};
use bytes::Bytes;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A session that several tasks share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Core>>);

impl Shared {
    pub(crate) fn new(side: Side, limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Core::new(side, limits, Instant::now()))))
    }

    /// The session. Never held while something waits.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next stream that the other side opens.
    pub(crate) async fn opened(&self) -> Stream {
        let id = poll_fn(|cx| self.core().poll_opened(cx)).await;
        Stream { session: self.clone(), id }
    }

    /// Opens a stream. Errors: those of [`Core::open_own`].
    pub(crate) fn open(&self) -> Result<Stream, Fault> {
        let id = self.core().open_own(Instant::now())?;
        Ok(Stream { session: self.clone(), id })
    }
}

/// A stream. When it is dropped, its own side ends after what is still to be sent.
#[derive(Debug)]
pub(crate) struct Stream {
    session: Shared,
    id: u32,
}

impl Stream {
    /// What comes next; `None` after the end. Loses nothing when it is dropped while it waits. Errors: [`Fault::Reset`].
    pub(crate) async fn read(&self) -> Result<Option<Bytes>, Fault> {
        poll_fn(|cx| self.session.core().poll_read(self.id, cx)).await
    }

    /// Sends all of this, or, when it is dropped while it waits, nothing of it or all of it. It counts for the session by `hold` until it
    /// is sent, or the stream is no more. Errors: [`Fault::Reset`]; [`Fault::Stuck`] when it takes longer than that.
    pub(crate) async fn write(&self, mut bytes: Bytes, mut hold: Hold, longest: Duration) -> Result<(), Fault> {
        let written = poll_fn(|cx| self.session.core().poll_write(self.id, &mut bytes, &mut hold, cx));
        let Ok(written) = timeout(longest, written).await else {
            self.session.core().reset(self.id);
            return Err(Fault::Stuck);
        };
        written
    }

    /// How much the session holds.
    pub(crate) fn budget(&self) -> Arc<Budget> {
        Arc::clone(&self.session.core().budget)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.session.core().limits.clone()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.session.core().leave(self.id, Instant::now());
    }
}
