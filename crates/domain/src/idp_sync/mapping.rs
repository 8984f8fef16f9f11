//! From values of a claim to what they give.

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

/// What each value of a claim gives, in the order in which it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mapping<T>(BTreeMap<String, Vec<T>>);

/// `null` in the place of a list is an empty one.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mapping<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let lists = BTreeMap::<String, Option<Vec<T>>>::deserialize(source)?;
        Ok(Self(lists.into_iter().map(|(value, gets)| (value, gets.unwrap_or_default())).collect()))
    }
}

impl<T> Default for Mapping<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// One value of a claim, and one thing that it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    /// The value of the claim.
    pub given: String,
    /// What it gives.
    pub gets: T,
}

/// A change of a mapping; what it does not name stays. What is both added and removed is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingChange<T> {
    /// Pairs that are to be there.
    pub add: Vec<Pair<T>>,
    /// Pairs that are not.
    pub remove: Vec<Pair<T>>,
}

impl<T> MappingChange<T> {
    /// How many pairs it names.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

impl<T: PartialEq> Mapping<T> {
    /// What a value of the claim gives; `None` if the mapping does not have the value.
    #[must_use]
    pub fn get(&self, value: &str) -> Option<&[T]> {
        self.0.get(value).map(Vec::as_slice)
    }

    /// How many pairs there are; a value that gives nothing counts as one.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.0.values().map(|gets| gets.len().max(1)).sum()
    }

    /// The values of the claim that it has, sorted.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The mapping after a change. A value whose last pair is removed stays, and gives nothing; the removal of what is not there
    /// does nothing.
    #[must_use]
    pub fn changed(mut self, change: MappingChange<T>) -> Self
    where
        T: Eq + Hash + Clone,
    {
        // What each list has, so that nobody looks through a list once per pair.
        let mut there: HashMap<String, HashSet<T>> = HashMap::new();
        for Pair { given, gets } in change.add {
            let list = self.0.entry(given.clone()).or_default();
            let known = there.entry(given).or_insert_with(|| list.iter().cloned().collect());
            if known.insert(gets.clone()) {
                list.push(gets);
            }
        }
        let mut gone: HashMap<String, HashSet<T>> = HashMap::new();
        for Pair { given, gets } in change.remove {
            gone.entry(given).or_default().insert(gets);
        }
        for (given, gone) in gone {
            if let Some(list) = self.0.get_mut(&given) {
                list.retain(|kept| !gone.contains(kept));
            }
        }
        self
    }
}

impl<T> FromIterator<(String, Vec<T>)> for Mapping<T> {
    fn from_iter<I: IntoIterator<Item = (String, Vec<T>)>>(lists: I) -> Self {
        Self(lists.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(list: &[(&str, u8)]) -> Vec<Pair<u8>> {
        list.iter().map(|(given, gets)| Pair { given: (*given).to_owned(), gets: *gets }).collect()
    }

    fn mapping(list: &[(&str, &[u8])]) -> Mapping<u8> {
        list.iter().map(|(given, gets)| ((*given).to_owned(), gets.to_vec())).collect()
    }

    #[test]
    fn removal_wins_and_order_stays() {
        let before = mapping(&[("a", &[1, 2]), ("b", &[3])]);
        let add = pairs(&[("a", 4), ("a", 1), ("c", 5), ("c", 5), ("d", 6)]);
        let remove = pairs(&[("b", 3), ("d", 6), ("x", 7), ("a", 9)]);
        let after = before.changed(MappingChange { add, remove });
        assert_eq!(after, mapping(&[("a", &[1, 2, 4]), ("b", &[]), ("c", &[5]), ("d", &[])]));
        assert_eq!((after.get("b"), after.get("x"), after.pairs()), (Some(&[][..]), None, 6));
    }

    #[test]
    fn null_is_an_empty_list() {
        let read: Mapping<u8> = serde_json::from_str(r#"{"a": null, "b": [1]}"#).unwrap();
        assert_eq!(read, mapping(&[("a", &[]), ("b", &[1])]));
    }

    proptest! {
        #[test]
        fn a_change_done_twice_is_the_change_done_once(
            add in prop::collection::vec(("[a-c]", 0_u8..4), 0..8),
            remove in prop::collection::vec(("[a-c]", 0_u8..4), 0..8),
            before in prop::collection::vec(("[a-c]", 0_u8..4), 0..8),
        ) {
            let pairs = |list: &[(String, u8)]| -> Vec<Pair<u8>> {
                list.iter().map(|(given, gets)| Pair { given: given.clone(), gets: *gets }).collect()
            };
            let before = Mapping::default().changed(MappingChange { add: pairs(&before), remove: Vec::new() });
            let change = MappingChange { add: pairs(&add), remove: pairs(&remove) };
            let once = before.changed(change.clone());
            prop_assert!(remove.iter().all(|(given, gets)| !once.get(given).is_some_and(|list| list.contains(gets))));
            prop_assert_eq!(once.clone().changed(change), once);
        }
    }
}
