//! The authorization server: apps, authorization, tokens, revocation, introspection, metadata.

pub mod apps;
pub mod authorize;
pub mod grants;
pub mod introspect;
pub mod metadata;
pub mod provider;
pub mod revoke;
pub mod secrets;
pub mod token;

mod cautions;
mod client;
pub(crate) mod scopes;

pub use cautions::consent_scopes;
pub use client::{ClientAuthentication, UNKNOWN_CLIENT};
pub use scopes::{Caution, ScopeText, describe_scopes, is_unrestricted};
