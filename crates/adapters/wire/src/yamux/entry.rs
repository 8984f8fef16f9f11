//! What is known of one stream.

use crate::budget::{Budget, Hold};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use std::task::{Context, Waker};
use tokio::time::Instant;

/// What is known of one stream.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each side ends by itself, and has its turn or not")]
pub(super) struct Entry {
    /// What came and was not taken yet.
    pub(super) received: BytesMut,
    /// The same, counted for the session.
    pub(super) hold: Hold,
    /// What the other side may still send.
    pub(super) credit: u32,
    /// What was taken and not given back as credit.
    pub(super) taken: u32,
    /// What this side may still send.
    pub(super) allowed: u32,
    /// What is to be sent.
    pub(super) outgoing: Bytes,
    /// The same, counted for the session until all of it is sent.
    pub(super) sending: Hold,
    /// Whether it has its turn among those that have something to send.
    pub(super) has_turn: bool,
    /// Whether the other side is done.
    pub(super) is_ended: bool,
    /// Whether this side is done once `outgoing` is sent.
    pub(super) is_ending: bool,
    /// Whether this side is done, and has said so.
    pub(super) is_closed: bool,
    /// Since when nobody wants what comes.
    pub(super) left_at: Option<Instant>,
    /// Since when the other side has not acknowledged a stream that this side has opened.
    pub(super) unanswered_since: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Entry {
    pub(super) fn new(window: u32, budget: &Arc<Budget>) -> Self {
        Self {
            received: BytesMut::new(),
            hold: budget.hold(),
            credit: window,
            taken: 0,
            allowed: window,
            outgoing: Bytes::new(),
            sending: budget.hold(),
            has_turn: false,
            is_ended: false,
            is_ending: false,
            is_closed: false,
            left_at: None,
            unanswered_since: None,
            reader: None,
            writer: None,
        }
    }

    /// Whether both sides are done.
    pub(super) const fn is_over(&self) -> bool {
        self.is_ended && self.is_closed
    }

    /// Ends it with its session. Nothing more is sent; the answer is whether something came that is still to be taken.
    pub(super) fn end(&mut self) -> bool {
        self.outgoing = Bytes::new();
        self.sending.release();
        self.unanswered_since = None;
        self.wake_reader();
        self.wake_writer();
        !self.received.is_empty()
    }

    pub(super) fn wait_to_read(&mut self, cx: &Context<'_>) {
        self.reader = Some(cx.waker().clone());
    }

    pub(super) fn wait_to_write(&mut self, cx: &Context<'_>) {
        self.writer = Some(cx.waker().clone());
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

impl Drop for Entry {
    /// Whoever waits learns that there is no such stream any more.
    fn drop(&mut self) {
        self.wake_reader();
        self.wake_writer();
    }
}
