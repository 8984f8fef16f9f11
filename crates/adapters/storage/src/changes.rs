//! Telling of changes: how they are collected, written as text, and who is told; and the text of wake-ups.

use doorward_domain::ids::{AppId, GroupId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::bus::{Bus, Event};
use doorward_ports::changes::{Change, ChangeLog};
use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// More changes at once than this are told as "everything". A busy server exchanges some thousand refresh tokens a second.
const MOST: usize = 10_000;
/// PostgreSQL takes payloads of less than 8000 bytes.
const PAYLOAD_MAX: usize = 7900;

/// The channel on which servers tell each other.
pub(crate) const CHANNEL: &str = "doorward_changes";

/// What is said on the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A server is there; heartbeats of one server are numbered.
    Heartbeat(Uuid, u64),
    /// A server leaves, having told everything.
    Goodbye(Uuid),
    /// Changes were committed, by this server or by nobody who listens.
    Changes(Option<Uuid>, Vec<Change>),
    /// A wake-up. Servers that do not know this kind read everything anew, as of whatever they do not understand.
    Event(Uuid, Event),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartbeat(server, number) => write!(f, "h{} {number}", server.simple()),
            Self::Goodbye(server) => write!(f, "b{}", server.simple()),
            Self::Changes(server, changes) => {
                f.write_char('c')?;
                server.iter().try_for_each(|server| write!(f, "{}", server.simple()))?;
                changes.iter().try_for_each(|change| match change {
                    Change::User(id) => write!(f, " u{}", id.0.simple()),
                    Change::App(id) => write!(f, " a{}", id.0.simple()),
                    Change::Group(id) => write!(f, " g{}", id.0.simple()),
                    Change::Organization(id) => write!(f, " o{}", id.0.simple()),
                    Change::Key(id) => write!(f, " k{}", id.as_str()),
                    Change::CryptoKeys => f.write_str(" s"),
                    Change::Licenses => f.write_str(" l"),
                    Change::ClientPolicy => f.write_str(" p"),
                    Change::Everything => f.write_str(" *"),
                })
            }
            Self::Event(server, event) => write!(f, "e{} {} {}", server.simple(), event.topic(), event.payload()),
        }
    }
}

impl Message {
    /// Reads what another server said. What is not understood may mean anything.
    pub(crate) fn parse(text: &str) -> Self {
        Self::understand(text).unwrap_or_else(|| Self::Changes(None, vec![Change::Everything]))
    }

    fn understand(text: &str) -> Option<Self> {
        let rest = text.get(1..)?;
        match text.get(..1)? {
            "h" => {
                let (server, number) = rest.split_once(' ')?;
                Some(Self::Heartbeat(Uuid::try_parse(server).ok()?, number.parse().ok()?))
            }
            "b" => Some(Self::Goodbye(Uuid::try_parse(rest).ok()?)),
            "c" => {
                let (server, changes) = rest.split_once(' ').unwrap_or((rest, ""));
                let server = if server.is_empty() { None } else { Some(Uuid::try_parse(server).ok()?) };
                let changes = changes.split_ascii_whitespace().map(change).collect::<Option<_>>();
                changes.map(|changes| Self::Changes(server, changes))
            }
            "e" => {
                let (server, event) = rest.split_once(' ')?;
                let (topic, payload) = event.split_once(' ')?;
                Some(Self::Event(Uuid::try_parse(server).ok()?, Event::new(topic, payload).ok()?))
            }
            _ => None,
        }
    }
}

fn change(word: &str) -> Option<Change> {
    let rest = word.get(1..)?;
    let uuid = || Uuid::try_parse(rest).ok();
    Some(match word.get(..1)? {
        "u" => Change::User(UserId(uuid()?)),
        "a" => Change::App(AppId(uuid()?)),
        "g" => Change::Group(GroupId(uuid()?)),
        "o" => Change::Organization(OrganizationId(uuid()?)),
        "k" => Change::Key(ApiKeyId::new(rest).ok()?),
        "s" if rest.is_empty() => Change::CryptoKeys,
        "l" if rest.is_empty() => Change::Licenses,
        "p" if rest.is_empty() => Change::ClientPolicy,
        "*" => Change::Everything,
        _ => return None,
    })
}

/// The payloads that tell of these changes, none longer than PostgreSQL takes.
pub(crate) fn payloads(server: Option<Uuid>, changes: &[Change]) -> Vec<String> {
    if changes.len() > MOST {
        return vec![Message::Changes(server, vec![Change::Everything]).to_string()];
    }
    let mut payloads: Vec<String> = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        // The letter of the message and the id of the server come first.
        let mut length = 1 + 32;
        let fits = |change: &&Change| {
            length += word_length(change);
            length <= PAYLOAD_MAX
        };
        let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        payloads.push(Message::Changes(server, now.to_vec()).to_string());
        rest = later;
    }
    payloads
}

/// Bytes of a change in a payload, with the space before it.
fn word_length(change: &Change) -> usize {
    match change {
        Change::Key(id) => 2 + id.as_str().len(),
        Change::User(_) | Change::App(_) | Change::Group(_) | Change::Organization(_) => 2 + 32,
        Change::CryptoKeys | Change::Licenses | Change::ClientPolicy | Change::Everything => 2,
    }
}

/// Where a backend tells of what it committed: always here, and to others if somebody sends it on. Cheap to clone; all
/// clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: ChangeLog,
    bus: Bus,
    outbox: Mutex<Option<mpsc::Sender<Vec<Change>>>>,
    /// What others may learn with the next heartbeat, each once.
    waiting: Mutex<HashSet<Change>>,
    began: Instant,
    /// Until when what is put into the outbox is sure to be sent soon, in microseconds since `began`; zero for never.
    sends_until: AtomicU64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            log: ChangeLog::default(),
            bus: Bus::default(),
            outbox: Mutex::default(),
            waiting: Mutex::default(),
            began: Instant::now(),
            sends_until: AtomicU64::new(0),
        }
    }
}

impl Publisher {
    pub(crate) fn log(&self) -> &ChangeLog {
        &self.0.log
    }

    /// Wake-ups.
    pub(crate) fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Tells everybody in this process.
    pub(crate) fn report(&self, changes: &[Change]) {
        self.0.log.report(changes);
    }

    /// Opens the outbox; what is in it is to be sent on.
    pub(crate) fn open_outbox(&self) -> mpsc::Receiver<Vec<Change>> {
        let (sender, receiver) = mpsc::channel();
        *self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Promises that the outbox is sent on until then, or that other servers notice that it is not.
    pub(crate) fn sends_until(&self, deadline: Instant) {
        let micros = deadline.saturating_duration_since(self.0.began).as_micros();
        self.0.sends_until.store(u64::try_from(micros).unwrap_or(0), Ordering::SeqCst);
    }

    pub(crate) fn stop_sending(&self) {
        self.0.sends_until.store(0, Ordering::SeqCst);
    }

    /// Whether the outbox is sent on. Else a change has to be told by the one who makes it.
    pub(crate) fn is_sending(&self) -> bool {
        let until = self.0.sends_until.load(Ordering::SeqCst);
        until > 0 && self.0.began.elapsed() < Duration::from_micros(until)
    }

    /// Puts changes into the outbox, or to those that wait for the next heartbeat; `false` when nobody sends them on.
    pub(crate) fn post(&self, changes: &[Change], hurried: bool) -> bool {
        let outbox = self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outbox) = outbox.as_ref() else { return false };
        if hurried {
            return outbox.send(changes.to_vec()).is_ok();
        }
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(changes.iter().cloned());
        true
    }

    /// Takes what waits for the next heartbeat.
    pub(crate) fn take_waiting(&self) -> HashSet<Change> {
        std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_written() {
        let id = Uuid::from_u128(0x1234);
        let changes = vec![
            Change::User(UserId(id)),
            Change::App(AppId(id)),
            Change::Group(GroupId(id)),
            Change::Organization(OrganizationId(id)),
            Change::Key(ApiKeyId::new("abcdefghij").unwrap()),
            Change::CryptoKeys,
            Change::Licenses,
            Change::ClientPolicy,
            Change::Everything,
        ];
        let told = [Message::Changes(None, changes.clone()), Message::Changes(Some(id), changes)];
        let event = |payload: &str| Message::Event(id, Event::new("outbox", payload).unwrap());
        let others = [Message::Heartbeat(id, 7), Message::Goodbye(id), event(""), event("a b"), event("c *")];
        for message in told.into_iter().chain(others) {
            assert_eq!(Message::parse(&message.to_string()), message);
        }
        for text in ["", "x", "h", "hzz 1", "c u", "c u12 *", "c é", "c x00", "\u{e9}", "e", "e1234 a b", "z1 a b"] {
            assert_eq!(Message::parse(text), Message::Changes(None, vec![Change::Everything]), "{text}");
        }
    }

    #[test]
    fn many_changes_fit_into_payloads() {
        let users = |n: u128| (0..n).map(|n| Change::User(UserId(Uuid::from_u128(n)))).collect::<Vec<_>>();
        let longest = Message::Event(Uuid::nil(), Event::new(&"t".repeat(64), &"x".repeat(4096)).unwrap());
        assert!(longest.to_string().len() < PAYLOAD_MAX);
        assert!(payloads(None, &[]).is_empty());
        let some = payloads(Some(Uuid::nil()), &users(1000));
        assert!(some.len() > 1 && some.iter().all(|payload| payload.len() < 8000));
        let read = some.iter().flat_map(|payload| {
            let Message::Changes(Some(_), changes) = Message::parse(payload) else { panic!("{payload}") };
            changes
        });
        assert!(read.eq(users(1000)));
        let most = payloads(None, &users(10_000));
        assert!(most.len() > 1 && most.iter().all(|payload| payload.len() < 8000));
        assert_eq!(payloads(None, &users(10_001)), ["c *"]);
        let keys: Vec<_> = (0..600).map(|n| Change::Key(ApiKeyId::new(format!("{n:010}")).unwrap())).collect();
        assert_eq!(payloads(Some(Uuid::nil()), &keys).len(), 1, "short ones take less room");
    }
}
