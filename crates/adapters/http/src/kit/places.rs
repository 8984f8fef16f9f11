//! Places for connections that stay.

use doorward_domain::ids::UserId;
use doorward_services::Principal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections that stay, of which there are so many.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
    /// Most places of one user.
    share: usize,
    held: Held,
}

/// How many places users have.
type Held = Arc<Mutex<HashMap<UserId, usize>>>;

/// Why there is no place for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    All,
    /// The user has as many as one may.
    Share,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _taken: OwnedSemaphorePermit,
    of: Option<(UserId, Held)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((user, held)) = &self.of else { return };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let left = held.get(user).map_or(0, |places| places.saturating_sub(1));
        if left == 0 {
            held.remove(user);
        } else {
            held.insert(*user, left);
        }
    }
}

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        Self::shared(all, usize::MAX)
    }

    /// The same, of which no user has more than a share: else one could take all of them.
    pub(crate) fn shared(all: usize, share: usize) -> Self {
        let all = all.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all, share, held: Held::default() }
    }

    /// A place; `None` when all are taken.
    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok().map(|taken| Place { _taken: taken, of: None })
    }

    /// A place for somebody.
    pub(crate) fn take_for(&self, actor: &Principal) -> Result<Place, NoPlace> {
        match actor.user_id() {
            None => self.take().ok_or(NoPlace::All),
            Some(user) => self.take_of(user),
        }
    }

    fn take_of(&self, user: UserId) -> Result<Place, NoPlace> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = held.get(&user).copied().unwrap_or(0);
        if mine >= self.share {
            return Err(NoPlace::Share);
        }
        let Ok(taken) = Arc::clone(&self.free).try_acquire_owned() else { return Err(NoPlace::All) };
        held.insert(user, mine + 1);
        Ok(Place { _taken: taken, of: Some((user, Arc::clone(&self.held))) })
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

    #[test]
    fn nobody_has_more_than_a_share() {
        let places = Places::shared(3, 2);
        let take = |n: u128| places.take_of(UserId(uuid::Uuid::from_u128(n)));
        let mine = [take(1).unwrap(), take(1).unwrap()];
        assert_eq!(take(1).unwrap_err(), NoPlace::Share);
        let other = take(2).unwrap();
        assert_eq!(take(3).unwrap_err(), NoPlace::All);
        drop(mine);
        assert_eq!((places.connected(), places.held.lock().unwrap().len()), (1, 1));
        assert!(take(1).is_ok(), "what was given back is free");
        drop(other);
    }
}
