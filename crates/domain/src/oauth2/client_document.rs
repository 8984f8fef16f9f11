//! Clients whose `client_id` is the URL of their metadata document (draft-ietf-oauth-client-id-metadata-document).

use crate::ids::AppId;
use crate::{Digest, Instant};
use std::fmt;
use time::Duration;
use time::format_description::well_known::Rfc2822;
use url::Url;
use uuid::Uuid;

/// Longest URL of a document, in bytes.
const URL_MAX: usize = 2048;
/// For how long at least and at most a document counts as it was fetched, whatever its server says.
const FRESH: (Duration, Duration) = (Duration::minutes(5), Duration::DAY);
/// For how long it does when its server says nothing.
const FRESH_BY_DEFAULT: Duration = Duration::HOUR;
/// For how long clients with grants go on by a copy when the document cannot be fetched.
const STALE: Duration = Duration::days(7);
/// After a failure nobody asks again for so long.
pub const DOCUMENT_BRAKE: Duration = Duration::seconds(10);
/// Longest document, in bytes.
pub const DOCUMENT_MAX: usize = 10 * 1024;
/// Most copies of documents that are kept of clients to which nobody has allowed anything.
pub const DOCUMENTS_MAX: usize = 5000;
/// How long the client waits whose document cannot be fetched, and is not known well enough.
pub const DOCUMENT_WAIT: Duration = Duration::seconds(30);
/// Longest `ETag` that is sent again, in bytes.
const ETAG_MAX: usize = 256;

/// A `client_id` that is the URL of a document. It is never normalised: all compare it as text.
///
/// ```
/// use doorward_domain::oauth2::ClientUrl;
/// let url = ClientUrl::parse("https://app.example/oauth/client.json").unwrap();
/// assert_eq!((url.as_str(), url.host()), ("https://app.example/oauth/client.json", "app.example"));
/// assert!(ClientUrl::parse("https://app.example/").is_none());
/// assert_ne!(url.app_id(), ClientUrl::parse("https://app.example/oauth/client.json?").unwrap().app_id());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientUrl {
    text: String,
    host: String,
}

impl ClientUrl {
    /// Whether a `client_id` is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("https://")
    }

    /// Reads one, by the text as it was sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://")?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#';
        if text.len() > URL_MAX || !text.bytes().all(is_plain) {
            return None;
        }
        let end = rest.find(['/', '?'])?;
        let (authority, below) = rest.split_at_checked(end)?;
        let path = below.split('?').next().unwrap_or_default();
        let is_dots = |segment: &str| {
            let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
            decoded == "." || decoded == ".."
        };
        if authority.is_empty() || authority.contains('@') || path.len() < 2 || path.split('/').any(is_dots) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        Some(Self { text: text.to_owned(), host: url.host_str()?.to_owned() })
    }

    /// Takes one that was checked when it was stored.
    #[must_use]
    pub fn from_storage(text: String) -> Self {
        let host = Url::parse(&text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        Self { text, host }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, in the form without characters beyond ASCII.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The id of its app here, which follows from the text alone: a UUID of version 8 (RFC 9562 5.8), as no other app has.
    #[must_use]
    pub fn app_id(&self) -> AppId {
        let digest = Digest::of(format!("client_id document {}", self.text));
        let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        AppId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl fmt::Debug for ClientUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientUrl({})", self.text)
    }
}

/// Whether an id is that of an app that is known by its document.
#[must_use]
pub fn is_of_document(id: AppId) -> bool {
    Uuid::get_version_num(&id.0) == 8
}

/// The app that a `client_id` names; `None` when it can name none. The id that an app with a document has here is no name of it.
#[must_use]
pub fn app_of_client_id(text: &str) -> Option<AppId> {
    if ClientUrl::is_meant(text) {
        return ClientUrl::parse(text).map(|url| url.app_id());
    }
    text.parse().ok().filter(|id| !is_of_document(*id))
}

/// A copy of a document, or what is known of one that could not be fetched yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// The `client_id`.
    pub url: ClientUrl,
    /// The document, as it was fetched; it kept all rules then. Empty while it was never fetched.
    pub body: String,
    /// How its server names this version, which spares it from sending it again (RFC 9110 8.8.3).
    pub etag: Option<String>,
    /// When it was fetched.
    pub fetched_at: Instant,
    /// Until when it counts as it is.
    pub fresh_until: Instant,
    /// Until when nobody asks again, because it could not be fetched.
    pub retry_at: Option<Instant>,
}

impl StoredDocument {
    /// What is known of a document that could not be fetched, and of which there is no copy.
    #[must_use]
    pub const fn without_copy(url: ClientUrl, retry_at: Instant) -> Self {
        let never = Instant::UNIX_EPOCH;
        Self { url, body: String::new(), etag: None, fetched_at: never, fresh_until: never, retry_at: Some(retry_at) }
    }

    /// Whether it counts as it is.
    #[must_use]
    pub fn is_fresh(&self, now: Instant) -> bool {
        now < self.fresh_until
    }

    /// Whether it is to be asked for again not yet.
    #[must_use]
    pub fn is_braked(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| now < at)
    }

    /// Whether clients with grants may go on by it.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        !self.body.is_empty() && now - self.fetched_at < STALE
    }
}

/// For how long a document counts as it was fetched, by `Cache-Control` and, without an age in it, by `Expires` (RFC 9111 5.2.2 and 5.3).
///
/// ```
/// use doorward_domain::oauth2::fresh_for;
/// use time::macros::datetime;
/// use time::Duration;
/// let now = datetime!(2026-11-01 12:00 UTC);
/// assert_eq!(fresh_for(Some("public, max-age=600"), None, now), Duration::minutes(10));
/// assert_eq!(fresh_for(Some("no-store"), None, now), Duration::minutes(5));
/// assert_eq!(fresh_for(None, Some("Sun, 01 Nov 2026 12:20:00 GMT"), now), Duration::minutes(20));
/// assert_eq!(fresh_for(None, None, now), Duration::HOUR);
/// ```
#[must_use]
pub fn fresh_for(cache_control: Option<&str>, expires: Option<&str>, now: Instant) -> Duration {
    let mut directives = cache_control.unwrap_or_default().split(',').map(|text| text.trim().to_ascii_lowercase());
    let mut age = None;
    for directive in &mut directives {
        if matches!(directive.as_str(), "no-store" | "no-cache") {
            return FRESH.0;
        }
        if let Some(text) = directive.strip_prefix("max-age=") {
            age = age.or(text.trim_matches('"').parse::<u32>().ok());
        }
    }
    let until = |text: &str| {
        let at = Instant::parse(text, &Rfc2822);
        // What is no date has passed (RFC 9111 5.3).
        at.map_or(Duration::ZERO, |at| at - now)
    };
    let age = age.map(|age| Duration::seconds(age.into())).or_else(|| expires.map(until));
    age.map_or(FRESH_BY_DEFAULT, |age| age.clamp(FRESH.0, FRESH.1))
}

/// The `ETag` of an answer, as it is sent again; `None` for one that is too long, or no such thing.
#[must_use]
pub fn etag(sent: Option<&str>) -> Option<&str> {
    let is_one = |text: &&str| {
        let quoted = text.strip_prefix("W/").unwrap_or(text);
        text.len() <= ETAG_MAX && quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"')
    };
    sent.filter(is_one).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-11-01 12:00 UTC);

    #[test]
    fn which_texts_are_urls_of_documents() {
        for good in [
            "https://app.example/oauth/client.json",
            "https://app.example:8443/c?v=2",
            "https://claude.ai/oauth/claude-code-client-metadata",
            "https://app.example/a..b/.well-known/%2ec",
        ] {
            assert_eq!(ClientUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "https://app.example",
            "https://app.example/",
            "https://app.example?x=/c",
            "http://app.example/c",
            "HTTPS://app.example/c",
            "https://u@app.example/c",
            "https://u:p@app.example/c",
            "https://app.example/c#x",
            "https://app.example/c#",
            "https://app.example/a/../c",
            "https://app.example/./c",
            "https://app.example/%2E%2e/c",
            "https://app.example/.%2E",
            "https://app.example/a\\c",
            "https://app.example/a c",
            "https://app.example/\u{e9}",
            "https://app.example/\n",
            "https:///c",
            "https://:443/c",
        ] {
            assert!(ClientUrl::parse(bad).is_none(), "{bad}");
        }
        let long = |n: usize| format!("https://app.example/{}", "c".repeat(n - 20));
        assert!(ClientUrl::parse(&long(2048)).is_some() && ClientUrl::parse(&long(2049)).is_none());
    }

    #[test]
    fn an_app_is_named_by_the_url_and_by_nothing_else() {
        let url = ClientUrl::parse("https://app.example/c").unwrap();
        assert_eq!(app_of_client_id("https://app.example/c"), Some(url.app_id()));
        assert!(is_of_document(url.app_id()) && app_of_client_id(&url.app_id().to_string()).is_none());
        for other in ["https://app.example/C", "https://app.example:443/c", "https://app.example/c/"] {
            assert_ne!(app_of_client_id(other), Some(url.app_id()), "{other}");
        }
        let usual = AppId(Uuid::from_u128(7));
        assert_eq!(app_of_client_id(&usual.to_string()), Some(usual));
        assert_eq!((app_of_client_id("x"), app_of_client_id("https://app.example/")), (None, None));
    }

    #[test]
    fn what_a_server_says_of_freshness_is_kept_within_bounds() {
        let minutes = Duration::minutes;
        for (text, kept) in [
            ("max-age=0", minutes(5)),
            ("max-age=86401", Duration::DAY),
            ("Max-Age=\"900\"", minutes(15)),
            ("max-age=x", Duration::HOUR),
            ("max-age=900, no-cache", minutes(5)),
            ("private", Duration::HOUR),
            ("s-maxage=7", Duration::HOUR),
        ] {
            assert_eq!(fresh_for(Some(text), None, NOW), kept, "{text}");
        }
        for (text, kept) in [
            ("Sun, 01 Nov 2026 12:30:00 GMT", minutes(30)),
            ("Sun, 01 Nov 2026 11:30:00 GMT", minutes(5)),
            ("Sun, 01 Nov 2099 12:30:00 GMT", Duration::DAY),
            ("0", minutes(5)),
        ] {
            assert_eq!(fresh_for(None, Some(text), NOW), kept, "{text}");
            assert_eq!(fresh_for(Some("private"), Some(text), NOW), kept, "{text}");
            assert_eq!(fresh_for(Some("max-age=900"), Some(text), NOW), minutes(15), "the age counts");
        }
    }

    #[test]
    fn a_version_is_named_again_as_it_was_named() {
        for good in ["\"\"", "\"abc\"", "W/\"abc\""] {
            assert_eq!(etag(Some(good)), Some(good));
        }
        let long = format!("\"{}\"", "e".repeat(ETAG_MAX));
        for bad in ["", "abc", "\"", "W/abc", "\"a b\"", "\"\u{e9}\"", "\"a\r\nx: y\"", &long] {
            assert_eq!(etag(Some(bad)), None, "{bad}");
        }
        assert_eq!(etag(None), None);
    }

    #[test]
    fn what_was_never_fetched_serves_nobody() {
        let url = ClientUrl::from_storage("https://app.example/c".to_owned());
        let none = StoredDocument::without_copy(url, NOW + DOCUMENT_BRAKE);
        assert!(none.is_braked(NOW) && !none.is_fresh(NOW) && !none.is_usable(NOW));
        assert!(!none.is_usable(Instant::UNIX_EPOCH), "not by an odd clock either");
    }

    #[test]
    fn a_copy_counts_for_a_while_and_serves_those_with_grants_for_longer() {
        let now = Instant::UNIX_EPOCH;
        let url = ClientUrl::from_storage("https://app.example/c".to_owned());
        let copy = StoredDocument {
            url,
            body: "{}".to_owned(),
            etag: None,
            fetched_at: now,
            fresh_until: now + Duration::HOUR,
            retry_at: Some(now + DOCUMENT_BRAKE),
        };
        assert!(copy.is_fresh(now) && !copy.is_fresh(now + Duration::HOUR));
        assert!(copy.is_braked(now) && !copy.is_braked(now + DOCUMENT_BRAKE));
        assert!(copy.is_usable(now + STALE - Duration::SECOND) && !copy.is_usable(now + STALE));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_url_that_hides_where_it_leads(text in "https://[ -~]{0,40}") {
            if let Some(url) = ClientUrl::parse(&text) {
                let read = Url::parse(url.as_str()).unwrap();
                prop_assert!(read.username().is_empty() && read.fragment().is_none() && read.path().len() > 1);
                prop_assert_eq!(read.host_str(), Some(url.host()));
            }
        }
    }
}
