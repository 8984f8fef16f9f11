//! What a decision rests on: the level, the roles, the entry of an access list. Worked out anew, so that deciding
//! stays as cheap as it is.

use std::collections::{HashMap, HashSet};

use super::acl::Asked;
use super::{Because, Decision, Grants, Id, Object, Role, Subject, Vote};

/// The level of the rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// The scope of the credential.
    Scope,
    /// Permissions for the whole site.
    Site,
    /// Permissions in an organization.
    Organization,
    /// Permissions on what the subject owns.
    User,
    /// An access list of the object.
    AccessList,
}

impl Level {
    /// A stable word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Site => "site",
            Self::Organization => "organization",
            Self::User => "user",
            Self::AccessList => "access_list",
        }
    }
}

/// The entry of an access list that opened an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The id in the list: the subject, one of its groups, or the organization for "Everyone".
    pub id: &'a Id,
    /// The name of the action in the list; `*` if every action is listed.
    pub action: &'a str,
}

/// A decision with what it rests on.
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    /// The decision.
    pub decision: Decision,
    /// The level that decided; `None` when none had an opinion, or the question was a mistake.
    pub level: Option<Level>,
    /// The roles whose votes decided; more than one if each would have sufficed. An organization's role may vote at
    /// site level.
    pub roles: Vec<&'a Role>,
    /// The entry that decided, at [`Level::AccessList`].
    pub listed: Option<Listed<'a>>,
}

impl Because {
    /// The level that decided.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::SiteAllows | Self::SiteDenies => Some(Level::Site),
            Self::OrganizationAllows | Self::OrganizationDenies | Self::NotMember => Some(Level::Organization),
            Self::UserAllows | Self::UserDenies => Some(Level::User),
            Self::UserListed | Self::GroupListed | Self::EveryoneListed => Some(Level::AccessList),
            Self::ScopeSilent | Self::ScopeDenies | Self::ScopeOtherObject | Self::NoScope => Some(Level::Scope),
            Self::NoRoles | Self::OrganizationAndAny | Self::NothingAllows | Self::OtherType => None,
        }
    }
}

impl Subject {
    /// Whether it may, and what the answer rests on; for names as text, as [`Subject::decide_named`]. It is slower
    /// than a decision, and says the same.
    ///
    /// ```
    /// use doorward_domain::roles::{Level, Object, ResourceType, Scope, Subject};
    /// use uuid::Uuid;
    ///
    /// let subject = Subject::for_user(Uuid::NAMESPACE_URL).site_roles(["auditor"]).scope(Scope::all()).build();
    /// let log = Object::new(ResourceType::AuditLog);
    /// let why = subject.explain("read", "audit_log", &log);
    /// assert!(why.decision.allow());
    /// assert_eq!((why.level, why.roles[0].name()), (Some(Level::Site), "auditor"));
    /// ```
    #[must_use]
    pub fn explain<'a>(&'a self, action: &'a str, resource: &str, object: &'a Object<'_>) -> Explanation<'a> {
        let decision = self.decide_named(action, resource, object);
        let because = decision.because();
        Explanation {
            decision,
            level: because.level(),
            roles: deciding_roles(self, action, resource, object, because),
            listed: listed(self, action, object, because),
        }
    }
}

/// The roles whose votes decided, if votes did.
fn deciding_roles<'s>(
    subject: &'s Subject,
    action: &str,
    resource: &str,
    object: &Object<'_>,
    because: Because,
) -> Vec<&'s Role> {
    let wanted = if because.allow() { Vote::Allow } else { Vote::Deny };
    let says = |list: &Grants| list.vote_named(action, resource) == wanted;
    // Where any organization will do, one in which another role denies did not decide.
    let decided =
        if object.any_organization { organizations_saying(subject, action, resource, wanted) } else { HashSet::new() };
    let counts = |id: &Id| if object.any_organization { decided.contains(id) } else { *id == object.organization };
    let voted = |role: &Role| {
        if matches!(because, Because::SiteAllows | Because::SiteDenies) {
            says(role.site())
        } else if matches!(because, Because::UserAllows | Because::UserDenies) {
            says(role.user())
        } else if matches!(because, Because::OrganizationAllows | Because::OrganizationDenies) {
            role.organizations().any(|(id, list)| says(list) && counts(id))
        } else {
            false
        }
    };
    subject.roles().iter().filter(|role| voted(role)).collect()
}

/// The organizations of which all roles together say this, in one pass over the roles.
fn organizations_saying<'s>(subject: &'s Subject, action: &str, resource: &str, wanted: Vote) -> HashSet<&'s Id> {
    let mut votes: HashMap<&Id, Vote> = HashMap::new();
    for (id, list) in subject.roles().iter().flat_map(Role::organizations) {
        let vote = list.vote_named(action, resource);
        let known = votes.entry(id).or_insert(vote);
        *known = vote.max(*known);
    }
    votes.into_iter().filter(|(_, vote)| *vote == wanted).map(|(id, _)| id).collect()
}

/// The entry of an access list that decided, if one did.
fn listed<'a>(subject: &'a Subject, action: &'a str, object: &'a Object<'_>, because: Because) -> Option<Listed<'a>> {
    let asked = Asked::parse(action);
    let entry = |acl: Option<&super::Acl>, id: &'a Id| {
        let found = acl.and_then(|acl| acl.entry_for(id, asked))?;
        Some(Listed { id, action: if found.is_every() { "*" } else { action } })
    };
    if because == Because::UserListed {
        entry(object.user_acl, subject.id())
    } else if because == Because::EveryoneListed {
        entry(object.group_acl, &object.organization)
    } else if because == Because::GroupListed {
        subject.groups().iter().find_map(|group| entry(object.group_acl, group))
    } else {
        None
    }
}
