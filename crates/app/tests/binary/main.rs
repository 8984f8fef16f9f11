//! The real binary, over real sockets, on both databases.

mod access_eval;
mod cli;
mod client;
mod lifecycle;
mod oauth2_crate;
mod refresh_races;

/// The binary under test.
const DOORWARD: &str = env!("CARGO_BIN_EXE_doorward");
