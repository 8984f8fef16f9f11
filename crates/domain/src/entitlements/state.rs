//! What is known of one feature.

use crate::text_enum::text_enum;

text_enum! {
    /// Whether a licence gives a feature; larger is better.
    #[derive(Default)]
    Entitlement {
        /// No licence does.
        #[default]
        NotEntitled = "not_entitled",
        /// One did, whose paid term is over, and whose grace period is not.
        GracePeriod = "grace_period",
        /// One does.
        Entitled = "entitled",
    }
}

/// What is known of one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureState {
    /// Whether a licence gives it.
    pub entitlement: Entitlement,
    /// Whether it is in force.
    pub enabled: bool,
    /// How many of what it is about there may be; `None` for any number.
    pub limit: Option<i64>,
    /// How many there are, where that is counted.
    pub actual: Option<i64>,
}

/// What one entry is better by than another, the first difference counts.
type Rank = (bool, Entitlement, Option<i64>, bool, Option<i64>);

impl FeatureState {
    /// Whether it is enough for what there is.
    const fn is_capable(&self) -> bool {
        match (self.limit, self.actual) {
            (Some(limit), Some(actual)) => limit >= actual,
            _ => true,
        }
    }

    /// An entry in its grace period with enough room beats one in its term with too little; then the entitlement decides, then a limit
    /// is better than none and a larger one than a smaller one, then what is enabled, then what is counted. `None` is less than any number.
    ///
    /// An entry that is not entitled is never better than one that is, so its room does not matter; among those that are not, it must not
    /// matter either.
    fn rank(&self) -> Rank {
        let is_held = self.entitlement > Entitlement::NotEntitled;
        (is_held && self.is_capable(), self.entitlement, self.limit, self.enabled, self.actual)
    }

    /// The better one of two entries, whole; of two that are as good, this one.
    ///
    /// ```
    /// use doorward_domain::entitlements::{Entitlement, FeatureState};
    /// let seats = |entitlement, limit| FeatureState { entitlement, enabled: true, limit: Some(limit), actual: Some(50) };
    /// let (few, enough) = (seats(Entitlement::Entitled, 10), seats(Entitlement::GracePeriod, 100));
    /// assert_eq!(few.or_better(enough), enough);
    /// ```
    #[must_use]
    pub fn or_better(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = FeatureState> {
        let entitlement = prop::sample::select(Entitlement::ALL);
        let number = || prop::option::of(0_i64..4);
        (entitlement, any::<bool>(), number(), number())
            .prop_map(|(entitlement, enabled, limit, actual)| FeatureState { entitlement, enabled, limit, actual })
    }

    proptest! {
        #[test]
        fn the_better_one_wins_in_any_order(a in entry(), b in entry(), c in entry()) {
            prop_assert_eq!(a.or_better(b), b.or_better(a));
            prop_assert_eq!(a.or_better(b).or_better(c), a.or_better(b.or_better(c)));
            prop_assert_eq!(a.or_better(a), a);
        }

        #[test]
        fn whoever_is_better_wins_against_all_whom_the_other_beats(a in entry(), b in entry(), c in entry()) {
            // Monotone: a better entry never makes the result worse.
            let (worse, better) = if a.or_better(b) == a { (b, a) } else { (a, b) };
            let (low, high) = (worse.or_better(c), better.or_better(c));
            prop_assert_eq!(low.or_better(high), high);
        }

        #[test]
        fn one_of_the_two_wins_whole_and_never_the_one_without_entitlement(a in entry(), b in entry()) {
            let won = a.or_better(b);
            prop_assert!(won == a || won == b);
            let best = a.entitlement.max(b.entitlement);
            prop_assert_eq!(won.entitlement > Entitlement::NotEntitled, best > Entitlement::NotEntitled);
            if a.is_capable() == b.is_capable() {
                prop_assert_eq!(won.entitlement, best);
            }
        }
    }

    #[test]
    fn each_step_of_the_comparison_decides_when_those_before_do_not() {
        let base = FeatureState { entitlement: Entitlement::Entitled, enabled: false, limit: None, actual: None };
        let steps = [
            base,
            FeatureState { actual: Some(1), ..base },
            FeatureState { actual: Some(2), ..base },
            FeatureState { enabled: true, ..base },
            FeatureState { limit: Some(5), ..base },
            FeatureState { limit: Some(6), actual: Some(3), ..base },
        ];
        for (at, better) in steps.iter().enumerate() {
            for worse in &steps[..at] {
                assert_eq!(worse.or_better(*better), *better, "{worse:?} {better:?}");
            }
        }
        let none = FeatureState { entitlement: Entitlement::NotEntitled, limit: Some(9), enabled: true, ..base };
        assert_eq!(none.or_better(base), base);
    }
}
