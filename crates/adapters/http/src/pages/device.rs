//! Where a person enters the code of a device, compares it and decides (RFC 8628 3.3, `oauth2.md` 14.8).
//!
//! A link may carry the code, and be from a stranger. So nothing is looked up before the person has said that the code is the one of
//! their device, and nothing is allowed without the code on the page.

use super::access::{Access, Scope, by_care, by_topic};
use super::app_face::AppFace;
use super::consent::{standing, standing_that_counts};
use super::{OUT_OF_DATE, sign_out_token, signed_in, stale_for_programs};
use crate::conventions;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, only_logo, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::oauth2::{Resource, UserCode};
use doorward_services::Principal;
use doorward_services::appearance::of_pages;
use doorward_services::oauth2::consent_scopes;
use doorward_services::oauth2::device::{self, AskedByDevice};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&conventions::Consent);
    r.recognized(__path_enter, enter);
    r.recognized(__path_decide, decide);
    r.public(__path_short, short);
}

/// Longest text in the field that is shown again.
const TYPED_MAX: usize = 32;
/// What a person is told of a code that no device waits with, whatever became of it.
const UNKNOWN: &str = "No device waits with this code: it is wrong, too old, or was used. Look at the device again.";

/// Entry of a code. POSTs to [`paths::DEVICE`]: `csrf_token`, `user_code`. `Switch user` is a form of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "device.html")]
pub(crate) struct EnterCode<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// Why the page is shown again.
    pub(crate) notice: Option<&'a str>,
    /// The code of the link, to be compared.
    pub(crate) code: Option<&'a str>,
    /// What was typed, when it is no code.
    pub(crate) typed: &'a str,
    /// Whether the person must sign in again before anything.
    pub(crate) is_stale: bool,
    /// What has been done, in the end.
    pub(crate) outcome: Option<Outcome<'a>>,
    /// Path and query to come back to after `Switch user`.
    pub(crate) return_to: &'a str,
}

/// What became of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// It may act, with this app.
    Connected(&'a str),
    /// It gets nothing, nor does this app.
    Denied(&'a str),
}

impl EnterCode<'_> {
    fn heading(&self) -> &'static str {
        match self.outcome {
            None => "Connect a device",
            Some(Outcome::Connected(_)) => "Device connected",
            Some(Outcome::Denied(_)) => "Nothing was given",
        }
    }
}

only_logo!(EnterCode);

/// The decision. POSTs to [`paths::DEVICE`]: `csrf_token`, `user_code`, `action`, which is `authorize` or `deny`.
#[derive(Debug, Clone, Template)]
#[template(path = "device_consent.html")]
pub(crate) struct DecideOnDevice<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) notice: Option<&'a str>,
    pub(crate) user: Person<'a>,
    pub(crate) app: AppFace,
    pub(crate) user_code: &'a str,
    pub(crate) access: Access<'a>,
    /// The roles that let what is granted reach what belongs to others.
    pub(crate) standing: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
    /// Address of the device.
    pub(crate) ip: &'a str,
    /// What the device calls itself.
    pub(crate) user_agent: &'a str,
    /// When it asked.
    pub(crate) asked_at: TimeElement,
    pub(crate) return_to: &'a str,
}

impl Illustrated for DecideOnDevice<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().chain(self.app.picture()).collect()
    }
}

/// Asks the signed-in user for the code of a device, or, when the link has it, to compare it. Nothing is looked up yet.
#[utoipa::path(
    get, path = paths::DEVICE, tag = "pages", operation_id = "device_verification_form",
    params(("user_code" = Option<String>, Query, description = "The code of the device")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn enter(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let typed = Form::parse(call.request.query_string().as_bytes())?.text("user_code").unwrap_or_default();
    let actor = signed_in(&call.request, who)?;
    enter_page(&call, &actor, StatusCode::OK, &typed, None).await
}

/// What the person answers.
#[derive(Deserialize, ToSchema)]
#[schema(as = DeviceVerificationForm)]
pub(crate) struct DecisionForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    #[schema(value_type = String, required)]
    user_code: Option<String>,
    /// `authorize` or `deny`; absent on the first page.
    action: Option<String>,
}

/// The signed-in user has compared the code, or decides: by `action`.
#[utoipa::path(
    post, path = paths::DEVICE, tag = "pages", operation_id = "device_verification",
    request_body(content = DecisionForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
        (status = 400, body = String, content_type = "text/html", description = "No device waits with this code, or the form is stale"),
        (status = 403, body = String, content_type = "text/html", description = "The user signed in too long ago"),
    ),
)]
pub(crate) async fn decide(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: DecisionForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    let typed = form.user_code.unwrap_or_default();
    let approves = match form.action.as_deref() {
        None | Some("") => None,
        Some("authorize") => Some(true),
        Some("deny") => Some(false),
        Some(_) => return enter_page(&call, &actor, StatusCode::BAD_REQUEST, &typed, Some(OUT_OF_DATE)).await,
    };
    // The decision is about what its page has shown; the entry is about nothing yet.
    let code: Option<UserCode> = typed.parse().ok();
    let is_entry = approves.is_none();
    if is_entry && csrf::check(&call, &actor, Purpose::Device, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return enter_page(&call, &actor, StatusCode::BAD_REQUEST, &typed, Some(OUT_OF_DATE)).await;
    }
    let Some(code) = code else {
        let notice = "A code has 8 letters, such as WDJB-MJHT.";
        return enter_page(&call, &actor, StatusCode::BAD_REQUEST, &typed, Some(notice)).await;
    };
    if device::must_sign_in_again(call.context(), &actor).await? {
        return enter_page(&call, &actor, StatusCode::FORBIDDEN, &typed, None).await;
    }
    let Some(asked) = device::look(call.context(), &actor, &code).await? else {
        return enter_page(&call, &actor, StatusCode::BAD_REQUEST, "", Some(UNKNOWN)).await;
    };
    let Some(approves) = approves else { return decide_page(&call, &actor, &asked, StatusCode::OK).await };
    let about = shown(&actor, &asked);
    if csrf::check(&call, &actor, Purpose::Device, &about, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return decide_page(&call, &actor, &asked, StatusCode::BAD_REQUEST).await;
    }
    let Some(app) = device::decide(call.context(), &actor, &code, approves).await? else {
        return enter_page(&call, &actor, StatusCode::BAD_REQUEST, "", Some(UNKNOWN)).await;
    };
    let outcome = if approves { Outcome::Connected(app.name()) } else { Outcome::Denied(app.name()) };
    let page = EnterCode { outcome: Some(outcome), ..blank(&actor)? };
    let look = of_pages(call.context()).await;
    let page = EnterCode { brand: Brand::of(&call.site, &look), ..page };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

/// The short way to the page, for who types it: what devices show.
#[utoipa::path(
    get, path = paths::DEVICE_SHORT, tag = "pages", operation_id = "device_verification_short",
    params(("user_code" = Option<String>, Query, description = "The code of the device")),
    responses((status = 303, description = "To the page where a code is entered")),
)]
pub(crate) async fn short(call: Call) -> HandlerResult {
    let query = call.request.query_string();
    let sign = if query.is_empty() { "" } else { "?" };
    Ok(redirect(StatusCode::SEE_OTHER, &format!("{}{sign}{query}", paths::DEVICE)))
}

fn blank(actor: &Principal) -> Result<EnterCode<'_>, Failure> {
    Ok(EnterCode {
        brand: Brand::default(),
        csrf_token: "",
        sign_out_token: "",
        user: Person::of(&actor.account()?.user),
        notice: None,
        code: None,
        typed: "",
        is_stale: false,
        outcome: None,
        return_to: paths::DEVICE,
    })
}

async fn enter_page(
    call: &Call,
    actor: &Principal,
    status: StatusCode,
    typed: &str,
    notice: Option<&str>,
) -> HandlerResult {
    let code = typed.parse::<UserCode>().ok().map(|code| code.to_string());
    let return_to = return_to(code.as_deref());
    let typed: String = typed.chars().take(TYPED_MAX).collect();
    let is_stale = device::must_sign_in_again(call.context(), actor).await?;
    let notice = notice.or(is_stale.then_some("You signed in too long ago to decide about a device."));
    let look = of_pages(call.context()).await;
    let page = EnterCode {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Device, ""),
        sign_out_token: &sign_out_token(call, actor),
        notice,
        code: code.as_deref(),
        typed: &typed,
        is_stale,
        return_to: &return_to,
        ..blank(actor)?
    };
    Ok(render(status, &page, &FormAction::own()))
}

fn return_to(code: Option<&str>) -> String {
    code.map_or_else(|| paths::DEVICE.to_owned(), |code| format!("{}?user_code={code}", paths::DEVICE))
}

/// All that the page says and the decision rests on.
fn shown(actor: &Principal, asked: &AskedByDevice) -> String {
    let resource = asked.authorization.resource.as_ref().map_or("", Resource::as_str);
    let scopes = asked.authorization.scopes.to_string();
    let parts = [asked.user_code.letters(), &scopes, resource, asked.app.name(), &asked.ip, &standing(actor)];
    // None of them can hold a line break.
    parts.join("\n")
}

async fn decide_page(call: &Call, actor: &Principal, asked: &AskedByDevice, status: StatusCode) -> HandlerResult {
    let scopes = consent_scopes(actor, asked.server.as_deref(), &asked.told());
    let is_full = asked.authorization.scopes.is_unrestricted();
    let standing = standing_that_counts(actor, is_full, &scopes);
    let code = asked.user_code.to_string();
    let look = of_pages(call.context()).await;
    let page = DecideOnDevice {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Device, &shown(actor, asked)),
        sign_out_token: &sign_out_token(call, actor),
        notice: (!status.is_success()).then_some(OUT_OF_DATE),
        user: Person::of(&actor.account()?.user),
        app: AppFace::from(&asked.app),
        user_code: &code,
        access: if is_full { Access::Full } else { Access::Scopes(scopes.iter().map(Scope::from).collect()) },
        standing: standing.as_deref(),
        resource: asked.authorization.resource.as_ref().map(Resource::as_str),
        ip: &asked.ip,
        user_agent: &asked.user_agent,
        asked_at: TimeElement::ago(asked.asked_at, call.context().clock.now()),
        return_to: &return_to(Some(&code)),
    };
    Ok(render(status, &page, &FormAction::own()))
}
