//! Streams that this side opens, and the end of all streams.

use super::{Core, Entry, Flags, Header};
use crate::fault::Fault;
use std::task::{Context, Poll};
use tokio::time::Instant;

impl Core {
    /// Opens a stream. Errors: [`Fault::Leaving`] or why the session has ended; [`Fault::Full`] when too many are open.
    pub(crate) fn open_own(&mut self, now: Instant) -> Result<u32, Fault> {
        if let Some(fault) = &self.over {
            return Err(fault.clone());
        }
        if self.streams.len() >= self.limits.streams {
            return Err(Fault::Full(self.limits.streams));
        }
        // All numbers are used up. A new session begins with the first one.
        let id = self.numbers.next().ok_or(Fault::Leaving)?;
        let mut entry = Entry::new(self.limits.window, &self.budget);
        entry.unanswered_since = Some(now);
        self.streams.insert(id, entry);
        self.answer(Header::window(id, Flags::SYN, 0));
        Ok(id)
    }

    /// Takes no more streams, and says so: 0 for a normal end, 1 because the other side broke the rules.
    pub(crate) fn go_away(&mut self, code: u32) {
        self.is_leaving = true;
        self.answer(Header::go_away(code));
    }

    /// Waits until no stream does anything any more and all is sent.
    pub(crate) fn poll_idle(&mut self, cx: &Context<'_>) -> Poll<()> {
        let is_idle = self.streams.values().all(|entry| entry.left_at.is_some() && entry.outgoing.is_empty());
        if is_idle && self.control.is_empty() && !self.is_sending {
            return Poll::Ready(());
        }
        self.wakers.idler = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends all streams: the session is over. Whoever waits for one of them learns why, after all that came before. The first reason
    /// stays.
    pub(crate) fn end(&mut self, why: Fault) {
        self.over = Some(self.over.take().filter(|known| *known != Fault::Leaving).unwrap_or(why));
        self.opened.clear();
        self.turns.clear();
        self.streams.retain(|_, entry| entry.end());
    }

    /// Whether all streams have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.over.as_ref().is_some_and(|fault| *fault != Fault::Leaving)
    }

    /// Whether this side takes no more streams.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Whether there can be no more streams.
    pub(crate) const fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Why a stream that is not there is not there.
    pub(super) fn why_gone(&self) -> Fault {
        match &self.over {
            Some(fault) if *fault != Fault::Leaving => fault.clone(),
            Some(_) | None => Fault::Reset,
        }
    }
}
