//! Signing in and out in the browser.

use super::{OUT_OF_DATE, SIGN_IN_FIRST, own_target, problem, sign_in_for, stale_for_programs, with_token};
use crate::answer::redirect;
use crate::call::{Call, Outcome};
use crate::csrf::{self, Purpose};
use crate::error::{Failure, whole_seconds_up};
use crate::extract::credential;
use crate::pages::headers::{FormAction, render};
use crate::pages::paths;
use crate::pages::views::{Brand, SignIn, SignedOut};
use crate::sessions::{removed_cookie, session_cookie, set_cookie};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::Secret;
use doorward_services::oauth2::authorize::{self, AuthorizeRequest};
use doorward_services::{Error, Principal, sessions, users};
use serde::Deserialize;
use utoipa::ToSchema;

/// Shows the sign-in form; whoever is signed in goes where they wanted.
#[utoipa::path(
    get, path = "/login", tag = "pages", operation_id = "sign_in_form",
    params(
        ("redirect" = Option<String>, Query, description = "Path and query to go to afterwards"),
        ("message" = Option<String>, Query, description = "Why the user is here"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Signed in already, or the server is not set up"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> Outcome {
    let target = credential::query_parameter(&call.request, "redirect").unwrap_or_default();
    if who.is_ok() {
        return Ok(redirect(StatusCode::SEE_OTHER, own_target(&target)));
    }
    if !users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::SETUP));
    }
    let message = credential::query_parameter(&call.request, "message").is_some().then_some(SIGN_IN_FIRST);
    page(&call, StatusCode::OK, own_target(&target), "", message, None).await
}

/// The sign-in form.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignInForm)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read by name")]
pub(crate) struct SignInForm {
    csrf_token: String,
    redirect: Option<String>,
    email: String,
    password: String,
}

/// Signs in and leads to where the user wanted to go.
#[utoipa::path(
    post, path = "/login", tag = "pages", operation_id = "sign_in",
    request_body(content = SignInForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in"), (status = 401, body = String, content_type = "text/html")),
)]
pub(crate) async fn submit(mut call: Call) -> Outcome {
    let form = call.form()?;
    let (email, target) = (form.text("email").unwrap_or_default(), form.text("redirect").unwrap_or_default());
    let target = own_target(&target);
    if csrf::check_anonymous(&call, Purpose::SignIn, form.text("csrf_token").as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, StatusCode::BAD_REQUEST, target, &email, None, Some(OUT_OF_DATE)).await;
    }
    let password = form.secret("password").unwrap_or_else(|| Secret::new(String::new()));
    let command = sessions::Login { email: email.clone(), password };
    let (status, error) = match sessions::login(call.context(), command, &call.origin).await {
        Ok(signed_in) => {
            let mut response = redirect(StatusCode::SEE_OTHER, target);
            set_cookie(&mut response, &session_cookie(&call.site, signed_in.session.token.expose()))?;
            return Ok(response);
        }
        Err(Error::Unauthenticated { message, .. }) => (StatusCode::UNAUTHORIZED, message),
        Err(Error::Refused(message)) => (StatusCode::FORBIDDEN, message),
        Err(Error::Invalid { .. }) => {
            (StatusCode::BAD_REQUEST, "Give your email address and your password.".to_owned())
        }
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let error = format!("Too many failed attempts. Try again in {seconds} seconds.");
            let mut response = page(&call, StatusCode::TOO_MANY_REQUESTS, target, &email, None, Some(&error)).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    page(&call, status, target, &email, None, Some(&error)).await
}

async fn page(
    call: &Call,
    status: StatusCode,
    target: &str,
    email: &str,
    message: Option<&str>,
    error: Option<&str>,
) -> Outcome {
    let app = asking_app(call, target).await;
    with_token(call, Purpose::SignIn, |token| {
        let page = SignIn {
            brand: Brand::of(&call.site),
            app: app.as_deref(),
            csrf_token: token,
            redirect: target,
            email,
            message,
            error,
            password_enabled: sessions::auth_methods(call.context()).password,
            providers: Vec::new(),
        };
        render(status, &page, &FormAction::after_sign_in(target))
    })
}

/// The name of the application whose authorization request is the place to go to afterwards.
async fn asking_app(call: &Call, target: &str) -> Option<String> {
    let query = target.strip_prefix("/oauth2/authorize?")?;
    let (_, client_id) = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "client_id")?;
    let request = AuthorizeRequest { client_id: Some(client_id.into_owned()), ..AuthorizeRequest::default() };
    // Who is unknown here is told so later; the page is of use without a name.
    authorize::find_client(call.context(), &request).await.ok().map(|app| app.name)
}

/// The sign-out form.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignOutForm)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read by name")]
pub(crate) struct SignOutForm {
    csrf_token: String,
    /// Path and query to come back to after the next sign-in.
    redirect: Option<String>,
}

/// Signs out.
#[utoipa::path(
    post, path = "/logout", tag = "pages", operation_id = "sign_out",
    request_body(content = SignOutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "To the sign-in page, for another user"),
    ),
)]
pub(crate) async fn sign_out(mut call: Call, who: Result<Principal, Failure>) -> Outcome {
    let form = call.form()?;
    let actor = match who {
        Ok(actor) => Some(actor),
        Err(Failure::Answer(_)) => None,
        Err(failure) => return Err(failure),
    };
    let mut response = match form.text("redirect") {
        Some(target) => sign_in_for(own_target(&target)),
        None => render(StatusCode::OK, &SignedOut { brand: Brand::of(&call.site) }, &FormAction::own()),
    };
    // Whoever comes without a session keeps the cookie: a request of another site does, for its cookie stays at home,
    // and the answer must not sign anybody out.
    if let Some(actor) = actor {
        if csrf::check(&call, &actor, Purpose::SignOut, "", form.text("csrf_token").as_deref()).is_err() {
            stale_for_programs(&call)?;
            let explanation = "You have signed in anew since that page was opened, perhaps as somebody else. You are \
                               still signed in. Go to the start page and sign out there.";
            return Ok(problem(&call, StatusCode::BAD_REQUEST, "That page was out of date", explanation));
        }
        sessions::logout(call.context(), &actor).await?;
        set_cookie(&mut response, &removed_cookie(&call.site))?;
    }
    Ok(response)
}
