//! Bodies that are made while they are sent, and never held as a whole.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many pieces wait to be sent.
const WAITING: usize = 2;
/// For so long a client may take nothing.
const STUCK_MAX: Duration = Duration::from_secs(30);

/// The rest of the answer cannot be made: the connection is closed, so that nobody takes what was sent for all.
#[derive(Debug, thiserror::Error)]
#[error("the rest of the answer cannot be made")]
pub(crate) struct Broken;

/// Where the pieces of a body are given.
pub(crate) struct Writer(Sender<Result<Bytes, Broken>>);

/// A body in pieces, of unknown length.
struct Streamed(Receiver<Result<Bytes, Broken>>);

/// An answer whose body is what is written, until the writer is dropped.
pub(crate) fn streamed(content_type: HeaderValue) -> (HttpResponse, Writer) {
    let (writer, pieces) = channel(WAITING);
    let mut response = HttpResponse::with_body(StatusCode::OK, BoxBody::new(Streamed(pieces)));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    (response, Writer(writer))
}

impl Writer {
    /// Sends a piece, as soon as there is room; `false` when the client has gone, or takes nothing.
    pub(crate) async fn write(&self, piece: impl Into<Bytes>) -> bool {
        // A piece of no length would end the body.
        let piece: Bytes = piece.into();
        piece.is_empty() || matches!(tokio::time::timeout(STUCK_MAX, self.0.send(Ok(piece))).await, Ok(Ok(())))
    }

    /// Waits until the client has gone.
    pub(crate) async fn left(&self) {
        self.0.closed().await;
    }

    /// Breaks the body off.
    pub(crate) async fn fail(self) {
        let _gone = tokio::time::timeout(STUCK_MAX, self.0.send(Err(Broken))).await;
    }
}

impl MessageBody for Streamed {
    type Error = Broken;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        self.0.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

    #[actix_web::test]
    async fn pieces_come_in_their_order_and_no_more_wait_than_a_few() {
        let (response, writer) = streamed(TEXT);
        for piece in ["a", "", "b"] {
            assert!(writer.write(piece).await);
        }
        assert!(tokio::time::timeout(Duration::from_millis(1), writer.write("c")).await.is_err(), "there is no room");
        drop(writer);
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "ab");
    }

    #[actix_web::test]
    async fn a_body_that_is_broken_off_is_no_whole_body() {
        let (response, writer) = streamed(TEXT);
        assert!(writer.write("a").await);
        writer.fail().await;
        assert!(to_bytes(response.into_body()).await.is_err());
    }

    #[actix_web::test]
    async fn a_client_that_has_gone_is_noticed() {
        let (response, writer) = streamed(TEXT);
        drop(response);
        writer.left().await;
        assert!(!writer.write("a").await);
    }
}
