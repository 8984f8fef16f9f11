//! Authorization requests that a client has pushed before it sends the user (RFC 9126).

use crate::ids::AppId;
use crate::{Digest, Instant};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::Duration;

/// What the `request_uri` of a pushed request begins with (RFC 9126 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long a request lives at least from when a browser first comes with it: the user may have to sign in.
pub const PUSHED_REQUEST_OPEN: Duration = Duration::minutes(10);

/// The `request_uri` of a pushed request. Only its digest is stored.
///
/// ```
/// use doorward_domain::oauth2::PushedUri;
/// let uri = PushedUri::new(&[7; 32]);
/// assert!(uri.as_str().starts_with("urn:ietf:params:oauth:request_uri:"));
/// assert_eq!(PushedUri::parse(uri.as_str()).map(|uri| uri.digest()), Some(uri.digest()));
/// assert!(PushedUri::parse("https://evil.example/request").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedUri(String);

impl PushedUri {
    /// The one of these random bytes.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)))
    }

    /// Whether a `request_uri` is meant to be one, and not the address of a request elsewhere.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads one; `None` when it can be none of this server.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let is_ours = URL_SAFE_NO_PAD.decode(random).is_ok_and(|bytes| bytes.len() == 32);
        is_ours.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// A request that was pushed, and has not led to a code yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRequest {
    /// The digest of its `request_uri`.
    pub digest: Digest,
    /// The client that pushed it. It need not be stored, if it is known by a document.
    pub app_id: AppId,
    /// Its parameters, as the query that they might have been.
    pub parameters: String,
    /// When it is over.
    pub expires_at: Instant,
    /// The browser that came with it first, by the digest of what it is known by: no other may.
    pub browser: Option<Digest>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_uri_of_this_server_is_none() {
        let good = PushedUri::new(&[1; 32]);
        assert_eq!(good.as_str().len(), PREFIX.len() + 43);
        for bad in [
            "",
            PREFIX,
            "https://app.example/request.jwt",
            "urn:ietf:params:oauth:request_uri:short",
            &good.as_str().to_uppercase(),
            &format!("{}x", good.as_str()),
            &format!(" {}", good.as_str()),
            &good.as_str().replace(PREFIX, "urn:example:"),
        ] {
            assert!(PushedUri::parse(bad).is_none(), "{bad}");
        }
    }
}
