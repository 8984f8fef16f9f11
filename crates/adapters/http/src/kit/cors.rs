//! Cross-origin requests (`oauth2.md` 14.1): any site may talk to the endpoints for clients, without cookies.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Accept, Authorization, DPoP, x-api-key, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Type, Authorization, DPoP-Nonce, WWW-Authenticate, x-api-key, Mcp-Session-Id, MCP-Protocol-Version",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Lets any site read the answer. It is the same for every origin, so caches need not tell them apart.
pub(crate) fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// Answers the question that a browser asks first.
pub(crate) fn preflight(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
