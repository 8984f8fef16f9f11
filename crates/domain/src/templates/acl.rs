//! Roles on the access lists of templates, which store actions (`enterprise-identity.md` 1.1).

use crate::ids::OrganizationId;
use crate::roles::{Acl, Id};
use std::fmt;
use std::str::FromStr;

/// What somebody on the access list of a template may do.
///
/// ```
/// use doorward_domain::templates::TemplateRole;
/// assert_eq!(TemplateRole::of(&["use", "read"]), Some(TemplateRole::Use));
/// assert_eq!(TemplateRole::of(&["*"]), Some(TemplateRole::Admin));
/// assert_eq!(TemplateRole::of(&["read"]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemplateRole {
    /// Everything, the access list included.
    Admin,
    /// See it and make workspaces from it.
    Use,
}

/// A word that is no role of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role {0:?} is not a valid template role: must be \"admin\", \"use\", or \"\" to remove the entry")]
pub struct UnknownRole(pub String);

impl TemplateRole {
    /// The role on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Use => "use",
        }
    }

    /// What it lets somebody do, as access lists store it.
    #[must_use]
    pub const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Admin => &["*"],
            Self::Use => &["read", "use"],
        }
    }

    /// The role whose actions are exactly these; `None` for any other list.
    #[must_use]
    pub fn of(actions: &[&str]) -> Option<Self> {
        match actions {
            ["*"] => Some(Self::Admin),
            ["read", "use"] | ["use", "read"] => Some(Self::Use),
            _ => None,
        }
    }
}

impl fmt::Display for TemplateRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TemplateRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "admin" => Ok(Self::Admin),
            "use" => Ok(Self::Use),
            _ => Err(UnknownRole(text.to_owned())),
        }
    }
}

/// The list of a new template: all members of its organization may use it.
#[must_use]
pub fn everyone(organization: OrganizationId) -> Acl {
    let mut acl = Acl::new();
    set_role(&mut acl, organization.0, Some(TemplateRole::Use));
    acl
}

/// The role that stands for the entry of `id`: `None` without an entry, and `Some(None)` for actions that are no role.
#[must_use]
pub fn role_of(acl: &Acl, id: impl Into<Id>) -> Option<Option<TemplateRole>> {
    acl.actions_of(&id.into()).map(|actions| TemplateRole::of(&actions))
}

/// Replaces the entry of `id`; without a role it is removed.
pub fn set_role(acl: &mut Acl, id: impl Into<Id>, role: Option<TemplateRole>) {
    set_roles(acl, [(id, role)]);
}

/// Replaces many entries in one pass; those without a role are removed, and all others stay. Of one id, the last counts.
pub fn set_roles<I: Into<Id>>(acl: &mut Acl, roles: impl IntoIterator<Item = (I, Option<TemplateRole>)>) {
    acl.replace(roles.into_iter().map(|(id, role)| (id, role.map(TemplateRole::actions))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_role_is_stored_as_its_actions_and_read_back() {
        let id = Uuid::from_u128(1);
        let mut acl = Acl::new();
        for role in [TemplateRole::Use, TemplateRole::Admin, TemplateRole::Use] {
            set_role(&mut acl, id, Some(role));
            assert_eq!(role_of(&acl, id), Some(Some(role)), "an entry is replaced, not joined");
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(serde_json::to_value(&acl).unwrap(), serde_json::json!({ id.to_string(): ["read", "use"] }));
        set_role(&mut acl, id, None);
        assert_eq!((role_of(&acl, id), acl.is_empty()), (None, true));
    }

    /// A list that is searched from its beginning, or moved, once per entry does not get through this.
    #[test]
    fn a_long_list_is_changed_and_read_in_one_pass() {
        const MANY: u128 = 200_000;
        let mut acl = Acl::new();
        set_roles(&mut acl, (0..MANY).rev().map(|n| (Uuid::from_u128(n), Some(TemplateRole::Use))));
        set_roles(&mut acl, (0..MANY).map(|n| (Uuid::from_u128(n), (n % 2 == 0).then_some(TemplateRole::Admin))));
        let read: Acl = serde_json::from_str(&serde_json::to_string(&acl).unwrap()).unwrap();
        assert_eq!(read, acl);
        for n in 0..MANY {
            let expected = (n % 2 == 0).then_some(Some(TemplateRole::Admin));
            assert_eq!(role_of(&acl, Uuid::from_u128(n)), expected);
        }
    }

    #[test]
    fn of_several_roles_for_one_id_the_last_counts() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut acl = everyone(OrganizationId(two));
        set_roles(&mut acl, [(one, Some(TemplateRole::Use)), (two, None), (one, Some(TemplateRole::Admin))]);
        assert_eq!((role_of(&acl, one), role_of(&acl, two)), (Some(Some(TemplateRole::Admin)), None));
    }

    #[test]
    fn actions_that_are_no_role_show_as_none() {
        let id = Uuid::from_u128(1);
        for odd in [&["read"][..], &["*", "read"], &["read", "use", "fly"], &["read", "update", "use"], &[]] {
            let acl: Acl = [(id, odd)].into_iter().collect();
            assert_eq!(role_of(&acl, id), Some(None), "{odd:?}");
        }
        assert!("owner".parse::<TemplateRole>().is_err() && "Admin".parse::<TemplateRole>().is_err());
    }
}
