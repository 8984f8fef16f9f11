//! What may stand in `src` and `href` when somebody else wrote it.

use std::borrow::Cow;

use doorward_domain::appearance::is_picture_url;
use url::{Host, Url};

/// Schemes that run or show content in our own origin, or read the user's disk.
const REFUSED_SCHEMES: [&str; 8] =
    ["javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"];

/// The icon, when it may be put in an `img src`: `https:`, `http:`, a bitmap in a `data:` URL, or a path of this server. The `img-src`
/// of the page must list its origin, see [`Pictures`](super::headers::Pictures).
pub(crate) fn safe_icon(icon: &str) -> Option<&str> {
    is_picture_url(icon).then_some(icon)
}

/// The address, when it may be put in an `href`: a path of this server, or an absolute URL whose scheme leads away from it
/// (the redirect URI of a native application has a scheme of its own).
pub(crate) fn safe_href(href: &str) -> Option<&str> {
    if href.starts_with('/') {
        let second = href.chars().nth(1);
        return (second != Some('/') && second != Some('\\')).then_some(href);
    }
    // Most lead to a host by a scheme that needs no second look.
    let rest = href.strip_prefix("https://").or_else(|| href.strip_prefix("http://"));
    let is_web = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    (is_web || Url::parse(href).is_ok_and(|url| leads_away(&url))).then_some(href)
}

/// True when following the URL leaves our origin for another site or program, so that nothing runs in our name.
pub(super) fn leads_away(url: &Url) -> bool {
    !REFUSED_SCHEMES.contains(&url.scheme())
}

/// True for the hosts of RFC 8252 section 7.3, behind which a program on the user's device listens.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Says in words where a redirect URI leads: a host (in its ASCII form, so that look-alike letters show), a program on this
/// device, or the application that owns the scheme.
pub(crate) fn destination(redirect_uri: &str) -> Cow<'_, str> {
    let Ok(url) = Url::parse(redirect_uri) else { return Cow::Borrowed(redirect_uri) };
    let web = matches!(url.scheme(), "http" | "https");
    let Some(host) = url.host_str().filter(|_| web) else {
        return Cow::Owned(format!("an app on this device ({}:)", url.scheme()));
    };
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Cow::Owned(if is_loopback(&url) {
        format!("a program on this device ({authority})")
    } else if url.scheme() == "http" {
        format!("{authority} (not encrypted)")
    } else {
        authority
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icons_that_are_only_drawn_are_allowed() {
        for icon in [
            "https://cdn.example.com/a.png",
            "HTTPS://cdn.example.com/a.svg",
            "http://localhost:3000/icon.png",
            "/emojis/1f3e1.png",
            "data:image/png;base64,iVBORw0KGgo=",
            "DATA:image/WebP;base64,UklGRg==",
            "data:image/gif,GIF89a",
            "data:image/jpeg;base64,/9j/",
        ] {
            assert_eq!(safe_icon(icon), Some(icon), "{icon}");
        }
    }

    #[test]
    fn icons_that_could_do_more_are_refused() {
        for icon in [
            "",
            "icon.png",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            " https://example.com/a.png",
            "https://",
            "https:example.com/a.png",
            "data:text/html,<script>alert(1)</script>",
            "data:image/svg+xml,<svg/>",
            "data:image/pngx,a",
            "data:,a",
            "blob:https://example.com/1",
            "file:///etc/passwd",
            "//example.com/a.png",
            "/\\example.com/a.png",
            "ftp://example.com/a.png",
        ] {
            assert_eq!(safe_icon(icon), None, "{icon}");
        }
    }

    #[test]
    fn a_link_never_runs_in_our_origin() {
        for href in [
            "/login",
            "https://example.com/cb?error=access_denied",
            "http://127.0.0.1:1/",
            "cursor://cb",
            "com.example:/cb",
        ] {
            assert_eq!(safe_href(href), Some(href), "{href}");
        }
        for href in [
            "",
            "login",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "\tjavascript:alert(1)",
            "data:text/html,a",
            "//example.com",
            "/\\example.com",
        ] {
            assert_eq!(safe_href(href), None, "{href}");
        }
    }

    #[test]
    fn the_destination_names_the_real_host() {
        for (redirect_uri, words) in [
            ("https://app.example.com/cb", "app.example.com"),
            ("https://app.example.com:8443/cb", "app.example.com:8443"),
            ("https://bank.example@evil.example/cb", "evil.example"),
            ("https://b\u{e4}nk.example/cb", "xn--bnk-qla.example"),
            ("http://app.example.com/cb", "app.example.com (not encrypted)"),
            ("http://127.0.0.1:8123/cb", "a program on this device (127.0.0.1:8123)"),
            ("http://[::1]:8123/cb", "a program on this device ([::1]:8123)"),
            ("http://localhost/cb", "a program on this device (localhost)"),
            ("cursor://anysphere.cursor-mcp/cb", "an app on this device (cursor:)"),
            ("com.example.app:/cb", "an app on this device (com.example.app:)"),
        ] {
            assert_eq!(destination(redirect_uri), words);
        }
    }
}
