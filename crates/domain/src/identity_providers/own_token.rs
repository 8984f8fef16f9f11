//! Tokens that this server makes for itself, and that a browser carries for it: JWTs with a key that nobody else has (RFC 7519).

use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The header of all of them.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
/// The longest one, in bytes.
const TOKEN_MAX: usize = 4096;

/// A token with these claims.
pub(super) fn sign<T: Serialize>(claims: &T, key: &Secret<String>) -> Secret<String> {
    // It cannot fail: claims are texts and numbers.
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&mac(key), signed.as_bytes());
    Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// The claims of a token that was made with this key; `None` of any other text.
pub(super) fn read<T: DeserializeOwned>(token: &str, key: &Secret<String>) -> Option<T> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    let (signed, tag) = token.rsplit_once('.')?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    hmac::verify(&mac(key), signed.as_bytes(), &tag).ok()?;
    let (_, payload) = signed.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn mac(key: &Secret<String>) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())
}
