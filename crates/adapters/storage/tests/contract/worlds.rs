//! Random worlds and who lives in them, for asking whether a list shows what the engine allows row by row.
//!
//! ```ignore
//! for seed in 0..WORLDS {
//!     let (mut dice, db) = (Dice::new(seed), fresh());
//!     let world = World::random(&mut dice, 0);
//!     world.store(&db).await;
//!     for subject in world.subjects(&mut dice) { .. }
//! }
//! ```

use crate::support::*;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{
    Action, AllowEntry, BuiltIn, CustomRole, CustomRoles, DefaultRoles, Kind, Permission, ResourceType, RoleName,
    RoleNames, Scope, ScopeName, Subject,
};
use doorward_domain::users::User;
use uuid::Uuid;

/// Numbers that look random and are the same in every run (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) >> 33).unwrap() % sides
    }

    /// True once in `sides` times.
    pub(crate) fn once_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.roll(list.len())]
    }

    /// Each of the list with a chance of one in `sides`.
    pub(crate) fn some<T: Clone>(&mut self, list: &[T], sides: usize) -> Vec<T> {
        list.iter().filter(|_| self.once_in(sides)).cloned().collect()
    }
}

/// A group and its explicit members.
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) organization: OrganizationId,
    pub(crate) members: Vec<UserId>,
}

/// Users in organizations with roles and groups. Some users are deleted or part of the server and have left rows
/// behind; the last organization is deleted and so has.
pub(crate) struct World {
    pub(crate) users: Vec<User>,
    pub(crate) organizations: Vec<Organization>,
    pub(crate) roles: Vec<CustomRole>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) groups: Vec<Group>,
}

/// What custom roles speak of, besides what the test is about.
const TYPES: [ResourceType; 6] = [
    ResourceType::Organization,
    ResourceType::OrganizationMember,
    ResourceType::Group,
    ResourceType::GroupMember,
    ResourceType::User,
    ResourceType::Template,
];

impl World {
    /// Names have the number in them, so that worlds of different numbers go into one database.
    pub(crate) fn random(dice: &mut Dice, number: usize) -> Self {
        let organizations: Vec<Organization> = (0..5)
            .map(|n| {
                let built_in = BuiltIn::all().iter().filter(|role| role.kind() == Kind::Organization);
                let names: Vec<&str> = built_in.map(BuiltIn::name).collect();
                let given = if dice.once_in(3) { dice.some(&names, 3) } else { Vec::new() };
                Organization {
                    default_roles: DefaultRoles::new(&given).unwrap(),
                    ..organization(&format!("{}-{n}-w{number}", dice.pick(&["Acme", "acme", "Zoo", "b"])))
                }
            })
            .collect();
        let places: Vec<OrganizationId> = organizations.iter().map(|organization| organization.id).collect();
        let roles: Vec<CustomRole> = (0..8).map(|n| role(dice, &format!("role-{n}-w{number}"), &places)).collect();
        let named = |place: Option<Uuid>| -> Vec<String> {
            let custom = roles.iter().map(CustomRole::name).filter(|name| name.organization_id() == place);
            let kind = if place.is_some() { Kind::Organization } else { Kind::Site };
            let built_in = BuiltIn::all().iter().filter(|role| role.kind() == kind).map(BuiltIn::name);
            custom.map(|name| name.name().to_owned()).chain(built_in.map(str::to_owned)).collect()
        };
        let users: Vec<User> = (0..10)
            .map(|n| User {
                roles: if dice.once_in(2) {
                    dice.some(&named(None), 4).into_iter().collect()
                } else {
                    RoleNames::default()
                },
                deleted: dice.once_in(10),
                is_system: dice.once_in(10),
                ..user(&format!("{}{n}-w{number}", dice.pick(&["ann", "Bob", "c-c", "Dan"])))
            })
            .collect();
        let mut memberships = Vec::new();
        for user in &users {
            for place in dice.some(&places, 2) {
                let roles = if dice.once_in(2) { dice.some(&named(Some(place.0)), 4) } else { Vec::new() };
                let roles = roles.into_iter().collect();
                memberships.push(Membership { roles, ..membership(place, user.id) });
            }
        }
        let groups = (0..5).map(|_| {
            let organization = *dice.pick(&places);
            let members = memberships.iter().filter(|member| member.organization_id == organization);
            let members: Vec<UserId> = members.map(|member| member.user_id).collect();
            Group { id: id(), organization, members: dice.some(&members, 2) }
        });
        let groups = groups.collect();
        Self { users, organizations, roles, memberships, groups }
    }

    /// Writes all of it.
    pub(crate) async fn store(&self, db: &Fixture) {
        let (users, organizations) = (self.users.clone(), self.organizations.clone());
        let (roles, memberships) = (self.roles.clone(), self.memberships.clone());
        db.write(move |repos| {
            users.iter().try_for_each(|user| repos.users().insert(&permit(), user))?;
            organizations.iter().try_for_each(|place| repos.organizations().insert(&permit(), place))?;
            roles.iter().try_for_each(|role| repos.roles().insert(&permit(), id(), role, NOW))?;
            memberships.iter().try_for_each(|member| repos.organizations().insert_member(&permit(), member))
        })
        .await;
        for (n, group) in self.groups.iter().enumerate() {
            let (id, place) = (db.uuid(group.id.0), db.uuid(group.organization.0));
            db.execute(&format!(
                "INSERT INTO groups SELECT {id}, {place}, 'g{n}', 'g{n}', '', '', 0, 'user', created_at, updated_at \
                 FROM organizations WHERE id = {place}"
            ));
            for member in &group.members {
                let user = db.uuid(member.0);
                db.execute(&format!(
                    "INSERT INTO group_members (group_id, organization_id, user_id) VALUES ({id}, {place}, {user})"
                ));
            }
        }
        let gone = db.uuid(self.organizations[self.organizations.len() - 1].id.0);
        db.execute(&format!("UPDATE organizations SET deleted = NOT deleted WHERE id = {gone}"));
    }

    /// Organizations that are there.
    pub(crate) fn living(&self) -> &[Organization] {
        &self.organizations[..self.organizations.len() - 1]
    }

    /// Each user through several credentials, and strangers.
    pub(crate) fn subjects(&self, dice: &mut Dice) -> Vec<Subject> {
        let custom: CustomRoles = self.roles.iter().cloned().collect();
        let mut subjects = Vec::new();
        for user in &self.users {
            for _ in 0..3 {
                let groups = self.groups.iter().filter(|group| group.members.contains(&user.id));
                let mut builder = Subject::for_user(user.id.0)
                    .site_roles(&user.roles)
                    .groups(groups.map(|group| group.id.0))
                    .custom_roles(&custom);
                for member in self.memberships.iter().filter(|member| member.user_id == user.id) {
                    let place = self.organizations.iter().find(|place| place.id == member.organization_id).unwrap();
                    builder =
                        builder.membership(place.id.0, &member.roles).named(place.default_roles.granted(place.id.0));
                }
                subjects.push(builder.scope(self.scope(dice)).build());
            }
        }
        subjects.push(Subject::for_user(Uuid::nil()).scope(Scope::all()).build());
        subjects.push(Subject::for_user(self.users[0].id.0).site_roles(["owner"]).build());
        subjects
    }

    fn scope(&self, dice: &mut Dice) -> Scope {
        let names = ["organization:read", "organization_member:read", "user:read", "group:read", "workspace:read"];
        let scope = match dice.roll(8) {
            0 => Scope::application_connect(),
            1 => Scope::from_names(
                &dice.some(&names, 2).iter().map(|name| ScopeName::parse(name).unwrap()).collect::<Vec<_>>(),
            ),
            _ => Scope::all(),
        };
        if !dice.once_in(3) {
            return scope;
        }
        let ids = self.users.iter().map(|user| user.id.0).chain(self.organizations.iter().map(|place| place.id.0));
        let ids: Vec<Uuid> = ids.chain(self.groups.iter().map(|group| group.id.0)).collect();
        let mut entries: Vec<AllowEntry> = Vec::new();
        for id in dice.some(&ids, 3) {
            entries.push(if dice.once_in(2) {
                AllowEntry::any_type(id)
            } else {
                AllowEntry::typed(*dice.pick(&TYPES), id)
            });
        }
        entries.push(AllowEntry::any_type("not-a-uuid"));
        scope.limited_to(entries)
    }
}

fn role(dice: &mut Dice, name: &str, places: &[OrganizationId]) -> CustomRole {
    let mut list = || -> Vec<Permission> {
        let mut list = Vec::new();
        for _ in 0..dice.roll(4) {
            let resource = *dice.pick(&TYPES);
            let action = *dice.pick(&[Action::Read, Action::Read, Action::Update]);
            let deny = dice.once_in(4);
            list.push(if deny { Permission::deny(resource, action) } else { Permission::allow(resource, action) });
        }
        list
    };
    let (site, organization, user) = (list(), list(), list());
    let display_name = format!("The {name}");
    let name = match dice.roll(4) {
        0 => RoleName::site(name),
        _ => RoleName::organization(name, dice.pick(places).0),
    };
    // Few roles may say something about the whole site, or nearly everybody would see everything.
    let site = if dice.once_in(3) { site } else { Vec::new() };
    CustomRole::new(name, display_name, site, organization, user)
}
