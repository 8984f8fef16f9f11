//! Organizations and their members.

use crate::Instant;
use crate::ids::{OrganizationId, UserId};
use crate::names::{DisplayName, OrganizationName};
use crate::roles::{DefaultRoles, RoleNames};
use crate::search::{self, Narrow, QueryError, once, repeated, unknown};
use crate::users::ReducedUser;
use std::fmt;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id; its group Everyone has the same.
    pub id: OrganizationId,
    /// Its name, unique by its key.
    pub name: OrganizationName,
    /// What people see; never empty.
    pub display_name: DisplayName,
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
    /// The roles that each member has besides the implied one.
    pub default_roles: DefaultRoles,
}

/// That a user belongs to an organization, with the roles held there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The member.
    pub user_id: UserId,
    /// The roles in the organization; the implied `organization-member` is not among them.
    pub roles: RoleNames,
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
    /// The user, as shown to whoever may read the member.
    pub user: ReducedUser,
    /// The site roles of the user.
    pub site_roles: RoleNames,
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

/// What a list of members is narrowed to; what is empty or `None` narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberFilter {
    /// Part of the address or the user name, lower case.
    pub search: String,
    /// Only this user.
    pub user_id: Option<UserId>,
    /// Id at GitHub.
    pub github_user_id: Option<i64>,
}

/// Reads the query text of a list of members; every term that cannot be understood is reported.
///
/// ```
/// use doorward_domain::organizations::parse_member_query;
/// assert_eq!(parse_member_query("Ann").unwrap().search, "ann");
/// assert_eq!(parse_member_query("user_id:ann").unwrap_err()[0].field, "user_id");
/// ```
pub fn parse_member_query(text: &str) -> Result<MemberFilter, Vec<QueryError>> {
    search::parse(text)
}

impl Narrow for MemberFilter {
    const BARE: &'static str = "search";

    fn narrow(&mut self, key: &str, value: &str) -> Result<(), String> {
        let invalid = |what, error: &dyn fmt::Display| format!("Query param `{key}` must be a valid {what}: {error}");
        match key {
            "search" if self.search.is_empty() => value.clone_into(&mut self.search),
            "search" => return Err(repeated(key)),
            "user_id" => {
                let id = value.parse::<UserId>().map_err(|error| invalid("UUID", &error))?;
                once(key, &mut self.user_id, id)?;
            }
            "github_user_id" => {
                let id = value.parse::<i64>().map_err(|error| invalid("integer", &error))?;
                once(key, &mut self.github_user_id, id)?;
            }
            // Users that are part of the server are no members.
            "include_system" if matches!(value, "true" | "false") => {}
            "include_system" => return Err(format!("Query param `{key}` must be true or false")),
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
}
