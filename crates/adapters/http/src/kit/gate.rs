//! What every request passes on its way in and out. There is no stack of middlewares: each route goes through one
//! function, in the order that the wire contract fixes: request id, origin, CSRF, credential, rate limit, handler, headers.
//! What it does differently for one endpoint than for another is an attribute of the endpoint or asked of its convention.

use crate::kit::answer::set_header;
use crate::kit::call::Call;
use crate::kit::convention::{Asked, Convention};
use crate::kit::dpop;
use crate::kit::error::{self, Failure};
use crate::kit::extract::path;
use crate::kit::headers;
use crate::kit::limits::{Limit, Party, RateLimit, Standing};
use crate::kit::origins::{self, Callers};
use crate::kit::rates::Counted;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::ids::UserId;
use doorward_domain::roles::OWNER;
use doorward_domain::wire;
use doorward_services::{Error, Origin, Principal};
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-coder-request-id");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Key under which the requests to all OAuth2 endpoints are counted.
const ALL_OF_OAUTH2: &str = "/oauth2";

mod handle;
mod licenses;

pub(crate) use handle::{Handle, Handled, Plain, Public, Recognized, SignedIn};
pub(crate) use licenses::{Moment, Needed};

/// An endpoint: what the route table says about it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// The pattern of its path.
    pub(crate) path: &'static str,
    pub(crate) convention: &'static dyn Convention,
    pub(crate) limit: Limit,
    pub(crate) callers: Callers,
    /// Bodies up to this size, in bytes, are taken whatever the settings say.
    pub(crate) body: usize,
    /// Whether its handler takes the body as it arrives, and sees to how large it gets.
    pub(crate) streams: bool,
    /// Whether no cache may keep its answers, whatever its convention says.
    pub(crate) no_store: bool,
    /// What licences must give.
    pub(crate) needs: Option<Needed>,
    /// What is counted of its answers, besides that they are.
    pub(crate) counts: Option<Counted>,
}

impl Endpoint {
    fn body_limit(&self, call: &Call) -> usize {
        call.site.settings.server.body_limit.max(self.body)
    }
}

/// Why a request is not counted, and where its caller stands.
type Uncounted = (Failure, Option<Standing>);

/// Counts a request against its limit, unless an owner asks to be exempt.
fn count(call: &Call, actor: Option<&Principal>, endpoint: &Endpoint) -> Result<Option<Standing>, Uncounted> {
    if endpoint.limit != Limit::Off && wants_bypass(&call.request) {
        let account = actor.and_then(Principal::as_account);
        if account.is_some_and(|account| account.user.roles.contains(OWNER)) {
            return Ok(None);
        }
        let message = "Only owners can bypass rate limits.";
        return Err((error::api_error(StatusCode::PRECONDITION_REQUIRED, message, "").into(), None));
    }
    count_for(call, actor.and_then(Principal::user_id), endpoint)
}

/// Counts a request for this user, or for the address from which it came.
fn count_for(call: &Call, user: Option<UserId>, endpoint: &Endpoint) -> Result<Option<Standing>, Uncounted> {
    let (limit, key): (&Option<Arc<RateLimit>>, _) = match endpoint.limit {
        // Clients are counted elsewhere; here are those who asked to be exempt.
        Limit::Off | Limit::Client => return Ok(None),
        Limit::Api => (&call.site.api_limit, endpoint.path),
        Limit::Login => (&call.site.login_limit, endpoint.path),
        Limit::OAuth2 => (&call.site.login_limit, ALL_OF_OAUTH2),
        Limit::Files => (&call.site.files_limit, endpoint.path),
    };
    let Some(limit) = limit else { return Ok(None) };
    let party = user.map_or_else(|| Party::of_address(call.address()), Party::User);
    let standing = limit.check(party, key, call.now());
    if standing.retry_after.is_none() {
        return Ok(Some(standing));
    }
    Err((Failure::Spent(standing), Some(standing)))
}

fn wants_bypass(request: &HttpRequest) -> bool {
    let value = request.headers().get(wire::BYPASS_RATE_LIMIT_HEADER).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
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
    let convention = endpoint.convention;
    let mut call = Call::new(Arc::clone(&site), request, convention, payload);
    let mut response = if convention.is_lean() {
        guarded(endpoint, handler, call).await
    } else {
        let id: Uuid = site.context.random.id(call.now());
        let span = tracing::info_span!("request", %id, method = %call.request.method(), route = endpoint.path);
        let (ip, user_agent) = (call.address().to_string(), user_agent(&call.request));
        call.origin = Arc::new(Origin { ip, user_agent, request_id: Some(id) });
        let answering = pin!(guarded(endpoint, handler, call));
        let mut response = answering.instrument(span.clone()).await;
        set_header(response.headers_mut(), REQUEST_ID, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        let (status, elapsed) = (response.status().as_u16(), started.elapsed());
        tracing::debug!(target: "doorward_http::access", parent: &span, status, ?elapsed, "answered");
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    convention.dress(headers, &site);
    if endpoint.no_store {
        headers::never_stored(headers);
    }
    below_access_url(&mut response, &site);
    // The method of the route, not of the request: clients can invent methods, and each would be a series of its own.
    site.metrics.observe(endpoint.method.as_str(), endpoint.path, response.status().as_str(), started.elapsed());
    if let Some(rate) = endpoint.counts.and_then(|counted| site.rates.of(counted, response.status())) {
        rate.note(site.context.clock.now());
    }
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
            return (Ok(call.convention.refuse(&call.asked(), &Refusal::too_long())), None).into();
        }
        if let Some(defect) = unreadable(&call.request) {
            return (Err(call.convention.undecodable(defect)), None).into();
        }
        let is_foreign = match endpoint.callers {
            Callers::Own => origins::is_foreign(&call.site, &call.request),
            Callers::OwnAlways => origins::is_from_elsewhere(&call.site, &call.request),
            Callers::AnySite => false,
        };
        if is_foreign {
            let refusal = Refusal::foreign(site.context.settings.issuer());
            return (Ok(call.convention.refuse(&call.asked(), &refusal)), None).into();
        }
        if let Err(unlicensed) = licenses::check(endpoint, Moment::First, &call) {
            return (Err(unlicensed), None).into();
        }
        handler.handle(call, endpoint).await
    });
    let Handled { outcome, standing, warnings } =
        AssertUnwindSafe(guarded).catch_unwind().await.unwrap_or_else(|panic| {
            let text =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let cause = format!("panic: {}", text.unwrap_or("of an unknown kind"));
            (Err(Failure::Api(Error::Internal(cause.into()))), None).into()
        });
    let mut response = outcome.unwrap_or_else(|failure| {
        let asked = Asked { site: &site, request: &request, id };
        failed(endpoint.convention, &asked, failure)
    });
    endpoint.convention.suit(&request, response.headers_mut());
    dpop::give_noted_nonce(&request, response.headers_mut());
    if let Some(standing) = standing {
        rate_headers(&mut response, standing);
    }
    if let Some(warnings) = warnings {
        licenses::warn(&mut response, &warnings);
    }
    response
}

/// Whether the address is longer than any that is of use here. What is longer than 64 KiB never gets this far.
fn is_too_long(request: &HttpRequest) -> bool {
    const MAX: usize = 60 * 1024;
    let uri = request.uri();
    uri.path().len() + uri.query().map_or(0, str::len) > MAX
}

/// What keeps path or query from being decoded. A NUL character is in no text of ours, and PostgreSQL could not store it.
fn unreadable(request: &HttpRequest) -> Option<&'static str> {
    let query = request.query_string();
    let has_nul = !query.is_empty() && query.contains("%00");
    path::defect(request.uri().path()).or(has_nul.then_some("Path and query must not contain NUL characters."))
}

/// The answer to a request that failed, in the form of its convention.
fn failed(convention: &dyn Convention, asked: &Asked<'_>, failure: Failure) -> HttpResponse {
    if let Some(outage) = failure.outage() {
        asked.site.metrics.count_outage(outage);
    }
    match failure {
        Failure::Answer(answer) => *answer,
        Failure::Spent(standing) => convention.refuse(asked, &Refusal::too_many(standing)),
        Failure::OAuth(error) => convention.failed_oauth(asked, &error),
        Failure::Api(error) => convention.failed(asked, error),
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

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
