//! Why a database is not opened.

use crate::error::is_unsafe;
use doorward_ports::{Outage, StoreError};
use std::error::Error as StdError;
use std::path::PathBuf;

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that is known here.
    #[error(
        "the database URL must begin with `postgres://`, `postgresql://` or `sqlite:`; `host=.. password=..` is not taken"
    )]
    UnknownScheme,
    /// A character of the password, or of the user's name, ends it before its end. Nothing of the URL is repeated.
    #[error(
        "the database URL holds an `@` or a `/` where neither can be; in a user name or a password write `%40` for `@`, \
         `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, `%23` for `#` and `%25` for `%`"
    )]
    Unescaped,
    /// The URL names no file.
    #[error("the database URL `{0}` names no file; write `sqlite:///path/to/file`")]
    NoFile(String),
    /// The folder of the SQLite file is missing.
    #[error("the folder `{}` of the database file does not exist", .0.display())]
    MissingFolder(PathBuf),
    /// Another server uses the SQLite file.
    #[error("another server uses the database file `{}`; one file is for one server, several need PostgreSQL", .0.display())]
    InUse(PathBuf),
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
    /// Migrations are missing and [`Options::auto_migrate`](crate::Options::auto_migrate) is off.
    #[error("the database lacks the migrations {}; apply them with `doorward migrate`", .0.join(", "))]
    PendingMigrations(Vec<String>),
    /// Migrations are missing, and the database takes no changes.
    #[error(
        "the database takes no changes at the moment, as a standby does, and lacks the migrations {}; they are applied as \
         soon as it does", .0.join(", ")
    )]
    ReadOnly(Vec<String>),
    /// The database cannot store every name.
    #[error(
        "the database has the encoding {0}; it must have UTF8: CREATE DATABASE .. ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding(String),
    /// A newer version of this program has changed the database.
    #[error("the database was changed by a newer version of this program (migrations {})", .0.join(", "))]
    NewerDatabase(Vec<String>),
}

impl OpenError {
    /// Whether trying again may help: the database is away or takes no changes, and that may pass.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            // Certificates and tables that are missing do not come by themselves.
            Self::Connect(error) if is_unsafe(error) => false,
            Self::Connect(error) => error.outage().is_some_and(|outage| outage != Outage::MissingTables),
            Self::ReadOnly(_) => true,
            Self::UnknownScheme
            | Self::Unescaped
            | Self::NoFile(_)
            | Self::MissingFolder(_)
            | Self::InUse(_)
            | Self::File { .. }
            | Self::Prepare(_)
            | Self::Migration(_)
            | Self::PendingMigrations(_)
            | Self::Encoding(_)
            | Self::NewerDatabase(_) => false,
        }
    }

    pub(crate) fn prepare(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Prepare(cause.into())
    }
}
