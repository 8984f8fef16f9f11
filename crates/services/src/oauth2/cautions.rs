//! Warnings of the consent page: scopes that ask this user for care.

use super::scopes::{Caution, ScopeText, sensitive, texts};
use crate::Principal;
use doorward_domain::oauth2::{ResourceServer, Scopes};
use doorward_domain::roles::{Action, Object, Pattern, Permission, ResourceType, Subject};
use uuid::Uuid;

/// Each scope with its meaning in plain words and what asks this user for care, which comes first; those of a registered resource in its own
/// words. Needs no permission.
#[must_use]
pub fn consent_scopes(actor: &Principal, server: Option<&ResourceServer>, scopes: &Scopes) -> Vec<ScopeText> {
    let reach = Reach::of(actor);
    let mut texts = texts(server, scopes, |name| {
        let is_extended = name.permissions().iter().any(|permission| reach.is_extended_by_roles(permission));
        if is_extended { Some(Caution::Roles) } else { sensitive(name) }
    });
    texts.sort_by_key(|text| text.caution.is_none());
    texts
}

/// What the roles of a user add to what everybody may.
struct Reach<'a> {
    subject: &'a Subject,
    /// The same user without any role.
    plain: Subject,
    /// Those in which the user has roles.
    organizations: Vec<Uuid>,
}

impl<'a> Reach<'a> {
    fn of(actor: &'a Principal) -> Self {
        // A membership without roles adds nothing, however many of them there are.
        let organizations = actor.organizations_with_roles();
        let none: [&str; 0] = [];
        let plain = organizations
            .iter()
            .fold(Subject::for_user(actor.subject.id().clone()), |builder, place| builder.membership(*place, none));
        Self { subject: &actor.subject, plain: plain.build(), organizations }
    }

    fn is_extended_by_roles(&self, permission: &Permission) -> bool {
        let Pattern::Is(resource) = permission.resource else { return false };
        match &permission.action {
            Pattern::Is(action) => self.is_extended(resource, *action),
            Pattern::Any => resource.actions().iter().any(|action| self.is_extended(resource, *action)),
            Pattern::Other(_) => false,
        }
    }

    /// Whether only a role allows this on what belongs to somebody else, on the site or in an organization.
    fn is_extended(&self, resource: ResourceType, action: Action) -> bool {
        let foreign = || Object::new(resource).owner(Uuid::max());
        let extended = |object: Object<'_>| self.subject.allows(action, &object) && !self.plain.allows(action, &object);
        extended(foreign()) || self.organizations.iter().any(|place| extended(foreign().organization(*place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, owner};

    /// Names of scopes as a consent page lists them, with what asks for care.
    fn listed(actor: &Principal, names: &[&str]) -> Vec<(String, Option<Caution>)> {
        let scopes = Scopes::from_names(names).unwrap();
        consent_scopes(actor, None, &scopes).into_iter().map(|text| (text.name, text.caution)).collect()
    }

    const ASKED: [&str; 5] =
        ["user:read_personal", "workspace:read", "template:read", "api_key:create", "workspace:ssh"];

    #[test]
    fn what_asks_a_member_for_care_is_sensitive_and_comes_first() {
        let listed = listed(&actor().build(), &ASKED);
        let (care, rest) = listed.split_at(2);
        assert!(care.iter().all(|(_, caution)| *caution == Some(Caution::Sensitive)), "{listed:?}");
        let mut names: Vec<&str> = care.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["api_key:create", "workspace:ssh"]);
        assert!(rest.iter().all(|(_, caution)| caution.is_none()), "{listed:?}");
    }

    #[test]
    fn roles_make_scopes_ask_for_care_that_do_not_ask_a_member() {
        let roles = |actor: Principal| {
            let listed = listed(&actor, &ASKED);
            let of_roles = listed.into_iter().filter(|(_, caution)| *caution == Some(Caution::Roles));
            of_roles.map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(roles(owner().build()).len(), ASKED.len());
        assert!(roles(actor().role("template-admin").build()).contains(&"template:read".to_owned()));
        assert!(!roles(actor().role("template-admin").build()).contains(&"user:read_personal".to_owned()));
        assert!(roles(actor().role("user-admin").build()).contains(&"user:read_personal".to_owned()));
        assert_eq!(roles(actor().without_memberships().build()), Vec::<String>::new());
    }
}
