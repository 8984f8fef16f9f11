//! Absolute URIs (RFC 3986 4.3): one check for redirect URIs and resources, and one normal form.
//!
//! Two parsers must agree. The grammar of RFC 3986 says what may be written at all; the URL standard of browsers is
//! lenient (it takes `\` for `/`, full-width digits for digits, `0x7f.1` for `127.0.0.1`) but it is what clients act by.
//! What one of them reads differently is refused, so that no text means one host here and another one there.

use iri_string::format::ToDedicatedString as _;
use iri_string::types::UriAbsoluteStr;
use url::{Host, Url};

/// Why a text is no absolute URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UriError {
    /// It breaks the grammar.
    Syntax,
    /// It has a fragment, even an empty one.
    Fragment,
    /// It is `host:port`, where the host reads as a scheme by accident.
    SchemeMissing,
    /// It is http or https without a host, or with one that is written so that programs differ about it.
    Host,
    /// It has a user name or password, even an empty one.
    Credentials,
}

/// Checks that a text is an absolute URI that every program reads in the same way.
pub(crate) fn parse(text: &str) -> Result<Url, UriError> {
    if text.contains('#') {
        return Err(UriError::Fragment);
    }
    let uri = UriAbsoluteStr::new(text).or(Err(UriError::Syntax))?;
    if is_host_and_port(uri) {
        return Err(UriError::SchemeMissing);
    }
    let authority = uri.authority_components();
    if authority.is_some_and(|authority| authority.userinfo().is_some()) {
        return Err(UriError::Credentials);
    }
    let is_web = ["http", "https"].iter().any(|web| uri.scheme_str().eq_ignore_ascii_case(web));
    let Ok(url) = Url::parse(text) else {
        return Err(if is_web && authority.is_some_and(|a| a.host().is_empty()) {
            UriError::Host
        } else {
            UriError::Syntax
        });
    };
    let written = authority.map_or("", |authority| authority.host());
    if is_web && !is_plain(url.host().as_ref(), written) {
        return Err(UriError::Host);
    }
    // What has no normal form, such as `ws:.`, could be compared with nothing. What has such a host has one.
    if !is_web && normalized(text).is_none() {
        return Err(UriError::Syntax);
    }
    Ok(url)
}

/// What is read of a URI of the web that is written in the plainest way, see [`plain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain<'a> {
    pub(crate) is_https: bool,
    pub(crate) host: &'a str,
}

/// Reads the URIs that nearly all are: `https` or `http`, a name in lower case or `127.0.0.1`, perhaps a port, and a path
/// and query without escapes. [`parse`] takes all of these, at ten times the cost; `None` says nothing about the others.
pub(crate) fn plain(text: &str) -> Option<Plain<'_>> {
    const LABEL_MAX: usize = 63;
    let (is_https, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://")?),
    };
    let (authority, tail) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_err() || port.starts_with('+')) {
        return None;
    }
    // A name that ends in a number is an address, and one with two hyphens may stand for other letters.
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let is_name = || {
        let last = host.rsplit('.').next().unwrap_or_default();
        host.len() <= 253
            && last.starts_with(|c: char| c.is_ascii_lowercase())
            && !host.contains("--")
            && host.split('.').all(is_label)
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?=&".contains(&byte);
    ((host == "127.0.0.1" || is_name()) && tail.bytes().all(is_plain)).then_some(Plain { is_https, host })
}

/// The path of an absolute URI, as it is written.
pub(super) fn path(text: &str) -> &str {
    UriAbsoluteStr::new(text).map_or("", UriAbsoluteStr::path_str)
}

/// Whether the host is this machine, seen from itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(ip)) => ip.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether the host that browsers read is the one that is written.
fn is_plain(read: Option<&Host<&str>>, written: &str) -> bool {
    match read {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case(written),
        Some(Host::Ipv4(ip)) => ip.to_string() == written,
        Some(Host::Ipv6(_)) => written.starts_with('['),
        None => false,
    }
}

/// `localhost:3000/cb` has the scheme `localhost`, as the grammar sees it. Numbers for phones are no ports.
fn is_host_and_port(uri: &UriAbsoluteStr) -> bool {
    let scheme = uri.scheme_str();
    let is_phone = ["tel", "sms"].iter().any(|phone| scheme.eq_ignore_ascii_case(phone));
    let segment = uri.path_str().split('/').next().unwrap_or_default();
    let is_port = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    uri.authority_str().is_none() && (scheme.eq_ignore_ascii_case("localhost") || is_port && !is_phone)
}

/// The normal form (RFC 3986 6.2.2 and 6.2.3): scheme and host in lower case, no default port, no needless percent
/// encoding, no dot segments, `/` for the empty path, and no slash at the end of a longer one. `None` when the text is
/// no absolute URI.
pub(super) fn normalized(text: &str) -> Option<Url> {
    let uri = UriAbsoluteStr::new(text).ok()?;
    let mut url = Url::parse(uri.normalize().to_dedicated_string().as_str()).ok()?;
    if let Some(shorter) = url.path().strip_suffix('/').filter(|shorter| !shorter.is_empty()).map(str::to_owned) {
        url.set_path(&shorter);
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_uri_is_refused_by_what_is_wrong() {
        for (text, error) in [
            ("", UriError::Syntax),
            ("a", UriError::Syntax),
            ("/a", UriError::Syntax),
            ("//a.example", UriError::Syntax),
            ("ws:.", UriError::Syntax),
            ("127.0.0.1:3000", UriError::Syntax),
            ("http://127.0.0.1:8080\\@evil.example", UriError::Syntax),
            ("https:\\\\a.example", UriError::Syntax),
            ("https://a.example/<x>", UriError::Syntax),
            ("https://a.example/|", UriError::Syntax),
            ("https://a.example/^", UriError::Syntax),
            ("https://a.example/{}", UriError::Syntax),
            ("https://a.example/`", UriError::Syntax),
            ("https://a.example/\"", UriError::Syntax),
            ("https://a.example/é", UriError::Syntax),
            ("https://bücher.example/", UriError::Syntax),
            ("https://a.example:４４３/", UriError::Syntax),
            ("https://１２７.0.0.1/", UriError::Syntax),
            ("https://a.example/ b", UriError::Syntax),
            (" https://a.example/", UriError::Syntax),
            ("https://a.example/\n", UriError::Syntax),
            ("https://a.example/%", UriError::Syntax),
            ("https://a.example/%2", UriError::Syntax),
            ("https://a.example/%zz", UriError::Syntax),
            ("https://a.example:99999/", UriError::Syntax),
            ("https://a.example/[", UriError::Syntax),
            ("https://a.example/#", UriError::Fragment),
            ("urn:a#b", UriError::Fragment),
            ("localhost:3000", UriError::SchemeMissing),
            ("localhost:3000/cb", UriError::SchemeMissing),
            ("localhost:cb", UriError::SchemeMissing),
            ("a.example:8080/cb?x", UriError::SchemeMissing),
            ("https:a.example", UriError::Host),
            ("https:/a.example", UriError::Host),
            ("https:///a.example", UriError::Host),
            ("https://", UriError::Host),
            ("http://0x7f.1/", UriError::Host),
            ("http://127.1/", UriError::Host),
            ("http://2130706433/", UriError::Host),
            ("http://%31%32%37.0.0.1/", UriError::Host),
            ("http://a%2eexample/", UriError::Host),
            ("https://user@a.example/", UriError::Credentials),
            ("https://@a.example/", UriError::Credentials),
            ("https://127.0.0.1:80@evil.example/", UriError::Credentials),
            ("myapp://user:secret@cb", UriError::Credentials),
        ] {
            assert_eq!(parse(text).map(drop), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_one_is_taken() {
        for text in [
            "https://a.example",
            "HTTPS://A.Example:443/x%20y?z=1",
            "http://[::1]:3000/cb",
            "http://127.0.0.1/cb;a=1,b!$&'()*+",
            "com.example.app:/cb",
            "myapp://cb",
            "myapp:",
            "urn:ietf:wg:oauth:2.0:oob",
            "tel:123",
            "https://xn--bcher-kva.example/",
            "https://a.example//x/../y",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    fn near_uris() -> impl Strategy<Value = String> {
        let scheme = prop_oneof!["https?", "[a-z]{1,4}", "HTTP", "", "localhost"];
        let junk = "[ -~é１\\\\@:/?#%\\[\\]<>|^{}\"`]{0,6}";
        let host = prop_oneof!["[a-z]{1,5}\\.example", "127\\.0\\.0\\.1", "\\[::1\\]", "[0-9x.]{1,8}", junk];
        let port = prop_oneof!["", ":[0-9]{1,5}", ":[０-９]{2}"];
        (scheme, prop_oneof!["://", ":", ":/", "//"], host, port, prop_oneof!["", "/[a-z%.~/]{0,8}", junk])
            .prop_map(|(scheme, colon, host, port, rest)| format!("{scheme}{colon}{host}{port}{rest}"))
    }

    fn plain_uris() -> impl Strategy<Value = String> {
        let host =
            prop_oneof!["([a-z0-9-]{1,4}\\.){0,3}[a-z0-9x]{1,4}", "127\\.0\\.0\\.1", "localhost", "xn--[a-z0-9]{1,6}"];
        ("https?", host, prop_oneof!["", ":[0-9]{0,6}"], "([/?][a-z0-9./=&~_-]{0,8})?")
            .prop_map(|(scheme, host, port, rest)| format!("{scheme}://{host}{port}{rest}"))
    }

    #[test]
    fn most_uris_are_plain() {
        for text in [
            "https://a.example",
            "https://app.example.com:8443/oauth/callback?tenant=1",
            "http://127.0.0.1:9999/cb",
            "http://localhost/cb",
        ] {
            assert!(plain(text).is_some(), "{text}");
        }
        for text in [
            "https://A.example/",
            "http://127.1/",
            "http://a.0x7f/",
            "https://a.example/%20",
            "https://a.example:/",
            "app:/cb",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_taken_has_only_characters_of_uris(text in near_uris()) {
            if parse(&text).is_ok() {
                let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
                prop_assert!(text.bytes().all(fits), "{}", text);
                let escapes = text.split('%').skip(1).all(|rest| {
                    rest.get(..2).is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                });
                prop_assert!(escapes, "{}", text);
            }
        }

        #[test]
        fn who_splits_the_text_finds_the_host_that_browsers_find(text in near_uris()) {
            if let Ok(url) = parse(&text)
                && matches!(url.scheme(), "http" | "https")
            {
                let authority = text.split("://").nth(1).unwrap().split(['/', '?']).next().unwrap();
                let host = match authority.rsplit_once(':') {
                    Some((host, port)) if !port.contains(']') => host,
                    _ => authority,
                };
                let found = url.host().unwrap();
                if !matches!(found, Host::Ipv6(_)) {
                    prop_assert_eq!(found.to_string(), host.to_ascii_lowercase());
                }
            }
        }

        #[test]
        fn what_is_plain_is_read_as_by_the_parser(text in prop_oneof![near_uris(), plain_uris()]) {
            if let Some(plain) = plain(&text) {
                let url = parse(&text);
                prop_assert!(url.is_ok(), "{}: {:?}", text, url);
                let url = url.unwrap();
                prop_assert_eq!((url.scheme() == "https", url.host_str()), (plain.is_https, Some(plain.host)));
            }
        }

        #[test]
        fn what_is_of_the_web_has_a_normal_form(text in prop_oneof![near_uris(), plain_uris()]) {
            prop_assert!(parse(&text).is_err() || normalized(&text).is_some(), "{}", text);
        }

        #[test]
        fn the_normal_form_is_stable(text in near_uris()) {
            if parse(&text).is_ok() {
                let once = normalized(&text).unwrap();
                // Of several slashes at the end, only the last one is dropped.
                prop_assume!(once.path() == "/" || !once.path().ends_with('/'));
                prop_assert_eq!(normalized(once.as_str()), Some(once));
            }
        }
    }
}
