//! Opening the database that a URL names.

use crate::migrate::{self, Pending};
use crate::open_error::OpenError;
use crate::options::Options;
use crate::pool::PoolStatus;
use crate::postgres::{self, Broadcast, PostgresBackend};
use crate::rows::{CryptoKeyRow, entities};
use crate::schema::{crypto_keys, server_keys};
use crate::sqlite::{self, SqliteBackend};
use diesel::{OptionalExtension as _, QueryDsl as _, RunQueryDsl as _, SelectableHelper as _};
use doorward_domain::keys::CryptoKey;
use doorward_ports::changes::ChangeLog;
use doorward_ports::jobs::JobState;
use doorward_ports::{Bus, Store};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

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

    /// Wake-ups between servers; others are reached while somebody watches.
    #[must_use]
    pub fn bus(&self) -> Bus {
        match &self.pool.0 {
            Backend::Sqlite(backend) => backend.bus().clone(),
            Backend::Postgres(backend) => backend.bus().clone(),
        }
    }

    /// Begins to hear of what other processes change in the database, and to tell them cheaply of what is changed here.
    /// Meant for servers: without it changes are still told, each within its transaction, and [`Self::changes`] is never
    /// vouched for. Fails when no thread can be started.
    pub fn watch_changes(&self) -> io::Result<ChangeWatch> {
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
/// # fn run(options: &doorward_storage::Options) -> Result<(), doorward_storage::OpenError> {
/// let opened = doorward_storage::open("sqlite:///var/lib/doorward/doorward.db", options)?;
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

/// The versions of the migrations that the database at `url` lacks. Makes nothing and changes nothing; a SQLite file that
/// does not exist lacks all of them.
pub fn pending_migrations(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
    migrate_at(url, options, Pending::List)
}

/// Whether the role of the URL may apply migrations. Changes nothing.
pub fn may_migrate(url: &str, options: &Options) -> Result<bool, OpenError> {
    match Address::parse(url)? {
        Address::Sqlite(_) => Ok(true),
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?;
            migrate::may_change_postgres(&mut conn)
        }
    }
}

/// What the server keeps in the database under this name. Changes nothing; the database must be up to date.
pub fn server_key(url: &str, options: &Options, name: &str) -> Result<Option<Vec<u8>>, OpenError> {
    let find = server_keys::table.find(name).select(server_keys::value);
    let found = match Address::parse(url)? {
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?;
            find.get_result(&mut conn).optional()
        }
        Address::Sqlite(path) => find.get_result(&mut sqlite::connect_to_look(&path)?).optional(),
    };
    found.map_err(OpenError::prepare)
}

/// The stored keys of the server. Changes nothing; the database must be up to date.
pub fn crypto_keys(url: &str, options: &Options) -> Result<Vec<CryptoKey>, OpenError> {
    let rows = match Address::parse(url)? {
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?;
            crypto_keys::table.select(CryptoKeyRow::as_select()).load(&mut conn)
        }
        Address::Sqlite(path) => {
            let mut conn = sqlite::connect_to_look(&path)?;
            crypto_keys::table.select(CryptoKeyRow::as_select()).load(&mut conn)
        }
    };
    entities(rows.map_err(OpenError::prepare)?).map_err(OpenError::prepare)
}

/// All background jobs by their names, as they are stored. Changes nothing; the database must be up to date.
pub fn jobs(url: &str, options: &Options) -> Result<Vec<(String, JobState)>, OpenError> {
    let found = match Address::parse(url)? {
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?;
            postgres::jobs(&mut conn)
        }
        Address::Sqlite(path) => sqlite::jobs(&mut sqlite::connect_to_look(&path)?),
    };
    found.map_err(OpenError::prepare)
}

/// The versions of all migrations of SQLite.
pub fn known_sqlite_migrations() -> Result<Vec<String>, OpenError> {
    migrate::known_sqlite()
}

/// The right to be the only server of a database; it ends with this value, and with the process.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "it is kept for its end")] File);

/// Claims a SQLite file for one server, by a lock on a file beside it. A PostgreSQL server is for many, so there is nothing
/// to claim.
pub fn claim(url: &str) -> Result<Option<Claim>, OpenError> {
    let Address::Sqlite(path) = Address::parse(url)? else { return Ok(None) };
    // Whatever it is called by links, it is one file.
    let mut name = real(&path).map_err(|source| OpenError::File { path: path.clone(), source })?.into_os_string();
    name.push(".server");
    let lock = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&lock).map_err(|source| OpenError::File { path: lock.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim(file))),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path)),
        Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
            tracing::warn!(file = %lock.display(), "the file system has no locks; see to it that one server uses it");
            Ok(None)
        }
        Err(TryLockError::Error(source)) => Err(OpenError::File { path: lock, source }),
    }
}

/// Where a file is, behind all symbolic links; it need not be there.
fn real(path: &Path) -> io::Result<PathBuf> {
    let missing = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => error,
        found => return found,
    };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(missing) };
    path.read_link().map_or_else(|_no_link| Ok(folder.canonicalize()?.join(name)), |target| real(&folder.join(target)))
}

/// Applies the migrations that the database at `url` lacks, and returns their versions. Of several at once, one does
/// the work and the others wait.
pub fn run_migrations(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
    migrate_at(url, options, Pending::Run)
}

fn migrate_at(url: &str, options: &Options, pending: Pending) -> Result<Vec<String>, OpenError> {
    match Address::parse(url)? {
        Address::Postgres(url) => {
            let mut conn = postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?;
            match pending {
                Pending::Run => migrate::run_postgres(&mut conn),
                Pending::List => migrate::list_postgres(&mut conn),
            }
        }
        Address::Sqlite(path) => match pending {
            Pending::Run => migrate::run_sqlite(&mut sqlite::connect_to_migrate(&path)?),
            Pending::List if path.exists() => migrate::list_sqlite(&mut sqlite::connect_to_look(&path)?),
            Pending::List => migrate::known_sqlite(),
        },
    }
}

pub(crate) enum Address<'a> {
    Postgres(&'a str),
    Sqlite(PathBuf),
}

impl<'a> Address<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, OpenError> {
        if let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) {
            // The driver ends user and password at the first `@`, and looks for a server with the rest as its name, which is
            // then told to everybody.
            let before_query = rest.split('?').next().unwrap_or_default();
            let (authority, path) = before_query.split_once('/').unwrap_or((before_query, ""));
            if authority.matches('@').count() > 1 || path.contains('@') {
                return Err(OpenError::Unescaped);
            }
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
