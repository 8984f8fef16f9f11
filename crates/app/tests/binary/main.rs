//! The real binary, over real sockets, on both databases.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod access_eval;
mod apply;
mod backchannel_logout;
mod cli;
mod client;
mod command_line;
mod ctl;
mod doctor;
mod doctor_clients;
mod first_owner;
mod jobs;
mod keys;
mod licenses;
mod lifecycle;
mod makers;
mod notifications;
mod oauth2_crate;
mod postgres_tls;
mod provisioner_start;
mod provisioners;
mod refresh_races;
mod replicas;
mod seed;
mod sign_in;
mod silence;
mod socket;
mod subject_cache;
mod workspace_proxies;

/// The binary under test.
const DOORWARD: &str = env!("CARGO_BIN_EXE_doorward");
