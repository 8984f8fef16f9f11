//! A decision step by step: what each level says, and who says it.

use super::explain::{all_listed, joined, organization_vote, organizations_saying, owned_vote};
use super::{Id, Level, Listed, Object, PermissionSet, ResourceType, Role, Subject, Vote};

/// What one level says to a question.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The level.
    pub level: Level,
    /// What it says.
    pub vote: Vote,
    /// Whether it is heard: levels above have not decided.
    pub heard: bool,
    /// The roles that say so. None for what is silent, and for [`Level::Scope`] and [`Level::AccessList`].
    pub roles: Vec<&'a Role>,
    /// The entries that say so, at [`Level::AccessList`].
    pub listed: Vec<Listed<'a>>,
}

impl Subject {
    /// What each level says to a question, in the order in which they are asked: scope, site, organization, what the subject
    /// owns, access lists. Together they say what [`Subject::decide_named`] does, except where the question is a mistake or the
    /// subject has no roles at all: then nothing is heard.
    ///
    /// ```
    /// use doorward_domain::roles::{Level, Object, ResourceType, Scope, Subject, Vote};
    /// use uuid::Uuid;
    ///
    /// let subject = Subject::for_user(Uuid::NAMESPACE_URL).site_roles(["auditor"]).scope(Scope::all()).build();
    /// let log = Object::new(ResourceType::AuditLog);
    /// let steps = subject.chain("read", "audit_log", &log);
    /// let site = steps.iter().find(|step| step.level == Level::Site).unwrap();
    /// assert_eq!((site.vote, site.roles[0].name()), (Vote::Allow, "auditor"));
    /// ```
    #[must_use]
    pub fn chain<'a>(&'a self, action: &'a str, resource: &str, object: &'a Object<'_>) -> Vec<Step<'a>> {
        let scope = self.scope_vote(action, resource, object);
        let site = joined(self.roles().iter().map(Role::site), action, resource);
        let organization = self.place_vote(action, resource, object);
        let own = self.own_vote(action, resource, object);
        let listed = all_listed(self, self, action, object);
        let list = if listed.is_empty() { Vote::Silent } else { Vote::Allow };

        let is_mistake = object.any_organization && !object.organization.is_empty() && !object.organization.is_nil();
        let mut open = !self.roles().is_empty() && !is_mistake;
        let step = |level, vote, heard| Step { level, vote, heard, roles: Vec::new(), listed: Vec::new() };
        let mut steps = vec![step(Level::Scope, scope, open)];
        open &= scope == Vote::Allow;
        // The first level that says something decides; a list opens what roles deny.
        let mut asked = open;
        for (level, vote) in [(Level::Site, site), (Level::Organization, organization), (Level::User, own)] {
            let roles = self.saying(level, vote, action, resource, object);
            steps.push(Step { roles, ..step(level, vote, asked) });
            open &= !asked || vote != Vote::Allow;
            asked &= vote == Vote::Silent;
        }
        steps.push(Step { listed, ..step(Level::AccessList, list, open) });
        steps
    }

    fn scope_vote(&self, action: &str, resource: &str, object: &Object<'_>) -> Vote {
        let Some(scope) = self.scope() else { return Vote::Silent };
        match scope.site().vote_named(action, resource) {
            Vote::Allow if !scope.admits(ResourceType::parse(resource), &object.id) => Vote::Silent,
            vote @ (Vote::Allow | Vote::Deny | Vote::Silent) => vote,
        }
    }

    /// What all roles say of the object's organization, or of any.
    fn place_vote(&self, action: &str, resource: &str, object: &Object<'_>) -> Vote {
        if object.any_organization {
            let some = !organizations_saying(self, action, resource, Vote::Allow).is_empty();
            return if some { Vote::Allow } else { Vote::Silent };
        }
        if !self.inner().members.contains(&object.organization) {
            return Vote::Silent;
        }
        organization_vote(self, action, resource, &object.organization)
    }

    /// What all roles say of what the subject owns; nothing of what it does not own, or owns where it is no member.
    fn own_vote(&self, action: &str, resource: &str, object: &Object<'_>) -> Vote {
        if object.owner.is_empty() || object.owner != *self.id() {
            return Vote::Silent;
        }
        let is_member = if object.any_organization {
            self.memberships().next().is_some()
        } else {
            self.is_member(object.organization.clone())
        };
        let in_place = is_member || (object.organization.is_empty() && !object.any_organization);
        let everywhere = joined(self.roles().iter().map(Role::user), action, resource);
        let there = if object.any_organization {
            let some = self.owned_places().any(|id| self.owns_in(action, resource, id));
            if some { Vote::Allow } else { Vote::Silent }
        } else if is_member {
            owned_vote(self, action, resource, &object.organization)
        } else {
            Vote::Silent
        };
        match everywhere.max(there) {
            Vote::Allow if !in_place => Vote::Silent,
            vote @ (Vote::Allow | Vote::Deny | Vote::Silent) => vote,
        }
    }

    fn owned_places(&self) -> impl Iterator<Item = &Id> {
        self.roles().iter().flat_map(Role::owned).map(|(id, _)| id)
    }

    /// Whether roles allow what the subject owns in an organization, whose own list does not deny it.
    fn owns_in(&self, action: &str, resource: &str, id: &Id) -> bool {
        owned_vote(self, action, resource, id) == Vote::Allow
            && self.inner().members.contains(id)
            && organization_vote(self, action, resource, id) != Vote::Deny
    }

    /// The roles that say this at a level.
    fn saying(&self, level: Level, vote: Vote, action: &str, resource: &str, object: &Object<'_>) -> Vec<&Role> {
        if vote == Vote::Silent {
            return Vec::new();
        }
        let says = |list: &PermissionSet| list.vote_named(action, resource) == vote;
        let here = |id: &Id| if object.any_organization { vote == Vote::Allow } else { *id == object.organization };
        let voted = |role: &Role| match level {
            Level::Site => says(role.site()),
            Level::Organization => role.organizations().any(|(id, list)| here(id) && says(list)),
            Level::User => says(role.user()) || role.owned().any(|(id, list)| here(id) && says(list)),
            Level::Scope | Level::AccessList => false,
        };
        self.roles().iter().filter(|role| voted(role)).collect()
    }
}
