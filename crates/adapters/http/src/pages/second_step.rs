//! The second step of signing in: a code of an authenticator app, a recovery code, or setting an app up.

use super::target::{form_action, own_target};
use super::{OUT_OF_DATE, stale_for_programs, with_token};
use crate::conventions::Page;
use crate::conventions::page::{paths, sign_in_for};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{HandlerResult, whole_seconds_up};
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::html::qr;
use crate::kit::limits::Limit;
use crate::kit::rates::Counted;
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use crate::sessions::{session_cookie, set_cookie};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;
use doorward_domain::Secret;
use doorward_services::Error;
use doorward_services::appearance::of_pages;
use doorward_services::factors::{Challenge, NewTotp};
use doorward_services::sessions::{self, SecondStep, Stepped};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.public(__path_again, again);
    r.public(__path_submit, submit).limit(Limit::Login).counts(Counted::SignIns);
}

/// An authenticator app that is being set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetUp<'a> {
    /// The QR code, as SVG of our own making.
    pub(crate) svg: &'a str,
    /// The secret, for those who type it in.
    pub(crate) secret: &'a str,
}

/// The second step. POSTs to [`paths::SECOND_STEP`]: `csrf_token`, `redirect`, `token`, `method`, `code`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "second_step.html")]
pub(crate) struct SecondStepPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    /// Path and query to go to afterwards.
    pub(crate) redirect: &'a str,
    /// What the right password was answered with.
    pub(crate) token: &'a str,
    /// Whether an app must be set up.
    pub(crate) enroll: bool,
    /// What it is set up with; `None` where that was shown before.
    pub(crate) set_up: Option<SetUp<'a>>,
    /// Why the last attempt failed.
    pub(crate) error: Option<&'a str>,
}

only_logo!(SecondStepPage);

/// Recovery codes, shown once.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "recovery_codes.html")]
pub(crate) struct RecoveryCodesPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) codes: Vec<&'a str>,
    /// Where it goes on.
    pub(crate) next: &'a str,
}

only_logo!(RecoveryCodesPage);

/// What the page is about.
struct Asked<'a> {
    target: &'a str,
    token: &'a str,
    enroll: bool,
}

/// Asks somebody whose password was right for more. Whoever must set an app up is shown what with.
pub(super) async fn ask(call: &Call, target: &str, challenge: Challenge) -> HandlerResult {
    let asked = Asked { target, token: challenge.token.expose(), enroll: challenge.enroll };
    if !challenge.enroll {
        return page(call, StatusCode::OK, &asked, None, None).await;
    }
    enroll(call, &asked).await
}

async fn enroll(call: &Call, asked: &Asked<'_>) -> HandlerResult {
    let command =
        SecondStep { token: asked.token.into(), method: "enroll".to_owned(), code: Secret::new(String::new()) };
    match sessions::second_step(call.context(), command, &call.origin).await? {
        Stepped::Enrolling(new) => page(call, StatusCode::OK, asked, Some(&new), None).await,
        Stepped::SignedIn { .. } => Ok(redirect(StatusCode::SEE_OTHER, paths::LOGIN)),
    }
}

/// Leads whoever loads the address anew back to the sign-in page.
#[utoipa::path(
    get, path = paths::SECOND_STEP, tag = "pages", operation_id = "second_step_again",
    responses((status = 303, description = "To the sign-in page")),
)]
pub(crate) async fn again(_: Call) -> HandlerResult {
    Ok(redirect(StatusCode::SEE_OTHER, paths::LOGIN))
}

/// The form of the second step.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondStepForm)]
pub(crate) struct SecondStepForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    redirect: Option<String>,
    /// What the right password was answered with.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    token: Option<Secret<String>>,
    /// `totp`, `recovery` or `enroll`.
    #[schema(value_type = String, required)]
    method: Option<String>,
    /// Whether an app is being set up.
    enrolling: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
}

/// Takes a code, signs in, and leads to where the user wanted to go.
#[utoipa::path(
    post, path = paths::SECOND_STEP, tag = "pages", operation_id = "second_step",
    request_body(content = SecondStepForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "What to set up, or recovery codes"),
        (status = 303, description = "Signed in, or the sign-in must begin anew"),
        (status = 401, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn submit(mut call: Call) -> HandlerResult {
    let form: SecondStepForm = call.form()?.read()?;
    let target = form.redirect.unwrap_or_default();
    let target = own_target(&target);
    let token = form.token.unwrap_or_else(|| "".into());
    let asked = Asked { target, token: token.expose(), enroll: form.enrolling.is_some() };
    if csrf::check_anonymous(&call, Purpose::SignIn, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, StatusCode::BAD_REQUEST, &asked, None, Some(OUT_OF_DATE)).await;
    }
    let code = form.code.unwrap_or_else(|| "".into());
    let command = SecondStep { token: token.clone(), method: form.method.unwrap_or_default(), code };
    let (status, error) = match sessions::second_step(call.context(), command, &call.origin).await {
        Ok(Stepped::Enrolling(new)) => {
            let asked = Asked { enroll: true, ..asked };
            return page(&call, StatusCode::OK, &asked, Some(&new), None).await;
        }
        Ok(Stepped::SignedIn { signed_in, recovery_codes }) => {
            let mut response = if recovery_codes.is_empty() {
                redirect(StatusCode::SEE_OTHER, target)
            } else {
                let look = of_pages(call.context()).await;
                let codes = recovery_codes.iter().map(|code| code.expose().as_str()).collect();
                let page = RecoveryCodesPage { brand: Brand::of(&call.site, &look), codes, next: target };
                render(StatusCode::OK, &page, &FormAction::own())
            };
            set_cookie(&mut response, &session_cookie(&call.site, signed_in.session.token.expose()))?;
            return Ok(response);
        }
        // The recovery code was right.
        Err(Error::SecondFactor(challenge)) => return ask(&call, target, challenge).await,
        Err(Error::Unauthenticated { message, .. }) => (StatusCode::UNAUTHORIZED, message),
        Err(Error::Refused(message)) => (StatusCode::FORBIDDEN, message),
        Err(Error::Conflict { message, .. }) => (StatusCode::CONFLICT, message),
        Err(Error::Invalid { fields, message, .. }) => match fields.first().map(|field| &*field.field) {
            Some("code") => (StatusCode::BAD_REQUEST, "Enter a code.".to_owned()),
            Some("token") => return Ok(sign_in_for(target)),
            _ => (StatusCode::BAD_REQUEST, message),
        },
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let error = format!("Too many failed attempts. Try again in {}.", wait_in_words(seconds));
            let mut response = page(&call, StatusCode::TOO_MANY_REQUESTS, &asked, None, Some(&error)).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    page(&call, status, &asked, None, Some(&error)).await
}

async fn page(
    call: &Call,
    status: StatusCode,
    asked: &Asked<'_>,
    new: Option<&NewTotp>,
    error: Option<&str>,
) -> HandlerResult {
    let look = of_pages(call.context()).await;
    let svg = new.map(|new| qr::svg(new.url.expose())).transpose().map_err(|error| Error::Internal(error.into()))?;
    let set_up = new.zip(svg.as_deref()).map(|(new, svg)| SetUp { svg, secret: new.secret.expose() });
    with_token(call, Purpose::SignIn, |token| {
        let page = SecondStepPage {
            brand: Brand::of(&call.site, &look),
            csrf_token: token,
            redirect: asked.target,
            token: asked.token,
            enroll: asked.enroll,
            set_up,
            error,
        };
        render(status, &page, &form_action(asked.target))
    })
}
