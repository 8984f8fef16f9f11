//! What is remembered of the database between requests: who a key belongs to, what a token is, which secret a client
//! has. Nothing of it is used when anything it depends on has changed since; [`ChangeLog`] tells.
//!
//! Beside that, first uses of access tokens are gathered here until they are written.
//!
//! Only what lets somebody in is remembered and used; every refusal is found in the database. See
//! `docs/adr/0008-subject-cache.md`.

use doorward_domain::Digest;
use doorward_domain::Instant as Time;
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::Resource;
use doorward_domain::organizations::Membership;
use doorward_domain::roles::Subject;
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::User;
use doorward_ports::Outage;
use doorward_ports::changes::{Change, ChangeLog, LogPosition, Slot};
use doorward_ports::oauth2::TokenFacts;
use doorward_ports::sessions::KeyOwner;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Entries;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest time for which something is used without being read again, should ever a change go unreported.
const MAX_AGE: Duration = Duration::from_mins(5);
/// After a call that found the database away, it is taken to be away for so long.
const AWAY_FOR: Duration = Duration::from_secs(2);
/// So many memberships weigh as much as all the rest of a subject.
const MEMBERSHIPS_PER_WEIGHT: usize = 8;

/// More first uses than this are not gathered at once; what comes beyond is noted at a later use.
const MOST_USES: usize = 20_000;

/// Remembers subjects, tokens and clients; cheap to clone, all clones are one.
#[derive(Clone, Default)]
pub struct SubjectCache {
    remembered: Option<Arc<Inner>>,
    /// Access tokens that were used for the first time, with the digests of their secrets, until that is written.
    first_uses: Arc<Mutex<HashMap<ApiKeyId, Digest>>>,
    /// Until when the database is taken to accept no changes.
    no_notes_until: Arc<Mutex<Option<Instant>>>,
}

struct Inner {
    log: ChangeLog,
    began: Instant,
    /// For so long after the last promise what is remembered is used while the database is away.
    stale_for: Duration,
    /// Until when the database is taken to be away, in microseconds since `began`.
    away_until: AtomicU64,
    subjects: Entries<ApiKeyId, Kept<CachedKey>, ByMemberships>,
    tokens: Entries<ApiKeyId, Kept<CachedToken>>,
    clients: Entries<(AppId, String), Kept<CachedClient>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Something that was read, and what it depends on.
struct Kept<T> {
    value: Arc<T>,
    since: LogPosition,
    depends_on: Arc<[Slot]>,
    at: Instant,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        let Self { value, since, depends_on, at } = self;
        Self { value: Arc::clone(value), since: *since, depends_on: Arc::clone(depends_on), at: *at }
    }
}

/// Who a key belongs to, as a request needs it.
#[derive(Debug)]
pub(crate) struct CachedKey {
    pub(crate) key: Arc<ApiKey>,
    pub(crate) user: Arc<User>,
    pub(crate) memberships: Arc<[Membership]>,
    pub(crate) subject: Subject,
    /// Whether a use of the key was noted since this was read.
    pub(crate) noted: AtomicBool,
}

/// What an access token is.
#[derive(Debug)]
pub(crate) struct CachedToken {
    pub(crate) id: ApiKeyId,
    pub(crate) digest: Digest,
    pub(crate) facts: TokenFacts,
    /// Whether a use of the token was noted since this was read.
    pub(crate) noted: AtomicBool,
}

/// A secret of a confidential client.
#[derive(Debug)]
pub(crate) struct CachedClient {
    pub(crate) digest: Digest,
    pub(crate) secret_id: AppSecretId,
    pub(crate) last_used_at: Option<Time>,
    pub(crate) resources: Vec<Resource>,
}

#[derive(Clone)]
struct ByMemberships;

impl Weighter<ApiKeyId, Kept<CachedKey>> for ByMemberships {
    fn weight(&self, _: &ApiKeyId, kept: &Kept<CachedKey>) -> u64 {
        let more = kept.value.memberships.len() / MEMBERSHIPS_PER_WEIGHT;
        u64::try_from(more).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// How old what is remembered may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Nobody can have changed it unnoticed.
    Fresh,
    /// While the database is away: as old as the settings allow.
    Stale,
}

/// The moment before something is read that may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading(Option<LogPosition>);

impl SubjectCache {
    /// Remembers nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Remembers so many subjects, and as many tokens and clients; nothing when it is zero.
    #[must_use]
    pub fn new(log: ChangeLog, size: usize) -> Self {
        Self::serving_stale(log, size, Duration::ZERO)
    }

    /// The same; but while the database is away, what is remembered is used for so long after the last moment at which
    /// nobody could have changed it unnoticed. What is known to have changed is never used.
    #[must_use]
    pub fn serving_stale(log: ChangeLog, size: usize, stale_for: Duration) -> Self {
        if size == 0 {
            return Self::off();
        }
        let weight = u64::try_from(size).unwrap_or(u64::MAX);
        let inner = Inner {
            log,
            began: Instant::now(),
            stale_for,
            away_until: AtomicU64::new(0),
            subjects: Entries::with_weighter(size, weight, ByMemberships),
            tokens: Entries::new(size),
            clients: Entries::new(size),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        };
        Self { remembered: Some(Arc::new(inner)), ..Self::default() }
    }

    /// Notes that an access token was used, to be written soon; `noted` belongs to what was read of it and saves all but the
    /// first use the trouble.
    pub(crate) fn note_use(&self, id: &ApiKeyId, digest: Digest, noted: &AtomicBool) {
        if noted.load(Ordering::Relaxed) {
            return;
        }
        let mut uses = self.first_uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MOST_USES {
            uses.insert(id.clone(), digest);
            noted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether uses of keys may be written: not for a moment after the database refused to.
    pub(crate) fn takes_notes(&self) -> bool {
        let until = *self.no_notes_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| Instant::now() >= until)
    }

    /// Notes that the database refused to write the use of a key.
    pub(crate) fn takes_no_notes(&self) {
        let mut until = self.no_notes_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + AWAY_FOR);
    }

    /// Whether a use of this token is noted and not yet written.
    pub(crate) fn is_use_noted(&self, id: &ApiKeyId, digest: Digest) -> bool {
        let uses = self.first_uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.get(id).is_some_and(|noted| *noted == digest)
    }

    /// The uses that are to be written.
    pub(crate) fn noted_uses(&self) -> Vec<(ApiKeyId, Digest)> {
        let uses = self.first_uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.iter().map(|(id, digest)| (id.clone(), *digest)).collect()
    }

    /// Forgets uses that were written, unless they are of another secret by now.
    pub(crate) fn forget_uses(&self, written: &[(ApiKeyId, Digest)]) {
        let mut uses = self.first_uses.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, digest) in written {
            if uses.get(id).is_some_and(|noted| noted == digest) {
                uses.remove(id);
            }
        }
    }

    /// How often something was remembered.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.remembered.as_ref().map_or(0, |inner| inner.hits.load(Ordering::Relaxed))
    }

    /// How often something had to be read.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.remembered.as_ref().map_or(0, |inner| inner.misses.load(Ordering::Relaxed))
    }

    /// Whether anything may be remembered at the moment.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.remembered.as_ref().is_some_and(|inner| inner.log.is_vouched_for())
    }

    /// To be called before something is read that may be kept.
    pub(crate) fn reading(&self) -> Reading {
        let log = self.remembered.as_ref().map(|inner| &inner.log).filter(|log| log.is_vouched_for());
        Reading(log.map(ChangeLog::now))
    }

    /// Counts what became of a look.
    pub(crate) fn count(&self, found: bool) {
        if let Some(inner) = &self.remembered {
            let counter = if found { &inner.hits } else { &inner.misses };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn subject(&self, age: Age, id: &ApiKeyId) -> Option<Arc<CachedKey>> {
        let inner = self.remembered.as_deref()?;
        inner.good(age, &inner.subjects, id)
    }

    pub(crate) fn token(&self, age: Age, id: &ApiKeyId) -> Option<Arc<CachedToken>> {
        let inner = self.remembered.as_deref()?;
        inner.good(age, &inner.tokens, id)
    }

    pub(crate) fn client(&self, age: Age, id: &(AppId, String)) -> Option<Arc<CachedClient>> {
        let inner = self.remembered.as_deref()?;
        inner.good(age, &inner.clients, id)
    }

    /// Notes an outage: for a moment the database is not asked where what is remembered will do.
    pub(crate) fn note(&self, outage: Option<Outage>) {
        if let (Some(inner), true) = (&self.remembered, outage.is_some_and(Outage::is_away)) {
            let until = (inner.began.elapsed() + AWAY_FOR).as_micros();
            inner.away_until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// What may be used before the database is asked.
    pub(crate) fn age(&self) -> Age {
        let is_away = self.remembered.as_ref().is_some_and(|inner| {
            inner.began.elapsed() < Duration::from_micros(inner.away_until.load(Ordering::SeqCst))
        });
        if is_away { Age::Stale } else { Age::Fresh }
    }

    /// Remembers a subject, which depends on its key and that of its app, on its user, groups and organizations.
    pub(crate) fn keep_subject(&self, reading: Reading, owner: &KeyOwner, known: &Arc<CachedKey>) {
        let (Some(inner), Some(since)) = (&self.remembered, reading.0) else { return };
        let own = [Change::Key(owner.key.id.clone()), Change::User(owner.user.id)];
        let app = owner.key.oauth2.iter().map(|binding| Change::App(binding.app_id));
        let groups = owner.groups.iter().map(|group| Change::Group(*group));
        let organizations = owner.memberships.iter().map(|m| Change::Organization(m.organization_id));
        let changes = own.into_iter().chain(app).chain(groups).chain(organizations);
        let kept = inner.kept(since, changes, Arc::clone(known));
        inner.subjects.insert(owner.key.id.clone(), kept);
    }

    /// Remembers a token, which depends on its key, its app and its user.
    pub(crate) fn keep_token(&self, reading: Reading, token: &Arc<CachedToken>) {
        let (Some(inner), Some(since)) = (&self.remembered, reading.0) else { return };
        let (user, app) = (token.facts.user_id, token.facts.app_id);
        let changes = [Change::Key(token.id.clone()), Change::User(user), Change::App(app)];
        inner.tokens.insert(token.id.clone(), inner.kept(since, changes.into_iter(), Arc::clone(token)));
    }

    /// Remembers a secret, which depends on its app.
    pub(crate) fn keep_client(&self, reading: Reading, id: (AppId, String), client: CachedClient) {
        let (Some(inner), Some(since)) = (&self.remembered, reading.0) else { return };
        let kept = inner.kept(since, [Change::App(id.0)].into_iter(), Arc::new(client));
        inner.clients.insert(id, kept);
    }
}

impl Inner {
    fn kept<T>(&self, since: LogPosition, changes: impl Iterator<Item = Change>, value: Arc<T>) -> Kept<T> {
        let depends_on = changes.map(|change| self.log.slot(&change)).collect();
        Kept { value, since, depends_on, at: Instant::now() }
    }

    /// What is remembered, if it still holds.
    fn good<K: Hash + Eq, T, W: Weighter<K, Kept<T>> + Clone>(
        &self,
        age: Age,
        entries: &Entries<K, Kept<T>, W>,
        key: &K,
    ) -> Option<Arc<T>> {
        let more = match age {
            _ if self.log.is_vouched_for() => Duration::ZERO,
            Age::Stale if self.log.unvouched_for()? < self.stale_for => self.stale_for,
            Age::Stale | Age::Fresh => return None,
        };
        let kept = entries.get(key)?;
        let holds = self.log.is_unchanged(kept.since, &kept.depends_on) && kept.at.elapsed() < MAX_AGE + more;
        holds.then_some(kept.value)
    }
}

impl fmt::Debug for SubjectCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectCache").field("hits", &self.hits()).field("misses", &self.misses()).finish()
    }
}
