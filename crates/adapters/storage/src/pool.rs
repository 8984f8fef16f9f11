//! A bounded set of connections.
//!
//! Callers wait for their turn without holding a thread, in the order of their arrival; connecting and everything else
//! that blocks happens on the blocking pool. The connection used last is used next, so that caches stay warm and the
//! pool grows only as far as it must. A failure to connect is reported at once.

use doorward_ports::StoreError;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How busy a database is, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Most connections that may be open at once.
    pub max: usize,
    /// Connections that are open.
    pub open: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// Calls that wait for a connection, or on SQLite for the one that writes.
    pub waiting: usize,
}

/// Makes connections and judges them.
pub(crate) trait Connect: Send + Sync + 'static {
    /// What is pooled.
    type Connection: Send + 'static;

    /// Makes a new connection.
    fn connect(&self) -> Result<Self::Connection, StoreError>;

    /// Whether a connection that was idle is still there. Called before every use, so it must not ask the database.
    fn is_alive(&self, conn: &mut Self::Connection) -> bool;

    /// Whether a connection may be used again after it was used.
    fn is_clean(&self, conn: &mut Self::Connection) -> bool;
}

/// A bounded set of connections.
pub(crate) struct Pool<M: Connect>(Arc<Inner<M>>);

struct Inner<M: Connect> {
    manager: M,
    idle: Mutex<Vec<M::Connection>>,
    turns: Arc<Semaphore>,
    max: usize,
    open: AtomicUsize,
    waiting: AtomicUsize,
    acquire_timeout: Duration,
}

/// Nobody gave a connection back in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection became free within {} ms", .0.as_millis())]
struct AcquireTimeout(Duration);

impl<M: Connect> Pool<M> {
    pub(crate) fn new(manager: M, max: u32, acquire_timeout: Duration) -> Self {
        let max = usize::try_from(max.max(1)).unwrap_or(1);
        Self(Arc::new(Inner {
            manager,
            idle: Mutex::new(Vec::new()),
            turns: Arc::new(Semaphore::new(max)),
            max,
            open: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            acquire_timeout,
        }))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        PoolStatus {
            max: self.0.max,
            open: self.0.open.load(Ordering::Relaxed),
            idle: self.0.idle().len(),
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

impl<M: Connect> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Connect> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.status(), f)
    }
}

impl<M: Connect> Inner<M> {
    fn idle(&self) -> MutexGuard<'_, Vec<M::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Counts an open connection until it is closed, also by a panic, or given back.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to use one connection.
pub(crate) struct Turn<M: Connect>(Arc<Inner<M>>);

impl<M: Connect> Turn<M> {
    /// Runs `prepare` and then `work` on a connection, which goes back to the pool afterwards unless it is broken.
    ///
    /// A connection that was idle and on which `prepare` fails is thrown away, and another one tried: the database may
    /// have been restarted meanwhile.
    pub(crate) fn with<T>(
        &self,
        prepare: impl Fn(&mut M::Connection) -> Result<(), StoreError>,
        work: impl FnOnce(&mut M::Connection) -> T,
    ) -> Result<T, StoreError> {
        let (mut conn, open) = loop {
            // The lock is not held while the connection is judged.
            let popped = self.0.idle().pop();
            let Some(mut conn) = popped else {
                let mut conn = self.0.manager.connect()?;
                prepare(&mut conn)?;
                self.0.open.fetch_add(1, Ordering::Relaxed);
                break (conn, Open(&self.0.open));
            };
            let open = Open(&self.0.open);
            if self.0.manager.is_alive(&mut conn) && prepare(&mut conn).is_ok() {
                break (conn, open);
            }
        };
        let result = work(&mut conn);
        if self.0.manager.is_clean(&mut conn) {
            self.0.idle().push(conn);
            std::mem::forget(open);
        }
        Ok(result)
    }
}
