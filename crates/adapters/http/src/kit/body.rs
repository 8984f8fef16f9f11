//! Bodies of requests, on their way in.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::{Version, header};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use std::pin::{Pin, pin};
use std::time::Duration;

/// How long a client may take to send a body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than so many bytes.
    TooLarge(usize),
    /// It is in another encoding than `identity`.
    Encoded,
    /// It was broken off, is badly framed, or is not what it should be; the text says where.
    Broken(String),
}

/// A body on its way, or the first piece of one; and where the rest comes from.
pub(super) type Ahead = Pin<Box<dyn Future<Output = (Payload, Result<Bytes, BodyError>)>>>;

/// Reads the body of a request, or, if it is to be taken piece by piece, its first piece.
pub(super) fn ahead(request: HttpRequest, mut payload: Payload, limit: usize, streams: bool) -> Ahead {
    Box::pin(async move {
        let read = if streams {
            piece(&mut payload).await.map(Option::unwrap_or_default)
        } else {
            arrive(&request, &mut payload, limit).await
        };
        (payload, read)
    })
}

/// Waits for the body of a request.
pub(super) async fn arrive(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Bytes, BodyError> {
    let headers = request.headers();
    let is_framed = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
    // What comes after a head that asks for another protocol, or for a tunnel, is no body (RFC 9112 6.3).
    if matches!(payload, Payload::None) || (!is_framed && request.version() < Version::HTTP_2) {
        return Ok(Bytes::new());
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge(limit));
    }
    let mut reading = pin!(read(payload, limit, announced));
    // Nearly every body has come with its head, and needs no timer.
    if let Some(read) = reading.as_mut().now_or_never() {
        return read;
    }
    tokio::time::timeout(TIMEOUT, reading)
        .await
        .unwrap_or_else(|late| Err(BodyError::Broken(format!("the body did not arrive in time: {late}"))))
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

/// A body that is taken as it arrives.
pub(crate) struct Arriving {
    payload: Payload,
    /// The first piece, if it is waited for already.
    ahead: Option<Ahead>,
    /// How many bytes may still come.
    left: u64,
    limit: u64,
}

impl Arriving {
    pub(super) fn new(
        request: &HttpRequest,
        payload: Payload,
        ahead: Option<Ahead>,
        limit: u64,
    ) -> Result<Self, BodyError> {
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|text| text.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        Ok(Self { payload, ahead, left: limit, limit })
    }

    /// The next piece; `None` at the end. A client that sends nothing for half a minute has broken off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let first = match self.ahead.take() {
            Some(ahead) => {
                let (payload, first) = ahead.await;
                self.payload = payload;
                // An empty one stands for the end, of which the rest knows.
                Some(first?).filter(|first| !first.is_empty())
            }
            None => None,
        };
        let piece = match first {
            Some(first) => Some(first),
            None => piece(&mut self.payload).await?,
        };
        let Some(piece) = piece else { return Ok(None) };
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or_else(|| too_large(self.limit))?;
        Ok(Some(piece))
    }
}

/// The next piece; `None` at the end.
async fn piece(payload: &mut Payload) -> Result<Option<Bytes>, BodyError> {
    let arrived = tokio::time::timeout(TIMEOUT, payload.next()).await;
    let piece = arrived.map_err(|late| BodyError::Broken(format!("the body did not arrive in time: {late}")))?;
    piece.transpose().map_err(|error: PayloadError| BodyError::Broken(error.to_string()))
}

fn too_large(limit: u64) -> BodyError {
    BodyError::TooLarge(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Whether the body of a request would have to be decoded.
pub(super) fn is_encoded(request: &HttpRequest) -> bool {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|name| {
        let name = name.trim_ascii();
        !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")
    })
}
