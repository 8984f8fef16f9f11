//! Exchanging a code for tokens, by the crate `oauth2` with our own way out as its HTTP client.

use super::upstream::{chosen, told, unreadable};
use super::ways::{GITHUB, Way};
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{
    CLIENT_ASSERTION_TYPE, ClientAssertion, ClientAuthentication, Discovery, Provider, ProviderError,
};
use doorward_ports::fetch::{ContentType, Request};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest answer of a token endpoint, in bytes.
const ANSWER_MAX: usize = 256 * 1024;

/// Length of the id of an assertion.
const ASSERTION_ID_LEN: usize = 32;

/// What an OpenID provider adds to an answer of the token endpoint.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct IdTokenFields {
    id_token: Option<Shown>,
}

/// A token, which is not printed.
#[derive(Clone, Deserialize, Serialize)]
struct Shown(String);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(..)")
    }
}

impl ExtraTokenFields for IdTokenFields {}

/// A client of a provider whose endpoints are known.
pub(super) type UpstreamClient = Client<
    BasicErrorResponse,
    StandardTokenResponse<IdTokenFields, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Where a provider takes the visitor, and where it gives tokens.
pub(super) enum Endpoints {
    /// As its discovery document says.
    Oidc(Arc<Discovery>),
    /// As GitHub has them.
    Github,
}

impl Endpoints {
    pub(super) async fn find(ctx: &Context, provider: Option<&Provider>) -> Result<Self, Error> {
        match provider {
            Some(provider) => Ok(Self::Oidc(ctx.upstreams.discovery(provider, ctx.clock.now()).await?)),
            None => Ok(Self::Github),
        }
    }

    /// How this server authenticates there.
    fn authentication(&self) -> ClientAuthentication {
        match self {
            Self::Oidc(discovery) => discovery.authentication,
            Self::Github => ClientAuthentication::Post,
        }
    }

    /// What proves who this server is, where that is done by a private key.
    pub(super) fn assertion(
        &self,
        ctx: &Context,
        provider: Option<&Provider>,
    ) -> Result<Option<Secret<String>>, Error> {
        let (Self::Oidc(discovery), Some(provider)) = (self, provider) else { return Ok(None) };
        if discovery.authentication != ClientAuthentication::PrivateKeyJwt {
            return Ok(None);
        }
        let signer = ctx.upstreams.signer(&provider.name).ok_or_else(|| {
            tracing::error!(provider = %provider.name, "there is no private key for the provider");
            Error::Upstream("This server cannot prove to the identity provider who it is.".to_owned())
        })?;
        let id = ctx.alphanumeric(ASSERTION_ID_LEN);
        let assertion = ClientAssertion::new(provider, discovery, id.expose(), ctx.clock.now());
        let signature = signer.sign(assertion.signed_part()).map_err(|error| Error::Internal(error.into()))?;
        Ok(Some(assertion.with_signature(&signature)))
    }

    /// The client for them; `provider` is that of the settings.
    pub(super) fn client(
        &self,
        ctx: &Context,
        way: &Way,
        provider: Option<&Provider>,
    ) -> Result<UpstreamClient, Error> {
        let github = &ctx.settings.github;
        let (authorize, token) = match self {
            Self::Oidc(discovery) => (discovery.authorization_endpoint.clone(), discovery.token_endpoint.clone()),
            Self::Github => {
                let base = github.base_url.trim_end_matches('/');
                (format!("{base}/login/oauth/authorize"), format!("{base}/login/oauth/access_token"))
            }
        };
        let (id, secret) = match provider {
            Some(provider) => (&provider.client_id, &provider.client_secret),
            None => (&github.client_id, &github.client_secret),
        };
        let bad = |cause: url::ParseError| Error::Internal(Box::new(cause));
        let client = Client::new(ClientId::new(id.clone()))
            .set_auth_uri(AuthUrl::new(authorize).map_err(bad)?)
            .set_token_uri(TokenUrl::new(token).map_err(bad)?)
            .set_redirect_uri(RedirectUrl::new(way.redirect_uri(ctx)).map_err(bad)?)
            .set_auth_type(match self.authentication() {
                ClientAuthentication::Basic => AuthType::BasicAuth,
                // With an assertion the id of the client stands in the body, and no secret.
                ClientAuthentication::Post | ClientAuthentication::PrivateKeyJwt => AuthType::RequestBody,
            });
        let secret = secret.expose();
        Ok(if secret.is_empty() { client } else { client.set_client_secret(ClientSecret::new(secret.clone())) })
    }
}

/// The tokens of a provider.
pub(super) struct Tokens {
    pub(super) access_token: Secret<String>,
    pub(super) id_token: Option<Secret<String>>,
}

/// What goes with a code.
pub(super) struct Proofs {
    /// The verifier of the challenge, if one was sent.
    pub(super) verifier: Option<Secret<String>>,
    /// The assertion of this server, where it authenticates by one.
    pub(super) assertion: Option<Secret<String>>,
}

/// Exchanges a code at a provider; at GitHub if there is none.
pub(super) async fn exchange(
    ctx: &Context,
    provider: Option<&Provider>,
    client: &UpstreamClient,
    code: &Secret<String>,
    proofs: Proofs,
) -> Result<Tokens, Error> {
    let name = provider.map_or(GITHUB, |provider| &provider.name);
    let send = |request: HttpRequest| {
        let (upstreams, fetched) = (ctx.upstreams.clone(), as_fetched(&request, provider));
        async move { upstreams.fetch(fetched).await.map(as_answered) }
    };
    let mut request = client.exchange_code(AuthorizationCode::new(code.expose().clone()));
    if let Some(verifier) = proofs.verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.into_exposed()));
    }
    if let Some(assertion) = proofs.assertion {
        request = request.add_extra_param("client_assertion_type", CLIENT_ASSERTION_TYPE);
        request = request.add_extra_param("client_assertion", assertion.into_exposed());
    }
    match request.request_async(&send).await {
        Ok(answer) => Ok(Tokens {
            access_token: Secret::new(answer.access_token().secret().clone()),
            id_token: answer.extra_fields().id_token.clone().map(|token| Secret::new(token.0)),
        }),
        Err(RequestTokenError::ServerResponse(error)) => {
            // The code of an error, and no word of the provider, which may hold anything.
            let code = ProviderError::read(error.error().as_ref(), "", "").code;
            tracing::warn!(provider = name, code, "the provider gave no token");
            Err(Error::Upstream("The identity provider refused this sign-in. Please try again.".to_owned()))
        }
        Err(RequestTokenError::Request(failure)) => Err(told(name, "the token endpoint", &failure)),
        Err(RequestTokenError::Parse(..)) => {
            tracing::warn!(provider = name, "the answer of the token endpoint cannot be read");
            Err(unreadable())
        }
        Err(RequestTokenError::Other(_)) => {
            tracing::warn!(provider = name, "the token endpoint gave an empty answer, or one that is no JSON");
            Err(unreadable())
        }
    }
}

/// The request of the crate as one of ours.
fn as_fetched(request: &HttpRequest, provider: Option<&Provider>) -> Request {
    let (url, body) = (request.uri().to_string(), Secret::new(request.body().clone()));
    let fetched = Request::post(&url, "application/x-www-form-urlencoded", body, ANSWER_MAX);
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let fetched = match authorization {
        Some(value) => fetched.header("authorization", Secret::from(value)),
        None => fetched,
    };
    chosen(fetched.expecting(ContentType::Json).any_status(), provider)
}

fn as_answered(answer: doorward_ports::fetch::Answer) -> HttpResponse {
    let content_type = answer.header("content-type").unwrap_or("application/json").to_owned();
    let mut response = HttpResponse::new(answer.body.into_exposed());
    if let Ok(status) = oauth2::http::StatusCode::from_u16(answer.status) {
        *response.status_mut() = status;
    }
    if let Ok(value) = oauth2::http::HeaderValue::from_str(&content_type) {
        response.headers_mut().insert(oauth2::http::header::CONTENT_TYPE, value);
    }
    response
}
