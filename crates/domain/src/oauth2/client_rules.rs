//! How a client proves itself by keys of its own, and how its requests must come.

use crate::text_enum::text_enum;

/// Where the public keys of a client are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum KeySource {
    /// Here: a JWK Set (RFC 7517 5), as text.
    Jwks(String),
    /// At this https URL.
    JwksUri(String),
}

text_enum! {
    /// For whom the client may have made the assertions by which it proves itself.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
    AssertionAudience {
        /// The issuer alone: only that does the client know for certain to be this server (draft-ietf-oauth-rfc7523bis).
        #[default]
        Issuer = "issuer",
        /// The URL of the token endpoint too, for the exchange of codes and refresh tokens, which are bound by themselves.
        IssuerOrTokenEndpoint = "issuer_or_token_endpoint",
    }
}

/// How a client proves itself by keys of its own, and how its requests must come. By default it has no keys, and nothing is asked of its
/// requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct ClientRules {
    /// Its public keys.
    pub keys: Option<KeySource>,
    /// The only algorithm by which it signs assertions (`token_endpoint_auth_signing_alg`); `None`: any.
    pub assertion_alg: Option<String>,
    /// For whom it may make them.
    pub assertion_audience: AssertionAudience,
    /// Whether authorization requests must be pushed (RFC 9126 6).
    pub require_pushed_requests: bool,
    /// Whether they must be signed (RFC 9101 10.5).
    pub require_signed_requests: bool,
    /// The only algorithm by which it signs them (`request_object_signing_alg`); `None`: any.
    pub request_object_alg: Option<String>,
    /// Whether its access tokens must be bound to a key of its own (`dpop_bound_access_tokens`; RFC 9449 5.2).
    pub dpop_bound: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_of_an_older_release_can_be_read() {
        let read: ClientRules = serde_json::from_str("{}").unwrap();
        assert_eq!(read, ClientRules::default());
        let rules = ClientRules {
            keys: Some(KeySource::JwksUri("https://app.example/jwks".to_owned())),
            assertion_audience: AssertionAudience::IssuerOrTokenEndpoint,
            require_pushed_requests: true,
            ..ClientRules::default()
        };
        let text = serde_json::to_string(&rules).unwrap();
        assert!(text.contains(r#""keys":{"jwks_uri":"https://app.example/jwks"}"#), "{text}");
        assert!(text.contains(r#""assertion_audience":"issuer_or_token_endpoint""#), "{text}");
        assert_eq!(serde_json::from_str::<ClientRules>(&text).unwrap(), rules);
    }
}
