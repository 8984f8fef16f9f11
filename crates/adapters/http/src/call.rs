//! A request on its way to its handler.

use crate::error::{Failure, bad_body};
use crate::extract::form::Form;
use crate::extract::path;
use crate::extract::query::StrictQuery;
use crate::gate::Area;
use crate::site::Site;
use crate::tally::Tally;
use crate::{error, json, screens};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::users::UserRef;
use doorward_services::{Actor, Context, OAuthError, Origin};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What a handler answers.
pub(crate) type Outcome = Result<HttpResponse, Failure>;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that was let in. The body is read when the handler asks for it, so that everything that comes before it in
/// the order of checks has been checked.
pub(crate) struct Call {
    pub(crate) site: Arc<Site>,
    pub(crate) request: HttpRequest,
    pub(crate) origin: Origin,
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
    pub(crate) fn new(site: Arc<Site>, request: HttpRequest, origin: Origin, area: Area, payload: Payload) -> Self {
        Self { site, request, origin, area, by_cookie: false, tally: Tally::default(), is_counted: true, payload }
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
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let body = self.bytes(self.site.settings.body_limit).await?;
        json::from_bytes(&body).map_err(|detail| bad_body(&detail))
    }

    /// The body as it is, for an endpoint of the API with a limit of its own.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Bytes, Failure> {
        self.body(limit).await.map_err(|problem| match problem {
            BodyError::TooLarge(limit) => {
                let detail = format!("At most {limit} bytes are accepted.");
                error::api_error(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large.", &detail).into()
            }
            BodyError::Encoded => {
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                accepting_identity(error::api_error(status, "Content-Encoding is not supported.", ENCODED)).into()
            }
            BodyError::Broken(detail) => bad_body(&detail),
        })
    }

    /// The body as JSON, of a request about an organization: that it can be read is looked at before what is asked.
    pub(crate) async fn json_within_organization<T: DeserializeOwned>(&mut self, actor: &Actor) -> Result<T, Failure> {
        match self.json().await {
            Ok(body) => Ok(body),
            Err(broken) => {
                organizations::find(self.context(), actor, &self.organization()).await?;
                Err(broken)
            }
        }
    }

    /// The body as a form; its content type does not matter.
    pub(crate) async fn form(&mut self) -> Result<Form, Failure> {
        let invalid = |description| OAuthError::new(OAuthErrorCode::InvalidRequest, description);
        let (status, error) = match self.body(self.site.settings.body_limit).await {
            Ok(body) => match Form::parse(&body) {
                Ok(form) => return Ok(form),
                Err(error) => (StatusCode::BAD_REQUEST, error),
            },
            Err(BodyError::TooLarge(limit)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, invalid(format!("the body is larger than {limit} bytes")))
            }
            Err(BodyError::Encoded) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, invalid(ENCODED.to_owned())),
            Err(BodyError::Broken(detail)) => (StatusCode::BAD_REQUEST, invalid(detail)),
        };
        let answer = match self.area {
            Area::Consent | Area::Page => {
                let explanation = "What your browser sent cannot be read. Please go back and try again.";
                screens::problem(self, status, "This did not work", explanation)
            }
            Area::Api | Area::OAuth2 | Area::Document => error::oauth_body(status, &error),
        };
        let encoded = status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Err(if encoded { accepting_identity(answer) } else { answer }.into())
    }

    async fn body(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let encodings = self.request.headers().get_all(header::CONTENT_ENCODING);
        if encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(is_encoding) {
            return Err(BodyError::Encoded);
        }
        let announced = self.request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        if announced > limit {
            return Err(BodyError::TooLarge(limit));
        }
        let reading = read(&mut self.payload, limit, announced);
        tokio::time::timeout(BODY_TIMEOUT, reading)
            .await
            .unwrap_or_else(|late| Err(BodyError::Broken(format!("the body did not arrive in time: {late}"))))
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

async fn read(payload: &mut Payload, limit: usize, announced: usize) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error: PayloadError| BodyError::Broken(error.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Nearly every body is one chunk, which needs no copy.
        if body.is_empty() && chunk.len() >= announced && announced > 0 {
            return Ok(chunk);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
