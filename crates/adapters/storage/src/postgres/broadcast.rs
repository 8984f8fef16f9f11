//! Servers on one database tell each other what they changed, over one connection each.
//!
//! A `NOTIFY` within each transaction would put all commits in one queue, so changes are told after the commit, by a
//! thread that gathers what is there. What happens all day long (exchanged refresh tokens) waits for the next heartbeat and
//! goes in the same statement, so that it costs no commit of its own; all else is told at once. That can fail between the
//! commit and the telling, so nobody relies on it blindly:
//!
//! - Each server sends a heartbeat, and uses what it remembers only while its own heartbeats come back to it. That proves
//!   that sending and listening work, and that all that was sent before was heard.
//! - A server whose heartbeats stop may have committed what it could not tell. The others forget everything then.
//! - A server that cannot send tells of changes within the transaction that makes them, as commands do that are no
//!   server.
//! - A server that begins to listen waits until it would have heard of every other one before it remembers anything.

use super::{Conn, connect};
use crate::changes::{CHANNEL, Message, Publisher, payloads};
use crate::error::store_error;
use crate::types::{Id, sql};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, Text};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Between two looks at what others say.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Between two heartbeats.
const BEAT_EVERY: Duration = Duration::from_millis(150);
/// For so long after a heartbeat was sent that came back, what is remembered is used.
const TRUST: Duration = Duration::from_millis(600);
/// For so long changes are told after the commit. Shorter than [`SILENCE`] by the time a commit may take.
const SENDING: Duration = Duration::from_millis(400);
/// After so much silence of another server everything is forgotten.
const SILENCE: Duration = Duration::from_millis(700);
/// Between two tries to connect.
const RETRY: Duration = Duration::from_millis(200);
/// After so long without any heartbeat that came back, the log says so.
const WARN_AFTER: Duration = Duration::from_secs(5);
/// So that operators can tell this connection from others, and no statement holds it up for long.
const SETTINGS: &str = "SET application_name = 'doorward changes'; SET statement_timeout = 500";

/// The thread that tells and listens; dropping it says goodbye.
#[derive(Debug)]
pub(crate) struct Broadcast {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broadcast {
    pub(super) fn start(url: String, timeout: Duration, publisher: Publisher) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let outbox = publisher.open_outbox();
        let thread = std::thread::Builder::new().name("changes".to_owned()).spawn(move || {
            Server { url, timeout, publisher, outbox, unsent: HashSet::new(), stop: stopped }.serve();
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that tells of changes has panicked");
        }
    }
}

struct Server {
    url: String,
    timeout: Duration,
    publisher: Publisher,
    outbox: Receiver<Vec<Change>>,
    /// Told to nobody yet.
    unsent: HashSet<Change>,
    stop: Arc<AtomicBool>,
}

/// One connection, from its beginning to its end.
struct Line {
    conn: Conn,
    /// Another one for each connection, so that what an earlier one sent does not count.
    id: Uuid,
    /// How payloads begin that tell of changes of this server.
    own: String,
    since: Instant,
    /// Heartbeats under way, by number, with the time at which each was sent.
    under_way: VecDeque<(u64, Instant)>,
    sent: u64,
    next_beat: Instant,
    /// When each other server was heard last.
    others: HashMap<Uuid, Instant>,
    ever_heard: bool,
    warned: bool,
}

impl Server {
    fn serve(mut self) {
        while !self.is_stopped() {
            match self.connect() {
                Ok(mut line) => {
                    let ended = self.talk(&mut line);
                    self.publisher.log().vouch_no_more();
                    self.publisher.sends_no_more();
                    match ended {
                        Ok(()) => break,
                        Err(error) => tracing::warn!(%error, "the connection that tells of changes was lost"),
                    }
                }
                Err(error) => tracing::debug!(%error, "there is no connection to tell of changes"),
            }
            std::thread::sleep(RETRY);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn connect(&self) -> Result<Line, StoreError> {
        let mut conn = connect(&self.url, self.timeout)?;
        conn.batch_execute(&format!("{SETTINGS}; LISTEN {CHANNEL}")).map_err(store_error)?;
        let now = Instant::now();
        // Random by its own means: it is no secret, and only has to differ.
        let id = diesel::select(diesel::dsl::sql::<sql::Uuid>("gen_random_uuid()"));
        let Id(id): Id<Uuid> = id.get_result(&mut conn).map_err(store_error)?;
        Ok(Line {
            conn,
            id,
            own: Message::Changes(Some(id), Vec::new()).to_string(),
            since: now,
            under_way: VecDeque::new(),
            sent: 0,
            next_beat: now,
            others: HashMap::new(),
            ever_heard: false,
            warned: false,
        })
    }

    /// Tells and listens until the connection breaks, or until the end, which is `Ok`.
    fn talk(&mut self, line: &mut Line) -> Result<(), StoreError> {
        loop {
            match self.outbox.recv_timeout(LOOK_EVERY) {
                Ok(changes) => self.unsent.extend(changes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK_EVERY),
            }
            let stopping = self.is_stopped();
            if stopping {
                // Who is about to post has done so by then, and who comes later tells by itself.
                self.publisher.sends_no_more();
                std::thread::sleep(LOOK_EVERY);
            }
            self.unsent.extend(self.outbox.try_iter().flatten());
            let beats = line.is_beat_due();
            if stopping || beats || !self.unsent.is_empty() {
                self.unsent.extend(self.publisher.take_waiting());
            }
            self.tell(line, beats, stopping)?;
            if stopping {
                return Ok(());
            }
            self.listen(line)?;
            self.miss_others(line);
            line.warn();
        }
    }

    /// Sends what was not sent yet, and the heartbeat and the goodbye if it is time, in one statement. What is sent stays
    /// unsent until the database has taken it.
    fn tell(&mut self, line: &mut Line, beats: bool, leaves: bool) -> Result<(), StoreError> {
        let changes: Vec<Change> = self.unsent.iter().cloned().collect();
        let mut said = payloads(Some(line.id), &changes);
        if beats {
            said.push(line.heartbeat());
        }
        if leaves {
            said.push(Message::Goodbye(line.id).to_string());
        }
        notify(&mut line.conn, &said)?;
        self.unsent.clear();
        Ok(())
    }

    fn listen(&self, line: &mut Line) -> Result<(), StoreError> {
        let mut heard = Vec::new();
        for notification in line.conn.notifications_iter() {
            heard.push(notification.map_err(store_error)?);
        }
        let now = Instant::now();
        for notification in heard.into_iter().filter(|notification| notification.channel == CHANNEL) {
            // What this server changed was forgotten when it did.
            if notification.payload.starts_with(&line.own) {
                continue;
            }
            match Message::parse(&notification.payload) {
                Message::Heartbeat(id, number) if id == line.id => {
                    if let Some(sent) = line.came_back(number) {
                        // Before that, another server may be there of which nothing was heard yet.
                        if now.duration_since(line.since) >= SILENCE {
                            self.publisher.log().vouch_until(sent + TRUST);
                        }
                        self.publisher.sends_until(sent + SENDING);
                    }
                }
                Message::Heartbeat(id, _) => {
                    line.others.insert(id, now);
                }
                Message::Goodbye(id) => {
                    line.others.remove(&id);
                }
                Message::Changes(_, changes) => self.publisher.report(&changes),
            }
        }
        Ok(())
    }

    /// Forgets everything when another server has fallen silent.
    fn miss_others(&self, line: &mut Line) {
        let before = line.others.len();
        line.others.retain(|_, heard| heard.elapsed() < SILENCE);
        if line.others.len() < before {
            tracing::info!("another server has fallen silent; everything that is remembered of users is read anew");
            self.publisher.log().report_everything();
        }
    }
}

impl Line {
    fn is_beat_due(&self) -> bool {
        Instant::now() >= self.next_beat
    }

    /// The next heartbeat, which is under way from now on.
    fn heartbeat(&mut self) -> String {
        let now = Instant::now();
        self.next_beat = now + BEAT_EVERY;
        self.sent += 1;
        self.under_way.push_back((self.sent, now));
        self.under_way.retain(|(_, sent)| sent.elapsed() < TRUST);
        Message::Heartbeat(self.id, self.sent).to_string()
    }

    /// When the heartbeat of this number was sent; earlier ones are of no interest then.
    fn came_back(&mut self, number: u64) -> Option<Instant> {
        self.ever_heard = true;
        let at = self.under_way.iter().position(|(known, _)| *known == number)?;
        self.under_way.drain(..=at).next_back().map(|(_, sent)| sent)
    }

    fn warn(&mut self) {
        if !self.ever_heard && !self.warned && self.since.elapsed() > WARN_AFTER {
            self.warned = true;
            tracing::warn!(
                "notifications of the database do not come back, so nothing is remembered of users and every request asks \
                 the database; a connection pooler in transaction mode does that"
            );
        }
    }
}

/// Sends payloads in one statement; within a transaction, at its commit.
fn notify(conn: &mut Conn, payloads: &[String]) -> Result<(), StoreError> {
    if payloads.is_empty() {
        return Ok(());
    }
    diesel::sql_query("SELECT pg_notify($1, payload) FROM unnest($2) payload")
        .bind::<Text, _>(CHANNEL)
        .bind::<Array<Text>, _>(payloads)
        .execute(conn)
        .map_err(store_error)?;
    Ok(())
}

/// Tells of changes over the connection that makes them: within its transaction, or at once outside of one.
pub(super) fn tell(conn: &mut Conn, changes: &[Change]) -> Result<(), StoreError> {
    notify(conn, &payloads(None, changes))
}
