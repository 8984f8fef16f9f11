//! Wake-ups between servers: something is there to be done, look now instead of at your next turn.
//!
//! A wake-up may be lost (a connection breaks, a process is killed) and may come twice. So whoever waits for one also looks
//! by itself now and then, and finds what there is to be done in the database.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::broadcast;

/// So many events wait for a subscriber that is slow; then it is told that it has missed some.
const WAITING: usize = 256;
/// So many events wait to be sent to other servers; further ones are dropped.
const OUTGOING: usize = 1024;
/// Longest payload in bytes: what fits into a notification of PostgreSQL, with room to spare.
const PAYLOAD_MAX: usize = 4096;
/// Longest topic in bytes.
const TOPIC_MAX: usize = 64;

/// A wake-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    topic: String,
    payload: String,
}

/// What is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The topic is not one word.
    #[error("a topic is 1 to {TOPIC_MAX} of the characters a-z, 0-9, `_`, `-` and `.`")]
    Topic,
    /// The payload is too long, or holds a NUL.
    #[error("a payload has at most {PAYLOAD_MAX} bytes, none of them NUL")]
    Payload,
}

impl Event {
    /// An event of this topic.
    pub fn new(topic: &str, payload: &str) -> Result<Self, EventError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
        if topic.is_empty() || topic.len() > TOPIC_MAX || !topic.chars().all(fits) {
            return Err(EventError::Topic);
        }
        if payload.len() > PAYLOAD_MAX || payload.contains('\0') {
            return Err(EventError::Payload);
        }
        Ok(Self { topic: topic.to_owned(), payload: payload.to_owned() })
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// What is said of it.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }
}

/// Tells all servers of a deployment. Cheap to clone; all clones are one. By itself it reaches this process; an adapter that
/// reaches others takes what is to be sent on with [`forward`](Self::forward) and brings what it hears with
/// [`deliver`](Self::deliver).
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    here: broadcast::Sender<Event>,
    outgoing: Mutex<Option<mpsc::SyncSender<Event>>>,
}

impl Bus {
    /// Tells everybody: here at once, other servers a moment later.
    pub fn publish(&self, event: Event) {
        let outgoing = self.0.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outgoing) = outgoing.as_ref() {
            // Full or closed: others find what there is at their next look.
            drop(outgoing.try_send(event.clone()));
        }
        self.deliver(event);
    }

    /// Tells everybody in this process.
    pub fn deliver(&self, event: Event) {
        // An error means that nobody listens.
        drop(self.0.here.send(event));
    }

    /// Hears of one topic from now on.
    #[must_use]
    pub fn subscribe(&self, topic: &'static str) -> Subscription {
        Subscription { topic, events: self.0.here.subscribe() }
    }

    /// What is to be sent to other servers from now on; of several receivers, the last one gets it.
    #[must_use]
    pub fn forward(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::sync_channel(OUTGOING);
        *self.0.outgoing.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self(Arc::new(Inner { here: broadcast::channel(WAITING).0, outgoing: Mutex::default() }))
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bus(..)")
    }
}

/// Hears of one topic.
#[derive(Debug)]
pub struct Subscription {
    topic: &'static str,
    events: broadcast::Receiver<Event>,
}

/// What a subscription hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event, by its payload.
    Event(String),
    /// Some events were missed, perhaps of this topic.
    Missed,
}

impl Subscription {
    /// Waits for the next event; for ever, once the bus is gone. May be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.events.recv().await {
                Ok(event) if event.topic == self.topic => return Heard::Event(event.payload),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Heard::Missed,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Forgets what was not heard yet: for wake-ups, of which one is as good as many.
    pub fn skip(&mut self) {
        while !matches!(
            self.events.try_recv(),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed)
        ) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(topic: &str, payload: &str) -> Event {
        Event::new(topic, payload).unwrap()
    }

    #[test]
    fn an_event_can_be_sent() {
        assert_eq!(Event::new("", "x"), Err(EventError::Topic));
        assert_eq!(Event::new("two words", "x"), Err(EventError::Topic));
        assert_eq!(Event::new(&"t".repeat(TOPIC_MAX + 1), ""), Err(EventError::Topic));
        assert_eq!(Event::new("t", &"x".repeat(PAYLOAD_MAX + 1)), Err(EventError::Payload));
        assert_eq!(Event::new("t", "a\0"), Err(EventError::Payload));
        assert_eq!(event("job.done-1", "any text").payload(), "any text");
    }

    #[tokio::test]
    async fn subscribers_hear_of_their_topic_only_and_others_are_told_too() {
        let bus = Bus::default();
        bus.publish(event("a", "before anybody listens"));
        let outgoing = bus.forward();
        let (mut one, mut other) = (bus.subscribe("a"), bus.subscribe("b"));
        bus.publish(event("a", "1"));
        bus.publish(event("b", "2"));
        bus.deliver(event("a", "from elsewhere"));
        assert_eq!(one.next().await, Heard::Event("1".to_owned()));
        assert_eq!(one.next().await, Heard::Event("from elsewhere".to_owned()));
        assert_eq!(other.next().await, Heard::Event("2".to_owned()));
        assert!(
            outgoing.try_iter().eq([event("a", "1"), event("b", "2")]),
            "what came from elsewhere is not sent back"
        );
    }

    #[tokio::test]
    async fn who_is_slow_learns_that_something_was_missed() {
        let bus = Bus::default();
        let mut slow = bus.subscribe("a");
        for n in 0..=WAITING {
            bus.publish(event("a", &n.to_string()));
        }
        assert_eq!(slow.next().await, Heard::Missed);
        assert_eq!(slow.next().await, Heard::Event("1".to_owned()));
        slow.skip();
        bus.publish(event("a", "last"));
        assert_eq!(slow.next().await, Heard::Event("last".to_owned()));
    }

    #[test]
    fn a_connection_that_takes_nothing_holds_nobody_up() {
        let bus = Bus::default();
        let outgoing = bus.forward();
        for n in 0..2 * OUTGOING {
            bus.publish(event("a", &n.to_string()));
        }
        assert_eq!(outgoing.try_iter().count(), OUTGOING);
        drop(outgoing);
        bus.publish(event("a", "nobody takes it"));
    }
}
