//! Signatures of webhooks, as <https://www.standardwebhooks.com> has them: whoever gets a request can tell that this server made it, and when.

use crate::{Instant, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// In front of a key that is written in base64.
const ENCODED: &str = "whsec_";

/// The key that this server and the receiver share.
///
/// ```
/// use doorward_domain::notifications::WebhookKey;
/// use doorward_domain::Instant;
///
/// let key = WebhookKey::parse(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
/// let at = Instant::from_unix_timestamp(1_614_265_330).unwrap();
/// let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
/// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// ```
#[derive(Clone)]
pub struct WebhookKey(Secret<Vec<u8>>);

impl WebhookKey {
    /// Reads a key: `whsec_` and base64, or the bytes of any other text. `None` for an empty one, and for base64 that is none.
    #[must_use]
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let bytes = match text.expose().strip_prefix(ENCODED) {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => text.expose().clone().into_bytes(),
        };
        (!bytes.is_empty()).then(|| Self(Secret::new(bytes)))
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.expose().len()
    }

    /// Whether it has none, which cannot be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }

    /// The header `webhook-signature`: of the id, the time (in seconds) and the body, with dots between them, by HMAC-SHA-256.
    #[must_use]
    pub fn sign(&self, id: &str, at: Instant, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()));
        context.update(format!("{id}.{}.", at.unix_timestamp()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_base64_or_any_text() {
        let key = |text: &str| WebhookKey::parse(&Secret::from(text));
        assert_eq!(key("whsec_AAECAw==").unwrap().len(), 4);
        assert_eq!(key("plain words").unwrap().len(), 11);
        assert!(key("").is_none() && key("whsec_").is_none() && key("whsec_!").is_none());
        assert_eq!(format!("{:?}", key("hunter2").unwrap()), "WebhookKey(..)");
    }

    #[test]
    fn a_signature_is_of_id_time_and_body() {
        let key = WebhookKey::parse(&Secret::from("k")).unwrap();
        let now = Instant::from_unix_timestamp(1).unwrap();
        let later = Instant::from_unix_timestamp(2).unwrap();
        let signed = key.sign("a", now, b"x");
        for other in [key.sign("b", now, b"x"), key.sign("a", later, b"x"), key.sign("a", now, b"y")] {
            assert_ne!(signed, other);
        }
    }
}
