//! Groups of users within an organization (`identity.md` 6).

mod nesting;

pub use nesting::{NESTED_DEEP, NESTINGS_MAX, NestingError, Nestings, Within};

use crate::Instant;
use crate::ids::{GroupId, OrganizationId, UserId};
use crate::names::{DisplayName, GroupName};
use crate::organizations::Organization;
use crate::roles::{Acl, Action};
use crate::search::{self, QueryError};
use crate::text_enum::text_enum;
use crate::users::ReducedUser;

/// Name of the group of all members of an organization. No other group may be called so.
pub const EVERYONE: &str = "Everyone";
/// Longest URL of a picture, in bytes.
pub const AVATAR_URL_MAX: usize = 2048;
/// How many users at most look after the members of one group.
pub const MANAGERS_MAX: usize = 100;

text_enum! {
    /// Who looks after the members of a group.
    GroupSource {
        /// People.
        User = "user",
        /// Sign-ins with an `OpenID` Connect provider; what people change, the next one may undo.
        Oidc = "oidc",
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id; that of the organization for the group Everyone.
    pub id: GroupId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name, unique in the organization with regard to letter case.
    pub name: GroupName,
    /// What people see instead of the name; may be empty.
    pub display_name: DisplayName,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// What each member may spend on workspaces; may be negative.
    pub quota_allowance: i32,
    /// Who looks after its members.
    pub source: GroupSource,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl Group {
    /// The group of all members, which has the id of its organization and is made with it.
    ///
    /// ```
    /// use doorward_domain::{Instant, groups::Group, ids::OrganizationId, organizations::Organization};
    /// let acme = Organization {
    ///     id: OrganizationId(uuid::Uuid::NAMESPACE_DNS),
    ///     name: "acme".parse()?, display_name: Default::default(),
    ///     description: String::new(), icon: String::new(), created_at: Instant::UNIX_EPOCH,
    ///     updated_at: Instant::UNIX_EPOCH, is_default: false, default_roles: Default::default(),
    /// };
    /// let everyone = Group::everyone(&acme);
    /// assert!(everyone.is_everyone());
    /// assert_eq!(everyone.name, "Everyone");
    /// # Ok::<(), doorward_domain::names::NameError>(())
    /// ```
    #[must_use]
    pub fn everyone(organization: &Organization) -> Self {
        Self {
            id: GroupId(organization.id.0),
            organization_id: organization.id,
            name: GroupName::from_storage(EVERYONE.to_owned()),
            display_name: DisplayName::default(),
            avatar_url: String::new(),
            quota_allowance: 0,
            source: GroupSource::User,
            created_at: organization.created_at,
            updated_at: organization.created_at,
        }
    }

    /// Whether its members are those of the organization. Such a group keeps its name and is never deleted.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.id.0 == self.organization_id.0
    }

    /// Who may read it besides those whose roles say so: its members (`rbac.md` 6).
    #[must_use]
    pub fn readers(&self) -> Acl {
        Acl::new().grant(self.id.0, Action::Read)
    }

    /// What becomes of the group when this is asked of it. A name that it has already is no change.
    pub fn changed(&self, change: &GroupChange, now: Instant) -> Result<Self, GroupRuleError> {
        let name = change.name.as_ref().filter(|name| **name != self.name);
        if self.is_everyone() {
            if name.is_some() {
                return Err(GroupRuleError::EveryoneName);
            }
            if change.display_name.as_ref().is_some_and(|text| !text.is_empty()) {
                return Err(GroupRuleError::EveryoneDisplayName);
            }
        }
        if name.is_some_and(|name| *name == EVERYONE) {
            return Err(GroupRuleError::ReservedName);
        }
        if self.is_everyone() && change.moves_members {
            return Err(GroupRuleError::EveryoneMembers);
        }
        Ok(Self {
            name: name.unwrap_or(&self.name).clone(),
            display_name: change.display_name.as_ref().unwrap_or(&self.display_name).clone(),
            avatar_url: change.avatar_url.as_ref().unwrap_or(&self.avatar_url).clone(),
            quota_allowance: change.quota_allowance.unwrap_or(self.quota_allowance),
            updated_at: now,
            ..self.clone()
        })
    }
}

/// What is asked of a group; `None` keeps what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// A new name.
    pub name: Option<GroupName>,
    /// A new display name; empty clears it.
    pub display_name: Option<DisplayName>,
    /// A new picture; empty clears it.
    pub avatar_url: Option<String>,
    /// A new allowance.
    pub quota_allowance: Option<i32>,
    /// Whether members are to be added or removed.
    pub moves_members: bool,
}

/// Why a group cannot be what it is asked to be (`identity.md` 6.5), in the order in which it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRuleError {
    /// The group of all members keeps its name.
    #[error("the group of all members cannot be renamed")]
    EveryoneName,
    /// The group of all members has no display name.
    #[error("the group of all members cannot have a display name")]
    EveryoneDisplayName,
    /// No other group has the name of the group of all members.
    #[error("this name is reserved for the group of all members")]
    ReservedName,
    /// The members of the group of all members are those of the organization.
    #[error("the members of this group are those of the organization")]
    EveryoneMembers,
}

/// Which groups are asked for; all conditions hold at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFilter {
    /// Of this organization.
    pub organization: Option<OrganizationId>,
    /// Having this user as a member: the groups Everyone of the organizations of the user too.
    pub has_member: Option<UserId>,
    /// In one of these organizations: those in which the caller may know who is a member; `None` is any.
    pub known_in: Option<Vec<OrganizationId>>,
    /// One of these.
    pub ids: Option<Vec<GroupId>>,
    /// Part of the name or of the display name, lower case; empty narrows nothing.
    pub search: String,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The group.
    pub group_id: GroupId,
    /// The member.
    pub user: ReducedUser,
}

/// Reads the search text of a list of groups: a part of the name or the display name, in which every character stands for
/// itself. What is answered is lower case, as names are compared.
pub fn parse_group_query(text: &str) -> Result<String, Vec<QueryError>> {
    search::bounded(text).map(str::to_lowercase).map_err(|error| vec![error])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;
    use std::str::FromStr;
    use uuid::Uuid;

    fn group(id: u128) -> Group {
        Group {
            id: GroupId(Uuid::from_u128(id)),
            organization_id: OrganizationId(Uuid::from_u128(1)),
            name: if id == 1 { EVERYONE } else { "devs" }.parse().unwrap(),
            display_name: DisplayName::default(),
            avatar_url: "/a.png".to_owned(),
            quota_allowance: 3,
            source: GroupSource::Oidc,
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "fields of a change are optional")]
    fn some<T: FromStr<Err: Debug>>(text: &str) -> Option<T> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_asked_for_stays() {
        let later = Instant::UNIX_EPOCH + time::Duration::DAY;
        let same = group(2).changed(&GroupChange { name: some("devs"), ..GroupChange::default() }, later).unwrap();
        assert_eq!(same, Group { updated_at: later, ..group(2) });
        let change = GroupChange {
            name: some("Devs"),
            display_name: some("The Devs"),
            avatar_url: some(""),
            quota_allowance: Some(-7),
            moves_members: true,
        };
        let new = group(2).changed(&change, later).unwrap();
        assert_eq!((new.name.as_str(), new.display_name.as_str(), new.avatar_url.as_str()), ("Devs", "The Devs", ""));
        assert_eq!((new.quota_allowance, new.source), (-7, GroupSource::Oidc));
    }

    #[test]
    fn rules_are_looked_at_in_their_order() {
        let all = GroupChange {
            name: some("x"),
            display_name: some("X"),
            quota_allowance: Some(1),
            moves_members: true,
            avatar_url: None,
        };
        let refused = |id, change: &GroupChange| group(id).changed(change, Instant::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused(1, &all), GroupRuleError::EveryoneName);
        let named = GroupChange { name: some(EVERYONE), ..all };
        assert_eq!(refused(1, &named), GroupRuleError::EveryoneDisplayName);
        let cleared = GroupChange { display_name: some(""), ..named.clone() };
        assert_eq!(refused(1, &cleared), GroupRuleError::EveryoneMembers);
        let quota = GroupChange { moves_members: false, ..cleared };
        assert_eq!(group(1).changed(&quota, Instant::UNIX_EPOCH).unwrap().quota_allowance, 1);
        assert_eq!(refused(2, &named), GroupRuleError::ReservedName);
        let lower = GroupChange { name: some("everyone"), ..named };
        assert_eq!(group(2).changed(&lower, Instant::UNIX_EPOCH).unwrap().name, "everyone", "exact case only");
    }

    #[test]
    fn sources_are_words() {
        for source in GroupSource::ALL {
            assert_eq!(source.as_str().parse(), Ok(*source));
        }
        assert!("USER".parse::<GroupSource>().is_err());
    }
}
