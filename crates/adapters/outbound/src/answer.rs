//! Sending a request over a connection, and reading its answer within the limits.

use crate::dial::HEAD;
use crate::network::Connection;
use crate::target::Target;
use crate::tls::{defect, rustls_error};
use doorward_domain::Secret;
use doorward_ports::fetch::{Answer, ContentType, FailureClass, FetchError, Method, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::io;
use std::pin::pin;

const USER_AGENT: &str = concat!("Doorward/", env!("CARGO_PKG_VERSION"));

/// Headers that belong to the exchange and not to the caller, and those by which a request would say who sends it to whom it does
/// not know.
const REFUSED: [&str; 18] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The request as it is sent.
pub(crate) fn prepare(target: &Target, request: &Request) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
    let refused = |why: String| FetchError::new(FailureClass::Request, why);
    let path = target.url.as_str().get(target.url[..url::Position::BeforePath].len()..).unwrap_or("/");
    let mut made = hyper::Request::builder()
        .uri(path)
        .header("host", target.authority())
        .header("user-agent", USER_AGENT)
        .header("accept", accept(request.content))
        .header("accept-encoding", "identity")
        .header("connection", "close");
    for (name, value) in &request.headers {
        if REFUSED.contains(name) {
            return Err(refused(format!("the header {name} is not the caller's")));
        }
        let name = HeaderName::from_lowercase(name.as_bytes());
        let name = name.map_err(|_invalid| refused("a header has a name that is none".to_owned()))?;
        let value = HeaderValue::from_str(value.expose());
        let mut value =
            value.map_err(|_invalid| refused(format!("the header {name} has no value that can be sent")))?;
        value.set_sensitive(true);
        made = made.header(name, value);
    }
    let body = match &request.method {
        Method::Get => Bytes::new(),
        Method::Delete => {
            made = made.method("DELETE");
            Bytes::new()
        }
        Method::Post { content_type, body } => {
            made = made.method("POST").header("content-type", *content_type);
            Bytes::copy_from_slice(body.expose())
        }
    };
    made.body(Full::new(body)).map_err(|error| refused(format!("it cannot be sent: {error}")))
}

fn accept(content: ContentType) -> String {
    match content {
        ContentType::Any => "*/*".to_owned(),
        ContentType::Json => "application/json".to_owned(),
        ContentType::OneOf(types) => types.join(", "),
    }
}

/// Sends it and reads the answer.
pub(crate) async fn exchange(
    stream: Connection,
    sent: hyper::Request<Full<Bytes>>,
    request: &Request,
) -> Result<Answer, FetchError> {
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(HEAD).max_header_size(HEAD).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| explain(&error))?;
    let answer = async move {
        let answer = sender.send_request(sent).await.map_err(|error| explain(&error))?;
        read(answer, request).await
    };
    let (mut answer, connection) = (pin!(answer), pin!(connection));
    // The connection is driven here and not in a task of its own, so that nothing stays when the caller goes away. It may end before
    // the last of the body is read, and whatever it ends with is told to the one who reads.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

async fn read(answer: hyper::Response<Incoming>, request: &Request) -> Result<Answer, FetchError> {
    let (head, body) = answer.into_parts();
    let status = head.status.as_u16();
    let not_modified = status == 304 && is_conditional(request);
    let is_redirect = (300..400).contains(&status);
    let taken = not_modified
        || (200..300).contains(&status)
        || (request.any_status && status >= 400)
        || (request.with_redirects && is_redirect);
    if !taken {
        return Err(FetchError::new(FailureClass::Status, format!("it answers {status}")));
    }
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !head.headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err(FetchError::new(FailureClass::ContentType, "it is compressed, which was not asked for"));
    }
    if !not_modified && !is_wanted(&head.headers, request.content) {
        return Err(FetchError::new(FailureClass::ContentType, "it is of another type than was asked for"));
    }
    let too_large = || FetchError::new(FailureClass::Size, format!("it has more than {} bytes", request.body_limit));
    // What is announced is believed only when it is too much.
    if body.size_hint().lower() > u64::try_from(request.body_limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let body = match Limited::new(body, request.body_limit).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(error) => {
            let error = error.downcast_ref::<hyper::Error>();
            return Err(error.map_or_else(|| FetchError::new(FailureClass::Connection, "the body broke off"), explain));
        }
    };
    let text =
        |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    Ok(Answer { status, headers: head.headers.iter().filter_map(text).collect(), body: Secret::new(body) })
}

/// Whether the caller has something already, and asks only for what is newer.
fn is_conditional(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| matches!(*name, "if-none-match" | "if-modified-since"))
}

/// Whether the answer is of a type that is taken, whatever its parameters.
fn is_wanted(headers: &HeaderMap, content: ContentType) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match content {
        ContentType::Any => true,
        ContentType::Json => {
            let kind = media.strip_prefix("application/");
            kind.is_some_and(|kind| kind == "json" || kind.strip_suffix("+json").is_some_and(|kind| !kind.is_empty()))
        }
        ContentType::OneOf(types) => types.contains(&media.as_str()),
    }
}

/// What went wrong with the connection or what came over it.
fn explain(error: &hyper::Error) -> FetchError {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let mut tls = causes.filter_map(|cause| rustls_error(cause.downcast_ref::<io::Error>()?));
    if let Some(error) = tls.next() {
        return FetchError::new(FailureClass::Tls, defect(error));
    }
    if error.is_parse_too_large() {
        return FetchError::new(FailureClass::Size, format!("its head has more than {HEAD} bytes, or too many lines"));
    }
    if error.is_parse() {
        return FetchError::new(FailureClass::Parse, format!("it is no HTTP: {error}"));
    }
    FetchError::new(FailureClass::Connection, format!("the connection broke: {error}"))
}
