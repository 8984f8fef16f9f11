//! The second factors of the signed-in user.

use super::second_step::{RecoveryCodesPage, SetUp};
use super::{OUT_OF_DATE, sign_out_token, signed_in, stale_for_programs};
use crate::conventions::Page;
use crate::conventions::page::{Done, paths};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult, whole_seconds_up};
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::moment::TimeElement;
use crate::kit::html::qr;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;
use doorward_domain::Secret;
use doorward_services::appearance::of_pages;
use doorward_services::factors::{self, NewTotp};
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.recognized(__path_show, show);
    r.recognized(__path_change, change).limit(Limit::Login);
}

/// The second factors of the user. POSTs to [`paths::FACTORS`]: `csrf_token`, `do`, `code`.
#[derive(Debug, Clone, Template)]
#[template(path = "factors.html")]
pub(crate) struct Factors<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// What has just been done.
    pub(crate) notice: Option<&'a str>,
    /// Why nothing has been done.
    pub(crate) caution: Option<&'a str>,
    /// Since when there is an app.
    pub(crate) since: Option<TimeElement>,
    /// Whether no more codes are taken.
    pub(crate) is_locked: bool,
    /// How many recovery codes are left.
    pub(crate) recovery_codes: i64,
    /// Whether the user signs in with a password, and can have an app.
    pub(crate) has_password: bool,
    /// Whether an app waits for its first code.
    pub(crate) is_pending: bool,
    /// What it is set up with; `None` where that was shown before.
    pub(crate) set_up: Option<SetUp<'a>>,
}

only_logo!(Factors);

/// Shows the second factors of the signed-in user.
#[utoipa::path(
    get, path = paths::FACTORS, tag = "pages", operation_id = "factors",
    params(("done" = Option<String>, Query, description = "What has just been done: `factor_shown` or `factor_removed`")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let actor = signed_in(&call.request, who)?;
    let done = Done::read(&call.request, &[Done::FactorShown, Done::FactorRemoved]);
    let told = Told { notice: done.map(Done::words), ..Told::default() };
    page(&call, &actor, StatusCode::OK, told).await
}

/// The form that changes them.
#[derive(Deserialize, ToSchema)]
#[schema(as = FactorsForm)]
pub(crate) struct FactorsForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    /// `begin`, `confirm`, `show`, `renew` or `remove`.
    #[serde(rename = "do")]
    #[schema(value_type = String, required)]
    what: Option<String>,
    /// A code of the app.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
}

/// What came of a change.
enum Changed {
    /// An app is being set up.
    Begun(NewTotp),
    /// There are new recovery codes.
    Codes(Vec<Secret<String>>),
    Done(Done),
}

/// Changes the second factors of the signed-in user, as the API does.
#[utoipa::path(
    post, path = paths::FACTORS, tag = "pages", operation_id = "change_factors",
    request_body(content = FactorsForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "What to set up, or recovery codes"),
        (status = 303, description = "Done, or the user must sign in first"),
        (status = 401, body = String, content_type = "text/html", description = "The code is wrong"),
    ),
)]
pub(crate) async fn change(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: FactorsForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::Factors, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, Told::caution(OUT_OF_DATE)).await;
    }
    let what = form.what.unwrap_or_default();
    let is_pending = what == "confirm";
    let changed = carry_out(&call, &actor, &what, form.code.unwrap_or_else(|| "".into())).await;
    let (status, told, wait) = match changed {
        Ok(Changed::Begun(new)) => {
            let told = Told { is_pending: true, new: Some(&new), ..Told::default() };
            return page(&call, &actor, StatusCode::OK, told).await;
        }
        Ok(Changed::Codes(codes)) => {
            let look = of_pages(call.context()).await;
            let codes = codes.iter().map(|code| code.expose().as_str()).collect();
            let page = RecoveryCodesPage { brand: Brand::of(&call.site, &look), codes, next: paths::FACTORS };
            return Ok(render(StatusCode::OK, &page, &FormAction::own()));
        }
        Ok(Changed::Done(done)) => return Ok(redirect(StatusCode::SEE_OTHER, &done.at(paths::FACTORS))),
        Err(Error::Unauthenticated { message, .. }) => (StatusCode::UNAUTHORIZED, message, None),
        Err(Error::Refused(message)) => (StatusCode::FORBIDDEN, message, None),
        Err(Error::Invalid { message, fields, .. }) => {
            let is_code = fields.iter().any(|field| field.field == "code");
            let told = if is_code { "Enter a code of your authenticator app.".to_owned() } else { message };
            (StatusCode::BAD_REQUEST, told, None)
        }
        Err(Error::Conflict { message, .. }) => (StatusCode::CONFLICT, message, None),
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let told = format!("Too many failed attempts. Try again in {}.", wait_in_words(seconds));
            (StatusCode::TOO_MANY_REQUESTS, told, Some(seconds))
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = page(&call, &actor, status, Told { is_pending, ..Told::caution(&told) }).await?;
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

async fn carry_out(call: &Call, actor: &Principal, what: &str, code: Secret<String>) -> Result<Changed, Error> {
    let (context, me) = (call.context(), UserRef::Me);
    // Where the factor was shown a moment ago, no code is asked.
    if matches!(what, "renew" | "remove") && !code.expose().is_empty() {
        factors::show_totp(context, actor, &me, code.clone()).await?;
    }
    Ok(match what {
        "begin" => Changed::Begun(factors::begin_totp(context, actor, &me).await?),
        "confirm" => Changed::Codes(factors::confirm_totp(context, actor, &me, code).await?),
        "renew" => Changed::Codes(factors::renew_recovery_codes(context, actor, &me).await?),
        "remove" => {
            factors::remove_totp(context, actor, &me).await?;
            Changed::Done(Done::FactorRemoved)
        }
        "show" => {
            factors::show_totp(context, actor, &me, code).await?;
            Changed::Done(Done::FactorShown)
        }
        _ => return Err(Error::invalid("This page cannot do that.")),
    })
}

/// What the page says besides.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    notice: Option<&'a str>,
    caution: Option<&'a str>,
    is_pending: bool,
    new: Option<&'a NewTotp>,
}

impl<'a> Told<'a> {
    const fn caution(text: &'a str) -> Self {
        Self { notice: None, caution: Some(text), is_pending: false, new: None }
    }
}

async fn page(call: &Call, actor: &Principal, status: StatusCode, told: Told<'_>) -> HandlerResult {
    let context = call.context();
    let user = &actor.account()?.user;
    let standing = factors::find(context, actor, &UserRef::Me).await?;
    let look = of_pages(context).await;
    let svg = told.new.map(|new| qr::svg(new.url.expose())).transpose();
    let svg = svg.map_err(|error| Error::Internal(error.into()))?;
    let page = Factors {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Factors, ""),
        sign_out_token: &sign_out_token(call, actor),
        user: Person::of(user),
        notice: told.notice,
        caution: told.caution,
        since: standing.totp_since.map(TimeElement::day),
        is_locked: standing.is_locked,
        recovery_codes: standing.recovery_codes,
        has_password: user.login_type == doorward_domain::users::LoginType::Password,
        is_pending: told.is_pending,
        set_up: told.new.zip(svg.as_deref()).map(|(new, svg)| SetUp { svg, secret: new.secret.expose() }),
    };
    Ok(render(status, &page, &FormAction::own()))
}
