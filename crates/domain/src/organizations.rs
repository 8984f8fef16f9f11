//! Organizations and their members.

use crate::Instant;
use crate::ids::{OrganizationId, UserId};
use std::fmt;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id; its group Everyone has the same.
    pub id: OrganizationId,
    /// Its name, unique without regard to letter case.
    pub name: String,
    /// What people see; never empty.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, or empty.
    pub icon: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Whether this is the organization of those for whom none is named.
    pub is_default: bool,
}

/// That a user belongs to an organization, with the roles held there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The member.
    pub user_id: UserId,
    /// Stored role names without the organization suffix; the implied `organization-member` is not among them.
    pub roles: Vec<String>,
    /// When the user joined.
    pub created_at: Instant,
    /// When the roles last changed.
    pub updated_at: Instant,
}

/// A member together with what is shown of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// That the user belongs to the organization.
    pub membership: Membership,
    /// User name.
    pub username: String,
    /// Real name, may be empty.
    pub name: String,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// Mail address.
    pub email: String,
    /// Stored names of the site roles.
    pub site_roles: Vec<String>,
}

/// What keeps an organization from being deleted, and how many there are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// Members; a single one does not count.
    Members(u64),
    /// Groups besides Everyone.
    Groups(u64),
    /// Templates.
    Templates(u64),
    /// Workspaces.
    Workspaces(u64),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = match self {
            Self::Members(count) => (count, "member"),
            Self::Groups(count) => (count, "group"),
            Self::Templates(count) => (count, "template"),
            Self::Workspaces(count) => (count, "workspace"),
        };
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}
