//! OAuth 2.1: apps, authorization codes, grants and the rules that bind them.
//!
//! The order in which a server meets them:
//!
//! 1. An [`App`] is registered with checked [`RedirectUri`]s.
//! 2. An authorization request names it: [`App::redirect_uri`] before anything is sent anywhere, then [`CodeChallenge`],
//!    [`Resource`] with [`App::bind`], and [`Scopes::from_request`]. What may be put before the user is an [`Authorization`].
//! 3. The user consents: an [`OpaqueToken`] is the code, of which an [`AuthorizationCode`] keeps the digest.
//! 4. The code comes back: [`AuthorizationCode::check`].
//! 5. Tokens are refreshed: [`Grant::plan_refresh`] tells use from repetition and theft, [`DerivationKey`] makes the
//!    successor.
//!
//! `examples/embed_pkce.rs` is steps 1 to 4 as a program.

#[cfg(feature = "oauth2")]
mod app;
#[cfg(feature = "oauth2")]
mod authorization;
#[cfg(feature = "full")]
mod block_list;
#[cfg(feature = "full")]
mod client_assertion;
#[cfg(feature = "oauth2")]
mod client_document;
#[cfg(feature = "full")]
mod client_jwt;
#[cfg(feature = "full")]
mod client_keys;
#[cfg(feature = "oauth2")]
mod client_rules;
#[cfg(feature = "oauth2")]
mod code;
#[cfg(feature = "oauth2")]
mod device;
#[cfg(feature = "full")]
mod dpop;
pub mod endpoints;
mod error;
#[cfg(feature = "oauth2")]
mod grant;
#[cfg(feature = "oauth2")]
mod host_pattern;
mod opaque;
mod pkce;
#[cfg(feature = "oauth2")]
mod pushed_request;
#[cfg(feature = "oauth2")]
mod redirect_uri;
#[cfg(feature = "oauth2")]
mod registration;
#[cfg(feature = "full")]
mod request_object;
#[cfg(feature = "oauth2")]
mod resource;
#[cfg(feature = "full")]
mod resource_servers;
#[cfg(feature = "oauth2")]
mod response_mode;
#[cfg(feature = "oauth2")]
mod rotation;
#[cfg(feature = "oauth2")]
mod scheme;
mod scope;
mod scopes;
#[cfg(feature = "oauth2")]
mod thumbprint;
#[cfg(feature = "oauth2")]
pub(crate) mod uri;

#[cfg(feature = "oauth2")]
pub use app::{App, AppSecret, ClientType, ICON_MAX, REDIRECT_URIS_MAX, TargetError};
#[cfg(feature = "oauth2")]
pub use authorization::Authorization;
#[cfg(feature = "full")]
pub use block_list::{BLOCKED_MAX, BlockList, are_other_sites};
#[cfg(feature = "full")]
pub use client_assertion::{AssertionPolicy, CLIENT_ASSERTION_MAX, ClientAssertion};
#[cfg(feature = "oauth2")]
pub use client_document::{
    ClientUrl, DOCUMENT_BRAKE, DOCUMENT_MAX, DOCUMENT_WAIT, DOCUMENTS_MAX, StoredDocument, app_of_client_id, etag,
    fresh_for, is_of_document,
};
#[cfg(feature = "full")]
pub use client_jwt::{ClientJwtDefect, OneUse};
#[cfg(feature = "full")]
pub use client_keys::{CLIENT_KEYS_KEPT, KeySourceDefect, StoredKeySet, client_algorithm};
#[cfg(feature = "oauth2")]
pub use client_rules::{AssertionAudience, ClientRules, KeySource};
#[cfg(feature = "oauth2")]
pub use code::{AuthorizationCode, CODE_LIFETIME, CodeError, Redemption};
#[cfg(feature = "oauth2")]
pub use device::{
    DEVICE_CODE_LIFETIME, DeviceAuthorization, DeviceCodeError, DeviceDecision, POLL_INTERVAL, Poll, UserCode,
    UserCodeError, are_other_networks,
};
#[cfg(feature = "full")]
pub use dpop::{
    CheckedProof, DPOP_ALGORITHMS, DPOP_NONCE_KEY_LEN, DPOP_NONCES, DPOP_PROOF, DPOP_PROOF_MAX, DpopNonces, DpopProof,
    ProofDefect, ProofPolicy, normalized_target, token_hash,
};
pub use error::OAuthErrorCode;
#[cfg(feature = "oauth2")]
pub use grant::{ExchangedTokens, Grant, PresentedRefresh, RefreshError, RefreshPlan, RefreshPolicy};
#[cfg(feature = "oauth2")]
pub use host_pattern::{HostPattern, HostPatternError};
pub use opaque::{OpaqueToken, OpaqueTokenError};
pub use pkce::{CodeChallenge, CodeVerifier, PkceError};
#[cfg(feature = "oauth2")]
pub use pushed_request::{PUSHED_REQUEST_OPEN, PushedRequest, PushedUri};
#[cfg(feature = "oauth2")]
pub use redirect_uri::{REDIRECT_URI_MAX, RedirectMatch, RedirectUri, RedirectUriError};
#[cfg(feature = "oauth2")]
pub use registration::{
    ApplicationType, CLIENT_NAME_MAX, GrantType, INITIAL_TOKENS_MAX, Identity, InitialAccessToken, LIMITS_MAX,
    MetadataError, NEW_PER_ADDRESS, REGISTRATIONS_MAX, RegisteredClient, RegistrationLimits, RegistrationToken,
    SHARED_FOR, TokenAuthMethod, all_loopback, client_name, is_web_uri,
};
#[cfg(feature = "full")]
pub use request_object::{REQUEST_OBJECT_MAX, RequestObject, SignedRequest};
#[cfg(feature = "oauth2")]
pub use resource::{RESOURCE_MAX, Resource, ResourceError};
#[cfg(feature = "full")]
pub use resource_servers::{
    ACCESS_TOKEN, ACR_MAX, DpopRule, INTROSPECTORS_MAX, OWN_SCOPE_NAME_MAX, OWN_SCOPE_TEXT_MAX, OWN_SCOPES_MAX,
    RESOURCE_NAME_MAX, RESOURCE_SERVERS_MAX, ResourceRules, ResourceServer, ResourceServers, SIGNED_LIFETIME_MAX,
    SIGNED_LIFETIME_MIN, TokenFormat, may_be_told, own_scope_defect,
};
#[cfg(feature = "oauth2")]
pub use response_mode::ResponseMode;
#[cfg(feature = "oauth2")]
pub use rotation::alphanumeric_from;
#[cfg(feature = "oauth2")]
pub use rotation::{DerivationKey, Successor};
pub use scope::{OidcScope, SCOPE_MAX, ScopeEntry, ScopeSyntaxError, parse_scope_list};
pub use scopes::{Scopes, ScopesError, UnknownScopes};
#[cfg(feature = "oauth2")]
pub use thumbprint::{KeyThumbprint, ThumbprintError};
