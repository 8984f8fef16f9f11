//! How a database is used.

use std::time::Duration;

/// How a database is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bring the schema up to date when opening; else opening fails when it is not.
    pub auto_migrate: bool,
    /// Most connections at once. On SQLite these read, and one more writes. `None`: four per core and at least eight on
    /// PostgreSQL, four on SQLite.
    pub pool_size: Option<u32>,
    /// How long to wait for a free connection before [`StoreError::Unavailable`](doorward_ports::StoreError), and for
    /// PostgreSQL to accept a new one.
    pub connect_timeout: Duration,
    /// How long one statement may take on PostgreSQL; zero means any time.
    pub statement_timeout: Duration,
    /// How long the database may say nothing to a call before its connection counts as lost. Longer than
    /// `statement_timeout`, within which a database that is well answers.
    pub deadline: Duration,
    /// When SQLite waits for the disk.
    pub synchronous: Synchronous,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_migrate: true,
            pool_size: None,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(15),
            synchronous: Synchronous::Full,
        }
    }
}

impl Options {
    /// Connections to PostgreSQL: enough to keep a core busy while others wait for the disk.
    pub(crate) fn postgres_pool_size(&self) -> u32 {
        self.pool_size.unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
            u32::try_from(cores * 4).unwrap_or(u32::MAX).max(8)
        })
    }

    /// Readers of SQLite.
    pub(crate) fn sqlite_pool_size(&self) -> u32 {
        self.pool_size.unwrap_or(4)
    }
}

/// When SQLite waits for the disk. Neither setting endangers the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// At every commit: nothing that was answered is lost when the power fails.
    #[default]
    Full,
    /// Now and then: the last moments before a power failure may be lost.
    Normal,
}

impl Synchronous {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}
