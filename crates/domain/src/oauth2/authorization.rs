//! What was authorized: the contents of a consent, from the request to the tokens.

use super::{Resource, Scopes};

/// What an app was authorized to do: by the user who consented, or as itself by `client_credentials`.
///
/// It is made once, when the request is checked, and carried unchanged by the consent, the code and the grant; a
/// [key](crate::sessions::ApiKey::access_token) is made of it. What else is consented to one day (a nonce, claims, the key
/// that a token is bound to) is another field here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// What it lets the app do, at most.
    pub scopes: Scopes,
    /// The one resource to which tokens are bound, their audience (RFC 8707); `None` means this server.
    pub resource: Option<Resource>,
}
