//! OAuth 2.1 authorization server: clients, authorization, tokens, revocation, introspection, metadata.
//!
//! Every use case may also fail with `Unavailable` or `Internal` ([`Error`](crate::Error)), the endpoints for clients with
//! `temporarily_unavailable` or `server_error` ([`OAuthError`](crate::OAuthError)).

pub mod adoption;
mod app_access;
pub mod app_rules;
pub mod apps;
pub mod authorize;
pub mod block_list;
pub mod client_documents;
pub mod device;
pub mod dpop;
pub mod grants;
pub mod introspect;
pub mod metadata;
pub(crate) mod policy;
pub mod provider;
pub mod pushed_requests;
pub mod registration;
pub mod request_objects;
pub mod resource_servers;
pub(crate) mod resources;
pub mod revoke;
pub mod secrets;
pub mod token;

mod cautions;
mod client;
mod client_assertions;
pub(crate) mod client_key_cache;
mod client_keys;
mod client_rules;
mod device_tally;
mod one_use;
pub(crate) mod scopes;
mod shown_app;
mod signed_tokens;

pub use cautions::consent_scopes;
pub(crate) use client::unknown_client;
pub use client::{ClientAuthentication, UNKNOWN_CLIENT};
pub use client_rules::ClientRulesCommand;
pub use device_tally::{DeviceEvent, DeviceTally};
pub use dpop::ProofMemory;
pub use policy::Policies;
pub use scopes::{Care, ScopeText, describe_scopes};
pub use shown_app::{AppPicture, ShownApp};
