//! Entities and rules of Doorward: OAuth 2.1, users, organizations, groups and role-based access control.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. Time and random text come in as arguments, so
//! every rule can be tested with plain values and embedded in any other service.
//!
//! Each room has the same name on every floor of the workspace: what [`oauth2`] decides here is stored by the
//! `oauth2` queries, orchestrated by the `oauth2` services and served by the `oauth2` handlers.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod audit;
pub mod digest;
pub mod groups;
pub mod ids;
pub mod names;
pub mod oauth2;
pub mod organizations;
pub mod page;
pub mod quotas;
pub mod roles;
pub mod secret;
pub mod sessions;
pub mod templates;
pub mod users;
pub mod wire;
pub mod workspaces;

pub use digest::Digest;
pub use secret::Secret;

/// An instant, UTC, with microseconds: what every database of ours can hold.
pub use time::OffsetDateTime as Instant;
