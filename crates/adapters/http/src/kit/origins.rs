//! Requests of browsers that another site makes (`Origin`, Fetch Metadata).
//!
//! Whatever changes something is refused when a browser says that another site sends it, with or without a session: a
//! form of that site could sign somebody in as somebody else, make the first account, or press a button. Routes for
//! OAuth clients that run in browsers are open to all, which is part of the route table.

use crate::kit::csrf;
use crate::kit::site::Site;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use url::{Host, Url};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose pages may send what changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Our own, and programs, which are no pages.
    Own,
    /// Our own, and programs, to look too: looking does something here, as where a socket is opened.
    OwnAlways,
    /// Those of any site: the endpoint takes no cookie, so a page can do no more than its author.
    AnySite,
}

/// Whether another site makes this request, and it would change something.
pub(crate) fn is_foreign(site: &Site, request: &HttpRequest) -> bool {
    !csrf::is_safe(request.method()) && is_from_elsewhere(site, request)
}

/// Whether another site makes this request.
pub(crate) fn is_from_elsewhere(site: &Site, request: &HttpRequest) -> bool {
    let headers = request.headers();
    let elsewhere = |value: &HeaderValue| matches!(value.as_bytes(), b"cross-site" | b"same-site");
    headers.get_all(SEC_FETCH_SITE).any(elsewhere)
        || headers.get_all(header::ORIGIN).any(|origin| !is_own(site, request, origin.as_bytes()))
}

/// Whether pages of this origin are ours. That is the access URL and, so that a server can be tried without naming it, an
/// address or `localhost` under which the request came in. Another name than the access URL's never counts, whatever
/// `Host` says: its owner can let it lead here (DNS rebinding).
fn is_own(site: &Site, request: &HttpRequest, origin: &[u8]) -> bool {
    let access_url = &site.context.settings.access_url;
    let Some(origin) = std::str::from_utf8(origin).ok().and_then(|text| Url::parse(text).ok()) else { return false };
    if origin.origin() == access_url.origin() {
        return true;
    }
    let is_address = match origin.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let asked = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = asked.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    is_address
        && matches!(origin.scheme(), "http" | "https")
        && asked.is_some_and(|asked| asked.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use actix_web::test::TestRequest;

    #[test]
    fn other_sites_are_told_by_origin_and_by_fetch_metadata() {
        let site = site();
        for (host, origin, fetch_site, foreign) in [
            ("door.example", "", "", false),
            ("door.example", "https://door.example", "same-origin", false),
            ("door.example", "https://DOOR.example:443", "none", false),
            ("door.example", "", "cross-site", true),
            ("door.example", "", "same-site", true),
            ("door.example", "https://door.example", "same-site", true),
            ("door.example", "https://evil.example", "", true),
            ("door.example", "https://sibling.door.example", "", true),
            ("door.example", "http://door.example", "", true),
            ("door.example", "https://door.example:8443", "", true),
            ("door.example", "null", "", true),
            ("door.example", "null", "same-origin", true),
            ("door.example", "nonsense", "", true),
            ("evil.example", "http://evil.example", "same-origin", true),
            ("127.0.0.1:3000", "http://127.0.0.1:3000", "same-origin", false),
            ("localhost:3000", "http://localhost:3000", "", false),
            ("[::1]:3000", "http://[::1]:3000", "", false),
            ("192.0.2.1", "http://192.0.2.1", "", false),
            ("127.0.0.1:3000", "http://127.0.0.1:4000", "", true),
            ("127.0.0.1:3000", "http://localhost:3000", "", true),
            ("localhost:3000", "file://localhost:3000", "", true),
            ("a.localhost:3000", "http://a.localhost:3000", "", true),
        ] {
            let mut request = TestRequest::post().insert_header((header::HOST, host));
            if !origin.is_empty() {
                request = request.insert_header((header::ORIGIN, origin));
            }
            if !fetch_site.is_empty() {
                request = request.insert_header((SEC_FETCH_SITE, fetch_site));
            }
            assert_eq!(is_foreign(&site, &request.to_http_request()), foreign, "{host} {origin} {fetch_site}");
        }
        let two = TestRequest::post()
            .append_header((header::ORIGIN, "https://door.example"))
            .append_header((header::ORIGIN, "https://evil.example"));
        assert!(is_foreign(&site, &two.to_http_request()));
        let reading = TestRequest::get().insert_header((header::ORIGIN, "https://evil.example"));
        assert!(!is_foreign(&site, &reading.to_http_request()));
    }
}
