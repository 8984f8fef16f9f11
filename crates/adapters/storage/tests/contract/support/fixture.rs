//! A fresh database for every test.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use doorward_domain::Digest;
use doorward_domain::settings::Section as _;
use doorward_ports::{Repositories, Store, StoreError};
use doorward_storage::{DatabaseKind, Opened, Options, PoolHandle, open};
use doorward_testkit::postgres;
use doorward_testkit::settings::defaults;
use uuid::Uuid;

/// Ends all connections of stores to this database.
pub(crate) const END_CONNECTIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'doorward'";

/// Defines tests that run on both databases.
macro_rules! contract {
    ($(async fn $name:ident($db:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn contract($db: Fixture) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                contract(Fixture::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                contract(Fixture::postgres()).await;
            }
        }
    )+};
}
pub(crate) use contract;

/// An open database of its own.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) pool: PoolHandle,
    pub(crate) url: String,
    _guard: Guard,
}

#[expect(dead_code, reason = "kept for being dropped")]
enum Guard {
    Folder(tempfile::TempDir),
    Database(postgres::Database),
}

/// A number that changes with the migrations.
fn migrations_mark() -> u64 {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations/postgres");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    let schema: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    Digest::of(&schema).as_bytes().iter().take(6).fold(0_u64, |mark, byte| mark << 8 | u64::from(*byte))
}

pub(crate) fn options() -> Options {
    Options { pool_size: 4, ..defaults(Options::NAME) }
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("doorward.db").display());
        let Opened { store, pool } = open(&url, &options()).unwrap();
        Self { store, pool, url, _guard: Guard::Folder(folder) }
    }

    pub(crate) fn postgres() -> Self {
        // Databases are copied from one that was migrated once; its name tells the migrations apart.
        let mark = migrations_mark();
        let cluster = postgres::cluster().unwrap();
        let migrate = |url: &str| doorward_storage::run_migrations(url, &options()).map(drop).map_err(Into::into);
        let template = cluster.template(&format!("storage_{mark:x}"), migrate).unwrap();
        let database = cluster.fresh_database_from(&template).unwrap();
        let url = database.url();
        let Opened { store, pool } = open(&url, &options()).unwrap();
        Self { store, pool, url, _guard: Guard::Database(database) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.pool.kind() == DatabaseKind::Postgres
    }

    /// Opens the same database once more, as another server would.
    pub(crate) fn open_again(&self) -> Opened {
        open(&self.url, &options()).unwrap()
    }

    /// Does something in one transaction that must succeed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// Does something in one transaction that must fail.
    pub(crate) async fn refused<T: Send + std::fmt::Debug + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> StoreError {
        self.store.write(work).await.unwrap_err()
    }

    /// Reads something.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        self.store.read(work).await.unwrap()
    }

    /// Ends the connections of all stores to this database, and waits until they are gone. On PostgreSQL.
    pub(crate) fn end_connections(&self) {
        let mut conn = PgConnection::establish(&self.url).unwrap();
        conn.batch_execute(END_CONNECTIONS).unwrap();
        let alive = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'doorward'";
        while self.number(alive) > 0 {
            std::thread::yield_now();
        }
    }

    /// Runs SQL past the store.
    pub(crate) fn execute(&self, sql: &str) {
        if self.is_postgres() {
            PgConnection::establish(&self.url).unwrap().batch_execute(sql).unwrap();
        } else {
            let mut conn = self.sqlite_connection();
            conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;").unwrap();
            conn.batch_execute(sql).unwrap();
        }
    }

    pub(crate) fn sqlite_connection(&self) -> SqliteConnection {
        SqliteConnection::establish(self.url.strip_prefix("sqlite://").unwrap()).unwrap()
    }

    /// An id as it is written in SQL.
    pub(crate) fn uuid(&self, id: Uuid) -> String {
        if self.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    }

    /// The number that a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        if self.is_postgres() {
            return number_in(&self.url, sql);
        }
        let query = diesel::sql_query(format!("SELECT ({sql}) AS n"));
        let row: Number = query.get_result(&mut self.sqlite_connection()).unwrap();
        row.n
    }

    /// Rows of a table.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    /// The lines that a query answers, on PostgreSQL.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            t: String,
        }
        let rows: Vec<Row> = diesel::sql_query(sql).load(&mut PgConnection::establish(&self.url).unwrap()).unwrap();
        rows.into_iter().map(|row| row.t).collect()
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The number that a query answers, on PostgreSQL.
pub(crate) fn number_in(url: &str, sql: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT ({sql}) AS n"));
    let row: Number = query.get_result(&mut PgConnection::establish(url).unwrap()).unwrap();
    row.n
}
