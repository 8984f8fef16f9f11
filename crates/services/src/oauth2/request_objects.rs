//! Authorization requests that clients have signed (RFC 9101; `oauth2.md` 14.15). By value only: this server fetches none.

use super::authorize::{AuthorizeError, AuthorizeRequest, refuse_unopened};
use super::client_keys;
use crate::{Context, OAuthError};
use doorward_domain::oauth2::{App, ClientJwtDefect, OAuthErrorCode, RequestObject};
use doorward_domain::replays::{ReplayKind, SeenToken};

/// Opens the request object of a request, if it has one: then that alone counts, and the parameters beside it do not.
///
/// Needs no permission. Errors: [`AuthorizeError::Redirect`] with `request_not_supported` (the app has no keys),
/// `invalid_request_object`, `invalid_request` (the app must sign its requests, or `response_type` beside it is another one) or
/// `temporarily_unavailable`; [`AuthorizeError::RedirectUri`] with the same, where it is not clear without the object where the answer goes.
pub async fn open(ctx: &Context, app: &App, request: AuthorizeRequest) -> Result<AuthorizeRequest, AuthorizeError> {
    let is_there = request.request.as_deref().is_some_and(|object| !object.is_empty());
    // What was pushed was opened then, unless a browser brought it. That it came twice is told with all else that did.
    if request.pushed.is_some() && !is_there || request.repeated.contains(&"request") {
        return Ok(request);
    }
    let opened = if is_there {
        verify(ctx, app, &request).await
    } else if app.rules.require_signed_requests {
        Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "this app must sign its requests (RFC 9101)"))
    } else {
        return Ok(request);
    };
    opened.map_err(|error| refuse_unopened(ctx, app, &request, error))
}

async fn verify(ctx: &Context, app: &App, request: &AuthorizeRequest) -> Result<AuthorizeRequest, OAuthError> {
    let Some(keys) = &app.rules.keys else {
        let text = "the parameter request is not supported for an app without keys";
        return Err(OAuthError::new(OAuthErrorCode::RequestNotSupported, text));
    };
    let defective = |defect: ClientJwtDefect| bad(defect.to_string());
    let text = request.request.as_deref().unwrap_or_default();
    let client_id = request.client_id.as_deref().unwrap_or_default();
    let object = RequestObject::parse(text).map_err(defective)?;
    let signed = object.check(client_id, &app.rules, ctx.settings.issuer(), ctx.clock.now()).map_err(defective)?;
    if !client_keys::any(ctx, keys, |keys| object.is_signed_by(keys)).await? {
        return Err(bad("no key of the client has signed it"));
    }
    let seen = signed
        .one_use
        .map(|once| SeenToken::new(ReplayKind::RequestObject, &app.id.to_string(), &once.id, once.remember_until));
    let opened = AuthorizeRequest::from_pairs(signed.parameters);
    let beside = request.response_type.as_deref().filter(|text| !text.is_empty());
    if beside.is_some() && beside != opened.response_type.as_deref() {
        let text = "response_type is another one than in the request object";
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text));
    }
    Ok(AuthorizeRequest { client_id: request.client_id.clone(), signed: seen, pushed: request.pushed, ..opened })
}

/// The client learns what is wrong: it has made the object, and whoever has not learns nothing by it.
pub(super) fn bad(reason: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidRequestObject, "the request object is not accepted").because(reason)
}
