//! Requests to other servers, on an internet in memory: names, addresses and TLS servers of our own, and a clock that moves when
//! everybody waits.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

mod answers;
mod connections;
mod hosts;
mod limits;
mod proxy;
mod public;
mod real;
mod told;
mod trust;
mod world;
