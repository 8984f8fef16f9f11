//! Background jobs: when they run, and how long the right to run one lasts.
//!
//! Of several servers one runs a job. It holds a lease, which it extends while it runs; when it dies, the lease ends by
//! itself and another server takes over. Stored times are those of the database; a server measures by its own monotonic
//! clock only how long ago it asked.

use crate::Instant;
use time::Duration;

/// When a job runs: so long after its last run ended, and a random part of the jitter later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    every: Duration,
    jitter: Duration,
}

impl Schedule {
    /// The pause between two runs, without jitter.
    #[must_use]
    pub const fn every(pause: Duration) -> Self {
        Self { every: pause, jitter: Duration::ZERO }
    }

    /// The same, and up to `jitter` later each time, so that deployments on one database do not work in step.
    #[must_use]
    pub const fn with_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// Whether a job that nobody has claimed for so long is overdue: it has missed three runs.
    #[must_use]
    pub fn is_overdue(&self, unclaimed_for: Duration) -> bool {
        unclaimed_for > 3 * (self.every + self.jitter)
    }

    /// The pause until the next run. `draw` is random.
    #[must_use]
    pub fn pause(&self, draw: u32) -> Duration {
        self.every + self.jitter * (f64::from(draw) / f64::from(u32::MAX))
    }
}

/// How long the right to run a job lasts, and how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// For how long the database grants it, at each request anew. Another server takes over after so long at the latest.
    pub length: Duration,
}

impl LeaseTerms {
    /// Those of all jobs: short enough that nobody misses a dead server, long enough for a slow database.
    pub const DEFAULT: Self = Self { length: Duration::seconds(15) };

    /// The pause between two requests to extend it: two may fail.
    #[must_use]
    pub fn extend_every(&self) -> Duration {
        self.length / 4
    }

    /// For how long after it was *asked* for the holder may rely on it. The database grants it later than that, and clocks
    /// do not run at quite the same speed, so this ends before the lease does.
    #[must_use]
    pub fn safe_for(&self) -> Duration {
        self.length - self.length / 10
    }

    /// Whether the holder may still rely on it.
    #[must_use]
    pub fn is_safe(&self, since_asked: Duration) -> bool {
        since_asked < self.safe_for()
    }
}

/// How long a job cannot be claimed yet: until it is due, and until the lease of whoever holds it ends.
#[must_use]
pub fn claimable_in(next_run_at: Instant, lease_until: Option<Instant>, now: Instant) -> Duration {
    (claimable_from(next_run_at, lease_until) - now).max(Duration::ZERO)
}

/// For how long a job could have been claimed by now, and nobody did; zero while it cannot be.
#[must_use]
pub fn unclaimed_for(next_run_at: Instant, lease_until: Option<Instant>, now: Instant) -> Duration {
    (now - claimable_from(next_run_at, lease_until)).max(Duration::ZERO)
}

fn claimable_from(next_run_at: Instant, lease_until: Option<Instant>) -> Instant {
    lease_until.map_or(next_run_at, |end| end.max(next_run_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_only_ever_adds() {
        let schedule = Schedule::every(Duration::MINUTE).with_jitter(Duration::seconds(6));
        assert_eq!(schedule.pause(0), Duration::MINUTE);
        assert_eq!(schedule.pause(u32::MAX), Duration::seconds(66));
        let between = schedule.pause(u32::MAX / 2);
        assert!(between > Duration::MINUTE && between < Duration::seconds(66), "{between}");
        assert_eq!(Schedule::every(Duration::MINUTE).pause(u32::MAX), Duration::MINUTE);
    }

    #[test]
    fn a_job_is_overdue_after_three_runs_that_were_missed() {
        let schedule = Schedule::every(Duration::MINUTE).with_jitter(Duration::seconds(6));
        assert!(!schedule.is_overdue(Duration::seconds(198)) && schedule.is_overdue(Duration::seconds(199)));
    }

    #[test]
    fn the_holder_stops_relying_on_a_lease_before_it_ends_and_extends_it_in_time() {
        for length in [Duration::milliseconds(200), LeaseTerms::DEFAULT.length, Duration::HOUR] {
            let terms = LeaseTerms { length };
            assert!(terms.safe_for() < length);
            assert!(3 * terms.extend_every() < terms.safe_for(), "two requests may fail");
            assert!(terms.is_safe(Duration::ZERO) && !terms.is_safe(terms.safe_for()) && !terms.is_safe(length));
        }
    }

    #[test]
    fn a_job_can_be_claimed_when_it_is_due_and_nobody_holds_it() {
        let now = Instant::UNIX_EPOCH + Duration::DAY;
        let (before, after) = (now - Duration::SECOND, now + Duration::SECOND);
        assert_eq!(claimable_in(before, None, now), Duration::ZERO);
        assert_eq!(unclaimed_for(before, None, now), Duration::SECOND);
        assert_eq!(claimable_in(after, None, now), Duration::SECOND);
        assert_eq!(claimable_in(before, Some(after), now), Duration::SECOND, "it is held");
        assert_eq!(unclaimed_for(before, Some(after), now), Duration::ZERO, "it is held");
        assert_eq!(claimable_in(before, Some(before), now), Duration::ZERO, "the holder has died");
        assert_eq!(unclaimed_for(before - Duration::HOUR, Some(before), now), Duration::SECOND);
        assert_eq!(claimable_in(after, Some(before), now), Duration::SECOND);
        assert_eq!(claimable_in(now, Some(now), now), Duration::ZERO);
    }
}
