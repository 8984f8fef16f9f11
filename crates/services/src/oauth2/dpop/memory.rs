//! The proofs that one server has seen and no other need know of: of requests that change nothing.

use doorward_domain::Instant;
use doorward_domain::replays::SeenToken;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Most proofs that are remembered.
const MOST: usize = 100_000;

/// Proofs that were used, as long as they would be good. Cheap to clone; all clones are one. When it is full, the oldest are forgotten.
#[derive(Clone, Debug, Default)]
pub struct ProofMemory(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// Digests, which no secrets are made of.
    keys: HashSet<[u8; 32]>,
    in_order: VecDeque<([u8; 32], Instant)>,
}

impl ProofMemory {
    /// Remembers a proof; `false` if it was there.
    pub(super) fn insert(&self, seen: SeenToken, now: Instant) -> bool {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // They end nearly in the order in which they came.
        while memory.in_order.front().is_some_and(|(_, until)| *until < now) || memory.in_order.len() >= MOST {
            let Some((key, _)) = memory.in_order.pop_front() else { break };
            memory.keys.remove(&key);
        }
        let key = *seen.key.as_bytes();
        if !memory.keys.insert(key) {
            return false;
        }
        memory.in_order.push_back((key, seen.expires_at));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::Digest;
    use time::Duration;

    fn seen(number: usize, until: Instant) -> SeenToken {
        SeenToken { key: Digest::of(number.to_be_bytes()), expires_at: until }
    }

    #[test]
    fn a_proof_is_remembered_until_it_is_over() {
        let (memory, now) = (ProofMemory::default(), Instant::UNIX_EPOCH);
        let until = now + Duration::MINUTE;
        assert!(memory.insert(seen(1, until), now) && !memory.insert(seen(1, until), until));
        assert!(memory.clone().insert(seen(2, until), now));
        let later = until + Duration::MICROSECOND;
        assert!(memory.insert(seen(3, later), later));
        assert_eq!(memory.0.lock().unwrap().keys.len(), 1, "what is over takes no room");
    }

    #[test]
    fn when_it_is_full_the_oldest_are_forgotten() {
        let (memory, now) = (ProofMemory::default(), Instant::UNIX_EPOCH);
        let until = now + Duration::MINUTE;
        assert!((0..=MOST).all(|number| memory.insert(seen(number, until), now)));
        assert!(!memory.insert(seen(MOST, until), now) && !memory.insert(seen(2, until), now));
        assert!(memory.insert(seen(0, until), now));
    }
}
