//! The secrets of one way to a provider and back. They are derived from its state, so that nothing is stored, any replica can finish
//! what another one began, and the browser never sees the code verifier.

use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::fmt;

/// The server's key for secrets of sign-ins through providers. All replicas share it.
///
/// ```
/// use doorward_domain::identity_providers::FlowKey;
/// use doorward_domain::oauth2::CodeVerifier;
/// let key = FlowKey::new(&[7; 32]);
/// let verifier = key.code_verifier("okta", "state");
/// assert!(CodeVerifier::parse(verifier.expose()).is_ok());
/// assert_ne!(verifier.expose(), key.code_verifier("google", "state").expose(), "nobody redeems it elsewhere");
/// ```
#[derive(Clone)]
pub struct FlowKey(hmac::Key);

impl FlowKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The nonce for an ID token of this provider, by its name: 43 characters.
    #[must_use]
    pub fn nonce(&self, provider: &str, state: &str) -> String {
        self.derive("nonce", provider, state)
    }

    /// The code verifier (RFC 7636 4.1): 43 characters.
    #[must_use]
    pub fn code_verifier(&self, provider: &str, state: &str) -> Secret<String> {
        Secret::new(self.derive("pkce", provider, state))
    }

    fn derive(&self, label: &str, provider: &str, state: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        // Neither a label nor the name of a provider has a zero, so no two triples are the same bytes.
        for part in [label, "\0", provider, "\0", state] {
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of HMAC-SHA-256 under 32 bytes of 7, computed by another program.
    #[test]
    fn what_is_derived_stays_the_same_in_all_versions() {
        let key = FlowKey::new(&[7; 32]);
        assert_eq!(key.nonce("okta", "s1"), "mwFNLG9qQjWn2kjHweanr4ICwLrbNxpjX0iTceHT_7g");
        assert_eq!(key.code_verifier("okta", "s1").expose(), "c5GTpPYocEFQZT-KxLq1no2h45gqGpJOJClVRR9DexY");
        assert_eq!(format!("{key:?}"), "FlowKey(..)");
    }

    proptest! {
        #[test]
        fn everything_matters(
            (one, other) in ("[a-c]{1,2}", "[a-c]{1,2}"),
            (first, second) in ("[a-c\\x00]{0,3}", "[a-c\\x00]{0,3}"),
        ) {
            let key = FlowKey::new(&[1; 32]);
            let is_same = (&one, &first) == (&other, &second);
            prop_assert_eq!(key.nonce(&one, &first) == key.nonce(&other, &second), is_same);
            prop_assert_eq!(key.nonce(&one, &first).len(), 43);
            prop_assert!(&key.nonce(&one, &first) != key.code_verifier(&one, &first).expose());
            prop_assert!(key.nonce(&one, &first) != FlowKey::new(&[2; 32]).nonce(&one, &first));
        }
    }
}
