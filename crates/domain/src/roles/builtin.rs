//! The built-in roles, generated from `data/rbac-roles.json`.

use uuid::Uuid;

use super::permission::{Mask, Masks, Pattern, Permission, PermissionSet, Shared};
use super::role::{Origin, Role};
use super::system::SystemTable;
use super::{Action, Id, ResourceType, RoleName};

/// Where a role is given: to a user, or to a member of one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Site-wide.
    Site,
    /// In one organization.
    Organization,
}

/// A built-in role, complete.
#[derive(Debug)]
pub struct BuiltIn {
    name: &'static str,
    display_name: &'static str,
    kind: Kind,
    assigns: &'static [&'static str],
    site: PermissionSet,
    organization: PermissionSet,
    user: PermissionSet,
}

mod tables {
    use super::{Action, BuiltIn, Kind, Mask, Masks, Pattern, Permission, PermissionSet, ResourceType, SystemTable};

    include!("../../data/generated/tables.rs");
}

pub(super) static SYSTEM: &[SystemTable] = &tables::SYSTEM;

/// The implied site role of every user.
pub const MEMBER: &str = "member";
/// The implied organization role of every member of an organization.
pub const ORGANIZATION_MEMBER: &str = "organization-member";
/// The site role that may do everything.
pub const OWNER: &str = "owner";
/// The role of those who look after accounts.
pub const USER_ADMIN: &str = "user-admin";

impl BuiltIn {
    /// All of them, site roles first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &tables::BUILT_IN
    }

    /// The built-in role of this name and place. `owner` inside an organization is not the built-in owner.
    #[must_use]
    pub fn find(name: &RoleName) -> Option<&'static Self> {
        Self::find_in(name.name(), name.kind())
    }

    pub(super) fn find_in(name: &str, kind: Kind) -> Option<&'static Self> {
        Self::all().iter().find(|role| role.kind == kind && role.name == name)
    }

    /// Its name, without organization.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name for people; empty for `organization-member`, which is never listed.
    #[must_use]
    pub const fn display_name(&self) -> &'static str {
        self.display_name
    }

    /// Where it is given.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether role lists show it: all but the implied ones.
    #[must_use]
    pub fn listed(&self) -> bool {
        self.name != MEMBER && !self.display_name.is_empty()
    }

    /// Site-wide permissions.
    #[must_use]
    pub const fn site(&self) -> &PermissionSet {
        &self.site
    }

    /// Permissions in its organization.
    #[must_use]
    pub const fn organization(&self) -> &PermissionSet {
        &self.organization
    }

    /// Permissions on what the holder owns.
    #[must_use]
    pub const fn user(&self) -> &PermissionSet {
        &self.user
    }

    pub(super) const fn assigns(&self) -> &'static [&'static str] {
        self.assigns
    }

    /// The role as a subject carries it; `organization` counts for organization roles only.
    pub(super) fn role(&'static self, organization: &Id) -> Role {
        let organizations = match self.kind {
            Kind::Site => Vec::new(),
            Kind::Organization => vec![(organization.clone(), Shared::Table(&self.organization))],
        };
        let origin = Origin::BuiltIn(self);
        Role::new(self.name, origin, Shared::Table(&self.site), organizations, Shared::Table(&self.user))
    }

    /// The role as a name, in `organization` when it is an organization role.
    #[must_use]
    pub fn role_name(&self, organization: Uuid) -> RoleName {
        match self.kind {
            Kind::Site => RoleName::site(self.name),
            Kind::Organization => RoleName::organization(self.name, organization),
        }
    }
}

/// Names that no custom role may take.
#[must_use]
pub fn reserved_names() -> &'static [&'static str] {
    tables::RESERVED
}

/// `owner` of a deployment that keeps owners out of other people's workspaces.
pub(super) fn owner_without_workspace_access(owner: &'static BuiltIn) -> Role {
    let kept = owner.site.permissions().iter().filter(|permission| {
        permission.resource != Pattern::Is(ResourceType::Workspace)
            || !matches!(permission.action, Pattern::Is(Action::Ssh | Action::ApplicationConnect))
    });
    let site: Vec<Permission> = kept.cloned().collect();
    Role::new(owner.name, Origin::BuiltIn(owner), site.into(), Vec::new(), Shared::Table(&owner.user))
}
