//! Slowing down those who guess passwords.

use crate::Instant;
use time::Duration;

/// For how long a place from which a user has signed in stays known.
pub const PLACE_MEMORY: Duration = Duration::days(30);

/// How failed sign-ins of one account or one address are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// Failures that cost nothing.
    pub free: u32,
    /// Wait after the first failure past the free ones; doubles with each further one.
    pub first_wait: Duration,
    /// Longest wait, so that the rightful user is never shut out for long.
    pub longest_wait: Duration,
    /// Failures are forgotten when none came for so long.
    pub memory: Duration,
}

impl ThrottlePolicy {
    /// For one account: five free tries, then 1 s, 2 s, 4 s up to a minute.
    pub const ACCOUNT: Self =
        Self { free: 5, first_wait: Duration::SECOND, longest_wait: Duration::MINUTE, memory: Duration::minutes(15) };
    /// For one address, behind which many people may sit: twenty free tries.
    pub const ADDRESS: Self = Self { free: 20, ..Self::ACCOUNT };
}

/// The failures remembered of one account or one address.
///
/// ```
/// use doorward_domain::Instant;
/// use doorward_domain::sessions::{Throttle, ThrottlePolicy};
/// use time::Duration;
///
/// let (policy, now) = (ThrottlePolicy::ACCOUNT, Instant::UNIX_EPOCH);
/// let mut account = Throttle::default();
/// for _ in 0..5 {
///     assert_eq!(account.wait(policy, now), Duration::ZERO);
///     account = account.after_failure(policy, now);
/// }
/// assert_eq!(account.wait(policy, now), Duration::SECOND);
/// assert_eq!(account.wait(policy, now + Duration::SECOND), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Failures in a row.
    pub failures: u32,
    /// When the last one happened.
    pub last_failure: Option<Instant>,
}

impl Throttle {
    /// How long to wait before the next try is looked at; zero when it may be looked at now.
    ///
    /// Never more than [`ThrottlePolicy::longest_wait`]: a failure in the future, which is there when the clock was set
    /// back, counts as one of now. See [`Self::is_ahead`].
    #[must_use]
    pub fn wait(&self, policy: ThrottlePolicy, now: Instant) -> Duration {
        let Some(last) = self.last_failure.map(|last| last.min(now)) else { return Duration::ZERO };
        if now - last >= policy.memory || self.failures < policy.free {
            return Duration::ZERO;
        }
        let doublings = (self.failures - policy.free).min(30);
        let wait = (policy.first_wait * (1_i32 << doublings)).min(policy.longest_wait);
        (last + wait - now).max(Duration::ZERO)
    }

    /// Whether the last failure lies in the future, because the clock was set back. It must be written anew as of now, lest
    /// the wait begin again with every look until the clock has caught up.
    #[must_use]
    pub fn is_ahead(&self, now: Instant) -> bool {
        self.last_failure.is_some_and(|last| last > now)
    }

    /// The state after one more failure.
    #[must_use]
    pub fn after_failure(&self, policy: ThrottlePolicy, now: Instant) -> Self {
        let forgotten = self.last_failure.is_none_or(|last| now - last >= policy.memory);
        let failures = if forgotten { 1 } else { self.failures.saturating_add(1) };
        Self { failures, last_failure: Some(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_clock_that_is_set_back_never_makes_anybody_wait_longer() {
        let now = datetime!(2026-01-02 00:00 UTC);
        for policy in [ThrottlePolicy::ACCOUNT, ThrottlePolicy::ADDRESS] {
            for failures in 0..40 {
                for ahead in [Duration::SECOND, Duration::HOUR, Duration::DAY, Duration::days(4000)] {
                    let throttle = Throttle { failures, last_failure: Some(now + ahead) };
                    assert!(throttle.is_ahead(now));
                    let wait = throttle.wait(policy, now);
                    assert!(wait <= policy.longest_wait, "{failures} {ahead} {wait}");
                    assert_eq!(wait, Throttle { failures, last_failure: Some(now) }.wait(policy, now));
                    assert_eq!(throttle.after_failure(policy, now).last_failure, Some(now));
                }
            }
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_forgotten() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let policy = ThrottlePolicy::ACCOUNT;
        let mut throttle = Throttle::default();
        let mut waits = Vec::new();
        for _ in 0..14 {
            throttle = throttle.after_failure(policy, now);
            waits.push(throttle.wait(policy, now).whole_seconds());
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(throttle.wait(policy, now + Duration::MINUTE), Duration::ZERO);
        assert_eq!(throttle.after_failure(policy, now + policy.memory).failures, 1);
    }
}
