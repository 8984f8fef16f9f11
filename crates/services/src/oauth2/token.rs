//! The token endpoint (RFC 6749 3.2): one file per grant, dispatched here.

mod authorization_code;
mod client_credentials;
mod device_code;
mod refresh_token;
pub(super) mod still_allowed;

use super::client::{ClientAuthentication, PresentedClient};
use super::client_assertions::{self, Place};
use super::client_documents;
use super::dpop::{self, ProvenKey, SentProof};
use super::policy::{self, ClientPolicy};
pub(crate) use super::resources::{bind, parse_resource};
use super::signed_tokens::{self, SignedToken};
use crate::keys::for_token;
use crate::openid::issue;
use crate::{Context, OAuthError, Origin, Principal};
use doorward_domain::oauth2::{KeyThumbprint, OAuthErrorCode, Resource, Scopes, TokenFormat};
use doorward_domain::{Instant, Secret};
use std::sync::Arc;

/// A request to the token endpoint, as it was sent; empty values count as missing (RFC 6749 3.2).
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// `code`.
    pub code: Option<Secret<String>>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub code_verifier: Option<Secret<String>>,
    /// `device_code`.
    pub device_code: Option<Secret<String>>,
    /// `refresh_token`.
    pub refresh_token: Option<Secret<String>>,
    /// `scope`.
    pub scope: Option<String>,
    /// Every `resource`, in order.
    pub resources: Vec<String>,
    /// By what the client proves that it has a key.
    pub proof: SentProof,
    /// A parameter that may come once and came twice.
    pub repeated: Option<&'static str>,
}

/// Tokens, for the client to which they are issued.
#[derive(Clone, Debug)]
pub struct TokenSet {
    /// The access token.
    pub access_token: Secret<String>,
    /// The refresh token; none with `client_credentials`.
    pub refresh_token: Option<Secret<String>>,
    /// When the access token stops working.
    pub expires_at: Instant,
    /// Whole seconds until then, rounded down.
    pub expires_in: i64,
    /// The scopes of the access token.
    pub scopes: Scopes,
    /// Who the user is, for apps that ask by the scope `openid`.
    pub id_token: Option<Secret<String>>,
    /// Whether the access token is bound to a key, which whoever uses it must prove to have.
    pub is_bound: bool,
    /// The nonce for the next proof, if it is to have another one.
    pub dpop_nonce: Option<String>,
}

impl TokenSet {
    fn new(
        access_token: Secret<String>,
        refresh_token: Option<Secret<String>>,
        expires_at: Instant,
        scopes: Scopes,
        now: Instant,
    ) -> Self {
        let expires_in = (expires_at - now).whole_seconds().max(0);
        Self {
            access_token,
            refresh_token,
            expires_at,
            expires_in,
            scopes,
            id_token: None,
            is_bound: false,
            dpop_nonce: None,
        }
    }

    /// As the resource that it is bound to wants it: with the scopes that are left of it, and with a signed access token if it is to be one.
    async fn signed(
        mut self,
        ctx: &Context,
        policy: &ClientPolicy,
        resource: Option<&Resource>,
    ) -> Result<Self, OAuthError> {
        let left = policy.resources.left(resource, self.scopes.clone());
        if left.is_empty() && !self.scopes.is_empty() {
            return Err(still_allowed::gone(&self.scopes));
        }
        self.scopes = left;
        let Some(server) = policy.resource(resource).filter(|server| server.rules.token_format == TokenFormat::Jwt)
        else {
            return Ok(self);
        };
        let now = ctx.clock.now();
        let signed =
            signed_tokens::in_place_of(ctx, server, &self.access_token, &self.scopes).await.map_err(for_token)?;
        let SignedToken { token, expires_at } =
            signed.ok_or_else(|| OAuthError::invalid_grant("what was granted has just ended"))?;
        Ok(Self { access_token: token, expires_at, expires_in: (expires_at - now).whole_seconds().max(0), ..self })
    }

    /// With the ID token about this subject.
    async fn telling_of(self, ctx: &Context, subject: Option<issue::Subject>) -> Result<Self, OAuthError> {
        let Some(subject) = subject else { return Ok(self) };
        let id_token = issue::id_token(ctx, subject, &self.access_token).await.map_err(for_token)?;
        Ok(Self { id_token: Some(id_token), ..self })
    }
}

/// What all grants have in common, checked.
#[derive(Clone, Debug)]
struct Common {
    client: PresentedClient,
    resource: Option<Resource>,
    /// `None` when nothing is asked for.
    scopes: Option<Scopes>,
    by: Principal,
    now: Instant,
    policy: Arc<ClientPolicy>,
    /// The key that the client has proved to have.
    jkt: Option<KeyThumbprint>,
}

/// The parameters of each grant, checked.
#[derive(Clone, Debug)]
enum GrantRequest {
    AuthorizationCode(authorization_code::Request),
    RefreshToken(refresh_token::Request),
    /// With the `scope` that is asked for.
    ClientCredentials(Option<String>),
    DeviceCode(device_code::Request),
}

/// The grant type of devices (RFC 8628 3.4).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Issues tokens: `authorization_code`, `refresh_token`, `client_credentials` or [`DEVICE_CODE`].
///
/// Needs no permission; a confidential client authenticates. Errors: `invalid_request` (a parameter is missing, was
/// given twice or is malformed), `invalid_client`, `unsupported_grant_type`, `invalid_grant` (the code or refresh
/// token is no good, or what it is about was taken from the app), `invalid_target`, `invalid_scope`,
/// `unauthorized_client` (an app without a service account asks for `client_credentials`, or one that may not have devices for
/// them), `authorization_pending`, `slow_down`, `expired_token`, `access_denied` (of devices), `invalid_dpop_proof`
/// (the proof of a key is not good, or there must be one), `use_dpop_nonce`, `temporarily_unavailable`,
/// `server_error`.
pub async fn exchange(ctx: &Context, request: TokenRequest, origin: Arc<Origin>) -> Result<TokenSet, OAuthError> {
    client_documents::revalidate(ctx, request.client.client_id.as_deref()).await?;
    let is_bound = matches!(request.grant_type.as_deref(), Some("authorization_code" | "refresh_token"));
    let place = if is_bound { Place::BoundGrant } else { Place::Other };
    let client = client_assertions::present(ctx, &request.client, place).await?;
    if !matches!(request.proof, SentProof::None) {
        // A proof is remembered: strangers must not fill that table.
        let proving = client.clone();
        ctx.read(move |repos| {
            let app = proving.find_app(repos)?;
            proving.prove(&app, repos).map(drop)
        })
        .await?;
    }
    let proven = dpop::prove(ctx, &request.proof).await?;
    let (jkt, dpop_nonce) = proven.map(|ProvenKey { jkt, next_nonce }| (jkt, next_nonce)).unzip();
    let has_key = jkt.is_some();
    let tokens = grant(ctx, request, client, jkt, origin).await?;
    Ok(TokenSet { is_bound: has_key, dpop_nonce: dpop_nonce.flatten(), ..tokens })
}

async fn grant(
    ctx: &Context,
    request: TokenRequest,
    client: PresentedClient,
    jkt: Option<KeyThumbprint>,
    origin: Arc<Origin>,
) -> Result<TokenSet, OAuthError> {
    let policy = policy::of_client(ctx).await?;
    let now = ctx.clock.now();
    let parsed = parse(&request).and_then(|grant| {
        let resource = parse_resource(&request.resources)?;
        let scopes = match &grant {
            // A code says what was granted; `scope` has no meaning there (RFC 6749 4.1.3). What that of a client means is said by the resource.
            GrantRequest::AuthorizationCode(_) | GrantRequest::DeviceCode(_) | GrantRequest::ClientCredentials(_) => {
                None
            }
            GrantRequest::RefreshToken(_) => super::scopes::parse_again(request.scope.as_deref())?,
        };
        let (client, by) = (client.clone(), Principal::anonymous(origin));
        Ok((grant, Common { client, resource, scopes, by, now, policy, jkt }))
    });
    match parsed {
        Ok((GrantRequest::AuthorizationCode(grant), common)) => authorization_code::redeem(ctx, common, grant).await,
        Ok((GrantRequest::RefreshToken(grant), common)) => refresh_token::refresh(ctx, common, grant).await,
        Ok((GrantRequest::ClientCredentials(scope), common)) => client_credentials::issue(ctx, common, scope).await,
        Ok((GrantRequest::DeviceCode(grant), common)) => device_code::redeem(ctx, common, grant).await,
        // An unknown client is told so before anything about its parameters.
        Err(error) => {
            ctx.read(move |repos| client.find_app(repos).map(drop)).await?;
            Err(error)
        }
    }
}

fn parse(request: &TokenRequest) -> Result<GrantRequest, OAuthError> {
    let grant = match request.grant_type.as_deref() {
        Some("authorization_code") => {
            let code = given(request.code.as_ref()).ok_or_else(|| OAuthError::missing("code"))?;
            GrantRequest::AuthorizationCode(authorization_code::Request {
                code: code.clone(),
                redirect_uri: request.redirect_uri.clone().filter(|uri| !uri.is_empty()),
                code_verifier: given(request.code_verifier.as_ref()).cloned(),
            })
        }
        Some("refresh_token") => {
            let token = given(request.refresh_token.as_ref()).ok_or_else(|| OAuthError::missing("refresh_token"))?;
            GrantRequest::RefreshToken(refresh_token::Request { token: token.clone() })
        }
        Some("client_credentials") => GrantRequest::ClientCredentials(request.scope.clone()),
        Some(DEVICE_CODE) => {
            let code = given(request.device_code.as_ref()).ok_or_else(|| OAuthError::missing("device_code"))?;
            GrantRequest::DeviceCode(device_code::Request { device_code: code.clone() })
        }
        Some(_) | None => {
            return Err(OAuthError::new(
                OAuthErrorCode::UnsupportedGrantType,
                "grant_type must be authorization_code, refresh_token, client_credentials or that of device codes",
            ));
        }
    };
    match request.repeated {
        Some(name) => Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}"))),
        None => Ok(grant),
    }
}

fn given(secret: Option<&Secret<String>>) -> Option<&Secret<String>> {
    secret.filter(|secret| !secret.expose().is_empty())
}
