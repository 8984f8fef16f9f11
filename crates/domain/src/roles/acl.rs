//! Access lists of objects.

use std::collections::BTreeMap;

use super::{Action, Id};

const EVERY: u32 = 1 << Action::COUNT;
/// Up to so many entries, reading them all is faster than halving.
const SHORT: usize = 16;

/// An access list: who (a user or group id) may do what. `*` stands for every action.
///
/// Serialised (feature `serde`) as a map from id to action names, `{"some-group": ["read"], "some-user": ["*"]}`. Unknown
/// action names are kept and match as text.
///
/// ```
/// use doorward_domain::roles::{Acl, Action};
///
/// let acl = Acl::new().grant("some-group", Action::Read).grant_every("some-user");
/// assert_ne!(acl, Acl::new());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "BTreeMap<Id, Vec<String>>", from = "BTreeMap<Id, Vec<String>>"))]
pub struct Acl {
    // INVARIANT: sorted by id, one entry per id.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    id: Id,
    /// One bit per known action, and [`EVERY`].
    actions: u32,
    unknown: Vec<Box<str>>,
}

impl Acl {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds one action.
    #[must_use]
    pub fn grant(mut self, id: impl Into<Id>, action: Action) -> Self {
        self.add(id, action.as_str());
        self
    }

    /// Adds every action.
    #[must_use]
    pub fn grant_every(mut self, id: impl Into<Id>) -> Self {
        self.add(id, "*");
        self
    }

    /// Adds an action by its name, `*` included.
    pub fn add(&mut self, id: impl Into<Id>, action: &str) {
        let id = id.into();
        match self.entries.binary_search_by(|entry| entry.id.cmp(&id)) {
            Err(at) => self.entries.insert(at, Entry::new(id, [action])),
            Ok(at) => self.entries.get_mut(at).into_iter().for_each(|entry| entry.add(action)),
        }
    }

    /// Takes an id off the list.
    pub fn remove(&mut self, id: &Id) {
        self.entries.retain(|entry| entry.id != *id);
    }

    /// Gives these ids exactly these actions, by their names; with `None` an id is taken off. All other entries stay. Of
    /// one id, the last counts. It is one pass over the list, however many entries change.
    ///
    /// ```
    /// use doorward_domain::roles::{Acl, Action};
    ///
    /// let mut acl = Acl::new().grant("a", Action::Read).grant("b", Action::Read);
    /// acl.replace([("a", None), ("b", Some(vec!["use"])), ("c", Some(vec!["*"]))]);
    /// assert_eq!(acl, Acl::new().grant("b", Action::Use).grant_every("c"));
    /// ```
    pub fn replace<I, A, L>(&mut self, changes: impl IntoIterator<Item = (I, Option<L>)>)
    where
        I: Into<Id>,
        A: AsRef<str>,
        L: IntoIterator<Item = A>,
    {
        let changes: BTreeMap<Id, Option<L>> = changes.into_iter().map(|(id, actions)| (id.into(), actions)).collect();
        self.entries.retain(|entry| !changes.contains_key(&entry.id));
        let new = changes.into_iter().filter_map(|(id, actions)| Some(Entry::new(id, actions?)));
        self.entries.extend(new);
        // Two sorted runs, which a stable sort merges.
        self.entries.sort_by(|one, other| one.id.cmp(&other.id));
    }

    /// The names of the actions of an id; `None` when it is not listed.
    #[must_use]
    pub fn actions_of(&self, id: &Id) -> Option<Vec<&str>> {
        self.entry(id).map(Entry::names)
    }

    /// Whether nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who is listed, each with the names of the actions.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, Vec<&str>)> {
        self.entries.iter().map(|entry| (&entry.id, entry.names()))
    }

    /// The entry of an id. A short list is faster read through than halved.
    fn entry(&self, id: &Id) -> Option<&Entry> {
        if self.entries.len() <= SHORT {
            return self.entries.iter().find(|entry| entry.id == *id);
        }
        let at = self.entries.binary_search_by(|entry| entry.id.cmp(id)).ok()?;
        self.entries.get(at)
    }

    /// Whether `id` may do what is asked.
    pub(super) fn allows(&self, id: &Id, asked: Asked<'_>) -> bool {
        self.entry_for(id, asked).is_some()
    }

    /// The entry by which `id` may do what is asked.
    pub(super) fn entry_for(&self, id: &Id, asked: Asked<'_>) -> Option<&Entry> {
        self.entry(id).filter(|entry| entry.allows(asked))
    }

    /// Whether one of `ids`, which are sorted, may do what is asked.
    pub(super) fn allows_any(&self, ids: &[Id], asked: Asked<'_>) -> bool {
        if ids.len() < self.entries.len() {
            return ids.iter().any(|id| self.allows(id, asked));
        }
        self.entries.iter().any(|entry| entry.allows(asked) && contains(ids, &entry.id))
    }
}

/// Whether sorted `ids` have `id`. A short list is faster read through than halved.
pub(super) fn contains(ids: &[Id], id: &Id) -> bool {
    if ids.len() <= SHORT { ids.contains(id) } else { ids.binary_search(id).is_ok() }
}

/// The action of a question.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    Known(Action),
    /// A name that is not in the tables.
    Unknown(&'a str),
}

impl<'a> Asked<'a> {
    pub(super) fn parse(name: &'a str) -> Self {
        Action::parse(name).map_or(Self::Unknown(name), Self::Known)
    }
}

impl Entry {
    /// Whether every action is listed.
    pub(super) const fn is_every(&self) -> bool {
        self.actions & EVERY != 0
    }

    #[inline]
    fn allows(&self, asked: Asked<'_>) -> bool {
        match asked {
            Asked::Known(action) => self.actions & (EVERY | u32::from(action.bit())) != 0,
            Asked::Unknown(name) => self.actions & EVERY != 0 || self.unknown.iter().any(|known| **known == *name),
        }
    }

    fn new<A: AsRef<str>>(id: Id, actions: impl IntoIterator<Item = A>) -> Self {
        let mut entry = Self { id, actions: 0, unknown: Vec::new() };
        for action in actions {
            entry.add(action.as_ref());
        }
        entry
    }

    /// Adds an action by its name, `*` included.
    fn add(&mut self, action: &str) {
        match Action::parse(action) {
            Some(action) => self.actions |= u32::from(action.bit()),
            None if action == "*" => self.actions |= EVERY,
            None if self.unknown.iter().any(|known| **known == *action) => {}
            None => self.unknown.push(action.into()),
        }
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.unknown.iter().map(|name| &**name).collect();
        names.extend((self.actions & EVERY != 0).then_some("*"));
        for action in Action::ALL.into_iter().filter(|action| self.actions & u32::from(action.bit()) != 0) {
            names.push(action.as_str());
        }
        names
    }
}

/// From ids and the names of their actions.
impl<I: Into<Id>, A: AsRef<str>, L: IntoIterator<Item = A>> FromIterator<(I, L)> for Acl {
    fn from_iter<T: IntoIterator<Item = (I, L)>>(lists: T) -> Self {
        let mut entries: Vec<Entry> = lists.into_iter().map(|(id, actions)| Entry::new(id.into(), actions)).collect();
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        entries.dedup_by(|later, kept| {
            let same = later.id == kept.id;
            if same {
                later.names().into_iter().for_each(|action| kept.add(action));
            }
            same
        });
        Self { entries }
    }
}

impl From<BTreeMap<Id, Vec<String>>> for Acl {
    fn from(lists: BTreeMap<Id, Vec<String>>) -> Self {
        lists.into_iter().collect()
    }
}

impl From<Acl> for BTreeMap<Id, Vec<String>> {
    fn from(acl: Acl) -> Self {
        acl.iter().map(|(id, names)| (id.clone(), names.into_iter().map(str::to_owned).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_one_id_join() {
        let mut acl = Acl::new().grant("b", Action::Read).grant("a", Action::Use);
        acl.add("b", "fly");
        acl.add("b", "fly");
        acl.add("b", "*");
        let text = r#"{"a":["use"],"b":["fly","*","read"]}"#;
        assert_eq!(serde_json::to_string(&acl).unwrap(), text);
        acl.remove(&Id::from("a"));
        assert!(!acl.allows(&Id::from("a"), Asked::Known(Action::Use)));
    }

    #[test]
    fn names_match_as_text() {
        let acl: Acl = [("g", ["fly", "read"])].into_iter().collect();
        let asks = |name| acl.allows(&Id::from("g"), Asked::parse(name));
        assert!(asks("fly") && asks("read") && !asks("*") && !asks("Read"));
        assert!(!acl.allows(&Id::from("g"), Asked::Known(Action::Use)));
        assert!(!acl.allows(&Id::from(""), Asked::Unknown("fly")));
    }
}
