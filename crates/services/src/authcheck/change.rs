//! What would change an answer: each way is tried on a copy of the person, so that what is said is true.

use super::people::Person;
use super::question::Asked;
use super::{Entry, Explained};
use crate::error::Error;
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{
    BuiltIn, CustomRole, CustomRoles, Kind, MEMBER, ORGANIZATION_MEMBER, Pattern, Permission, PermissionSet,
    ResourceType, RoleName, RoleNames, ScopeName, Subject, Vote,
};
use doorward_domain::users::UserStatus;
use doorward_ports::Repositories;
use std::collections::BTreeSet;
use uuid::Uuid;

/// At most so many ways are told, those that give least first.
const WAYS_MAX: usize = 6;
/// At most so many groups of an access list are tried.
const GROUPS_MAX: usize = 100;

/// What would change an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether all of it must be done, not any one: what would end something that is allowed for several reasons.
    pub all: bool,
    /// Done in any case before one of the others does anything: activating the account, a credential with another scope.
    pub first: Vec<Change>,
    /// The ways.
    pub ways: Vec<Change>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is to be done.
    pub kind: ChangeKind,
    /// The role that is given or taken: its name, and its name for people.
    pub role: Option<(String, String)>,
    /// The organization where it is done.
    pub organization: Option<Uuid>,
    /// The group.
    pub group: Option<Uuid>,
    /// The scope that a credential needs.
    pub scope: Option<String>,
    /// Whether the person must become a member of the organization before.
    pub member_first: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Activate the account.
    Activate,
    /// Suspend the account: what every user may cannot be taken from one alone.
    Suspend,
    /// Come with a credential that has a scope.
    AddScope,
    /// Give a site role.
    GiveSiteRole,
    /// Take a site role.
    TakeSiteRole,
    /// Make a member of an organization.
    AddMember,
    /// End the membership of an organization.
    RemoveMember,
    /// Give a role in an organization.
    GiveOrganizationRole,
    /// Take a role in an organization.
    TakeOrganizationRole,
    /// Take a role from those that an organization gives to all members.
    TakeDefaultRole,
    /// Make a member of a group.
    AddToGroup,
    /// End the membership of a group, or take the group off the access list.
    RemoveFromGroup,
    /// Name the person on the access list.
    AddToList,
    /// Take the person off the access list.
    RemoveFromList,
    /// Take everybody of the organization off the access list.
    RemoveEveryone,
}

impl ChangeKind {
    /// A stable word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Suspend => "suspend",
            Self::AddScope => "add_scope",
            Self::GiveSiteRole => "give_site_role",
            Self::TakeSiteRole => "take_site_role",
            Self::AddMember => "add_member",
            Self::RemoveMember => "remove_member",
            Self::GiveOrganizationRole => "give_organization_role",
            Self::TakeOrganizationRole => "take_organization_role",
            Self::TakeDefaultRole => "take_default_role",
            Self::AddToGroup => "add_to_group",
            Self::RemoveFromGroup => "remove_from_group",
            Self::AddToList => "add_to_access_list",
            Self::RemoveFromList => "remove_from_access_list",
            Self::RemoveEveryone => "remove_everyone_from_access_list",
        }
    }
}

impl Change {
    const fn new(kind: ChangeKind) -> Self {
        Self { kind, role: None, organization: None, group: None, scope: None, member_first: false }
    }

    fn of_role(kind: ChangeKind, name: &str, organization: Option<Uuid>, custom: &CustomRoles) -> Self {
        let id = match organization {
            Some(place) => RoleName::organization(name, place),
            None => RoleName::site(name),
        };
        let shown = BuiltIn::find(&id).map(BuiltIn::display_name);
        let shown = shown.or_else(|| custom.find(&id).map(CustomRole::display_name)).unwrap_or_default();
        let shown = if shown.is_empty() { name } else { shown };
        Self { role: Some((name.to_owned(), shown.to_owned())), organization, ..Self::new(kind) }
    }

    /// The same as something that is done in an organization, of whose members alone it can be done.
    fn among_members(self, person: &Person, place: &Organization) -> Self {
        let member_first = person.membership(place.id).is_none();
        let organization = if member_first { Some(place.id.0) } else { self.organization };
        Self { organization, member_first, ..self }
    }
}

impl Changes {
    /// The groups that are named.
    pub(super) fn groups(&self) -> impl Iterator<Item = Uuid> {
        self.ways.iter().filter_map(|change| change.group)
    }

    /// The organizations that are named.
    pub(super) fn organizations(&self) -> impl Iterator<Item = Uuid> {
        self.ways.iter().filter_map(|change| change.organization)
    }
}

/// What would change this answer. Who may not read how rights are given there learns only what concerns the credential.
pub(super) fn changes(
    repos: &mut dyn Repositories,
    person: &Person,
    custom: &CustomRoles,
    asked: &Asked,
    subject: &Subject,
    why: &Explained,
    knows: bool,
) -> Result<Changes, Error> {
    if why.allowed {
        let ways = if knows { ways_out(person, custom, why) } else { Vec::new() };
        return Ok(Changes { all: ways.len() > 1, first: Vec::new(), ways });
    }
    let mut first = Vec::new();
    if person.user.status == UserStatus::Suspended {
        first.push(Change::new(ChangeKind::Activate));
    }
    let object = asked.thing.object();
    let scope = subject.scope().filter(|scope| {
        !scope.permits(asked.view.action, asked.view.resource_type)
            || !scope.admits(Some(asked.view.resource_type), object.object_id())
    });
    if scope.is_some() {
        let name = ScopeName::of(asked.view.resource_type, asked.view.action);
        first.push(Change { scope: Some(name.as_str().into_owned()), ..Change::new(ChangeKind::AddScope) });
    }
    let ways =
        if !knows || allows(person, custom, asked) { Vec::new() } else { ways_in(repos, person, custom, asked)? };
    Ok(Changes { all: false, first, ways })
}

/// Whether the person may, through a session.
fn allows(person: &Person, custom: &CustomRoles, asked: &Asked) -> bool {
    let subject = person.in_session(custom);
    subject.decide(asked.view.action, &asked.thing.object()).allow()
}

/// The ways by which somebody would be let in, those that give least first.
fn ways_in(
    repos: &mut dyn Repositories,
    person: &Person,
    custom: &CustomRoles,
    asked: &Asked,
) -> Result<Vec<Change>, Error> {
    let place = match asked.place() {
        Some(id) => repos.organizations().find(id)?,
        None => None,
    };
    let mut known = custom.clone();
    for role in repos.roles().list_custom(None)? {
        known.insert(role);
    }
    if let Some(place) = &place {
        for role in repos.roles().list_custom(Some(place.id))? {
            known.insert(role);
        }
    }
    let mut ways: Vec<(u32, Change)> = Vec::new();
    if let Some(place) = &place {
        let member = joined(person, place);
        if person.membership(place.id).is_none() && allows(&member, &known, asked) {
            ways.push((1, Change { organization: Some(place.id.0), ..Change::new(ChangeKind::AddMember) }));
        } else {
            ways.extend(by_role(person, &member, &known, asked, place));
            ways.extend(by_list(person, &member, &known, asked, place));
        }
    }
    for (name, weight) in roles_of(Kind::Site, None, &known) {
        let mut other = person.clone();
        other.user.roles.insert(&name);
        if allows(&other, &known, asked) {
            ways.push((1000 + weight, Change::of_role(ChangeKind::GiveSiteRole, &name, None, &known)));
        }
    }
    ways.sort_by_key(|(weight, _)| *weight);
    Ok(ways.into_iter().map(|(_, change)| change).take(WAYS_MAX).collect())
}

/// By a role of the organization, or one less.
fn by_role(
    person: &Person,
    member: &Person,
    known: &CustomRoles,
    asked: &Asked,
    place: &Organization,
) -> Vec<(u32, Change)> {
    let id = place.id.0;
    let mut ways = Vec::new();
    for (name, weight) in roles_of(Kind::Organization, Some(id), known) {
        let mut other = member.clone();
        change_roles(&mut other, place.id, |roles| roles.insert(&name));
        if allows(&other, known, asked) {
            let change = Change::of_role(ChangeKind::GiveOrganizationRole, &name, Some(id), known);
            ways.push((100 + weight, change.among_members(person, place)));
        }
    }
    let held: Vec<String> = person.membership(place.id).map(|m| m.roles.as_slice().to_vec()).unwrap_or_default();
    for name in held {
        let mut other = person.clone();
        change_roles(&mut other, place.id, |roles| {
            *roles = roles.iter().filter(|role| **role != name).cloned().collect();
        });
        if allows(&other, known, asked) {
            ways.push((2, Change::of_role(ChangeKind::TakeOrganizationRole, &name, Some(id), known)));
        }
    }
    ways
}

/// By the access list of the thing: a group that is on it, or an entry of their own. Both are for members of the organization.
fn by_list(
    person: &Person,
    member: &Person,
    known: &CustomRoles,
    asked: &Asked,
    place: &Organization,
) -> Vec<(u32, Change)> {
    let mut ways = Vec::new();
    let action = asked.view.action.as_str();
    let on_list = asked.thing.group_acl.iter().filter(|(_, actions)| actions.iter().any(|a| *a == action || *a == "*"));
    let groups = on_list.filter_map(|(id, _)| id.as_uuid()).filter(|id| *id != place.id.0).take(GROUPS_MAX);
    for group in groups {
        let mut other = member.clone();
        other.groups.push(GroupId(group));
        if allows(&other, known, asked) {
            let change = Change { group: Some(group), ..Change::new(ChangeKind::AddToGroup) };
            ways.push((10, change.among_members(person, place)));
        }
    }
    // Only a template that is there has a list.
    if asked.thing.resource == ResourceType::Template && asked.view.thing.is_some() {
        let listed = asked.thing.user_acl.clone().grant(person.user.id.0, asked.view.action);
        let object = asked.thing.object().user_acl(&listed);
        if member.in_session(known).decide(asked.view.action, &object).allow() {
            ways.push((20, Change::new(ChangeKind::AddToList).among_members(person, place)));
        }
    }
    ways
}

/// The person as a member of the organization, with what it gives to all of its members.
fn joined(person: &Person, place: &Organization) -> Person {
    let mut other = person.clone();
    if other.membership(place.id).is_none() {
        let moment = person.user.created_at;
        other.memberships.push(Membership {
            organization_id: place.id,
            user_id: person.user.id,
            roles: RoleNames::default(),
            created_at: moment,
            updated_at: moment,
        });
        other.default_roles.extend(place.default_roles.granted(place.id.0));
    }
    other
}

fn change_roles(person: &mut Person, place: OrganizationId, change: impl FnOnce(&mut RoleNames)) {
    if let Some(membership) = person.memberships.iter_mut().find(|membership| membership.organization_id == place) {
        change(&mut membership.roles);
    }
}

/// The roles that can be given in a place, each with the weight of what it gives.
fn roles_of(kind: Kind, place: Option<Uuid>, known: &CustomRoles) -> Vec<(String, u32)> {
    let weight = |lists: &[&[Permission]]| -> u32 {
        let one = |permission: &Permission| if permission.action == Pattern::Any { 6 } else { 1 };
        lists.iter().flat_map(|list| list.iter()).map(one).sum()
    };
    let built_in = BuiltIn::all().iter().filter(|role| role.kind() == kind && role.listed()).map(|role| {
        let lists = [role.site(), role.organization(), role.user()].map(PermissionSet::permissions);
        (role.name().to_owned(), weight(&lists))
    });
    let own = known.iter().filter(|role| role.name().organization_id() == place).map(|role| {
        let lists = [role.role().site().permissions(), role.in_organization(), role.on_owned()];
        (role.name().name().to_owned(), weight(&lists))
    });
    built_in.chain(own).collect()
}

/// All that must be done so that somebody may not any more.
fn ways_out(person: &Person, custom: &CustomRoles, why: &Explained) -> Vec<Change> {
    let roles = why.roles.iter().chain(why.further.iter().flat_map(|further| &further.roles));
    let entries = why.entry.iter().chain(why.further.iter().flat_map(|further| &further.entries));
    let mut seen = BTreeSet::new();
    let mut ways: Vec<Change> = Vec::new();
    for (name, place) in roles {
        if seen.insert((name.clone(), place.clone())) {
            let place = place.as_deref().and_then(|id| Uuid::parse_str(id).ok());
            ways.push(without_role(person, custom, name, place));
        }
    }
    for entry in entries {
        if seen.insert((entry.id.clone(), None)) {
            ways.push(without_entry(person, entry));
        }
    }
    // What every user may is taken from nobody alone, and the account as a whole ends all else too.
    if ways.iter().any(|change| change.kind == ChangeKind::Suspend) {
        ways.retain(|change| change.kind == ChangeKind::Suspend);
        ways.truncate(1);
    }
    ways
}

fn without_role(person: &Person, custom: &CustomRoles, name: &str, place: Option<Uuid>) -> Change {
    match place {
        None if name == MEMBER && !person.user.roles.contains(name) => Change::new(ChangeKind::Suspend),
        None => Change::of_role(ChangeKind::TakeSiteRole, name, None, custom),
        Some(id) if name == ORGANIZATION_MEMBER => {
            Change { organization: Some(id), ..Change::new(ChangeKind::RemoveMember) }
        }
        Some(id) => {
            let membership = person.membership(OrganizationId(id));
            let is_held = membership.is_some_and(|membership| membership.roles.contains(name));
            let kind = if is_held { ChangeKind::TakeOrganizationRole } else { ChangeKind::TakeDefaultRole };
            Change::of_role(kind, name, Some(id), custom)
        }
    }
}

fn without_entry(person: &Person, entry: &Entry) -> Change {
    let id = Uuid::parse_str(&entry.id).ok();
    if !entry.is_group {
        return Change::new(ChangeKind::RemoveFromList);
    }
    let is_everyone = id.is_some_and(|id| person.membership(OrganizationId(id)).is_some());
    if is_everyone {
        Change { organization: id, ..Change::new(ChangeKind::RemoveEveryone) }
    } else {
        Change { group: id, ..Change::new(ChangeKind::RemoveFromGroup) }
    }
}

/// Whether a list of a role allows something.
pub(super) fn says_yes(list: &PermissionSet, asked: &Asked) -> bool {
    list.vote(asked.view.action, asked.view.resource_type) == Vote::Allow
}
