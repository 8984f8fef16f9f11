//! How many requests are under way, and how often a place was asked.
//!
//! A stranger can have this server ask, so what strangers chose is limited three ways. What the operator or their providers chose is limited by
//! number at once only, and counted for itself: sign-ins through an identity provider are as many as there are people, and no
//! stranger may keep them out.

use doorward_ports::fetch::{ChosenBy, FailureClass, FetchError};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many requests at once, of strangers, and of the operator with those whom the operator trusts.
const AT_ONCE: usize = 16;
/// So many at once to one host.
const AT_ONCE_PER_HOST: usize = 4;
/// So many in any minute to one registrable host.
const PER_MINUTE: usize = 30;
const MINUTE: Duration = Duration::from_mins(1);
/// So many registrable hosts are remembered. Strangers can invent any number; then the one that was asked longest ago is forgotten,
/// for if new ones were refused, whoever invents names would keep out all that are not known yet.
const REMEMBERED: usize = 4096;

/// Counts what is under way.
#[derive(Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    of_strangers: usize,
    of_operator: usize,
    hosts: HashMap<String, usize>,
    minutes: Minutes,
}

/// When places were asked in the last minute.
#[derive(Debug, Default)]
struct Minutes {
    places: HashMap<Arc<str>, Place>,
    /// The places by their turns; the first of them was asked longest ago.
    turns: BTreeMap<u64, Arc<str>>,
    last_turn: u64,
}

#[derive(Debug, Default)]
struct Place {
    /// When requests to it were let pass, the oldest first.
    asked: VecDeque<Instant>,
    /// When it was asked last, counted in requests to all places. That of a new one is 0, which is in no order.
    turn: u64,
}

impl Slots {
    /// Takes a place for as long as the slot lives.
    pub(crate) fn take(&self, host: &str, chosen_by: ChosenBy) -> Result<Slot, FetchError> {
        let busy = |why: String| Err(FetchError::new(FailureClass::Busy, why));
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match chosen_by {
            ChosenBy::Operator | ChosenBy::Trusted if taken.of_operator >= AT_ONCE => {
                return busy(format!("{AT_ONCE} requests are under way"));
            }
            ChosenBy::Operator | ChosenBy::Trusted => {
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
                if !taken.minutes.count(place) {
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

impl Minutes {
    /// Counts a request to a place, unless there were too many in the last minute.
    fn count(&mut self, name: &str) -> bool {
        let now = Instant::now();
        // Taken out and put back at the end of the order, whether or not the request passes.
        let (name, mut place) =
            self.places.remove_entry(name).unwrap_or_else(|| (Arc::<str>::from(name), Place::default()));
        self.turns.remove(&place.turn);
        if self.places.len() >= REMEMBERED
            && let Some((_, oldest)) = self.turns.pop_first()
        {
            self.places.remove(&oldest);
        }
        while place.asked.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            place.asked.pop_front();
        }
        let may_pass = place.asked.len() < PER_MINUTE;
        if may_pass {
            place.asked.push_back(now);
        }
        self.last_turn += 1;
        place.turn = self.last_turn;
        self.turns.insert(place.turn, Arc::clone(&name));
        self.places.insert(name, place);
        may_pass
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
    async fn any_number_of_invented_hosts_uses_bounded_memory_and_keeps_no_new_one_out() {
        let slots = Slots::default();
        for n in 0..2 * REMEMBERED {
            assert!(slots.take(&format!("h{n}.example"), ChosenBy::Stranger).is_ok(), "h{n}");
        }
        let taken = slots.0.lock().unwrap();
        assert_eq!((taken.minutes.places.len(), taken.minutes.turns.len()), (REMEMBERED, REMEMBERED));
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_that_was_asked_longest_ago_is_forgotten_first() {
        let slots = Slots::default();
        let ask = |host: &str| slots.take(host, ChosenBy::Stranger);
        for host in ["early.example", "busy.example"] {
            for _ in 0..30 {
                drop(ask(host).unwrap());
            }
        }
        for n in 0..REMEMBERED - 2 {
            drop(ask(&format!("h{n}.example")).unwrap());
        }
        assert!(is_busy(ask("busy.example")), "asked again, so it is the last of all");
        drop(ask("one.more.test").unwrap());
        drop(ask("another.test").unwrap());
        {
            let taken = slots.0.lock().unwrap();
            let knows = |place: &str| taken.minutes.places.contains_key(place);
            assert!(!knows("early.example") && !knows("h0.example") && knows("h1.example") && knows("more.test"));
        }
        assert!(is_busy(ask("busy.example")), "its requests are remembered");
        assert!(ask("early.example").is_ok(), "it begins anew");
    }
}
