//! Building a subject.

use std::collections::HashSet;

use uuid::Uuid;

use super::builtin::MEMBER;
use super::role::implied_in;
use super::subject_data::Inner;
use super::{CustomRoles, Id, Role, RoleName, RoleSet, Scope, Subject};

/// Gathers what a [`Subject`] is made of. Names that resolve to nothing are dropped in silence: a custom role may have
/// been deleted meanwhile.
#[derive(Debug, Clone)]
#[must_use]
pub struct SubjectBuilder<'a> {
    id: Id,
    implied: bool,
    names: Vec<RoleName>,
    roles: Vec<Role>,
    groups: Vec<Id>,
    set: RoleSet<'a>,
    scope: Option<Scope>,
}

impl<'a> SubjectBuilder<'a> {
    pub(super) fn new(id: Id, implied: bool) -> Self {
        let names = if implied { vec![RoleName::site(MEMBER)] } else { Vec::new() };
        Self { id, implied, names, roles: Vec::new(), groups: Vec::new(), set: RoleSet::new(), scope: None }
    }

    /// Adds site roles by name.
    pub fn site_roles<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names.extend(names.into_iter().map(|name| RoleName::site(name.as_ref())));
        self
    }

    /// Adds a membership with its roles; names come without organization, as they are stored.
    pub fn membership<N: AsRef<str>>(mut self, organization: Uuid, names: impl IntoIterator<Item = N>) -> Self {
        if self.implied {
            self.names.push(implied_in(organization));
        }
        self.names.extend(names.into_iter().map(|name| RoleName::organization(name.as_ref(), organization)));
        self
    }

    /// Adds roles by name and place, such as those that organizations give to all of their members.
    pub fn named(mut self, names: impl IntoIterator<Item = RoleName>) -> Self {
        self.names.extend(names);
        self
    }

    /// Adds one organization role.
    pub fn organization_role(mut self, name: &str, organization: Uuid) -> Self {
        self.names.push(RoleName::organization(name, organization));
        self
    }

    /// Adds roles that are already resolved.
    pub fn roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.roles.extend(roles);
        self
    }

    /// Adds explicit groups. The "Everyone" group of an organization is never among them.
    pub fn groups<I: Into<Id>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.groups.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Where names that are not built in are looked up.
    pub const fn custom_roles(mut self, roles: &'a CustomRoles) -> Self {
        self.set = self.set.custom(roles);
        self
    }

    /// Whether `owner` includes `ssh` and `application_connect` on every workspace (it does unless switched off).
    pub const fn owner_workspace_access(mut self, allowed: bool) -> Self {
        self.set = self.set.owner_workspace_access(allowed);
        self
    }

    /// The scope of the credential. Without one everything is denied.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Resolves the names, each once, and joins the roles.
    #[must_use]
    pub fn build(self) -> Subject {
        let mut roles = self.roles;
        let mut known = HashSet::with_capacity(self.names.len());
        let names = self.names.iter().filter(|name| known.insert(*name));
        roles.extend(names.filter_map(|name| self.set.find(name)));
        Subject::from_inner(Inner::new(self.id, roles, self.groups, self.scope))
    }
}
