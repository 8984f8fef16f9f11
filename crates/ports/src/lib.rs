//! What the use cases of Doorward need of the outside, as traits; with mocks (feature `mocks`).
//!
//! # Features
//!
//! Without features there are the traits and what they speak of, and no async runtime comes along.
//!
//! - `runtime`: what is no trait. `Store`, which does work again that others got in the way of (backon, tokio); `bus`,
//!   wake-ups between servers (tokio); `changes`, which tells what is remembered from what has changed since.
//! - `mocks`: mocks of every port (mockall), and a store that runs closures on them; brings `runtime`.
//!
//! # The store (feature `runtime`)
//!
//! [`Store::read`] and [`Store::write`] are async outside and take a closure over **synchronous** repositories. One
//! call is one trip to the blocking pool and, for `write`, one transaction: `Ok` commits, `Err` rolls back, and the
//! error crosses unchanged.
//!
//! **A refusal that must leave a trace is an `Ok`.** Counting a failed sign-in, ending a stolen grant, writing an audit
//! record of a denial: return a verdict from the closure and turn it into an error afterwards, or the rollback erases
//! the trace. `mocks::Calls::assert_committed` is for the tests of such refusals.
//!
//! Methods that write take a [`Permit`](doorward_domain::roles::Permit), which only the access engine can issue: code
//! that forgets to authorize does not compile.
//!
//! # Adding a repository
//!
//! 1. A trait in the room's module here: object-safe, synchronous, `&mut self`; each method says what it means, what
//!    `None` and a count of zero mean, and which [`Conflict`] it may answer.
//! 2. `mockall::automock` on the trait, and a line in `repositories.rs`: its accessor in [`Repositories`] and its mock.
//! 3. Queries, written once for both databases, and a contract test in the storage crate.
#![forbid(unsafe_code)]
#![cfg_attr(feature = "mocks", expect(clippy::pedantic, reason = "the mocks are made by mockall"))]

#[cfg(feature = "runtime")]
mod at_once;
mod backend;
mod error;
mod repositories;
#[cfg(feature = "runtime")]
mod store;

pub mod audit;
#[cfg(feature = "runtime")]
pub mod bus;
#[cfg(feature = "runtime")]
pub mod changes;
pub mod clock;
pub mod crypto;
pub mod factors;
pub mod fetch;
pub mod files;
pub mod groups;
pub mod idp_sync;
pub mod jobs;
pub mod keys;
pub mod licenses;
pub mod mail;
pub mod maintenance;
pub mod members;
#[cfg(feature = "mocks")]
pub mod mocks;
pub mod notifications;
pub mod oauth2;
pub mod openid;
pub mod organizations;
pub mod outbox;
pub mod passcodes;
pub mod provisioner_jobs;
pub mod provisioners;
pub mod quiet_hours;
pub mod quotas;
pub mod random;
pub mod registrations;
pub mod replays;
pub mod replicas;
pub mod resource_servers;
pub mod roles;
pub mod runtime_settings;
pub mod scim;
pub mod sessions;
pub mod template_versions;
pub mod templates;
pub mod user_links;
pub mod users;
pub mod workspace_proxies;
pub mod workspaces;

#[cfg(feature = "runtime")]
pub use at_once::AtOnce;
pub use backend::{Commit, StoreBackend, Work, WorkMode};
#[cfg(feature = "runtime")]
pub use bus::Bus;
pub use clock::Clock;
pub use crypto::{KeyMint, PasswordHasher, Sealer, Signer, SigningPair};
pub use error::{Conflict, Outage, StoreError, Unavailable};
pub use fetch::Fetch;
pub use mail::Mailer;
pub use random::Random;
pub use repositories::Repositories;
#[cfg(feature = "runtime")]
pub use store::{Isolation, Store};
