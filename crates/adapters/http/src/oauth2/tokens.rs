//! The endpoints for clients: tokens, revocation, introspection (`oauth2.md` 11, 12, 14.5, 14.6).

use crate::answer::{no_content, ok};
use crate::call::{Call, Outcome};
use crate::error::Failure;
use crate::extract::credential;
use crate::extract::form::Form;
use crate::json::Timestamp;
use doorward_services::oauth2::authorize::{self, AuthorizeError, AuthorizeRequest};
use doorward_services::oauth2::{grants, introspect as introspection, revoke as revocation, token};
use doorward_services::{OAuthError, Principal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Parameters of the token endpoint that may come once; `resource` has an error of its own.
const TOKEN_PARAMETERS: [&str; 8] =
    ["client_id", "client_secret", "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope"];
/// Parameters of revocation and introspection that may come once.
const PARAMETERS: [&str; 4] = ["client_id", "client_secret", "token", "token_type_hint"];

/// A token request (RFC 6749 sections 4.1.3, 4.4.2 and 6).
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read by name")]
pub(crate) struct TokenForm {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    grant_type: String,
    /// Unless the client authenticates by Basic.
    client_id: Option<String>,
    client_secret: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    resource: Option<String>,
}

/// Tokens (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenResponse)]
pub(crate) struct TokenObject<'a> {
    access_token: &'a str,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    /// When the access token stops working.
    expiry: Timestamp,
    /// Whole seconds until then.
    expires_in: i64,
    scope: String,
}

/// Issues tokens.
#[utoipa::path(
    post, path = "/oauth2/tokens", tag = "oauth2",
    params(("client_id" = Option<String>, Query, description = "Id of the client, if it is not in the body")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenObject)),
)]
pub(crate) async fn exchange(mut call: Call) -> Outcome {
    let form = call.form()?;
    let request = token::TokenRequest {
        client: credential::client(&call.request, &form)?,
        grant_type: form.text("grant_type"),
        code: form.secret("code"),
        redirect_uri: form.text("redirect_uri"),
        code_verifier: form.secret("code_verifier"),
        refresh_token: form.secret("refresh_token"),
        scope: form.text("scope"),
        resources: resources(&form),
        repeated: form.repeated(&TOKEN_PARAMETERS).next(),
    };
    let is_refresh = request.grant_type.as_deref() == Some("refresh_token");
    let presented = request.refresh_token.as_ref().filter(|_| is_refresh).map(|token| token.expose().as_str());
    call.admit(request.client.client_id.as_deref(), presented).await?;
    let tokens = token::exchange(call.context(), request, Arc::clone(&call.origin)).await?;
    if is_refresh {
        call.tally.rotated(tokens.refresh_token.as_ref().map(|token| token.expose().as_str()));
    }
    Ok(ok(&TokenObject {
        access_token: tokens.access_token.expose(),
        token_type: "Bearer",
        refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose().as_str()),
        expiry: tokens.expires_at.into(),
        expires_in: tokens.expires_in,
        scope: tokens.scopes.join(" "),
    }))
}

/// Every `resource`, in order.
pub(crate) fn resources(form: &Form) -> Vec<String> {
    form.all("resource").filter(|resource| !resource.is_empty()).map(str::to_owned).collect()
}

/// A token to be revoked or looked at (RFC 7009 section 2.1, RFC 7662 section 2.1).
#[derive(Deserialize, ToSchema)]
#[schema(as = PresentedToken)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read by name")]
pub(crate) struct PresentedForm {
    token: String,
    /// Not looked at.
    token_type_hint: Option<String>,
    /// Unless the client authenticates by Basic.
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Revokes a token and its pair.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = "oauth2",
    request_body(content = PresentedForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = serde_json::Value, description = "`{}`, also for tokens that are unknown or somebody else's")),
)]
pub(crate) async fn revoke(mut call: Call) -> Outcome {
    let form = call.form()?;
    let request = revocation::RevokeRequest {
        client: credential::client(&call.request, &form)?,
        token: form.secret("token"),
        repeated: form.repeated(&PARAMETERS).next(),
    };
    call.admit(request.client.client_id.as_deref(), None).await?;
    revocation::revoke(call.context(), request).await?;
    // Some clients read every answer as JSON, also where RFC 7009 2.2 says that the body does not matter.
    Ok(ok(&serde_json::json!({})))
}

/// What a token is (RFC 7662 section 2.2). Of a token that is not live, `active` is all.
#[derive(Serialize, ToSchema)]
#[schema(as = IntrospectionResponse)]
pub(crate) struct Introspection<'a> {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken<'a>>,
}

/// A live token.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActiveToken<'a> {
    client_id: Uuid,
    username: &'a str,
    sub: Uuid,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: i64,
    iat: i64,
    aud: &'a str,
    iss: &'a str,
}

/// Says what a token is, to the client it was issued to or that serves its resource.
#[utoipa::path(
    post, path = "/oauth2/introspect", tag = "oauth2",
    request_body(content = PresentedForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Introspection)),
)]
pub(crate) async fn introspect(mut call: Call) -> Outcome {
    let form = call.form()?;
    let request = introspection::IntrospectRequest {
        client: credential::client(&call.request, &form)?,
        token: form.secret("token"),
        repeated: form.repeated(&PARAMETERS).next(),
    };
    call.admit(request.client.client_id.as_deref(), None).await?;
    let found = introspection::introspect(call.context(), request).await?;
    let issuer = call.context().settings.issuer();
    let token = found.as_ref().map(|token| ActiveToken {
        client_id: token.client_id.0,
        username: &token.username,
        sub: token.user_id.0,
        scope: token.scopes.join(" "),
        token_type: token.token_type,
        exp: token.expires_at.unix_timestamp(),
        iat: token.issued_at.unix_timestamp(),
        aud: token.audience.as_ref().map_or(issuer, |audience| audience.as_str()),
        iss: issuer,
    });
    Ok(ok(&Introspection { active: token.is_some(), token }))
}

/// Withdraws an app: all its codes and tokens of the signed-in user end.
#[utoipa::path(
    delete, path = "/oauth2/tokens", tag = "oauth2",
    params(("client_id" = String, Query, description = "Id of the app")),
    responses((status = 204)),
)]
pub(crate) async fn withdraw(mut call: Call, who: Result<Principal, Failure>) -> Outcome {
    let query = Form::parse(call.request.query_string().as_bytes())?;
    let body = call.form()?;
    let twice = query.repeated(&["client_id"]).next().or_else(|| body.repeated(&["client_id"]).next());
    let request = AuthorizeRequest {
        client_id: query.text("client_id").or_else(|| body.text("client_id")),
        repeated: twice.into_iter().collect(),
        ..AuthorizeRequest::default()
    };
    let app = authorize::find_client(call.context(), &request).await.map_err(told)?;
    grants::withdraw(call.context(), &who?, &app).await?;
    Ok(no_content())
}

/// The error that is told in the body.
pub(crate) fn told(error: AuthorizeError) -> OAuthError {
    match error {
        AuthorizeError::Client(error) | AuthorizeError::RedirectUri(error) | AuthorizeError::Redirect { error, .. } => {
            error
        }
    }
}
