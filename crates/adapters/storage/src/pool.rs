//! A bounded set of connections, kept by `r2d2`.
//!
//! Callers wait for their turn without holding a thread, in the order of their arrival; connecting and everything else
//! that blocks happens on the blocking pool. The connection used last is used next, so that caches stay warm and the
//! pool grows only as far as it must. Connections stay open until they break: `r2d2` is told to end none for its age.
//!
//! `r2d2` by itself connects on a helper thread, one after another, and while that fails it tries again in silence until
//! the caller's time is up. What it keeps here are therefore [`Places`] for connections: whoever is given an empty one
//! connects, at once and beside others, and is told at once why that fails.

use doorward_ports::StoreError;
use r2d2::ManageConnection;
use scheduled_thread_pool::ScheduledThreadPool;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Least time for `r2d2` to hand out a place, which takes microseconds unless the machine is overloaded.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);

/// How busy a database is, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Most connections that may be open at once.
    pub max: usize,
    /// Connections that are open or being opened.
    pub open: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// Calls that wait for a connection, or on SQLite for the one that writes.
    pub waiting: usize,
}

/// Makes connections and judges them. `is_valid` is called before every use, so it must not ask the database.
pub(crate) trait Manager: ManageConnection<Error = StoreError> {}

impl<M: ManageConnection<Error = StoreError>> Manager for M {}

/// A bounded set of connections.
pub(crate) struct Pool<M: Manager>(Arc<Inner<M>>);

struct Inner<M: Manager> {
    manager: Arc<M>,
    places: r2d2::Pool<Places<M>>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    acquire_timeout: Duration,
}

/// Places for connections: empty before the first use, and when the connection was lost.
struct Places<M>(Arc<M>);

impl<M: Manager> ManageConnection for Places<M> {
    type Connection = Option<M::Connection>;
    type Error = StoreError;

    fn connect(&self) -> Result<Self::Connection, StoreError> {
        Ok(None)
    }

    fn is_valid(&self, place: &mut Self::Connection) -> Result<(), StoreError> {
        place.as_mut().map_or(Ok(()), |conn| self.0.is_valid(conn))
    }

    fn has_broken(&self, place: &mut Self::Connection) -> bool {
        place.as_mut().is_none_or(|conn| self.0.has_broken(conn))
    }
}

/// Is told of idle connections that were lost. They are replaced, so nobody has to act; `r2d2` would log errors.
#[derive(Debug)]
struct Lost;

impl r2d2::HandleError<StoreError> for Lost {
    fn handle_error(&self, error: StoreError) {
        tracing::debug!(%error, "an idle connection is replaced");
    }
}

/// Nobody gave a connection back in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection became free within {} ms", .0.as_millis())]
struct AcquireTimeout(Duration);

impl<M: Manager> Pool<M> {
    pub(crate) fn new(manager: M, max: u32, acquire_timeout: Duration) -> Self {
        let max = max.max(1);
        let manager = Arc::new(manager);
        // All it has to do is to add places.
        let helper = ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("pool-{}").build();
        let places = r2d2::Pool::builder()
            .max_size(max)
            .min_idle(Some(0))
            .test_on_check_out(true)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(acquire_timeout.max(LEAST_TIMEOUT))
            .thread_pool(Arc::new(helper))
            .error_handler(Box::new(Lost))
            .build_unchecked(Places(Arc::clone(&manager)));
        Self(Arc::new(Inner {
            manager,
            places,
            // As many as there are places, so that nobody ever waits for one on a thread.
            turns: Arc::new(Semaphore::new(count(max))),
            waiting: AtomicUsize::new(0),
            acquire_timeout,
        }))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.0.places.state();
        PoolStatus {
            max: count(self.0.places.max_size()),
            open: count(state.connections),
            idle: count(state.idle_connections),
            waiting: self.0.waiting.load(Ordering::Relaxed),
        }
    }

    /// Waits for a turn and runs `work` on the blocking pool. A panic of `work` becomes an error.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Turn<M>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = if let Ok(permit) = Arc::clone(&self.0.turns).try_acquire_owned() {
            permit
        } else {
            let _waiting = Waiting::count(&self.0.waiting);
            let turn = Arc::clone(&self.0.turns).acquire_owned();
            match tokio::time::timeout(self.0.acquire_timeout, turn).await {
                Ok(permit) => permit.map_err(StoreError::other)?,
                Err(_elapsed) => {
                    return Err(StoreError::Unavailable(AcquireTimeout(self.0.acquire_timeout).into()));
                }
            }
        };
        let turn = Turn(Arc::clone(&self.0));
        let worker = tokio::task::spawn_blocking(move || {
            let result = work(&turn);
            drop(permit);
            result
        });
        worker.await.map_err(StoreError::other)?
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.status(), f)
    }
}

fn count(connections: u32) -> usize {
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Counts a waiting call for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to use one connection.
pub(crate) struct Turn<M: Manager>(Arc<Inner<M>>);

impl<M: Manager> Turn<M> {
    /// Runs `prepare` and then `work` on a connection, which goes back to the pool afterwards unless it is broken.
    ///
    /// A connection that was idle and on which `prepare` fails is thrown away, and another one tried: the database may
    /// have been restarted meanwhile.
    pub(crate) fn with<T>(
        &self,
        prepare: impl Fn(&mut M::Connection) -> Result<(), StoreError>,
        work: impl FnOnce(&mut M::Connection) -> T,
    ) -> Result<T, StoreError> {
        // A place that is still empty when it goes back, also by a panic, is given up.
        let (mut place, mut conn) = loop {
            let mut place = self.0.places.get().map_err(|error| StoreError::Unavailable(error.into()))?;
            let Some(mut conn) = place.take() else {
                let mut conn = self.0.manager.connect()?;
                prepare(&mut conn)?;
                break (place, conn);
            };
            if prepare(&mut conn).is_ok() {
                break (place, conn);
            }
        };
        let result = work(&mut conn);
        *place = Some(conn);
        Ok(result)
    }
}
