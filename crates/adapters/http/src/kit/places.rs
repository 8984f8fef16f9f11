//! Places for connections that stay.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections that stay, of which there are so many.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _taken: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        let all = all.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// A place; `None` when all are taken.
    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok().map(|taken| Place { _taken: taken })
    }

    /// How many are taken.
    pub(crate) fn connected(&self) -> u32 {
        u32::try_from(self.all.saturating_sub(self.free.available_permits())).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_until_it_is_dropped() {
        let places = Places::new(2);
        let (one, other) = (places.take(), places.take());
        assert!(one.is_some() && other.is_some() && places.take().is_none());
        assert_eq!(places.connected(), 2);
        drop(one);
        assert_eq!(places.connected(), 1);
        assert!(Places::new(0).take().is_none() && Places::new(usize::MAX).connected() == 0);
    }
}
