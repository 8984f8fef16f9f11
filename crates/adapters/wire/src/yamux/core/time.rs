//! What is due when.

use super::{Core, Entry, Flags, Header, Ping};
use crate::fault::Fault;
use tokio::time::Instant;

impl Core {
    /// What is due at this time; the answer is when something is due next. Errors: [`Fault::Silent`].
    pub(crate) fn tick(&mut self, now: Instant) -> Result<Instant, Fault> {
        let since = self.limits.half_closed;
        let is_due = |entry: &Entry| entry.left_at.is_some_and(|at| now.duration_since(at) >= since);
        let due: Vec<u32> = self.streams.iter().filter(|(_, entry)| is_due(entry)).map(|(id, _)| *id).collect();
        for id in due {
            self.reset(id);
        }
        let patience = self.limits.acknowledged;
        let is_silent = |entry: &Entry| entry.unanswered_since.is_some_and(|at| now.duration_since(at) >= patience);
        if self.streams.values().any(is_silent) {
            return Err(Fault::Silent);
        }
        match self.ping {
            Ping::Asked { until, .. } if now >= until => Err(Fault::Silent),
            Ping::Asked { until, .. } => Ok(until),
            Ping::Due { value, at } if now >= at => {
                let until = now + self.limits.pong;
                self.ping = Ping::Asked { value, until };
                self.answer(Header::ping(Flags::SYN, value));
                Ok(until)
            }
            Ping::Due { at, .. } => Ok(at),
        }
    }
}
