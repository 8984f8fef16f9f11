//! Bringing the schema up to date.

use crate::open::OpenError;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub(crate) const POSTGRES: EmbeddedMigrations = embed_migrations!("../../../migrations/postgres");
pub(crate) const SQLITE: EmbeddedMigrations = embed_migrations!("../../../migrations/sqlite");

/// Key of the advisory lock that lets one server at a time change the schema.
const LOCK: i64 = 0x646f_6f72_7761_7264;

/// What is to be done about migrations that were not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// Apply them.
    Run,
    /// Say which they are.
    List,
}

/// Applies or lists what is pending, one server at a time. Returns the versions concerned.
pub(crate) fn migrate_postgres(conn: &mut PgConnection, pending: Pending) -> Result<Vec<String>, OpenError> {
    // The lock goes with the connection, whatever happens here.
    conn.batch_execute(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"))
        .map_err(OpenError::prepare)?;
    let versions = migrate(conn, POSTGRES, pending)?;
    conn.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).map_err(OpenError::prepare)?;
    Ok(versions)
}

/// Applies or lists what is pending, one server at a time. Returns the versions concerned.
pub(crate) fn migrate_sqlite(conn: &mut SqliteConnection, pending: Pending) -> Result<Vec<String>, OpenError> {
    conn.immediate_transaction(|conn| migrate(conn, SQLITE, pending))
}

impl From<diesel::result::Error> for OpenError {
    fn from(error: diesel::result::Error) -> Self {
        Self::prepare(error)
    }
}

fn migrate<DB, C>(conn: &mut C, known: EmbeddedMigrations, pending: Pending) -> Result<Vec<String>, OpenError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let applied = conn.applied_migrations().map_err(OpenError::Migration)?;
    let ours = MigrationSource::<DB>::migrations(&known).map_err(OpenError::Migration)?;
    let is_ours = |version: &diesel::migration::MigrationVersion<'_>| {
        ours.iter().any(|migration| migration.name().version() == *version)
    };
    let unknown: Vec<String> = applied.iter().filter(|version| !is_ours(version)).map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Err(OpenError::NewerDatabase(unknown));
    }
    let versions = match pending {
        Pending::Run => {
            conn.run_pending_migrations(known).map_err(OpenError::Migration)?.iter().map(ToString::to_string).collect()
        }
        Pending::List => {
            let migrations = conn.pending_migrations(known).map_err(OpenError::Migration)?;
            migrations.iter().map(|migration| migration.name().version().to_string()).collect()
        }
    };
    Ok(versions)
}
