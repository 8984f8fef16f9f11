//! The authorization endpoint (`oauth2.md` 7 and 8): asks the user, and sends the answer to the client.

use super::access::{Access, Scope, by_topic, cautions_first};
use super::{sign_out_token, signed_in, stale_for_programs};
use crate::conventions;
use crate::conventions::page::{path_and_query, paths, problem, sign_in_for};
use crate::kit::accept::{Wish, wish};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{self, Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::links;
use crate::kit::origins::is_foreign;
use crate::kit::refusal::Refusal;
use crate::kit::routes::Routes;
use crate::oauth2::logos::logo_path;
use crate::oauth2::tokens::told;
use crate::users::role_display_name;
use actix_web::HttpResponse;
use actix_web::http::header::WWW_AUTHENTICATE;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::oauth2::{OAuthErrorCode, Resource, all_loopback, are_other_sites};
use doorward_domain::openid::AppProfile;
use doorward_services::appearance::of_pages;
use doorward_services::oauth2::authorize::{self, AuthorizeError, AuthorizeRequest, ConsentRequest};
use doorward_services::oauth2::{Caution, client_documents, consent_scopes, registration};
use doorward_services::openid::authentication::{self, Step};
use doorward_services::{Context, OAuthError, Principal};
use serde::Deserialize;
use std::borrow::Cow;

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
    fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Document { is_elsewhere: true, .. })
    }

    fn is_anybodys(&self) -> bool {
        matches!(self, Self::Itself { only_loopback: true } | Self::Document { only_loopback: true, .. })
    }
}

/// Consent. POSTs to its own URL with its query: `csrf_token`, which is good for this user and this query only. `Switch user` is a form of its own, which POSTs to
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
    pub(crate) app_name: &'a str,
    /// As stored; the page leaves it out when it is not fit for an `img`.
    pub(crate) app_icon: Option<&'a str>,
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
    /// The redirect URI with `error=access_denied` and what belongs to it.
    pub(crate) cancel_url: &'a str,
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
        self.brand.logo_url.into_iter().chain(self.app_icon).collect()
    }
}

impl Consent<'_> {
    fn destination(&self) -> Cow<'_, str> {
        links::destination(self.redirect_uri)
    }

    fn cancel_href(&self) -> String {
        links::safe_href(self.cancel_url).map_or_else(|| self.brand.to(paths::HOME), str::to_owned)
    }
}

/// An authorization request (RFC 6749 4.1.1).
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuthorizeParams {
    /// Id of the app
    #[param(value_type = String)]
    client_id: Option<String>,
    /// `code`
    #[param(value_type = String)]
    response_type: Option<String>,
    /// `query`, which is the default
    response_mode: Option<String>,
    /// Where the answer goes; required if several are registered
    redirect_uri: Option<String>,
    #[param(ignore)]
    request: Option<String>,
    #[param(ignore)]
    request_uri: Option<String>,
    /// Comes back unchanged
    state: Option<String>,
    /// Names separated by spaces
    scope: Option<String>,
    /// RFC 7636
    code_challenge: Option<String>,
    /// `S256`
    code_challenge_method: Option<String>,
    /// RFC 8707
    #[serde(default)]
    #[param(value_type = Option<String>)]
    resource: Vec<String>,
    /// Comes back in the ID token
    nonce: Option<String>,
    /// `none`, `login`, `consent`, `select_account`
    prompt: Option<String>,
    /// How many seconds ago the user may have signed in at most
    max_age: Option<String>,
    /// Stands in the sign-in form
    #[expect(dead_code, reason = "the sign-in page reads it; here it may come once only")]
    login_hint: Option<String>,
    /// By which ways the user should sign in
    acr_values: Option<String>,
    /// OpenID Connect Core 1.0, 5.5
    claims: Option<String>,
    /// An ID token of the user who is meant
    id_token_hint: Option<String>,
    #[param(ignore)]
    registration: Option<String>,
}

/// The parameter by which this server knows that it has asked the user to sign in anew.
const ANEW: &str = "reauth";
/// The longest authorization request that may come in a body, in bytes.
const REQUEST_MAX: usize = 8 * 1024;

/// The form of the consent page.
#[derive(Deserialize)]
struct ConsentForm {
    csrf_token: Option<String>,
}

/// Asks the signed-in user whether a client may act for them.
#[utoipa::path(
    get, path = paths::AUTHORIZE, tag = "oauth2",
    params(AuthorizeParams),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The consent page"),
        (status = 302, description = "The request is refused, and the client is told"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn ask(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let Asked { actor, consent, profile, is_allowed } = prepare(&call, who).await?;
    if is_allowed && call.request.method() == Method::GET {
        let location = authorize::approve(call.context(), &actor, consent).await?;
        call.tally.made_row();
        return Ok(redirect(StatusCode::FOUND, &location));
    }
    consent_page(&call, &actor, &consent, &profile, StatusCode::OK).await
}

/// The signed-in user allows a client to act for them.
#[utoipa::path(
    post, path = paths::AUTHORIZE, tag = "oauth2",
    params(AuthorizeParams),
    responses(
        (status = 302, description = "Back to the client, with `code`, or with `error`"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn allow(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let body = call.form()?;
    if let Some(query) = as_query(&body) {
        // Nothing is allowed by it: the browser asks again, with its cookies.
        if query.len() > REQUEST_MAX {
            let text = "the request is too long; send it to the authorization endpoint by GET, or leave something out";
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text).into());
        }
        return Ok(redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", paths::AUTHORIZE)));
    }
    if is_foreign(&call.site, &call.request) {
        let refusal = Refusal::foreign(call.context().settings.issuer());
        return Ok(call.convention.refuse(&call.asked(), &refusal));
    }
    let form: ConsentForm = body.read()?;
    let Asked { actor, consent, profile, .. } = prepare(&call, who).await?;
    let (token, about) = (form.csrf_token, shown(&call, &actor, &consent, &profile));
    if csrf::check(&call, &actor, Purpose::Consent, &about, token.as_deref()).is_err() {
        // Perhaps somebody else has signed in since the page was shown, or the app was changed: nobody allows what was
        // shown to another, or something else than was shown.
        stale_for_programs(&call)?;
        return consent_page(&call, &actor, &consent, &profile, StatusCode::BAD_REQUEST).await;
    }
    let location = authorize::approve(call.context(), &actor, consent).await?;
    call.tally.made_row();
    Ok(redirect(StatusCode::FOUND, &location))
}

/// The authorization request that a client has sent in a body, as the query that it might have been; `None` if it is a form of ours.
fn as_query(body: &Form) -> Option<String> {
    let is_request = body.text("csrf_token").is_none() && body.text("client_id").is_some();
    is_request.then(|| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(body.pairs()).finish())
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

/// Whom a request is put before, and what they are shown.
struct Asked {
    actor: Principal,
    consent: ConsentRequest,
    profile: AppProfile,
    /// Whether they have allowed it before.
    is_allowed: bool,
}

/// Everything up to the question to the user: first the client, then who is signed in, then the rest.
async fn prepare(call: &Call, who: Result<Principal, Failure>) -> Result<Asked, Failure> {
    let request = read(call)?;
    let refused = |error: AuthorizeError| bad_client(call, &told(error));
    let is_silent =
        request.prompt.as_deref().is_some_and(|prompt| prompt.split_whitespace().any(|word| word == "none"));
    let (actor, app) = if let Some(url) = authorize::document_of(call.context(), &request).map_err(refused)? {
        // Nobody has this server ask others without saying who they are.
        let actor = signed_in(&call.request, who)?;
        let found = client_documents::find(call.context(), &url).await;
        (Some(actor), found.map_err(|error| bad_client(call, &error))?)
    } else {
        let app = authorize::find_client(call.context(), &request).await.map_err(refused)?;
        let actor = match who {
            Err(Failure::Answer(_)) if is_silent => None,
            who => Some(signed_in(&call.request, who)?),
        };
        (actor, app)
    };
    let consent = match authorize::prepare(call.context(), app, &request) {
        Ok(consent) => consent,
        Err(AuthorizeError::Client(error)) => return Err(bad_client(call, &error)),
        Err(AuthorizeError::RedirectUri(error)) => return Err(bad_redirect_uri(call, &error).into()),
        Err(AuthorizeError::Redirect { location, error }) => {
            tracing::debug!(error = error.code.as_str(), reason = %error.reason, "refused");
            return Err(redirect(StatusCode::FOUND, &location).into());
        }
    };
    let (query, asked_at) = asked_anew(call.context(), call.request.query_string());
    match (authentication::next_step(call.context(), actor.as_ref(), &consent, asked_at).await?, actor) {
        (Step::Ask(profile), Some(actor)) => Ok(Asked { actor, consent, profile, is_allowed: false }),
        (Step::Allowed(profile), Some(actor)) => Ok(Asked { actor, consent, profile, is_allowed: true }),
        (Step::Blocked, _) => Err(blocked(call).into()),
        (Step::Refused(location), _) => Err(redirect(StatusCode::FOUND, &location).into()),
        (Step::SignIn, _) | (_, None) => {
            let anew = authentication::ask_anew(call.context(), &query);
            Err(sign_in_for(&format!("{}?{query}&{ANEW}={anew}", paths::AUTHORIZE)).into())
        }
    }
}

/// Who asks is not known: a person reads a page, a program JSON. A challenge would make the browser ask its user for a
/// password that is the client's.
fn bad_client(call: &Call, error: &OAuthError) -> Failure {
    let mut response = error::oauth(error);
    if error.code == OAuthErrorCode::UnauthorizedClient {
        return blocked(call).into();
    }
    if wish(&call.request) == Wish::Page && error.code == OAuthErrorCode::InvalidClientMetadata {
        let explanation = format!(
            "The application that sent you here describes itself in a way that this server does not accept. Nothing was shared with \
             it. Please tell whoever runs the application: {}.",
            error.description
        );
        return problem(call, response.status(), "Unknown application", &explanation).into();
    }
    if wish(&call.request) == Wish::Page {
        let explanation = "The application that sent you here is not known to this server: it was removed, or its link is \
                           wrong. Nothing was shared with it. Please tell whoever runs the application.";
        return problem(call, response.status(), "Unknown application", explanation).into();
    }
    response.headers_mut().remove(WWW_AUTHENTICATE);
    response.into()
}

/// An owner does not want this client, or nothing to be sent there.
fn blocked(call: &Call) -> HttpResponse {
    let explanation = "An administrator of this server has blocked it. Nothing was shared with it.";
    problem(call, StatusCode::FORBIDDEN, "This application is blocked", explanation)
}

/// The parameters come from the query string only.
fn read(call: &Call) -> Result<AuthorizeRequest, OAuthError> {
    let query = Form::parse(call.request.query_string().as_bytes())?;
    let (query, repeated): (AuthorizeParams, _) = query.read_with_repeats()?;
    Ok(AuthorizeRequest {
        client_id: query.client_id,
        response_type: query.response_type,
        redirect_uri: query.redirect_uri,
        state: query.state,
        response_mode: query.response_mode,
        request: query.request,
        request_uri: query.request_uri,
        scope: query.scope,
        code_challenge: query.code_challenge,
        code_challenge_method: query.code_challenge_method,
        resources: query.resource,
        nonce: query.nonce,
        prompt: query.prompt,
        max_age: query.max_age,
        acr_values: query.acr_values,
        claims: query.claims,
        id_token_hint: query.id_token_hint,
        registration: query.registration,
        repeated,
    })
}

/// Nothing is sent to a redirect URI that is not registered: a person reads a page, a script reads JSON.
fn bad_redirect_uri(call: &Call, error: &OAuthError) -> HttpResponse {
    let is_post = call.request.method() == Method::POST;
    match wish(&call.request) {
        Wish::Any if is_post => return error::oauth(error),
        Wish::Json => return error::oauth(error),
        Wish::Page | Wish::Any => {}
    }
    if error.code == OAuthErrorCode::ServerError {
        let explanation = "The address to return to that is registered for the application is one that this server sends \
                           nothing to. Nothing was shared with it. Please tell the administrator of this server.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return problem(call, status, "The application cannot be used", explanation);
    }
    let explanation = "The application sent you here with an address to return to that is not registered for it. \
                       Nothing was shared with it. Please tell whoever runs the application.";
    problem(call, StatusCode::BAD_REQUEST, "This request cannot be trusted", explanation)
}

/// All that the page says and the decision rests on: what was asked for, and what comes of it as the app and the user are now.
fn shown(call: &Call, actor: &Principal, consent: &ConsentRequest, profile: &AppProfile) -> String {
    let resource = consent.authorization.resource.as_ref().map_or("", Resource::as_str);
    let parts = [
        call.request.query_string(),
        &consent.told().to_string(),
        consent.redirect_uri.as_str(),
        resource,
        &consent.app.name,
        &profile.display_name,
        &standing(actor),
    ];
    // None of them but the names can hold a line break, and names are of one line.
    parts.join("\n")
}

async fn consent_page(
    call: &Call,
    actor: &Principal,
    consent: &ConsentRequest,
    profile: &AppProfile,
    status: StatusCode,
) -> HandlerResult {
    let user = &actor.account()?.user;
    let scopes = consent_scopes(actor, &consent.told());
    let is_full = consent.authorization.scopes.is_unrestricted();
    let reaches_others = is_full || scopes.iter().any(|scope| scope.caution == Some(Caution::Roles));
    let standing = Some(standing(actor)).filter(|standing| reaches_others && !standing.is_empty());
    let notice = format!(
        "Nothing was allowed: the page you sent was made for another sign-in or another request. You are signed in as \
         {}. Look again before you decide.",
        user.username
    );
    let look = of_pages(call.context()).await;
    let logo = profile.logo.as_ref().map(|logo| logo_path(consent.app.id, logo));
    let page = Consent {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Consent, &shown(call, actor, consent, profile)),
        sign_out_token: &sign_out_token(call, actor),
        notice: Some(notice.as_str()).filter(|_| !status.is_success()),
        user: Person::of(user),
        app_name: Some(profile.display_name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&consent.app.name),
        app_icon: logo.as_deref().or(Some(consent.app.icon.as_str())).filter(|icon| !icon.is_empty()),
        links: AppLink::of(profile),
        registered: if let Some(url) = &consent.document {
            let only_loopback = all_loopback(&consent.app.redirect_uris);
            Registration::Document {
                host: url.host(),
                is_verified: call.context().settings.oauth2.cimd.verifies(url.host()),
                is_elsewhere: leads_elsewhere(consent.redirect_uri.as_str(), url.host()),
                only_loopback,
            }
        } else if registration::is_its_own(call.context(), consent.app.id).await? {
            Registration::Itself { only_loopback: all_loopback(&consent.app.redirect_uris) }
        } else {
            Registration::Administrator
        },
        access: if is_full { Access::Full } else { Access::Scopes(scopes.iter().map(Scope::from).collect()) },
        standing: standing.as_deref(),
        redirect_uri: consent.redirect_uri.as_str(),
        resource: consent.authorization.resource.as_ref().map(Resource::as_str),
        cancel_url: &consent.cancel_location(call.context()),
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
