//! Signing in and out in the browser.

use super::{SIGN_IN_FIRST, forged, own_target, sign_in_for, with_token};
use crate::answer::redirect;
use crate::call::{Call, Outcome};
use crate::csrf;
use crate::error::{Failure, whole_seconds_up};
use crate::extract::credential;
use crate::pages::headers::{FormAction, render};
use crate::pages::paths;
use crate::pages::views::{Brand, SignIn, SignedOut};
use crate::sessions::{removed_cookie, session_cookie, set_cookie};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::Secret;
use doorward_services::{Actor, Error, sessions, users};
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
pub(crate) async fn show(call: Call, who: Result<Actor, Failure>) -> Outcome {
    let target = credential::query_parameter(&call.request, "redirect").unwrap_or_default();
    if who.is_ok() {
        return Ok(redirect(StatusCode::SEE_OTHER, own_target(&target)));
    }
    if !users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::SETUP));
    }
    let message = credential::query_parameter(&call.request, "message").is_some().then_some(SIGN_IN_FIRST);
    page(&call, StatusCode::OK, own_target(&target), "", message, None)
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
    let form = call.form().await?;
    if let Err(text) = csrf::check_anonymous_form(&call.request, form.text("csrf_token").as_deref()) {
        return Ok(forged(text));
    }
    let (email, target) = (form.text("email").unwrap_or_default(), form.text("redirect").unwrap_or_default());
    let target = own_target(&target);
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
            let mut response = page(&call, StatusCode::TOO_MANY_REQUESTS, target, &email, None, Some(&error))?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    page(&call, status, target, &email, None, Some(&error))
}

fn page(
    call: &Call,
    status: StatusCode,
    target: &str,
    email: &str,
    message: Option<&str>,
    error: Option<&str>,
) -> Outcome {
    with_token(call, |token| {
        let page = SignIn {
            brand: Brand::default(),
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
pub(crate) async fn sign_out(mut call: Call, who: Result<Actor, Failure>) -> Outcome {
    let form = call.form().await?;
    if let Err(text) = csrf::check_form(&call.request, form.text("csrf_token").as_deref()) {
        return Ok(forged(text));
    }
    if let Ok(actor) = who {
        sessions::logout(call.context(), &actor).await?;
    }
    let mut response = match form.text("redirect") {
        Some(target) => sign_in_for(own_target(&target)),
        None => render(StatusCode::OK, &SignedOut::default(), &FormAction::own()),
    };
    set_cookie(&mut response, &removed_cookie(&call.site))?;
    Ok(response)
}
