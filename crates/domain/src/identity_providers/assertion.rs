//! How this server proves to a provider who it is, by a signed assertion in the place of a secret (RFC 7523 2.2 and 3,
//! `private_key_jwt` of OpenID Connect Core 1.0, 9).

use super::discovery::Discovery;
use super::provider::{AssertionAudience, Provider};
use crate::{Instant, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use time::Duration;

/// What the parameter `client_assertion_type` says.
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// For how long an assertion holds. It is sent at once, and used once.
const LIFETIME: Duration = Duration::minutes(2);

/// An assertion that is not signed yet.
#[derive(Clone, Debug)]
pub struct ClientAssertion(String);

impl ClientAssertion {
    /// The assertion for the token endpoint of a provider. `id` is random, and no other assertion has it.
    #[must_use]
    pub fn new(provider: &Provider, discovery: &Discovery, id: &str, now: Instant) -> Self {
        let mut header = Map::new();
        header.insert("alg".to_owned(), provider.private_key_alg.as_str().into());
        header.insert("typ".to_owned(), "JWT".into());
        let optional = [("kid", &provider.private_key_id), ("x5t#S256", &provider.certificate_thumbprint)];
        for (name, value) in optional.into_iter().filter(|(_, value)| !value.is_empty()) {
            header.insert(name.to_owned(), value.as_str().into());
        }
        let audience = match provider.assertion_audience {
            AssertionAudience::TokenEndpoint => discovery.token_endpoint.as_str(),
            AssertionAudience::Issuer => provider.issuer.as_str(),
        };
        let (issued_at, expires_at) = (now.unix_timestamp(), now.saturating_add(LIFETIME).unix_timestamp());
        let claims = json!({
            "iss": provider.client_id, "sub": provider.client_id, "aud": audience, "jti": id,
            "iat": issued_at, "exp": expires_at,
        });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Self(format!("{}.{}", part(header.into()), part(claims)))
    }

    /// What is to be signed.
    #[must_use]
    pub fn signed_part(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The assertion with its signature, for the parameter `client_assertion`.
    #[must_use]
    pub fn with_signature(self, signature: &[u8]) -> Secret<String> {
        Secret::new(format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::{Claims, ClientAuthentication, Compact, SignatureAlgorithm};
    use time::macros::datetime;

    fn parts(provider: &Provider) -> (Value, Value) {
        let discovery = Discovery {
            authorization_endpoint: String::new(),
            token_endpoint: "https://id.example/token".to_owned(),
            jwks_uri: String::new(),
            userinfo_endpoint: None,
            end_session_endpoint: None,
            always_sends_issuer: false,
            authentication: ClientAuthentication::PrivateKeyJwt,
        };
        let assertion = ClientAssertion::new(provider, &discovery, "random", datetime!(2023-11-14 22:13:20 UTC));
        let signed = assertion.clone().with_signature(b"signature");
        assert!(signed.expose().as_bytes().starts_with(assertion.signed_part()));
        let compact = Compact::parse(signed.expose()).unwrap();
        let read = |bytes: &[u8]| Value::Object(Claims::parse(bytes).unwrap().into_members());
        (read(&compact.header), read(&compact.payload))
    }

    #[test]
    fn it_says_who_asks_whom_and_until_when() {
        let provider =
            Provider { issuer: "https://id.example".to_owned(), client_id: "me".to_owned(), ..Provider::default() };
        let (header, claims) = parts(&provider);
        assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT" }));
        let expected = json!({
            "iss": "me", "sub": "me", "aud": "https://id.example/token", "jti": "random", "iat": 1_700_000_000,
            "exp": 1_700_000_120,
        });
        assert_eq!(claims, expected);
        let named = Provider {
            private_key_alg: SignatureAlgorithm::Es256,
            private_key_id: "k1".to_owned(),
            certificate_thumbprint: "AbC".to_owned(),
            assertion_audience: AssertionAudience::Issuer,
            ..provider
        };
        let (header, claims) = parts(&named);
        assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "k1", "x5t#S256": "AbC" }));
        assert_eq!(claims["aud"], "https://id.example");
    }
}
