//! SQLite: one thread that writes, several connections that read.

mod advisory;
mod filters;
mod folds;
mod hot;
mod lists;
mod moments;
mod owner;
mod place;
mod room;
mod writer;

/// A query that takes a row lock, which one writer does not need.
macro_rules! row_lock {
    ($query:expr, $($lock:ident).+) => {
        $query
    };
}

#[path = "queries/mod.rs"]
mod queries;

pub(crate) use queries::jobs::list as jobs;

use crate::changes::Publisher;
use crate::error::store_error;
use crate::known::Known;
use crate::open_error::OpenError;
use crate::options::Options;
use crate::pool::{Limits, Pool, PoolStatus};
use crate::unit_of_work::{Living, UnitOfWork};
use async_trait::async_trait;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use doorward_ports::bus::Bus;
use doorward_ports::changes::ChangeLog;
use doorward_ports::{Outage, StoreBackend, StoreError, Work, WorkMode};
use r2d2::ManageConnection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use writer::Writer;

/// The connection that the queries are compiled for.
type Conn = SqliteConnection;

/// How long a connection waits for a lock that another process holds: a backup, say.
const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 5000;";

/// SQLite behind the store port.
#[derive(Clone, Debug)]
pub(crate) struct SqliteBackend {
    readers: Pool<Readers>,
    writer: Arc<Writer>,
    deadline: Duration,
    publisher: Publisher,
}

impl SqliteBackend {
    /// Opens a database whose schema is up to date.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let settings = format!(
            // The log is copied into the database every 4000 pages (16 MB), for each copy stops the writer for a while.
            "{BUSY_TIMEOUT} PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = 4000; \
             PRAGMA journal_size_limit = 67108864;",
            options.sqlite_synchronous.as_str()
        );
        let file = path.to_owned();
        let connect = move || {
            let mut conn = connect(&file)?;
            conn.batch_execute(&settings).map_err(store_error)?;
            Ok(conn)
        };
        let publisher = Publisher::default();
        let writer = Writer::start(path.to_owned(), connect, publisher.clone(), Arc::new(Known::default()))
            .map_err(OpenError::Prepare)?;
        let readers = Readers { path: path.to_owned() };
        Ok(Self {
            readers: Pool::new(
                readers,
                Limits {
                    max: options.sqlite_pool_size(),
                    acquire: options.connect_timeout.std(),
                    deadline: options.deadline.std(),
                    statement: Duration::ZERO,
                },
            ),
            writer: Arc::new(writer),
            deadline: options.deadline.std(),
            publisher,
        })
    }

    pub(crate) fn bus(&self) -> &Bus {
        self.publisher.bus()
    }

    pub(crate) fn changes(&self) -> &ChangeLog {
        self.publisher.log()
    }

    /// Begins to notice what other processes change.
    pub(crate) fn watch_changes(&self) {
        self.writer.watch();
    }

    pub(crate) fn pool_status(&self) -> PoolStatus {
        let mut status = self.readers.status();
        status.waiting += self.writer.waiting();
        status
    }
}

#[async_trait]
impl StoreBackend for SqliteBackend {
    async fn run(&self, mode: WorkMode, work: Work) -> Result<(), StoreError> {
        match mode {
            // There is one writer, so all that is written is in order.
            WorkMode::Write | WorkMode::Serializable | WorkMode::AtOnce => {
                self.writer.run(mode, work, self.deadline).await
            }
            WorkMode::Read => {
                let job = self.readers.run(move |turn| {
                    let lifeline = turn.lifeline();
                    turn.with(
                        |_| Ok(()),
                        |conn| {
                            work(&mut UnitOfWork::reading(conn).on(lifeline));
                        },
                    )
                });
                job.await
            }
        }
    }
}

impl Living for Conn {
    fn is_alive(&mut self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
}

impl ManageConnection for Readers {
    type Connection = Conn;
    type Error = StoreError;

    fn connect(&self) -> Result<Conn, StoreError> {
        let mut conn = connect(&self.path)?;
        conn.batch_execute(&format!("{BUSY_TIMEOUT} PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;"))
            .map_err(store_error)?;
        Ok(conn)
    }

    fn is_valid(&self, _conn: &mut Conn) -> Result<(), StoreError> {
        Ok(())
    }

    fn has_broken(&self, _conn: &mut Conn) -> bool {
        false
    }
}

fn connect(path: &Path) -> Result<Conn, StoreError> {
    let path = path.to_str().ok_or_else(|| StoreError::other("the path of the database is not UTF-8"))?;
    Conn::establish(path).map_err(|error| StoreError::unavailable(Outage::Unreachable, error))
}

/// Connects in order to migrate: makes the file if it is missing, readable for this user alone. Foreign keys are off, as
/// SQLite wants it for rebuilding tables.
pub(crate) fn connect_to_migrate(path: &Path) -> Result<Conn, OpenError> {
    let mut file = std::fs::OpenOptions::new();
    file.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let mut conn = connect(path).map_err(OpenError::Connect)?;
    conn.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA foreign_keys = OFF;").map_err(OpenError::prepare)?;
    Ok(conn)
}

/// Connects in order to look, without making anything. As long as there is no log beside the file nobody uses it, and it
/// is taken as it is; else SQLite keeps its own files up to date.
pub(crate) fn connect_to_look(path: &Path) -> Result<Conn, OpenError> {
    let text = path.to_str().ok_or_else(|| OpenError::prepare("the path of the database is not UTF-8"))?;
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    let mode = if PathBuf::from(log).exists() { "mode=ro" } else { "immutable=1" };
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let conn = Conn::establish(&format!("file://{escaped}?{mode}"));
    conn.map_err(|error| OpenError::Connect(StoreError::unavailable(Outage::Unreachable, error)))
}

/// Connects in order to write many rows, without waiting for the disk before the end.
pub(crate) fn connect_to_seed(path: &Path) -> Result<Conn, OpenError> {
    let mut conn = connect(path).map_err(OpenError::Connect)?;
    let settings = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -200000;";
    conn.batch_execute(&format!("{BUSY_TIMEOUT} {settings}")).map_err(OpenError::prepare)?;
    Ok(conn)
}
