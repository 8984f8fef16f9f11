//! People as access control sees them, whether or not they are here.

use crate::roles::custom_among;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{CustomRoles, RoleName, Scope, Subject};
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody with all that their rights come of.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) memberships: Vec<Membership>,
    /// The roles that their organizations give to every member.
    pub(crate) default_roles: Vec<RoleName>,
    /// The explicit groups.
    pub(crate) groups: Vec<GroupId>,
}

/// Several of them, by lower-cased name, with the custom roles that any of them holds.
#[derive(Debug, Default)]
pub(crate) struct People {
    pub(crate) list: Vec<Person>,
    pub(crate) custom: CustomRoles,
}

impl Person {
    /// What access control judges, through a credential of this scope.
    pub(crate) fn subject(&self, custom: &CustomRoles, scope: Scope) -> Subject {
        let groups = self.groups.iter().map(|group| group.0);
        let mut builder = Subject::for_user(self.user.id.0).site_roles(&self.user.roles).groups(groups);
        for membership in &self.memberships {
            builder = builder.membership(membership.organization_id.0, &membership.roles);
        }
        builder.named(self.default_roles.iter().cloned()).custom_roles(custom).scope(scope).build()
    }

    /// The same through a session, which may do all that its user may.
    pub(crate) fn in_session(&self, custom: &CustomRoles) -> Subject {
        self.subject(custom, Scope::all())
    }

    /// The membership of an organization.
    pub(crate) fn membership(&self, place: OrganizationId) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.organization_id == place)
    }

    /// The stored roles, wherever they are held.
    fn held(&self) -> impl Iterator<Item = RoleName> {
        let there = |membership: &Membership| {
            membership.roles.in_organization(membership.organization_id.0).collect::<Vec<RoleName>>()
        };
        self.user.roles.on_site().chain(self.memberships.iter().flat_map(there))
    }
}

/// Loads people, in a fixed number of queries. Those who are deleted or part of the server are left out.
pub(crate) fn load(repos: &mut dyn Repositories, ids: &[UserId]) -> Result<People, StoreError> {
    if ids.is_empty() {
        return Ok(People::default());
    }
    let mut users = repos.users().list_by_id(ids)?;
    users.retain(|user| !user.deleted && !user.is_system);
    let mut memberships: BTreeMap<UserId, Vec<Membership>> = BTreeMap::new();
    for membership in repos.organizations().list_memberships_of(ids)? {
        memberships.entry(membership.user_id).or_default().push(membership);
    }
    let places: BTreeSet<OrganizationId> =
        memberships.values().flatten().map(|membership| membership.organization_id).collect();
    let places: Vec<OrganizationId> = places.into_iter().collect();
    let given: BTreeMap<OrganizationId, Vec<RoleName>> = repos
        .organizations()
        .list_by_id(&places)?
        .into_iter()
        .map(|place| (place.id, place.default_roles.granted(place.id.0)))
        .collect();
    let mut groups: BTreeMap<UserId, Vec<GroupId>> = BTreeMap::new();
    for (user, group) in repos.users().list_group_ids_of(ids)? {
        groups.entry(user).or_default().push(group);
    }
    let person = |user: User| {
        let memberships = memberships.remove(&user.id).unwrap_or_default();
        let default_roles = memberships.iter().filter_map(|m| given.get(&m.organization_id)).flatten().cloned();
        Person {
            default_roles: default_roles.collect(),
            groups: groups.remove(&user.id).unwrap_or_default(),
            memberships,
            user,
        }
    };
    let list: Vec<Person> = users.into_iter().map(person).collect();
    let held: BTreeSet<RoleName> = list.iter().flat_map(Person::held).collect();
    let custom = custom_among(repos, &held)?;
    Ok(People { list, custom })
}
