//! The store: transactions outside, repositories inside.

use crate::at_once::AtOnce;
use crate::{Commit, Repositories, StoreBackend, StoreError, Work, WorkMode};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How often work that others got in the way of is done again.
const RETRIES: usize = 25;
/// Pause before the first time; the following are longer.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// Longest pause, before a random part of it is added.
const LONGEST_PAUSE: Duration = Duration::from_millis(60);

/// How far a transaction is kept apart from others, in the terms of SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what was committed before it. Row locks protect what a rule is about.
    #[default]
    ReadCommitted,
    /// As if there were no other transaction: for rules over many rows, which no row lock protects.
    Serializable,
}

/// The store, cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn StoreBackend>,
    calls: Arc<[AtomicU64; 4]>,
}

impl Store {
    /// Wraps an adapter.
    pub fn new(backend: impl StoreBackend + 'static) -> Self {
        Self { backend: Arc::new(backend), calls: Arc::default() }
    }

    /// How many calls of a mode there were, for the metrics.
    #[must_use]
    pub fn calls(&self, mode: WorkMode) -> u64 {
        self.calls.get(mode as usize).map_or(0, |calls| calls.load(Ordering::Relaxed))
    }

    /// Reads, outside a transaction.
    pub fn read<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let work = Box::new(work);
        async move { self.attempt(WorkMode::Read, work).await? }
    }

    /// Reads and writes in one transaction: `Ok` commits, `Err` rolls back. The work is done again, from the start and with
    /// nothing kept of it, when others got in its way: a deadlock, or something it refers to that was deleted meanwhile.
    /// Answers [`StoreError::Serialization`] when the last of a bounded number of tries is in vain.
    pub fn write<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.again(WorkMode::Write, Box::new(work))
    }

    /// The same with another isolation than the usual one.
    pub fn write_with<T, E, F>(
        &self,
        isolation: Isolation,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let mode = match isolation {
            Isolation::ReadCommitted => WorkMode::Write,
            Isolation::Serializable => WorkMode::Serializable,
        };
        self.again(mode, Box::new(work))
    }

    /// Makes one repository call that is atomic by itself, without the round trips of a transaction. What it wrote
    /// stays, also when the closure answers `Err`. It is done again as of [`write`](Self::write).
    pub fn at_once<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(AtOnce<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.again(WorkMode::AtOnce, Box::new(move |repos: &mut dyn Repositories| work(AtOnce::new(repos))))
    }

    /// Tries until nobody else is in the way; of all tries only the last one counts. The work is boxed, for each future
    /// on the way would hold a copy of it, and all of them are moved with the future of a request.
    async fn again<T, E, F>(&self, mode: WorkMode, work: Box<F>) -> Result<T, E>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        // Nearly always the first try is the last one.
        let mut outcome = self.attempt(mode, work.clone()).await;
        let mut pauses = None;
        while let Err(StoreError::Serialization(_)) = &outcome {
            let pause = pauses.get_or_insert_with(|| pauses_between_tries().build()).next();
            let Some(pause) = pause else { break };
            tokio::time::sleep(pause).await;
            outcome = self.attempt(mode, work.clone()).await;
        }
        outcome?
    }

    /// The outer error is the store's, the inner one that of the work.
    async fn attempt<T, E, F>(&self, mode: WorkMode, work: Box<F>) -> Result<Result<T, E>, StoreError>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        if let Some(calls) = self.calls.get(mode as usize) {
            calls.fetch_add(1, Ordering::Relaxed);
        }
        let (send, receive) = oneshot::channel();
        let work: Work = Box::new(move |repos| {
            let result = work(repos);
            let commit = if result.is_ok() { Commit::Yes } else { Commit::No };
            // The receiver is gone only when the caller was dropped; the transaction ends as it would have.
            drop(send.send(result));
            commit
        });
        self.backend.run(mode, work).await?;
        receive.await.map_err(StoreError::other)
    }
}

fn pauses_between_tries() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(RETRIES)
        .with_jitter()
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(..)")
    }
}
