//! Which numbers of streams were used.

use std::collections::BTreeSet;

/// The numbers of the streams of a daemon. Programs that open several at once number them before they send, so that the announcement
/// of a later one can come first. Each number is good once.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    newest: u32,
    /// Below the newest, and not announced yet.
    skipped: BTreeSet<u32>,
}

impl Numbers {
    /// Whether a stream of this number was announced, or one after it.
    pub(super) const fn knows(&self, id: u32) -> bool {
        id != 0 && !id.is_multiple_of(2) && id <= self.newest
    }

    /// Takes the next number for a stream of this side; `None` when all are used up.
    pub(super) fn next(&mut self) -> Option<u32> {
        let id = if self.newest == 0 { 1 } else { self.newest.checked_add(2)? };
        self.newest = id;
        Some(id)
    }

    /// Takes the number of a stream that is announced; `false` when it was used, or can be none. So many numbers that were passed over
    /// are remembered, the highest ones.
    pub(super) fn take(&mut self, id: u32, remembered: usize) -> bool {
        if id.is_multiple_of(2) {
            return false;
        }
        if id <= self.newest {
            return self.skipped.remove(&id);
        }
        let first = if self.newest == 0 { 1 } else { self.newest.saturating_add(2) };
        self.skipped.extend((first..id).step_by(2).rev().take(remembered));
        while self.skipped.len() > remembered {
            self.skipped.pop_first();
        }
        self.newest = id;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_number_is_good_once_in_any_order() {
        let mut numbers = Numbers::default();
        let taken = [5, 1, 1, 3, 5, 2, 0, 9, 7, 7].map(|id| numbers.take(id, 8));
        assert_eq!(taken, [true, true, false, true, false, false, false, true, true, false]);
        assert!(numbers.knows(9) && !numbers.knows(11) && !numbers.knows(8) && !numbers.knows(0));
    }

    #[test]
    fn what_was_passed_over_long_ago_is_forgotten() {
        let mut numbers = Numbers::default();
        assert!(numbers.take(u32::MAX, 2));
        assert!(!numbers.take(u32::MAX - 6, 2) && numbers.take(u32::MAX - 4, 2) && numbers.take(u32::MAX - 2, 2));
        assert_eq!((numbers.skipped.len(), numbers.next()), (0, None));
    }

    proptest! {
        #[test]
        fn few_are_remembered_and_none_is_good_twice(ids in prop::collection::vec(0_u32..64, 0..200)) {
            let mut numbers = Numbers::default();
            let mut seen = BTreeSet::new();
            for id in ids {
                let was_new = numbers.take(id, 4);
                prop_assert!(numbers.skipped.len() <= 4);
                prop_assert!(!was_new || seen.insert(id));
            }
        }
    }
}
