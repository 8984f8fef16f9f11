//! Warnings of the consent page: scopes that ask this user for care.

use super::scopes::{Care, ScopeText, texts};
use crate::Principal;
use doorward_domain::oauth2::{ResourceServer, ScopeEntry, Scopes};
use doorward_domain::roles::scope::covers;
use doorward_domain::roles::{Action, Id, Object, Pattern, Permission, ResourceType, Scope, ScopeName, Subject};
use uuid::Uuid;

/// Each scope with its meaning in plain words and how much care it asks this user for, which comes first; those of a registered resource
/// in its own words. What another one of them includes is left out. Needs no permission.
#[must_use]
pub fn consent_scopes(actor: &Principal, server: Option<&ResourceServer>, scopes: &Scopes) -> Vec<ScopeText> {
    let reach = Reach::of(actor);
    let mut texts = texts(server, &without_covered(scopes), |name| reach.care(name));
    texts.sort_by_key(|text| match text.care {
        // Of these the order is that of what they are about, whatever roles do.
        Care::Sensitive { .. } => Care::Sensitive { by_roles: false },
        care @ (Care::Roles | Care::Usual | Care::Beyond) => care,
    });
    texts
}

/// The same without those that say nothing more: another one of them includes it, or is the same by another name and comes first.
fn without_covered(scopes: &Scopes) -> Scopes {
    let names: Vec<ScopeName> = scopes.access().collect();
    let includes = |one: &ScopeName, other: &ScopeName| covers(std::slice::from_ref(one), other);
    let is_covered = |place: usize, name: &ScopeName| {
        let mut others = names.iter().enumerate().filter(|(other_place, _)| *other_place != place);
        others.any(|(other_place, other)| includes(other, name) && (other_place < place || !includes(name, other)))
    };
    let covered: Vec<ScopeName> =
        names.iter().enumerate().filter(|(place, name)| is_covered(*place, name)).map(|(_, name)| *name).collect();
    scopes.iter().filter(|entry| !is_among(&covered, entry)).cloned().collect()
}

fn is_among(names: &[ScopeName], entry: &ScopeEntry) -> bool {
    entry.access().is_some_and(|name| names.contains(&name))
}

/// What lists of users and groups open that no role opens: what may be done with one of these is not known without looking at each.
const OPENED_BY_LISTS: [ResourceType; 9] = [
    ResourceType::File,
    ResourceType::Group,
    ResourceType::GroupMember,
    ResourceType::OrganizationMember,
    ResourceType::PrebuiltWorkspace,
    ResourceType::ProvisionerJobs,
    ResourceType::Template,
    ResourceType::Workspace,
    ResourceType::WorkspaceDormant,
];

/// What has no owner: it is no use that everybody may do nearly everything with what is theirs.
const OF_NOBODY: [ResourceType; 17] = [
    ResourceType::AssignOrgRole,
    ResourceType::AssignRole,
    ResourceType::AuditLog,
    ResourceType::CryptoKey,
    ResourceType::DebugInfo,
    ResourceType::DeploymentConfig,
    ResourceType::DeploymentStats,
    ResourceType::IdpsyncSettings,
    ResourceType::License,
    ResourceType::NotificationTemplate,
    ResourceType::Oauth2App,
    ResourceType::Oauth2AppSecret,
    ResourceType::Organization,
    ResourceType::Replicas,
    ResourceType::System,
    ResourceType::TailnetCoordinator,
    ResourceType::WorkspaceProxy,
];

/// What a user may do, and what roles add to what everybody may.
struct Reach<'a> {
    subject: &'a Subject,
    /// The same user without any role, by the same credential.
    plain: Subject,
    /// Those in which the user has roles.
    organizations: Vec<Uuid>,
    /// Those, and one in which the user is as everybody is.
    places: Vec<Id>,
}

impl<'a> Reach<'a> {
    fn of(actor: &'a Principal) -> Self {
        let subject = &actor.subject;
        // A membership without roles adds nothing, however many of them there are.
        let organizations = actor.organizations_with_roles();
        let none: [&str; 0] = [];
        let plain = organizations
            .iter()
            .fold(Subject::for_user(subject.id().clone()), |builder, place| builder.membership(*place, none))
            // Without a scope it could do nothing, and roles would add all there is.
            .scope(subject.scope().cloned().unwrap_or_else(Scope::all));
        let mut places: Vec<Id> = organizations.iter().map(|place| Id::from(*place)).collect();
        places.extend(subject.memberships().find(|place| !places.contains(place)).cloned());
        Self { subject, plain: plain.build(), organizations, places }
    }

    fn care(&self, name: ScopeName) -> Care {
        let permissions = name.permissions();
        let is_open = |permission| any_action(permission, true, |resource, action| self.is_open(resource, action));
        if !permissions.iter().any(is_open) {
            return Care::Beyond;
        }
        let is_extended =
            |permission| any_action(permission, false, |resource, action| self.is_extended(resource, action));
        let by_roles = permissions.iter().any(is_extended);
        match (name.is_sensitive(), by_roles) {
            (true, by_roles) => Care::Sensitive { by_roles },
            (false, true) => Care::Roles,
            (false, false) => Care::Usual,
        }
    }

    /// Whether the user may do this with something: of the whole site, of their own, of somebody else, in an organization or outside.
    fn is_open(&self, resource: ResourceType, action: Action) -> bool {
        if OPENED_BY_LISTS.contains(&resource) {
            return true;
        }
        let mut kinds = vec![Object::new(resource)];
        if !OF_NOBODY.contains(&resource) {
            kinds.extend([Object::new(resource).owner(self.subject.id().clone()), foreign(resource)]);
        }
        let allows = |object: &Object<'_>| self.subject.allows(action, object);
        kinds.iter().any(|kind| {
            allows(kind)
                || allows(&kind.clone().any_organization())
                || self.places.iter().any(|place| allows(&kind.clone().organization(place.clone())))
        })
    }

    /// Whether only a role allows this on what belongs to somebody else, on the site or in an organization.
    fn is_extended(&self, resource: ResourceType, action: Action) -> bool {
        let extended = |object: Object<'_>| self.subject.allows(action, &object) && !self.plain.allows(action, &object);
        extended(foreign(resource))
            || self.organizations.iter().any(|place| extended(foreign(resource).organization(*place)))
    }
}

/// Whether this holds of one of the actions that a permission names; `of_all` is said of permissions for every type.
fn any_action(permission: &Permission, of_all: bool, holds: impl Fn(ResourceType, Action) -> bool) -> bool {
    let Pattern::Is(resource) = permission.resource else { return of_all };
    match &permission.action {
        Pattern::Is(action) => holds(resource, *action),
        Pattern::Any => resource.actions().iter().any(|action| holds(resource, *action)),
        Pattern::Other(_) => false,
    }
}

/// What belongs to somebody else.
fn foreign(resource: ResourceType) -> Object<'static> {
    Object::new(resource).owner(Uuid::max())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, owner};
    use doorward_domain::roles::scope::catalogue;

    /// Names of scopes as a consent page lists them, with how much care they ask for.
    fn listed(actor: &Principal, names: &[&str]) -> Vec<(String, Care)> {
        let scopes = Scopes::from_names(names).unwrap();
        consent_scopes(actor, None, &scopes).into_iter().map(|text| (text.name, text.care)).collect()
    }

    /// How much care one scope asks for.
    fn care(actor: &Principal, name: &str) -> Care {
        listed(actor, &[name]).first().unwrap_or_else(|| panic!("{name} is not listed")).1
    }

    const ASKED: [&str; 5] =
        ["user:read_personal", "workspace:read", "template:read", "api_key:create", "workspace:ssh"];
    const SENSITIVE: Care = Care::Sensitive { by_roles: false };

    #[test]
    fn what_asks_a_member_for_care_is_sensitive_and_comes_first() {
        let listed = listed(&actor().build(), &ASKED);
        let (care, rest) = listed.split_at(2);
        assert!(care.iter().all(|(_, care)| *care == SENSITIVE), "{listed:?}");
        let mut names: Vec<&str> = care.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["api_key:create", "workspace:ssh"]);
        assert!(rest.iter().all(|(_, care)| *care == Care::Usual), "{listed:?}");
    }

    #[test]
    fn roles_make_scopes_ask_for_care_that_do_not_ask_a_member() {
        let by_roles = |actor: &Principal, name| care(actor, name).is_by_roles();
        assert!(ASKED.iter().all(|name| by_roles(&owner().build(), name)));
        let template_admin = actor().role("template-admin").build();
        assert!(by_roles(&template_admin, "template:read") && !by_roles(&template_admin, "user:read_personal"));
        assert!(by_roles(&actor().role("user-admin").build(), "user:read_personal"));
    }

    /// All scopes there are: nobody knows which of them some role of everybody reaches.
    #[test]
    fn nobody_without_roles_is_told_of_roles() {
        for member in [actor().build(), actor().without_memberships().build()] {
            for name in catalogue() {
                let care = care(&member, &name.to_string());
                assert!(!care.is_by_roles(), "{name}: {care:?}");
            }
        }
    }

    #[test]
    fn what_nobody_could_do_with_it_now_is_told_apart() {
        let member = actor().build();
        for name in ["crypto_key:create", "assign_role:assign", "user:delete", "audit_log:read", "license:create"] {
            assert_eq!(care(&member, name), Care::Beyond, "{name}");
            assert_eq!(care(&owner().build(), name), Care::Sensitive { by_roles: true }, "{name}");
        }
        for name in [
            "assign_role:read",
            "api_key:create",
            "user:read",
            "user:read_personal",
            "organization:read",
            "group:read",
            "template:use",
            "file:create",
            "workspace:create",
            "oauth2_app:read",
            "inbox_notification:update",
            "coder:workspaces.operate",
            "coder:application_connect",
        ] {
            assert_ne!(care(&member, name), Care::Beyond, "{name}");
        }
    }

    #[test]
    fn what_destroys_comes_before_what_roles_reach() {
        let listed = listed(&owner().build(), &["workspace:read", "file:create", "crypto_key:delete", "template:read"]);
        assert_eq!(listed.first().map(|(name, _)| name.as_str()), Some("crypto_key:delete"), "{listed:?}");
    }

    #[test]
    fn what_another_scope_includes_is_not_listed_beside_it() {
        let names = |asked: &[&str]| {
            let mut names: Vec<String> = listed(&actor().build(), asked).into_iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&["workspace:delete", "workspace:*", "user:read"]), ["user:read", "workspace:*"]);
        assert_eq!(names(&["workspace:application_connect", "coder:application_connect"]).len(), 1);
        assert_eq!(names(&["coder:apikeys.manage_self", "api_key:*"]).len(), 1);
        assert_eq!(names(&["workspace:read", "template:read"]).len(), 2);
    }
}
