//! Keys of clients that were fetched, as this server remembers them.

use doorward_domain::Instant;
use doorward_domain::identity_providers::KeySet;
use quick_cache::sync::Cache;
use std::sync::Arc;
use time::Duration;

/// Of how many clients keys are remembered.
const SETS_MAX: usize = 2000;
/// For how long they are used when they cannot be fetched again.
const STALE: Duration = Duration::days(7);
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
        now - self.fetched_at < STALE
    }
}

/// Keys of clients, by where they are.
#[derive(Debug)]
pub(crate) struct ClientKeyCache(Cache<String, KnownKeys>);

impl Default for ClientKeyCache {
    fn default() -> Self {
        Self(Cache::new(SETS_MAX))
    }
}

impl ClientKeyCache {
    /// What is known of the keys at this URL.
    pub(crate) fn find(&self, url: &str) -> Option<KnownKeys> {
        self.0.get(url)
    }

    /// Remembers keys.
    pub(crate) fn keep(&self, url: &str, known: KnownKeys) {
        self.0.insert(url.to_owned(), known);
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
