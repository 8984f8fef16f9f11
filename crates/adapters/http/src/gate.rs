//! What every request passes on its way in and out. There is no stack of middlewares: each route goes through one
//! function, which does exactly what its area asks for, in the order that the wire contract fixes: request id, origin,
//! CSRF, credential, rate limit, handler, headers.

use crate::accept::{Wish, wish};
use crate::answer::{default_header, set_header};
use crate::call::Call;
use crate::error::{self, Failure};
use crate::extract::path;
use crate::limits::{Party, RateLimit, Standing};
use crate::origins::Callers;
use crate::site::Site;
use crate::{cors, origins, scim, screens};
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::roles::OWNER;
use doorward_domain::wire;
use doorward_services::{Error, OAuthError, Origin, Principal};
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-coder-request-id");
const BUILD_VERSION: HeaderName = HeaderName::from_static("x-coder-build-version");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Key under which the requests to all OAuth2 endpoints are counted.
const ALL_OF_OAUTH2: &str = "/oauth2";

mod handle;

pub(crate) use handle::{Handle, Public, Recognized, SignedIn};

/// Which conventions an endpoint follows, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// `/api/v2`: JSON, CSRF check, request id.
    Api,
    /// `/oauth2` but for `/oauth2/authorize`: OAuth2 errors, never cached, open to any origin.
    OAuth2,
    /// `/oauth2/authorize`: pages for people, never cached, closed to other origins.
    Consent,
    /// `/scim`: SCIM errors.
    Scim,
    /// `/.well-known`: documents, open to any origin, and as lean as can be.
    Document,
    /// Everything else: pages and probes.
    Page,
}

impl Area {
    pub(crate) fn of(path: &str) -> Self {
        if path == "/oauth2/authorize" {
            return Self::Consent;
        }
        match path.split('/').nth(1) {
            Some("api") => Self::Api,
            Some("oauth2") => Self::OAuth2,
            Some("scim") => Self::Scim,
            Some(".well-known") => Self::Document,
            Some(_) | None => Self::Page,
        }
    }
}

/// Which limit counts the requests to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// None.
    Off,
    /// That of the API, per endpoint.
    Api,
    /// That of sign-in, per endpoint.
    Login,
    /// That of sign-in, for all that people do below `/oauth2` together.
    OAuth2,
    /// That of OAuth2 clients, see [`crate::tally`].
    Client,
}

/// An endpoint: what the route table says about it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// The pattern of its path.
    pub(crate) path: &'static str,
    pub(crate) area: Area,
    pub(crate) limit: Limit,
    pub(crate) callers: Callers,
    /// Bodies up to this size are taken whatever the settings say.
    pub(crate) body: usize,
}

impl Endpoint {
    fn body_limit(&self, call: &Call) -> usize {
        call.site.settings.server.body_limit.max(self.body)
    }
}

/// Why a request is not counted, and where its caller stands.
pub(crate) type Refusal = (Failure, Option<Standing>);

/// The refusal of a client that has sent one request too many.
pub(crate) fn refusal(standing: Standing) -> Refusal {
    (spent(standing).into(), Some(standing))
}

/// Counts a request against its limit, unless an owner asks to be exempt.
fn count(call: &Call, actor: Option<&Principal>, endpoint: &Endpoint) -> Result<Option<Standing>, Refusal> {
    if endpoint.limit != Limit::Off && wants_bypass(&call.request) {
        let account = actor.and_then(Principal::as_account);
        if account.is_some_and(|account| account.user.roles.iter().any(|role| role == OWNER)) {
            return Ok(None);
        }
        let message = "Only owners can bypass rate limits.";
        return Err((error::api_error(StatusCode::PRECONDITION_REQUIRED, message, "").into(), None));
    }
    let (limit, key): (&Option<Arc<RateLimit>>, _) = match endpoint.limit {
        // Clients are counted elsewhere; here are those who asked to be exempt.
        Limit::Off | Limit::Client => return Ok(None),
        Limit::Api => (&call.site.api_limit, endpoint.path),
        Limit::Login => (&call.site.login_limit, endpoint.path),
        Limit::OAuth2 => (&call.site.login_limit, ALL_OF_OAUTH2),
    };
    let Some(limit) = limit else { return Ok(None) };
    let user = actor.and_then(Principal::user_id);
    let party = user.map_or_else(|| Party::of_address(call.address()), Party::User);
    let standing = limit.check(party, key, call.now());
    if standing.retry_after.is_none() {
        return Ok(Some(standing));
    }
    Err((too_many(call, endpoint.area, standing).into(), Some(standing)))
}

fn wants_bypass(request: &HttpRequest) -> bool {
    let value = request.headers().get(wire::BYPASS_RATE_LIMIT_HEADER).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn too_many(call: &Call, area: Area, standing: Standing) -> HttpResponse {
    let status = StatusCode::TOO_MANY_REQUESTS;
    match area {
        Area::OAuth2 => spent(standing),
        Area::Scim => scim::error(status, &limit_exceeded(standing)),
        Area::Api | Area::Document => error::api_error(status, &limit_exceeded(standing), ""),
        Area::Consent | Area::Page => screens::problem(call, status, "Too many requests", &limit_exceeded(standing)),
    }
}

/// The same for OAuth2 clients, in a form after which they keep their grants (RFC 6749 5.2).
fn spent(standing: Standing) -> HttpResponse {
    let error = OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, limit_exceeded(standing));
    error::oauth_body(StatusCode::TOO_MANY_REQUESTS, &error)
}

fn limit_exceeded(standing: Standing) -> String {
    format!("You have been rate limited: more than {} requests per minute.", standing.limit)
}

/// Serves one request.
pub(crate) async fn serve<H: Handle>(
    endpoint: &Endpoint,
    handler: &H,
    site: Arc<Site>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let started = Instant::now();
    let mut response = if endpoint.area == Area::Document {
        guarded(endpoint, handler, Call::new(Arc::clone(&site), request, endpoint.area, payload)).await
    } else {
        let mut call = Call::new(Arc::clone(&site), request, endpoint.area, payload);
        let id: Uuid = site.context.random.id(call.now());
        let span = tracing::info_span!("request", %id, method = %call.request.method(), route = endpoint.path);
        let (ip, user_agent) = (call.address().to_string(), user_agent(&call.request));
        call.origin = Arc::new(Origin { ip, user_agent, request_id: Some(id) });
        let answering = pin!(guarded(endpoint, handler, call));
        let mut response = answering.instrument(span.clone()).await;
        id_headers(&mut response, &site, endpoint.area, id);
        let (status, elapsed) = (response.status().as_u16(), started.elapsed());
        tracing::debug!(target: "doorward_http::access", parent: &span, status, ?elapsed, "answered");
        response
    };
    area_headers(&mut response, &site, endpoint);
    below_access_url(&mut response, &site);
    // The method of the route, not of the request: clients can invent methods, and each would be a series of its own.
    site.metrics.observe(endpoint.method.as_str(), endpoint.path, response.status().as_str(), started.elapsed());
    response
}

/// Lets a redirect to a place of ours lead below the path of the access URL, if it has one.
fn below_access_url(response: &mut HttpResponse, site: &Site) {
    let base = site.base();
    if base.is_empty() {
        return;
    }
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    if let Some(place) = location.filter(|location| location.starts_with('/')) {
        let below = format!("{base}{place}");
        set_header(response.headers_mut(), header::LOCATION, &below);
    }
}

/// The handler with its checks. A panic in it is an internal error and ends nothing but this request.
async fn guarded<H: Handle>(endpoint: &Endpoint, handler: &H, call: Call) -> HttpResponse {
    let (site, request, id) = (Arc::clone(&call.site), call.request.clone(), call.origin.request_id);
    // Pinned where it is: to wrap it in another future would copy all of it.
    let guarded = pin!(async {
        if is_too_long(&call.request) {
            return (Ok(too_long(&call, endpoint.area)), None);
        }
        if let Some(defect) = unreadable(&call.request) {
            return (Err(unreadable_refused(endpoint.area, defect)), None);
        }
        if endpoint.callers == Callers::Own && origins::is_foreign(&call.site, &call.request) {
            return (Ok(origins::refused(&call, endpoint.area)), None);
        }
        handler.handle(call, endpoint).await
    });
    let (outcome, standing) = AssertUnwindSafe(guarded).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let cause = format!("panic: {}", text.unwrap_or("of an unknown kind"));
        (Err(Failure::Api(Error::Internal(cause.into()))), None)
    });
    let mut response = outcome.unwrap_or_else(|failure| failed(&site, endpoint.area, &request, failure, id));
    if let Some(standing) = standing {
        rate_headers(&mut response, standing);
    }
    response
}

/// Whether the address is longer than any that is of use here. What is longer than 64 KiB never gets this far.
fn is_too_long(request: &HttpRequest) -> bool {
    const MAX: usize = 60 * 1024;
    let uri = request.uri();
    uri.path().len() + uri.query().map_or(0, str::len) > MAX
}

fn too_long(call: &Call, area: Area) -> HttpResponse {
    const TEXT: &str = "The address is too long.";
    let status = StatusCode::URI_TOO_LONG;
    match area {
        Area::OAuth2 => error::oauth_body(status, &OAuthError::new(OAuthErrorCode::InvalidRequest, TEXT)),
        Area::Scim => scim::error(status, TEXT),
        Area::Api | Area::Document => error::api_error(status, TEXT, ""),
        Area::Consent | Area::Page => screens::problem(call, status, "Address too long", TEXT),
    }
}

/// What keeps path or query from being decoded. A NUL character is in no text of ours, and PostgreSQL could not store it.
fn unreadable(request: &HttpRequest) -> Option<&'static str> {
    let query = request.query_string();
    let has_nul = !query.is_empty() && query.contains("%00");
    path::defect(request.uri().path()).or(has_nul.then_some("Path and query must not contain NUL characters."))
}

fn unreadable_refused(area: Area, text: &'static str) -> Failure {
    match area {
        Area::OAuth2 | Area::Consent => OAuthError::new(OAuthErrorCode::InvalidRequest, text).into(),
        Area::Api | Area::Scim | Area::Document | Area::Page => Error::invalid(text).into(),
    }
}

/// The answer to a request that failed, in the form of its area.
fn failed(site: &Site, area: Area, request: &HttpRequest, failure: Failure, id: Option<Uuid>) -> HttpResponse {
    if let Some(outage) = failure.outage() {
        site.metrics.count_outage(outage);
    }
    match (failure, area) {
        (Failure::Answer(answer), _) => *answer,
        (Failure::OAuth(error), Area::Consent | Area::Page) if wish(request) == Wish::Page => {
            screens::refused(site, &error, id)
        }
        (Failure::Spent(standing), _) => spent(standing),
        (Failure::OAuth(error), _) => error::oauth(&error),
        (Failure::Api(Error::Internal(cause)), Area::OAuth2) => error::oauth(
            &OAuthError::new(OAuthErrorCode::ServerError, "the server cannot answer now").because(cause.to_string()),
        ),
        (Failure::Api(Error::Unavailable { outage, cause }), Area::OAuth2) => {
            error::oauth(&OAuthError::unavailable(outage, cause))
        }
        (Failure::Api(error), Area::Scim) => scim::of(&error, &error::api(site, request.uri().path(), &error)),
        (Failure::Api(error), Area::Api | Area::OAuth2 | Area::Document) => {
            error::api(site, request.uri().path(), &error)
        }
        (Failure::Api(error), Area::Consent | Area::Page) if wish(request) == Wish::Json => {
            error::api(site, request.uri().path(), &error)
        }
        (Failure::Api(error), Area::Consent | Area::Page) => screens::failure(site, request, &error, id),
    }
}

fn user_agent(request: &HttpRequest) -> String {
    const MAX: usize = 256;
    // Bytes that are no text are replaced, so that what the client did say stays.
    let value = request.headers().get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.unwrap_or_default().chars().take(MAX).collect()
}

fn rate_headers(response: &mut HttpResponse, standing: Standing) {
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(standing.reset));
    if let Some(seconds) = standing.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn id_headers(response: &mut HttpResponse, site: &Site, area: Area, id: Uuid) {
    let headers = response.headers_mut();
    set_header(headers, REQUEST_ID, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    if matches!(area, Area::Api | Area::OAuth2 | Area::Scim) {
        set_header(headers, BUILD_VERSION, &site.build_version);
    }
}

fn area_headers(response: &mut HttpResponse, site: &Site, endpoint: &Endpoint) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match endpoint.area {
        Area::Document => {
            cors::allow(headers);
            return;
        }
        Area::OAuth2 => cors::allow(headers),
        Area::Api | Area::Scim | Area::Consent | Area::Page => {}
    }
    let is_api = matches!(endpoint.area, Area::Api | Area::OAuth2 | Area::Scim);
    if is_api {
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        default_header(headers, header::CONTENT_SECURITY_POLICY, policy);
    }
    default_header(headers, header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    default_header(headers, header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if matches!(endpoint.area, Area::OAuth2 | Area::Consent) || endpoint.path.starts_with("/api/v2/oauth2-provider/") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    } else if is_api {
        default_header(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(age) = site.settings.hsts {
        set_header(headers, header::STRICT_TRANSPORT_SECURITY, &format!("max-age={}", age.as_secs()));
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
