//! How much a session holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes a session holds, over all streams and layers, and may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    /// Most bytes at once.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Nothing yet, to which bytes can be added.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        Hold { budget: Arc::clone(self), bytes: 0 }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// Bytes that are held, until this is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Hold {
    /// Holds more; `false`, and nothing is changed, if that is too much.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let most = self.budget.most;
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= most);
        let is_added = self.budget.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if is_added {
            self.bytes += bytes;
        }
        is_added
    }

    /// Holds nothing any more.
    pub(crate) fn release(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_over_all_and_given_back() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.hold(), budget.hold());
        assert!(one.add(6) && !other.add(5) && other.add(4) && !one.add(1) && !one.add(usize::MAX));
        drop(one);
        assert_eq!(budget.held(), 4);
        other.release();
        assert!(other.add(10) && budget.held() == budget.most());
    }
}
