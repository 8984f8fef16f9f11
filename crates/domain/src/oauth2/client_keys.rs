//! Public keys of clients, as they are registered: a set, or where one is.

use super::client_rules::KeySource;
use super::uri;
use crate::Instant;
use crate::identity_providers::{KeySet, KeySetDefect};
use crate::jws::SignatureAlgorithm;
use crate::oauth2::REDIRECT_URI_MAX;
use serde_json::Value;
use std::collections::BTreeSet;
use time::Duration;

/// Most keys that a client may register; a set at a URL may have more.
const CLIENT_KEYS_MAX: usize = 16;

/// For so long keys that were fetched are used when they cannot be fetched again, and are kept for that.
pub const CLIENT_KEYS_KEPT: Duration = Duration::days(7);

/// The set of keys at a URL, as it was fetched last by any server of the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeySet {
    /// Where it is.
    pub url: String,
    /// The set as it was fetched. It has no private part of a key.
    pub body: Vec<u8>,
    /// When it was fetched.
    pub fetched_at: Instant,
    /// Until when nobody need ask again.
    pub fresh_until: Instant,
    /// When it was fetched last because a key was not in it.
    pub again_at: Option<Instant>,
}

/// Why keys of a client are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceDefect {
    /// Two sources may say two things.
    #[error("jwks and jwks_uri must not both be given")]
    Both,
    /// It is no set of keys.
    #[error("jwks: {0}")]
    Set(#[from] KeySetDefect),
    /// It has too many keys.
    #[error("jwks: at most {CLIENT_KEYS_MAX} keys are allowed")]
    TooMany,
    /// Whoever reads it could sign.
    #[error("jwks: a key has its private part with it; make a new key, and register the public part only")]
    Private,
    /// None of its keys verifies signatures.
    #[error("jwks: no key in it can verify a signature by RS256, PS256, ES256, ES384 or EdDSA")]
    Unusable,
    /// It is no URL of a set of keys.
    #[error("jwks_uri: must be an https URL without user part and fragment")]
    Url,
}

impl KeySource {
    /// Reads what a client registers; `None` when it registers no keys.
    ///
    /// ```
    /// use doorward_domain::oauth2::{KeySource, KeySourceDefect};
    /// use serde_json::json;
    /// let url = Some("https://app.example/jwks");
    /// assert_eq!(KeySource::read(None, url), Ok(Some(KeySource::JwksUri("https://app.example/jwks".to_owned()))));
    /// assert_eq!(KeySource::read(Some(&json!({ "keys": [] })), url), Err(KeySourceDefect::Both));
    /// assert_eq!(KeySource::read(None, None), Ok(None));
    /// ```
    pub fn read(jwks: Option<&Value>, jwks_uri: Option<&str>) -> Result<Option<Self>, KeySourceDefect> {
        match (jwks.filter(|jwks| !jwks.is_null()), jwks_uri) {
            (Some(_), Some(_)) => Err(KeySourceDefect::Both),
            (Some(jwks), None) => Self::of_set(jwks).map(Some),
            (None, Some(url)) if is_url(url) => Ok(Some(Self::JwksUri(url.to_owned()))),
            (None, Some(_)) => Err(KeySourceDefect::Url),
            (None, None) => Ok(None),
        }
    }

    fn of_set(jwks: &Value) -> Result<Self, KeySourceDefect> {
        let text = jwks.to_string();
        let set = KeySet::parse(text.as_bytes())?;
        if set.exposed > 0 {
            return Err(KeySourceDefect::Private);
        }
        if jwks.get("keys").and_then(Value::as_array).is_some_and(|keys| keys.len() > CLIENT_KEYS_MAX) {
            return Err(KeySourceDefect::TooMany);
        }
        if set.keys().is_empty() {
            return Err(KeySourceDefect::Unusable);
        }
        Ok(Self::Jwks(text))
    }

    /// The set, if it is kept here.
    #[must_use]
    pub fn jwks(&self) -> Option<Value> {
        match self {
            Self::Jwks(text) => serde_json::from_str(text).ok(),
            Self::JwksUri(_) => None,
        }
    }

    /// Where the set is, if it is elsewhere.
    #[must_use]
    pub fn jwks_uri(&self) -> Option<&str> {
        match self {
            Self::Jwks(_) => None,
            Self::JwksUri(url) => Some(url),
        }
    }

    /// What is the same if and only if the client is known by the same keys, in whatever order and with whatever said about them.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::JwksUri(url) => format!("uri {url}"),
            Self::Jwks(text) => {
                let set = KeySet::parse(text.as_bytes()).unwrap_or_default();
                let thumbprints: BTreeSet<String> = set.keys().iter().map(|key| key.material.thumbprint()).collect();
                thumbprints.into_iter().fold("keys".to_owned(), |all, one| format!("{all} {one}"))
            }
        }
    }
}

fn is_url(text: &str) -> bool {
    text.len() <= REDIRECT_URI_MAX && uri::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

/// Reads the name of an algorithm by which clients sign: RS256, PS256, ES256, ES384 or `EdDSA`, which is also called Ed25519.
///
/// ```
/// use doorward_domain::jws::SignatureAlgorithm;
/// use doorward_domain::oauth2::client_algorithm;
/// assert_eq!(client_algorithm("Ed25519"), Some(SignatureAlgorithm::EdDsa));
/// assert_eq!((client_algorithm("none"), client_algorithm("HS256")), (None, None));
/// ```
#[must_use]
pub fn client_algorithm(text: &str) -> Option<SignatureAlgorithm> {
    if text == "Ed25519" { Some(SignatureAlgorithm::EdDsa) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::KEY_SET_MAX;
    use serde_json::json;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn key() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": X })
    }

    #[test]
    fn only_public_keys_that_verify_are_taken() {
        let read = |jwks: Value| KeySource::read(Some(&jwks), None);
        assert!(matches!(read(json!({ "keys": [key()] })), Ok(Some(KeySource::Jwks(_)))));
        let private = json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "d": X });
        assert_eq!(read(json!({ "keys": [key(), private] })), Err(KeySourceDefect::Private));
        assert_eq!(read(json!({ "keys": [] })), Err(KeySourceDefect::Unusable));
        assert_eq!(read(json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })), Err(KeySourceDefect::Unusable));
        assert_eq!(read(json!({ "keys": vec![key(); CLIENT_KEYS_MAX + 1] })), Err(KeySourceDefect::TooMany));
        for bad in [json!([]), json!("x"), json!({}), json!({ "keys": {} }), json!(7)] {
            assert!(matches!(read(bad.clone()), Err(KeySourceDefect::Set(_))), "{bad}");
        }
        let long = json!({ "keys": [key()], "x": "x".repeat(KEY_SET_MAX) });
        assert_eq!(read(long), Err(KeySourceDefect::Set(KeySetDefect::TooLong)));
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn a_set_elsewhere_is_at_an_https_url() {
        for bad in
            ["", "x", "http://a.example/k", "https://u@a.example/k", "https://a.example/k#x", "https:///k", "ftp://a/k"]
        {
            assert_eq!(KeySource::read(None, Some(bad)), Err(KeySourceDefect::Url), "{bad}");
        }
        let long = format!("https://a.example/{}", "x".repeat(REDIRECT_URI_MAX));
        assert_eq!(KeySource::read(None, Some(&long)), Err(KeySourceDefect::Url));
    }

    #[test]
    fn the_same_keys_are_known_in_any_order() {
        let of = |jwks: Value| KeySource::read(Some(&jwks), None).unwrap().unwrap().identity();
        let other = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let mut named = key();
        named["kid"] = "1".into();
        assert_eq!(of(json!({ "keys": [key(), other] })), of(json!({ "keys": [other, named] })));
        assert_ne!(of(json!({ "keys": [key(), other] })), of(json!({ "keys": [key()] })));
        assert_eq!(of(json!({ "keys": [key()] })), "keys kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
