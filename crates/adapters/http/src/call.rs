//! A request on its way to its handler.

use crate::error::{Failure, bad_body};
use crate::extract::client_ip::client_ip;
use crate::extract::form::Form;
use crate::extract::path;
use crate::extract::query::StrictQuery;
use crate::gate::Area;
use crate::site::Site;
use crate::tally::Tally;
use crate::{error, json, scim, screens};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, Version, header};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::Instant;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::users::UserRef;
use doorward_services::{Context, OAuthError, Origin, Principal};
use futures_util::{FutureExt as _, StreamExt as _};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What a handler answers.
pub(crate) type Outcome = Result<HttpResponse, Failure>;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that was let in. The body is looked at when the handler asks for it, so that everything that comes before it in
/// the order of checks has been checked; but it has arrived by then, see [`Call::receive`].
pub(crate) struct Call {
    pub(crate) site: Arc<Site>,
    pub(crate) request: HttpRequest,
    pub(crate) origin: Arc<Origin>,
    /// The conventions of the endpoint.
    pub(crate) area: Area,
    /// Whether only a cookie says who sends the request, which another site may have made the browser send: then a form
    /// needs its token.
    pub(crate) by_cookie: bool,
    /// What is told of the client, where clients are counted.
    pub(crate) tally: Tally,
    /// Whether the request is counted; owners can ask not to be.
    pub(crate) is_counted: bool,
    payload: Payload,
    /// The body, once it has arrived.
    received: Bytes,
    now: OnceCell<Instant>,
    address: OnceCell<IpAddr>,
}

/// Why a body could not be read.
enum BodyError {
    TooLarge(usize),
    Encoded,
    Broken(String),
}

/// What is said of a body in another encoding than `identity`.
const ENCODED: &str = "bodies are taken as they are: leave Content-Encoding out";

impl Call {
    pub(crate) fn new(site: Arc<Site>, request: HttpRequest, area: Area, payload: Payload) -> Self {
        Self {
            site,
            request,
            origin: Origin::unknown(),
            area,
            by_cookie: false,
            tally: Tally::default(),
            is_counted: true,
            payload,
            received: Bytes::new(),
            now: OnceCell::new(),
            address: OnceCell::new(),
        }
    }

    /// When the request came: one instant for all that is told of it here.
    pub(crate) fn now(&self) -> Instant {
        *self.now.get_or_init(|| self.context().clock.now())
    }

    /// The address from which the request came, looking behind proxies that are trusted.
    pub(crate) fn address(&self) -> IpAddr {
        *self.address.get_or_init(|| client_ip(&self.request, &self.site.settings.server.trusted_proxies))
    }

    /// For the use cases.
    pub(crate) fn context(&self) -> &Context {
        &self.site.context
    }

    /// The user that the path names.
    pub(crate) fn user(&self) -> UserRef {
        path::user(&self.request)
    }

    /// The organization that the path names.
    pub(crate) fn organization(&self) -> OrganizationRef {
        OrganizationRef::parse(&self.segment("organization"))
    }

    /// A UUID in the path.
    pub(crate) fn id<T: From<Uuid>>(&self, name: &'static str) -> Result<T, Failure> {
        path::id(&self.request, name)
    }

    /// A text in the path.
    pub(crate) fn segment(&self, name: &str) -> Cow<'_, str> {
        path::segment(&self.request, name)
    }

    /// The query string, to be read strictly.
    pub(crate) fn query(&self) -> StrictQuery {
        StrictQuery::new(&self.request)
    }

    /// The body as JSON; its content type does not matter.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let body = self.bytes(self.site.settings.server.body_limit)?;
        json::from_bytes(&body).map_err(|detail| bad_body(&detail))
    }

    /// The body as it is, for an endpoint of the API with a limit of its own.
    pub(crate) fn bytes(&mut self, limit: usize) -> Result<Bytes, Failure> {
        self.body(limit).map_err(bad_bytes)
    }

    /// The body as JSON, of a request about an organization: that it can be read is looked at before what is asked.
    pub(crate) async fn json_within_organization<T: DeserializeOwned>(
        &mut self,
        actor: &Principal,
    ) -> Result<T, Failure> {
        match self.json() {
            Ok(body) => Ok(body),
            Err(broken) => {
                organizations::find(self.context(), actor, &self.organization()).await?;
                Err(broken)
            }
        }
    }

    /// The body as a form; its content type does not matter.
    pub(crate) fn form(&mut self) -> Result<Form, Failure> {
        match self.body(self.site.settings.server.body_limit) {
            Ok(body) => Form::parse(&body).map_err(|error| self.unreadable_form(StatusCode::BAD_REQUEST, &error)),
            Err(problem) => Err(self.bad_form(problem)),
        }
    }

    /// The answer to a body that is no form.
    fn bad_form(&self, problem: BodyError) -> Failure {
        let (status, description) = match problem {
            BodyError::TooLarge(limit) => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
            }
            BodyError::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, ENCODED.to_owned()),
            BodyError::Broken(detail) => (StatusCode::BAD_REQUEST, detail),
        };
        self.unreadable_form(status, &OAuthError::new(OAuthErrorCode::InvalidRequest, description))
    }

    fn unreadable_form(&self, status: StatusCode, error: &OAuthError) -> Failure {
        let answer = match self.area {
            Area::Consent | Area::Page => {
                let explanation = "What your browser sent cannot be read. Please go back and try again.";
                screens::problem(self, status, "This did not work", explanation)
            }
            Area::Api | Area::OAuth2 | Area::Scim | Area::Document => error::oauth_body(status, error),
        };
        let encoded = status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
        if encoded { accepting_identity(answer) } else { answer }.into()
    }

    /// Waits for the body, before the handler does anything. A request whose body is broken off, badly framed or too large is
    /// refused, also where no body is wanted: nothing is done for it (RFC 9112 8).
    pub(crate) async fn receive(&mut self, limit: usize) -> Result<(), Failure> {
        match self.arrive(limit).await {
            Ok(body) => {
                self.received = body;
                Ok(())
            }
            Err(problem) => Err(match self.area {
                Area::Api | Area::Document => bad_bytes(problem),
                Area::Scim => {
                    let is_large = matches!(problem, BodyError::TooLarge(_));
                    let status = if is_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
                    scim::error(status, "The request body cannot be read.").into()
                }
                Area::OAuth2 | Area::Consent | Area::Page => self.bad_form(problem),
            }),
        }
    }

    /// The body that has arrived.
    fn body(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let encodings = self.request.headers().get_all(header::CONTENT_ENCODING);
        if encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(is_encoding) {
            return Err(BodyError::Encoded);
        }
        let body = std::mem::take(&mut self.received);
        if body.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(body) }
    }

    async fn arrive(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let headers = self.request.headers();
        let is_framed = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        // What comes after a head that asks for another protocol, or for a tunnel, is no body (RFC 9112 6.3).
        if matches!(self.payload, Payload::None) || (!is_framed && self.request.version() < Version::HTTP_2) {
            return Ok(Bytes::new());
        }
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|text| text.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge(limit));
        }
        let mut reading = pin!(read(&mut self.payload, limit, announced));
        // Nearly every body has come with its head, and needs no timer.
        if let Some(read) = reading.as_mut().now_or_never() {
            return read;
        }
        tokio::time::timeout(BODY_TIMEOUT, reading)
            .await
            .unwrap_or_else(|late| Err(BodyError::Broken(format!("the body did not arrive in time: {late}"))))
    }
}

/// The answer of the API to a body that cannot be read.
fn bad_bytes(problem: BodyError) -> Failure {
    match problem {
        BodyError::TooLarge(limit) => {
            let detail = format!("At most {limit} bytes are accepted.");
            error::api_error(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large.", &detail).into()
        }
        BodyError::Encoded => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            accepting_identity(error::api_error(status, "Content-Encoding is not supported.", ENCODED)).into()
        }
        BodyError::Broken(detail) => bad_body(&detail),
    }
}

/// Whether a body of this `Content-Encoding` would have to be decoded.
fn is_encoding(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")
}

/// Says in which encodings a body is taken (RFC 9110 15.5.16).
fn accepting_identity(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    answer
}

/// Reads to the announced length, or to the end: behind a head that asks for another protocol the payload has none.
async fn read(payload: &mut Payload, limit: usize, announced: Option<usize>) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::new();
    while announced.is_none_or(|length| body.len() < length)
        && let Some(chunk) = payload.next().await
    {
        let chunk = chunk.map_err(|error: PayloadError| BodyError::Broken(error.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Nearly every body is one chunk, which needs no copy.
        if body.is_empty() && announced == Some(chunk.len()) {
            return Ok(chunk);
        }
        body.extend_from_slice(&chunk);
    }
    body.truncate(announced.unwrap_or(usize::MAX));
    Ok(body.freeze())
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
