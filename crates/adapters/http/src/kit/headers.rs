//! Headers of answers, of which each convention takes those that it needs.

use crate::kit::answer::{default_header, set_header};
use crate::kit::site::Site;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

const BUILD_VERSION: HeaderName = HeaderName::from_static("x-coder-build-version");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What browsers are to do with any answer of ours: not frame it, not tell other sites of it, and use TLS.
pub(crate) fn guard(headers: &mut HeaderMap, site: &Site) {
    default_header(headers, header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    default_header(headers, header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Some(age) = site.settings.hsts {
        set_header(headers, header::STRICT_TRANSPORT_SECURITY, &format!("max-age={}", age.as_secs()));
    }
}

/// What an answer for programs carries beside: the version, and a policy under which nothing of it runs.
pub(crate) fn for_programs(headers: &mut HeaderMap, site: &Site) {
    set_header(headers, BUILD_VERSION, &site.build_version);
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    default_header(headers, header::CONTENT_SECURITY_POLICY, policy);
}

/// Keeps an answer out of caches, unless its handler has said how long it is good for.
pub(crate) fn not_stored(headers: &mut HeaderMap) {
    default_header(headers, header::CACHE_CONTROL, NO_STORE);
}

/// Keeps an answer out of caches, whatever its handler says (RFC 6749 5.1).
pub(crate) fn never_stored(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
