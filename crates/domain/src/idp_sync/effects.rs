//! What a sync would do, and why: the outcome of a plan.

use super::ClaimError;
use crate::ids::{GroupId, OrganizationId};
use crate::roles::RoleNames;
use crate::text_enum::text_enum;
use serde::{Serialize, Serializer};
use thiserror::Error;

/// The most notes of a plan; of the others it is told how many there are.
pub const NOTES_MAX: usize = 500;

text_enum! {
    /// What follows claims.
    Followed {
        /// The membership in an organization.
        Organization = "organization",
        /// The membership in a group.
        Group = "group",
        /// A role in an organization.
        OrganizationRole = "organization_role",
        /// A role on the site.
        SiteRole = "site_role",
    }
}

/// Something that is gained or lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// What it is.
    #[serde(serialize_with = "as_text")]
    pub kind: Followed,
    /// The organization; `None` for a role on the site.
    pub organization_id: Option<OrganizationId>,
    /// The group; `None` for what is no group, and for a group that is made for it.
    pub group_id: Option<GroupId>,
    /// The name of the organization, the group or the role.
    pub name: String,
    /// Why.
    #[serde(serialize_with = "as_text")]
    pub because: Because,
}

/// Why something is gained or lost.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Because {
    /// A value of a claim gives it.
    #[error("the claim `{field}` has the value `{value}`")]
    Claimed {
        /// The claim.
        field: String,
        /// The first value that gives it.
        value: String,
    },
    /// Everybody has it.
    #[error("everybody has it")]
    GivenToAll,
    /// No value of the claim gives it.
    #[error("no value of the claim `{0}` gives it")]
    NotClaimed(String),
    /// It goes with the membership in its organization.
    #[error("the membership in the organization ends")]
    LeftOrganization,
}

/// Something that was said and does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    #[serde(serialize_with = "as_text")]
    pub kind: Followed,
    /// In which organization.
    pub organization_id: Option<OrganizationId>,
    /// The value of the claim, if it is about one.
    pub value: Option<String>,
    /// Why it does nothing.
    #[serde(serialize_with = "as_text")]
    pub because: Ignored,
}

/// Why something does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Ignored {
    /// The mapping does not have the value.
    #[error("the mapping does not have the value")]
    Unmapped,
    /// There is no such organization, or not any more.
    #[error("there is no organization {0}")]
    NoOrganization(OrganizationId),
    /// The filter does not let the value through.
    #[error("the filter does not let it through")]
    Filtered,
    /// There is no such group, or not any more.
    #[error("there is no group {0}")]
    NoGroup(GroupId),
    /// The mapping names a group of another organization.
    #[error("the group {0} is of another organization")]
    GroupElsewhere(GroupId),
    /// No group has this name, and none is made.
    #[error("no group has the name `{0}`, and missing groups are not made")]
    NoGroupNamed(String),
    /// No group can have this name.
    #[error("no group can have this name")]
    BadGroupName,
    /// All members of an organization are in this group.
    #[error("all members of the organization are in this group anyway")]
    Everyone,
    /// There is no such role.
    #[error("there is no role `{0}`")]
    NoRole(String),
    /// Everybody has this role.
    #[error("everybody has the role `{0}` anyway")]
    ImpliedRole(String),
    /// The claim cannot be read, so all stays as it is.
    #[error("{0}; so everything stays as it is")]
    Unreadable(#[from] ClaimError),
    /// Nobody knows what the claim says, so all stays as it is.
    #[error("the provider has not sent the claim `{0}`, which means nothing; so everything stays as it is")]
    Unknown(String),
    /// Entries of the list that are no texts.
    #[error("{0} entries of the list are neither a text nor an object with a `name`")]
    UnreadableEntries(usize),
    /// The list is too long.
    #[error("the list is too long: its last {0} entries are left out, and nothing is taken away")]
    TooLong(usize),
    /// The last active owner stays one.
    #[error("the last active owner keeps the role `owner`")]
    LastOwner,
}

/// A claim without which nobody signs in, and that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the {} of the account cannot be told: {error}", match kind {
    Followed::Organization => "organizations",
    Followed::Group => "groups",
    Followed::OrganizationRole | Followed::SiteRole => "roles",
})]
pub struct Unsyncable {
    /// What would follow it.
    pub kind: Followed,
    /// What is wrong with it.
    pub error: ClaimError,
}

/// What a sync does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is gained: organizations, then groups, then roles.
    pub gained: Vec<Effect>,
    /// What is lost, in the same order.
    pub lost: Vec<Effect>,
    /// What was said and does nothing: at most [`NOTES_MAX`].
    pub ignored: Vec<Note>,
    /// How many more notes there would be.
    pub ignored_more: usize,
}

impl Plan {
    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }

    /// What of a kind is gained in an organization.
    fn of(effects: &[Effect], kind: Followed, organization: Option<OrganizationId>) -> impl Iterator<Item = &Effect> {
        effects.iter().filter(move |effect| effect.kind == kind && effect.organization_id == organization)
    }

    /// The roles after it, of somebody who holds these on the site, or in an organization.
    #[must_use]
    pub fn roles_after(&self, held: &RoleNames, organization: Option<OrganizationId>) -> RoleNames {
        let kind = if organization.is_some() { Followed::OrganizationRole } else { Followed::SiteRole };
        let lost = || Self::of(&self.lost, kind, organization).map(|effect| effect.name.as_str());
        let gained = Self::of(&self.gained, kind, organization).map(|effect| effect.name.as_str());
        let kept = held.iter().map(String::as_str).filter(|name| !lost().any(|lost| lost == *name));
        kept.chain(gained).collect()
    }

    pub(super) fn gain(&mut self, effect: Effect) {
        self.gained.push(effect);
    }

    pub(super) fn lose(&mut self, effect: Effect) {
        self.lost.push(effect);
    }

    pub(super) fn note(&mut self, note: Note) {
        if self.ignored.len() < NOTES_MAX {
            self.ignored.push(note);
        } else {
            self.ignored_more += 1;
        }
    }
}

fn as_text<T: ToString, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_string())
}
