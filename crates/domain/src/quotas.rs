//! Quotas: how many credits the workspaces of a user may cost per day (`enterprise-identity.md` 2).

/// What a user may spend in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Without limit.
    Unlimited,
    /// The sum of the allowances of the user's groups; may be negative.
    Credits(i64),
}

impl Budget {
    /// The number on the wire, where -1 means no limit.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::Credits(credits) => credits,
        }
    }
}

/// What a user spends and may spend in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Daily cost of the latest builds of all living workspaces.
    pub consumed: i64,
    /// How much that may be.
    pub budget: Budget,
}

/// A build asks for more than is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("insufficient quota: the build costs {cost} a day, {consumed} of {budget} are spent")]
pub struct InsufficientQuota {
    cost: i32,
    consumed: i64,
    budget: i64,
}

impl Quota {
    /// May a build spend `cost`? Answers what is consumed then.
    ///
    /// `self` is without the workspace that is built: its new build costs nothing yet. `previous` is the cost of the
    /// build before it. Who is over budget may still go on to something cheaper, but not to the same again.
    ///
    /// ```
    /// use doorward_domain::quotas::{Budget, Quota};
    ///
    /// let quota = Quota { consumed: 8, budget: Budget::Credits(10) };
    /// assert_eq!(quota.spend(2, None), Ok(10));
    /// assert!(quota.spend(3, None).is_err() && quota.spend(3, Some(3)).is_err());
    /// assert_eq!(quota.spend(3, Some(4)), Ok(11));
    /// ```
    pub fn spend(self, cost: i32, previous: Option<i32>) -> Result<i64, InsufficientQuota> {
        let total = self.consumed.saturating_add(i64::from(cost));
        // A build that is free asks for nothing.
        let increases = cost > 0 && previous.is_none_or(|previous| cost >= previous);
        match self.budget {
            Budget::Credits(budget) if total > budget && increases => {
                Err(InsufficientQuota { cost, consumed: self.consumed, budget })
            }
            Budget::Credits(_) | Budget::Unlimited => Ok(total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_rule(consumed in 0_i64..100, budget in -50_i64..150, cost in 0_i32..60, previous in proptest::option::of(0_i32..60)) {
            let allowed = Quota { consumed, budget: Budget::Credits(budget) }.spend(cost, previous);
            let fits = consumed + i64::from(cost) <= budget;
            let cheaper = previous.is_some_and(|previous| cost < previous);
            prop_assert_eq!(allowed.is_ok(), fits || cheaper || cost == 0);
            prop_assert!(allowed.is_err() || allowed == Ok(consumed + i64::from(cost)));
            prop_assert_eq!(Quota { consumed, budget: Budget::Unlimited }.spend(cost, previous), Ok(consumed + i64::from(cost)));
        }

        /// However many workspaces are started, stopped and made cheaper, nobody gets over budget by a build that was
        /// allowed, except down towards it.
        #[test]
        fn no_sequence_of_builds_spends_more_than_the_budget(
            budget in 0_i64..40,
            builds in proptest::collection::vec((0_usize..5, 0_i32..20), 0..60),
        ) {
            let mut latest: [Option<i32>; 5] = [None; 5];
            for (workspace, cost) in builds {
                let others: i64 = latest.iter().enumerate().filter(|(n, _)| *n != workspace).filter_map(|(_, cost)| *cost).map(i64::from).sum();
                let quota = Quota { consumed: others, budget: Budget::Credits(budget) };
                // A refused build is the latest one too, and costs nothing.
                latest[workspace] = Some(if quota.spend(cost, latest[workspace]).is_ok() { cost } else { 0 });
                prop_assert!(latest.iter().flatten().copied().map(i64::from).sum::<i64>() <= budget);
            }
        }
    }

    #[test]
    fn a_refusal_says_quota_and_the_numbers() {
        let refused = Quota { consumed: 7, budget: Budget::Credits(-1) }.spend(1, None).unwrap_err();
        assert_eq!(refused.to_string(), "insufficient quota: the build costs 1 a day, 7 of -1 are spent");
        assert_eq!((Budget::Unlimited.as_i64(), Budget::Credits(3).as_i64()), (-1, 3));
    }
}
