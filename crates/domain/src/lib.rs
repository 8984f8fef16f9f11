//! Entities and rules of Doorward: OAuth 2.1, users, organizations, groups and role-based access control.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. Time and random text come in as arguments, so
//! every rule can be tested with plain values and embedded in any other service.
//!
//! Each room has the same name on every floor of the workspace: what [`oauth2`] decides here is stored by the
//! `oauth2` queries, orchestrated by the `oauth2` services and served by the `oauth2` handlers.
//!
//! | To | start at | complete program |
//! |---|---|---|
//! | ask who may do what | [`roles`] | `examples/embed_rbac.rs` |
//! | limit what a token may do | [`roles::Scope`], [`roles::ScopeName`] | `examples/embed_rbac.rs` |
//! | verify PKCE, redirect URIs and codes | [`oauth2`] | `examples/embed_pkce.rs` |
//! | rotate refresh tokens that survive races | [`oauth2::DerivationKey`], [`oauth2::Grant`] | |
//! | replace the keys of the server | [`keys::KeyRing`], [`keys::KeyRotation`] | |
//! | hold names and mail addresses that keep their rules | [`names`] | |
//! | check passwords | [`users::check_password`] | |
//! | slow down who guesses passwords | [`sessions::Throttle`] | |
//! | serve SCIM 2.0: filters, PATCH, schemas | [`scim`] | |
//! | let people sign in through OpenID Connect providers | [`identity_providers`] | |
//! | read signed tokens | [`jws`] | |
//! | say which features licences give | [`entitlements`], [`licenses`] | |
//!
//! ```
//! use doorward_domain::roles::{Action, Object, ResourceType, Scope, Subject};
//! use uuid::Uuid;
//!
//! let (alice, acme) = (Uuid::from_u128(1), Uuid::from_u128(2));
//! let subject = Subject::for_user(alice).membership(acme, ["organization-admin"]).scope(Scope::all()).build();
//! assert!(subject.allows(Action::Create, &Object::new(ResourceType::Group).organization(acme)));
//! ```
//!
//! # Features
//!
//! None is on by default: access control, PKCE, scopes, opaque tokens, organizations and groups need six small crates.
//!
//! | feature | for | adds |
//! |---|---|---|
//! | `serde` | ids, names, access lists and permissions can be serialised | `serde` |
//! | `oauth2` | redirect URIs, resources, apps, codes, grants that rotate, keys | `url`, `iri-string` |
//! | `eval` | questions and answers of access control as JSON documents | `serde`, `serde_json` |
//! | `settings` | durations and sections of a settings file | `serde`, `humantime` |
//! | `scim` | SCIM 2.0: filters, paths, schemas, resources, PATCH, messages | `serde`, `serde_json`, `winnow` |
//! | `full` | all rooms of the server; mail addresses and display names can be parsed | those of `oauth2`, `eval` and `scim`, `email_address`, `icu_normalizer`, `icu_properties`, `jiff`, `regex` |
//!
//! # What is promised
//!
//! Every public item is documented, and `tests/public_surface.rs` uses each one that other services are to build on, so
//! that a change of its signature is a decision and not an accident. Enums of reasons are `#[non_exhaustive]`: a rule may
//! learn another reason to refuse.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "full")]
pub mod appearance;
#[cfg(feature = "full")]
pub mod audit;
pub mod digest;
pub mod entitlements;
#[cfg(feature = "full")]
pub mod factors;
#[cfg(feature = "full")]
pub mod files;
pub mod groups;
#[cfg(feature = "full")]
pub mod identity_providers;
#[cfg(feature = "full")]
pub mod idp_sync;
pub mod ids;
pub mod jobs;
#[cfg(feature = "scim")]
mod json;
#[cfg(feature = "full")]
pub mod jws;
#[cfg(feature = "oauth2")]
pub mod keys;
#[cfg(feature = "full")]
pub mod licenses;
pub mod names;
#[cfg(feature = "full")]
pub mod notifications;
pub mod oauth2;
#[cfg(feature = "full")]
pub mod openid;
pub mod organizations;
pub mod outbox;
pub mod page;
pub mod passcodes;
#[cfg(feature = "full")]
pub mod provisioner_jobs;
#[cfg(feature = "full")]
pub mod provisioners;
#[cfg(feature = "full")]
pub mod quiet_hours;
pub mod quotas;
#[cfg(feature = "full")]
pub mod replays;
pub mod replicas;
pub mod roles;
#[cfg(feature = "full")]
pub mod runtime_settings;
#[cfg(feature = "scim")]
pub mod scim;
mod search;
pub mod secret;
pub mod sessions;
#[cfg(feature = "settings")]
pub mod settings;
#[cfg(feature = "full")]
pub mod template_versions;
#[cfg(feature = "full")]
pub mod templates;
mod text_enum;
#[cfg(feature = "full")]
pub mod user_links;
pub mod users;
pub mod wire;
#[cfg(feature = "full")]
pub mod workspace_proxies;
pub mod workspaces;

pub use digest::Digest;
pub use secret::Secret;

/// An instant, UTC, with microseconds: what every database of ours can hold.
pub use time::OffsetDateTime as Instant;
