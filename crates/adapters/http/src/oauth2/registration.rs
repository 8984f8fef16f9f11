//! Clients register themselves and manage their registrations (RFC 7591, RFC 7592; `oauth2.md` 14.2).

use crate::conventions::OAuth2;
use crate::kit::answer::{created, no_content, ok, set_header};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, oauth_body};
use crate::kit::extract::credential;
use crate::kit::json;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use actix_web::http::header::WWW_AUTHENTICATE;
use doorward_domain::oauth2::{OAuthErrorCode, endpoints};
use doorward_services::OAuthError;
use doorward_services::oauth2::registration::{
    self, ClientMetadata, Managed, RegistrationError, RelyingParty, SentMetadata,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most bytes of metadata.
const BODY_MAX: usize = 64 * 1024;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&OAuth2);
    r.public(__path_register, register).for_any_site();
    r.public(__path_show, show).for_any_site();
    r.public(__path_replace, replace).for_any_site();
    r.public(__path_end, end).for_any_site();
}

/// Client metadata (RFC 7591 section 2). Members that are not here are ignored.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ClientRegistrationRequest)]
pub(crate) struct MetadataBody {
    /// When a registration is changed: the id of the client.
    client_id: Option<String>,
    #[schema(required)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    client_uri: Option<String>,
    /// Kept and shown again, and never loaded.
    logo_uri: Option<String>,
    tos_uri: Option<String>,
    policy_uri: Option<String>,
    contacts: Vec<String>,
    software_id: Option<String>,
    software_version: Option<String>,
    /// `authorization_code` and `refresh_token`, which is also the default. Others that exist are left out.
    grant_types: Vec<String>,
    /// `code`.
    response_types: Vec<String>,
    /// `client_secret_basic` (default), `client_secret_post`, `private_key_jwt` or `none`.
    token_endpoint_auth_method: Option<String>,
    /// With `private_key_jwt`: the only algorithm by which the client signs.
    token_endpoint_auth_signing_alg: Option<String>,
    /// Public keys of the client (RFC 7517), at most 16, or `jwks_uri`.
    #[schema(value_type = Option<Object>)]
    jwks: Option<serde_json::Value>,
    /// The https URL of its public keys.
    jwks_uri: Option<String>,
    /// Whether its authorization requests must be pushed (RFC 9126 6).
    require_pushed_authorization_requests: bool,
    /// Whether they must be signed (RFC 9101 10.5); needs keys.
    require_signed_request_object: bool,
    /// The only algorithm by which the client signs them.
    request_object_signing_alg: Option<String>,
    /// Whether its access tokens must be bound to a key of its own (RFC 9449 5.2).
    dpop_bound_access_tokens: bool,
    /// `web` or `native`; what is kept follows from the redirect URIs.
    application_type: Option<String>,
    /// Names separated by spaces. Unknown ones are left out.
    scope: Option<String>,
    /// `RS256` (default), `ES256` or `EdDSA`.
    id_token_signed_response_alg: Option<String>,
    /// Refused: what userinfo answers is not signed.
    userinfo_signed_response_alg: Option<String>,
    /// `public`.
    subject_type: Option<String>,
    /// ID tokens have `auth_time` in any case.
    require_auth_time: Option<bool>,
    /// An https URL, kept and shown again.
    initiate_login_uri: Option<String>,
    /// Kept and shown again.
    default_acr_values: Vec<String>,
    /// In seconds.
    default_max_age: Option<u32>,
    /// Where users may be sent after they have signed out.
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended.
    backchannel_logout_uri: Option<String>,
    /// Whether it must be told which session has ended.
    backchannel_logout_session_required: Option<bool>,
}

impl MetadataBody {
    /// Reads it, or says in the words of RFC 7591 what is wrong with it.
    fn read(call: &mut Call) -> Result<Self, Failure> {
        let body = call.bytes(BODY_MAX)?;
        json::from_bytes(&body).map_err(|detail| {
            let text = format!("the body must be a JSON object with client metadata: {detail}");
            OAuthError::new(OAuthErrorCode::InvalidClientMetadata, text).into()
        })
    }
}

impl From<MetadataBody> for SentMetadata {
    fn from(body: MetadataBody) -> Self {
        Self {
            redirect_uris: body.redirect_uris,
            client_name: body.client_name,
            client_uri: body.client_uri,
            logo_uri: body.logo_uri,
            tos_uri: body.tos_uri,
            policy_uri: body.policy_uri,
            contacts: body.contacts,
            software_id: body.software_id,
            software_version: body.software_version,
            grant_types: body.grant_types,
            response_types: body.response_types,
            token_endpoint_auth_method: body.token_endpoint_auth_method,
            token_endpoint_auth_signing_alg: body.token_endpoint_auth_signing_alg,
            jwks: body.jwks,
            jwks_uri: body.jwks_uri,
            require_pushed_authorization_requests: body.require_pushed_authorization_requests,
            require_signed_request_object: body.require_signed_request_object,
            request_object_signing_alg: body.request_object_signing_alg,
            dpop_bound_access_tokens: body.dpop_bound_access_tokens,
            application_type: body.application_type,
            scope: body.scope,
            relying_party: RelyingParty {
                id_token_signed_response_alg: body.id_token_signed_response_alg,
                userinfo_signed_response_alg: body.userinfo_signed_response_alg,
                subject_type: body.subject_type,
                require_auth_time: body.require_auth_time,
                initiate_login_uri: body.initiate_login_uri,
                default_acr_values: body.default_acr_values,
                default_max_age: body.default_max_age,
                post_logout_redirect_uris: body.post_logout_redirect_uris,
                backchannel_logout_uri: body.backchannel_logout_uri,
                backchannel_logout_session_required: body.backchannel_logout_session_required,
            },
        }
    }
}

/// A registered client (RFC 7591 section 3.2.1).
#[derive(Serialize, ToSchema)]
#[schema(as = ClientInformation)]
pub(crate) struct ClientObject<'a> {
    client_id: Uuid,
    /// In Unix seconds.
    client_id_issued_at: i64,
    /// Of a confidential client, when it is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    /// Always 0, which means never, and only beside a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    /// By what this registration is managed: shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_access_token: Option<&'a str>,
    /// Where it is managed.
    registration_client_uri: String,
    /// The members of the request, as they are kept.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    metadata: &'a ClientMetadata,
}

impl<'a> ClientObject<'a> {
    fn of(call: &Call, managed: &'a Managed) -> Self {
        Self {
            client_id: managed.id.0,
            client_id_issued_at: managed.issued_at.unix_timestamp(),
            client_secret: None,
            client_secret_expires_at: None,
            registration_access_token: None,
            registration_client_uri: client_uri(call, managed.id.0),
            metadata: &managed.metadata,
        }
    }
}

fn client_uri(call: &Call, id: Uuid) -> String {
    format!("{}{}/{id}", call.context().settings.issuer(), endpoints::CLIENTS)
}

/// Registers a client. A public one with the same metadata as one that was registered within a day is that one.
#[utoipa::path(
    post, path = "/oauth2/register", tag = "oauth2", operation_id = "register_client", request_body = MetadataBody,
    responses((status = 201, body = ClientObject)),
)]
pub(crate) async fn register(mut call: Call) -> HandlerResult {
    let body = MetadataBody::read(&mut call)?;
    let token = credential::bearer(&call.request);
    let made = registration::register(call.context(), &call.origin, token.as_deref(), body.into()).await;
    let made = made.map_err(refused)?;
    Ok(created(&ClientObject {
        client_id: made.app.id.0,
        client_id_issued_at: made.issued_at.unix_timestamp(),
        client_secret: made.secret.as_ref().map(|secret| secret.expose().as_str()),
        client_secret_expires_at: made.secret.as_ref().map(|_| 0),
        registration_access_token: Some(made.token.expose()),
        registration_client_uri: client_uri(&call, made.app.id.0),
        metadata: &made.metadata,
    }))
}

/// Shows a client to itself.
#[utoipa::path(
    get, path = "/oauth2/clients/{client_id}", tag = "oauth2", operation_id = "show_client",
    params(("client_id" = Uuid, Path, description = "Id of the client")),
    responses((status = 200, body = ClientObject)),
)]
pub(crate) async fn show(call: Call) -> HandlerResult {
    let token = credential::bearer(&call.request);
    let found = registration::find(call.context(), &call.segment("client_id"), token.as_deref()).await;
    Ok(ok(&ClientObject::of(&call, &found.map_err(refused)?)))
}

/// Replaces what is registered of a client.
#[utoipa::path(
    put, path = "/oauth2/clients/{client_id}", tag = "oauth2", operation_id = "replace_client",
    params(("client_id" = Uuid, Path, description = "Id of the client")),
    request_body = MetadataBody,
    responses((status = 200, body = ClientObject)),
)]
pub(crate) async fn replace(mut call: Call) -> HandlerResult {
    let body = MetadataBody::read(&mut call)?;
    let (named, id) = (body.client_id.clone(), call.segment("client_id").into_owned());
    let token = credential::bearer(&call.request);
    let origin = Arc::clone(&call.origin);
    let changed =
        registration::update(call.context(), &origin, &id, token.as_deref(), named.as_deref(), body.into()).await;
    Ok(ok(&ClientObject::of(&call, &changed.map_err(refused)?)))
}

/// Ends a registration. The client goes with its last one, with its secrets, codes and tokens.
#[utoipa::path(
    delete, path = "/oauth2/clients/{client_id}", tag = "oauth2", operation_id = "end_client",
    params(("client_id" = Uuid, Path, description = "Id of the client")),
    responses((status = 204)),
)]
pub(crate) async fn end(call: Call) -> HandlerResult {
    let token = credential::bearer(&call.request);
    let ended = registration::delete(call.context(), &call.origin, &call.segment("client_id"), token.as_deref()).await;
    ended.map_err(refused)?;
    Ok(no_content())
}

fn refused(error: RegistrationError) -> Failure {
    let text = error.to_string();
    let (status, code) = match error {
        RegistrationError::Failed(error) => return error.into(),
        RegistrationError::Metadata(text) => {
            return OAuthError::new(OAuthErrorCode::InvalidClientMetadata, text).into();
        }
        RegistrationError::NotAnId => return OAuthError::new(OAuthErrorCode::InvalidClientId, text).into(),
        RegistrationError::TooMany { retry_after } => {
            return OAuthError { retry_after: Some(retry_after), ..OAuthError::too_many(text) }.into();
        }
        RegistrationError::Off => (StatusCode::FORBIDDEN, OAuthErrorCode::InvalidRequest),
        RegistrationError::Unauthorized(_) => (StatusCode::UNAUTHORIZED, OAuthErrorCode::InvalidToken),
        RegistrationError::NotPermitted(_) => (StatusCode::FORBIDDEN, OAuthErrorCode::InvalidToken),
    };
    let mut answer = oauth_body(status, &OAuthError::new(code, text));
    if status == StatusCode::UNAUTHORIZED {
        set_header(answer.headers_mut(), WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"");
    }
    answer.into()
}
