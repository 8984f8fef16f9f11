//! The header of a signed token: by which algorithm and key, and what kind of token it says it is.

use super::claims::{Claims, ClaimsError, WrongTypeError};
use crate::text_enum::text_enum;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use serde::{Deserialize, Serialize};

/// Longest header, in bytes of JSON.
const HEADER_MAX: usize = 8 * 1024;
/// Longest id of a key, in bytes.
pub(crate) const KEY_ID_MAX: usize = 512;

text_enum! {
    /// By which algorithm a token is signed (RFC 7518 3.1, RFC 8037 3.1). There is none for `none` and none with a shared secret:
    /// whoever can verify such a token can make one.
    #[derive(Serialize, Deserialize)]
    SignatureAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        #[serde(rename = "RS256")]
        Rs256 = "RS256",
        /// RSASSA-PSS with SHA-256.
        #[serde(rename = "PS256")]
        Ps256 = "PS256",
        /// ECDSA with P-256 and SHA-256.
        #[serde(rename = "ES256")]
        Es256 = "ES256",
        /// ECDSA with P-384 and SHA-384.
        #[serde(rename = "ES384")]
        Es384 = "ES384",
        /// Ed25519.
        #[serde(rename = "EdDSA")]
        EdDsa = "EdDSA",
    }
}

/// Why the header of a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderDefect {
    /// It cannot be read.
    #[error("the header of the token cannot be read: {0}")]
    Unreadable(#[from] ClaimsError),
    /// It is longer than any.
    #[error("the header of the token is too long")]
    TooLong,
    /// A member is of another type.
    #[error("in the header of the token: {0}")]
    Type(#[from] WrongTypeError),
    /// It is not signed at all, or by a shared secret.
    #[error("the token is not signed by a key of its issuer alone")]
    NotSigned,
    /// The algorithm is not one of those that are allowed.
    #[error("the token is signed by an algorithm that is not allowed")]
    Algorithm,
    /// It must be understood in a way that is not known here (RFC 7515 4.1.11).
    #[error("the token has a critical extension")]
    Critical,
    /// It is another kind of token.
    #[error("the token is of another kind")]
    Kind,
}

/// What of a header matters. Keys and addresses of keys in it (`jwk`, `jku`, `x5c`, `x5u`) are ignored: a token does not say who
/// may sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// The algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The id of the key, if it says one.
    pub key_id: Option<String>,
    /// What kind of token it is, in lower case and without `application/`, if it says so.
    pub kind: Option<String>,
}

impl TokenHeader {
    /// Reads a header, which was decoded from base64url, and whose algorithm must be one of these.
    ///
    /// ```
    /// use doorward_domain::jws::{HeaderDefect, SignatureAlgorithm, TokenHeader};
    /// let allowed = [SignatureAlgorithm::Rs256];
    /// let header = TokenHeader::parse(br#"{"alg": "RS256", "kid": "1", "typ": "JWT"}"#, &allowed)?;
    /// assert_eq!(header.algorithm, SignatureAlgorithm::Rs256);
    /// assert_eq!(TokenHeader::parse(br#"{"alg": "none"}"#, &allowed), Err(HeaderDefect::NotSigned));
    /// assert_eq!(TokenHeader::parse(br#"{"alg": "ES256"}"#, &allowed), Err(HeaderDefect::Algorithm));
    /// # Ok::<(), HeaderDefect>(())
    /// ```
    pub fn parse(json: &[u8], allowed: &[SignatureAlgorithm]) -> Result<Self, HeaderDefect> {
        if json.len() > HEADER_MAX {
            return Err(HeaderDefect::TooLong);
        }
        let header = Claims::parse(json)?;
        let algorithm = algorithm(header.text("alg")?.unwrap_or("none"))?;
        if !allowed.contains(&algorithm) {
            return Err(HeaderDefect::Algorithm);
        }
        // Even one that is `null`: no extension is known here.
        if header.members().contains_key("crit") {
            return Err(HeaderDefect::Critical);
        }
        // Unencoded payloads (RFC 7797) are signed otherwise.
        if header.members().contains_key("b64") {
            return Err(HeaderDefect::Critical);
        }
        let key_id = header.text("kid")?;
        if key_id.is_some_and(|id| id.len() > KEY_ID_MAX) {
            return Err(HeaderDefect::TooLong);
        }
        let kind = header.text("typ")?.map(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.strip_prefix("application/").map(str::to_owned).unwrap_or(kind)
        });
        Ok(Self { algorithm, key_id: key_id.map(str::to_owned), kind })
    }

    /// Checks that it may be the header of an ID token: another kind of token, such as an access token, has the same signature and
    /// says other things.
    pub fn check_id_token(&self) -> Result<(), HeaderDefect> {
        self.check_kind(&["jwt"])
    }

    /// Checks that it may be the header of a logout token.
    pub fn check_logout_token(&self) -> Result<(), HeaderDefect> {
        self.check_kind(&["jwt", "logout+jwt"])
    }

    /// Checks that it is the header of an access token that is signed (RFC 9068 4): it says so.
    pub fn check_access_token(&self) -> Result<(), HeaderDefect> {
        if self.kind.is_none() {
            return Err(HeaderDefect::Kind);
        }
        self.check_kind(&["at+jwt"])
    }

    fn check_kind(&self, allowed: &[&str]) -> Result<(), HeaderDefect> {
        match &self.kind {
            Some(kind) if !allowed.contains(&kind.as_str()) => Err(HeaderDefect::Kind),
            _ => Ok(()),
        }
    }
}

fn algorithm(text: &str) -> Result<SignatureAlgorithm, HeaderDefect> {
    // RFC 9864 has a name for the one curve of EdDSA that is in use.
    if text == "Ed25519" {
        return Ok(SignatureAlgorithm::EdDsa);
    }
    let is_unsafe = text.eq_ignore_ascii_case("none") || text.to_ascii_uppercase().starts_with("HS");
    let unknown = if is_unsafe { HeaderDefect::NotSigned } else { HeaderDefect::Algorithm };
    text.parse().or(Err(unknown))
}

/// What `at_hash` of an ID token must be for an access token (OpenID Connect Core 1.0, 3.1.3.6): the left half of its hash.
///
/// ```
/// use doorward_domain::jws::{SignatureAlgorithm, access_token_hash};
/// let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
/// assert_eq!(access_token_hash(SignatureAlgorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
/// ```
#[must_use]
pub fn access_token_hash(algorithm: SignatureAlgorithm, access_token: &str) -> String {
    let hash = match algorithm {
        SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 | SignatureAlgorithm::Es256 => &SHA256,
        SignatureAlgorithm::Es384 => &SHA384,
        SignatureAlgorithm::EdDsa => &SHA512,
    };
    let whole = digest(hash, access_token.as_bytes());
    let (left, _) = whole.as_ref().split_at(whole.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<TokenHeader, HeaderDefect> {
        TokenHeader::parse(json.as_bytes(), SignatureAlgorithm::ALL)
    }

    #[test]
    fn what_anybody_could_have_made_is_refused_in_any_spelling() {
        for alg in ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256"] {
            assert_eq!(parse(&format!(r#"{{"alg":"{alg}"}}"#)), Err(HeaderDefect::NotSigned), "{alg}");
        }
        assert_eq!(parse("{}"), Err(HeaderDefect::NotSigned));
        assert_eq!(parse(r#"{"alg":null}"#), Err(HeaderDefect::NotSigned));
        for alg in ["", "rs256", "RS1", "ES256K", "RSA-OAEP", "A128KW", " RS256"] {
            assert_eq!(parse(&format!(r#"{{"alg":"{alg}"}}"#)), Err(HeaderDefect::Algorithm), "{alg}");
        }
        assert!(matches!(parse(r#"{"alg":["RS256"]}"#), Err(HeaderDefect::Type(_))));
        assert!(matches!(parse(r#"{"alg":"RS256","alg":"none"}"#), Err(HeaderDefect::Unreadable(_))));
    }

    #[test]
    fn only_algorithms_of_the_settings_are_allowed() {
        for algorithm in SignatureAlgorithm::ALL {
            let json = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(parse(&json).unwrap().algorithm, *algorithm);
            let allowed = TokenHeader::parse(json.as_bytes(), &[SignatureAlgorithm::Rs256]).is_ok();
            assert_eq!(allowed, *algorithm == SignatureAlgorithm::Rs256);
        }
        assert_eq!(parse(r#"{"alg":"Ed25519"}"#).unwrap().algorithm, SignatureAlgorithm::EdDsa);
    }

    #[test]
    fn no_extension_is_known() {
        for member in [r#""crit":["exp"]"#, r#""crit":[]"#, r#""crit":null"#, r#""b64":false"#] {
            assert_eq!(parse(&format!(r#"{{"alg":"RS256",{member}}}"#)), Err(HeaderDefect::Critical), "{member}");
        }
    }

    #[test]
    fn tokens_of_other_kinds_are_refused() {
        let kind = |typ: &str| parse(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#)).unwrap();
        for typ in ["JWT", "jwt", "application/jwt"] {
            assert_eq!((kind(typ).check_id_token(), kind(typ).check_logout_token()), (Ok(()), Ok(())), "{typ}");
        }
        for typ in ["at+jwt", "application/at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "", "JOSE"] {
            assert_eq!(kind(typ).check_id_token(), Err(HeaderDefect::Kind), "{typ}");
            assert_eq!(kind(typ).check_logout_token(), Err(HeaderDefect::Kind), "{typ}");
        }
        assert_eq!(kind("logout+jwt").check_id_token(), Err(HeaderDefect::Kind));
        assert_eq!(kind("LOGOUT+JWT").check_logout_token(), Ok(()));
        assert_eq!(kind("application/at+jwt").check_access_token(), Ok(()));
        for other in ["jwt", "logout+jwt", "x"] {
            assert_eq!(kind(other).check_access_token(), Err(HeaderDefect::Kind), "{other}");
        }
        assert_eq!(kind("at+jwt").check_id_token(), Err(HeaderDefect::Kind));
        assert_eq!(parse(r#"{"alg":"RS256"}"#).unwrap().check_id_token(), Ok(()));
    }

    #[test]
    fn a_key_in_the_header_is_no_key() {
        let header = parse(r#"{"alg":"RS256","jwk":{"kty":"RSA"},"jku":"https://evil.example","x5c":[]}"#).unwrap();
        assert_eq!(header, parse(r#"{"alg":"RS256"}"#).unwrap());
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(KEY_ID_MAX + 1));
        assert_eq!(parse(&long), Err(HeaderDefect::TooLong));
        let longer = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "k".repeat(HEADER_MAX));
        assert_eq!(parse(&longer), Err(HeaderDefect::TooLong));
    }

    #[test]
    fn half_a_hash_is_that_of_the_algorithm() {
        let second = access_token_hash(SignatureAlgorithm::Es256, "Zx81kQm3Tb-4f0o9s8d7g6h5j4k3l2q1w");
        assert_eq!(second, "v8zdmzHfm4-fP5-4Aup-Kg");
        let lengths = SignatureAlgorithm::ALL.iter().map(|algorithm| access_token_hash(*algorithm, "x").len());
        assert_eq!(lengths.collect::<Vec<_>>(), [22, 22, 22, 32, 43]);
    }
}
