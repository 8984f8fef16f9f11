//! Opening the database that a URL names.

use crate::migrate::{self, Pending};
use crate::options::Options;
use crate::pool::PoolStatus;
use crate::postgres::{self, Broadcast, PostgresBackend};
use crate::sqlite::{self, SqliteBackend};
use doorward_ports::changes::ChangeLog;
use doorward_ports::{Store, StoreError};
use std::error::Error as StdError;
use std::path::{Path, PathBuf};

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that is known here.
    #[error("the database URL must begin with `postgres://`, `postgresql://` or `sqlite:`")]
    UnknownScheme,
    /// The URL names no file.
    #[error("the database URL `{0}` names no file; write `sqlite:///path/to/file`")]
    NoFile(String),
    /// The folder of the SQLite file is missing.
    #[error("the folder `{}` of the database file does not exist", .0.display())]
    MissingFolder(PathBuf),
    /// There is no connection to be had.
    #[error("cannot connect to the database")]
    Connect(#[source] StoreError),
    /// The file cannot be made or read.
    #[error("cannot open the database file `{}`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection or the thread that writes cannot be set up.
    #[error("cannot prepare the database")]
    Prepare(#[source] Box<dyn StdError + Send + Sync>),
    /// A migration failed; it left no trace.
    #[error("cannot bring the database up to date")]
    Migration(#[source] Box<dyn StdError + Send + Sync>),
    /// Migrations are missing and [`Options::auto_migrate`] is off.
    #[error("the database lacks the migrations {}; apply them with `doorward migrate`", .0.join(", "))]
    PendingMigrations(Vec<String>),
    /// A newer version of this program has changed the database.
    #[error("the database was changed by a newer version of this program (migrations {})", .0.join(", "))]
    NewerDatabase(Vec<String>),
}

impl OpenError {
    pub(crate) fn prepare(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Prepare(cause.into())
    }
}

/// The databases that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file, read and written by this process alone.
    Sqlite,
    /// A server.
    Postgres,
}

impl DatabaseKind {
    /// For people and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// An open database. It closes when this and every clone of its parts are dropped; writes that were accepted before are
/// finished first.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// For the metrics.
    pub pool: PoolHandle,
}

/// Keeps this process hearing of what others change, and others of what it changes; see [`Opened::watch_changes`].
#[derive(Debug)]
pub struct ChangeWatch(#[expect(dead_code, reason = "it is kept for its end")] Option<Broadcast>);

impl Opened {
    /// What has changed since it was read; to be used while somebody watches.
    #[must_use]
    pub fn changes(&self) -> ChangeLog {
        match &self.pool.0 {
            Backend::Sqlite(backend) => backend.changes().clone(),
            Backend::Postgres(backend) => backend.changes().clone(),
        }
    }

    /// Begins to hear of what other processes change in the database, and to tell them cheaply of what is changed here.
    /// Meant for servers: without it changes are still told, each within its transaction, and [`Self::changes`] is never
    /// vouched for. Fails when no thread can be started.
    pub fn watch_changes(&self) -> std::io::Result<ChangeWatch> {
        match &self.pool.0 {
            Backend::Sqlite(backend) => {
                backend.watch_changes();
                Ok(ChangeWatch(None))
            }
            Backend::Postgres(backend) => backend.watch_changes().map(|broadcast| ChangeWatch(Some(broadcast))),
        }
    }
}

/// Tells which database is open and how busy it is; cheap to clone.
#[derive(Clone, Debug)]
pub struct PoolHandle(Backend);

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(SqliteBackend),
    Postgres(PostgresBackend),
}

impl PoolHandle {
    /// Which database it is.
    #[must_use]
    pub const fn kind(&self) -> DatabaseKind {
        match self.0 {
            Backend::Sqlite(_) => DatabaseKind::Sqlite,
            Backend::Postgres(_) => DatabaseKind::Postgres,
        }
    }

    /// How busy it is.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        match &self.0 {
            Backend::Sqlite(backend) => backend.pool_status(),
            Backend::Postgres(backend) => backend.pool_status(),
        }
    }
}

/// Opens the database that `url` names, and brings its schema up to date unless that is switched off.
///
/// `postgres://` and `postgresql://` name a server, `sqlite://path` (or `sqlite:path`) a file, which is made if it is
/// missing. Blocks for as long as connecting and migrating take.
///
/// ```no_run
/// # fn main() -> Result<(), doorward_storage::OpenError> {
/// let opened = doorward_storage::open("sqlite:///var/lib/doorward/doorward.db", &Default::default())?;
/// let store = opened.store;
/// # Ok(())
/// # }
/// ```
pub fn open(url: &str, options: &Options) -> Result<Opened, OpenError> {
    let pending = if options.auto_migrate { Pending::Run } else { Pending::List };
    let versions = migrate_at(url, options, pending)?;
    if !options.auto_migrate && !versions.is_empty() {
        return Err(OpenError::PendingMigrations(versions));
    }
    Ok(match Address::parse(url)? {
        Address::Postgres(url) => {
            let backend = PostgresBackend::new(url, options);
            Opened { store: Store::new(backend.clone()), pool: PoolHandle(Backend::Postgres(backend)) }
        }
        Address::Sqlite(path) => {
            let backend = SqliteBackend::open(&path, options)?;
            Opened { store: Store::new(backend.clone()), pool: PoolHandle(Backend::Sqlite(backend)) }
        }
    })
}

/// The versions of the migrations that the database at `url` lacks.
pub fn pending_migrations(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
    migrate_at(url, options, Pending::List)
}

/// Applies the migrations that the database at `url` lacks, and returns their versions. Of several at once, one does
/// the work and the others wait.
pub fn run_migrations(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
    migrate_at(url, options, Pending::Run)
}

fn migrate_at(url: &str, options: &Options, pending: Pending) -> Result<Vec<String>, OpenError> {
    match Address::parse(url)? {
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout).map_err(OpenError::Connect)?;
            migrate::migrate_postgres(&mut conn, pending)
        }
        Address::Sqlite(path) => {
            let mut conn = sqlite::connect_to_migrate(&path)?;
            migrate::migrate_sqlite(&mut conn, pending)
        }
    }
}

pub(crate) enum Address<'a> {
    Postgres(&'a str),
    Sqlite(PathBuf),
}

impl<'a> Address<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        let path = path.ok_or(OpenError::UnknownScheme)?;
        // A database in memory belongs to one connection, and here are several.
        if path.is_empty() || path.ends_with('/') || path.contains(":memory:") {
            return Err(OpenError::NoFile(url.to_owned()));
        }
        let path = std::path::absolute(path).map_err(|source| OpenError::File { path: path.into(), source })?;
        match path.parent() {
            Some(folder) if folder.is_dir() => Ok(Self::Sqlite(path)),
            folder => Err(OpenError::MissingFolder(folder.unwrap_or(Path::new("/")).to_owned())),
        }
    }
}
