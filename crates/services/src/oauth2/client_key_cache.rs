//! Keys of clients that were fetched, as this server remembers them.

use doorward_domain::Instant;
use doorward_domain::identity_providers::KeySet;
use doorward_domain::oauth2::{CLIENT_KEYS_KEPT, StoredKeySet};
use quick_cache::sync::Cache;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use time::Duration;

/// Of how many clients keys are remembered.
const SETS_MAX: usize = 2000;
/// They are fetched anew for a key that is not among them, but not more often than this: a stranger could make up keys.
const AGAIN: Duration = Duration::MINUTE;
/// After a failure nobody asks again for so long.
const BRAKE: Duration = Duration::seconds(10);

/// Keys of one client.
#[derive(Clone, Debug)]
pub(crate) struct KnownKeys {
    /// The last that could be read; empty as long as none could.
    pub(crate) keys: Arc<KeySet>,
    fetched_at: Instant,
    fresh_until: Instant,
    /// When they were last fetched because they did not suffice.
    again: Option<Instant>,
    failed_at: Option<Instant>,
}

impl KnownKeys {
    /// Keys that were just fetched; `again` if those before did not suffice.
    pub(crate) fn fetched(keys: KeySet, fresh_for: Duration, again: bool, now: Instant) -> Self {
        Self {
            keys: Arc::new(keys),
            fetched_at: now,
            fresh_until: now + fresh_for,
            again: again.then_some(now),
            failed_at: None,
        }
    }

    /// Keys that any server has fetched and kept; `None` if they cannot be read.
    pub(crate) fn stored(set: &StoredKeySet) -> Option<Self> {
        let keys = Arc::new(KeySet::parse(&set.body).ok()?);
        let (fetched_at, fresh_until) = (set.fetched_at, set.fresh_until);
        Some(Self { keys, fetched_at, fresh_until, again: set.again_at, failed_at: None })
    }

    /// As they are kept for other servers.
    pub(crate) fn to_stored(&self, url: &str, body: Vec<u8>) -> StoredKeySet {
        let Self { fetched_at, fresh_until, again, .. } = *self;
        StoredKeySet { url: url.to_owned(), body, fetched_at, fresh_until, again_at: again }
    }

    /// Whether they were fetched after those.
    pub(crate) fn is_newer_than(&self, known: Option<&Self>) -> bool {
        known.is_none_or(|known| self.fetched_at > known.fetched_at)
    }

    /// Whether it is time to fetch them, so that nobody will have to wait for it: when four fifths of their time are over.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let is_braked = self.failed_at.is_some_and(|at| now - at < BRAKE);
        !is_braked && now >= self.fresh_until - (self.fresh_until - self.fetched_at) / 5
    }

    /// What is known after the keys could not be fetched.
    pub(crate) fn failed(known: Option<Self>, again: bool, now: Instant) -> Self {
        let nothing = Self {
            keys: Arc::default(),
            fetched_at: Instant::UNIX_EPOCH,
            fresh_until: Instant::UNIX_EPOCH,
            again: None,
            failed_at: None,
        };
        let known = known.unwrap_or(nothing);
        Self { again: if again { Some(now) } else { known.again }, failed_at: Some(now), ..known }
    }

    /// Whether nobody need ask; `again`: because a key is not among them.
    pub(crate) fn suffices(&self, again: bool, now: Instant) -> bool {
        let is_braked = self.failed_at.is_some_and(|at| now - at < BRAKE);
        is_braked || if again { self.again.is_some_and(|at| now - at < AGAIN) } else { now < self.fresh_until }
    }

    /// Whether they are good at all.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        now - self.fetched_at < CLIENT_KEYS_KEPT
    }
}

/// Keys of clients, by where they are.
#[derive(Debug)]
pub(crate) struct ClientKeyCache {
    known: Cache<String, KnownKeys>,
    /// Those that are being fetched ahead of time.
    under_way: Mutex<HashSet<String>>,
}

impl Default for ClientKeyCache {
    fn default() -> Self {
        Self { known: Cache::new(SETS_MAX), under_way: Mutex::default() }
    }
}

impl ClientKeyCache {
    /// What is known of the keys at this URL.
    pub(crate) fn find(&self, url: &str) -> Option<KnownKeys> {
        self.known.get(url)
    }

    /// Remembers keys.
    pub(crate) fn keep(&self, url: &str, known: KnownKeys) {
        self.known.insert(url.to_owned(), known);
    }

    /// Whether the caller is the one that fetches them ahead of time, and says [`ended`](Self::ended) afterwards.
    pub(crate) fn begins(&self, url: &str) -> bool {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned())
    }

    /// They were fetched ahead of time, or could not be.
    pub(crate) fn ended(&self, url: &str) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    #[test]
    fn keys_are_asked_for_again_when_they_are_old_or_do_not_suffice_and_then_once_a_minute() {
        let known = KnownKeys::fetched(KeySet::default(), Duration::HOUR, false, NOW);
        assert!(known.suffices(false, NOW + Duration::minutes(59)) && !known.suffices(false, NOW + Duration::HOUR));
        assert!(!known.suffices(true, NOW), "a key that is not among them");
        let known = KnownKeys::fetched(KeySet::default(), Duration::HOUR, true, NOW);
        assert!(known.suffices(true, NOW + Duration::seconds(59)) && !known.suffices(true, NOW + Duration::MINUTE));
    }

    #[test]
    fn keys_are_due_when_four_fifths_of_their_time_are_over_and_one_fetches_them() {
        let known = KnownKeys::fetched(KeySet::default(), Duration::HOUR, false, NOW);
        let due = NOW + Duration::minutes(48);
        assert!(!known.is_due(due - Duration::SECOND) && known.is_due(due) && known.suffices(false, due));
        let failed = KnownKeys::failed(Some(known), false, due);
        assert!(!failed.is_due(due + Duration::seconds(9)) && failed.is_due(due + BRAKE));
        let cache = ClientKeyCache::default();
        assert!(cache.begins("a") && !cache.begins("a") && cache.begins("b"));
        cache.ended("a");
        assert!(cache.begins("a"));
    }

    #[test]
    fn what_other_servers_have_fetched_counts_as_fetched() {
        let known = KnownKeys::fetched(KeySet::default(), Duration::HOUR, true, NOW);
        let stored = known.to_stored("https://app.example/jwks", br#"{"keys":[]}"#.to_vec());
        let other = KnownKeys::stored(&stored).unwrap();
        assert!(other.suffices(true, NOW + Duration::seconds(59)) && other.suffices(false, NOW));
        assert!(other.is_newer_than(None) && !other.is_newer_than(Some(&known)));
        let older = KnownKeys::fetched(KeySet::default(), Duration::HOUR, true, NOW - Duration::SECOND);
        assert!(other.is_newer_than(Some(&older)));
        assert!(KnownKeys::stored(&StoredKeySet { body: b"x".to_vec(), ..stored }).is_none());
    }

    #[test]
    fn what_cannot_be_fetched_is_not_asked_for_at_once_and_old_keys_are_good_for_a_week() {
        let known = KnownKeys::fetched(KeySet::default(), Duration::HOUR, false, NOW);
        let later = NOW + Duration::hours(2);
        let failed = KnownKeys::failed(Some(known), false, later);
        assert!(failed.suffices(false, later + Duration::seconds(9)) && !failed.suffices(false, later + BRAKE));
        assert!(failed.is_usable(NOW + Duration::days(6)) && !failed.is_usable(NOW + Duration::days(7)));
        let never = KnownKeys::failed(None, true, NOW);
        assert!(!never.is_usable(NOW) && never.suffices(true, NOW + Duration::seconds(59)));
    }
}
