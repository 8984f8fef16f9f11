//! OAuth 2.1: apps, authorization codes, grants and the rules that bind them.

mod app;
mod code;
mod error;
mod grant;
mod opaque;
mod pkce;
mod redirect_uri;
mod resource;
mod rotation;
mod scope;

pub use app::{App, AppSecret, ClientType, ICON_MAX, REDIRECT_URIS_MAX};
pub use code::{AuthorizationCode, CODE_LIFETIME, CodeError, Redemption};
pub use error::OAuthErrorCode;
pub use grant::{ExchangedTokens, Grant, PresentedRefresh, RefreshError, RefreshPlan, RefreshPolicy};
pub use opaque::{OpaqueToken, OpaqueTokenError};
pub use pkce::{CodeChallenge, CodeVerifier, PkceError};
pub use redirect_uri::{REDIRECT_URI_MAX, RedirectMatch, RedirectUri, RedirectUriError};
pub use resource::{RESOURCE_MAX, Resource, ResourceError};
pub use rotation::alphanumeric_from;
pub use rotation::{DerivationKey, Successor};
pub use scope::{SCOPE_MAX, ScopeSyntaxError, parse_scope_list};
