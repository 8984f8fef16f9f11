//! Signing in through identity providers (`identity.md` 2.9): where browsers are sent away, where they come back,
//! and where providers end sessions.

mod links;

use crate::conventions::page::{Done, Told, paths, problem_of};
use crate::conventions::{self, Api};
use crate::kit::accept::{Wish, wish};
use crate::kit::answer::{created, redirect};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, api_error};
use crate::kit::extract::credential::cookies;
use crate::kit::html::layout::Link;
use crate::kit::json::Timestamp;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::sessions::{removed_cookie, session_cookie, set_cookie};
use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::identity_providers::{CONVERSION_LIFETIME, Callback, return_target};
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::roles::Action;
use doorward_domain::{Secret, wire};
use doorward_services::identity_providers::{
    self, Arrival, Beginning, Convert, Errand, FLOW_LIFETIME, SessionThen, Way,
};
use doorward_services::intent::Intent;
use doorward_services::{Error, OAuthError, Principal};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::Duration;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&conventions::Callback);
    r.public(__path_oidc_callback, oidc_callback).no_store();
    r.public(__path_oidc_provider_callback, oidc_provider_callback).no_store();
    r.public(__path_github_callback, github_callback).no_store();
    let mut r = routes.of(&Api);
    r.public(__path_backchannel_logout, backchannel_logout).body_limit(LOGOUT_BODY_MAX);
    r.user(__path_convert_login, convert_login).limit(Limit::Login);
    links::routes(routes);
}

/// The largest body of a logout request.
const LOGOUT_BODY_MAX: usize = 64 * 1024;

/// What a cookie cannot hold, and the sign of the encoding itself.
const IN_COOKIES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%').add(b',').add(b';').add(b'\\');

/// Begins a sign-in through the first OpenID Connect provider, and ends it when the provider sends the browser back.
#[utoipa::path(
    get, path = "/api/v2/users/oidc/callback", tag = "sessions", operation_id = "oidc_callback",
    params(
        ("code" = Option<String>, Query, description = "From the provider. Without it, the sign-in begins"),
        ("state" = Option<String>, Query, description = "From the provider"),
        ("redirect" = Option<String>, Query, description = "Path and query to go to afterwards"),
        ("oidc_merge_state" = Option<String>, Query, description = "From `convert-login`, or from where a link was asked for"),
        ("reauthenticate" = Option<bool>, Query, description = "Whether the provider is to ask for a proof anew, whatever session is there"),
    ),
    responses(
        (status = 307, description = "To the provider, or signed in"),
        (status = 403, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn oidc_callback(call: Call) -> HandlerResult {
    callback(call, Way::FirstOidc).await
}

/// The same for a provider by its name.
#[utoipa::path(
    get, path = "/api/v2/users/oidc/{provider}/callback", tag = "sessions", operation_id = "oidc_provider_callback",
    params(("provider" = String, Path, description = "The name of the provider in the settings")),
    responses(
        (status = 307, description = "To the provider, or signed in"),
        (status = 403, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn oidc_provider_callback(call: Call) -> HandlerResult {
    let name = call.segment("provider").into_owned();
    callback(call, Way::Oidc(name)).await
}

/// The same for GitHub.
#[utoipa::path(
    get, path = "/api/v2/users/oauth2/github/callback", tag = "sessions", operation_id = "github_callback",
    responses(
        (status = 307, description = "To GitHub, or signed in"),
        (status = 403, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn github_callback(call: Call) -> HandlerResult {
    callback(call, Way::Github).await
}

async fn callback(call: Call, way: Way) -> HandlerResult {
    let parameters: Vec<_> = url::form_urlencoded::parse(call.request.query_string().as_bytes()).collect();
    let callback = Callback::read(parameters.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
    let callback = match callback {
        Ok(Callback::Start { merge_state, return_target, anew }) => {
            let errand = Errand::of_state(merge_state.as_deref().unwrap_or_default());
            let agreed = kept(&call, wire::OAUTH_CONVERT_COOKIE);
            let beginning = Beginning { merge_state: merge_state.map(Secret::new), agreed, anew };
            return match begin(&call, &way, beginning, &return_target).await {
                Err(Failure::Api(error)) => Ok(told(&call, error, errand, &return_target)),
                answer => answer,
            };
        }
        Ok(callback) => callback,
        Err(defect) => {
            let error = Error::invalid_because("This address is not right.", format!("{defect}."));
            return Ok(told(&call, error, Errand::SignIn, &kept_target(&call)));
        }
    };
    let errand = Errand::of_state(match &callback {
        Callback::Code { state, .. } | Callback::Failed { state: Some(state), .. } => state,
        Callback::Failed { state: None, .. } | Callback::Start { .. } => "",
    });
    let target = kept_target(&call);
    let arrival = Arrival {
        way,
        callback,
        states: kept(&call, wire::OAUTH_STATE_COOKIE),
        deployment: call.site.settings.deployment_id.clone(),
        agreed: kept(&call, wire::OAUTH_CONVERT_COOKIE),
        sessions: kept(&call, wire::SESSION_COOKIE),
    };
    let mut response = match identity_providers::finish(call.context(), arrival, &call.origin).await {
        Ok(finished) => {
            let target = done_at(&finished.session, target);
            let mut response = redirect(StatusCode::TEMPORARY_REDIRECT, &target);
            match finished.session {
                SessionThen::New(session) => {
                    set_cookie(&mut response, &session_cookie(&call.site, session.expose()))?;
                }
                SessionThen::None => set_cookie(&mut response, &removed_cookie(&call.site))?,
                SessionThen::Kept => {}
            }
            response
        }
        Err(error) => told(&call, error, errand, &target),
    };
    // A state is good for one answer, whatever came of it.
    for name in [wire::OAUTH_STATE_COOKIE, wire::OAUTH_REDIRECT_COOKIE, wire::OAUTH_CONVERT_COOKIE] {
        set_cookie(&mut response, &flow_cookie(&call, name, "", Duration::ZERO))?;
    }
    Ok(response)
}

/// Where the visitor wanted to go when they were sent away: a path and query of ours.
fn kept_target(call: &Call) -> String {
    let target = cookies(&call.request, wire::OAUTH_REDIRECT_COOKIE).into_iter().next().unwrap_or_default();
    return_target(&percent_decode_str(&target).decode_utf8().unwrap_or_default())
}

/// The values of the cookies of this name.
fn kept(call: &Call, name: &str) -> Vec<Secret<String>> {
    cookies(&call.request, name).into_iter().map(|value| Secret::new(value.into_owned())).collect()
}

/// Sends the browser to the provider.
async fn begin(call: &Call, way: &Way, beginning: Beginning, target: &str) -> HandlerResult {
    let begun = identity_providers::begin(call.context(), way, beginning).await?;
    let mut response = redirect(StatusCode::TEMPORARY_REDIRECT, begun.location.expose());
    let target = utf8_percent_encode(target, IN_COOKIES).to_string();
    for (name, value) in [(wire::OAUTH_STATE_COOKIE, begun.state.expose()), (wire::OAUTH_REDIRECT_COOKIE, &target)] {
        set_cookie(&mut response, &flow_cookie(call, name, value, FLOW_LIFETIME))?;
    }
    Ok(response)
}

/// A cookie of a sign-in that is under way.
pub(crate) fn flow_cookie<'a>(call: &Call, name: &'a str, value: &'a str, max_age: Duration) -> Cookie<'a> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(call.site.secure_cookies)
        .max_age(max_age)
        .finish()
}

/// What did not work, as a page, or as JSON for a program. Nobody is sent to the sign-in page, which would not say why; the page has a
/// link that goes on to `target`, a path and query of ours.
fn told(call: &Call, error: Error, errand: Errand, target: &str) -> HttpResponse {
    // The address is one of the API, so whoever does not ask for a page gets none.
    let is_program = wish(&call.request) != Wish::Page;
    let (status, explanation, detail) = match error {
        Error::Unauthenticated { message, detail } => (StatusCode::UNAUTHORIZED, message, detail),
        Error::Refused(message) => (StatusCode::FORBIDDEN, message, String::new()),
        Error::Invalid { message, detail, .. } => (StatusCode::BAD_REQUEST, message, detail),
        Error::Conflict { message, .. } => (StatusCode::CONFLICT, message, String::new()),
        Error::Upstream(message) => (StatusCode::BAD_GATEWAY, message, String::new()),
        error @ (Error::NotFound
        | Error::UserNotFound
        | Error::OrganizationNotFound(_)
        | Error::NoSuch(_)
        | Error::Forbidden(_)
        | Error::SecondFactor(_)
        | Error::Precondition(_)
        | Error::WrongState(_)
        | Error::TooManyAttempts { .. }
        | Error::Unavailable { .. }
        | Error::Internal(_)) => {
            return call.convention.failed(&call.asked(), error);
        }
    };
    let again = sign_in_again(target);
    let (title, href, text) = match errand {
        Errand::SignIn => ("Signing in did not work", again.as_str(), "Try another way"),
        Errand::Link => ("The account was not linked", paths::LINKS, "To your linked accounts"),
        Errand::Convert => ("Nothing was changed", paths::HOME, "To the start page"),
    };
    if is_program {
        let all = if detail.is_empty() { explanation } else { format!("{explanation} {detail}") };
        return api_error(status, title, &all);
    }
    let is_error = explanation != identity_providers::CANCELLED;
    let back = Some(Link { href, text });
    problem_of(call, status, &Told { detail: &detail, is_error, back, ..Told::new(title, &explanation) })
}

/// The sign-in page, from where it goes on to this path and query of ours.
fn sign_in_again(target: &str) -> String {
    if target == paths::HOME {
        return paths::LOGIN.to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("redirect", target).finish();
    format!("{}?{query}", paths::LOGIN)
}

/// Where the browser goes when all is done: the page says so if it is one of ours.
fn done_at(session: &SessionThen, target: String) -> String {
    match session {
        SessionThen::Kept if target == paths::LINKS => Done::Linked.at(&target),
        SessionThen::New(_) | SessionThen::Kept => target,
        // The session is gone, and the password with it.
        SessionThen::None => Done::Converted.at(&sign_in_again(&target)),
    }
}

/// What is asked by a user who wants to sign in otherwise.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ConvertLoginRequest)]
pub(crate) struct ConvertLogin {
    /// `oidc` or `github`.
    #[schema(required)]
    to_type: String,
    /// The present password.
    #[schema(required)]
    password: String,
}

/// How it goes on.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthConversionResponse)]
pub(crate) struct Conversion<'a> {
    /// For the callback of the provider, as `oidc_merge_state`.
    state_string: &'a str,
    expires_at: Timestamp,
    to_type: &'static str,
    #[schema(value_type = Uuid)]
    user_id: UserId,
}

/// Begins to change how a user signs in: proves the password, and prepares the browser. It ends at the callback of the provider.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/convert-login", tag = "sessions", request_body = ConvertLogin,
    params(("user" = String, Path, description = "Id, name, or `me`")),
    responses((status = 201, body = Conversion), (status = 401, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn convert_login(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ConvertLogin = call.json_for(&actor, Intent::User(call.user(), Action::UpdatePersonal)).await?;
    let command = Convert {
        to_type: body.to_type,
        password: Secret::new(body.password),
        deployment: call.site.settings.deployment_id.clone(),
    };
    let user = call.user();
    let begun = identity_providers::begin_conversion(call.context(), &actor, &user, command, &call.origin).await?;
    let mut response = created(&Conversion {
        state_string: begun.state.expose(),
        expires_at: begun.expires_at.into(),
        to_type: begun.to.as_str(),
        user_id: begun.user_id,
    });
    let cookie = flow_cookie(&call, wire::OAUTH_CONVERT_COOKIE, begun.token.expose(), CONVERSION_LIFETIME);
    set_cookie(&mut response, &cookie)?;
    Ok(response)
}

/// Ends the sessions that began at a provider, which says so by a logout token (OpenID Connect Back-Channel Logout 1.0).
#[utoipa::path(
    post, path = "/api/v2/users/oidc/{provider}/backchannel-logout", tag = "sessions",
    operation_id = "oidc_backchannel_logout",
    params(("provider" = String, Path, description = "The name of the provider in the settings")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Done, whether or not there was a session"), (status = 400, description = "Refused")),
)]
pub(crate) async fn backchannel_logout(mut call: Call) -> HandlerResult {
    let name = call.segment("provider").into_owned();
    let body = call.bytes(LOGOUT_BODY_MAX)?;
    let mut tokens = url::form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    let (token, another) = (tokens.next(), tokens.next());
    let token = match (token, another) {
        (Some((_, token)), None) => Secret::new(token.into_owned()),
        _ => return Ok(refused("the form must have one `logout_token`")),
    };
    match identity_providers::end_sessions(call.context(), &name, &token, &call.origin).await {
        Ok(()) => {
            let mut response = HttpResponse::new(StatusCode::OK);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(Error::Invalid { message, .. }) => Ok(refused(&message)),
        Err(error) => Err(error.into()),
    }
}

/// What a provider sends.
#[derive(Deserialize, ToSchema)]
#[schema(as = BackchannelLogoutForm)]
#[expect(dead_code, reason = "the form is read by hand, since one parameter must be there exactly once")]
pub(crate) struct LogoutForm {
    logout_token: String,
}

fn refused(description: &str) -> HttpResponse {
    crate::kit::error::oauth(&OAuthError::new(OAuthErrorCode::InvalidRequest, description.to_owned()))
}
