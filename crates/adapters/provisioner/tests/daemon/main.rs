//! A daemon against a server in memory, over a real WebSocket and all that is above it. The clock stands still but when all wait.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod connections;
mod jobs;
mod server;
