//! How a database is used.

use doorward_domain::settings::{Defects, Section, Span};
use serde::{Deserialize, Serialize};

/// The section `database` of the settings: how a database is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Options {
    /// Bring the schema up to date when opening; else opening fails when it is not.
    pub auto_migrate: bool,
    /// Most connections at once. On SQLite these read, and one more writes. 0: four per core and at least eight on
    /// PostgreSQL, four on SQLite.
    pub pool_size: u32,
    /// How long to wait for a free connection before [`StoreError::Unavailable`](doorward_ports::StoreError), and for
    /// PostgreSQL to accept a new one.
    pub connect_timeout: Span,
    /// How long one statement may take on PostgreSQL; zero means any time.
    pub statement_timeout: Span,
    /// How long the database may say nothing to a call before its connection counts as lost. Longer than
    /// `statement_timeout`, within which a database that is well answers.
    pub deadline: Span,
    /// When SQLite waits for the disk.
    pub sqlite_synchronous: Synchronous,
}

impl Section for Options {
    const NAME: &'static str = "database";

    fn check(&self, defects: &mut Defects) {
        defects.unless(self.pool_size <= 1000, "pool_size", "must not be more than 1000");
        defects.at_least_a_second("connect_timeout", self.connect_timeout);
        defects.at_least_a_second("deadline", self.deadline);
        let is_longer = self.deadline > self.statement_timeout;
        defects.unless(is_longer, "deadline", "must be longer than `database.statement_timeout`");
    }
}

impl Options {
    /// Connections to PostgreSQL: enough to keep a core busy while others wait for the disk.
    pub(crate) fn postgres_pool_size(&self) -> u32 {
        if self.pool_size > 0 {
            return self.pool_size;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        u32::try_from(cores * 4).unwrap_or(u32::MAX).max(8)
    }

    /// Readers of SQLite.
    pub(crate) const fn sqlite_pool_size(&self) -> u32 {
        if self.pool_size > 0 { self.pool_size } else { 4 }
    }
}

/// When SQLite waits for the disk. Neither setting endangers the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// At every commit: nothing that was answered is lost when the power fails.
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

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::defaults;

    #[test]
    fn the_deadline_is_longer_than_a_statement_may_take() {
        let usual: Options = defaults(Options::NAME);
        assert!(usual.defects().is_empty());
        let short = Options { deadline: usual.statement_timeout, pool_size: 1001, ..usual };
        assert_eq!(
            short.defects(),
            [
                "the setting `database.pool_size` must not be more than 1000",
                "the setting `database.deadline` must be longer than `database.statement_timeout`",
            ]
        );
    }
}
