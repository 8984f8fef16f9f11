//! Bringing the schema up to date.

use crate::open_error::OpenError;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryDsl as _, QueryResult, RunQueryDsl as _, SqliteConnection};
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

/// Applies what is pending, one server at a time. Returns the versions concerned. When nothing is, nothing is written, so that
/// a database will do that takes no changes.
pub(crate) fn run_postgres(conn: &mut PgConnection) -> Result<Vec<String>, OpenError> {
    let lacking = pending_postgres(conn)?;
    if lacking.is_empty() {
        return Ok(lacking);
    }
    let read_only = sql::<Bool>("current_setting('transaction_read_only')::boolean");
    if diesel::select(read_only).get_result(conn).map_err(OpenError::prepare)? {
        return Err(OpenError::ReadOnly(lacking));
    }
    // The lock goes with the connection, whatever happens here.
    conn.batch_execute(&format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"))
        .map_err(OpenError::prepare)?;
    let versions = run(conn, POSTGRES)?;
    conn.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).map_err(OpenError::prepare)?;
    Ok(versions)
}

/// Applies what is pending, one server at a time. Returns the versions concerned.
pub(crate) fn run_sqlite(conn: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    conn.immediate_transaction(|conn| run(conn, SQLITE))
}

/// Lists what is pending, and changes nothing.
pub(crate) fn list_postgres(conn: &mut PgConnection) -> Result<Vec<String>, OpenError> {
    conn.batch_execute("SET default_transaction_read_only = on").map_err(OpenError::prepare)?;
    pending_postgres(conn)
}

/// Whether this role may make tables where they would be made.
pub(crate) fn may_change_postgres(conn: &mut PgConnection) -> Result<bool, OpenError> {
    let allowed = sql::<Bool>("coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)");
    Ok(diesel::select(allowed).get_result(conn)?)
}

fn pending_postgres(conn: &mut PgConnection) -> Result<Vec<String>, OpenError> {
    let encoding: String = diesel::select(sql::<Text>("current_setting('server_encoding')")).get_result(conn)?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding));
    }
    let table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    let exists: bool = diesel::select(table).get_result(conn).map_err(OpenError::prepare)?;
    let applied = if exists { applied_postgres(conn).map_err(OpenError::prepare)? } else { Vec::new() };
    pending::<Pg>(&applied, &POSTGRES)
}

/// Lists what is pending, and changes nothing.
pub(crate) fn list_sqlite(conn: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let table = sql::<Bool>("EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')");
    let exists: bool = diesel::select(table).get_result(conn).map_err(OpenError::prepare)?;
    let applied = if exists { applied_sqlite(conn).map_err(OpenError::prepare)? } else { Vec::new() };
    pending::<Sqlite>(&applied, &SQLITE)
}

/// All that a new database lacks.
pub(crate) fn known_sqlite() -> Result<Vec<String>, OpenError> {
    pending::<Sqlite>(&[], &SQLITE)
}

fn applied_postgres(conn: &mut PgConnection) -> QueryResult<Vec<String>> {
    __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(conn)
}

fn applied_sqlite(conn: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(conn)
}

diesel::table! {
    /// Where diesel notes what was applied.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

impl From<diesel::result::Error> for OpenError {
    fn from(error: diesel::result::Error) -> Self {
        Self::prepare(error)
    }
}

/// Those of the known migrations that are not among the applied ones, in their order. Applied ones that are not known are
/// an error: a newer program has been here.
fn pending<DB: Backend>(applied: &[String], known: &EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let ours = MigrationSource::<DB>::migrations(known).map_err(OpenError::Migration)?;
    let mut ours: Vec<String> = ours.iter().map(|migration| migration.name().version().to_string()).collect();
    let mut unknown: Vec<String> = applied.iter().filter(|version| !ours.contains(version)).cloned().collect();
    if !unknown.is_empty() {
        unknown.sort();
        return Err(OpenError::NewerDatabase(unknown));
    }
    ours.retain(|version| !applied.contains(version));
    ours.sort();
    Ok(ours)
}

fn run<DB, C>(conn: &mut C, known: EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let applied = conn.applied_migrations().map_err(OpenError::Migration)?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    pending::<DB>(&applied, &known)?;
    let versions = conn.run_pending_migrations(known).map_err(OpenError::Migration)?;
    Ok(versions.iter().map(ToString::to_string).collect())
}
