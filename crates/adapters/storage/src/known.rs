//! What has been learned of a database, beyond what it says at the moment; shared by all connections to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A table that is never there.
pub(crate) const ABSENT: &str = "doorward_absent";
/// What is said of it in English.
const IN_ENGLISH: &str = "relation \"doorward_absent\" does not exist";
/// For so long after a write found no room it is taken as certain that there is none.
const CERTAIN: Duration = Duration::from_secs(10);

/// What has been learned of a database.
#[derive(Debug, Default)]
pub(crate) struct Known {
    words: OnceLock<Words>,
    /// Whether it may say in another language than English why it lets nobody in.
    refuses_abroad: AtomicBool,
    /// When a write found no room last.
    full: Mutex<Option<Instant>>,
}

/// What is around the name of a table that is not there, in the language of the database.
#[derive(Debug)]
struct Words {
    before: String,
    after: String,
}

/// Whether there is room for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nothing is known against it.
    Enough,
    /// There was none a while ago.
    Doubtful,
    /// There was none a moment ago.
    Lacking,
}

impl Known {
    /// Whether its language was learned.
    pub(crate) fn is_learned(&self) -> bool {
        self.words.get().is_some()
    }

    /// Learns what it says of [`ABSENT`], and what it would say of it before anybody is let in, if that is known.
    pub(crate) fn learn(&self, says: &str, refuses: &str) {
        self.refuses_abroad.store(refuses != IN_ENGLISH, Ordering::Relaxed);
        let (before, after) = says.split_once(ABSENT).unwrap_or_default();
        self.words.get_or_init(|| Words { before: before.to_owned(), after: after.to_owned() });
    }

    /// Whether a refusal may be in other words than the English ones.
    pub(crate) fn may_refuse_abroad(&self) -> bool {
        self.refuses_abroad.load(Ordering::Relaxed)
    }

    /// Whether a table is not there, as the database says in its language.
    pub(crate) fn lacks_table(&self, message: &str) -> bool {
        self.words.get().is_some_and(|words| {
            !words.before.is_empty()
                && message.strip_prefix(&words.before).is_some_and(|rest| rest.ends_with(&words.after))
        })
    }

    /// A write found no room.
    pub(crate) fn found_full(&self, at: Instant) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// There is room again.
    pub(crate) fn found_room(&self) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether there is room, as far as writes have found out.
    pub(crate) fn room(&self, now: Instant) -> Room {
        match *self.full.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Room::Enough,
            Some(at) if now.saturating_duration_since(at) < CERTAIN => Room::Lacking,
            Some(_) => Room::Doubtful,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_not_there_is_known_in_the_language_of_the_database() {
        for (says, missing, other) in [
            (
                "Relation \u{bb}doorward_absent\u{ab} existiert nicht",
                "Relation \u{bb}groups\u{ab} existiert nicht",
                "Spalte \u{bb}x\u{ab} existiert nicht",
            ),
            (
                "la relation \u{ab} doorward_absent \u{bb} n'existe pas",
                "la relation \u{ab} users \u{bb} n'existe pas",
                "la colonne \u{ab} x \u{bb} n'existe pas",
            ),
            (IN_ENGLISH, "relation \"users\" does not exist", "column \"x\" of relation \"users\" does not exist"),
        ] {
            let known = Known::default();
            assert!(!known.lacks_table(missing), "nothing was learned");
            known.learn(says, "");
            assert!(known.is_learned() && known.lacks_table(missing), "{says}");
            assert!(!known.lacks_table(other), "{says}");
        }
        let known = Known::default();
        known.learn("", "");
        assert!(!known.lacks_table("anything"));
    }

    #[test]
    fn only_what_refuses_in_english_does_so_in_known_words() {
        let known = Known::default();
        assert!(!known.may_refuse_abroad(), "nobody was let in yet");
        for (refuses, abroad) in
            [("", true), ("Relation \u{bb}doorward_absent\u{ab} existiert nicht", true), (IN_ENGLISH, false)]
        {
            known.learn(IN_ENGLISH, refuses);
            assert_eq!(known.may_refuse_abroad(), abroad, "{refuses}");
        }
    }

    #[test]
    fn there_is_no_room_for_a_while_after_a_write_found_none() {
        let (known, now) = (Known::default(), Instant::now());
        assert_eq!(known.room(now), Room::Enough);
        known.found_full(now);
        let moment = Duration::from_millis(1);
        assert_eq!(
            [now, now + Duration::from_millis(9_999), now + CERTAIN].map(|at| known.room(at)),
            [Room::Lacking, Room::Lacking, Room::Doubtful]
        );
        known.found_full(now + CERTAIN);
        assert_eq!(known.room(now + CERTAIN + moment), Room::Lacking);
        known.found_room();
        assert_eq!(known.room(now + CERTAIN + moment), Room::Enough);
    }
}
