//! The endpoints for clients: tokens, revocation, introspection (`oauth2.md` 11, 12, 14.5, 14.6).

use crate::conventions::OAuth2;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::dpop;
use crate::kit::error::{Failure, HandlerResult, oauth_body};
use crate::kit::extract::credential::{self, InBody};
use crate::kit::extract::form::{Form, secret};
use crate::kit::json::Timestamp;
use crate::kit::limits::Limit;
use crate::kit::rates::Counted;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use doorward_domain::Secret;
use doorward_domain::oauth2::{OAuthErrorCode, Scopes};
use doorward_services::oauth2::authorize::{self, AuthorizeRequest};
use doorward_services::oauth2::{client_documents, grants, introspect as introspection, revoke as revocation, token};
use doorward_services::{OAuthError, Principal};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::Display;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&OAuth2);
    r.public(__path_exchange, exchange).for_any_site().busy().counts(Counted::Tokens);
    r.public(__path_introspect, introspect).for_any_site().busy();
    r.recognized(__path_withdraw, withdraw).limit(Limit::OAuth2);
    r.public(__path_revoke, revoke).for_any_site();
}

/// A token request (RFC 6749 sections 4.1.3, 4.4.2 and 6).
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRequest)]
pub(crate) struct TokenForm {
    /// Unless the client authenticates by Basic.
    client_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret<String>>,
    /// RFC 7523 2.2, with `client_assertion_type`.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_assertion: Option<Secret<String>>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    client_assertion_type: Option<String>,
    /// `authorization_code`, `refresh_token`, `client_credentials` or `urn:ietf:params:oauth:grant-type:device_code`.
    #[schema(value_type = String, required)]
    grant_type: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    device_code: Option<Secret<String>>,
    redirect_uri: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    code_verifier: Option<Secret<String>>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
    scope: Option<String>,
    // That it came more than once is an error of its own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    resource: Vec<String>,
}

/// Tokens (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenResponse)]
pub(crate) struct TokenObject<'a> {
    access_token: &'a str,
    /// `Bearer`, or `DPoP` if it is bound to the key that the client has proved (RFC 9449 section 5).
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// When the access token stops working.
    expiry: Timestamp,
    /// Whole seconds until then.
    expires_in: i64,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    scope: &'a Scopes,
    /// Who the user is, if the scope `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

/// Writes scopes into the answer as they are, without a text in between.
fn as_text<S: Serializer>(scopes: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scopes)
}

/// Issues tokens.
#[utoipa::path(
    post, path = "/oauth2/tokens", tag = "oauth2",
    params(("client_id" = Option<String>, Query, description = "Id of the client, if it is not in the body")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenObject)),
)]
pub(crate) async fn exchange(mut call: Call) -> HandlerResult {
    let (form, repeats): (TokenForm, _) = call.form()?.read_with_repeats()?;
    let request = token::TokenRequest {
        client: credential::client(
            &call.request,
            InBody {
                client_id: form.client_id,
                client_secret: form.client_secret,
                assertion: form.client_assertion,
                assertion_type: form.client_assertion_type,
            },
        )?,
        grant_type: form.grant_type,
        code: form.code,
        redirect_uri: form.redirect_uri,
        code_verifier: form.code_verifier,
        device_code: form.device_code,
        refresh_token: form.refresh_token,
        scope: form.scope,
        resources: form.resource,
        proof: dpop::sent(&call.request),
        repeated: repeats.into_iter().next(),
    };
    let is_refresh = request.grant_type.as_deref() == Some("refresh_token");
    let presented = request.refresh_token.as_ref().filter(|_| is_refresh).map(|token| token.expose().as_str());
    call.admit(request.client.client_id.as_deref(), presented).await?;
    let tokens = token::exchange(call.context(), request, Arc::clone(&call.origin)).await;
    let tokens =
        tokens.inspect_err(|error| dpop::note_wanted(&call.request, call.context(), error)).map_err(refused)?;
    if is_refresh {
        call.tally.rotated(tokens.refresh_token.as_ref().map(|token| token.expose().as_str()));
    }
    let mut response = ok(&TokenObject {
        access_token: tokens.access_token.expose(),
        token_type: if tokens.is_bound { "DPoP" } else { "Bearer" },
        refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose().as_str()),
        expiry: tokens.expires_at.into(),
        expires_in: tokens.expires_in,
        scope: &tokens.scopes,
        id_token: tokens.id_token.as_ref().map(|token| token.expose().as_str()),
    });
    dpop::give_nonce(&mut response, tokens.dpop_nonce.as_deref());
    Ok(response)
}

/// An error of the token endpoint. That a person denies a device is 400 as the others (RFC 8628 3.5); elsewhere `access_denied` is of a
/// caller without rights.
fn refused(error: OAuthError) -> Failure {
    if error.code == OAuthErrorCode::AccessDenied {
        return oauth_body(StatusCode::BAD_REQUEST, &error).into();
    }
    error.into()
}

/// A token to be revoked or looked at (RFC 7009 section 2.1, RFC 7662 section 2.1).
#[derive(Deserialize, ToSchema)]
#[schema(as = PresentedToken)]
pub(crate) struct PresentedForm {
    /// Unless the client authenticates by Basic.
    client_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret<String>>,
    /// RFC 7523 2.2, with `client_assertion_type`.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    client_assertion: Option<Secret<String>>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    client_assertion_type: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    token: Option<Secret<String>>,
    /// Not looked at.
    #[expect(dead_code, reason = "read only so that it comes once (RFC 6749 3.2)")]
    token_type_hint: Option<String>,
}

/// Revokes a token and its pair.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = "oauth2",
    request_body(content = PresentedForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value, description = "`{}`, also for tokens that are unknown or somebody else's")),
)]
pub(crate) async fn revoke(mut call: Call) -> HandlerResult {
    let (form, repeats): (PresentedForm, _) = call.form()?.read_with_repeats()?;
    let request = revocation::RevokeRequest {
        client: credential::client(
            &call.request,
            InBody {
                client_id: form.client_id,
                client_secret: form.client_secret,
                assertion: form.client_assertion,
                assertion_type: form.client_assertion_type,
            },
        )?,
        token: form.token,
        repeated: repeats.into_iter().next(),
    };
    call.admit(request.client.client_id.as_deref(), None).await?;
    revocation::revoke(call.context(), request).await?;
    // Some clients read every answer as JSON, also where RFC 7009 2.2 says that the body does not matter.
    Ok(ok(&serde_json::json!({})))
}

/// What a token is (RFC 7662 section 2.2). Of a token that is not live, `active` is all.
#[derive(Serialize, ToSchema)]
#[schema(as = IntrospectionResponse)]
pub(crate) struct IntrospectionObject<'a> {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveTokenObject<'a>>,
}

/// By its thumbprint, the key to which a token is bound (RFC 7800).
#[derive(Serialize, ToSchema)]
#[schema(as = Confirmation)]
pub(crate) struct ConfirmationObject<'a> {
    jkt: &'a str,
}

/// A live token.
#[derive(Serialize, ToSchema)]
#[schema(as = ActiveToken)]
pub(crate) struct ActiveTokenObject<'a> {
    client_id: String,
    username: &'a str,
    sub: Uuid,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    scope: &'a Scopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The key that whoever brings it must prove to have (RFC 9449 section 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<ConfirmationObject<'a>>,
    exp: i64,
    iat: i64,
    aud: &'a str,
    iss: &'a str,
}

/// Says what a token is, to the client it was issued to or that serves its resource.
#[utoipa::path(
    post, path = "/oauth2/introspect", tag = "oauth2",
    request_body(content = PresentedForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IntrospectionObject)),
)]
pub(crate) async fn introspect(mut call: Call) -> HandlerResult {
    let (form, repeats): (PresentedForm, _) = call.form()?.read_with_repeats()?;
    let request = introspection::IntrospectRequest {
        client: credential::client(
            &call.request,
            InBody {
                client_id: form.client_id,
                client_secret: form.client_secret,
                assertion: form.client_assertion,
                assertion_type: form.client_assertion_type,
            },
        )?,
        token: form.token,
        repeated: repeats.into_iter().next(),
    };
    call.admit(request.client.client_id.as_deref(), None).await?;
    let found = introspection::introspect(call.context(), request).await?;
    let issuer = call.context().settings.issuer();
    let client_id = match &found {
        Some(token) => client_documents::client_id(call.context(), token.client_id).await?,
        None => String::new(),
    };
    let token = found.as_ref().map(|token| ActiveTokenObject {
        client_id,
        username: &token.username,
        sub: token.user_id.0,
        scope: &token.authorization.scopes,
        token_type: token.token_type,
        cnf: token.jkt.as_ref().map(|jkt| ConfirmationObject { jkt: jkt.as_str() }),
        exp: token.expires_at.unix_timestamp(),
        iat: token.issued_at.unix_timestamp(),
        aud: token.authorization.resource.as_ref().map_or(issuer, |audience| audience.as_str()),
        iss: issuer,
    });
    Ok(ok(&IntrospectionObject { active: token.is_some(), token }))
}

/// Withdraws an app: all its codes and tokens of the signed-in user end.
#[utoipa::path(
    delete, path = "/oauth2/tokens", tag = "oauth2",
    params(("client_id" = String, Query, description = "Id of the app")),
    responses((status = 204)),
)]
pub(crate) async fn withdraw(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let query = Form::parse(call.request.query_string().as_bytes())?;
    let body = call.form()?;
    let twice = query.repeated(&["client_id"]).next().or_else(|| body.repeated(&["client_id"]).next());
    let request = AuthorizeRequest {
        client_id: query.text("client_id").or_else(|| body.text("client_id")),
        repeated: twice.into_iter().collect(),
        ..AuthorizeRequest::default()
    };
    let app = authorize::find_client(call.context(), &request).await.map_err(OAuthError::from)?;
    grants::withdraw(call.context(), &who?, &app).await?;
    Ok(no_content())
}
