//! Discovery: authorization server metadata (RFC 8414) and protected resource metadata (RFC 9728).

use super::dpop;
use super::token::DEVICE_CODE;
use crate::{Settings, openid};
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{ResponseMode, endpoints};
use serde::Serialize;

/// Authorization server metadata (RFC 8414 2). It names exactly what works, above all where an absent member would
/// mean something else: implicit grant and fragments for those of grants and response modes, Basic alone for client
/// authentication, no PKCE, no `iss`, and `request_uri` (OpenID Connect Discovery 3).
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own, as the standards have it")]
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AuthorizationServer {
    /// The issuer identifier: the access URL.
    pub issuer: String,
    /// RFC 6749 3.1.
    pub authorization_endpoint: String,
    /// RFC 6749 3.2.
    pub token_endpoint: String,
    /// RFC 7591; absent while clients do not register themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// RFC 7009.
    pub revocation_endpoint: String,
    /// RFC 7662.
    pub introspection_endpoint: String,
    /// RFC 9126.
    pub pushed_authorization_request_endpoint: String,
    /// Whether all requests must be pushed.
    pub require_pushed_authorization_requests: bool,
    /// RFC 8628; only where the device grant is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Only `code`.
    pub response_types_supported: Vec<&'static str>,
    /// How the client gets its answer.
    pub response_modes_supported: Vec<&'static str>,
    /// The grants of the token endpoint.
    pub grant_types_supported: Vec<&'static str>,
    /// Only `S256` (RFC 7636).
    pub code_challenge_methods_supported: Vec<&'static str>,
    /// Every scope of the catalogue, those of OpenID Connect, and `offline_access`: clients ask for refresh tokens by it only if they
    /// see it.
    pub scopes_supported: Vec<String>,
    /// How clients authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// By which algorithms clients sign what they prove themselves by.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the revocation endpoint.
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// As at the token endpoint.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the introspection endpoint: never `none`.
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    /// As at the token endpoint.
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// Whether a `client_id` may be the URL of a metadata document; absent while it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id_metadata_document_supported: Option<bool>,
    /// RFC 9207.
    pub authorization_response_iss_parameter_supported: bool,
    /// Request objects (RFC 9101), of apps with keys.
    pub request_parameter_supported: bool,
    /// By which algorithms they are signed.
    pub request_object_signing_alg_values_supported: Vec<&'static str>,
    /// Not by reference.
    pub request_uri_parameter_supported: bool,
    /// By which algorithms clients sign what they prove their keys by (RFC 9449 5.1).
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    /// What a provider of OpenID Connect says beside.
    #[serde(flatten)]
    pub openid: Option<openid::documents::ProviderMetadata>,
}

impl AuthorizationServer {
    /// The same while clients may register themselves.
    #[must_use]
    pub fn with_registration(self) -> Self {
        Self { registration_endpoint: Some(format!("{}{}", self.issuer, endpoints::REGISTER)), ..self }
    }
}

/// The metadata of this authorization server. Anybody may read it.
#[must_use]
pub fn authorization_server(settings: &Settings) -> AuthorizationServer {
    let issuer = settings.issuer();
    let has_devices = settings.oauth2.device.enabled;
    let grants = ["authorization_code", "refresh_token", "client_credentials"];
    let with_proof = vec!["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let with_none: Vec<_> = with_proof.iter().copied().chain(["none"]).collect();
    let algorithms: Vec<_> = SignatureAlgorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    AuthorizationServer {
        issuer: issuer.to_owned(),
        authorization_endpoint: format!("{issuer}{}", endpoints::AUTHORIZE),
        token_endpoint: format!("{issuer}{}", endpoints::TOKENS),
        registration_endpoint: None,
        revocation_endpoint: format!("{issuer}{}", endpoints::REVOKE),
        introspection_endpoint: format!("{issuer}{}", endpoints::INTROSPECT),
        pushed_authorization_request_endpoint: format!("{issuer}{}", endpoints::PAR),
        require_pushed_authorization_requests: settings.oauth2.require_pushed_requests,
        device_authorization_endpoint: has_devices.then(|| format!("{issuer}{}", endpoints::DEVICE)),
        response_types_supported: vec!["code"],
        response_modes_supported: ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect(),
        grant_types_supported: grants.into_iter().chain(has_devices.then_some(DEVICE_CODE)).collect(),
        code_challenge_methods_supported: vec!["S256"],
        scopes_supported: scope_names().into_iter().chain(openid::documents::scope_names(settings)).collect(),
        token_endpoint_auth_methods_supported: with_none.clone(),
        token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
        revocation_endpoint_auth_methods_supported: with_none,
        revocation_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
        introspection_endpoint_auth_methods_supported: with_proof,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
        client_id_metadata_document_supported: settings.oauth2.cimd.enabled.then_some(true),
        authorization_response_iss_parameter_supported: true,
        request_parameter_supported: true,
        request_object_signing_alg_values_supported: algorithms,
        request_uri_parameter_supported: false,
        dpop_signing_alg_values_supported: dpop::algorithms(),
        openid: openid::documents::metadata(settings),
    }
}

/// Protected resource metadata (RFC 9728 2).
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ProtectedResource {
    /// The resource identifier from which the client formed the URL of this document.
    pub resource: String,
    /// Who issues tokens for it.
    pub authorization_servers: Vec<String>,
    /// How a token is presented.
    pub bearer_methods_supported: Vec<&'static str>,
    /// Every scope of the catalogue.
    pub scopes_supported: Vec<String>,
    /// By which algorithms clients sign what they prove their keys by (RFC 9728 2).
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    /// Tokens need not be bound to a key.
    pub dpop_bound_access_tokens_required: bool,
    /// For people.
    pub resource_name: &'static str,
}

/// The metadata of this server as a protected resource; `path` is empty or begins with a slash (RFC 9728 3.1).
/// Anybody may read it.
#[must_use]
pub fn protected_resource(settings: &Settings, path: &str) -> ProtectedResource {
    let issuer = settings.issuer();
    ProtectedResource {
        resource: format!("{issuer}{path}"),
        authorization_servers: vec![issuer.to_owned()],
        bearer_methods_supported: vec!["header", "query"],
        scopes_supported: scope_names(),
        dpop_signing_alg_values_supported: dpop::algorithms(),
        dpop_bound_access_tokens_required: false,
        resource_name: "Doorward",
    }
}

/// Every scope of the catalogue, by its name.
#[must_use]
pub fn scope_names() -> Vec<String> {
    doorward_domain::roles::scope::catalogue().iter().map(|name| name.as_str().into_owned()).collect()
}
