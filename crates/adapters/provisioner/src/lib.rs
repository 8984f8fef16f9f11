//! What `doorward provisioner start` runs: a provisioner daemon. It connects to a server as Coder's daemons do, takes one job after
//! another, and carries them out by a provisioner that makes nothing (`echo`), by what stands in the template.
//!
//! [`run`] is all of it. It opens no connection itself: a [`Network`] does, so that TLS, trust and proxies are those of the whole
//! product.
//!
//! # What happens when
//!
//! - The connection is lost: it is opened again, after longer and longer pauses. A job goes on meanwhile, and what is to be said of it
//!   is said over the next connection.
//! - The server refuses the daemon for good (403, or a key that was deleted): the daemon ends.
//! - The daemon is told to stop: it takes no more jobs, finishes the one that it has, and leaves. Told a second time, it gives that one up.
#![forbid(unsafe_code)]

mod acquire;
mod echo;
mod job;
mod link;
mod network;
mod options;
mod parts;
mod report;
mod run;
mod socket;
mod stops;

pub use network::{Answer, Network, NetworkError, Stream};
pub use options::{Credential, Options, Poll};
pub use run::{RunError, run};
pub use stops::Stops;
