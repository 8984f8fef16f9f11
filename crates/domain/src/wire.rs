//! Names that Coder's clients send and read. A white-label build changes this file only.

/// Header that carries a session token.
pub const SESSION_HEADER: &str = "Coder-Session-Token";
/// Cookie and query parameter that carry a session token.
pub const SESSION_COOKIE: &str = "coder_session_token";
/// First part of client secrets, authorization codes and refresh tokens.
pub const SECRET_PREFIX: &str = "coder";
/// Realm of `WWW-Authenticate`.
pub const REALM: &str = "coder";
/// Header that carries the token of a workspace proxy.
pub const PROXY_TOKEN_HEADER: &str = "Coder-External-Proxy-Token";
/// Header that carries the id of a request.
pub const REQUEST_ID_HEADER: &str = "X-Coder-Request-Id";
/// Header that carries the version of the server.
pub const BUILD_VERSION_HEADER: &str = "X-Coder-Build-Version";
/// Header with which an owner asks to be exempt from rate limits.
pub const BYPASS_RATE_LIMIT_HEADER: &str = "X-Coder-Bypass-Ratelimit";
/// Name of the organization that exists from the first start.
pub const DEFAULT_ORGANIZATION: &str = "coder";
/// Cookie to which the tokens of forms are bound before there is a session.
pub const CSRF_COOKIE: &str = "csrf_token";
/// The same over https: a browser takes a cookie of this name from the very host only, never from one beside it.
pub const CSRF_COOKIE_SECURE: &str = "__Host-csrf_token";
/// Header that carries the token of a form.
pub const CSRF_HEADER: &str = "X-CSRF-TOKEN";
/// Cookie that a browser brings back with the state of a sign-in at an identity provider.
pub const OAUTH_STATE_COOKIE: &str = "oauth_state";
/// Cookie with the place to go to after that.
pub const OAUTH_REDIRECT_COOKIE: &str = "oauth_redirect";
/// Cookie of a user who is about to sign in otherwise than with the password, or to link another account.
pub const OAUTH_CONVERT_COOKIE: &str = "coder_oauth_convert_jwt";
/// Header that carries the one-time token with which a server without users is set up.
pub const SETUP_TOKEN_HEADER: &str = "Doorward-Setup-Token";
/// Header that carries the key of a provisioner daemon.
pub const PROVISIONER_KEY_HEADER: &str = "Coder-Provisioner-Daemon-Key";
/// Header that carries the key that the server and its provisioner daemons share.
pub const PROVISIONER_PSK_HEADER: &str = "Coder-Provisioner-Daemon-PSK";
/// How a time is written that there is not: the zero value of Go's `time.Time`.
pub const NEVER: &str = "0001-01-01T00:00:00Z";
