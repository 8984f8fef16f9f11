//! The authorization endpoint (`oauth2.md` 7 and 8): asks the user, and sends the answer to the client.

mod refused;

use self::refused::{bad_client, bad_redirect_uri, bad_request};
use super::access::{Access, Scope, by_care, by_topic};
use super::app_face::AppFace;
use super::form_post::send_back;
use super::{sign_out_token, signed_in, stale_for_programs};
use crate::conventions;
use crate::conventions::page::{path_and_query, paths, sign_in_for};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::links;
use crate::kit::origins::is_foreign;
use crate::kit::refusal::Refusal;
use crate::kit::routes::Routes;
use crate::oauth2::authorization_request::{self, AuthorizeParams};
use crate::sessions::set_cookie;
use crate::users::role_display_name;
use actix_web::cookie::Cookie;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::oauth2::{OAuthErrorCode, PushedUri, Resource, all_loopback, are_other_sites};
use doorward_domain::openid::AppProfile;
use doorward_services::appearance::of_pages;
use doorward_services::oauth2::authorize::{self, Answer, AuthorizeError, AuthorizeRequest, ConsentRequest};
use doorward_services::oauth2::{ScopeText, client_documents, consent_scopes, pushed_requests, request_objects};
use doorward_services::openid::authentication::{self, Step};
use doorward_services::openid::known::Asking;
use doorward_services::{Context, OAuthError, Principal};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&conventions::Consent);
    r.recognized(__path_ask, ask).busy();
    // Clients may send their requests so; what changes something is looked at by the handler.
    r.recognized(__path_allow, allow).for_any_site().busy();
}

/// Whether answers go to a site on the network that is not of the owner of this host.
fn leads_elsewhere(redirect_uri: &str, host: &str) -> bool {
    let Ok(url) = url::Url::parse(redirect_uri) else { return false };
    url.scheme() == "https" && url.host_str().is_some_and(|other| are_other_sites(other, host))
}

/// Who vouches for the application's name and redirect URIs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Registration<'a> {
    /// An administrator of this server created it.
    Administrator,
    /// It registered itself (RFC 7591).
    Itself {
        /// True when all its redirect URIs are loopback, so that any program on the device can pose as it.
        only_loopback: bool,
    },
    /// Its `client_id` is the URL of its metadata document.
    Document {
        /// The host of that URL.
        host: &'a str,
        /// Whether the operator knows that host.
        is_verified: bool,
        /// Whether the answer goes to a site of somebody else.
        is_elsewhere: bool,
        /// True when every redirect URI of the document is loopback, so that any program on the device can pose as it.
        only_loopback: bool,
    },
}

impl Registration<'_> {
    fn is_anybodys(&self) -> bool {
        matches!(self, Self::Itself { only_loopback: true } | Self::Document { only_loopback: true, .. })
    }

    fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Document { is_elsewhere: true, .. })
    }
}

/// Consent. POSTs to its own URL with its query: `csrf_token`, which is good for this user and this query only, and `decision`, which is
/// `cancel` where Cancel is told to this server. `Switch user` is a form of its own, which POSTs to
/// [`paths::LOGOUT`]: `csrf_token`, `redirect`.
///
/// Render it with [`FormAction::toward`](FormAction::toward) of the redirect URI.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub(crate) struct Consent<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    /// Why the page is shown again.
    pub(crate) notice: Option<&'a str>,
    pub(crate) user: Person<'a>,
    pub(crate) app: AppFace,
    /// Where somebody who answers for the application says that it lives, what it does with what it learns, and under which terms.
    pub(crate) links: Vec<AppLink<'a>>,
    pub(crate) registered: Registration<'a>,
    pub(crate) access: Access<'a>,
    /// The roles that let what is granted reach what belongs to others: `Owner of this server`.
    pub(crate) standing: Option<&'a str>,
    /// The redirect URI of this request, after it has been matched. The page shows its host.
    pub(crate) redirect_uri: &'a str,
    /// The resource (RFC 8707) the token will be bound to.
    pub(crate) resource: Option<&'a str>,
    /// How the client is told that the user does not allow it.
    pub(crate) cancel: &'a Answer,
    /// Whether this server must hear of it first.
    pub(crate) cancels_here: bool,
    /// Path and query of this request, to come back to after `Switch user`.
    pub(crate) return_to: &'a str,
}

/// A link to a page of the application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppLink<'a> {
    pub(crate) text: &'static str,
    pub(crate) href: &'a str,
}

impl<'a> AppLink<'a> {
    /// Those that there are.
    fn of(profile: &'a AppProfile) -> Vec<Self> {
        let all = [
            ("Home page", profile.homepage_uri.as_str()),
            ("Privacy policy", profile.policy_uri.as_str()),
            ("Terms of service", profile.terms_uri.as_str()),
        ];
        let safe = all.into_iter().filter(|(_, href)| !href.starts_with('/'));
        safe.filter_map(|(text, href)| links::safe_href(href).map(|href| Self { text, href })).collect()
    }
}

impl Illustrated for Consent<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().chain(self.app.picture()).collect()
    }
}

impl Consent<'_> {
    fn destination(&self) -> Cow<'_, str> {
        links::destination(self.redirect_uri)
    }

    fn cancel_href(&self) -> String {
        let url = match self.cancel {
            Answer::Redirect(url) | Answer::Form { action: url, .. } => url,
        };
        links::safe_href(url).map_or_else(|| self.brand.to(paths::HOME), str::to_owned)
    }

    /// What is posted to tell the client so, if it wants to be told by a form.
    fn cancel_form(&self) -> Option<&[(&'static str, String)]> {
        match self.cancel {
            Answer::Redirect(_) => None,
            Answer::Form { members, .. } => Some(members),
        }
    }
}

/// The parameter by which this server knows that it has asked the user to sign in anew.
const ANEW: &str = "reauth";
/// The longest authorization request that is sent on as a query, in bytes.
const QUERY_MAX: usize = 8 * 1024;
/// The longest `login_hint` that is sent on.
const HINT_MAX: usize = 256;
/// The longest that may come in a body: what may be pushed.
const REQUEST_MAX: usize = 64 * 1024;

/// The form of the consent page.
#[derive(Deserialize)]
struct ConsentForm {
    csrf_token: Option<String>,
    /// `cancel`, if that is what was pressed.
    decision: Option<String>,
}

/// Asks the signed-in user whether a client may act for them.
#[utoipa::path(
    get, path = paths::AUTHORIZE, tag = "oauth2",
    params(AuthorizeParams),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The consent page"),
        (status = 302, description = "The request is refused, and the client is told; with `form_post` by a page, and 200"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn ask(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let (request, cookie) = opened(&call).await?;
    with_cookie(ask_about(&call, who, request).await, cookie)
}

async fn ask_about(call: &Call, who: Result<Principal, Failure>, request: AuthorizeRequest) -> HandlerResult {
    let (actor, consent, is_allowed) = prepare(call, who, request).await?;
    if is_allowed && call.request.method() == Method::GET {
        let answer = authorize::approve(call.context(), &actor, consent).await?;
        call.tally.made_row();
        return Ok(send_back(call, &answer));
    }
    consent_page(call, &actor, &consent, StatusCode::OK).await
}

/// The signed-in user allows a client to act for them.
#[utoipa::path(
    post, path = paths::AUTHORIZE, tag = "oauth2",
    params(AuthorizeParams),
    responses(
        (status = 302, description = "Back to the client, with `code`, or with `error`; with `form_post` by a page, and 200"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn allow(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let body = call.form()?;
    if let Some(query) = as_query(&body) {
        // Nothing is allowed by it: the browser asks again, with its cookies.
        let query = if query.len() > QUERY_MAX { parked(&call, &body).await? } else { query };
        return Ok(redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", paths::AUTHORIZE)));
    }
    if is_foreign(&call.site, &call.request) {
        let refusal = Refusal::foreign(call.context().settings.issuer());
        return Ok(call.convention.refuse(&call.asked(), &refusal));
    }
    let form: ConsentForm = body.read()?;
    let (request, cookie) = opened(&call).await?;
    with_cookie(decide(&call, who, request, &form).await, cookie)
}

async fn decide(
    call: &Call,
    who: Result<Principal, Failure>,
    request: AuthorizeRequest,
    form: &ConsentForm,
) -> HandlerResult {
    let (actor, consent, _) = prepare(call, who, request).await?;
    let about = shown(call, &actor, &consent);
    if csrf::check(call, &actor, Purpose::Consent, &about, form.csrf_token.as_deref()).is_err() {
        // Perhaps somebody else has signed in since the page was shown, or the app was changed: nobody allows what was
        // shown to another, or something else than was shown.
        stale_for_programs(call)?;
        return consent_page(call, &actor, &consent, StatusCode::BAD_REQUEST).await;
    }
    if form.decision.as_deref() == Some("cancel") {
        return Ok(send_back(call, &authorize::cancel(call.context(), &actor, &consent).await?));
    }
    let answer = authorize::approve(call.context(), &actor, consent).await?;
    call.tally.made_row();
    Ok(send_back(call, &answer))
}

/// The request of the query, or that which was pushed in its place, with the cookie of the browser if it got one for that.
async fn opened(call: &Call) -> Result<(AuthorizeRequest, Option<Cookie<'static>>), Failure> {
    // The parameters come from the query string only.
    let request = authorization_request::read(&Form::parse(call.request.query_string().as_bytes())?)?;
    let Some(uri) = request.request_uri.as_deref().filter(|uri| PushedUri::is_meant(uri)) else {
        return Ok((request, None));
    };
    if let Some(name) = request.repeated.iter().find(|name| matches!(**name, "client_id" | "request_uri")) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")).into());
    }
    let (browser, cookie) = csrf::browser(&call.site, &call.request);
    let opened = pushed_requests::open(call.context(), request.client_id.as_deref(), uri, &browser).await;
    Ok((opened.map_err(|error| bad_request(call, &error))?, cookie))
}

/// An answer of any kind with this cookie.
fn with_cookie(answer: HandlerResult, cookie: Option<Cookie<'static>>) -> HandlerResult {
    let Some(cookie) = cookie else { return answer };
    match answer {
        Ok(mut answer) => {
            set_cookie(&mut answer, &cookie)?;
            Ok(answer)
        }
        Err(Failure::Answer(mut answer)) => {
            set_cookie(&mut answer, &cookie)?;
            Err(Failure::Answer(answer))
        }
        failed => failed,
    }
}

/// The authorization request that a client has sent in a body, as the query that it might have been; `None` if it is a form of ours.
fn as_query(body: &Form) -> Option<String> {
    let is_request = body.text("csrf_token").is_none() && body.text("client_id").is_some();
    is_request.then(|| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(body.pairs()).finish())
}

/// The query that stands for a request which is too long for one. It is kept until the browser comes back with it.
async fn parked(call: &Call, body: &Form) -> Result<String, Failure> {
    let request = authorization_request::read(body)?;
    if request.request_uri.is_some()
        || request.to_query().len() + request.request.as_ref().map_or(0, String::len) > REQUEST_MAX
    {
        let text = "the request is too long; leave something out, or push it";
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text).into());
    }
    let client_id = request.client_id.clone().unwrap_or_default();
    let pushed = pushed_requests::park(call.context(), request, Arc::clone(&call.origin)).await;
    let pushed = pushed.map_err(|error| refused(call, error))?;
    call.tally.made_row();
    let mut pairs = vec![("client_id", client_id), ("request_uri", pushed.uri.as_str().to_owned())];
    // That one the sign-in page reads, wherever it is sent from.
    pairs.extend(body.text("login_hint").filter(|hint| hint.len() <= HINT_MAX).map(|hint| ("login_hint", hint)));
    Ok(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// What becomes of a request that is not put before the user.
fn refused(call: &Call, error: AuthorizeError) -> Failure {
    match error {
        AuthorizeError::Client(error) => bad_client(call, &error),
        AuthorizeError::RedirectUri(error) => bad_redirect_uri(call, &error).into(),
        AuthorizeError::Redirect { answer, error } => {
            tracing::debug!(error = error.code.as_str(), reason = %error.reason, "refused");
            send_back(call, &answer).into()
        }
    }
}

/// The query without what this server has added, and when it has asked the user to sign in anew.
pub(super) fn asked_anew(context: &Context, query: &str) -> (String, Option<Instant>) {
    let is_ours = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == ANEW);
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_ours(pair)).collect();
    let rest = rest.join("&");
    let text = query.split('&').find(is_ours).and_then(|pair| pair.split_once('=')).map(|(_, text)| text);
    let asked_at = text.and_then(|text| authentication::asked_at(context, &rest, text));
    (rest, asked_at)
}

/// Everything up to the question to the user: first the client, then who is signed in, then the rest. Says too whether the user has
/// allowed it before.
async fn prepare(
    call: &Call,
    who: Result<Principal, Failure>,
    request: AuthorizeRequest,
) -> Result<(Principal, ConsentRequest, bool), Failure> {
    let asking = Asking::new(who.as_ref().ok());
    let unknown = |error: AuthorizeError| bad_client(call, &error.into());
    let unfit = |error: AuthorizeError| refused(call, error);
    let (query, asked_at) = asked_anew(call.context(), call.request.query_string());
    let sign_in_anew = || {
        let anew = authentication::ask_anew(call.context(), &query);
        Failure::from(sign_in_for(&format!("{}?{query}&{ANEW}={anew}", paths::AUTHORIZE)))
    };
    // Who signs in now has signed in for this request, and is not asked again.
    let signed_in = |who, request: &AuthorizeRequest| match who {
        Err(Failure::Answer(_)) if wants_proof(request) => Err(sign_in_anew()),
        who => signed_in(&call.request, who),
    };
    let (actor, (app, known), request) =
        if let Some(url) = authorize::document_of(call.context(), &request).map_err(unknown)? {
            // Nobody has this server ask others without saying who they are.
            let (actor, found) = match who {
                Err(Failure::Answer(_)) if is_silent(&request) => {
                    (None, client_documents::find_fresh(call.context(), &url, asking).await)
                }
                who => {
                    let actor = signed_in(who, &request)?;
                    (Some(actor), client_documents::find(call.context(), &url, asking).await)
                }
            };
            let found = found.map_err(|error| bad_client(call, &error))?;
            let request = request_objects::open(call.context(), &found.0, request).await.map_err(unfit)?;
            (actor, found, request)
        } else {
            let found = authorize::find_asking_client(call.context(), &request, asking).await.map_err(unknown)?;
            let request = request_objects::open(call.context(), &found.0, request).await.map_err(unfit)?;
            let actor = match who {
                Err(Failure::Answer(_)) if is_silent(&request) => None,
                who => Some(signed_in(who, &request)?),
            };
            (actor, found, request)
        };
    let consent = authorize::prepare(call.context(), app, &request).await.map_err(unfit)?.with(known);
    let step = authentication::next_step(call.context(), actor.as_ref(), &consent, asked_at).await?;
    match (step, actor) {
        (Step::Ask, Some(actor)) => Ok((actor, consent, false)),
        (Step::Allowed, Some(actor)) => Ok((actor, consent, true)),
        (Step::Refused(answer), _) => Err(send_back(call, &answer).into()),
        (Step::SignIn, _) | (_, None) => Err(sign_in_anew()),
    }
}

/// Whether the client may not take every session for a proof of who the user is.
fn wants_proof(request: &AuthorizeRequest) -> bool {
    let wants_login = |prompt: &String| prompt.split_whitespace().any(|word| word == "login");
    request.max_age.is_some() || request.prompt.as_ref().is_some_and(wants_login)
}

fn is_silent(request: &AuthorizeRequest) -> bool {
    request.prompt.as_deref().is_some_and(|prompt| prompt.split_whitespace().any(|word| word == "none"))
}

/// All that the page says and the decision rests on: what was asked for, and what comes of it as the app and the user are now.
fn shown(call: &Call, actor: &Principal, consent: &ConsentRequest) -> String {
    let resource = consent.authorization.resource.as_ref().map_or("", Resource::as_str);
    let app = consent.shown_app();
    let parts = [
        call.request.query_string(),
        &consent.told().to_string(),
        consent.redirect_uri.as_str(),
        resource,
        app.name(),
        &consent
            .server
            .as_ref()
            .map_or_else(String::new, |server| server.updated_at.unix_timestamp_nanos().to_string()),
        &standing(actor),
    ];
    // None of them but the names can hold a line break, and names are of one line.
    parts.join("\n")
}

async fn consent_page(call: &Call, actor: &Principal, consent: &ConsentRequest, status: StatusCode) -> HandlerResult {
    let user = &actor.account()?.user;
    let (scopes, profile) = (consent_scopes(actor, consent.server.as_deref(), &consent.told()), consent.profile());
    let is_full = consent.authorization.scopes.is_unrestricted();
    let standing = standing_that_counts(actor, is_full, &scopes);
    let notice = format!(
        "Nothing was allowed: the page you sent was made for another sign-in or another request. You are signed in as \
         {}. Look again before you decide.",
        user.username
    );
    let look = of_pages(call.context()).await;
    // Nobody answers for what such a client looks like, unless the operator says otherwise.
    let shows_logo = !consent.is_of_itself() || call.context().settings.oauth2.registration.show_logos;
    let shown_app = if shows_logo { consent.shown_app() } else { consent.shown_app().without_logo() };
    let page = Consent {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Consent, &shown(call, actor, consent)),
        sign_out_token: &sign_out_token(call, actor),
        notice: Some(notice.as_str()).filter(|_| !status.is_success()),
        user: Person::of(user),
        app: AppFace::from(&shown_app),
        links: AppLink::of(profile),
        registered: if let Some(url) = &consent.document {
            let only_loopback = all_loopback(&consent.app.redirect_uris);
            Registration::Document {
                host: url.host(),
                is_verified: call.context().settings.oauth2.cimd.verifies(url.host()),
                is_elsewhere: leads_elsewhere(consent.redirect_uri.as_str(), url.host()),
                only_loopback,
            }
        } else if consent.is_of_itself() {
            Registration::Itself { only_loopback: all_loopback(&consent.app.redirect_uris) }
        } else {
            Registration::Administrator
        },
        access: if is_full { Access::Full } else { Access::Scopes(scopes.iter().map(Scope::from).collect()) },
        standing: standing.as_deref(),
        redirect_uri: consent.redirect_uri.as_str(),
        resource: consent.authorization.resource.as_ref().map(Resource::as_str),
        cancel: &consent.canceled(call.context()),
        cancels_here: consent.is_pushed(),
        return_to: path_and_query(&call.request),
    };
    Ok(render(status, &page, &FormAction::toward(consent.redirect_uri.as_str())))
}

/// What somebody is beside a member, in words: `Owner of this server`. Empty for plain members.
pub(super) fn standing(actor: &Principal) -> String {
    let roles = actor.as_account().map(|account| account.user.roles.as_slice()).unwrap_or_default();
    let roles: Vec<String> = roles.iter().map(|role| role_display_name(role)).collect();
    let in_organizations = actor.organizations_with_roles().len();
    let mut parts = Vec::new();
    if !roles.is_empty() {
        parts.push(format!("{} of this server", roles.join(", ")));
    }
    match in_organizations {
        0 => {}
        1 => parts.push("the holder of roles in an organization".to_owned()),
        many => parts.push(format!("the holder of roles in {many} organizations")),
    }
    parts.join(" and ")
}

/// The same, if it lets what is granted reach what belongs to others.
pub(super) fn standing_that_counts(actor: &Principal, is_full: bool, scopes: &[ScopeText]) -> Option<String> {
    let reaches_others = is_full || scopes.iter().any(|scope| scope.care.is_by_roles());
    Some(standing(actor)).filter(|standing| reaches_others && !standing.is_empty())
}
