//! Where the endpoints of the authorization server stand, below its issuer. Metadata, audiences and pages use these names, so that none
//! of them can differ from what is served.

/// The authorization endpoint (RFC 6749, section 3.1).
pub const AUTHORIZE: &str = "/oauth2/authorize";
/// The token endpoint (RFC 6749, section 3.2).
pub const TOKENS: &str = "/oauth2/tokens";
/// Token revocation (RFC 7009).
pub const REVOKE: &str = "/oauth2/revoke";
/// Token introspection (RFC 7662).
pub const INTROSPECT: &str = "/oauth2/introspect";
/// Pushed authorization requests (RFC 9126).
pub const PAR: &str = "/oauth2/par";
/// Device authorization (RFC 8628, section 3.1).
pub const DEVICE: &str = "/oauth2/device";
/// Where a person enters the code of a device (RFC 8628, section 3.3).
pub const DEVICE_VERIFICATION: &str = "/oauth2/device/verify";
/// Dynamic client registration (RFC 7591).
pub const REGISTER: &str = "/oauth2/register";
/// Registered clients, each by its id (RFC 7592).
pub const CLIENTS: &str = "/oauth2/clients";
/// The keys by which what this server signs is verified (RFC 7517).
pub const JWKS: &str = "/oauth2/jwks";
/// Claims about the user of an access token (OpenID Connect Core 1.0, section 5.3).
pub const USERINFO: &str = "/oauth2/userinfo";
/// Where applications send users who sign out (RP-Initiated Logout 1.0).
pub const END_SESSION: &str = "/oauth2/logout";
