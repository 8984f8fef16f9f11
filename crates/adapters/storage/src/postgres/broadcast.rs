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
//!
//! Wake-ups go the same way. They may be lost, and whoever waits for one also looks by itself.
//!
//! A connection may fall silent without breaking, and its thread then waits for ever. So the thread that talks is watched
//! by another one, which leaves it behind when it gets nowhere and starts anew.

use super::statement::statement;
use super::{Conn, connect};
use crate::changes::{CHANNEL, Message, Publisher, payloads};
use crate::error::store_error;
use crate::types::{Id, sql};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, Text};
use doorward_ports::StoreError;
use doorward_ports::bus::Event;
use doorward_ports::changes::Change;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// Beyond the time for connecting: after so long without getting anywhere a thread is left behind.
const PATIENCE: Duration = Duration::from_secs(2);
/// At the end the others are told goodbye, if that takes no longer.
const GOODBYE: Duration = Duration::from_secs(1);
/// Threads left behind that still wait; further ones are waited for.
const LEFT_BEHIND: usize = 8;
/// So that operators can tell this connection from others, and no statement holds it up for long.
const SETTINGS: &str = "SET application_name = 'doorward changes'; SET statement_timeout = 500";

/// The threads that tell and listen; dropping it says goodbye.
#[derive(Debug)]
pub(crate) struct Broadcast {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broadcast {
    pub(super) fn start(url: String, timeout: Duration, publisher: Publisher) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let post = Arc::new(Mutex::new(Post {
            outbox: publisher.open_outbox(),
            unsent: HashSet::new(),
            events: publisher.bus().forward(),
        }));
        let server = Server { url, timeout, publisher, post, stop: Arc::clone(&stop), life: Arc::default() };
        let thread = std::thread::Builder::new().name("changes".to_owned()).spawn(move || supervise(&server))?;
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

/// Sees to it that one thread talks to the database, and leaves it behind when it is stuck.
fn supervise(server: &Server) {
    let mut left_behind: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let talker = Server { life: Arc::default(), ..server.clone() };
        let life = Arc::clone(&talker.life);
        let thread = match std::thread::Builder::new().name("changes-talk".to_owned()).spawn(move || talker.serve()) {
            Ok(thread) => thread,
            Err(error) => {
                tracing::error!(%error, "no thread can be started to tell of changes");
                std::thread::sleep(RETRY);
                continue;
            }
        };
        let mut stopping: Option<Instant> = None;
        while !thread.is_finished() {
            std::thread::sleep(LOOK_EVERY);
            if server.is_stopped() {
                let since = *stopping.get_or_insert_with(Instant::now);
                if since.elapsed() > GOODBYE {
                    life.leave();
                    return;
                }
            }
            left_behind.retain(|thread| !thread.is_finished());
            if life.silence() > server.timeout + PATIENCE && left_behind.len() < LEFT_BEHIND {
                break;
            }
        }
        if thread.is_finished() {
            if thread.join().is_err() {
                tracing::error!("the thread that tells of changes has panicked");
            }
            if server.is_stopped() {
                return;
            }
        } else {
            life.leave();
            server.publisher.log().revoke_lease();
            server.publisher.stop_sending();
            tracing::warn!("the connection that tells of changes has fallen silent; another one is made");
            left_behind.push(thread);
        }
    }
}

/// What is to be told.
#[derive(Debug)]
struct Post {
    outbox: Receiver<Vec<Change>>,
    /// Told to nobody yet.
    unsent: HashSet<Change>,
    /// Wake-ups for others.
    events: Receiver<Event>,
}

/// Whether a thread gets anywhere, and whether it was left behind.
#[derive(Debug)]
struct Life {
    began: Instant,
    /// In microseconds since `began`.
    beat: AtomicU64,
    left: AtomicBool,
}

impl Default for Life {
    fn default() -> Self {
        Self { began: Instant::now(), beat: AtomicU64::new(0), left: AtomicBool::new(false) }
    }
}

impl Life {
    fn beat(&self) {
        self.beat.store(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_micros(self.beat.load(Ordering::SeqCst)))
    }

    fn leave(&self) {
        self.left.store(true, Ordering::SeqCst);
    }

    fn is_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Server {
    url: String,
    timeout: Duration,
    publisher: Publisher,
    post: Arc<Mutex<Post>>,
    stop: Arc<AtomicBool>,
    life: Arc<Life>,
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
    fn serve(self) {
        while !self.is_stopped() && !self.life.is_left() {
            self.life.beat();
            match self.connect() {
                Ok(mut line) => {
                    let ended = self.talk(&mut line);
                    if self.life.is_left() {
                        return;
                    }
                    self.publisher.log().revoke_lease();
                    self.publisher.stop_sending();
                    match ended {
                        Ok(()) => break,
                        Err(error) => tracing::warn!(%error, "the connection that tells of changes was lost"),
                    }
                }
                Err(error) => tracing::debug!(%error, "there is no connection to tell of changes"),
            }
            self.life.beat();
            std::thread::sleep(RETRY);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Tells and listens until the connection breaks, until the thread is left behind, or until the end. The last two are
    /// `Ok`.
    fn talk(&self, line: &mut Line) -> Result<(), StoreError> {
        loop {
            self.life.beat();
            self.post().gather(LOOK_EVERY);
            let stopping = self.is_stopped();
            if stopping {
                // Who is about to post has done so by then, and who comes later tells by itself.
                self.publisher.stop_sending();
                std::thread::sleep(LOOK_EVERY);
            }
            if self.life.is_left() {
                return Ok(());
            }
            let beats = line.is_beat_due();
            if stopping || beats || !self.post().unsent.is_empty() {
                let waiting = self.publisher.take_waiting();
                self.post().unsent.extend(waiting);
            }
            self.tell(line, beats, stopping)?;
            if stopping || self.life.is_left() {
                return Ok(());
            }
            self.listen(line)?;
            self.miss_others(line);
            line.warn();
        }
    }

    /// Sends what was not sent yet, and the heartbeat and the goodbye if it is time, in one statement. What is sent stays
    /// unsent until the database has taken it; it is told twice rather than not at all.
    fn tell(&self, line: &mut Line, beats: bool, leaves: bool) -> Result<(), StoreError> {
        let (changes, events): (Vec<Change>, Vec<Event>) = {
            let mut post = self.post();
            post.gather(Duration::ZERO);
            (post.unsent.iter().cloned().collect(), post.events.try_iter().collect())
        };
        let mut said = payloads(Some(line.id), &changes);
        said.extend(events.into_iter().map(|event| Message::Event(line.id, event).to_string()));
        if beats {
            said.push(line.heartbeat());
        }
        if leaves {
            said.push(Message::Goodbye(line.id).to_string());
        }
        notify(&mut line.conn, &said)?;
        // The thread that may have taken over meanwhile has begun with all of them.
        if !self.life.is_left() {
            let mut post = self.post();
            for change in &changes {
                post.unsent.remove(change);
            }
        }
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
                            self.publisher.log().extend_lease(sent + TRUST);
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
                // Those of this server were delivered when they were published.
                Message::Event(id, _) if id == line.id => {}
                Message::Event(_, event) => self.publisher.bus().deliver(event),
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

impl Post {
    /// Takes what is in the outbox, and waits for something for so long.
    fn gather(&mut self, patience: Duration) {
        match self.outbox.recv_timeout(patience) {
            Ok(changes) => self.unsent.extend(changes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(patience),
        }
        self.unsent.extend(self.outbox.try_iter().flatten());
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

statement! {
    /// Of every write, so it stays prepared.
    Notify {
        channel: &'a str as Text,
        payloads: &'a [String] as Array<Text>,
    } -> Text {
        "SELECT pg_notify(?, payload) FROM unnest(?) payload"
    }
}

/// Sends payloads in one statement; within a transaction, at its commit.
fn notify(conn: &mut Conn, payloads: &[String]) -> Result<(), StoreError> {
    if payloads.is_empty() {
        return Ok(());
    }
    Notify { channel: CHANNEL, payloads }.execute(conn).map_err(store_error)?;
    Ok(())
}

/// Tells of changes over the connection that makes them: within its transaction, or at once outside of one.
pub(super) fn tell(conn: &mut Conn, changes: &[Change]) -> Result<(), StoreError> {
    notify(conn, &payloads(None, changes))
}
