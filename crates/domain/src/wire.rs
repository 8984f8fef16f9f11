//! Names that Coder's clients send and read. A white-label build changes this file only.

/// Header that carries a session token.
pub const SESSION_HEADER: &str = "Coder-Session-Token";
/// Cookie and query parameter that carry a session token.
pub const SESSION_COOKIE: &str = "coder_session_token";
/// First part of client secrets, authorization codes and refresh tokens.
pub const SECRET_PREFIX: &str = "coder";
/// Realm of `WWW-Authenticate`.
pub const REALM: &str = "coder";
/// Header that carries the id of a request.
pub const REQUEST_ID_HEADER: &str = "X-Coder-Request-Id";
/// Header that carries the version of the server.
pub const BUILD_VERSION_HEADER: &str = "X-Coder-Build-Version";
/// Header with which an owner asks to be exempt from rate limits.
pub const BYPASS_RATE_LIMIT_HEADER: &str = "X-Coder-Bypass-Ratelimit";
/// Name of the organization that exists from the first start.
pub const DEFAULT_ORGANIZATION: &str = "coder";
/// Cookie of the double-submit CSRF protection.
pub const CSRF_COOKIE: &str = "csrf_token";
/// Header of the double-submit CSRF protection.
pub const CSRF_HEADER: &str = "X-CSRF-TOKEN";
