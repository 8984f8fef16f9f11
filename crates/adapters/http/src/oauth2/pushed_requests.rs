//! The pushed authorization request endpoint (RFC 9126 2, `oauth2.md` 14.9).

use super::authorization_request;
use crate::conventions::OAuth2;
use crate::kit::answer::created;
use crate::kit::call::Call;
use crate::kit::dpop;
use crate::kit::error::HandlerResult;
use crate::kit::extract::credential::{self, InBody};
use crate::kit::extract::form::{Form, secret};
use crate::kit::routes::Routes;
use doorward_domain::Secret;
use doorward_services::oauth2::pushed_requests::{self, PushRequest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Most bytes of a request.
const BODY_MAX: usize = 64 * 1024;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&OAuth2);
    r.public(__path_push, push).for_any_site();
}

/// How the client authenticates. Beside it stand the parameters of the authorization request.
#[expect(clippy::struct_field_names, reason = "they are parameters, by their names")]
#[derive(Deserialize, ToSchema)]
#[schema(as = PushedAuthorizationRequest)]
pub(crate) struct PushForm {
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
}

/// What stands for the request (RFC 9126 2.2).
#[derive(Serialize, ToSchema)]
#[schema(as = PushedAuthorizationResponse)]
pub(crate) struct PushedObject<'a> {
    /// For `/oauth2/authorize`, with `client_id` and nothing else.
    request_uri: &'a str,
    /// Whole seconds until a browser must have come with it.
    expires_in: i64,
}

/// Takes an authorization request before the user is sent.
#[utoipa::path(
    post, path = "/oauth2/par", tag = "oauth2", operation_id = "push_authorization_request",
    request_body(content = PushForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 201, body = PushedObject)),
)]
pub(crate) async fn push(mut call: Call) -> HandlerResult {
    let form = Form::parse(&call.bytes(BODY_MAX)?)?;
    let (client, repeats): (PushForm, _) = form.read_with_repeats()?;
    let mut request = authorization_request::read(&form)?;
    request.repeated.extend(repeats);
    let in_body = InBody {
        client_id: client.client_id,
        client_secret: client.client_secret,
        assertion: client.client_assertion,
        assertion_type: client.client_assertion_type,
    };
    let client = credential::client(&call.request, in_body)?;
    call.admit(client.client_id.as_deref(), None).await?;
    let push = PushRequest { client, request, proof: dpop::sent(&call.request) };
    let pushed = pushed_requests::push(call.context(), push, Arc::clone(&call.origin)).await;
    let pushed = pushed.inspect_err(|error| dpop::note_wanted(&call.request, call.context(), error))?;
    call.tally.made_row();
    let mut response = created(&PushedObject { request_uri: pushed.uri.as_str(), expires_in: pushed.expires_in });
    dpop::give_nonce(&mut response, pushed.dpop_nonce.as_deref());
    Ok(response)
}
