//! The parameters of authorization requests (RFC 6749 4.1.1), wherever they come from.

use crate::kit::extract::form::Form;
use doorward_services::OAuthError;
use doorward_services::oauth2::authorize::AuthorizeRequest;
use serde::Deserialize;

/// An authorization request (RFC 6749 4.1.1).
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuthorizeParams {
    /// Id of the app
    #[param(value_type = String)]
    client_id: Option<String>,
    /// `code`
    #[param(value_type = String)]
    response_type: Option<String>,
    /// `query`, which is the default, or `form_post`
    response_mode: Option<String>,
    /// Where the answer goes; required if several are registered
    redirect_uri: Option<String>,
    /// A signed request, whose claims count instead of what stands beside it (RFC 9101)
    request: Option<String>,
    /// What stands for a pushed request (RFC 9126), beside which only `client_id` counts
    request_uri: Option<String>,
    /// Comes back unchanged
    state: Option<String>,
    /// Names separated by spaces
    scope: Option<String>,
    /// RFC 7636
    code_challenge: Option<String>,
    /// `S256`
    code_challenge_method: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 10)
    dpop_jkt: Option<String>,
    /// RFC 8707
    #[serde(default)]
    #[param(value_type = Option<String>)]
    resource: Vec<String>,
    /// Comes back in the ID token
    nonce: Option<String>,
    /// `none`, `login`, `consent`, `select_account`
    prompt: Option<String>,
    /// How many seconds ago the user may have signed in at most
    max_age: Option<String>,
    /// Stands in the sign-in form
    #[expect(dead_code, reason = "the sign-in page reads it; here it may come once only")]
    login_hint: Option<String>,
    /// By which ways the user should sign in
    acr_values: Option<String>,
    /// OpenID Connect Core 1.0, 5.5
    claims: Option<String>,
    /// An ID token of the user who is meant
    id_token_hint: Option<String>,
    #[param(ignore)]
    registration: Option<String>,
}

/// Reads them.
pub(crate) fn read(form: &Form) -> Result<AuthorizeRequest, OAuthError> {
    let (query, repeated): (AuthorizeParams, _) = form.read_with_repeats()?;
    Ok(AuthorizeRequest {
        client_id: query.client_id,
        response_type: query.response_type,
        redirect_uri: query.redirect_uri,
        state: query.state,
        response_mode: query.response_mode,
        request: query.request,
        request_uri: query.request_uri,
        scope: query.scope,
        code_challenge: query.code_challenge,
        code_challenge_method: query.code_challenge_method,
        dpop_jkt: query.dpop_jkt,
        resources: query.resource,
        nonce: query.nonce,
        prompt: query.prompt,
        max_age: query.max_age,
        acr_values: query.acr_values,
        claims: query.claims,
        id_token_hint: query.id_token_hint,
        registration: query.registration,
        repeated,
        ..AuthorizeRequest::default()
    })
}
