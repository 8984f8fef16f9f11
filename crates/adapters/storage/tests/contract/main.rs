//! Every repository method on both databases, and the promises of the store itself.
//!
//! PostgreSQL comes from `doorward-testkit`; SQLite is a file per test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

mod apps;
mod audit;
mod codes;
mod counts;
mod grants;
mod lost_connections;
mod maintenance;
mod migrations;
mod organizations;
mod plans;
mod roles;
mod rotation;
mod sessions;
mod speed;
mod store;
mod throttles;
mod user_lists;
mod users;
