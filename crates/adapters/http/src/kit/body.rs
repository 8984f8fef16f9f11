//! Bodies of requests, on their way in.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::{Version, header};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;
use tokio::time::error::Elapsed;

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

/// The body of a request on its way in. A part of it may be here before anybody asks for it.
pub(crate) struct Inlet {
    payload: Payload,
    /// Whether there is a body: what comes after a head that asks for another protocol, or for a tunnel, is none
    /// (RFC 9112 6.3).
    is_body: bool,
    /// How long it is, as its head says.
    announced: Option<usize>,
    /// How much of it has come.
    arrived: usize,
    /// What has come and was not taken yet.
    pieces: VecDeque<Bytes>,
    /// How large these are together.
    held: usize,
    /// Set when nothing more comes; to what is wrong, if it was broken off.
    end: Option<Result<(), String>>,
}

/// Of a request without a body.
impl Default for Inlet {
    fn default() -> Self {
        Self {
            payload: Payload::None,
            is_body: false,
            announced: None,
            arrived: 0,
            pieces: VecDeque::new(),
            held: 0,
            end: None,
        }
    }
}

impl Inlet {
    pub(super) fn new(request: &HttpRequest, payload: Payload) -> Self {
        let headers = request.headers();
        let is_framed = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        let is_body = !matches!(payload, Payload::None) && (is_framed || request.version() >= Version::HTTP_2);
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced = announced.and_then(|text| text.parse().ok());
        Self { payload, is_body, announced, ..Self::default() }
    }

    /// What comes after the head, of which nothing was taken.
    pub(super) fn into_payload(self) -> Payload {
        self.payload
    }

    /// Takes in what comes, up to so many bytes, while something else is waited for. Ready when it is broken: the connection
    /// takes an answer at that moment, and none later.
    pub(crate) fn watch(&mut self, context: &mut TaskContext<'_>, most: usize) -> Poll<BodyError> {
        loop {
            match &self.end {
                Some(Err(broken)) => return Poll::Ready(BodyError::Broken(broken.clone())),
                Some(Ok(())) => return Poll::Pending,
                None => {}
            }
            let is_whole = self.announced.is_some_and(|length| self.arrived >= length);
            if !self.is_body || is_whole || self.held >= most {
                return Poll::Pending;
            }
            match self.poll_payload(context) {
                Poll::Ready(Some(piece)) => {
                    self.held += piece.len();
                    self.pieces.push_back(piece);
                }
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Waits for the whole body.
    pub(super) async fn arrive(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if !self.is_body {
            return Ok(Bytes::new());
        }
        if self.announced.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge(limit));
        }
        let mut reading = pin!(self.read(limit));
        // Nearly every body has come with its head, and needs no timer.
        if let Some(read) = reading.as_mut().now_or_never() {
            return read;
        }
        tokio::time::timeout(TIMEOUT, reading).await.unwrap_or_else(|late| Err(too_late(&late)))
    }

    /// Reads to the announced length, or to the end: behind a head that asks for another protocol the payload has none.
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut body = BytesMut::new();
        while self.announced.is_none_or(|length| body.len() < length)
            && let Some(piece) = self.next().await?
        {
            if body.len() + piece.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
            // Nearly every body is one piece, which needs no copy.
            if body.is_empty() && self.announced == Some(piece.len()) {
                return Ok(piece);
            }
            body.extend_from_slice(&piece);
        }
        body.truncate(self.announced.unwrap_or(usize::MAX));
        Ok(body.freeze())
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        if let Some(piece) = self.pieces.pop_front() {
            self.held -= piece.len();
            return Poll::Ready(Ok(Some(piece)));
        }
        if self.end.is_none()
            && let Some(piece) = ready!(self.poll_payload(context))
        {
            return Poll::Ready(Ok(Some(piece)));
        }
        Poll::Ready(match &self.end {
            Some(Err(broken)) => Err(BodyError::Broken(broken.clone())),
            Some(Ok(())) | None => Ok(None),
        })
    }

    /// What comes next; notes the end.
    fn poll_payload(&mut self, context: &mut TaskContext<'_>) -> Poll<Option<Bytes>> {
        Poll::Ready(match ready!(self.payload.poll_next_unpin(context)) {
            Some(Ok(piece)) => {
                self.arrived = self.arrived.saturating_add(piece.len());
                Some(piece)
            }
            Some(Err(broken)) => {
                self.end = Some(Err(broken.to_string()));
                None
            }
            None => {
                self.end = Some(Ok(()));
                None
            }
        })
    }
}

fn too_late(late: &Elapsed) -> BodyError {
    BodyError::Broken(format!("the body did not arrive in time: {late}"))
}

/// Does `work` beside [`Inlet::watch`], which may end it.
pub(crate) async fn beside<T>(
    mut work: Pin<&mut impl Future<Output = T>>,
    mut watch: impl FnMut(&mut TaskContext<'_>) -> Poll<BodyError>,
) -> Result<T, BodyError> {
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => watch(context).map(Err),
    })
    .await
}

/// A body that is taken as it arrives.
pub(crate) struct Arriving {
    inlet: Rc<RefCell<Inlet>>,
    /// How many bytes may still come.
    left: u64,
    limit: u64,
}

impl Arriving {
    pub(super) fn new(inlet: Rc<RefCell<Inlet>>, limit: u64) -> Result<Self, BodyError> {
        let announced = inlet.borrow().announced.and_then(|length| u64::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        Ok(Self { inlet, left: limit, limit })
    }

    /// The next piece; `None` at the end. A client that sends nothing for half a minute has broken off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let arriving = poll_fn(|context| self.inlet.borrow_mut().poll_next(context));
        let piece = tokio::time::timeout(TIMEOUT, arriving).await.map_err(|late| too_late(&late))??;
        let Some(piece) = piece else { return Ok(None) };
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(size).ok_or_else(|| too_large(self.limit))?;
        Ok(Some(piece))
    }
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
