//! ID tokens (OpenID Connect Core 1.0, 2), before they are signed.

use super::identity::SignIn;
use crate::ids::UserId;
use crate::jws::{SignatureAlgorithm, access_token_hash};
use crate::{Instant, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use time::Duration;

/// A token that is not signed yet.
#[derive(Clone)]
pub struct Unsigned(String);

impl Unsigned {
    /// A token with these claims. `kind` is its `typ`; ID tokens have none.
    #[must_use]
    pub fn new(algorithm: SignatureAlgorithm, key_id: &str, kind: Option<&str>, claims: Map<String, Value>) -> Self {
        let mut header = Map::new();
        header.insert("alg".to_owned(), algorithm.as_str().into());
        header.insert("kid".to_owned(), key_id.into());
        if let Some(kind) = kind {
            header.insert("typ".to_owned(), kind.into());
        }
        let part = |members: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
        Self(format!("{}.{}", part(header), part(claims)))
    }

    /// What is to be signed.
    #[must_use]
    pub fn signed_part(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token with its signature.
    #[must_use]
    pub fn with_signature(self, signature: &[u8]) -> Secret<String> {
        Secret::new(format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Claims are about people, and do not belong into logs.
impl std::fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsigned(..)")
    }
}

/// What an ID token says.
#[derive(Clone, Debug)]
pub struct IdToken<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// About whom: the id of an account is never given to another, as names and addresses are.
    pub subject: UserId,
    /// To whom: the `client_id`, as the app writes it.
    pub audience: &'a str,
    /// When.
    pub issued_at: Instant,
    /// For how long it is good.
    pub lifetime: Duration,
    /// How and when the user signed in.
    pub sign_in: &'a SignIn,
    /// What the app recognizes it by.
    pub nonce: Option<&'a str>,
    /// The access token that comes with it.
    pub access_token: &'a str,
    /// What else is said of the user.
    pub claims: Map<String, Value>,
}

impl IdToken<'_> {
    /// The claims, for a signature by this algorithm.
    #[must_use]
    pub fn claims(self, algorithm: SignatureAlgorithm) -> Map<String, Value> {
        // What is said of the user never takes the place of what the protocol needs.
        let mut claims = self.claims;
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        set("iss", self.issuer.into());
        set("sub", self.subject.to_string().into());
        set("aud", self.audience.into());
        set("iat", self.issued_at.unix_timestamp().into());
        set("exp", self.issued_at.saturating_add(self.lifetime).unix_timestamp().into());
        set("auth_time", self.sign_in.auth_time.unix_timestamp().into());
        set("acr", self.sign_in.acr.as_str().into());
        if !self.sign_in.amr.is_empty() {
            set("amr", json!(self.sign_in.amr));
        }
        set("sid", self.sign_in.sid.to_string().into());
        set("at_hash", access_token_hash(algorithm, self.access_token).into());
        if let Some(nonce) = self.nonce {
            set("nonce", nonce.into());
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::Compact;
    use time::macros::datetime;
    use uuid::Uuid;

    fn token(nonce: Option<&str>, amr: Vec<String>) -> Map<String, Value> {
        let sign_in = SignIn {
            sid: Uuid::from_u128(9),
            auth_time: datetime!(2023-11-14 22:13:10 UTC),
            acr: "pwd".to_owned(),
            amr,
        };
        let token = IdToken {
            issuer: "https://a.example",
            subject: UserId(Uuid::from_u128(1)),
            audience: "00000000-0000-0000-0000-000000000002",
            issued_at: datetime!(2023-11-14 22:13:20 UTC),
            lifetime: Duration::HOUR,
            sign_in: &sign_in,
            nonce,
            access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
            claims: Map::from_iter([
                ("name".to_owned(), "Ann".into()),
                ("iss".to_owned(), "https://evil.example".into()),
            ]),
        };
        token.claims(SignatureAlgorithm::Rs256)
    }

    #[test]
    fn it_says_who_signed_in_when_and_how_and_for_whom() {
        let expected = json!({
            "iss": "https://a.example", "sub": "00000000-0000-0000-0000-000000000001",
            "aud": "00000000-0000-0000-0000-000000000002", "iat": 1_700_000_000, "exp": 1_700_003_600,
            "auth_time": 1_699_999_990, "acr": "pwd", "amr": ["pwd"], "sid": "00000000-0000-0000-0000-000000000009",
            "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "nonce": "n1", "name": "Ann",
        });
        assert_eq!(Value::Object(token(Some("n1"), vec!["pwd".to_owned()])), expected);
        let without = token(None, vec![]);
        assert!(!without.contains_key("nonce") && !without.contains_key("amr"));
    }

    #[test]
    fn the_header_names_the_key_and_a_kind_only_where_there_is_one() {
        let read = |kind| {
            let unsigned = Unsigned::new(SignatureAlgorithm::Es256, "k1", kind, Map::new());
            assert!(unsigned.signed_part().contains(&b'.'));
            let signed = unsigned.with_signature(b"s");
            let compact = Compact::parse(signed.expose()).unwrap();
            serde_json::from_slice::<Value>(&compact.header).unwrap()
        };
        assert_eq!(read(None), json!({ "alg": "ES256", "kid": "k1" }));
        assert_eq!(read(Some("logout+jwt")), json!({ "alg": "ES256", "kid": "k1", "typ": "logout+jwt" }));
    }
}
