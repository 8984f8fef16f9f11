//! Whoever only listens at a WebSocket.

use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

/// How often a listener is asked whether it is there.
const ASKED_EVERY: Duration = Duration::from_secs(30);
/// One that has not answered so many questions in a row is gone, though nobody has said so.
const SILENT_MAX: u32 = 2;
/// For so long a listener may take nothing of what it is sent.
const STUCK_MAX: Duration = Duration::from_secs(30);

/// Somebody who listens, and is asked now and then whether they are still there: a connection of which only one end is left would
/// keep its place for ever.
pub(crate) struct Listener {
    out: Session,
    messages: MessageStream,
    questions: Interval,
    unanswered: u32,
}

impl Listener {
    /// `largest`: the longest message that is taken; none is expected.
    pub(crate) fn new(out: Session, messages: MessageStream, largest: usize) -> Self {
        let mut questions = interval_at(Instant::now() + ASKED_EVERY, ASKED_EVERY);
        questions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { out, messages: messages.max_frame_size(largest), questions, unanswered: 0 }
    }

    /// Waits until the listener goes, or is found to be gone. May be dropped while it waits and be begun anew.
    pub(crate) async fn left(&mut self) {
        loop {
            tokio::select! {
                said = self.messages.recv() => {
                    // Listeners have nothing to say.
                    self.unanswered = 0;
                    match said {
                        Some(Ok(Message::Ping(bytes))) => {
                            if !taken(self.out.pong(&bytes)).await {
                                return;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        Some(Ok(
                            Message::Text(_) | Message::Binary(_) | Message::Continuation(_) | Message::Pong(_) | Message::Nop,
                        )) => {}
                    }
                }
                _ = self.questions.tick() => {
                    if self.unanswered >= SILENT_MAX {
                        return;
                    }
                    self.unanswered += 1;
                    if !taken(self.out.ping(b"")).await {
                        return;
                    }
                }
            }
        }
    }

    /// Sends a message; `false` when the listener has gone, or takes nothing.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        taken(self.out.text(text)).await
    }

    /// Ends it, with this code.
    pub(crate) async fn close(self, code: CloseCode) {
        // It may be gone already.
        let _gone = timeout(STUCK_MAX, self.out.close(Some(CloseReason { code, description: None }))).await;
    }
}

async fn taken(sent: impl Future<Output = Result<(), actix_ws::Closed>>) -> bool {
    matches!(timeout(STUCK_MAX, sent).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::dev::Payload;
    use actix_web::error::PayloadError;
    use actix_web::http::header;
    use actix_web::test::TestRequest;
    use actix_web::web::{self, Bytes};
    use actix_web::{FromRequest as _, HttpResponse};
    use futures_util::stream::{Stream, StreamExt as _, pending, unfold};
    use std::pin::Pin;

    /// A listener who says this, and the answer, with which the connection would end.
    async fn listener(says: impl Stream<Item = Bytes> + 'static) -> (Listener, HttpResponse) {
        let request = TestRequest::get()
            .insert_header((header::CONNECTION, "upgrade"))
            .insert_header((header::UPGRADE, "websocket"))
            .insert_header((header::SEC_WEBSOCKET_VERSION, "13"))
            .insert_header((header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="))
            .to_http_request();
        let says: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(says.map(Ok));
        let mut payload = Payload::Stream { payload: says };
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        let (answer, out, messages) = actix_ws::handle(&request, payload).unwrap();
        (Listener::new(out, messages, 4096), answer)
    }

    #[actix_web::test]
    async fn one_who_answers_nothing_is_found_to_be_gone() {
        tokio::time::pause();
        let (mut listener, _answer) = listener(pending()).await;
        let waited = Instant::now();
        // However often the wait is begun anew.
        while timeout(ASKED_EVERY / 3, listener.left()).await.is_err() {
            assert!(waited.elapsed() < ASKED_EVERY * 10, "it keeps its place for ever");
        }
        assert!(waited.elapsed() > ASKED_EVERY * SILENT_MAX);
    }

    #[actix_web::test]
    async fn one_who_answers_stays() {
        tokio::time::pause();
        let answers = unfold((), async |()| {
            tokio::time::sleep(ASKED_EVERY).await;
            // An empty pong (RFC 6455 5.5.3).
            Some((Bytes::from_static(&[0x8a, 0x80, 1, 2, 3, 4]), ()))
        });
        let (mut listener, _answer) = listener(answers).await;
        assert!(timeout(ASKED_EVERY * 10, listener.left()).await.is_err());
    }
}
