//! The headers of a page, and the way from a template to an answer.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use std::collections::BTreeSet;
use url::{Host, Url};

use super::links;

/// Where the forms of a page may lead: the `form-action` of its content security policy.
///
/// Chromium applies `form-action` not only to the target of a form but to every redirect that follows, including those that the
/// OAuth client makes after its redirect URI (a callback on `localhost` that ends on the vendor's page, or on another host).
/// When one of them is not listed, the user presses the button and nothing happens. Hence [`toward`](Self::toward).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormAction(String);

impl FormAction {
    /// The forms lead to this server and end here.
    pub(crate) fn own() -> Self {
        Self("'self'".to_owned())
    }

    /// The form's answer redirects to this redirect URI, and the client from there to any `https:` page.
    ///
    /// A source list cannot spell an IPv6 address or a host name with an underscore; for those the whole scheme is allowed. A
    /// scheme that runs in our own origin is never allowed.
    pub(crate) fn toward(redirect_uri: &str) -> Self {
        let Ok(url) = Url::parse(redirect_uri) else { return Self::own() };
        if !links::leads_away(&url) {
            return Self::own();
        }
        let source = match (url.scheme(), url.host()) {
            ("https", _) => String::new(),
            ("http", _) if links::is_loopback(&url) && !matches!(url.host(), Some(Host::Ipv6(_))) => {
                " http://127.0.0.1:* http://localhost:*".to_owned()
            }
            ("http", Some(Host::Ipv4(_) | Host::Domain(_))) if url.host_str().is_some_and(is_host_source) => {
                format!(" {}", url.origin().ascii_serialization())
            }
            (scheme, _) => format!(" {scheme}:"),
        };
        Self(format!("'self' https:{source}"))
    }

    /// The form's answer may redirect to a client that is not known yet.
    pub(crate) fn toward_any() -> Self {
        Self("'self' https:".to_owned())
    }
}

/// True for what the grammar of a host-source in CSP Level 3 can spell.
fn is_host_source(host: &str) -> bool {
    host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Where the pictures of a page come from besides this server: what the `img-src` of its content security policy lists, which is the
/// origin of each picture and nothing else.
///
/// A source list cannot spell an IPv6 address or a host name with an underscore; pictures from there are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pictures(String);

/// A page from more places lists none of them: the header would grow with it. Then pictures may come from any place with TLS.
const PLACES_MAX: usize = 20;

impl Pictures {
    /// These pictures.
    fn of<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let places: BTreeSet<String> = urls.into_iter().filter_map(place).collect();
        Self(if places.len() > PLACES_MAX {
            " https:".to_owned()
        } else {
            places.iter().fold(String::new(), |list, place| list + " " + place)
        })
    }
}

/// Where a picture comes from, if that is not this server or the page itself, and can be spelled.
fn place(picture: &str) -> Option<String> {
    let url = Url::parse(links::safe_icon(picture)?).ok()?;
    let is_spelled = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(is_host_source);
    is_spelled.then(|| url.origin().ascii_serialization())
}

/// A page that knows its pictures.
pub(crate) trait Illustrated: Template {
    /// The addresses of its pictures, as others gave them.
    fn pictures(&self) -> Vec<&str>;
}

/// Pages whose only picture is the logo of their `brand`.
macro_rules! only_logo {
    ($page:ident) => {
        impl $crate::kit::html::headers::Illustrated for $page<'_> {
            fn pictures(&self) -> Vec<&str> {
                self.brand.logo_url.into_iter().collect()
            }
        }
    };
}
pub(crate) use only_logo;

/// The page as an answer with this status.
///
/// `Referrer-Policy` is `same-origin` and not `no-referrer`, because under `no-referrer` browsers send `Origin: null` with our own
/// forms and a check of the origin would fail. There is no `Cross-Origin-Opener-Policy`: clients open the authorization in a popup
/// and wait for it to come back, and the header would cut the tie between the two windows.
pub(crate) fn render(status: StatusCode, page: &impl Illustrated, form_action: &FormAction) -> HttpResponse {
    respond(status, page, form_action, "", "same-origin")
}

/// The script of a page that posts its form by itself, which is the only one that may run there.
pub(crate) const SUBMIT: &str = "document.forms[0].submit()";
/// The digest of that script, as a content security policy spells it.
const SUBMIT_SOURCE: &str = " script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=';";

/// A page that posts its form by itself to where `form_action` leads, and is over: nobody there need know from which address.
pub(crate) fn render_posting(page: &impl Illustrated, form_action: &FormAction) -> HttpResponse {
    respond(StatusCode::OK, page, form_action, SUBMIT_SOURCE, "no-referrer")
}

fn respond(
    status: StatusCode,
    page: &impl Illustrated,
    form_action: &FormAction,
    scripts: &str,
    referrer_policy: &'static str,
) -> HttpResponse {
    let pictures = Pictures::of(page.pictures());
    let (status, content_type, body) = match page.render() {
        Ok(html) => (status, "text/html; charset=utf-8", html),
        Err(error) => {
            tracing::error!(%error, "rendering a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "internal server error".to_owned())
        }
    };
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, content_security_policy(form_action, &pictures, scripts)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::REFERRER_POLICY, referrer_policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .body(body)
}

fn content_security_policy(FormAction(sources): &FormAction, Pictures(places): &Pictures, scripts: &str) -> String {
    format!(
        "default-src 'none';{scripts} style-src 'self'; img-src 'self' data:{places}; font-src 'self'; form-action {sources}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[derive(Template)]
    #[template(source = "<!doctype html>", ext = "html")]
    struct Plain;

    impl Illustrated for Plain {
        fn pictures(&self) -> Vec<&str> {
            vec!["https://cdn.example/logo.png"]
        }
    }

    #[actix_web::test]
    async fn a_page_carries_its_headers() {
        let response = render(StatusCode::IM_A_TEAPOT, &Plain, &FormAction::own());
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self' data: https://cdn.example; font-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(response.headers().get(name).unwrap(), value, "{name}");
        }
        assert!(to_bytes(response.into_body()).await.unwrap().starts_with(b"<!doctype html>"));
    }

    #[test]
    fn a_page_that_posts_by_itself_runs_that_script_and_no_other() {
        let response = render_posting(&Plain, &FormAction::own());
        let policy = response.headers().get("content-security-policy").unwrap().to_str().unwrap();
        let digest = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, SUBMIT.as_bytes()));
        assert!(
            policy.starts_with(&format!("default-src 'none'; script-src 'sha256-{digest}'; style-src 'self';")),
            "{policy}"
        );
        assert_eq!(response.headers().get("referrer-policy").unwrap(), "no-referrer");
        let usual = render(StatusCode::OK, &Plain, &FormAction::own());
        assert!(!usual.headers().get("content-security-policy").unwrap().to_str().unwrap().contains("script-src"));
    }

    #[test]
    fn pictures_come_from_where_they_are_and_from_nowhere_else() {
        for (picture, places) in [
            ("https://cdn.example/a/logo.png?x=1#y", " https://cdn.example"),
            ("https://cdn.example:8443/a.png", " https://cdn.example:8443"),
            ("http://10.0.0.7/a.png", " http://10.0.0.7"),
            ("https://user:password@cdn.example/a.png", " https://cdn.example"),
            ("/icons/a.png", ""),
            ("data:image/png;base64,aaaa", ""),
            ("https://[::1]/a.png", ""),
            ("https://my_host.example/a.png", ""),
            ("https://*.example/a.png", ""),
            ("https://a.example;script-src/a.png", ""),
            ("https://a.example; script-src *", ""),
            ("javascript:alert(1)", ""),
        ] {
            assert_eq!(Pictures::of([picture]).0, places, "{picture}");
        }
        let twice = ["https://b.example/1", "https://a.example/1", "https://b.example/2"];
        assert_eq!(Pictures::of(twice).0, " https://a.example https://b.example");
        let many: Vec<String> = (0..21).map(|n| format!("https://{n}.example/")).collect();
        assert_eq!(Pictures::of(many.iter().map(String::as_str)).0, " https:");
    }

    #[test]
    fn the_form_may_lead_to_the_client() {
        for (redirect_uri, sources) in [
            ("https://app.example.com/cb", "'self' https:"),
            ("http://app.example.com:8080/cb", "'self' https: http://app.example.com:8080"),
            ("http://10.0.0.7/cb", "'self' https: http://10.0.0.7"),
            ("http://my_app.example.com/cb", "'self' https: http:"),
            ("http://*.example.com/cb", "'self' https: http:"),
            ("http://127.0.0.1:8123/cb", "'self' https: http://127.0.0.1:* http://localhost:*"),
            ("http://localhost:8123/cb", "'self' https: http://127.0.0.1:* http://localhost:*"),
            ("http://[::1]:8123/cb", "'self' https: http:"),
            ("cursor://anysphere.cursor-mcp/cb", "'self' https: cursor:"),
            ("com.example.app:/cb", "'self' https: com.example.app:"),
            ("javascript:alert(1)", "'self'"),
            ("data:text/html,a", "'self'"),
            ("/cb", "'self'"),
            ("https://a.example; script-src *", "'self'"),
        ] {
            assert_eq!(FormAction::toward(redirect_uri).0, sources, "{redirect_uri}");
        }
    }
}
