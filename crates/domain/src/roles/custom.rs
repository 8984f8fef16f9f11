//! Custom roles, and the rules for making one.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::names;

use super::permission::{Pattern, Permission};
use super::{Action, Because, Denied, Object, ResourceType, Role, RoleName, Subject, WORKSPACE_ACCESS, reserved_names};

/// A role kept in the database.
///
/// ```
/// use doorward_domain::roles::{
///     Action, CustomRole, CustomRoles, Object, Permission, ResourceType, RoleName, Scope, Subject,
/// };
/// use uuid::Uuid;
///
/// let (alice, acme) = (Uuid::from_u128(1), Uuid::from_u128(2));
/// let may_update = vec![Permission::allow(ResourceType::Template, Action::Update)];
/// let role = CustomRole::new(RoleName::organization("librarian", acme), "Librarian", vec![], may_update, vec![]);
/// let roles: CustomRoles = [role].into_iter().collect();
///
/// let subject = Subject::for_user(alice).membership(acme, ["librarian"]).custom_roles(&roles).scope(Scope::all());
/// let template = Object::new(ResourceType::Template).organization(acme);
/// assert!(subject.build().allows(Action::Update, &template));
/// ```
#[derive(Debug, Clone)]
pub struct CustomRole {
    name: RoleName,
    display_name: String,
    role: Role,
}

impl CustomRole {
    /// Compiles the three lists. The organization list counts in the organization of `name`, and not at all for a site
    /// role.
    #[must_use]
    pub fn new(
        name: RoleName,
        display_name: impl Into<String>,
        site: Vec<Permission>,
        organization: Vec<Permission>,
        user: Vec<Permission>,
    ) -> Self {
        let organizations = name.organization_id().map(|id| (id.into(), organization));
        let role = Role::custom(name.name(), site, organizations, user);
        Self { name, display_name: display_name.into(), role }
    }

    /// The same role with permissions on what a member owns in the organization of its name; they count nowhere for a
    /// site role.
    #[must_use]
    pub fn with_owned(mut self, owned: Vec<Permission>) -> Self {
        self.role = self.role.with_owned(self.name.organization_id().map(|id| (id.into(), owned)));
        self
    }

    /// Its identity.
    #[must_use]
    pub const fn name(&self) -> &RoleName {
        &self.name
    }

    /// Its name for people.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// What it grants in its organization; nothing for a site role.
    #[must_use]
    pub fn in_organization(&self) -> &[Permission] {
        self.role.organizations().next().map_or(&[], |(_, grants)| grants.permissions())
    }

    /// What it grants on what a member owns in its organization; nothing for a site role.
    #[must_use]
    pub fn on_owned(&self) -> &[Permission] {
        self.role.owned().next().map_or(&[], |(_, grants)| grants.permissions())
    }

    /// What it grants.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }
}

/// Custom roles by name and organization.
#[derive(Debug, Clone, Default)]
pub struct CustomRoles(HashMap<RoleName, CustomRole>);

impl CustomRoles {
    /// The role of exactly that name and place.
    #[must_use]
    pub fn find(&self, name: &RoleName) -> Option<&CustomRole> {
        self.0.get(name)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &CustomRole> {
        self.0.values()
    }

    /// Adds a role, or replaces the one of the same name and place.
    pub fn insert(&mut self, role: CustomRole) {
        self.0.insert(role.name.clone(), role);
    }
}

impl FromIterator<CustomRole> for CustomRoles {
    fn from_iter<I: IntoIterator<Item = CustomRole>>(roles: I) -> Self {
        Self(roles.into_iter().map(|role| (role.name.clone(), role)).collect())
    }
}

/// What is wrong with a custom role that someone wants to make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomRoleError {
    /// Not 1 to 32 letters, digits and single inner hyphens, or `new` or `create`.
    #[error("must be 1 to 32 letters, digits and single hyphens between them, and not `new` or `create`")]
    Name,
    /// The name of a built-in role.
    #[error("`{0}` is a reserved role name")]
    Reserved(String),
    /// Site permissions, for an organization role.
    #[error("not allowed to assign site wide permissions for an organization role")]
    SitePermissions,
    /// User permissions, for an organization role.
    #[error("not allowed to assign user permissions for an organization role")]
    UserPermissions,
    /// A permission that denies.
    #[error("`{0}` is negated, only allowing permissions can be given")]
    Negated(Permission),
    /// A permission with `*`.
    #[error("`{0}` has a wildcard, each action must be named")]
    Wildcard(Permission),
    /// A pair that is not defined.
    #[error("`{0}` is not a permission: unknown resource type or action")]
    Unknown(Permission),
    /// A permission that is there already.
    #[error("`{0}` is given twice")]
    Twice(Permission),
    /// A permission that the maker does not have.
    #[error("`{permission}` cannot be given: you do not have it {} this organization", if *.owned { "on what you own in" } else { "in" })]
    NotHeld {
        /// Whether it was to be given on what a member owns.
        owned: bool,
        /// The permission.
        permission: Permission,
        /// Why the maker does not have it.
        because: Because,
    },
}

/// A custom organization role as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The name, as given.
    pub name: String,
    /// The name for people.
    pub display_name: String,
    /// Must be empty.
    pub site: Vec<Permission>,
    /// What the role grants.
    pub organization: Vec<Permission>,
    /// Must be empty.
    pub user: Vec<Permission>,
    /// What the role grants on what a member owns in the organization.
    pub organization_member: Vec<Permission>,
}

impl Draft {
    /// Forgets permissions on unknown pairs that the role has already, so that a role of an older release stays editable.
    /// They grant nothing. One that is new to the role stays, and is refused by the checks.
    pub fn drop_unknown(&mut self, stored: &CustomRole) {
        let lists = [
            (&mut self.site, stored.role.site().permissions()),
            (&mut self.organization, stored.in_organization()),
            (&mut self.user, stored.role.user().permissions()),
            (&mut self.organization_member, stored.on_owned()),
        ];
        for (list, known) in lists {
            list.retain(|permission| permission.defined().is_some() || !known.contains(permission));
        }
    }

    /// The checks that come before authorization: name, reserved names, no site and no user permissions. Answers the
    /// first defect.
    pub fn check(&self) -> Result<(), CustomRoleError> {
        self.defects().into_iter().next().map_or(Ok(()), Err)
    }

    /// All that [`check`](Self::check) finds wrong.
    #[must_use]
    pub fn defects(&self) -> Vec<CustomRoleError> {
        let name = check_name(&self.name).err();
        let site = (!self.site.is_empty()).then_some(CustomRoleError::SitePermissions);
        let user = (!self.user.is_empty()).then_some(CustomRoleError::UserPermissions);
        name.into_iter().chain(site).chain(user).collect()
    }

    /// The checks that come after: each permission is defined, allows, names its action, is held by `maker` in the
    /// organization, and comes once. Answers the first defect.
    pub fn check_permissions(&self, maker: &Subject, organization: Uuid) -> Result<(), CustomRoleError> {
        self.permission_defects(maker, organization).into_iter().next().map_or(Ok(()), Err)
    }

    /// All that [`check_permissions`](Self::check_permissions) finds wrong, at most one defect for each permission.
    #[must_use]
    pub fn permission_defects(&self, maker: &Subject, organization: Uuid) -> Vec<CustomRoleError> {
        let there = |resource| Object::new(resource).organization(organization);
        defects_of(&self.organization, maker, false, there)
    }

    /// The same for what the role grants on what a member owns: `maker` must hold each permission on what it owns in the
    /// organization itself.
    #[must_use]
    pub fn owned_permission_defects(&self, maker: &Subject, organization: Uuid) -> Vec<CustomRoleError> {
        let own = |resource| Object::new(resource).organization(organization).owner(maker.id().clone());
        defects_of(&self.organization_member, maker, true, own)
    }

    /// The finished role; the name is stored in lower case.
    #[must_use]
    pub fn into_role(self, organization: Uuid) -> CustomRole {
        let name = RoleName::custom(&self.name, organization);
        CustomRole::new(name, self.display_name, self.site, self.organization, self.user)
            .with_owned(self.organization_member)
    }
}

/// Whether `maker` may `action` (create, update, delete) custom roles of the organization.
pub fn check_maker(maker: &Subject, action: Action, organization: Uuid) -> Result<(), Denied> {
    maker.check(action, &Object::new(ResourceType::AssignOrgRole).organization(organization))
}

/// The rule for names of custom roles.
pub fn check_name(name: &str) -> Result<(), CustomRoleError> {
    if !names::is_name(name) {
        return Err(CustomRoleError::Name);
    }
    if reserved_names().iter().chain([&WORKSPACE_ACCESS]).any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(CustomRoleError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// At most one defect for each permission of a list, which the maker must hold on the object of its type.
fn defects_of(
    list: &[Permission],
    maker: &Subject,
    owned: bool,
    object: impl Fn(ResourceType) -> Object<'static>,
) -> Vec<CustomRoleError> {
    let mut seen = HashSet::new();
    let defect = |permission| match check_permission(permission, maker, owned, &object) {
        Ok(()) if !seen.insert(permission) => Some(CustomRoleError::Twice(permission.clone())),
        Ok(()) => None,
        Err(defect) => Some(defect),
    };
    list.iter().filter_map(defect).collect()
}

fn check_permission(
    permission: &Permission,
    maker: &Subject,
    owned: bool,
    object: impl Fn(ResourceType) -> Object<'static>,
) -> Result<(), CustomRoleError> {
    if permission.negate {
        return Err(CustomRoleError::Negated(permission.clone()));
    }
    if permission.resource == Pattern::Any || permission.action == Pattern::Any {
        return Err(CustomRoleError::Wildcard(permission.clone()));
    }
    let (resource, action) = permission.defined().ok_or_else(|| CustomRoleError::Unknown(permission.clone()))?;
    let decision = maker.decide(action, &object(resource));
    if decision.allow() {
        return Ok(());
    }
    Err(CustomRoleError::NotHeld { owned, permission: permission.clone(), because: decision.because() })
}
