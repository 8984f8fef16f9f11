//! Signing out at the wish of an application (OpenID Connect RP-Initiated Logout 1.0).

use super::app_face::AppFace;
use super::sign_in::signed_out;
use super::{sign_out_token, stale_for_programs};
use crate::conventions::{self, page::paths};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::origins::is_foreign;
use crate::kit::refusal::Refusal;
use crate::kit::routes::Routes;
use crate::sessions::{removed_cookie, set_cookie};
use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::appearance::of_pages;
use doorward_services::identity_providers::sign_out_there;
use doorward_services::openid::logout::{self, LogoutError, LogoutPlan, LogoutRequest};
use doorward_services::{OAuthError, Principal, sessions};
use serde::Deserialize;

/// The longest request that is taken in a body, in bytes.
const REQUEST_MAX: usize = 24 * 1024;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&conventions::Consent);
    r.recognized(__path_ask, ask);
    r.recognized(__path_leave, leave);
    // Applications may send their requests so; what changes something is looked at by the handler.
    r.recognized(__path_confirm, confirm).for_any_site();
}

/// The question whether to sign out. POSTs to its own URL with its query: `csrf_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "end_session.html")]
struct EndSession<'a> {
    brand: Brand<'a>,
    csrf_token: &'a str,
    /// Why the page is shown again.
    notice: Option<&'a str>,
    user: Person<'a>,
    app: Option<AppFace>,
}

only_logo!(EndSession);

/// A logout request (RP-Initiated Logout 1.0, 2).
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogoutParams {
    /// An ID token that the application was given in this session; that it has expired does not matter
    id_token_hint: Option<String>,
    /// Id of the app
    client_id: Option<String>,
    /// Where the user goes afterwards: one that is registered, letter by letter
    post_logout_redirect_uri: Option<String>,
    /// Comes back unchanged
    state: Option<String>,
}

/// Signs out whoever is signed in, for an application: at once if its hint is of this session, else after a question.
#[utoipa::path(
    get, path = paths::END_SESSION, tag = "openid", operation_id = "end_session",
    params(LogoutParams),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The question, or that it is done"),
        (status = 303, description = "Signed out, and back to the application"),
        (status = 400, body = String, content_type = "text/html", description = "Nothing was done"),
    ),
)]
pub(crate) async fn ask(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let actor = actor_of(who)?;
    let plan = plan(&call, actor.as_ref()).await?;
    match actor {
        None => Ok(done(&call, &plan).await),
        Some(actor) if plan.is_proved => sign_out(&call, &actor, &plan).await,
        Some(actor) => question(&call, &actor, &plan, StatusCode::OK).await,
    }
}

/// Says that nobody is signed in any more, where the browser goes after signing out, or offers it to whoever is. Posts to
/// [`sign_out`](super::sign_in::sign_out).
#[utoipa::path(
    get, path = paths::LOGOUT, tag = "pages", operation_id = "sign_out_form",
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn leave(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    match actor_of(who)? {
        None => Ok(signed_out(&call, None).await),
        Some(actor) => {
            let token = sign_out_token(&call, &actor);
            question_page(&call, &actor, (&token, None), &FormAction::own(), StatusCode::OK).await
        }
    }
}

/// The same for applications that send their requests by POST, and the answer to the question.
#[utoipa::path(
    post, path = paths::END_SESSION, tag = "openid", operation_id = "end_session_by_post",
    params(LogoutParams),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "Signed out"),
        (status = 303, description = "Signed out, and back to the application; or to the question"),
    ),
)]
pub(crate) async fn confirm(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let body = call.form()?;
    let Some(token) = body.text("csrf_token") else {
        // Nobody is signed out by it: the browser asks again, with its cookies.
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(body.pairs()).finish();
        if query.len() > REQUEST_MAX {
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "the request is too long").into());
        }
        return Ok(redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", paths::END_SESSION)));
    };
    if is_foreign(&call.site, &call.request) {
        let refusal = Refusal::foreign(call.context().settings.issuer());
        return Ok(call.convention.refuse(&call.asked(), &refusal));
    }
    let actor = actor_of(who)?;
    let plan = plan(&call, actor.as_ref()).await?;
    let Some(actor) = actor else { return Ok(done(&call, &plan).await) };
    if csrf::check(&call, &actor, Purpose::SignOut, call.request.query_string(), Some(&token)).is_err() {
        stale_for_programs(&call)?;
        return question(&call, &actor, &plan, StatusCode::BAD_REQUEST).await;
    }
    sign_out(&call, &actor, &plan).await
}

fn actor_of(who: Result<Principal, Failure>) -> Result<Option<Principal>, Failure> {
    match who {
        Ok(actor) => Ok(Some(actor)),
        Err(Failure::Answer(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn plan(call: &Call, actor: Option<&Principal>) -> Result<LogoutPlan, Failure> {
    let query = Form::parse(call.request.query_string().as_bytes())?;
    let (params, repeated): (LogoutParams, _) = query.read_with_repeats()?;
    let request = LogoutRequest {
        id_token_hint: params.id_token_hint,
        client_id: params.client_id,
        post_logout_redirect_uri: params.post_logout_redirect_uri,
        state: params.state,
        repeated,
    };
    logout::plan(call.context(), actor, request).await.map_err(|error| match error {
        // A challenge would make the browser ask its user for a password that is the client's.
        LogoutError::Refused(error) => OAuthError::new(OAuthErrorCode::InvalidRequest, error.description).into(),
        LogoutError::Failed(error) => error.into(),
    })
}

async fn sign_out(call: &Call, actor: &Principal, plan: &LogoutPlan) -> HandlerResult {
    // Who goes back to an application does not see the page that leads to the provider.
    let there = if plan.location.is_none() { sign_out_there(call.context(), actor).await? } else { None };
    sessions::logout(call.context(), actor).await?;
    let mut response = match &there {
        Some(there) => signed_out(call, Some(there)).await,
        // What was posted is not posted again by whoever loads the page anew.
        None if plan.location.is_none() && call.request.method() == Method::POST => {
            redirect(StatusCode::SEE_OTHER, paths::LOGOUT)
        }
        None => done(call, plan).await,
    };
    set_cookie(&mut response, &removed_cookie(&call.site))?;
    Ok(response)
}

/// Nobody is signed in any more.
async fn done(call: &Call, plan: &LogoutPlan) -> HttpResponse {
    match &plan.location {
        Some(location) => redirect(StatusCode::SEE_OTHER, location),
        None => signed_out(call, None).await,
    }
}

async fn question(call: &Call, actor: &Principal, plan: &LogoutPlan, status: StatusCode) -> HandlerResult {
    let token = csrf::issue(&call.site, actor, Purpose::SignOut, call.request.query_string());
    let app = plan.app.as_ref().map(AppFace::from);
    let toward = plan.location.as_deref().map_or_else(FormAction::own, FormAction::toward);
    question_page(call, actor, (&token, app), &toward, status).await
}

async fn question_page(
    call: &Call,
    actor: &Principal,
    (csrf_token, app): (&str, Option<AppFace>),
    toward: &FormAction,
    status: StatusCode,
) -> HandlerResult {
    let user = &actor.account()?.user;
    let look = of_pages(call.context()).await;
    let notice = "Nothing was done: you have signed in anew since that page was opened, perhaps as somebody else.";
    let page = EndSession {
        brand: Brand::of(&call.site, &look),
        csrf_token,
        notice: Some(notice).filter(|_| !status.is_success()),
        user: Person::of(user),
        app,
    };
    Ok(render(status, &page, toward))
}
