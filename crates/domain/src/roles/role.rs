//! Roles: what they grant.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::builtin::{BuiltIn, ORGANIZATION_MEMBER, OWNER, SystemTable};
use super::permission::{Pattern, Permission, PermissionSet, Shared};
use super::role_name::{Kind, RoleName};
use super::{Action, Id, ResourceType};

/// Where a role comes from; only a built-in role or an internal one may have powers beyond its permissions.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    BuiltIn(&'static BuiltIn),
    System(&'static SystemTable),
    Custom,
}

/// A role ready to be used: permissions for the whole site, per organization, and for what the holder owns. Cheap to
/// clone.
#[derive(Clone)]
pub struct Role {
    name: Arc<str>,
    origin: Origin,
    site: Shared,
    organizations: Arc<[(Id, Shared)]>,
    /// On what the holder owns in an organization; hardly any role has such.
    owned: Option<Arc<[(Id, Shared)]>>,
    user: Shared,
}

impl Role {
    pub(super) fn new(
        name: &str,
        origin: Origin,
        site: Shared,
        organizations: Vec<(Id, Shared)>,
        user: Shared,
    ) -> Self {
        Self { name: Arc::from(name), origin, site, organizations: organizations.into(), owned: None, user }
    }

    /// A role made at run time. Every organization listed is a membership, even with an empty permission list.
    #[must_use]
    pub fn custom(
        name: &str,
        site: Vec<Permission>,
        organizations: impl IntoIterator<Item = (Id, Vec<Permission>)>,
        user: Vec<Permission>,
    ) -> Self {
        let organizations = organizations.into_iter().map(|(id, list)| (id, list.into())).collect();
        Self::new(name, Origin::Custom, site.into(), organizations, user.into())
    }

    /// The same role with permissions on what its holder owns in an organization, too. They count where the holder is a
    /// member, as those on all that the holder owns do.
    #[must_use]
    pub fn with_owned(mut self, lists: impl IntoIterator<Item = (Id, Vec<Permission>)>) -> Self {
        let lists: Vec<(Id, Shared)> = lists
            .into_iter()
            .filter(|(id, list)| !id.is_empty() && !list.is_empty())
            .map(|(id, list)| (id, list.into()))
            .collect();
        self.owned = (!lists.is_empty()).then(|| lists.into());
        self
    }

    /// A built-in role; `organization` (any text) counts for organization roles. `None` when there is no such role in
    /// that place.
    #[must_use]
    pub fn built_in(name: &str, organization: impl Into<Id>) -> Option<Self> {
        let organization = organization.into();
        let kind = if organization.is_empty() { Kind::Site } else { Kind::Organization };
        BuiltIn::find_in(name, kind).map(|role| role.role(&organization))
    }

    /// Its name, without organization.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its permission list for the whole site.
    #[must_use]
    pub fn site(&self) -> &PermissionSet {
        &self.site
    }

    /// Its permission list on what the holder owns.
    #[must_use]
    pub fn user(&self) -> &PermissionSet {
        &self.user
    }

    /// Its organizations, each with its permission list.
    pub fn organizations(&self) -> impl Iterator<Item = (&Id, &PermissionSet)> {
        self.organizations.iter().map(|(id, grants)| (id, &**grants))
    }

    /// Its permission list in one organization.
    #[must_use]
    pub fn organization(&self, id: &Id) -> Option<&PermissionSet> {
        self.organizations().find_map(|(known, grants)| (known == id).then_some(grants))
    }

    /// The organizations in which it says something of what the holder owns there, each with its permission list.
    pub fn owned(&self) -> impl Iterator<Item = (&Id, &PermissionSet)> {
        self.owned.iter().flat_map(|lists| lists.iter()).map(|(id, grants)| (id, &**grants))
    }

    /// Its permission list on what the holder owns in one organization.
    #[must_use]
    pub fn owned_in(&self, id: &Id) -> Option<&PermissionSet> {
        self.owned().find_map(|(known, grants)| (known == id).then_some(grants))
    }

    pub(super) fn is_owner(&self) -> bool {
        matches!(self.origin, Origin::BuiltIn(role) if role.name() == OWNER)
    }

    pub(super) const fn assigns(&self) -> &'static [&'static str] {
        match self.origin {
            Origin::BuiltIn(role) => role.assigns(),
            Origin::System(role) => role.assigns,
            Origin::Custom => &[],
        }
    }
}

/// Whether they have the same name and grant the same in the same places.
impl PartialEq for Role {
    fn eq(&self, other: &Self) -> bool {
        let is_same = self.name == other.name && self.site() == other.site() && self.user() == other.user();
        is_same && self.organizations().eq(other.organizations()) && self.owned().eq(other.owned())
    }
}

/// `name`, or `name:organization` when it has exactly one organization.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.organizations {
            [(organization, _)] => write!(f, "{}:{organization}", self.name),
            _ => f.write_str(&self.name),
        }
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({self})")
    }
}

impl BuiltIn {
    /// The role as a subject carries it; `organization` counts for organization roles only.
    pub(super) fn role(&'static self, organization: &Id) -> Role {
        let organizations = match self.kind() {
            Kind::Site => Vec::new(),
            Kind::Organization => vec![(organization.clone(), Shared::Table(self.organization()))],
        };
        let origin = Origin::BuiltIn(self);
        Role::new(self.name(), origin, Shared::Table(self.site()), organizations, Shared::Table(self.user()))
    }
}

/// `owner` of a deployment that keeps owners out of other people's workspaces.
fn owner_without_workspace_access(owner: &'static BuiltIn) -> Role {
    let kept = owner.site().permissions().iter().filter(|permission| {
        permission.resource != Pattern::Is(ResourceType::Workspace)
            || !matches!(permission.action, Pattern::Is(Action::Ssh | Action::ApplicationConnect))
    });
    let site: Vec<Permission> = kept.cloned().collect();
    Role::new(owner.name(), Origin::BuiltIn(owner), site.into(), Vec::new(), Shared::Table(owner.user()))
}

/// Turns names into roles: built-in ones from the tables, all others from the custom roles.
///
/// ```
/// use doorward_domain::roles::{RoleName, RoleSet};
///
/// let roles = RoleSet::new();
/// assert!(roles.find(&RoleName::site("auditor")).is_some());
/// assert!(roles.find(&RoleName::site("organization-admin")).is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RoleSet<'a> {
    custom: Option<&'a super::CustomRoles>,
    owner_workspace_access: bool,
}

impl<'a> RoleSet<'a> {
    /// The built-in roles.
    #[must_use]
    pub const fn new() -> Self {
        Self { custom: None, owner_workspace_access: true }
    }

    /// Adds custom roles.
    #[must_use]
    pub const fn custom(mut self, roles: &'a super::CustomRoles) -> Self {
        self.custom = Some(roles);
        self
    }

    /// Whether `owner` includes `ssh` and `application_connect` on every workspace (it does unless switched off).
    #[must_use]
    pub const fn owner_workspace_access(mut self, allowed: bool) -> Self {
        self.owner_workspace_access = allowed;
        self
    }

    /// The role of that name and place.
    #[must_use]
    pub fn find(&self, name: &RoleName) -> Option<Role> {
        match BuiltIn::find(name) {
            Some(role) if role.name() == OWNER && !self.owner_workspace_access => {
                Some(owner_without_workspace_access(role))
            }
            Some(role) => Some(role.role(&Id::from(name.organization_id()))),
            None => self.custom?.find(name).map(|custom| custom.role().clone()),
        }
    }
}

impl Default for RoleSet<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// The role that membership of `organization` implies.
#[must_use]
pub fn implied_in(organization: Uuid) -> RoleName {
    RoleName::organization(ORGANIZATION_MEMBER, organization)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_names_in_the_wrong_place_are_not_built_in() {
        assert!(RoleName::site("owner").is_built_in());
        assert!(!RoleName::organization("owner", Uuid::nil()).is_built_in());
        assert!(!RoleName::site("organization-admin").is_built_in());
        assert!(Role::built_in("owner", "org").is_none());
        assert!(Role::built_in("organization-admin", "").is_none());
        assert_eq!(
            Role::built_in("organization-admin", "any text").unwrap().to_string(),
            "organization-admin:any text"
        );
    }

    #[test]
    fn owners_can_be_kept_out_of_workspaces() {
        let strict = RoleSet::new().owner_workspace_access(false).find(&RoleName::site("owner")).unwrap();
        let usual = RoleSet::new().find(&RoleName::site("owner")).unwrap();
        let dropped: Vec<String> = (usual.site().permissions().iter())
            .filter(|permission| !strict.site().permissions().contains(permission))
            .map(ToString::to_string)
            .collect();
        assert_eq!(dropped, ["workspace:application_connect", "workspace:ssh"]);
        assert!(strict.is_owner());
    }
}
