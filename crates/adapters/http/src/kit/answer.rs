//! Answers: JSON, text, redirects.

use crate::kit::json;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use utoipa::ToSchema;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The body of a 500, which says nothing about the cause.
pub(crate) const INTERNAL: &str = "{\"message\":\"An internal server error occurred.\",\"detail\":\"The cause is in the server's log, under the id of this request.\"}\n";

/// A 500 that tells nothing.
pub(crate) fn internal() -> HttpResponse {
    bytes(StatusCode::INTERNAL_SERVER_ERROR, JSON, Bytes::from_static(INTERNAL.as_bytes()))
}

/// An answer that is a JSON value.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> HttpResponse {
    match json::to_bytes(value) {
        Ok(body) => bytes(status, JSON, body.into()),
        Err(error) => {
            tracing::error!(%error, "writing an answer");
            internal()
        }
    }
}

/// 200 with a JSON value.
pub(crate) fn ok<T: Serialize + ?Sized>(value: &T) -> HttpResponse {
    json(StatusCode::OK, value)
}

/// So many items are turned into JSON before anybody notices.
const SHORT: usize = 500;
/// How much of a long answer is handed to the connection at a time.
const PIECE: usize = 64 * 1024;

/// 200 with a list of so many items. A long one is turned into JSON on another thread and sent in pieces, so that other
/// requests need not wait for a client that sets no limit.
pub(crate) async fn list<T: Serialize>(items: usize, make: impl FnOnce() -> T + Send + 'static) -> HttpResponse {
    if items <= SHORT {
        return ok(&make());
    }
    let written = tokio::task::spawn_blocking(move || json::to_bytes(&make())).await;
    match written.map_err(std::io::Error::from).and_then(|text| text.map_err(std::io::Error::from)) {
        Ok(text) => pieces(StatusCode::OK, JSON, split(text.into())),
        Err(error) => {
            tracing::error!(%error, "writing a list");
            internal()
        }
    }
}

/// The same bytes in pieces, without copying any.
fn split(mut rest: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(rest.len() / PIECE + 1);
    while rest.len() > PIECE {
        pieces.push(rest.split_to(PIECE));
    }
    pieces.push(rest);
    pieces
}

/// 201 with a JSON value.
pub(crate) fn created<T: Serialize + ?Sized>(value: &T) -> HttpResponse {
    json(StatusCode::CREATED, value)
}

/// 204.
pub(crate) fn no_content() -> HttpResponse {
    HttpResponse::new(StatusCode::NO_CONTENT)
}

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    bytes(status, TEXT, Bytes::from_static(body.as_bytes()))
}

/// An answer whose body is at hand.
pub(crate) fn bytes(status: StatusCode, content_type: HeaderValue, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, actix_web::body::BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// An answer whose body is at hand in pieces: the connection copies one at a time, where it would copy all of one body.
pub(crate) fn pieces(status: StatusCode, content_type: HeaderValue, pieces: Vec<Bytes>) -> HttpResponse {
    let len = pieces.iter().map(|piece| piece.len() as u64).sum();
    let body = Pieces { left: pieces.into(), len };
    let mut response = HttpResponse::with_body(status, actix_web::body::BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// A body of known length in pieces.
#[derive(Debug)]
struct Pieces {
    left: VecDeque<Bytes>,
    len: u64,
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.len)
    }

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.left.pop_front().map(Ok))
    }
}

/// A redirect. Control characters never reach the header: an address that has any leads to our own start page.
pub(crate) fn redirect(status: StatusCode, location: &str) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Sets a header if it is not there yet.
pub(crate) fn default_header(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

/// Sets a header whose value is made at run time; what cannot stand in a header is left out.
pub(crate) fn set_header(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// What an API answer says when it carries no resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Response)]
pub(crate) struct Message {
    /// For a human.
    pub(crate) message: &'static str,
}

/// 200 with a message only.
pub(crate) fn message(message: &'static str) -> HttpResponse {
    ok(&Message { message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn a_long_list_is_the_same_list_in_pieces() {
        for many in [0_usize, 1, SHORT, SHORT + 1, 50_000] {
            let numbers: Vec<String> = (0..many).map(|n| format!("number {n}")).collect();
            let expected = json::to_bytes(&numbers).unwrap();
            let answer = list(many, move || numbers).await;
            assert_eq!(answer.headers().get(header::CONTENT_TYPE), Some(&JSON));
            assert_eq!(to_bytes(answer.into_body()).await.unwrap(), expected, "{many}");
        }
        assert!(split(Bytes::from(vec![b' '; 3 * PIECE + 1])).iter().all(|piece| piece.len() <= PIECE));
    }
}
