//! One request for the same thing at the same moment.
//!
//! Those who wait share one future. Whoever of them is polled drives it, so when the one who began goes away the others carry on, and
//! when all have gone it ends.

use doorward_ports::fetch::{Answer, ChosenBy, ContentType, FetchError};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is asked for. Two who ask for the same are told the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) url: String,
    pub(crate) body_limit: usize,
    pub(crate) content: ContentType,
    pub(crate) any_status: bool,
    pub(crate) chosen_by: ChosenBy,
}

type Ending = Result<Answer, FetchError>;
type Flight = Shared<BoxFuture<'static, Ending>>;

/// Requests under way.
#[derive(Default)]
pub(crate) struct Flights(Arc<Mutex<Sky>>);

#[derive(Default)]
struct Sky {
    flights: HashMap<Key, (u64, WeakShared<BoxFuture<'static, Ending>>)>,
    /// Tells a flight from an earlier one for the same thing.
    last_number: u64,
}

impl Flights {
    /// The request that is under way for this, or the one that `begin` makes.
    pub(crate) fn join(&self, key: Key, begin: impl FnOnce() -> BoxFuture<'static, Ending>) -> Flight {
        let mut sky = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = sky.flights.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        sky.last_number += 1;
        let landing = Landing { sky: Arc::clone(&self.0), key: key.clone(), number: sky.last_number };
        let flying = begin();
        let flight = async move {
            let _landing = landing;
            flying.await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            let number = sky.last_number;
            sky.flights.insert(key, (number, weak));
        }
        flight
    }

    /// How many are under way.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flights.len()
    }
}

/// Takes a flight off the list when it has ended, or when nobody waits for it any more.
struct Landing {
    sky: Arc<Mutex<Sky>>,
    key: Key,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut sky = self.sky.lock().unwrap_or_else(PoisonError::into_inner);
        if sky.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            sky.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_ports::fetch::FailureClass;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    fn key() -> Key {
        Key {
            url: "https://a.example/".to_owned(),
            body_limit: 1,
            content: ContentType::Any,
            any_status: false,
            chosen_by: ChosenBy::Stranger,
        }
    }

    #[tokio::test]
    async fn those_who_wait_share_one_and_the_next_begins_anew() {
        let (flights, times) = (Flights::default(), AtomicUsize::new(0));
        let (go, wait) = oneshot::channel::<()>();
        let begin = |wait: oneshot::Receiver<()>| {
            times.fetch_add(1, Ordering::Relaxed);
            async move {
                drop(wait.await);
                Err(FetchError::new(FailureClass::Dns, "x"))
            }
            .boxed()
        };
        let first = flights.join(key(), || begin(wait));
        let second = flights.join(key(), || unreachable!("it is under way"));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap_err(), second.await.unwrap_err());
        assert_eq!(flights.len(), 0);
        let (go, wait) = oneshot::channel();
        let third = flights.join(key(), || begin(wait));
        go.send(()).unwrap();
        drop(third.await);
        assert_eq!(times.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn it_ends_when_nobody_waits() {
        let flights = Flights::default();
        let (mut alive, lives) = oneshot::channel::<()>();
        let flight = flights.join(key(), || {
            async move {
                drop(lives.await);
                Err(FetchError::new(FailureClass::Dns, "x"))
            }
            .boxed()
        });
        let other = flights.join(key(), || unreachable!("it is under way"));
        drop(flight);
        assert!(!alive.is_closed() && flights.len() == 1);
        drop(other);
        alive.closed().await;
        assert_eq!(flights.len(), 0);
    }
}
