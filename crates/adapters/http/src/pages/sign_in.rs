//! Signing in and out in the browser.

use super::app_face::AppFace;
use super::consent::asked_anew;
use super::target::{authorization_query, form_action, own_target, parameter};
use super::{OUT_OF_DATE, second_step, stale_for_programs, with_token};
use crate::conventions::Page;
use crate::conventions::page::{Done, SIGN_IN_FIRST, paths, problem, sign_in_for};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult, whole_seconds_up};
use crate::kit::extract::credential;
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, Illustrated, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::limits::Limit;
use crate::kit::rates::Counted;
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use crate::sessions::{removed_cookie, session_cookie, set_cookie};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;
use doorward_domain::Secret;
use doorward_services::appearance::of_pages;
use doorward_services::factors::signed_in_at;
use doorward_services::identity_providers::{OnOffer, SignOutThere, on_offer, sign_out_there};
use doorward_services::oauth2::authorize::{self, AuthorizeRequest};
use doorward_services::{Context, Error, Principal, passcodes, sessions, users};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.recognized(__path_show, show);
    r.public(__path_submit, submit).limit(Limit::Login).counts(Counted::SignIns);
    r.recognized(__path_sign_out, sign_out);
}

/// A sign-in by somebody else: a link that starts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    /// The whole text of the button: `Continue with GitHub`.
    pub(crate) label: &'a str,
    /// Our own path that starts the sign-in, with the place to come back to in its query.
    pub(crate) href: &'a str,
    pub(crate) icon: Option<&'a str>,
}

/// Sign-in. POSTs to [`paths::LOGIN`]: `csrf_token`, `redirect`, `email`, `password`.
///
/// Render it with [`form_action`] of the place to go to.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    /// Path and query to go to afterwards. The handler checks it again when it comes back.
    pub(crate) redirect: &'a str,
    /// What was typed before, after a failure.
    pub(crate) email: &'a str,
    /// The application whose request brought the user here; it takes the place of `message`.
    pub(crate) app: Option<AppFace>,
    /// Why the user is here (`?message=`).
    pub(crate) message: Option<&'a str>,
    /// What has just been done.
    pub(crate) done: Option<&'a str>,
    /// Why the last attempt failed.
    pub(crate) error: Option<&'a str>,
    /// False hides the form and says so.
    pub(crate) password_enabled: bool,
    pub(crate) providers: Vec<Provider<'a>>,
    /// Whether somebody who has forgotten the password can get a mail.
    pub(crate) can_reset: bool,
}

impl Illustrated for SignIn<'_> {
    fn pictures(&self) -> Vec<&str> {
        let icons = self.providers.iter().filter_map(|provider| provider.icon);
        self.brand.logo_url.into_iter().chain(icons).collect()
    }
}

impl SignIn<'_> {
    /// The id of the message that tells why the last attempt failed; empty without one.
    fn error_id(&self) -> &'static str {
        if self.error.is_some() { "sign-in-error" } else { "" }
    }
}

/// The answer to a sign-out.
#[derive(Debug, Clone, Copy, Default, Template)]
#[template(path = "signed_out.html")]
pub(crate) struct SignedOut<'a> {
    pub(crate) brand: Brand<'a>,
    /// The provider where the user is still signed in, and where that ends.
    pub(crate) there: Option<(&'a str, &'a str)>,
}

only_logo!(SignedOut);

/// Shows the sign-in form; whoever is signed in goes where they wanted.
#[utoipa::path(
    get, path = paths::LOGIN, tag = "pages", operation_id = "sign_in_form",
    params(
        ("redirect" = Option<String>, Query, description = "Path and query to go to afterwards"),
        ("message" = Option<String>, Query, description = "Why the user is here"),
        ("done" = Option<String>, Query, description = "What has just been done: `password` or `converted`"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Signed in already, or the server is not set up"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let target = credential::query_parameter(&call.request, "redirect").unwrap_or_default();
    if let Ok(actor) = &who
        && !must_sign_in_anew(&call, actor, own_target(&target)).await?
    {
        return Ok(redirect(StatusCode::SEE_OTHER, own_target(&target)));
    }
    if !users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::SETUP));
    }
    let message = credential::query_parameter(&call.request, "message").is_some().then_some(SIGN_IN_FIRST);
    let email = login_hint(own_target(&target));
    page(&call, StatusCode::OK, (own_target(&target), &email), message, None).await
}

/// The longest mail address that an application may put into the form.
const LOGIN_HINT_MAX: usize = 320;

/// What an application says is the mail address of the user. Whether there is such a user is not looked at.
fn login_hint(target: &str) -> String {
    let hint = authorization_query(target).and_then(|query| parameter(query, "login_hint")).unwrap_or_default();
    if hint.len() <= LOGIN_HINT_MAX && !hint.chars().any(char::is_control) { hint } else { String::new() }
}

/// Whether an application wants whoever is signed in to prove again that it is them, and they have not done so since they were asked.
async fn must_sign_in_anew(call: &Call, actor: &Principal, target: &str) -> Result<bool, Error> {
    let asked_at = authorization_query(target).and_then(|query| asked_anew(call.context(), query).1);
    let Some(asked_at) = asked_at else { return Ok(false) };
    let began = signed_in_at(call.context(), actor).await?;
    Ok(began.is_some_and(|began| began < asked_at))
}

/// The sign-in form.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignInForm)]
pub(crate) struct SignInForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    redirect: Option<String>,
    #[schema(value_type = String, required)]
    email: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    password: Option<Secret<String>>,
}

/// Signs in and leads to where the user wanted to go.
#[utoipa::path(
    post, path = paths::LOGIN, tag = "pages", operation_id = "sign_in",
    request_body(content = SignInForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Signed in"), (status = 401, body = String, content_type = "text/html")),
)]
pub(crate) async fn submit(mut call: Call) -> HandlerResult {
    let form: SignInForm = call.form()?.read()?;
    let (email, target) = (form.email.unwrap_or_default(), form.redirect.unwrap_or_default());
    let target = own_target(&target);
    if csrf::check_anonymous(&call, Purpose::SignIn, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, StatusCode::BAD_REQUEST, (target, &email), None, Some(OUT_OF_DATE)).await;
    }
    let password = form.password.unwrap_or_else(|| Secret::new(String::new()));
    let command = sessions::Login { email: email.clone(), password };
    let (status, error) = match sessions::login(call.context(), command, &call.origin).await {
        Ok(signed_in) => {
            let mut response = redirect(StatusCode::SEE_OTHER, target);
            set_cookie(&mut response, &session_cookie(&call.site, signed_in.session.token.expose()))?;
            return Ok(response);
        }
        Err(Error::SecondFactor(challenge)) => return second_step::ask(&call, target, challenge).await,
        Err(Error::Unauthenticated { message, .. }) if message == sessions::SUSPENDED => {
            (StatusCode::UNAUTHORIZED, "This account is suspended. Ask an administrator.".to_owned())
        }
        Err(Error::Unauthenticated { message, .. }) => (StatusCode::UNAUTHORIZED, message),
        Err(Error::Refused(message)) => (StatusCode::FORBIDDEN, message),
        Err(Error::Invalid { fields, .. }) => {
            let is_no_address = !email.trim().is_empty() && fields.iter().any(|field| field.field == "email");
            let told = if is_no_address {
                "This is not an email address."
            } else {
                "Give your email address and your password."
            };
            (StatusCode::BAD_REQUEST, told.to_owned())
        }
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let error = format!("Too many failed attempts. Try again in {}.", wait_in_words(seconds));
            let mut response = page(&call, StatusCode::TOO_MANY_REQUESTS, (target, &email), None, Some(&error)).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(error) => return Err(error.into()),
    };
    page(&call, status, (target, &email), None, Some(&error)).await
}

async fn page(
    call: &Call,
    status: StatusCode,
    (target, email): (&str, &str),
    message: Option<&str>,
    error: Option<&str>,
) -> HandlerResult {
    let app = asking_app(call, target).await;
    let offers = offers(call.context(), target);
    let look = of_pages(call.context()).await;
    let can_reset = passcodes::can_reset(call.context()).await?;
    let done = Done::read(&call.request, &[Done::Password, Done::Converted]);
    with_token(call, Purpose::SignIn, |token| {
        let page = SignIn {
            brand: Brand::of(&call.site, &look),
            app,
            csrf_token: token,
            redirect: target,
            email,
            message,
            done: if error.is_none() { done.map(Done::words) } else { None },
            error,
            password_enabled: sessions::auth_methods(call.context()).password,
            providers: offers.iter().map(Offer::shown).collect(),
            can_reset,
        };
        render(status, &page, &form_action(target))
    })
}

/// A button, with the texts that it shows.
struct Offer {
    label: String,
    href: String,
    icon_url: String,
}

impl Offer {
    fn shown(&self) -> Provider<'_> {
        let icon = Some(self.icon_url.as_str()).filter(|url| !url.is_empty());
        Provider { label: &self.label, href: &self.href, icon }
    }
}

/// The providers through which somebody may sign in, who then goes to this path and query of ours.
fn offers(context: &Context, target: &str) -> Vec<Offer> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("redirect", target);
    // An application wants a new proof: a session at the provider is none.
    if authorization_query(target).is_some_and(|query| asked_anew(context, query).1.is_some()) {
        query.append_pair("reauthenticate", "true");
    }
    let query = query.finish();
    let offer = |on_offer: OnOffer| Offer {
        label: format!("Continue with {}", on_offer.name),
        href: format!("{}?{query}", on_offer.way.path()),
        icon_url: on_offer.icon_url,
    };
    on_offer(context).into_iter().map(offer).collect()
}

/// The application whose authorization request is the place to go to afterwards.
async fn asking_app(call: &Call, target: &str) -> Option<AppFace> {
    let client_id = parameter(authorization_query(target)?, "client_id")?;
    let request = AuthorizeRequest { client_id: Some(client_id), ..AuthorizeRequest::default() };
    // Who is unknown here is told so later; the page is of use without a name.
    authorize::find_shown_client(call.context(), &request).await.ok().as_ref().map(AppFace::from)
}

/// The sign-out form.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignOutForm)]
pub(crate) struct SignOutForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    /// Path and query to come back to after the next sign-in.
    redirect: Option<String>,
}

/// Signs out.
#[utoipa::path(
    post, path = paths::LOGOUT, tag = "pages", operation_id = "sign_out",
    request_body(content = SignOutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "Done, and on to the identity provider"),
        (status = 303, description = "Done; to the sign-in page, for another user, where `redirect` was sent"),
    ),
)]
pub(crate) async fn sign_out(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: SignOutForm = call.form()?.read()?;
    let actor = match who {
        Ok(actor) => Some(actor),
        Err(Failure::Answer(_)) => None,
        Err(failure) => return Err(failure),
    };
    let leaves = form.redirect.is_none();
    let mut response = match form.redirect {
        Some(target) => sign_in_for(own_target(&target)),
        None => redirect(StatusCode::SEE_OTHER, paths::LOGOUT),
    };
    // Whoever comes without a session keeps the cookie: a request of another site does, for its cookie stays at home,
    // and the answer must not sign anybody out.
    if let Some(actor) = actor {
        if csrf::check(&call, &actor, Purpose::SignOut, "", form.csrf_token.as_deref()).is_err() {
            stale_for_programs(&call)?;
            let explanation = "You have signed in anew since that page was opened, perhaps as somebody else. You are \
                               still signed in. Go to the start page and sign out there.";
            return Ok(problem(&call, StatusCode::BAD_REQUEST, "That page was out of date", explanation));
        }
        let there = if leaves { sign_out_there(call.context(), &actor).await? } else { None };
        sessions::logout(call.context(), &actor).await?;
        if let Some(there) = &there {
            response = signed_out(&call, Some(there)).await;
        }
        set_cookie(&mut response, &removed_cookie(&call.site))?;
    }
    Ok(response)
}

/// The page after signing out. The browser goes on to the provider by itself: a redirect would be one of the form, whose policy leads to
/// this server only.
pub(super) async fn signed_out(call: &Call, there: Option<&SignOutThere>) -> HttpResponse {
    let shown = there.map(|there| (there.name.as_str(), there.location.expose().as_str()));
    let look = of_pages(call.context()).await;
    let page = SignedOut { brand: Brand::of(&call.site, &look), there: shown };
    let mut response = render(StatusCode::OK, &page, &FormAction::own());
    let refresh = there.and_then(|there| HeaderValue::from_str(&format!("0; url={}", there.location.expose())).ok());
    if let Some(refresh) = refresh {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    response
}
