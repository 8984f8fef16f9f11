//! SQLite and PostgreSQL behind the store port of Doorward, by diesel.
//!
//! [`open()`] chooses the database by the scheme of the URL and gives the [`Store`](doorward_ports::Store). The queries
//! are written once, in `queries`, against `super::Conn`; `postgres.rs` and `sqlite.rs` each say what `Conn` is and
//! compile them. Where the databases truly differ, the difference stands in a file of its own below `postgres` and
//! `sqlite`.
//!
//! Where at most one row can match, queries end in `get_result` and not in `first`: that binds a `LIMIT`, and SQLite plans
//! a prepared statement anew whenever its limit is bound.
//!
//! # Adding a query
//!
//! A migration for each database, the columns in `schema.rs`, the row in `rows`, the query in `queries`, and a test in
//! `tests/contract`, which runs it on both databases. What reads is a `run` of the session. What writes is a `write`, or
//! `write_all` of several statements: it says what it is about, for the permit must cover that, and which remembered subjects
//! it touches; and it is walked in `tests/contract/writes.rs`.
#![forbid(unsafe_code)]
#![expect(clippy::duplicate_mod, reason = "the queries are compiled once for each kind of connection")]

mod changes;
mod error;
mod known;
mod lifeline;
mod migrate;
mod open;
mod open_error;
mod options;
mod pool;
mod postgres;
mod rows;
mod schema;
pub mod seed;
mod sqlite;
mod touches;
mod types;
mod unit_of_work;

pub use open::{
    ChangeWatch, Claim, DatabaseKind, Opened, PoolHandle, claim, crypto_keys, jobs, known_sqlite_migrations,
    may_migrate, open, pending_migrations, run_migrations, server_key,
};
pub use open_error::OpenError;
pub use options::{Options, Synchronous};
pub use pool::PoolStatus;
