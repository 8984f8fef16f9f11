//! Resource types and actions, generated from `data/rbac-resources.json` and `data/rbac-extra.json`.

use std::fmt;
use std::str::FromStr;

/// A name that is not in the tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{name}`")]
pub struct UnknownName {
    kind: &'static str,
    name: String,
}

impl UnknownName {
    pub(super) fn new(kind: &'static str, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }

    /// The name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

mod sealed {
    /// Keeps the markers to the generated ones.
    pub trait Sealed {}
}

/// A [`ResourceType`] as a type. Only the types in [`resource`] implement it.
pub trait ResourceMarker: sealed::Sealed {
    /// The resource type it stands for.
    const TYPE: ResourceType;
}

/// An [`Action`] as a type. Only the types in [`action`] implement it.
pub trait ActionMarker: sealed::Sealed {
    /// The action it stands for.
    const ACTION: Action;
}

include!("../../data/generated/names.rs");

impl ResourceType {
    /// Whether `action` is defined for this type. Decisions do not ask: an undefined pair is simply matched.
    #[must_use]
    pub fn defines(self, action: Action) -> bool {
        self.actions().contains(&action)
    }

    /// The row of this type in the mask tables.
    pub(super) const fn row(self) -> usize {
        self as usize
    }
}

impl Action {
    /// The bit of this action in the mask tables.
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ResourceType {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::parse(name).ok_or_else(|| UnknownName::new("resource type", name))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::parse(name).ok_or_else(|| UnknownName::new("action", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        assert_eq!((ResourceType::COUNT, Action::COUNT), (36, 16));
        for resource in ResourceType::ALL {
            assert_eq!(resource.as_str().parse(), Ok(resource));
        }
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!(ResourceType::ALL.iter().map(|resource| resource.actions().len()).sum::<usize>(), 126);
    }

    #[test]
    fn unknown_names_are_not_parsed() {
        for name in ["", "*", "Workspace", "workspaces"] {
            assert_eq!(ResourceType::parse(name), None);
            assert_eq!(Action::parse(name), None);
        }
        let error = "fly".parse::<Action>().unwrap_err();
        assert_eq!(error.to_string(), "unknown action `fly`");
    }

    #[test]
    fn markers_stand_for_their_names() {
        assert_eq!(<resource::Oauth2AppSecret as ResourceMarker>::TYPE, ResourceType::Oauth2AppSecret);
        assert_eq!(<action::UpdatePersonal as ActionMarker>::ACTION, Action::UpdatePersonal);
    }
}
