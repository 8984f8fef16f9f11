//! Redirect URIs: what may be registered, and when a presented one is the registered one.

use super::scheme;
use super::uri::{self, UriError, is_loopback};
use crate::text_enum::text_enum;
use std::fmt;
use url::{Host, Url};

/// Longest redirect URI, in bytes.
pub const REDIRECT_URI_MAX: usize = 2048;

/// Why a redirect URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectUriError {
    /// It is empty.
    #[error("a redirect URI is required")]
    Empty,
    /// It is longer than [`REDIRECT_URI_MAX`].
    #[error("a redirect URI has at most {REDIRECT_URI_MAX} bytes")]
    TooLong,
    /// It is no absolute URI (RFC 3986 4.3).
    #[error("a redirect URI must be an absolute URI, as RFC 3986 writes it")]
    NotAbsolute,
    /// It is a host and a port without a scheme: the host reads as one.
    #[error("a redirect URI needs a scheme: write http:// or https:// before the host and port")]
    SchemeMissing,
    /// It has a fragment, even an empty one (RFC 6749 3.1.2).
    #[error("a redirect URI must not have a fragment")]
    Fragment,
    /// Its scheme would run code, or names something that takes no answers.
    #[error(
        "this scheme is not allowed in a redirect URI: use https, http on a loopback host, or a scheme of the app's own"
    )]
    Scheme,
    /// An http or https URI without a host, or with one that not all programs read in the same way.
    #[error(
        "a redirect URI with http or https needs a host, written as a name, as four decimal numbers, or as IPv6 in brackets"
    )]
    Host,
    /// It carries a user name or password.
    #[error("a redirect URI must not carry credentials")]
    Credentials,
    /// Plain http to another machine, for a public client.
    #[error("http is allowed only for localhost, 127.0.0.1 and [::1]")]
    PlainHttp,
}

text_enum! {
    /// How a presented redirect URI is compared with the registered ones.
    #[derive(Default)]
    RedirectMatch {
        /// The same text; on loopback hosts any port (RFC 8252 7.3, RFC 9700 2.1).
        #[default]
        Exact = "exact",
        /// Same scheme, host and port, and the registered path or one below it. For old apps only.
        Prefix = "prefix",
    }
}

/// A registered redirect URI.
#[derive(Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Checks a URI that is to be registered (`oauth2.md` 5 and 14.2).
    ///
    /// `public` clients may use plain http only on the loopback interface.
    ///
    /// ```
    /// use doorward_domain::oauth2::{RedirectUri, RedirectUriError};
    /// assert!(RedirectUri::register("http://127.0.0.1/callback", true).is_ok());
    /// assert_eq!(RedirectUri::register("http://a.example/callback", true), Err(RedirectUriError::PlainHttp));
    /// assert_eq!(RedirectUri::register("javascript:alert(1)", false), Err(RedirectUriError::Scheme));
    /// ```
    pub fn register(text: &str, public: bool) -> Result<Self, RedirectUriError> {
        const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
        if text.is_empty() {
            return Err(RedirectUriError::Empty);
        }
        if text.len() > REDIRECT_URI_MAX {
            return Err(RedirectUriError::TooLong);
        }
        let url = uri::parse(text).map_err(|error| match error {
            UriError::Syntax => RedirectUriError::NotAbsolute,
            UriError::Fragment => RedirectUriError::Fragment,
            UriError::SchemeMissing => RedirectUriError::SchemeMissing,
            UriError::Host => RedirectUriError::Host,
            UriError::Credentials => RedirectUriError::Credentials,
        })?;
        if text != OUT_OF_BAND && !scheme::takes_answers(url.scheme()) {
            return Err(RedirectUriError::Scheme);
        }
        if url.scheme() == "http" && public && !is_loopback(&url) {
            return Err(RedirectUriError::PlainHttp);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a URI that was checked when it was stored.
    #[must_use]
    pub const fn from_storage(text: String) -> Self {
        Self(text)
    }

    /// The URI as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it would be accepted today: what is stored may be older than a rule. Nothing is sent to one that is not.
    #[must_use]
    pub fn is_acceptable(&self, public: bool) -> bool {
        let is_far =
            |plain: uri::Plain<'_>| !plain.is_https && public && !matches!(plain.host, "localhost" | "127.0.0.1");
        match uri::plain(&self.0) {
            Some(plain) => self.0.len() <= REDIRECT_URI_MAX && !is_far(plain),
            None => Self::register(&self.0, public).is_ok(),
        }
    }

    /// Whether it leads to a site on the network: by https, and not to the device of the user.
    #[must_use]
    pub fn is_of_a_site(&self) -> bool {
        if let Some(plain) = uri::plain(&self.0) {
            let is_here = matches!(plain.host, "localhost" | "127.0.0.1") || plain.host.ends_with(".localhost");
            return plain.is_https && !is_here;
        }
        let Ok(url) = Url::parse(&self.0) else { return false };
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => true,
        };
        url.scheme() == "https" && !is_loopback
    }

    /// Whether `presented` is this URI under the given rule. [`RedirectMatch::Prefix`] takes no query but the registered
    /// one, and in the part of the path that is added nothing that another program could read as more than plain segments.
    ///
    /// ```
    /// use doorward_domain::oauth2::{RedirectMatch, RedirectUri};
    /// let native = RedirectUri::register("http://127.0.0.1/callback", true)?;
    /// assert!(native.matches("http://127.0.0.1:51004/callback", RedirectMatch::Exact), "any port on loopback hosts");
    /// assert!(!native.matches("http://127.0.0.1.evil.example/callback", RedirectMatch::Exact));
    /// # Ok::<(), doorward_domain::oauth2::RedirectUriError>(())
    /// ```
    #[must_use]
    pub fn matches(&self, presented: &str, rule: RedirectMatch) -> bool {
        if presented == self.0 {
            return true;
        }
        if presented.len() > REDIRECT_URI_MAX {
            return false;
        }
        let (Ok(registered), Ok(url)) = (uri::parse(&self.0), uri::parse(presented)) else { return false };
        match rule {
            RedirectMatch::Exact => {
                registered.scheme() == "http"
                    && is_loopback(&registered)
                    && without_port(&self.0).is_some_and(|mine| Some(mine) == without_port(presented))
            }
            RedirectMatch::Prefix => {
                let origin = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
                matches!(registered.scheme(), "http" | "https")
                    && origin(&registered) == origin(&url)
                    && url.query().is_none_or(|query| registered.query() == Some(query))
                    && takes_no_detour(presented)
                    && is_below(uri::path(presented), uri::path(&self.0))
            }
        }
    }

    /// The host, as the consent page shows it; the scheme for URIs of an app on the device.
    #[must_use]
    pub fn display_host(&self) -> String {
        match Url::parse(&self.0) {
            Ok(url) => url.host_str().map_or_else(|| format!("{}:", url.scheme()), str::to_owned),
            Err(_) => self.0.clone(),
        }
    }

    /// The URI without its port, if it is one of a loopback host: there any port is as good.
    #[must_use]
    pub fn for_any_port(&self) -> String {
        let is_local = uri::parse(&self.0).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url));
        match without_port(&self.0).filter(|_| is_local) {
            Some((host, rest)) => format!("{host}{rest}"),
            None => self.0.clone(),
        }
    }

    /// Adds the members of an authorization response to the query; those of the same name are replaced.
    ///
    /// ```
    /// use doorward_domain::oauth2::RedirectUri;
    /// let uri = RedirectUri::register("https://a.example/cb?tenant=1&code=old", false)?;
    /// assert_eq!(uri.with_response(&[("code", "c&d")]), "https://a.example/cb?tenant=1&code=c%26d");
    /// # Ok::<(), doorward_domain::oauth2::RedirectUriError>(())
    /// ```
    #[must_use]
    pub fn with_response(&self, members: &[(&str, &str)]) -> String {
        const OWN: [&str; 6] = ["code", "state", "error", "error_description", "error_uri", "iss"];
        let (base, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        // What the client registered stays byte for byte; only names are decoded, to find those of a response.
        let is_own = |pair: &str| {
            url::form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(name, _)| OWN.contains(&name.as_ref()))
        };
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_own(pair)).collect();
        let added = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
        let separator = if kept.is_empty() { "" } else { "&" };
        format!("{base}?{}{separator}{added}", kept.join("&"))
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

/// The text before and after the port of the authority, so that everything else is compared as it was written.
fn without_port(text: &str) -> Option<(&str, &str)> {
    let authority_at = text.find("://")? + 3;
    let rest = text.get(authority_at..)?;
    let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(authority_len)?;
    let host_len = match authority.rfind(':') {
        Some(colon) if authority.get(colon + 1..)?.bytes().all(|b| b.is_ascii_digit()) && !authority.ends_with(']') => {
            colon
        }
        _ => authority.len(),
    };
    Some((text.get(..authority_at + host_len)?, tail))
}

/// Whether the path has no dot segments, and no dot or slash in disguise: who decodes them would end somewhere else.
fn takes_no_detour(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase();
    !["%2e", "%2f", "%5c"].iter().any(|escape| path.contains(escape))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

/// Whether `path` is `base` or lies below it, by whole plain segments. Both are compared as they are written.
///
/// What is added is not what the owner of the app wrote, and more programs than this one read it. Some decode twice, join
/// empty segments, or cut parameters off (`..;x`); so it has no percent escapes, no empty segments and no `;`.
fn is_below(path: &str, base: &str) -> bool {
    let base = base.strip_suffix('/').unwrap_or(base);
    let Some(added) = path.strip_prefix(base) else { return false };
    let is_plain = |segment: &str| !segment.is_empty() && !segment.contains(['%', ';']);
    match added.strip_prefix('/') {
        None => added.is_empty(),
        Some(added) => added.is_empty() || added.strip_suffix('/').unwrap_or(added).split('/').all(is_plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::register(text, false).unwrap()
    }

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://a.example/cb",
            "http://a.example/cb?x=1",
            "com.example.app:/cb",
            "myapp://cb",
            "http://[::1]:1/",
            "vscode://coder.coder-remote/oauth/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "ms-appx-web://microsoft.aad.brokerplugin/1",
        ] {
            assert!(RedirectUri::register(good, false).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("", RedirectUriError::Empty),
            ("/cb", RedirectUriError::NotAbsolute),
            ("https://a.example/cb#", RedirectUriError::Fragment),
            ("javascript:alert(1)", RedirectUriError::Scheme),
            ("JavaScript:alert(1)", RedirectUriError::Scheme),
            ("urn:x:y", RedirectUriError::Scheme),
            ("http:a.example", RedirectUriError::Host),
            ("https:///cb", RedirectUriError::Host),
            ("https://user@a.example/", RedirectUriError::Credentials),
            ("https://a.example/ cb", RedirectUriError::NotAbsolute),
            ("https://bücher.example/cb", RedirectUriError::NotAbsolute),
            ("https://a.example/a\\b", RedirectUriError::NotAbsolute),
            ("https://a.example/<>", RedirectUriError::NotAbsolute),
            ("http://127.0.0.1:8080\\@evil.example", RedirectUriError::NotAbsolute),
            ("https://a.example/%zz", RedirectUriError::NotAbsolute),
            ("http://0x7f.1/cb", RedirectUriError::Host),
            ("localhost:3000", RedirectUriError::SchemeMissing),
            ("localhost:3000/cb", RedirectUriError::SchemeMissing),
            ("a.example:8080/cb", RedirectUriError::SchemeMissing),
            ("filesystem:https://a.example/temporary/x", RedirectUriError::Scheme),
            ("ws://a.example/cb", RedirectUriError::Scheme),
            ("WSS://a.example/cb", RedirectUriError::Scheme),
            ("jar:https://a.example/x!/y", RedirectUriError::Scheme),
            ("feed:https://a.example/cb", RedirectUriError::Scheme),
            ("LiveScript:alert(1)", RedirectUriError::Scheme),
            ("mhtml:https://a.example/cb", RedirectUriError::Scheme),
            ("resource://a.example/cb", RedirectUriError::Scheme),
            ("chrome://settings", RedirectUriError::Scheme),
            ("ftps://a.example/cb", RedirectUriError::Scheme),
            ("gopher://a.example/cb", RedirectUriError::Scheme),
            ("ldap://a.example/cb", RedirectUriError::Scheme),
            ("intent://a.example/cb", RedirectUriError::Scheme),
            ("ms-settings:privacy", RedirectUriError::Scheme),
            ("mailto:a@b.c", RedirectUriError::Scheme),
            ("tel:123", RedirectUriError::Scheme),
        ] {
            assert_eq!(RedirectUri::register(bad, false), Err(error), "{bad}");
        }
        assert_eq!(RedirectUri::register("http://a.example/", true), Err(RedirectUriError::PlainHttp));
        assert!(RedirectUri::register("http://127.0.0.1/cb", true).is_ok());
        assert!(RedirectUri::register("urn:ietf:wg:oauth:2.0:oob", true).is_ok());
    }

    #[test]
    fn exact_means_exact_but_for_the_port_of_loopback() {
        let rule = RedirectMatch::Exact;
        assert!(uri("https://a.example/cb").matches("https://a.example/cb", rule));
        for other in
            ["https://a.example/cb/", "https://a.example:443/cb", "http://a.example/cb", "https://A.example/cb"]
        {
            assert!(!uri("https://a.example/cb").matches(other, rule), "{other}");
        }
        let loopback = uri("http://127.0.0.1:3000/cb?a=1");
        assert!(loopback.matches("http://127.0.0.1:51234/cb?a=1", rule));
        assert!(loopback.matches("http://127.0.0.1/cb?a=1", rule));
        for other in [
            "http://127.0.0.1:1/cb",
            "http://localhost:1/cb?a=1",
            "https://127.0.0.1:1/cb?a=1",
            "http://127.0.0.1:1@evil.example/cb?a=1",
        ] {
            assert!(!loopback.matches(other, rule), "{other}");
        }
        assert!(uri("http://[::1]/cb").matches("http://[::1]:9/cb", rule));
        assert!(!uri("https://localhost/cb").matches("https://localhost:9/cb", rule));
    }

    #[test]
    fn prefix_keeps_to_whole_segments() {
        let rule = RedirectMatch::Prefix;
        let base = uri("http://h:8080/foo/bar");
        assert!(base.matches("http://h:8080/foo/bar/nested", rule));
        for below in ["http://h:8080/foo/bar/", "http://h:8080/foo/bar/a/b/", "http://H:8080/foo/bar/a_b-c.d~e,f=g"] {
            assert!(base.matches(below, rule), "{below}");
        }
        assert!(uri("https://h").matches("https://h/a", rule) && uri("https://h/").matches("https://h", rule));
        assert!(uri("https://h/a%20b").matches("https://h/a%20b/c", rule), "what is registered is as it is");
        let with_query = uri("http://h:8080/foo?tenant=1");
        assert!(with_query.matches("http://h:8080/foo/bar?tenant=1", rule));
        assert!(with_query.matches("http://h:8080/foo/bar", rule));
        assert!(!with_query.matches("http://h:8080/foo/bar?tenant=2", rule));
        assert!(!with_query.matches("http://h:8080/foo/bar?tenant=1&next=x", rule));
        for other in [
            "https://h:8080/foo/bar",
            "http://h:8080/foo/barbaz",
            "http://h:8080/foo",
            "http://h:8081/foo/bar",
            "http://x.h:8080/foo/bar",
            "http://h:8080/foo/bar/../../x",
            "http://h:8080/foo/bar/%2e%2e/x",
            "http://h:8080/foo/bar/%2E",
            "http://h:8080/foo/bar/.%2e/x",
            "http://h:8080/foo/bar/x%2fy",
            "http://h:8080/foo/bar/x/..",
            "http://h:8080/foo/bar/.",
            "http://h:8080/foo/bar/%252e%252e/x",
            "http://h:8080/foo/bar/%25%32%65/x",
            "http://h:8080/foo/bar/x%3fy",
            "http://h:8080/foo/bar/x%23y",
            "http://h:8080/foo/bar/x%00",
            "http://h:8080/foo/bar/x%0d%0ay",
            "http://h:8080/foo/bar/x%5cy",
            "http://h:8080/foo/bar/%c0%ae%c0%ae/x",
            "http://h:8080/foo/bar/%ef%bc%8e%ef%bc%8e/x",
            "http://h:8080/foo/bar//x",
            "http://h:8080/foo/bar/x//",
            "http://h:8080/foo/bar//",
            "http://h:8080/foo/bar//evil.example/x",
            "http://h:8080/foo/bar/..;/x",
            "http://h:8080/foo/bar/x;y=1",
            "http://h:8080/foo/bar;x",
            "http://h:8080/foo/bar%2f",
            "http://h:8080//foo/bar/x",
            "http://h:8080/foo/bar/nested?x=1",
            "http://h:8080/foo/bar?",
            "http://u@h:8080/foo/bar",
            "http:h:8080/foo/bar",
            "http:/h:8080/foo/bar",
            "http:\\\\h:8080\\foo\\bar",
            " http://h:8080/foo/bar",
            "http://h:8080/foo/bar/\nx",
            "http://h:8080/foo/bar/x y",
        ] {
            assert!(!base.matches(other, rule), "{other}");
        }
    }

    #[test]
    fn what_is_stored_is_looked_at_again() {
        for (text, public, acceptable) in [
            ("https://a.example/cb", true, true),
            ("http://a.example/cb", false, true),
            ("http://a.example/cb", true, false),
            ("filesystem:https://a.example/x", false, false),
            ("javascript:alert(1)", false, false),
            ("https://a.example\\@b.example/cb", false, false),
        ] {
            assert_eq!(RedirectUri::from_storage(text.to_owned()).is_acceptable(public), acceptable, "{text}");
        }
    }

    #[test]
    fn response_members_are_added_never_doubled() {
        let with = uri("https://a.example/cb?x=1&code=old").with_response(&[("code", "new"), ("state", "a b")]);
        assert_eq!(with, "https://a.example/cb?x=1&code=new&state=a+b");
        let raw = uri("https://a.example/cb?x=a%20b&flag&y=%E9").with_response(&[("code", "1")]);
        assert_eq!(raw, "https://a.example/cb?x=a%20b&flag&y=%E9&code=1");
    }

    proptest! {
        #[test]
        fn an_answer_goes_to_the_host_that_is_registered(
            text in "https?://[a-z.:@\\\\%]{1,12}(/[a-z.%@:\\\\]{0,8}){0,2}(\\?[a-z=&]{0,8})?",
            state in "\\PC{0,12}",
        ) {
            if let Ok(registered) = RedirectUri::register(&text, false) {
                let answer = registered.with_response(&[("code", "c"), ("state", &state)]);
                let (before, after) = (Url::parse(&text).unwrap(), Url::parse(&answer).unwrap());
                prop_assert_eq!(before.origin(), after.origin());
                prop_assert_eq!(before.path(), after.path());
                let sent = after.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
                prop_assert_eq!(sent, state);
            }
        }
    }
}
