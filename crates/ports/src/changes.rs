//! What writes change for requests that others make: who a cached subject is, and what it may do.

use doorward_domain::ids::{AppId, GroupId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKeyId;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Something that a cached subject depends on has changed, or may have.
///
/// Repositories report it when they write; after the commit, whoever keeps subjects forgets those concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A user: status, name, site roles, memberships, groups, or all of its keys.
    User(UserId),
    /// One key: its secret, scopes, expiry, or that it exists.
    Key(ApiKeyId),
    /// The keys that belong to an OAuth2 app.
    App(AppId),
    /// The members of a group, all at once.
    Group(GroupId),
    /// The members of an organization, all at once: its custom roles, its default roles, or the organization itself.
    Organization(OrganizationId),
    /// The keys of the server: one was replaced. No subject depends on them; whoever keeps the keys reads them anew.
    CryptoKeys,
    /// The licences: one was added or removed. No subject depends on them; whoever keeps what they give reads them anew.
    Licenses,
    /// What owners say about clients and resources: what is blocked, and which resources are registered. No subject depends on it;
    /// whoever keeps it reads it anew.
    ClientPolicy,
    /// More than can be told.
    Everything,
}

/// So many slots tell what changed; things that share one are forgotten together.
const PLACES: usize = 16 * 1024;

/// Remembers when what changed last, so that whoever keeps a copy of something stored can tell whether it still holds.
/// Cheap to clone; all clones are one. Adapters report, services ask.
///
/// A copy is good while nothing that it depends on was reported since the [`LogPosition`] *before* it was read. A change is
/// reported after it was committed, so what was read before the commit is older than the report, whenever it is kept;
/// and what was read after the report has seen the change. No lock and no list of copies is needed for that.
///
/// Copies are good only while the adapter vouches for hearing of all changes, see [`ChangeLog::extend_lease`].
#[derive(Clone, Debug, Default)]
pub struct ChangeLog(Arc<Inner>);

struct Inner {
    /// Counts reports.
    last: AtomicU64,
    /// The report that concerned everything.
    everything: AtomicU64,
    /// The last report of each place.
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    began: Instant,
    /// In microseconds since `began`; zero for never.
    lease_until: AtomicU64,
    /// When the promise was last taken back; zero for never.
    withdrawn_at: AtomicU64,
    flushes: AtomicU64,
}

/// A point in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition(u64);

/// Where reports of one thing are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u16);

impl ChangeLog {
    /// Now. To be asked *before* what is to be kept is read.
    #[must_use]
    pub fn now(&self) -> LogPosition {
        LogPosition(self.0.last.load(Ordering::SeqCst))
    }

    /// Where changes of this kind are written down, for [`Self::is_unchanged`]. Everything has no place.
    #[must_use]
    pub fn slot(&self, change: &Change) -> Slot {
        let hash = self.0.hasher.hash_one(change) % PLACES as u64;
        Slot(u16::try_from(hash).unwrap_or(0))
    }

    /// Whether nothing was reported of these slots, nor of everything, since that moment.
    #[must_use]
    pub fn is_unchanged(&self, since: LogPosition, slots: &[Slot]) -> bool {
        self.0.everything.load(Ordering::SeqCst) <= since.0
            && slots.iter().all(|place| {
                let last = self.0.slots.get(usize::from(place.0)).map(|last| last.load(Ordering::SeqCst));
                last.is_some_and(|last| last <= since.0)
            })
    }

    /// Reports what was committed.
    pub fn report(&self, changes: &[Change]) {
        for change in changes {
            if *change == Change::Everything {
                self.report_everything();
                continue;
            }
            let number = self.0.last.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(last) = self.0.slots.get(usize::from(self.slot(change).0)) {
                last.fetch_max(number, Ordering::SeqCst);
            }
        }
    }

    /// Reports that everything may have changed.
    pub fn report_everything(&self) {
        let number = self.0.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.everything.fetch_max(number, Ordering::SeqCst);
        self.0.flushes.fetch_add(1, Ordering::Relaxed);
    }

    /// The adapter vouches: whatever anybody commits is reported here at most until then, or it will no longer vouch.
    /// Must be called by one thread only. Where the last promise has run out, everything may have changed meanwhile.
    pub fn extend_lease(&self, deadline: Instant) {
        if !self.is_vouched_for() {
            self.report_everything();
        }
        let micros = deadline.saturating_duration_since(self.0.began).as_micros();
        self.0.lease_until.store(u64::try_from(micros).unwrap_or(0), Ordering::SeqCst);
    }

    /// The adapter takes its promise back.
    pub fn revoke_lease(&self) {
        let until = self.0.lease_until.swap(0, Ordering::SeqCst);
        if until > 0 {
            let now = u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.0.withdrawn_at.store(until.min(now).max(1), Ordering::SeqCst);
        }
    }

    /// How long ago the last promise ended; zero while it holds, `None` when there never was one.
    #[must_use]
    pub fn unvouched_for(&self) -> Option<Duration> {
        let until = match self.0.lease_until.load(Ordering::SeqCst) {
            0 => self.0.withdrawn_at.load(Ordering::SeqCst),
            until => until,
        };
        (until > 0).then(|| self.0.began.elapsed().saturating_sub(Duration::from_micros(until)))
    }

    /// Whether copies may be used at all.
    #[must_use]
    pub fn is_vouched_for(&self) -> bool {
        let until = self.0.lease_until.load(Ordering::SeqCst);
        until > 0 && self.0.began.elapsed() < Duration::from_micros(until)
    }

    /// How often everything was reported.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.0.flushes.load(Ordering::Relaxed)
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            last: AtomicU64::new(0),
            everything: AtomicU64::new(0),
            slots: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            began: Instant::now(),
            lease_until: AtomicU64::new(0),
            withdrawn_at: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("last", &self.last).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use uuid::Uuid;

    fn user(n: u128) -> Change {
        Change::User(UserId(Uuid::from_u128(n)))
    }

    #[test]
    fn what_was_read_before_a_report_is_old() {
        let log = ChangeLog::default();
        let (ann, bob) = (log.slot(&user(1)), log.slot(&user(2)));
        let before = log.now();
        assert!(log.is_unchanged(before, &[ann, bob]));
        log.report(&[user(1)]);
        assert!(!log.is_unchanged(before, &[bob, ann]));
        assert!(ann == bob || log.is_unchanged(before, &[bob]));
        let after = log.now();
        assert!(log.is_unchanged(after, &[ann]));
        log.report(&[Change::Everything]);
        assert!(!log.is_unchanged(after, &[]) && log.is_unchanged(log.now(), &[ann]));
    }

    #[test]
    fn a_promise_runs_out_and_may_have_missed_something() {
        let log = ChangeLog::default();
        assert!(!log.is_vouched_for());
        log.extend_lease(Instant::now() + Duration::from_secs(60));
        let kept = log.now();
        assert!(log.is_vouched_for() && log.is_unchanged(kept, &[]));
        log.extend_lease(Instant::now() + Duration::from_secs(60));
        assert!(log.is_unchanged(kept, &[]), "a promise that is renewed in time has missed nothing");
        log.extend_lease(Instant::now());
        assert!(!log.is_vouched_for());
        log.extend_lease(Instant::now() + Duration::from_secs(60));
        assert!(!log.is_unchanged(kept, &[]));
        log.revoke_lease();
        assert!(!log.is_vouched_for());
    }

    /// A reader keeps what it read together with the moment before; a writer changes and reports. Whatever the order of
    /// their steps, a copy that is called good is what the last reported change has written.
    #[test]
    fn no_interleaving_keeps_an_old_copy() {
        let (log, stored) = (ChangeLog::default(), AtomicU64::new(0));
        let (place, reported) = (log.slot(&user(1)), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for value in 1..200_000 {
                    stored.store(value, Ordering::SeqCst);
                    log.report(&[user(1)]);
                    reported.store(value, Ordering::SeqCst);
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut good = 0;
                    while reported.load(Ordering::SeqCst) < 199_999 {
                        let moment = log.now();
                        let copy = stored.load(Ordering::SeqCst);
                        let known = reported.load(Ordering::SeqCst);
                        if log.is_unchanged(moment, &[place]) {
                            good += 1;
                            assert!(copy >= known, "kept {copy}, but {known} was reported");
                        }
                    }
                    assert!(log.is_unchanged(log.now(), &[place]) || good > 0);
                });
            }
        });
    }
}
