//! Proof Key for Code Exchange (RFC 7636), `S256` only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// What is wrong with a challenge or verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PkceError {
    /// A challenge or verifier has 43 to 128 of the characters `A-Z a-z 0-9 - . _ ~` (RFC 7636 4.1).
    #[error("must have 43 to 128 of the characters A-Z, a-z, 0-9, '-', '.', '_' and '~'")]
    Syntax,
    /// Any method but `S256`.
    #[error("code_challenge_method must be S256")]
    Method,
    /// A method without a challenge.
    #[error("code_challenge_method without code_challenge")]
    MethodWithoutChallenge,
}

/// The `code_challenge` of an authorization request.
///
/// ```
/// use doorward_domain::oauth2::{CodeChallenge, CodeVerifier};
/// // RFC 7636 appendix B
/// let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", None).unwrap();
/// let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
/// assert!(challenge.is_met_by(&verifier));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Reads `code_challenge` and `code_challenge_method`; a missing method means `S256`, the only one there is.
    pub fn parse(challenge: &str, method: Option<&str>) -> Result<Self, PkceError> {
        if method.is_some_and(|method| method != "S256") {
            return Err(PkceError::Method);
        }
        is_unreserved(challenge).then(|| Self(challenge.to_owned())).ok_or(PkceError::Syntax)
    }

    /// Reads the two optional parameters of a request together.
    pub fn from_request(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, PkceError> {
        match (challenge, method) {
            (Some(challenge), method) => Self::parse(challenge, method).map(Some),
            (None, Some(_)) => Err(PkceError::MethodWithoutChallenge),
            (None, None) => Ok(None),
        }
    }

    /// The challenge as it was sent, for storage.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verifier's SHA-256 in base64url is this challenge (RFC 7636 4.6), in constant time.
    #[must_use]
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        let digest = ring::digest::digest(&ring::digest::SHA256, verifier.0.as_bytes());
        let computed = URL_SAFE_NO_PAD.encode(digest);
        computed.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// The `code_verifier` of a token request.
#[derive(Clone)]
pub struct CodeVerifier(String);

impl CodeVerifier {
    /// Reads a verifier.
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        is_unreserved(text).then(|| Self(text.to_owned())).ok_or(PkceError::Syntax)
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

fn is_unreserved(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_s256() {
        let challenge = "a".repeat(43);
        assert_eq!(CodeChallenge::parse(&challenge, Some("plain")), Err(PkceError::Method));
        assert_eq!(CodeChallenge::parse(&challenge, Some("s256")), Err(PkceError::Method));
        assert_eq!(CodeChallenge::from_request(None, Some("S256")), Err(PkceError::MethodWithoutChallenge));
        assert_eq!(CodeChallenge::parse(&"a".repeat(42), None), Err(PkceError::Syntax));
        assert_eq!(CodeChallenge::parse(&"a".repeat(129), None), Err(PkceError::Syntax));
    }

    proptest! {
        #[test]
        fn only_the_right_verifier_meets_it(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
            let challenge = CodeChallenge::parse(&URL_SAFE_NO_PAD.encode(digest), Some("S256")).unwrap();
            prop_assert!(challenge.is_met_by(&CodeVerifier::parse(&verifier).unwrap()));
            prop_assert_eq!(challenge.is_met_by(&CodeVerifier::parse(&other).unwrap()), verifier == other);
        }
    }
}
