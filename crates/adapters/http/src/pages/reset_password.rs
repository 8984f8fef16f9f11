//! Choosing another password after the old one was forgotten: by a link, or a passcode, that comes by mail.

use super::setup::{Field, PASSWORD_HINT, in_words};
use super::{OUT_OF_DATE, stale_for_programs, with_token};
use crate::conventions::Page;
use crate::conventions::page::{Done, paths};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{HandlerResult, whole_seconds_up};
use crate::kit::extract::credential;
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;
use doorward_domain::Secret;
use doorward_services::appearance::of_pages;
use doorward_services::passcodes::{self, ResetPassword};
use doorward_services::{Error, FieldError};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.public(__path_show, show);
    r.public(__path_request, request).limit(Limit::Login);
    r.public(__path_show_change, show_change).no_store();
    r.public(__path_change, change).limit(Limit::Login).no_store();
}

/// Asks for the address to which a passcode is to go. POSTs to [`paths::RESET_PASSWORD`]: `csrf_token`, `email`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "reset_password.html")]
pub(crate) struct AskForPasscode<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) email: Field<'a>,
    /// What is wrong with the whole form.
    pub(crate) error: Option<&'a str>,
    /// Whether a passcode was asked for just now.
    pub(crate) is_sent: bool,
    /// Whether this server can send one at all.
    pub(crate) is_possible: bool,
}

only_logo!(AskForPasscode);

/// Asks for the new password. POSTs to [`paths::CHANGE_PASSWORD`]: `csrf_token`, `email`, `otp`, `password`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "change_password.html")]
pub(crate) struct ChooseAnother<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) email: Field<'a>,
    pub(crate) otp: Field<'a>,
    /// The password itself is never shown again.
    pub(crate) password_error: Option<&'a str>,
    /// What is wrong with the whole form.
    pub(crate) error: Option<&'a str>,
    /// The rule for passwords.
    pub(crate) hint: &'a str,
}

only_logo!(ChooseAnother);

/// Shows the form by which a passcode is asked for.
#[utoipa::path(
    get, path = paths::RESET_PASSWORD, tag = "pages", operation_id = "reset_password_form",
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn show(call: Call) -> HandlerResult {
    ask(&call, StatusCode::OK, "", (None, None), false).await
}

/// The form by which a passcode is asked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPasswordForm)]
pub(crate) struct AskForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    #[schema(value_type = String, required)]
    email: Option<String>,
}

/// Sends a passcode, if somebody has such an address. The page is the same for all addresses.
#[utoipa::path(
    post, path = paths::RESET_PASSWORD, tag = "pages", operation_id = "request_passcode",
    request_body(content = AskForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn request(mut call: Call) -> HandlerResult {
    let form: AskForm = call.form()?.read()?;
    let email = form.email.unwrap_or_default();
    if csrf::check_anonymous(&call, Purpose::RequestPasscode, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return ask(&call, StatusCode::BAD_REQUEST, &email, (None, Some(OUT_OF_DATE)), false).await;
    }
    match passcodes::request(call.context(), &email, &call.origin).await {
        Ok(()) => ask(&call, StatusCode::OK, &email, (None, None), true).await,
        Err(Error::Invalid { .. }) => {
            let wrong = Some("This is not an email address.");
            ask(&call, StatusCode::BAD_REQUEST, &email, (wrong, None), false).await
        }
        Err(Error::Refused(message)) => ask(&call, StatusCode::FORBIDDEN, &email, (None, Some(&message)), false).await,
        Err(error) => Err(error.into()),
    }
}

async fn ask(
    call: &Call,
    status: StatusCode,
    email: &str,
    (email_error, error): (Option<&str>, Option<&str>),
    is_sent: bool,
) -> HandlerResult {
    let is_possible = passcodes::can_reset(call.context()).await?;
    let look = of_pages(call.context()).await;
    with_token(call, Purpose::RequestPasscode, |token| {
        let page = AskForPasscode {
            brand: Brand::of(&call.site, &look),
            csrf_token: token,
            email: Field { value: email, error: email_error },
            error,
            is_sent,
            is_possible,
        };
        render(status, &page, &FormAction::own())
    })
}

/// Shows the form for the new password. The link in the mail leads here.
#[utoipa::path(
    get, path = paths::CHANGE_PASSWORD, tag = "pages", operation_id = "change_password_form",
    params(
        ("email" = Option<String>, Query, description = "The address of the account"),
        ("otp" = Option<String>, Query, description = "The passcode"),
    ),
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn show_change(call: Call) -> HandlerResult {
    let query = |name| credential::query_parameter(&call.request, name).unwrap_or_default();
    choose(&call, StatusCode::OK, &query("email"), &query("otp"), "", &[]).await
}

/// The form for the new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePasswordForm)]
pub(crate) struct ChangeForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    #[schema(value_type = String, required)]
    email: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    otp: Option<Secret<String>>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    password: Option<Secret<String>>,
}

/// Changes the password; then the user signs in with it.
#[utoipa::path(
    post, path = paths::CHANGE_PASSWORD, tag = "pages", operation_id = "change_password_by_passcode",
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "Done"),
        (status = 400, body = String, content_type = "text/html", description = "The passcode or the password is not taken"),
    ),
)]
pub(crate) async fn change(mut call: Call) -> HandlerResult {
    let form: ChangeForm = call.form()?.read()?;
    let email = form.email.unwrap_or_default();
    let passcode = form.otp.unwrap_or_else(|| Secret::from(""));
    let shown = passcode.expose().clone();
    if csrf::check_anonymous(&call, Purpose::ResetPassword, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return choose(&call, StatusCode::BAD_REQUEST, &email, &shown, OUT_OF_DATE, &[]).await;
    }
    let password = form.password.unwrap_or_else(|| Secret::from(""));
    let command = ResetPassword { email: email.clone(), password, passcode };
    match passcodes::reset_password(call.context(), command, &call.origin).await {
        Ok(()) => Ok(redirect(StatusCode::SEE_OTHER, &Done::Password.at(paths::LOGIN))),
        Err(Error::Invalid { fields, .. }) if fields.is_empty() => {
            let wrong = FieldError::new("one_time_passcode", "The passcode is wrong, used or too old.");
            choose(&call, StatusCode::BAD_REQUEST, &email, &shown, "", &[wrong]).await
        }
        Err(Error::Invalid { message, fields, .. }) => {
            choose(&call, StatusCode::BAD_REQUEST, &email, &shown, &message, &fields).await
        }
        Err(Error::Refused(message)) => choose(&call, StatusCode::FORBIDDEN, &email, &shown, &message, &[]).await,
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let error = format!("Too many failed attempts. Try again in {}.", wait_in_words(seconds));
            let mut response = choose(&call, StatusCode::TOO_MANY_REQUESTS, &email, &shown, &error, &[]).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

async fn choose(
    call: &Call,
    status: StatusCode,
    email: &str,
    otp: &str,
    message: &str,
    errors: &[FieldError],
) -> HandlerResult {
    let error_of =
        |name: &str| errors.iter().find(|error| error.field == name).map(|error| in_words(name, &error.detail));
    let faults = [error_of("email"), error_of("one_time_passcode"), error_of("password")];
    let [email_error, otp_error, password_error] = &faults;
    let look = of_pages(call.context()).await;
    let error = Some(message).filter(|message| !message.is_empty() && faults.iter().all(Option::is_none));
    with_token(call, Purpose::ResetPassword, |token| {
        let page = ChooseAnother {
            brand: Brand::of(&call.site, &look),
            csrf_token: token,
            email: Field { value: email, error: email_error.as_deref() },
            otp: Field { value: otp, error: otp_error.as_deref() },
            password_error: password_error.as_deref(),
            error,
            hint: PASSWORD_HINT,
        };
        render(status, &page, &FormAction::own())
    })
}
