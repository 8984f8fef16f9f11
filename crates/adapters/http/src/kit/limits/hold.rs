//! Places for requests whose outcome will tell whether they count.
//!
//! Looking at the count first and adding to it afterwards would let through as many at once as somebody can send. So a
//! request takes a place before anything is done for it, and when it is over either is counted or gives the place back.
//! When the places that are left are all taken by requests under way, the next one waits for one of them to end: nobody is
//! refused for requests that may turn out not to count.

use super::{Party, RateLimit, Standing, WINDOW_SECONDS, window_of};
use doorward_domain::Instant;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place that a request under way has taken. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Hold {
    limit: Arc<RateLimit>,
    key: (Party, &'static str),
    taken_at: Instant,
    /// Whether the caller is among those that are remembered.
    is_kept: bool,
}

enum Try {
    Taken {
        is_kept: bool,
    },
    /// All that is left is taken by requests under way.
    Wait,
    Full(Standing),
}

impl RateLimit {
    /// Takes a place for a request to `endpoint`; `Err` when as many were counted as are allowed.
    pub(crate) async fn hold(
        self: &Arc<Self>,
        party: Party,
        endpoint: &'static str,
        now: Instant,
    ) -> Result<Hold, Standing> {
        let key = (party, endpoint);
        let take = async {
            loop {
                let freed = self.freed.notified();
                match self.try_hold(key, now) {
                    Try::Taken { is_kept } => {
                        return Ok(Hold { limit: Arc::clone(self), key, taken_at: now, is_kept });
                    }
                    Try::Full(standing) => return Err(standing),
                    Try::Wait => freed.await,
                }
            }
        };
        let (window, _) = window_of(now);
        tokio::time::timeout(PATIENCE, take).await.unwrap_or_else(|_elapsed| Err(self.standing(window, 0, Some(1))))
    }

    fn try_hold(&self, key: (Party, &'static str), now: Instant) -> Try {
        let (window, elapsed) = window_of(now);
        let Some(shard) = self.shard(key) else { return Try::Taken { is_kept: false } };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn_to(window);
        let Some(count) = shard.entry(key) else { return Try::Taken { is_kept: false } };
        let used = count.used(elapsed);
        if used >= u64::from(self.limit) {
            return Try::Full(self.standing(window, 0, Some(u64::try_from(WINDOW_SECONDS - elapsed).unwrap_or(1))));
        }
        if used + u64::from(count.held) >= u64::from(self.limit) {
            return Try::Wait;
        }
        count.held += 1;
        Try::Taken { is_kept: true }
    }

    /// Gives a place back, and counts its request if it `counts`.
    fn settle(&self, key: (Party, &'static str), now: Instant, counts: bool) -> Standing {
        let (window, elapsed) = window_of(now);
        let mut used = 0;
        if let Some(shard) = self.shard(key) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.turn_to(window);
            if let Some(count) = shard.entry(key) {
                count.held = count.held.saturating_sub(1);
                count.current = count.current.saturating_add(u32::from(counts));
                used = count.used(elapsed);
            }
            shard.drop_if_empty(key);
        }
        self.freed.notify_waiters();
        self.standing(window, u32::try_from(u64::from(self.limit).saturating_sub(used)).unwrap_or(0), None)
    }
}

impl Hold {
    /// Counts the request. Answers where its caller stands.
    pub(crate) fn count(mut self) -> Standing {
        if !std::mem::take(&mut self.is_kept) {
            let (window, _) = window_of(self.taken_at);
            return self.limit.standing(window, self.limit.limit, None);
        }
        self.limit.settle(self.key, self.taken_at, true)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_kept {
            self.limit.settle(self.key, self.taken_at, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::limits::ClientName;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-01 00:00 UTC);

    fn limit(most: i64) -> Arc<RateLimit> {
        Arc::new(RateLimit::per_minute(most).unwrap())
    }

    #[tokio::test]
    async fn what_counts_is_counted_once_and_the_rest_is_given_back() {
        let (limit, party) = (limit(2), Party::Client(ClientName::of("a")));
        for _ in 0..5 {
            drop(limit.hold(party, "/a", NOW).await.unwrap());
        }
        assert_eq!(limit.hold(party, "/a", NOW).await.unwrap().count().remaining, 1);
        assert_eq!(limit.hold(party, "/a", NOW).await.unwrap().count().remaining, 0);
        let full = limit.hold(party, "/a", NOW).await.unwrap_err();
        assert_eq!((full.remaining, full.retry_after), (0, Some(60)));
        assert!(
            limit.hold(party, "/b", NOW).await.is_ok()
                && limit.hold(Party::Client(ClientName::of("b")), "/a", NOW).await.is_ok()
        );
    }

    /// Each of many at once waits for those before it, and no more are let in than may count.
    #[tokio::test]
    async fn however_many_come_at_once_no_more_than_the_limit_are_let_in() {
        let (limit, party) = (limit(5), Party::Client(ClientName::of("a")));
        let guesses = (0..100).map(|_| async {
            match limit.hold(party, "/a", NOW).await {
                Ok(hold) => {
                    tokio::task::yield_now().await;
                    hold.count();
                    true
                }
                Err(_) => false,
            }
        });
        let let_in = futures_util::future::join_all(guesses).await.into_iter().filter(|was| *was).count();
        assert_eq!(let_in, 5);
        let successes = (0..100).map(|_| async {
            let hold = limit.hold(party, "/b", NOW).await.unwrap();
            tokio::task::yield_now().await;
            drop(hold);
        });
        futures_util::future::join_all(successes).await;
        assert!(limit.shards.iter().all(|shard| shard.lock().unwrap().counts.len() <= 1), "nothing is left of them");
    }

    #[tokio::test]
    async fn who_comes_while_all_places_are_held_waits_and_is_not_refused() {
        let (limit, party) = (limit(1), Party::Client(ClientName::of("a")));
        let held = limit.hold(party, "/a", NOW).await.unwrap();
        assert!(matches!(limit.try_hold((party, "/a"), NOW), Try::Wait));
        let (waiting, ()) = tokio::join!(limit.hold(party, "/a", NOW), async { drop(held) });
        waiting.unwrap().count();
        assert!(matches!(limit.try_hold((party, "/a"), NOW), Try::Full(_)));
    }

    #[tokio::test]
    async fn a_place_outlives_its_window_and_its_name() {
        let (limit, old, new) = (limit(3), Party::of_grant("a"), Party::of_grant("b"));
        let held = limit.hold(old, "/a", NOW).await.unwrap();
        limit.check(old, "/a", NOW);
        limit.pass_on(old, new, "/a", NOW);
        assert_eq!(limit.check(new, "/a", NOW).remaining, 1);
        limit.check(new, "/a", NOW + time::Duration::minutes(5));
        assert_eq!(held.count().remaining, 2, "of the old name, under which it was taken");
    }
}
