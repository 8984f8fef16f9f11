//! The discovery document of a provider (OpenID Connect Discovery 1.0, 3; RFC 8414).

use super::claims::{Claims, ClaimsError, WrongTypeError};
use super::endpoint::is_endpoint;
use super::profile::cut;
use super::provider::{ClientAuthentication, Provider};
use url::Url;

/// The longest document, in bytes.
pub const DISCOVERY_MAX: usize = 64 * 1024;

/// Where the document of an issuer is.
///
/// ```
/// use doorward_domain::identity_providers::discovery_url;
/// let url = "https://id.example/realms/a/.well-known/openid-configuration";
/// assert_eq!(discovery_url("https://id.example/realms/a"), url);
/// assert_eq!(discovery_url("https://id.example/realms/a/"), url);
/// ```
#[must_use]
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// Why a discovery document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryDefect {
    /// It cannot be read.
    #[error("the discovery document cannot be read: {0}")]
    Unreadable(#[from] ClaimsError),
    /// It is longer than [`DISCOVERY_MAX`].
    #[error("the discovery document has more than {DISCOVERY_MAX} bytes")]
    TooLong,
    /// A member is of another type.
    #[error("in the discovery document: {0}")]
    Type(#[from] WrongTypeError),
    /// A member is missing without which nobody can sign in.
    #[error("the discovery document has no `{0}`")]
    Missing(&'static str),
    /// It is the document of another issuer.
    #[error("the discovery document is of the issuer `{found}`; it must be exactly the one of the settings")]
    Issuer {
        /// Of which one, cut to 200 bytes.
        found: String,
    },
    /// An endpoint is no address, or one with plain http.
    #[error("`{0}` of the discovery document must be an address with https, or with http on this machine")]
    Endpoint(&'static str),
    /// The provider knows code challenges, and not the one that is safe.
    #[error("the provider knows code challenges, but not S256; `pkce = false` leaves them out")]
    Pkce,
    /// The provider takes no way to authenticate that this server has.
    #[error("the provider does not take the way in which this server authenticates there")]
    Authentication,
    /// The provider has no authorization codes.
    #[error("the provider does not answer with codes")]
    ResponseType,
}

/// What a provider says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where visitors are sent.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Where more claims are, if anywhere.
    pub userinfo_endpoint: Option<String>,
    /// Where visitors are sent who sign out, if anywhere.
    pub end_session_endpoint: Option<String>,
    /// Whether each authorization response says of which issuer it is (RFC 9207 3).
    pub always_sends_issuer: bool,
    /// How this server authenticates at the token endpoint.
    pub authentication: ClientAuthentication,
}

impl Discovery {
    /// Reads the document of this provider.
    ///
    /// ```
    /// use doorward_domain::identity_providers::{Discovery, DiscoveryDefect, Provider};
    /// let json = br#"{"issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
    ///     "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k"}"#;
    /// let mut provider = Provider { issuer: "https://id.example".to_owned(), ..Provider::default() };
    /// assert_eq!(Discovery::parse(json, &provider)?.jwks_uri, "https://id.example/k");
    /// provider.issuer.push('/');
    /// assert!(matches!(Discovery::parse(json, &provider), Err(DiscoveryDefect::Issuer { .. })));
    /// # Ok::<(), DiscoveryDefect>(())
    /// ```
    pub fn parse(json: &[u8], provider: &Provider) -> Result<Self, DiscoveryDefect> {
        if json.len() > DISCOVERY_MAX {
            return Err(DiscoveryDefect::TooLong);
        }
        let document = Claims::parse(json)?;
        let issuer = document.text("issuer")?.ok_or(DiscoveryDefect::Missing("issuer"))?;
        if issuer != provider.discovered_issuer() {
            return Err(DiscoveryDefect::Issuer { found: cut(issuer, 200).to_owned() });
        }
        let needed = |name| endpoint(&document, name)?.ok_or(DiscoveryDefect::Missing(name));
        let has = |name: &str, value: &str| -> Result<Option<bool>, DiscoveryDefect> {
            Ok(document.texts(name)?.map(|values| values.contains(&value)))
        };
        if has("response_types_supported", "code")? == Some(false) {
            return Err(DiscoveryDefect::ResponseType);
        }
        // One that does not say so gets a challenge nevertheless: unknown parameters are ignored.
        if provider.pkce && has("code_challenge_methods_supported", "S256")? == Some(false) {
            return Err(DiscoveryDefect::Pkce);
        }
        Ok(Self {
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            jwks_uri: needed("jwks_uri")?,
            userinfo_endpoint: endpoint(&document, "userinfo_endpoint")?,
            end_session_endpoint: endpoint(&document, "end_session_endpoint")?,
            always_sends_issuer: document.flag("authorization_response_iss_parameter_supported")?.unwrap_or(false),
            authentication: authentication(&document, provider)?,
        })
    }
}

impl Discovery {
    /// Where a visitor is sent who signs out (OpenID Connect RP-Initiated Logout 1.0, 2); `None` if the settings or the provider do not
    /// have it. `id_token` is the one of the session, which the provider knows it by.
    ///
    /// ```
    /// # use doorward_domain::identity_providers::{Discovery, Provider};
    /// # let json = br#"{"issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
    /// #     "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
    /// #     "end_session_endpoint": "https://id.example/end?x=1"}"#;
    /// # let mut provider = Provider { issuer: "https://id.example".to_owned(), ..Provider::default() };
    /// # provider.client_id = "me".to_owned();
    /// provider.upstream_logout = true;
    /// let discovery = Discovery::parse(json, &provider)?;
    /// let url = discovery.end_session_url(&provider, Some("e.y.J"), "https://door.example/", "s").unwrap();
    /// assert_eq!(url, "https://id.example/end?x=1&client_id=me&post_logout_redirect_uri=https%3A%2F%2Fdoor.example%2F\
    ///     &state=s&id_token_hint=e.y.J");
    /// # Ok::<(), doorward_domain::identity_providers::DiscoveryDefect>(())
    /// ```
    #[must_use]
    pub fn end_session_url(
        &self,
        provider: &Provider,
        id_token: Option<&str>,
        return_uri: &str,
        state: &str,
    ) -> Option<String> {
        let endpoint = self.end_session_endpoint.as_ref().filter(|_| provider.upstream_logout)?;
        let mut url = Url::parse(endpoint).ok()?;
        let own =
            [("client_id", provider.client_id.as_str()), ("post_logout_redirect_uri", return_uri), ("state", state)];
        let hint = id_token.map(|token| ("id_token_hint", token));
        url.query_pairs_mut().extend_pairs(own.into_iter().chain(hint));
        Some(url.into())
    }
}

fn endpoint(document: &Claims, name: &'static str) -> Result<Option<String>, DiscoveryDefect> {
    match document.text(name)? {
        // Some write the ones that they do not have as empty texts.
        None | Some("") => Ok(None),
        Some(text) if is_endpoint(text) => Ok(Some(text.to_owned())),
        Some(_) => Err(DiscoveryDefect::Endpoint(name)),
    }
}

/// What the settings say; else the private key, if there is one; else what the provider lists, `basic` first. Who lists nothing takes `basic`.
fn authentication(document: &Claims, provider: &Provider) -> Result<ClientAuthentication, DiscoveryDefect> {
    if let Some(set) = provider.authentication {
        return Ok(set);
    }
    let listed = document.texts("token_endpoint_auth_methods_supported")?;
    let lists = |method: &str| listed.as_ref().is_none_or(|listed| listed.contains(&method));
    if provider.has_private_key() {
        let takes_it = lists("private_key_jwt");
        return if takes_it { Ok(ClientAuthentication::PrivateKeyJwt) } else { Err(DiscoveryDefect::Authentication) };
    }
    if lists("client_secret_basic") {
        Ok(ClientAuthentication::Basic)
    } else if lists("client_secret_post") {
        Ok(ClientAuthentication::Post)
    } else {
        Err(DiscoveryDefect::Authentication)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use crate::identity_providers::provider::ProviderKind;
    use serde_json::{Value, json};

    fn provider() -> Provider {
        Provider { issuer: "https://id.example".to_owned(), ..Provider::default() }
    }

    fn parse_with(changes: Value, provider: &Provider) -> Result<Discovery, DiscoveryDefect> {
        let mut document = json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a?x=1",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://keys.example/k",
            "userinfo_endpoint": "https://id.example/u", "response_types_supported": ["code", "id_token"],
        });
        let Value::Object(changes) = changes else { panic!("no object") };
        document.as_object_mut().unwrap().extend(changes);
        Discovery::parse(document.to_string().as_bytes(), provider)
    }

    fn parse(changes: Value) -> Result<Discovery, DiscoveryDefect> {
        parse_with(changes, &provider())
    }

    #[test]
    fn a_document_says_where_everything_is() {
        let good = parse(json!({ "end_session_endpoint": "" })).unwrap();
        assert_eq!(good.authorization_endpoint, "https://id.example/a?x=1");
        assert_eq!(good.userinfo_endpoint.as_deref(), Some("https://id.example/u"));
        assert_eq!((good.end_session_endpoint, good.always_sends_issuer), (None, false));
        assert_eq!(good.authentication, ClientAuthentication::Basic);
    }

    #[test]
    fn the_issuer_is_that_of_the_settings_as_text() {
        for other in ["https://id.example/", "https://ID.example", "https://evil.example", ""] {
            let found = other.to_owned();
            assert_eq!(parse(json!({ "issuer": other })), Err(DiscoveryDefect::Issuer { found }));
        }
        assert_eq!(parse(json!({ "issuer": null })), Err(DiscoveryDefect::Missing("issuer")));
    }

    #[test]
    fn entra_publishes_one_document_for_all_tenants() {
        let issuer = "https://login.microsoftonline.com/common/v2.0".to_owned();
        let common = Provider { kind: ProviderKind::Entra, issuer: issuer.clone(), ..Provider::default() };
        let open = json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0" });
        assert!(parse_with(open.clone(), &common).is_ok());
        assert!(parse_with(json!({ "issuer": issuer }), &common).is_err());
        assert!(parse(open).is_err());
    }

    #[test]
    fn endpoints_have_https() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert_eq!(parse(json!({ name: null })), Err(DiscoveryDefect::Missing(name)));
            assert_eq!(parse(json!({ name: "http://id.example" })), Err(DiscoveryDefect::Endpoint(name)));
            assert!(parse(json!({ name: "http://127.0.0.1:1/x" })).is_ok());
            assert!(matches!(parse(json!({ name: 1 })), Err(DiscoveryDefect::Type(_))));
        }
        for name in ["userinfo_endpoint", "end_session_endpoint"] {
            assert_eq!(parse(json!({ name: "javascript:x" })), Err(DiscoveryDefect::Endpoint(name)));
        }
    }

    #[test]
    fn what_the_protocol_needs_is_there() {
        let methods = |methods: Value| json!({ "code_challenge_methods_supported": methods });
        assert_eq!(parse(methods(json!(["plain"]))), Err(DiscoveryDefect::Pkce));
        assert!(parse(methods(json!(["plain", "S256"]))).is_ok());
        assert!(parse(methods(json!(null))).is_ok());
        assert!(parse_with(methods(json!(["plain"])), &Provider { pkce: false, ..provider() }).is_ok());
        let types = json!({ "response_types_supported": ["id_token"] });
        assert_eq!(parse(types), Err(DiscoveryDefect::ResponseType));
        let issuer = json!({ "authorization_response_iss_parameter_supported": true });
        assert!(parse(issuer).unwrap().always_sends_issuer);
    }

    #[test]
    fn authentication_is_set_or_listed_basic_first() {
        let with = |listed: Value, set: Option<ClientAuthentication>| {
            let changes = json!({ "token_endpoint_auth_methods_supported": listed });
            parse_with(changes, &Provider { authentication: set, ..provider() }).map(|found| found.authentication)
        };
        let (basic, post) = (ClientAuthentication::Basic, ClientAuthentication::Post);
        assert_eq!(with(json!(["client_secret_post", "client_secret_basic"]), None), Ok(basic));
        assert_eq!(with(json!(["client_secret_post"]), None), Ok(post));
        assert_eq!(with(json!(["private_key_jwt"]), None), Err(DiscoveryDefect::Authentication));
        assert_eq!(with(json!(["client_secret_basic"]), Some(post)), Ok(post));
        let keyed = Provider { private_key: Secret::from("key"), ..provider() };
        let listing = |listed: Value| {
            let changes = json!({ "token_endpoint_auth_methods_supported": listed });
            parse_with(changes, &keyed).map(|found| found.authentication)
        };
        let by_key = Ok(ClientAuthentication::PrivateKeyJwt);
        assert_eq!(listing(json!(["client_secret_basic", "private_key_jwt"])), by_key);
        assert_eq!(listing(json!(null)), by_key);
        assert_eq!(listing(json!(["client_secret_basic"])), Err(DiscoveryDefect::Authentication));
    }

    #[test]
    fn visitors_sign_out_there_only_if_the_settings_and_the_provider_have_it() {
        let own = Provider { upstream_logout: true, client_id: "me".to_owned(), ..provider() };
        let with = json!({ "end_session_endpoint": "https://id.example/end" });
        let url = |document: Value, provider: &Provider| {
            parse_with(document, provider).unwrap().end_session_url(
                provider,
                None,
                "https://door.example/?a=b&c",
                "s&t",
            )
        };
        let expected = "https://id.example/end?client_id=me\
            &post_logout_redirect_uri=https%3A%2F%2Fdoor.example%2F%3Fa%3Db%26c&state=s%26t";
        assert_eq!(url(with.clone(), &own).as_deref(), Some(expected));
        assert_eq!(url(with, &provider()), None);
        assert_eq!(url(json!({}), &own), None);
    }

    #[test]
    fn a_document_is_bounded() {
        let long = json!({ "x": "y".repeat(DISCOVERY_MAX) });
        assert_eq!(parse(long), Err(DiscoveryDefect::TooLong));
        assert!(matches!(Discovery::parse(b"<html>", &provider()), Err(DiscoveryDefect::Unreadable(_))));
    }
}
