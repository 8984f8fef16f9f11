//! Which features are open, for every request.

use super::feature::{Feature, Features};
use crate::Instant;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// The bit that says that there are warnings; those of features come below it.
const WARNS: u32 = 1 << 31;

/// Which features are open, and until when that holds. Any number of threads ask it while one sets it; whoever asks at that moment is
/// answered by what was or by what is.
#[derive(Debug)]
pub struct Gate {
    bits: AtomicU32,
    /// In seconds since 1970, rounded down, so that nothing is open for too long.
    until: AtomicI64,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The feature may be used.
    Open,
    /// It may not.
    Closed,
    /// The time is over for which this was known.
    Stale,
}

impl Gate {
    /// These features are open for ever, and there are no warnings.
    #[must_use]
    pub const fn new(open: Features) -> Self {
        Self { bits: AtomicU32::new(open.bits()), until: AtomicI64::new(i64::MAX) }
    }

    /// Opens these features and no others, until then; `None`: for ever.
    pub fn set(&self, open: Features, warns: bool, until: Option<Instant>) {
        self.bits.store(open.bits() | if warns { WARNS } else { 0 }, Ordering::Release);
        self.until.store(until.map_or(i64::MAX, Instant::unix_timestamp), Ordering::Release);
    }

    /// The features that may be used now; `None` when the time is over for which that was known.
    #[must_use]
    pub fn open(&self, now: Instant) -> Option<Features> {
        (!self.is_stale(now)).then(|| Features::from_bits(self.bits.load(Ordering::Acquire)))
    }

    /// Whether the feature may be used now.
    ///
    /// ```
    /// use doorward_domain::Instant;
    /// use doorward_domain::entitlements::{Feature, Features, Gate, Verdict};
    /// use time::Duration;
    ///
    /// let (gate, now) = (Gate::new(Features::NONE), Instant::UNIX_EPOCH);
    /// gate.set(Features::NONE.with(Feature::Scim), false, Some(now + Duration::DAY));
    /// assert_eq!(gate.check(Feature::Scim, now), Verdict::Open);
    /// assert_eq!(gate.check(Feature::AuditLog, now), Verdict::Closed);
    /// assert_eq!(gate.check(Feature::Scim, now + Duration::DAY), Verdict::Stale);
    /// ```
    #[must_use]
    pub fn check(&self, feature: Feature, now: Instant) -> Verdict {
        match self.open(now) {
            None => Verdict::Stale,
            Some(open) if open.contains(feature) => Verdict::Open,
            Some(_) => Verdict::Closed,
        }
    }

    /// Whether the time is over for which it was set.
    #[must_use]
    pub fn is_stale(&self, now: Instant) -> bool {
        now.unix_timestamp() >= self.until.load(Ordering::Acquire)
    }

    /// Whether there were warnings when it was set.
    #[must_use]
    pub fn warns(&self) -> bool {
        self.bits.load(Ordering::Acquire) & WARNS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn what_is_new_is_open_for_ever() {
        let gate = Gate::new(Features::ALL);
        let far = Instant::UNIX_EPOCH + Duration::days(365_000);
        assert!(Feature::ALL.iter().all(|feature| gate.check(*feature, far) == Verdict::Open));
        assert!(!gate.warns());
        gate.set(Features::NONE, true, None);
        assert!(Feature::ALL.iter().all(|feature| gate.check(*feature, far) == Verdict::Closed));
        assert!(gate.warns());
    }

    #[test]
    fn it_is_stale_in_the_second_of_its_end() {
        let gate = Gate::new(Features::ALL);
        let end = Instant::UNIX_EPOCH + Duration::milliseconds(5_500);
        gate.set(Features::ALL, false, Some(end));
        assert_eq!(gate.check(Feature::Scim, end - Duration::SECOND), Verdict::Open);
        assert_eq!(gate.check(Feature::Scim, end), Verdict::Stale);
    }
}
