//! PostgreSQL: pooled connections, prepared statements, the token path in one round trip each.

mod advisory;
mod broadcast;
mod filters;
mod folds;
mod hot;
mod language;
mod lists;
mod moments;
mod owner;
mod room;
mod statement;
mod tls;

/// A query that takes a row lock, named as in diesel.
macro_rules! row_lock {
    ($query:expr, $($lock:ident).+) => {
        $query$(.$lock())+
    };
}

#[path = "queries/mod.rs"]
mod queries;

pub(crate) use queries::jobs::list as jobs;

use crate::changes::Publisher;
use crate::error::{as_told, connect_error, store_error};
use crate::known::Known;
use crate::lifeline::Lifeline;
use crate::options::Options;
use crate::pool::{Limits, Pool, PoolStatus};
use crate::unit_of_work::{FailedTransaction, Living, UnitOfWork};
use async_trait::async_trait;
pub(crate) use broadcast::Broadcast;
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::{Connection as _, PgConnection};
use doorward_ports::bus::Bus;
use doorward_ports::changes::{Change, ChangeLog};
use doorward_ports::{Commit, Outage, StoreBackend, StoreError, Work, WorkMode};
use r2d2::ManageConnection;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The connection that the queries are compiled for.
type Conn = PgConnection;

/// PostgreSQL behind the store port.
#[derive(Clone)]
pub(crate) struct PostgresBackend {
    pool: Pool<Manager>,
    publisher: Publisher,
    known: Arc<Known>,
    url: String,
    connect_timeout: Duration,
}

/// Without the URL, in which there is a password.
impl fmt::Debug for PostgresBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBackend").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl PostgresBackend {
    /// A database whose schema is up to date. Connects when it is needed.
    pub(crate) fn new(url: &str, options: &Options) -> Self {
        let known = Arc::new(Known::default());
        let manager = Manager {
            known: Arc::clone(&known),
            url: url.to_owned(),
            connect_timeout: options.connect_timeout.std(),
            statement_timeout: options.statement_timeout.std(),
        };
        Self {
            pool: Pool::new(
                manager,
                Limits {
                    max: options.postgres_pool_size(),
                    acquire: options.connect_timeout.std(),
                    deadline: options.deadline.std(),
                    statement: options.statement_timeout.std(),
                },
            ),
            publisher: Publisher::default(),
            known,
            url: url.to_owned(),
            connect_timeout: options.connect_timeout.std(),
        }
    }

    pub(crate) fn changes(&self) -> &ChangeLog {
        self.publisher.log()
    }

    /// Tells other servers of changes, and hears of theirs, until what is returned is dropped.
    pub(crate) fn watch_changes(&self) -> std::io::Result<Broadcast> {
        Broadcast::start(self.url.clone(), self.connect_timeout, self.publisher.clone())
    }

    pub(crate) fn bus(&self) -> &Bus {
        self.publisher.bus()
    }

    pub(crate) fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }
}

#[async_trait]
impl StoreBackend for PostgresBackend {
    async fn run(&self, mode: WorkMode, work: Work) -> Result<(), StoreError> {
        let (publisher, known) = (self.publisher.clone(), Arc::clone(&self.known));
        let doubt = Doubt::default();
        let in_doubt = doubt.clone();
        let job = self.pool.run(move |turn| {
            let lifeline = turn.lifeline();
            match mode {
                WorkMode::Read => turn.with(
                    |_| Ok(()),
                    |conn| {
                        work(&mut UnitOfWork::reading(conn).on(lifeline).at(&known));
                        Ok(())
                    },
                )?,
                WorkMode::AtOnce => turn.with(
                    |_| Ok(()),
                    |conn| {
                        let mut session = UnitOfWork::alone(conn).on(lifeline).at(&known);
                        doubt.set(&[Change::Everything]);
                        work(&mut session);
                        doubt.set(&[]);
                        // A call that failed may have been done before its answer was lost.
                        let failed = session.has_failed().then_some(Change::Everything);
                        let hurried = session.is_hurried() || failed.is_some();
                        let mut changes = session.take_changes();
                        changes.extend(failed);
                        let again = session.take_unserializable();
                        publish(conn, &publisher, &changes, hurried);
                        again.map_or(Ok(()), Err)
                    },
                )?,
                WorkMode::Write => {
                    turn.with(begin, |conn| transact(conn, work, &publisher, lifeline, &doubt, &known))?
                }
                WorkMode::Serializable => {
                    turn.with(begin_serializable, |conn| transact(conn, work, &publisher, lifeline, &doubt, &known))?
                }
            }
        });
        let result = job.await;
        if result.is_err() {
            // What a database that fell silent was doing may yet be done, and its thread cannot tell.
            let changes = in_doubt.take();
            if !changes.is_empty() {
                self.publisher.report(&changes);
                self.publisher.post(&changes, true);
            }
        }
        result
    }
}

/// What a commit under way changes, if it takes place.
#[derive(Clone, Default)]
struct Doubt(Arc<Mutex<Vec<Change>>>);

impl Doubt {
    fn set(&self, changes: &[Change]) {
        changes.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> Vec<Change> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn begin(conn: &mut Conn) -> Result<(), StoreError> {
    AnsiTransactionManager::begin_transaction(conn).map_err(store_error)
}

fn begin_serializable(conn: &mut Conn) -> Result<(), StoreError> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL SERIALIZABLE").map_err(store_error)
}

/// Runs work in the transaction that was begun, and ends it.
fn transact(
    conn: &mut Conn,
    work: Work,
    publisher: &Publisher,
    lifeline: &Arc<Lifeline>,
    doubt: &Doubt,
    known: &Arc<Known>,
) -> Result<(), StoreError> {
    let mut session = UnitOfWork::in_transaction(conn).on(lifeline).at(known);
    let mut commit = work(&mut session);
    let (mut failed, unserializable) = (session.has_failed(), session.take_unserializable());
    let (hurried, changes) = (session.is_hurried(), session.take_changes());
    let mut told = changes.is_empty();
    if lifeline.is_abandoned() {
        // The caller was told that it failed.
        commit = Commit::No;
    }
    if commit == Commit::Yes && !failed && !told && !publisher.is_sending() {
        told = broadcast::tell(conn, &changes).is_ok();
        failed = !told;
    }
    if commit == Commit::Yes && !failed {
        doubt.set(&changes);
        let committed = AnsiTransactionManager::commit_transaction(conn).map_err(store_error);
        doubt.set(&[]);
        // Also when the answer was lost, for it may have been a yes.
        if told {
            publisher.report(&changes);
        } else {
            publish(conn, publisher, &changes, hurried);
        }
        return committed;
    }
    // Without a connection to say it on, the server rolls back by itself.
    if let Err(error) = AnsiTransactionManager::rollback_transaction(conn) {
        tracing::debug!(%error, "a connection was lost before the rollback");
    }
    if let Some(error) = unserializable {
        return Err(error);
    }
    if commit == Commit::Yes { Err(StoreError::other(FailedTransaction)) } else { Ok(()) }
}

/// Tells of what was committed: here at once, to others soon, or with the next heartbeat when there is no hurry.
fn publish(conn: &mut Conn, publisher: &Publisher, changes: &[Change], hurried: bool) {
    if changes.is_empty() {
        return;
    }
    publisher.report(changes);
    if publisher.is_sending() && publisher.post(changes, hurried) {
        return;
    }
    if let Err(error) = broadcast::tell(conn, changes) {
        tracing::warn!(%error, "other servers were not told of a change; they forget it when they miss this one");
        publisher.post(changes, hurried);
    }
}

/// Without `Debug`, for there is a password in the URL.
struct Manager {
    known: Arc<Known>,
    url: String,
    connect_timeout: Duration,
    statement_timeout: Duration,
}

/// Nobody used the connection when it ended.
#[derive(Debug, thiserror::Error)]
#[error("the server closed an idle connection")]
struct Closed;

impl Living for Conn {
    fn is_alive(&mut self) -> bool {
        // Looks into the socket without asking the server: one call reads its last words, the next one that it is gone.
        (0..2).all(|_| self.notifications_iter().all(|notification| notification.is_ok()))
    }
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = StoreError;

    fn connect(&self) -> Result<Conn, StoreError> {
        // What English has no words for is not guessed at.
        let refused = |error| if self.known.may_refuse_abroad() { error } else { as_told(error) };
        let mut conn = connect(&self.url, self.connect_timeout).map_err(refused)?;
        // A transaction here never waits for anything but this process. Statements read few rows by index: without being
        // told, the planner takes a thousand of them for dearer than reading a table of a hundred thousand, by two workers.
        let settings = format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = 60000; SET jit = off; \
             SET random_page_cost = 1.1; SET max_parallel_workers_per_gather = 0",
            self.statement_timeout.as_millis()
        );
        conn.batch_execute(&settings).map_err(store_error)?;
        language::settle(&mut conn, &self.known);
        Ok(conn)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), StoreError> {
        if conn.is_alive() { Ok(()) } else { Err(StoreError::unavailable(Outage::Unreachable, Closed)) }
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        let status = AnsiTransactionManager::transaction_manager_status_mut(conn);
        !status.transaction_depth().is_ok_and(|depth| depth.is_none())
    }
}

/// Connects, with limits on how long a dead peer goes unnoticed where the URL sets none.
pub(crate) fn connect(url: &str, timeout: Duration) -> Result<Conn, StoreError> {
    // libpq counts whole seconds, and zero is for ever.
    let connect_timeout = timeout.as_secs().max(1).to_string();
    let defaults = [
        ("application_name", "doorward"),
        ("connect_timeout", connect_timeout.as_str()),
        ("keepalives_idle", "30"),
        ("keepalives_interval", "10"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
    ];
    let mut url = tls::with_roots(url, || openssl_probe::probe().cert_file).into_owned();
    for (name, value) in defaults {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.extend([name, "=", value]);
        }
    }
    Conn::establish(&url).map_err(connect_error)
}
