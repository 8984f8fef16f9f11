//! The internal subjects that background work runs as, generated from `data/rbac-extra.json`.

use super::builtin::{SYSTEM, SystemTable};
use super::permission::{PermissionSet, Shared};
use super::role::{Origin, Role};
use super::{Id, Scope, Subject};

/// A fixed subject of the server itself. It obeys the same rule as any other; its role can neither be assigned nor
/// listed.
#[derive(Clone, Copy)]
pub struct SystemSubject(&'static SystemTable);

impl SystemSubject {
    /// All twelve.
    pub fn all() -> impl Iterator<Item = Self> {
        SYSTEM.iter().map(Self)
    }

    /// By name, such as `Provisioner Daemon` or `System`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|subject| subject.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The name of its role.
    #[must_use]
    pub const fn role(self) -> &'static str {
        self.0.role
    }

    /// Its site permissions.
    #[must_use]
    pub const fn site(self) -> &'static PermissionSet {
        &self.0.site
    }

    /// Its permissions on what it owns.
    #[must_use]
    pub const fn user(self) -> &'static PermissionSet {
        &self.0.user
    }

    /// Whether it acts for somebody else, and has to be made with [`acting_for`](Self::acting_for).
    #[must_use]
    pub const fn needs_owner(self) -> bool {
        self.0.id.is_empty()
    }

    /// The subject. One that acts for somebody has no id here, and so no rights.
    #[must_use]
    pub fn subject(self) -> Subject {
        self.make(Id::from(self.0.id), None)
    }

    /// The subject on behalf of a workspace's owner, as a member of the workspace's organization without rights there.
    #[must_use]
    pub fn acting_for(self, owner: impl Into<Id>, organization: impl Into<Id>) -> Subject {
        self.make(owner.into(), self.0.member.then(|| organization.into()))
    }

    fn make(self, id: Id, organization: Option<Id>) -> Subject {
        let Self(table) = self;
        let organizations = organization.into_iter().map(|id| (id, Vec::new().into())).collect();
        let (site, user) = (Shared::Table(&table.site), Shared::Table(&table.user));
        let role = Role::new(table.role, Origin::System(table), site, organizations, user);
        Subject::builder(id).roles([role]).scope(Scope::all()).build()
    }
}

impl std::fmt::Debug for SystemSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SystemSubject({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Object, ResourceType};
    use super::*;

    #[test]
    fn there_are_twelve_and_they_obey_the_rule() {
        assert_eq!(SystemSubject::all().count(), 12);
        let system = SystemSubject::find("System").unwrap().subject();
        assert!(system.allows(Action::Read, &Object::new(ResourceType::License)));
        assert!(!system.allows(Action::Create, &Object::new(ResourceType::License)));
        assert!(system.decide_named("read", "spaceship", &Object::new(ResourceType::User)).allow());
    }

    #[test]
    fn the_sub_agent_touches_only_its_owners_workspaces() {
        let table = SystemSubject::find("Sub Agent API").unwrap();
        assert!(table.needs_owner());
        let subject = table.acting_for("alice", "acme");
        let workspace =
            |owner, organization| Object::new(ResourceType::Workspace).owner(owner).organization(organization);
        assert!(subject.allows(Action::CreateAgent, &workspace("alice", "acme")));
        assert!(!subject.allows(Action::CreateAgent, &workspace("bob", "acme")));
        assert!(!subject.allows(Action::CreateAgent, &workspace("alice", "other")));
        assert!(!subject.allows(Action::Delete, &workspace("alice", "acme")));
    }
}
