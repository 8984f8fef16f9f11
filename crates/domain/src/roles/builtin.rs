//! The built-in roles and the fixed subjects, generated from `data/rbac-roles.json` and `data/rbac-extra.json`.

use uuid::Uuid;

use super::permission::{Mask, Masks, Pattern, Permission, PermissionSet};
use super::role_name::{Kind, RoleName};
use super::{Action, ResourceType};

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

/// A fixed subject of the server, complete.
pub(super) struct SystemTable {
    pub(super) name: &'static str,
    pub(super) id: &'static str,
    pub(super) role: &'static str,
    pub(super) assigns: &'static [&'static str],
    /// Belongs to the organization it is made for.
    pub(super) member: bool,
    pub(super) site: PermissionSet,
    pub(super) user: PermissionSet,
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
/// The role of those who look after all templates.
pub const TEMPLATE_ADMIN: &str = "template-admin";
/// The organization role that may do everything there.
pub const ORGANIZATION_ADMIN: &str = "organization-admin";
/// The organization role of those who look after its templates.
pub const ORGANIZATION_TEMPLATE_ADMIN: &str = "organization-template-admin";

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

impl RoleName {
    /// Whether it names a built-in role in its right place.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        BuiltIn::find(self).is_some()
    }
}
