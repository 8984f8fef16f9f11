//! Permissions, and lists of them compiled to bit masks.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Action, ResourceType};

/// A name in a permission: any, one from the tables, or another text. Decisions match text, so an unknown name is
/// kept and matches the same unknown name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern<T> {
    /// `*`.
    Any,
    /// A name of the tables.
    Is(T),
    /// A name that is not in the tables.
    Other(Arc<str>),
}

/// Allows one action on one resource type, or denies it.
///
/// Serialised (feature `serde`) as the wire form `{"negate": false, "resource_type": "workspace", "action": "read"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "Wire", from = "Wire"))]
pub struct Permission {
    /// Denies instead of allowing. A deny beats every allow of the same level.
    pub negate: bool,
    /// On what.
    pub resource: Pattern<ResourceType>,
    /// To do what.
    pub action: Pattern<Action>,
}

impl Permission {
    /// Allows `action` on `resource`.
    #[must_use]
    pub const fn allow(resource: ResourceType, action: Action) -> Self {
        Self { negate: false, resource: Pattern::Is(resource), action: Pattern::Is(action) }
    }

    /// Denies `action` on `resource`.
    #[must_use]
    pub const fn deny(resource: ResourceType, action: Action) -> Self {
        Self { negate: true, resource: Pattern::Is(resource), action: Pattern::Is(action) }
    }

    /// From the names on the wire, `*` included. No name is refused.
    #[must_use]
    pub fn named(negate: bool, resource: &str, action: &str) -> Self {
        Self {
            negate,
            resource: Pattern::new(resource, ResourceType::parse),
            action: Pattern::new(action, Action::parse),
        }
    }

    /// The resource type on the wire.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        self.resource.name(ResourceType::as_str)
    }

    /// The action on the wire.
    #[must_use]
    pub fn action_name(&self) -> &str {
        self.action.name(Action::as_str)
    }

    /// The pair, when type and action are known and the action is defined for the type.
    #[must_use]
    pub fn defined(&self) -> Option<(ResourceType, Action)> {
        match (&self.resource, &self.action) {
            (Pattern::Is(resource), Pattern::Is(action)) if resource.defines(*action) => Some((*resource, *action)),
            _ => None,
        }
    }

    fn matches(&self, resource: &str, action: &str) -> bool {
        let resources = self.resource == Pattern::Any || self.resource_name() == resource;
        resources && (self.action == Pattern::Any || self.action_name() == action)
    }
}

impl<T: Copy> Pattern<T> {
    fn new(name: &str, parse: fn(&str) -> Option<T>) -> Self {
        match parse(name) {
            Some(known) => Self::Is(known),
            None if name == "*" => Self::Any,
            None => Self::Other(Arc::from(name)),
        }
    }

    fn name(&self, known: fn(T) -> &'static str) -> &str {
        match self {
            Self::Any => "*",
            Self::Is(name) => known(*name),
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negate { "!" } else { "" };
        write!(f, "{sign}{}:{}", self.resource_name(), self.action_name())
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Wire {
    #[serde(default)]
    negate: bool,
    resource_type: String,
    action: String,
}

#[cfg(feature = "serde")]
impl From<Permission> for Wire {
    fn from(permission: Permission) -> Self {
        Self {
            negate: permission.negate,
            resource_type: permission.resource_name().to_owned(),
            action: permission.action_name().to_owned(),
        }
    }
}

#[cfg(feature = "serde")]
impl From<Wire> for Permission {
    fn from(wire: Wire) -> Self {
        Self::named(wire.negate, &wire.resource_type, &wire.action)
    }
}

/// What a list of permissions says to one question. Ordered: joining two lists keeps the greater vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vote {
    /// No entry matches.
    Silent,
    /// Some entry matches and none denies.
    Allow,
    /// Some matching entry denies.
    Deny,
}

/// Votes of one resource type: one bit per action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) allow: u16,
    pub(super) deny: u16,
}

impl Mask {
    pub(super) const fn vote(self, bit: u16) -> Vote {
        if self.deny & bit != 0 {
            Vote::Deny
        } else if self.allow & bit != 0 {
            Vote::Allow
        } else {
            Vote::Silent
        }
    }
}

/// Votes of a permission list for every known pair.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Masks([Mask; ResourceType::COUNT]);

impl Masks {
    pub(super) const fn fixed(rows: [Mask; ResourceType::COUNT]) -> Self {
        Self(rows)
    }

    pub(super) fn of(entries: &[Permission]) -> Self {
        let mut masks = Self::default();
        for entry in entries {
            masks.add(entry);
        }
        masks
    }

    fn add(&mut self, entry: &Permission) {
        let bits = match &entry.action {
            Pattern::Any => u16::MAX,
            Pattern::Is(action) => action.bit(),
            Pattern::Other(_) => return,
        };
        let rows = match &entry.resource {
            Pattern::Any => self.0.get_mut(..),
            Pattern::Is(resource) => self.0.get_mut(resource.row()).map(std::slice::from_mut),
            Pattern::Other(_) => None,
        };
        for row in rows.unwrap_or_default() {
            let half = if entry.negate { &mut row.deny } else { &mut row.allow };
            *half |= bits;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (row, more) in self.0.iter_mut().zip(&other.0) {
            row.allow |= more.allow;
            row.deny |= more.deny;
        }
    }

    #[inline]
    pub(super) fn row(&self, resource: ResourceType) -> Mask {
        self.0.get(resource.row()).copied().unwrap_or_default()
    }
}

impl Default for Masks {
    fn default() -> Self {
        Self([Mask::default(); ResourceType::COUNT])
    }
}

/// A list of permissions with its masks. Questions about unknown names go to the list, all others to the masks.
#[derive(Clone, PartialEq, Eq)]
pub struct PermissionSet {
    masks: Masks,
    entries: Cow<'static, [Permission]>,
}

impl PermissionSet {
    pub(super) const fn fixed(masks: Masks, entries: &'static [Permission]) -> Self {
        Self { masks, entries: Cow::Borrowed(entries) }
    }

    /// Compiles a list.
    #[must_use]
    pub fn new(entries: Vec<Permission>) -> Self {
        Self { masks: Masks::of(&entries), entries: Cow::Owned(entries) }
    }

    /// The list, in the order it was given.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.entries
    }

    /// What the list says about known names.
    #[must_use]
    pub fn vote(&self, action: Action, resource: ResourceType) -> Vote {
        self.masks.row(resource).vote(action.bit())
    }

    /// What the list says about names as text, known or not.
    #[must_use]
    pub fn vote_named(&self, action: &str, resource: &str) -> Vote {
        let matching = self.entries.iter().filter(|entry| entry.matches(resource, action));
        matching.map(|entry| if entry.negate { Vote::Deny } else { Vote::Allow }).max().unwrap_or(Vote::Silent)
    }

    pub(super) const fn masks(&self) -> &Masks {
        &self.masks
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| format_args!("{entry}").to_string())).finish()
    }
}

/// Permissions of a built-in table, or of a role made at run time, shared by all subjects.
#[derive(Clone)]
pub(super) enum Shared {
    Table(&'static PermissionSet),
    Made(Arc<PermissionSet>),
}

impl Deref for Shared {
    type Target = PermissionSet;

    fn deref(&self) -> &PermissionSet {
        match self {
            Self::Table(grants) => grants,
            Self::Made(grants) => grants,
        }
    }
}

impl From<Vec<Permission>> for Shared {
    fn from(entries: Vec<Permission>) -> Self {
        Self::Made(Arc::new(PermissionSet::new(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_beats_allows_of_the_same_list() {
        let read = Permission::allow(ResourceType::Workspace, Action::Read);
        let grants = PermissionSet::new(vec![Permission::deny(ResourceType::Workspace, Action::Read), read]);
        assert_eq!(grants.vote(Action::Read, ResourceType::Workspace), Vote::Deny);
        assert_eq!(grants.vote_named("read", "workspace"), Vote::Deny);
        assert_eq!(grants.vote(Action::Read, ResourceType::Template), Vote::Silent);
    }

    #[test]
    fn unknown_names_match_as_text() {
        let grants =
            PermissionSet::new(vec![Permission::named(false, "spaceship", "*"), Permission::named(false, "*", "fly")]);
        assert_eq!(grants.vote_named("land", "spaceship"), Vote::Allow);
        assert_eq!(grants.vote_named("fly", "workspace"), Vote::Allow);
        assert_eq!(grants.vote_named("*", "*"), Vote::Silent);
        assert_eq!(grants.vote_named("*", "spaceship"), Vote::Allow);
        assert_eq!(grants.vote(Action::Read, ResourceType::Workspace), Vote::Silent);
    }

    #[test]
    fn permissions_keep_their_names_on_the_wire() {
        let text = r#"{"negate":true,"resource_type":"spaceship","action":"*"}"#;
        let permission: Permission = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&permission).unwrap(), text);
        assert_eq!(permission.to_string(), "!spaceship:*");
        assert_eq!(permission.defined(), None);
    }
}
