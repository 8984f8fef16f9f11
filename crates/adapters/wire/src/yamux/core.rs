//! The rules of a session, without anything that waits: bytes in, bytes out.

use crate::budget::{Budget, Hold};
use crate::fault::Fault;
use crate::limits::Limits;
use crate::yamux::entry::Entry;
use crate::yamux::frame::{Flags, HEADER, Header, Kind};
use crate::yamux::numbers::Numbers;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::time::Instant;

mod opening;
mod time;

/// Most data in one frame that is sent.
const PIECE: usize = 32 * 1024;
/// Most frames without data that are sent as one piece.
const BATCH: usize = 256;

/// Which side this is. Only daemons open streams, and theirs have odd numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Daemon,
}

/// A session, as this side sees it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) limits: Limits,
    side: Side,
    pub(crate) budget: Arc<Budget>,
    /// The beginning of a header.
    head: BytesMut,
    /// The frame whose data is on its way.
    body: Option<Body>,
    streams: BTreeMap<u32, Entry>,
    numbers: Numbers,
    /// Streams that were opened and not looked at.
    opened: VecDeque<u32>,
    /// Frames without data that are to be sent.
    control: VecDeque<Header>,
    /// Streams with something to send that they may send.
    turns: VecDeque<u32>,
    ping: Ping,
    /// Whether this side takes no more streams.
    is_leaving: bool,
    /// Why there can be no more streams, once there cannot.
    over: Option<Fault>,
    /// Whether something is handed over to be sent.
    is_sending: bool,
    wakers: Wakers,
}

/// Data that is on its way.
#[derive(Clone, Copy, Debug)]
struct Body {
    stream: u32,
    left: u32,
    is_last: bool,
}

/// Signs of life.
#[derive(Debug)]
enum Ping {
    /// The next is asked for then.
    Due { value: u32, at: Instant },
    /// It must be given by then.
    Asked { value: u32, until: Instant },
}

#[derive(Debug, Default)]
struct Wakers {
    reader: Option<Waker>,
    writer: Option<Waker>,
    acceptor: Option<Waker>,
    idler: Option<Waker>,
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Core {
    pub(crate) fn new(side: Side, limits: Limits, now: Instant) -> Self {
        let budget = Budget::new(limits.held);
        let ping = Ping::Due { value: 0, at: now + limits.keep_alive };
        Self {
            limits,
            side,
            budget,
            head: BytesMut::with_capacity(HEADER),
            body: None,
            streams: BTreeMap::new(),
            numbers: Numbers::default(),
            opened: VecDeque::new(),
            control: VecDeque::new(),
            turns: VecDeque::new(),
            ping,
            is_leaving: false,
            over: None,
            is_sending: false,
            wakers: Wakers::default(),
        }
    }

    /// Takes bytes from the other side: all of them, or fewer while too much is to be answered.
    pub(crate) fn receive(&mut self, input: &mut Bytes, now: Instant) -> Result<(), Fault> {
        while !input.is_empty() && self.has_room() {
            if let Some(body) = self.body.take() {
                self.receive_data(body, input);
                continue;
            }
            let wanted = HEADER.saturating_sub(self.head.len()).min(input.len());
            self.head.extend_from_slice(&input.split_to(wanted));
            if let Ok(bytes) = <[u8; HEADER]>::try_from(self.head.as_ref()) {
                self.head.clear();
                self.receive_frame(Header::decode(bytes)?, now)?;
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.control.len() < self.limits.control_frames
    }

    fn receive_frame(&mut self, header: Header, now: Instant) -> Result<(), Fault> {
        match header.kind {
            Kind::Ping if header.flags.has(Flags::SYN) => self.answer(Header::ping(Flags::ACK, header.length)),
            Kind::Ping => {
                if let Ping::Asked { value, .. } = self.ping
                    && header.flags.has(Flags::ACK)
                    && value == header.length
                {
                    let at = now + self.limits.keep_alive;
                    self.ping = Ping::Due { value: value.wrapping_add(1), at };
                }
            }
            Kind::GoAway if header.length == 0 => _ = self.over.get_or_insert(Fault::Leaving),
            Kind::GoAway => return Err(Fault::GivenUp(header.length)),
            Kind::Data | Kind::Window => self.receive_about_stream(header)?,
        }
        Ok(())
    }

    fn receive_about_stream(&mut self, header: Header) -> Result<(), Fault> {
        let id = header.stream;
        if header.flags.has(Flags::SYN) {
            self.open(id)?;
        } else if !self.numbers.knows(id) {
            return Err(Fault::Stream(id));
        }
        if header.flags.has(Flags::RST) {
            self.forget(id);
        }
        if header.flags.has(Flags::ACK)
            && let Some(entry) = self.streams.get_mut(&id)
        {
            entry.unanswered_since = None;
        }
        let is_last = header.flags.has(Flags::FIN);
        if header.kind == Kind::Data {
            // What comes for a stream that is no more was sent before the other side knew.
            let left = self.streams.get(&id).map_or(self.limits.window, |entry| entry.credit);
            let left = left.checked_sub(header.length).ok_or(Fault::Window(id))?;
            if let Some(entry) = self.streams.get_mut(&id) {
                entry.credit = left;
            }
            let body = Body { stream: id, left: header.length, is_last };
            self.receive_data(body, &mut Bytes::new());
            return Ok(());
        }
        if let Some(entry) = self.streams.get_mut(&id) {
            entry.allowed = entry.allowed.checked_add(header.length).ok_or(Fault::Window(id))?;
            self.give_turn(id);
        }
        if is_last {
            self.end_of_theirs(id);
        }
        Ok(())
    }

    /// Opens a stream, and acknowledges it at once: an idle call sends nothing for hours.
    fn open(&mut self, id: u32) -> Result<(), Fault> {
        if self.side == Side::Daemon || !self.numbers.take(id, self.limits.streams) {
            return Err(Fault::Stream(id));
        }
        if self.is_leaving || self.streams.len() >= self.limits.streams {
            self.answer(Header::window(id, Flags::RST, 0));
            return Ok(());
        }
        self.streams.insert(id, Entry::new(self.limits.window, &self.budget));
        self.answer(Header::window(id, Flags::ACK, 0));
        self.opened.push_back(id);
        wake(&mut self.wakers.acceptor);
        Ok(())
    }

    fn receive_data(&mut self, mut body: Body, input: &mut Bytes) {
        let here = input.len().min(usize::try_from(body.left).unwrap_or(usize::MAX));
        let data = input.split_to(here);
        body.left = body.left.saturating_sub(u32::try_from(here).unwrap_or(u32::MAX));
        if let Some(entry) = self.streams.get_mut(&body.stream)
            && entry.left_at.is_none()
            && !entry.is_ended
        {
            if entry.hold.add(here) {
                entry.received.extend_from_slice(&data);
                if here > 0 {
                    entry.wake_reader();
                }
            } else {
                self.reset(body.stream);
            }
        }
        if body.left > 0 {
            self.body = Some(body);
        } else if body.is_last {
            self.end_of_theirs(body.stream);
        }
    }

    fn end_of_theirs(&mut self, id: u32) {
        if let Some(entry) = self.streams.get_mut(&id) {
            entry.is_ended = true;
            entry.wake_reader();
            if entry.is_over() {
                self.forget(id);
            }
        }
    }

    fn answer(&mut self, header: Header) {
        self.control.push_back(header);
        wake(&mut self.wakers.writer);
    }

    fn forget(&mut self, id: u32) {
        drop(self.streams.remove(&id));
        self.opened.retain(|opened| *opened != id);
        if self.streams.is_empty() {
            wake(&mut self.wakers.idler);
        }
    }

    /// Ends a stream at once.
    pub(crate) fn reset(&mut self, id: u32) {
        if self.streams.contains_key(&id) {
            self.answer(Header::window(id, Flags::RST, 0));
            self.forget(id);
        }
    }

    /// The next stream that was opened.
    pub(crate) fn poll_opened(&mut self, cx: &Context<'_>) -> Poll<u32> {
        if let Some(id) = self.opened.pop_front() {
            return Poll::Ready(id);
        }
        self.wakers.acceptor = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What came on a stream; `None` after its end. Errors: [`Fault::Reset`], or why the session is over.
    pub(crate) fn poll_read(&mut self, id: u32, cx: &Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        let half = self.limits.window / 2;
        let has_ended = self.has_ended();
        let Some(entry) = self.streams.get_mut(&id) else { return Poll::Ready(Err(self.why_gone())) };
        if entry.received.is_empty() {
            if entry.is_ended {
                return Poll::Ready(Ok(None));
            }
            if has_ended {
                return Poll::Ready(Err(self.why_gone()));
            }
            entry.wait_to_read(cx);
            return Poll::Pending;
        }
        let bytes = entry.received.split().freeze();
        entry.hold.release();
        entry.taken = entry.taken.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if entry.taken >= half && !entry.is_ended && !has_ended {
            let credit = std::mem::take(&mut entry.taken);
            entry.credit = entry.credit.saturating_add(credit);
            self.answer(Header::window(id, Flags::NONE, credit));
        }
        Poll::Ready(Ok(Some(bytes)))
    }

    /// Lets a stream send this, which counts for the session by `hold`, once all before it is sent. Errors: [`Fault::Reset`], or why the
    /// session is over.
    pub(crate) fn poll_write(
        &mut self,
        id: u32,
        bytes: &mut Bytes,
        hold: &mut Hold,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        if self.has_ended() {
            return Poll::Ready(Err(self.why_gone()));
        }
        let Some(entry) = self.streams.get_mut(&id) else { return Poll::Ready(Err(self.why_gone())) };
        if !entry.outgoing.is_empty() {
            entry.wait_to_write(cx);
            return Poll::Pending;
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        entry.outgoing = std::mem::take(bytes);
        std::mem::swap(&mut entry.sending, hold);
        entry.wait_to_write(cx);
        self.give_turn(id);
        Poll::Pending
    }

    fn give_turn(&mut self, id: u32) {
        if let Some(entry) = self.streams.get_mut(&id)
            && !entry.has_turn
            && !entry.outgoing.is_empty()
            && entry.allowed > 0
        {
            entry.has_turn = true;
            self.turns.push_back(id);
            wake(&mut self.wakers.writer);
        }
    }

    /// Ends this side of a stream after what is still to be sent. Nobody reads what comes from now on.
    pub(crate) fn leave(&mut self, id: u32, now: Instant) {
        if self.has_ended() {
            return self.forget(id);
        }
        let Some(entry) = self.streams.get_mut(&id) else { return };
        entry.left_at = Some(now);
        entry.received = BytesMut::new();
        entry.hold.release();
        entry.is_ending = true;
        if entry.outgoing.is_empty() {
            self.end_of_ours(id);
        }
    }

    fn end_of_ours(&mut self, id: u32) {
        let Some(entry) = self.streams.get_mut(&id) else { return };
        entry.is_closed = true;
        let is_over = entry.is_over();
        self.answer(Header::window(id, Flags::FIN, 0));
        if is_over {
            self.forget(id);
        }
    }

    /// The next bytes for the other side. Frames without data go before data; streams take turns.
    pub(crate) fn poll_send(&mut self, cx: &Context<'_>) -> Poll<Bytes> {
        self.is_sending = true;
        if !self.control.is_empty() {
            return Poll::Ready(self.take_control());
        }
        while let Some(id) = self.turns.pop_front() {
            let Some(entry) = self.streams.get_mut(&id) else { continue };
            entry.has_turn = false;
            let allowed = usize::try_from(entry.allowed).unwrap_or(usize::MAX);
            let size = entry.outgoing.len().min(allowed).min(PIECE);
            let length = u32::try_from(size).unwrap_or(u32::MAX);
            if length == 0 {
                continue;
            }
            entry.allowed -= length;
            let mut frame = BytesMut::with_capacity(HEADER + size);
            frame.put_slice(&Header { kind: Kind::Data, flags: Flags::NONE, stream: id, length }.encode());
            frame.put((&mut entry.outgoing).take(size));
            if entry.outgoing.is_empty() {
                entry.sending.release();
                entry.wake_writer();
                if entry.is_ending {
                    self.end_of_ours(id);
                }
            } else {
                self.give_turn(id);
            }
            return Poll::Ready(frame.freeze());
        }
        self.is_sending = false;
        self.wakers.writer = Some(cx.waker().clone());
        wake(&mut self.wakers.idler);
        Poll::Pending
    }

    /// Frames without data that are to be sent; they are read on from there.
    pub(crate) fn take_control(&mut self) -> Bytes {
        let batch = BATCH.min(self.control.len());
        let mut bytes = BytesMut::with_capacity(batch * HEADER);
        for header in self.control.drain(..batch) {
            bytes.put_slice(&header.encode());
        }
        if self.has_room() {
            wake(&mut self.wakers.reader);
        }
        bytes.freeze()
    }

    /// Waits until more may be received.
    pub(crate) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.wakers.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    #[cfg(test)]
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }
}
