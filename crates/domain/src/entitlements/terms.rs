//! What a licence says.

use super::feature::FeatureSet;
use crate::Instant;
use std::collections::BTreeMap;
use time::Duration;
use uuid::Uuid;

/// By how much the clock of who signed a licence may be ahead of ours.
const SKEW: Duration = Duration::MINUTE;

/// What a licence says that is signed as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseTerms {
    /// Its own id, if it is a UUID.
    pub id: Option<Uuid>,
    /// When it was signed.
    pub issued_at: Option<Instant>,
    /// When its term begins; `None` at once.
    pub starts_at: Option<Instant>,
    /// The end of the paid term, from which on there is grace.
    pub paid_until: Instant,
    /// The end of the grace period.
    pub ends_at: Instant,
    /// The deployments for which it is; any if empty.
    pub deployment_ids: Vec<String>,
    /// Whether it is for trying out.
    pub trial: bool,
    /// Whether it is for deployments only that tell of themselves, as this product never does.
    pub require_telemetry: bool,
    /// What it gives as a whole.
    pub feature_set: FeatureSet,
    /// What it gives besides, by name; names that are not known here too. The value of `user_limit` is the limit.
    pub features: BTreeMap<String, i64>,
}

/// Where a licence stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its signature is of the future: a clock is wrong.
    Unborn,
    /// Its term has not begun.
    Early,
    /// Within the paid term.
    Paid,
    /// After it, and before its end.
    Grace,
    /// Over.
    Over,
}

impl LicenseTerms {
    /// Where it stands at this moment.
    #[must_use]
    pub fn phase(&self, now: Instant) -> Phase {
        if now >= self.ends_at {
            Phase::Over
        } else if self.issued_at.is_some_and(|issued| issued > now + SKEW) {
            Phase::Unborn
        } else if self.starts_at.is_some_and(|start| now < start) {
            Phase::Early
        } else if now > self.paid_until {
            Phase::Grace
        } else {
            Phase::Paid
        }
    }

    /// Whether it is for the deployment with this id.
    #[must_use]
    pub fn is_for(&self, deployment: Uuid) -> bool {
        let deployment = deployment.to_string();
        self.deployment_ids.is_empty() || self.deployment_ids.iter().any(|id| id.eq_ignore_ascii_case(&deployment))
    }

    /// Days until the end of the paid term, rounded up; not positive after it.
    #[must_use]
    pub fn days_left(&self, now: Instant) -> i64 {
        let left = self.paid_until - now;
        let rest = left - Duration::days(left.whole_days());
        left.whole_days() + i64::from(rest.is_positive())
    }

    /// The next moment at which something is said of it that was not said before; `None` when there is none.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let days = self.days_left(now);
        // The first moment after the paid term, and before it the moments at which one day less is left.
        let after = self.paid_until.checked_add(Duration::MICROSECOND);
        let day = (days > 0).then(|| self.paid_until.checked_sub(Duration::days(days - 1))).flatten();
        let begun = self.issued_at.and_then(|issued| issued.checked_sub(SKEW));
        [begun, self.starts_at, day, after, Some(self.ends_at)].into_iter().flatten().filter(|at| *at > now).min()
    }
}

/// A licence that is kept, with what it says or why nothing is believed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLicense {
    /// Under which id it is kept.
    pub uuid: Uuid,
    /// What it says; or what is wrong with it, in words.
    pub terms: Result<LicenseTerms, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const START: Instant = datetime!(2026-03-01 00:00 UTC);

    fn terms() -> LicenseTerms {
        LicenseTerms {
            id: None,
            issued_at: Some(START),
            starts_at: Some(START + Duration::DAY),
            paid_until: START + Duration::days(31),
            ends_at: START + Duration::days(45),
            deployment_ids: Vec::new(),
            trial: false,
            require_telemetry: false,
            feature_set: FeatureSet::Premium,
            features: BTreeMap::new(),
        }
    }

    #[test]
    fn a_licence_is_early_then_paid_then_in_grace_then_over() {
        let terms = terms();
        let at = |since: Duration| terms.phase(START + since);
        assert_eq!(at(-SKEW - Duration::MICROSECOND), Phase::Unborn);
        assert_eq!(at(-SKEW), Phase::Early);
        assert_eq!(at(Duration::DAY), Phase::Paid);
        assert_eq!(at(Duration::days(31)), Phase::Paid);
        assert_eq!(at(Duration::days(31) + Duration::MICROSECOND), Phase::Grace);
        assert_eq!(at(Duration::days(45)), Phase::Over);
    }

    #[test]
    fn days_are_rounded_up() {
        let terms = terms();
        let left = |left: Duration| terms.days_left(terms.paid_until - left);
        assert_eq!(left(Duration::days(2)), 2);
        assert_eq!(left(Duration::days(2) + Duration::MICROSECOND), 3);
        assert_eq!(left(Duration::days(2) - Duration::MICROSECOND), 2);
        assert_eq!(left(Duration::MICROSECOND), 1);
        assert_eq!(left(Duration::ZERO), 0);
        assert_eq!(left(-Duration::HOUR), 0);
    }

    #[test]
    fn between_two_changes_nothing_changes() {
        let terms = terms();
        let mut now = START - Duration::days(3);
        let mut seen = 0;
        while let Some(next) = terms.next_change(now) {
            let said = |at: Instant| (terms.phase(at), terms.days_left(at).max(0));
            assert!(next > now);
            // Instants have microseconds; those just before are the ones in which a mistake would show.
            for at in [now + (next - now) / 2, next - Duration::MICROSECOND] {
                let at = at.replace_microsecond(at.microsecond()).unwrap();
                assert_eq!(said(at), said(now), "{now} {next}");
            }
            (now, seen) = (next, seen + 1);
        }
        assert_eq!(terms.phase(now), Phase::Over);
        assert!(seen > 33, "{seen}");
    }

    #[test]
    fn a_licence_may_be_for_some_deployments_only() {
        let here = Uuid::from_u128(0xAB);
        assert!(terms().is_for(here));
        let locked =
            |ids: &[&str]| LicenseTerms { deployment_ids: ids.iter().map(ToString::to_string).collect(), ..terms() };
        assert!(locked(&["x", "00000000-0000-0000-0000-0000000000AB"]).is_for(here));
        assert!(!locked(&["x"]).is_for(here));
    }
}
