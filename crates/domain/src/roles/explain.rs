//! What a decision rests on: the level, the roles, the entry of an access list. Worked out anew, so that deciding
//! stays as cheap as it is.

use std::collections::{HashMap, HashSet};

use super::acl::Asked;
use super::{Because, Decision, Id, Object, PermissionSet, Role, Subject, Vote};

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
    /// What would still allow it without what decided, one after the other: when all roles and entries named here and
    /// above are taken away, it is denied. Empty for what is denied.
    pub further: Vec<Grounds<'a>>,
}

/// What would allow something by itself.
#[derive(Debug, Clone)]
pub struct Grounds<'a> {
    /// The level.
    pub level: Level,
    /// The roles, unless it is [`Level::AccessList`].
    pub roles: Vec<&'a Role>,
    /// The entries, at [`Level::AccessList`].
    pub listed: Vec<Listed<'a>>,
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
        let roles = deciding_roles(self, action, resource, object, because);
        let listed = listed(self, action, object, because);
        let further = if because.allow() { further(self, action, resource, object, &roles) } else { Vec::new() };
        Explanation { decision, level: because.level(), roles, listed, further }
    }
}

/// What would still allow it without these roles, and without those that would then do, to the end.
fn further<'a>(
    subject: &'a Subject,
    action: &'a str,
    resource: &str,
    object: &'a Object<'_>,
    decided: &[&'a Role],
) -> Vec<Grounds<'a>> {
    let mut grounds = Vec::new();
    let mut taken = vec![decided.to_vec()];
    let mut left: Vec<&Role> = subject.roles().iter().collect();
    let mut rest = subject.clone();
    while let Some(roles) = taken.pop().filter(|roles| !roles.is_empty()) {
        left.retain(|role| !roles.iter().any(|taken| std::ptr::eq(*taken, *role)));
        rest = rest.with_roles(left.iter().copied().cloned());
        let because = rest.decide_named(action, resource, object).because();
        let Some(level) = because.level().filter(|level| because.allow() && *level != Level::AccessList) else { break };
        let votes = deciding_roles(&rest, action, resource, object, because);
        // Those that are left stand in the same order in both.
        let named =
            left.iter().zip(rest.roles()).filter(|(_, role)| votes.iter().any(|vote| std::ptr::eq(*vote, *role)));
        let roles: Vec<&Role> = named.map(|(original, _)| *original).collect();
        taken.push(roles.clone());
        grounds.push(Grounds { level, roles, listed: Vec::new() });
    }
    // If no role decided, the first entry did.
    let skipped = usize::from(decided.is_empty());
    let listed: Vec<Listed<'_>> = all_listed(subject, &rest, action, object).into_iter().skip(skipped).collect();
    if !listed.is_empty() {
        grounds.push(Grounds { level: Level::AccessList, roles: Vec::new(), listed });
    }
    grounds
}

/// Every entry of an access list that lets the subject in, with the memberships of `rest`, in the order in which the rule
/// asks for them.
pub(super) fn all_listed<'a>(
    subject: &'a Subject,
    rest: &Subject,
    action: &'a str,
    object: &'a Object<'_>,
) -> Vec<Listed<'a>> {
    let asked = Asked::parse(action);
    let entry = |acl: Option<&super::Acl>, id: &'a Id| {
        let found = acl.and_then(|acl| acl.entry_for(id, asked))?;
        Some(Listed { id, action: if found.is_every() { "*" } else { action } })
    };
    let is_member = if object.any_organization {
        rest.memberships().next().is_some()
    } else {
        rest.is_member(object.organization.clone())
    };
    // Everybody of the organization is a group with its id; who names that group too has it once.
    let others = subject.groups().iter().filter(|group| **group != object.organization);
    let groups = std::iter::once(&object.organization).chain(others).filter(|_| is_member);
    entry(object.user_acl, subject.id())
        .into_iter()
        .chain(groups.filter_map(|id| entry(object.group_acl, id)))
        .collect()
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
    let says = |list: &PermissionSet| list.vote_named(action, resource) == wanted;
    // Where any organization will do, one in which another role denies did not decide.
    let decided =
        if object.any_organization { organizations_saying(subject, action, resource, wanted) } else { HashSet::new() };
    let counts = |id: &Id| if object.any_organization { decided.contains(id) } else { *id == object.organization };
    let counts_as_own = |id: &Id| {
        // Where any organization will do, one in which the organization's list denies did not decide; nor does a denial
        // of one speak for all.
        let organization = || organization_vote(subject, action, resource, id);
        let anywhere = || wanted == Vote::Allow && subject.is_member(id.clone()) && organization() != Vote::Deny;
        if object.any_organization {
            anywhere() && owned_vote(subject, action, resource, id) == wanted
        } else {
            *id == object.organization
        }
    };
    let voted = |role: &Role| {
        if matches!(because, Because::SiteAllows | Because::SiteDenies) {
            says(role.site())
        } else if matches!(because, Because::UserAllows | Because::UserDenies) {
            says(role.user()) || role.owned().any(|(id, list)| says(list) && counts_as_own(id))
        } else if matches!(because, Because::OrganizationAllows | Because::OrganizationDenies) {
            role.organizations().any(|(id, list)| says(list) && counts(id))
        } else {
            false
        }
    };
    subject.roles().iter().filter(|role| voted(role)).collect()
}

pub(super) fn joined<'g>(lists: impl Iterator<Item = &'g PermissionSet>, action: &str, resource: &str) -> Vote {
    lists.map(|list| list.vote_named(action, resource)).max().unwrap_or(Vote::Silent)
}

/// What all roles together say in one organization.
pub(super) fn organization_vote(subject: &Subject, action: &str, resource: &str, id: &Id) -> Vote {
    joined(subject.roles().iter().filter_map(|role| role.organization(id)), action, resource)
}

/// What all roles together say of that which the subject owns in one organization.
pub(super) fn owned_vote(subject: &Subject, action: &str, resource: &str, id: &Id) -> Vote {
    joined(subject.roles().iter().filter_map(|role| role.owned_in(id)), action, resource)
}

/// The organizations of which all roles together say this, in one pass over the roles.
pub(super) fn organizations_saying<'s>(
    subject: &'s Subject,
    action: &str,
    resource: &str,
    wanted: Vote,
) -> HashSet<&'s Id> {
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
