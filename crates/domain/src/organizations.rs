//! Organizations and their members.

use crate::Instant;
use crate::ids::{OrganizationId, UserId};

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
