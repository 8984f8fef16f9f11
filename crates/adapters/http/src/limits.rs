//! Rate limits (`identity.md` 1.9): so many requests per minute, caller and endpoint.
//!
//! A caller is the signed-in user, else the address. Whether a credential is good is known only after the store was
//! asked, so the limit is checked after authentication: a limit that trusted the id of an unproved token could be
//! evaded by inventing ids. Requests with a bad credential count against their address.
//!
//! The count is that of a sliding window: this minute's requests and the part of the last minute's that the window
//! still covers. `governor` was looked at: its cells refill while a client sends, so the 61st of 60 allowed requests
//! would pass when the first 60 took a second. Counters are dropped when their window has passed, and there are never
//! more than [`MAX_PER_SHARD`] of them per shard; callers beyond that are not counted.

use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Length of the window.
const WINDOW_SECONDS: i64 = 60;
const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = 8 * 1024;

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    User(UserId),
    Address(IpAddr),
}

impl Party {
    /// By address; a whole IPv6 network of 64 bits is one caller, for it belongs to one.
    pub(crate) fn of_address(ip: IpAddr) -> Self {
        Self::Address(match ip {
            IpAddr::V4(_) => ip,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests allowed per minute.
    pub(crate) limit: u32,
    /// How many more are allowed now.
    pub(crate) remaining: u32,
    /// When the present window ends, in Unix seconds.
    pub(crate) reset: i64,
    /// Seconds to wait, when the request is one too many.
    pub(crate) retry_after: Option<u64>,
}

/// One limit, counting for many callers.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: u32,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    window: i64,
    counts: HashMap<(Party, &'static str), Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    previous: u32,
    current: u32,
}

impl RateLimit {
    /// So many requests per minute; `None` when the number is 0 or less, which means any number.
    pub(crate) fn per_minute(limit: i64) -> Option<Self> {
        let limit = u32::try_from(limit).unwrap_or(if limit > 0 { u32::MAX } else { 0 });
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        (limit > 0).then(|| Self { limit, hasher: RandomState::new(), shards: shards() })
    }

    /// Counts a request to `endpoint`, unless it is one too many.
    pub(crate) fn check(&self, party: Party, endpoint: &'static str, now: Instant) -> Standing {
        let key = (party, endpoint);
        let (window, elapsed) = {
            let seconds = now.unix_timestamp();
            (seconds.div_euclid(WINDOW_SECONDS), seconds.rem_euclid(WINDOW_SECONDS))
        };
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let standing = |remaining, retry_after| Standing {
            limit: self.limit,
            remaining,
            reset: (window + 1) * WINDOW_SECONDS,
            retry_after,
        };
        let Some(shard) = self.shards.get(shard) else { return standing(self.limit, None) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn_to(window);
        if shard.counts.len() >= MAX_PER_SHARD && !shard.counts.contains_key(&key) {
            return standing(self.limit, None);
        }
        let count = shard.counts.entry(key).or_default();
        let used = count.used(elapsed);
        if used >= u64::from(self.limit) {
            return standing(0, Some(u64::try_from(WINDOW_SECONDS - elapsed).unwrap_or(1)));
        }
        count.current += 1;
        standing(u32::try_from(u64::from(self.limit) - used - 1).unwrap_or(0), None)
    }
}

impl Count {
    /// Requests within the window that ends now.
    fn used(self, elapsed: i64) -> u64 {
        let left = u64::try_from(WINDOW_SECONDS - elapsed).unwrap_or(0);
        u64::from(self.previous) * left / WINDOW_SECONDS.unsigned_abs() + u64::from(self.current)
    }
}

impl Shard {
    fn turn_to(&mut self, window: i64) {
        match window - self.window {
            0 => return,
            1 => self.counts.retain(|_, count| {
                *count = Count { previous: count.current, current: 0 };
                count.previous > 0
            }),
            _ => self.counts.clear(),
        }
        self.window = window;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-01 00:00 UTC);

    fn user(n: u128) -> Party {
        Party::User(UserId(uuid::Uuid::from_u128(n)))
    }

    #[test]
    fn the_one_too_many_waits_for_the_window() {
        let limit = RateLimit::per_minute(3).unwrap();
        let remaining: Vec<u32> = (0..3).map(|_| limit.check(user(1), "/a", NOW).remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = limit.check(user(1), "/a", NOW + Duration::seconds(20));
        assert_eq!(refused.retry_after, Some(40));
        assert_eq!(refused.reset, NOW.unix_timestamp() + 60);
        assert_eq!(limit.check(user(1), "/b", NOW).retry_after, None, "each endpoint has its own count");
        assert_eq!(limit.check(user(2), "/a", NOW).retry_after, None, "each caller has its own count");
    }

    #[test]
    fn the_window_slides() {
        let limit = RateLimit::per_minute(60).unwrap();
        for _ in 0..60 {
            limit.check(user(1), "/a", NOW + Duration::seconds(59));
        }
        let soon = NOW + Duration::seconds(61);
        assert!((0..2).any(|_| limit.check(user(1), "/a", soon).retry_after.is_some()));
        assert_eq!(limit.check(user(1), "/a", NOW + Duration::seconds(90)).remaining, 28);
        assert_eq!(limit.check(user(1), "/a", NOW + Duration::minutes(10)).remaining, 59);
    }

    #[test]
    fn none_means_any_number() {
        assert!(RateLimit::per_minute(0).is_none() && RateLimit::per_minute(-1).is_none());
        assert!(RateLimit::per_minute(i64::MAX).is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_caller() {
        let party = |ip: &str| Party::of_address(ip.parse().unwrap());
        assert_eq!(party("2001:db8::1"), party("2001:db8::ffff:1"));
        assert_ne!(party("2001:db8::1"), party("2001:db8:0:1::1"));
        assert_ne!(party("192.0.2.1"), party("192.0.2.2"));
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RateLimit::per_minute(1).unwrap();
        let many = u128::try_from(2 * SHARDS * MAX_PER_SHARD).unwrap();
        for n in 0..many {
            limit.check(user(n), "/a", NOW);
        }
        let counted = || limit.shards.iter().map(|shard| shard.lock().unwrap().counts.len()).sum::<usize>();
        assert_eq!(counted(), SHARDS * MAX_PER_SHARD);
        for n in 0..1000 {
            limit.check(user(n), "/a", NOW + Duration::minutes(2));
        }
        assert!(counted() <= 1000);
    }
}
