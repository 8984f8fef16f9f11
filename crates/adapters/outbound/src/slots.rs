//! How many requests are under way, and how often a place was asked.
//!
//! A stranger can have this server ask, so what strangers chose is limited three ways. What the operator chose is limited by
//! number at once only, and counted for itself: sign-ins through an identity provider are as many as there are people, and no
//! stranger may keep them out.

use doorward_ports::fetch::{ChosenBy, FailureClass, FetchError};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many requests at once, of strangers and of the operator each.
const AT_ONCE: usize = 16;
/// So many at once to one host.
const AT_ONCE_PER_HOST: usize = 4;
/// So many in any minute to one registrable host.
const PER_MINUTE: usize = 30;
const MINUTE: Duration = Duration::from_mins(1);
/// So many registrable hosts are remembered; strangers can invent any number.
const REMEMBERED: usize = 4096;

/// Counts what is under way.
#[derive(Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    of_strangers: usize,
    of_operator: usize,
    hosts: HashMap<String, usize>,
    minutes: HashMap<String, VecDeque<Instant>>,
}

impl Slots {
    /// Takes a place for as long as the slot lives.
    pub(crate) fn take(&self, host: &str, chosen_by: ChosenBy) -> Result<Slot, FetchError> {
        let busy = |why: String| Err(FetchError::new(FailureClass::Busy, why));
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match chosen_by {
            ChosenBy::Operator if taken.of_operator >= AT_ONCE => {
                return busy(format!("{AT_ONCE} requests are under way"));
            }
            ChosenBy::Operator => {
                taken.of_operator += 1;
                None
            }
            ChosenBy::Stranger if taken.of_strangers >= AT_ONCE => {
                return busy(format!("{AT_ONCE} requests are under way"));
            }
            ChosenBy::Stranger if taken.hosts.get(host).is_some_and(|running| *running >= AT_ONCE_PER_HOST) => {
                return busy(format!("{AT_ONCE_PER_HOST} requests to this host are under way"));
            }
            ChosenBy::Stranger => {
                let place = registrable(host);
                if !taken.count(place) {
                    return busy(format!("{place} was asked {PER_MINUTE} times within a minute"));
                }
                taken.of_strangers += 1;
                *taken.hosts.entry(host.to_owned()).or_default() += 1;
                Some(host.to_owned())
            }
        };
        Ok(Slot { taken: Arc::clone(&self.0), host: slot })
    }
}

impl Taken {
    /// Counts a request to a place, unless there were too many in the last minute.
    fn count(&mut self, place: &str) -> bool {
        let now = Instant::now();
        let is_old = |at: &Instant| now.duration_since(*at) >= MINUTE;
        if self.minutes.len() >= REMEMBERED && !self.minutes.contains_key(place) {
            self.minutes.retain(|_, asked| asked.back().is_some_and(|last| !is_old(last)));
            if self.minutes.len() >= REMEMBERED {
                return false;
            }
        }
        let asked = self.minutes.entry(place.to_owned()).or_default();
        while asked.front().is_some_and(is_old) {
            asked.pop_front();
        }
        if asked.len() >= PER_MINUTE {
            return false;
        }
        asked.push_back(now);
        true
    }
}

/// The part of a name that somebody registered, with the public suffix: all names below it are of one owner. An address is
/// a place of its own.
fn registrable(host: &str) -> &str {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    if is_address { host } else { psl::domain_str(host).unwrap_or(host) }
}

/// A place that is taken. Who goes away gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    taken: Arc<Mutex<Taken>>,
    /// The host, if a stranger chose it.
    host: Option<String>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(host) = &self.host else {
            taken.of_operator = taken.of_operator.saturating_sub(1);
            return;
        };
        taken.of_strangers = taken.of_strangers.saturating_sub(1);
        if let Some(running) = taken.hosts.get_mut(host) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                taken.hosts.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_busy(taken: Result<Slot, FetchError>) -> bool {
        taken.is_err_and(|error| error.class == FailureClass::Busy)
    }

    #[test]
    fn names_below_one_that_can_be_registered_are_one_place() {
        for (host, place) in [
            ("app.example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("one.github.io", "one.github.io"),
            ("com", "com"),
            ("10.0.0.5", "10.0.0.5"),
            ("[fd00::5]", "[fd00::5]"),
        ] {
            assert_eq!(registrable(host), place);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_four_at_once_to_a_host() {
        let slots = Slots::default();
        let mut kept: Vec<_> = (0..4).map(|_| slots.take("a.example.com", ChosenBy::Stranger).unwrap()).collect();
        assert!(is_busy(slots.take("a.example.com", ChosenBy::Stranger)));
        kept.push(slots.take("b.example.com", ChosenBy::Stranger).unwrap());
        kept.swap_remove(0);
        assert!(slots.take("a.example.com", ChosenBy::Stranger).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_has_places_of_his_own() {
        let slots = Slots::default();
        let strangers: Vec<_> =
            (0..16).map(|n| slots.take(&format!("h{n}.example"), ChosenBy::Stranger).unwrap()).collect();
        assert!(is_busy(slots.take("one-more.example", ChosenBy::Stranger)));
        let own: Vec<_> = (0..16).map(|_| slots.take("id.example", ChosenBy::Operator).unwrap()).collect();
        assert!(is_busy(slots.take("id.example", ChosenBy::Operator)));
        drop(own);
        for _ in 0..100 {
            assert!(slots.take("id.example", ChosenBy::Operator).is_ok());
        }
        drop(strangers);
        let taken = slots.0.lock().unwrap();
        assert_eq!((taken.of_strangers, taken.of_operator, taken.hosts.len()), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_31st_in_a_minute_waits_for_the_first_to_grow_old() {
        let slots = Slots::default();
        let ask = |n: usize| slots.take(&format!("h{n}.example.com"), ChosenBy::Stranger);
        for n in 0..30 {
            drop(ask(n).unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(is_busy(ask(30)));
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(is_busy(ask(30)), "59 s after the first");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(ask(30).is_ok());
        assert!(is_busy(ask(31)), "the second is 59 s old");
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_invented_hosts_uses_bounded_memory() {
        let slots = Slots::default();
        for n in 0..REMEMBERED {
            drop(slots.take(&format!("h{n}.example"), ChosenBy::Stranger));
        }
        assert!(slots.take("one.more.test", ChosenBy::Stranger).is_err());
        assert!(slots.take("h1.example", ChosenBy::Stranger).is_ok(), "a known place is asked on");
        tokio::time::advance(MINUTE).await;
        assert!(slots.take("one.more.test", ChosenBy::Stranger).is_ok());
        assert_eq!(slots.0.lock().unwrap().minutes.len(), 1);
    }
}
