//! The thread that writes.
//!
//! SQLite lets one connection write at a time, and a durable commit waits for the disk. So all writes go to one thread,
//! which takes what is waiting, runs each piece of work in a savepoint of its own inside one transaction, commits once
//! and answers all: many share one wait for the disk, and none is answered before it is safe.
//!
//! Callers come in waves: those who were answered send their next work while the following batch waits for the disk. So
//! as not to end up with half of them in every batch, the thread waits a moment for as many as there were lately, but no
//! longer than half of what the disk takes.

use super::Conn;
use super::place::{Moved, Place};
use crate::changes::Publisher;
use crate::error::store_error;
use crate::known::Known;
use crate::pool::NoAnswer;
use crate::unit_of_work::{FailedTransaction, UnitOfWork};
use diesel::RunQueryDsl as _;
use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::dsl::sql;
use diesel::result::Error as DieselError;
use diesel::sql_types::BigInt;
use doorward_ports::changes::Change;
use doorward_ports::{Commit, Outage, StoreError, Work, WorkMode};
use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most pieces of work in one transaction, so that the first of them does not wait for long.
const BATCH: usize = 64;

/// Longest wait for callers that may come.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

struct Job {
    mode: WorkMode,
    work: Work,
    answer: Answer,
    /// Set when its caller has given up waiting, and was told that nothing was done.
    given_up: Arc<AtomicBool>,
}

type Answer = oneshot::Sender<Result<(), StoreError>>;
type Answers = Vec<(Answer, Result<(), StoreError>)>;

/// Between two looks at whether another process has written.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// For so long after a look what is remembered is used.
const TRUST: Duration = Duration::from_millis(600);

/// Sends work to the thread that writes. Dropping it waits until accepted work is done.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
    watching: Arc<AtomicBool>,
}

/// The thread that writes is gone.
#[derive(Debug, thiserror::Error)]
#[error("the database is closed")]
struct Closed;

/// Work panicked.
#[derive(Debug, thiserror::Error)]
#[error("a store closure panicked: {0}")]
struct Panicked(String);

impl Writer {
    /// Starts the thread with a connection of its own, which is made anew should it ever break.
    pub(super) fn start(
        path: PathBuf,
        connect: impl Fn() -> Result<Conn, StoreError> + Send + 'static,
        publisher: Publisher,
        known: Arc<Known>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut conn = connect()?;
        let file = Place::of(path)?;
        let (jobs, queue) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&waiting);
        let watching = Arc::new(AtomicBool::new(false));
        let mut watch = Watch { on: Arc::clone(&watching), next: Instant::now(), version: None };
        let thread = std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            let mut pace = Pace::default();
            while let Some(batch) = next_batch(&queue, &pace) {
                if batch.is_empty() {
                    watch.look(&mut conn, &publisher);
                    continue;
                }
                counter.fetch_sub(batch.len(), Ordering::Relaxed);
                if let Err(moved) = file.is_unchanged() {
                    refuse(batch, &moved);
                    continue;
                }
                let (answers, changes, committing) = run_batch(&mut conn, batch, &known);
                // Before anybody is answered. Whatever may have been committed counts.
                publisher.report(&changes);
                pace = Pace {
                    callers: answers.len() + counter.load(Ordering::Relaxed),
                    pause: (committing / 2).min(LONGEST_PAUSE),
                };
                // Nobody waits when the caller was dropped.
                for (answer, result) in answers {
                    drop(answer.send(result));
                }
                let status = AnsiTransactionManager::transaction_manager_status_mut(&mut conn);
                if !status.transaction_depth().is_ok_and(|depth| depth.is_none()) {
                    match connect() {
                        Ok(new) => {
                            conn = new;
                            watch.version = None;
                        }
                        Err(error) => tracing::error!(%error, "the connection that writes is broken"),
                    }
                }
                watch.look(&mut conn, &publisher);
            }
        })?;
        Ok(Self { jobs: Some(jobs), waiting, thread: Some(thread), watching })
    }

    /// Calls that have not begun.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Begins to notice what other processes write.
    pub(super) fn watch(&self) {
        self.watching.store(true, Ordering::SeqCst);
    }

    /// Waits for the writer for at most `deadline`. Work that has not begun by then is not done at all.
    pub(super) async fn run(&self, mode: WorkMode, work: Work, deadline: Duration) -> Result<(), StoreError> {
        let (answer, receive) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(|| StoreError::other(Closed))?;
        let given_up = Arc::new(AtomicBool::new(false));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        jobs.send(Job { mode, work, answer, given_up: Arc::clone(&given_up) })
            .map_err(|closed| StoreError::other(closed.to_string()))?;
        if let Ok(answered) = tokio::time::timeout(deadline, receive).await {
            return answered.map_err(StoreError::other)?;
        }
        given_up.store(true, Ordering::SeqCst);
        Err(StoreError::unavailable(Outage::Silent, NoAnswer(deadline)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without a sender the thread ends when the queue is empty.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes to the database has panicked");
        }
    }
}

/// Answers work without doing it.
fn refuse(batch: Vec<Job>, why: &Moved) {
    tracing::error!(error = %why, "nothing is written");
    for job in batch {
        drop(job.answer.send(Err(StoreError::unavailable(Outage::Unreachable, why.clone()))));
    }
}

/// How many callers there were lately, and how long to wait for them.
#[derive(Default)]
struct Pace {
    callers: usize,
    pause: Duration,
}

/// Notices what other processes write, on the connection that writes here: its `data_version` changes with the commits of
/// all others, and here are no others.
struct Watch {
    on: Arc<AtomicBool>,
    next: Instant,
    version: Option<i64>,
}

impl Watch {
    fn look(&mut self, conn: &mut Conn, publisher: &Publisher) {
        let now = Instant::now();
        if now < self.next || !self.on.load(Ordering::SeqCst) {
            return;
        }
        self.next = now + LOOK_EVERY;
        let version = sql::<BigInt>("data_version FROM pragma_data_version");
        match diesel::select(version).get_result::<i64>(conn) {
            Ok(version) => {
                if self.version.replace(version) != Some(version) {
                    publisher.log().report_everything();
                }
                publisher.log().extend_lease(now + TRUST);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot tell whether another process has written");
                publisher.log().revoke_lease();
            }
        }
    }
}

/// Waits for work and takes what is there, which may be nothing after a while; `None` when there will be no more.
fn next_batch(queue: &mpsc::Receiver<Job>, pace: &Pace) -> Option<Vec<Job>> {
    let mut batch = match queue.recv_timeout(LOOK_EVERY) {
        Ok(job) => vec![job],
        Err(mpsc::RecvTimeoutError::Timeout) => return Some(Vec::new()),
        Err(mpsc::RecvTimeoutError::Disconnected) => return None,
    };
    let began = Instant::now();
    while batch.len() < BATCH {
        let job = if batch.len() < pace.callers {
            queue.recv_timeout(pace.pause.saturating_sub(began.elapsed())).ok()
        } else {
            queue.try_recv().ok()
        };
        let Some(job) = job else { break };
        batch.push(job);
    }
    Some(batch)
}

/// Runs and commits a batch; returns what to answer, what it may have changed, and how long the commit took.
fn run_batch(conn: &mut Conn, batch: Vec<Job>, known: &Arc<Known>) -> (Answers, Vec<Change>, Duration) {
    let alone = batch.len() == 1;
    let mut jobs = batch.into_iter();
    let mut answers = Vec::with_capacity(jobs.len());
    let mut changes = Vec::new();
    let mut worked = Instant::now();
    let committed = conn.immediate_transaction(|conn| {
        for Job { mode, work, answer, given_up } in jobs.by_ref() {
            if given_up.load(Ordering::SeqCst) {
                continue;
            }
            let run = if alone { in_transaction } else { in_savepoint };
            let (result, end) = run(conn, mode, work, &mut changes, known);
            answers.push((answer, result));
            end?;
        }
        worked = Instant::now();
        Ok(())
    });
    let committing = worked.elapsed();
    let failure = committed.err().filter(|error| !matches!(error, DieselError::RollbackTransaction));
    let failure = failure.map(store_error);
    // Work that never began, because there was no transaction to be had, learns why.
    answers.extend(jobs.map(|job| (job.answer, Ok(()))));
    if let Some(failure) = failure {
        if failure.outage() == Some(Outage::Full) {
            known.found_full(Instant::now());
        }
        for (_, result) in answers.iter_mut().filter(|(_, result)| result.is_ok()) {
            let outage = failure.outage().unwrap_or(Outage::Overloaded);
            *result = Err(StoreError::unavailable(outage, failure.to_string()));
        }
    }
    (answers, changes, committing)
}

/// What the caller is told, and whether the transaction goes on.
type CommitOutcome = (Result<(), StoreError>, Result<(), DieselError>);

/// Runs work that has the transaction for itself, and ends it when nothing is to be kept.
fn in_transaction(
    conn: &mut Conn,
    mode: WorkMode,
    work: Work,
    changes: &mut Vec<Change>,
    known: &Arc<Known>,
) -> CommitOutcome {
    let (keep, result) = perform(conn, mode, work, changes, known);
    (result, if keep { Ok(()) } else { Err(DieselError::RollbackTransaction) })
}

/// Runs work that shares the transaction. When its savepoint cannot be set or left, SQLite has given up the transaction
/// by itself (the disk is full, say), and nothing of the batch is kept.
fn in_savepoint(
    conn: &mut Conn,
    mode: WorkMode,
    work: Work,
    changes: &mut Vec<Change>,
    known: &Arc<Known>,
) -> CommitOutcome {
    if let Err(error) = AnsiTransactionManager::begin_transaction(conn) {
        return (Ok(()), Err(error));
    }
    let (keep, result) = perform(conn, mode, work, changes, known);
    let left = if keep {
        AnsiTransactionManager::commit_transaction(conn)
    } else {
        AnsiTransactionManager::rollback_transaction(conn)
    };
    (result, left)
}

/// Runs work; tells whether to keep what it wrote, and adds what it changed if so.
fn perform(
    conn: &mut Conn,
    mode: WorkMode,
    work: Work,
    changes: &mut Vec<Change>,
    known: &Arc<Known>,
) -> (bool, Result<(), StoreError>) {
    let mut session = UnitOfWork::in_transaction(conn).at(known);
    let done = catch_unwind(AssertUnwindSafe(|| work(&mut session)));
    let (failed, reported) = (session.has_failed(), session.take_changes());
    let again = session.take_unserializable();
    let (keep, result) = match (done, mode) {
        (Err(panic), _) => (false, Err(StoreError::other(Panicked(message(&*panic))))),
        (Ok(_), _) if again.is_some() => (false, again.map_or(Ok(()), Err)),
        (Ok(_), WorkMode::AtOnce) => (!failed, Ok(())),
        (Ok(Commit::Yes), _) if failed => (false, Err(StoreError::other(FailedTransaction))),
        (Ok(commit), _) => (commit == Commit::Yes, Ok(())),
    };
    if keep {
        changes.extend(reported);
    }
    (keep, result)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
