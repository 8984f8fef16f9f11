//! The endpoint for claims (OpenID Connect Core 1.0, 5.3). It takes no cookie, so scripts of any site may ask.

use crate::conventions::OAuth2;
use crate::kit::answer::{ok, set_header};
use crate::kit::call::Call;
use crate::kit::caller::{self, Unproven};
use crate::kit::error::{self, HandlerResult};
use crate::kit::extract::credential::{self, ACCESS_TOKEN};
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::WWW_AUTHENTICATE;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::wire;
use doorward_services::openid::userinfo::{self, Told};
use doorward_services::sessions::Audience;
use doorward_services::{Error, OAuthError, Principal, sessions};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&OAuth2);
    r.public(__path_show, show).for_any_site().limit(Limit::Api);
    r.public(__path_show_to_form, show_to_form).for_any_site().limit(Limit::Api);
}

/// Says who the user of a token is.
#[utoipa::path(
    get, path = "/oauth2/userinfo", tag = "openid", operation_id = "userinfo",
    responses((status = 200, body = serde_json::Value, description = "`sub`, and the claims that the scopes of the token ask for")),
)]
pub(crate) async fn show(call: Call) -> HandlerResult {
    let token = presented(&call);
    answer(&call, token).await
}

/// The same; the token may stand in the form.
#[utoipa::path(
    post, path = "/oauth2/userinfo", tag = "openid", operation_id = "userinfo_by_post",
    responses((status = 200, body = serde_json::Value, description = "`sub`, and the claims that the scopes of the token ask for")),
)]
pub(crate) async fn show_to_form(mut call: Call) -> HandlerResult {
    let form = call.form()?;
    let token = presented(&call).or_else(|| form.text(ACCESS_TOKEN));
    answer(&call, token).await
}

fn presented(call: &Call) -> Option<String> {
    let found = credential::bearer(&call.request).or_else(|| credential::session_header(&call.request));
    found.map(std::borrow::Cow::into_owned)
}

async fn answer(call: &Call, token: Option<String>) -> HandlerResult {
    if !call.context().settings.oidc.enabled {
        return Err(Error::NotFound.into());
    }
    if let Some(token) = caller::by_dpop(&call.request)? {
        return match caller::enter_proven(call, &token, Audience::Any).await {
            Ok(actor) => told(call, &actor).await,
            Err(Unproven::Refused(error)) => Ok(unauthorized(&error)),
            Err(Unproven::Failed(error)) => Err(error.into()),
        };
    }
    let Some(token) = token else {
        let missing = OAuthError::new(OAuthErrorCode::InvalidToken, "an access token is needed");
        return Ok(challenged(&missing, &format!("Bearer realm=\"{}\"", wire::REALM)));
    };
    let actor = match sessions::authenticate_for_any(call.context(), &token, &call.origin).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated { message, .. }) if message == sessions::BOUND => {
            return Ok(unauthorized(&OAuthError::new(OAuthErrorCode::InvalidToken, message)));
        }
        Err(Error::Unauthenticated { message, .. }) => {
            let invalid = OAuthError::new(OAuthErrorCode::InvalidToken, message);
            return Ok(challenged(&invalid, &format!("Bearer realm=\"{}\", error=\"invalid_token\"", wire::REALM)));
        }
        Err(error) => return Err(error.into()),
    };
    told(call, &actor).await
}

/// The answer to who is not let in by the scheme `DPoP`.
fn unauthorized(error: &OAuthError) -> HttpResponse {
    let mut response = error::oauth_body(StatusCode::UNAUTHORIZED, error);
    set_header(response.headers_mut(), WWW_AUTHENTICATE, &error::dpop_challenge(error));
    response
}

async fn told(call: &Call, actor: &Principal) -> HandlerResult {
    match userinfo::find(call.context(), actor).await? {
        Told::Claims(claims) => Ok(ok(&claims)),
        Told::ScopeMissing => {
            let short = OAuthError::new(OAuthErrorCode::InsufficientScope, "the token has not the scope openid");
            let challenge = format!("Bearer realm=\"{}\", error=\"insufficient_scope\", scope=\"openid\"", wire::REALM);
            Ok(challenged(&short, &challenge))
        }
    }
}

fn challenged(error: &OAuthError, challenge: &str) -> HttpResponse {
    let mut response = error::oauth(error);
    set_header(response.headers_mut(), WWW_AUTHENTICATE, challenge);
    response
}
