//! A bounded set of connections, kept by `r2d2`.
//!
//! Callers wait for their turn without holding a thread, in the order of their arrival; connecting and everything else
//! that blocks happens on the blocking pool. The connection used last is used next, so that caches stay warm and the
//! pool grows only as far as it must. Connections stay open until they break: `r2d2` is told to end none for its age.
//!
//! `r2d2` by itself connects on a helper thread, one after another, and while that fails it tries again in silence until
//! the caller's time is up. What it keeps here are therefore [`Places`] for connections: whoever is given an empty one
//! connects, at once and beside others, and is told at once why that fails.
//!
//! A call on which nothing happens for [`Limits::deadline`] is given up: its caller is told that the database is silent,
//! its place is not used again, and no connection that is as old is either, for a database that fails over leaves all of
//! them mute. The thread stays blocked until the operating system notices; as many such threads as there may be connections
//! cost nobody a turn, further ones do.
//!
//! Connections are counted apart from places: `r2d2` adds one when it finds none that is idle, also when one comes back at that
//! moment.

use crate::error::is_unnamed_refusal;
use crate::lifeline::{Lifeline, Progress};
use doorward_ports::{Outage, StoreError};
use r2d2::ManageConnection;
use scheduled_thread_pool::ScheduledThreadPool;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Least time for `r2d2` to hand out a place, which takes microseconds unless the machine is overloaded.
const LEAST_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two looks for a connection when the database accepts no more of them.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How many connections there are, and how long anybody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most connections at once.
    pub(crate) max: u32,
    /// How long to wait for a connection.
    pub(crate) acquire: Duration,
    /// How long nothing may happen on a connection that is in use.
    pub(crate) deadline: Duration,
    /// After so long the database ends a statement; zero for never.
    pub(crate) statement: Duration,
}

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
    /// Connections that were given up because the database fell silent, until the operating system ends them.
    pub abandoned: usize,
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
    abandoned: AtomicUsize,
    /// Connections that are open or being opened, those that were given up among them.
    open: Arc<AtomicUsize>,
    /// How often the database has fallen silent.
    era: Arc<AtomicU64>,
    progress: Arc<Progress>,
    limits: Limits,
}

/// Places for connections: empty before the first use, and when the connection was lost. With each connection stands the
/// era in which it was made.
struct Places<M> {
    manager: Arc<M>,
    era: Arc<AtomicU64>,
}

/// A connection, with the era in which it was made.
struct Open<M: Manager> {
    conn: M::Connection,
    era: u64,
    _counted: Counted,
}

/// Counts a connection for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// Counts one more, unless there are as many as there may be.
    fn within(counter: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let one = Self(Arc::clone(counter));
        (counter.fetch_add(1, Ordering::SeqCst) < most).then_some(one)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection of an era in which the database fell silent later.
#[derive(Debug, thiserror::Error)]
#[error("the database has been silent since the connection was made")]
struct Outlived;

impl<M: Manager> ManageConnection for Places<M> {
    type Connection = Option<Open<M>>;
    type Error = StoreError;

    fn connect(&self) -> Result<Self::Connection, StoreError> {
        Ok(None)
    }

    fn is_valid(&self, place: &mut Self::Connection) -> Result<(), StoreError> {
        let Some(open) = place else { return Ok(()) };
        if open.era != self.era.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable(Outage::Silent, Outlived));
        }
        self.manager.is_valid(&mut open.conn)
    }

    fn has_broken(&self, place: &mut Self::Connection) -> bool {
        place.as_mut().is_none_or(|open| self.manager.has_broken(&mut open.conn))
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

/// Nothing came from the database in time.
#[derive(Debug, thiserror::Error)]
#[error("the database has not answered for {} ms", .0.as_millis())]
pub(crate) struct NoAnswer(pub(crate) Duration);

impl<M: Manager> Pool<M> {
    pub(crate) fn new(manager: M, limits: Limits) -> Self {
        let limits = Limits { max: limits.max.max(1), ..limits };
        let (manager, era) = (Arc::new(manager), Arc::new(AtomicU64::new(0)));
        // All it has to do is to add places.
        let helper = ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("pool-{}").build();
        let places = r2d2::Pool::builder()
            // As many again for those that were given up.
            .max_size(limits.max.saturating_mul(2))
            .min_idle(Some(0))
            .test_on_check_out(true)
            .idle_timeout(None)
            .max_lifetime(None)
            .connection_timeout(limits.acquire.max(LEAST_TIMEOUT))
            .thread_pool(Arc::new(helper))
            .error_handler(Box::new(Lost))
            .build_unchecked(Places { manager: Arc::clone(&manager), era: Arc::clone(&era) });
        Self(Arc::new(Inner {
            manager,
            places,
            // No more than there are places, so that nobody ever waits for one on a thread.
            turns: Arc::new(Semaphore::new(count(limits.max))),
            waiting: AtomicUsize::new(0),
            abandoned: AtomicUsize::new(0),
            open: Arc::default(),
            era,
            progress: Arc::default(),
            limits,
        }))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.0.places.state();
        let abandoned = self.0.abandoned.load(Ordering::Relaxed);
        PoolStatus {
            max: count(self.0.limits.max),
            open: self.0.open(),
            // Places may be empty.
            idle: count(state.idle_connections).min(self.0.open()),
            waiting: self.0.waiting.load(Ordering::Relaxed),
            abandoned,
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
            let (turn, patience) = (Arc::clone(&self.0.turns).acquire_owned(), self.0.limits.acquire);
            match tokio::time::timeout(patience, turn).await {
                Ok(permit) => permit.map_err(StoreError::other)?,
                // Those who have the connections may be waiting themselves, for a database that says nothing or for a lock.
                // What is too much to do gets done little by little.
                Err(_elapsed) => {
                    let stuck = self.0.abandoned.load(Ordering::Relaxed) > 0 || self.0.progress.ago() >= patience;
                    let outage = if stuck { Outage::Silent } else { Outage::Overloaded };
                    return Err(StoreError::unavailable(outage, AcquireTimeout(patience)));
                }
            }
        };
        let lifeline = Arc::new(Lifeline::new(permit, Arc::clone(&self.0.progress), self.0.limits.statement));
        let turn = Turn { pool: Arc::clone(&self.0), lifeline: Arc::clone(&lifeline) };
        let worker = tokio::task::spawn_blocking(move || {
            let turn = turn;
            work(&turn)
        });
        Watched { pool: Arc::clone(&self.0), lifeline, worker: Some(worker) }.done().await
    }
}

impl<M: Manager> Inner<M> {
    /// Connections that are open or being opened.
    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst).saturating_sub(self.abandoned.load(Ordering::Relaxed))
    }

    /// Waits until the work is done, or until nothing has happened for too long.
    async fn watch<T>(
        &self,
        lifeline: &Lifeline,
        worker: &mut JoinHandle<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let deadline = self.limits.deadline;
        loop {
            let left = deadline.saturating_sub(lifeline.silence());
            if let Ok(done) = tokio::time::timeout(left, &mut *worker).await {
                return done.map_err(StoreError::other)?;
            }
            if lifeline.silence() < deadline {
                continue;
            }
            let abandoned = self.abandoned.fetch_add(1, Ordering::SeqCst);
            if !lifeline.abandon(abandoned < count(self.limits.max)) {
                // It was done at the last moment.
                self.abandoned.fetch_sub(1, Ordering::SeqCst);
                return worker.await.map_err(StoreError::other)?;
            }
            self.era.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::unavailable(Outage::Silent, NoAnswer(deadline)));
        }
    }
}

/// A call under way. When its caller goes away, somebody must still see to it that it comes to an end.
struct Watched<M: Manager, T: Send + 'static> {
    pool: Arc<Inner<M>>,
    lifeline: Arc<Lifeline>,
    worker: Option<JoinHandle<Result<T, StoreError>>>,
}

impl<M: Manager, T: Send + 'static> Watched<M, T> {
    async fn done(mut self) -> Result<T, StoreError> {
        let Some(worker) = &mut self.worker else { return Err(StoreError::other("the call is over")) };
        let result = self.pool.watch(&self.lifeline, worker).await;
        self.worker = None;
        result
    }
}

impl<M: Manager, T: Send + 'static> Drop for Watched<M, T> {
    fn drop(&mut self) {
        let Some(mut worker) = self.worker.take() else { return };
        if worker.is_finished() {
            return;
        }
        let (pool, lifeline) = (Arc::clone(&self.pool), Arc::clone(&self.lifeline));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(pool.watch(&lifeline, &mut worker).await) });
        }
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

/// The right to use one connection, for the time of one call.
pub(crate) struct Turn<M: Manager> {
    pool: Arc<Inner<M>>,
    lifeline: Arc<Lifeline>,
}

impl<M: Manager> Turn<M> {
    /// Tells whether the call gets anywhere.
    pub(crate) fn lifeline(&self) -> &Arc<Lifeline> {
        &self.lifeline
    }

    /// Runs `prepare` and then `work` on a connection, which goes back to the pool afterwards unless it is broken.
    ///
    /// A connection that was idle and on which `prepare` fails is thrown away, and another one tried: the database may
    /// have been restarted meanwhile. When the database accepts no further connection, one that others give back will do.
    pub(crate) fn with<T>(
        &self,
        prepare: impl Fn(&mut M::Connection) -> Result<(), StoreError>,
        work: impl FnOnce(&mut M::Connection) -> T,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        // A place that is still empty when it goes back, also by a panic, is given up.
        let (mut place, mut open) = loop {
            if self.lifeline.is_abandoned() {
                return Err(StoreError::unavailable(Outage::Silent, NoAnswer(self.pool.limits.deadline)));
            }
            self.lifeline.beat();
            let place = self.pool.places.get();
            let mut place = place.map_err(|error| StoreError::unavailable(Outage::Overloaded, error))?;
            let Some(mut open) = place.take() else {
                // There may be more places than connections. Whoever has a turn and may not connect finds a connection that
                // nobody uses in another place.
                let most = count(self.pool.limits.max).saturating_add(self.pool.abandoned.load(Ordering::SeqCst));
                let Some(counted) = Counted::within(&self.pool.open, most) else { continue };
                let era = self.pool.era.load(Ordering::SeqCst);
                match self.pool.manager.connect() {
                    Ok(mut conn) => {
                        self.lifeline.beat();
                        prepare(&mut conn)?;
                        break (place, Open { conn, era, _counted: counted });
                    }
                    Err(error) => {
                        // Whoever is in has the right name and password, so what keeps others out is their number, where the
                        // server may say so in another language.
                        let is_crowded = is_unnamed_refusal(&error) && self.pool.open() > 1;
                        let is_full = is_crowded || error.outage() == Some(Outage::Overloaded);
                        if !is_full || began.elapsed() >= self.pool.limits.acquire || self.lifeline.is_abandoned() {
                            let crowded = |error| StoreError::unavailable(Outage::Overloaded, error);
                            return Err(if is_crowded { crowded(error) } else { error });
                        }
                    }
                }
                drop(place);
                std::thread::sleep(LOOK_AGAIN);
                continue;
            };
            if prepare(&mut open.conn).is_ok() {
                break (place, open);
            }
        };
        self.lifeline.beat();
        let result = work(&mut open.conn);
        if !self.lifeline.is_abandoned() {
            *place = Some(open);
        }
        Ok(result)
    }
}

impl<M: Manager> Drop for Turn<M> {
    fn drop(&mut self) {
        if self.lifeline.end() {
            self.pool.abandoned.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
