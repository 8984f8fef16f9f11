//! Rate limits (`identity.md` 1.9): so many requests per minute, caller and endpoint.
//!
//! A caller is the signed-in user, else the address; at the endpoints for OAuth2 clients see `tally.rs`. Whether a credential is good is known only after the store was
//! asked, so the limit is checked after authentication: a limit that trusted the id of an unproved token could be
//! evaded by inventing ids. Requests with a bad credential count against their address.
//!
//! The count is that of a sliding window: this minute's requests and the part of the last minute's that the window
//! still covers. `governor` was looked at: its cells refill while a client sends, so the 61st of 60 allowed requests
//! would pass when the first 60 took a second. Counters are dropped when their window has passed, and there are never
//! more than [`MAX_PER_SHARD`] of them per shard; callers beyond that are not counted. Where only the outcome of a request
//! tells whether it counts, it holds a place meanwhile, see [`Hold`].

use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{LazyLock, Mutex, PoisonError};
use tokio::sync::Notify;

mod hold;

pub(crate) use hold::Hold;

/// Length of the window.
const WINDOW_SECONDS: i64 = 60;
const SHARDS: usize = 16;
const MAX_PER_SHARD: usize = 8 * 1024;

/// Which limit counts the requests to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// None.
    Off,
    /// That of the API, per endpoint.
    Api,
    /// That of sign-in, per endpoint.
    Login,
    /// That of sign-in, for all that people do below `/oauth2` together.
    OAuth2,
    /// That of downloads of files.
    Files,
    /// That of OAuth2 clients, see [`crate::kit::tally`].
    Client,
}

/// Stands for the id of a client, which may be of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientName(u128);

impl ClientName {
    pub(crate) fn of(id: &str) -> Self {
        Self(name(id))
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    User(UserId),
    Address(IpAddr),
    /// An OAuth2 client, by a hash of its id.
    Client(ClientName),
    /// An OAuth2 client, as far as requests come from this address.
    ClientAt(ClientName, IpAddr),
    /// A grant, by a hash of its present refresh token.
    Grant(u128),
}

impl Party {
    /// By address; a whole IPv6 network of 64 bits is one caller, for it belongs to one.
    pub(crate) fn of_address(ip: IpAddr) -> Self {
        Self::Address(network_of(ip))
    }

    /// The client of this name, as far as it is seen from this address.
    pub(crate) fn of_client_at(name: ClientName, ip: IpAddr) -> Self {
        Self::ClientAt(name, network_of(ip))
    }

    /// The grant whose refresh token this is at the moment.
    pub(crate) fn of_grant(refresh_token: &str) -> Self {
        Self::Grant(name(refresh_token))
    }
}

fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// A short name of a text of any length, by two hashes whose keys this process drew: nobody can make two texts of one name,
/// and it costs a tenth of a digest, of which a request would need three.
fn name(text: &str) -> u128 {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    KEYS.iter().fold(0, |name, key| name << 64 | u128::from(key.hash_one(text)))
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
    /// Told when a request that held a place was counted or gave it back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Shard {
    window: i64,
    counts: HashMap<(Party, &'static str), Count>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    previous: u32,
    current: u32,
    /// Requests under way that may come to count.
    held: u32,
}

impl RateLimit {
    /// So many requests per minute; `None` when the number is 0 or less, which means any number.
    pub(crate) fn per_minute(limit: i64) -> Option<Self> {
        let limit = u32::try_from(limit).unwrap_or(if limit > 0 { u32::MAX } else { 0 });
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        (limit > 0).then(|| Self { limit, hasher: RandomState::new(), shards: shards(), freed: Notify::new() })
    }

    /// Counts a request to `endpoint`, unless it is one too many.
    pub(crate) fn check(&self, party: Party, endpoint: &'static str, now: Instant) -> Standing {
        let (key, (window, elapsed)) = ((party, endpoint), window_of(now));
        let Some(shard) = self.shard(key) else { return self.standing(window, self.limit, None) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn_to(window);
        let Some(count) = shard.entry(key) else { return self.standing(window, self.limit, None) };
        let used = count.used(elapsed);
        if used >= u64::from(self.limit) {
            return self.standing(window, 0, Some(u64::try_from(WINDOW_SECONDS - elapsed).unwrap_or(1)));
        }
        count.current = count.current.saturating_add(1);
        self.standing(window, u32::try_from(u64::from(self.limit) - used - 1).unwrap_or(0), None)
    }

    fn standing(&self, window: i64, remaining: u32, retry_after: Option<u64>) -> Standing {
        Standing { limit: self.limit, remaining, reset: (window + 1) * WINDOW_SECONDS, retry_after }
    }

    /// Counts what `from` has sent to `endpoint` as sent by `to`, who is the same under a new name.
    pub(crate) fn pass_on(&self, from: Party, to: Party, endpoint: &'static str, now: Instant) {
        let (window, _) = window_of(now);
        let Some(shard) = self.shard((from, endpoint)) else { return };
        let taken = {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.turn_to(window);
            let Some(count) = shard.counts.get_mut(&(from, endpoint)) else { return };
            let taken = *count;
            *count = Count { previous: 0, current: 0, held: taken.held };
            shard.drop_if_empty((from, endpoint));
            taken
        };
        let Some(shard) = self.shard((to, endpoint)) else { return };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn_to(window);
        if let Some(count) = shard.entry((to, endpoint)) {
            count.previous = count.previous.saturating_add(taken.previous);
            count.current = count.current.saturating_add(taken.current);
        }
    }

    fn shard(&self, key: (Party, &'static str)) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0))
    }
}

/// The window of an instant, and the seconds of it that are over.
fn window_of(now: Instant) -> (i64, i64) {
    let seconds = now.unix_timestamp();
    (seconds.div_euclid(WINDOW_SECONDS), seconds.rem_euclid(WINDOW_SECONDS))
}

impl Count {
    /// Requests within the window that ends now.
    fn used(self, elapsed: i64) -> u64 {
        let left = u64::try_from(WINDOW_SECONDS - elapsed).unwrap_or(0);
        u64::from(self.previous) * left / WINDOW_SECONDS.unsigned_abs() + u64::from(self.current)
    }
}

impl Shard {
    /// The count of a caller, unless there are too many callers to remember another one.
    fn entry(&mut self, key: (Party, &'static str)) -> Option<&mut Count> {
        let has_room = self.counts.len() < MAX_PER_SHARD;
        match self.counts.entry(key) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(place) => has_room.then(|| place.insert(Count::default())),
        }
    }

    fn drop_if_empty(&mut self, key: (Party, &'static str)) {
        if self.counts.get(&key).is_some_and(|count| *count == Count::default()) {
            self.counts.remove(&key);
        }
    }

    fn turn_to(&mut self, window: i64) {
        match window - self.window {
            0 => return,
            // The clock was set back: what was counted counts as of now.
            ..0 => {}
            1 => self.counts.retain(|_, count| {
                *count = Count { previous: count.current, current: 0, held: count.held };
                count.previous > 0 || count.held > 0
            }),
            _ => self.counts.retain(|_, count| {
                *count = Count { previous: 0, current: 0, held: count.held };
                count.held > 0
            }),
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
    fn a_new_name_keeps_the_count() {
        let limit = RateLimit::per_minute(2).unwrap();
        let (old, new) = (Party::of_grant("a"), Party::of_grant("b"));
        limit.check(old, "/a", NOW);
        limit.pass_on(old, new, "/a", NOW);
        assert_eq!(limit.check(new, "/a", NOW).remaining, 0);
        assert!(limit.check(new, "/a", NOW).retry_after.is_some());
        assert_eq!(limit.check(old, "/a", NOW).remaining, 1);
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
    fn a_clock_that_is_set_back_frees_nobody_and_holds_nobody_for_longer() {
        let limit = RateLimit::per_minute(3).unwrap();
        for _ in 0..3 {
            limit.check(user(1), "/a", NOW);
        }
        let yesterday = NOW - Duration::DAY;
        assert_eq!(limit.check(user(1), "/a", yesterday).retry_after, Some(60));
        assert_eq!(limit.check(user(1), "/a", yesterday + Duration::minutes(2)).retry_after, None);
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
