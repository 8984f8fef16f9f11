//! Plans against a server that is a model: each change can be done when its turn comes, and afterwards there is nothing to do.

use super::*;
use crate::apply::file;
use proptest::prelude::*;
use serde_json::json;

/// Carries a change out as a server would, which refuses what cannot be.
fn carry_out(state: &mut State, change: &Change) {
    let set = |fields: &mut Fields, edits: &[Edit]| {
        for edit in edits {
            assert_eq!(fields.get(&edit.field).cloned().unwrap_or_default(), edit.from, "{change:?}");
            fields.insert(edit.field.clone(), edit.to.clone());
        }
    };
    macro_rules! org {
        ($name:expr) => {
            state.organizations.get_mut($name).unwrap_or_else(|| panic!("no organization: {change:?}"))
        };
    }
    match change {
        Change::MakeOrganization { name, fields } => {
            let members = state.first_members();
            let made = Organization { fields: fields.clone(), members, ..Organization::default() };
            assert!(state.organizations.insert(name.clone(), made).is_none());
        }
        Change::EditOrganization { name, edits } => set(&mut org!(name).fields, edits),
        Change::MakeRole { organization, name, role } => {
            assert!(org!(organization).roles.insert(name.clone(), role.clone()).is_none());
        }
        Change::EditRole { organization, name, from, to } => {
            assert_eq!(org!(organization).roles.insert(name.clone(), to.clone()).as_ref(), Some(from));
        }
        Change::DeleteRole { organization, name } => {
            let organization = org!(organization);
            assert!(organization.roles.remove(name).is_some());
            for roles in organization.members.values_mut() {
                roles.retain(|role| role != name);
            }
        }
        Change::MakeGroup { organization, name, fields } => {
            let made = Group { fields: fields.clone(), ..Group::default() };
            assert!(org!(organization).groups.insert(name.clone(), made).is_none());
        }
        Change::EditGroup { organization, name, edits } => {
            set(&mut org!(organization).groups.get_mut(name).unwrap().fields, edits);
        }
        Change::DeleteGroup { organization, name } => {
            let gone = org!(organization).groups.remove(name).unwrap();
            assert!(!gone.everyone && !gone.of_provider);
        }
        Change::MoveMembers { organization, group, add, remove } => {
            let organization = org!(organization);
            assert!(add.iter().all(|user| organization.members.contains_key(user)), "a stranger: {change:?}");
            let group = organization.groups.get_mut(group).unwrap();
            assert!(!group.everyone);
            group.members.extend(add.iter().cloned());
            group.members.retain(|user| !remove.contains(user));
        }
        Change::AddMember { organization, user } => {
            assert!(org!(organization).members.insert(user.clone(), BTreeSet::new()).is_none());
        }
        Change::SetRoles { organization, user, from, to } => {
            let organization = org!(organization);
            let is_there = |role: &String| role.starts_with("built-in") || organization.roles.contains_key(role);
            assert!(to.difference(from).all(is_there), "no such role: {change:?}");
            assert_eq!(organization.members.insert(user.clone(), to.clone()).as_ref(), Some(from));
        }
        Change::RemoveMember { organization, user } => {
            let organization = org!(organization);
            assert!(organization.members.remove(user).is_some());
            for group in organization.groups.values_mut() {
                group.members.retain(|member| member != user);
            }
        }
        Change::SetGroupSync { organization, from, to } => {
            let organization = org!(organization);
            assert!(to.mapping.values().flatten().all(|group| organization.groups.contains_key(group)));
            assert_eq!(organization.group_sync.replace(to.clone()).unwrap_or_default(), *from);
        }
        Change::SetRoleSync { organization, from, to } => {
            assert_eq!(org!(organization).role_sync.replace(to.clone()).unwrap_or_default(), *from);
        }
        Change::SetMemberSync { from, to } => {
            assert!(to.mapping.values().flatten().all(|name| state.organizations.contains_key(name)));
            assert_eq!(state.member_sync.replace(to.clone()).unwrap_or_default(), *from);
        }
        Change::MakeApp { name, fields } => {
            let made = App { fields: fields.clone(), ..App::default() };
            assert!(state.apps.insert(name.clone(), made).is_none());
        }
        Change::EditApp { name, edits, .. } => set(&mut state.apps.get_mut(name).unwrap().fields, edits),
        Change::DeleteApp { name } => assert!(!state.apps.remove(name).unwrap().registered_itself),
    }
}

fn name(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(of).prop_map(str::to_owned)
}

fn names(of: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(name(of), 0..3)
}

const ORGANIZATIONS: &[&str] = &["acme", "beta"];
const USERS: &[&str] = &["ann", "bob", "carol"];
const ROLES: &[&str] = &["deployer", "reader"];
const GIVEN: &[&str] = &["deployer", "reader", "built-in"];
const GROUPS: &[&str] = &["eng", "ops", "Everyone"];
const PERMISSIONS: &[&str] = &["template:read", "workspace:create", "!workspace:delete"];
const APPS: &[&str] = &["grafana", "argo"];
const TEXTS: &[&str] = &["", "x", "y"];
const VALUES: &[&str] = &["engineers", "admins"];

fn mappings(of: &'static [&'static str]) -> impl Strategy<Value = Mapping> {
    prop::collection::btree_map(name(VALUES), names(of), 0..2)
}

fn some<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(of)
}

prop_compose! {
    fn a_wanted_role(name: &'static str)(permissions in some(names(PERMISSIONS)), own in some(names(PERMISSIONS)), display_name in some(name_of_text())) -> file::Role {
        file::Role { name: name.to_owned(), display_name, permissions, own }
    }
}

fn name_of_text() -> impl Strategy<Value = String> {
    name(TEXTS)
}

prop_compose! {
    fn a_wanted_group(name: &'static str)(quota in some(0_i64..2), members in some(names(USERS)), display_name in some(name_of_text())) -> file::Group {
        let members = members.filter(|_| name != "Everyone");
        file::Group { name: name.to_owned(), display_name, avatar_url: None, quota, members }
    }
}

/// Each of them or not.
fn each<T: Clone + std::fmt::Debug, S: Strategy<Value = T>>(
    of: &'static [&'static str],
    make: impl Fn(&'static str) -> S,
) -> impl Strategy<Value = Vec<T>> {
    let choices: Vec<_> = of.iter().map(|&name| some(make(name))).collect();
    choices.prop_map(|made| made.into_iter().flatten().collect())
}

prop_compose! {
    fn a_wanted_organization(name: &'static str)(
        display_name in some(name_of_text()),
        roles in some(each(ROLES, a_wanted_role)),
        groups in some(each(GROUPS, a_wanted_group)),
        members in some(prop::collection::btree_map(self::name(USERS), names(GIVEN), 0..3)),
        group_mapping in some(mappings(GROUPS)),
        role_mapping in some(mappings(GIVEN)),
        auto in some(any::<bool>()),
    ) -> file::Organization {
        let groups_sync = file::GroupSync { mapping: group_mapping, auto_create_missing_groups: auto, ..file::GroupSync::default() };
        let sync = file::OrganizationSync {
            groups: Some(groups_sync),
            roles: Some(file::RoleSync { mapping: role_mapping, field: None }),
        };
        file::Organization { name: name.to_owned(), display_name, roles, groups, members, sync, ..file::Organization::default() }
    }
}

prop_compose! {
    fn a_wanted_app(name: &'static str)(uris in some(prop::collection::vec(name_of_text(), 0..3)), scopes in some(names(PERMISSIONS)), trusted in some(any::<bool>())) -> file::App {
        file::App { name: name.to_owned(), redirect_uris: uris, scopes, trusted, ..file::App::default() }
    }
}

prop_compose! {
    fn wanted()(organizations in each(ORGANIZATIONS, a_wanted_organization), apps in some(each(APPS, a_wanted_app)), mapping in some(mappings(ORGANIZATIONS)), assign_default in some(any::<bool>())) -> Wanted {
        let sync = file::SiteSync { organizations: Some(file::MemberSync { field: None, mapping, assign_default }) };
        Wanted { organizations, apps, sync }
    }
}

prop_compose! {
    fn a_group(name: String)(quota in 0_i64..2, members in names(USERS), of_provider in any::<bool>()) -> (String, Group) {
        let everyone = name == "Everyone";
        let fields = Fields::from([("quota_allowance".to_owned(), json!(quota)), ("display_name".to_owned(), json!(""))]);
        let members = if everyone { BTreeSet::new() } else { members };
        (name.clone(), Group { id: String::new(), fields, members, everyone, of_provider: of_provider && !everyone })
    }
}

prop_compose! {
    fn an_organization(name: &'static str)(
        display_name in name_of_text(),
        roles in prop::collection::btree_map(self::name(ROLES), names(PERMISSIONS).prop_map(|permissions| Role { permissions, ..Role::default() }), 0..3),
        groups in prop::collection::btree_set(self::name(&["eng", "ops"]), 0..3).prop_flat_map(|names| names.into_iter().chain(["Everyone".to_owned()]).map(a_group).collect::<Vec<_>>()),
        members in prop::collection::btree_map(self::name(USERS), names(GIVEN), 0..4),
    ) -> (String, Organization) {
        let mut groups: BTreeMap<String, Group> = groups.into_iter().collect();
        for group in groups.values_mut() {
            group.members.retain(|user| members.contains_key(user));
        }
        let mut members = members;
        for given in members.values_mut() {
            given.retain(|role| role == "built-in" || roles.contains_key(role));
        }
        let fields = Fields::from([("display_name".to_owned(), json!(display_name))]);
        (name.to_owned(), Organization { fields, roles, groups, members, ..Organization::default() })
    }
}

prop_compose! {
    fn state()(organizations in each(ORGANIZATIONS, an_organization), apps in prop::collection::btree_map(name(APPS), (names(PERMISSIONS), any::<bool>()), 0..3)) -> State {
        let app = |(name, (scopes, trusted)): (String, (BTreeSet<String>, bool))| {
            let fields = Fields::from([("scopes".to_owned(), list(&scopes)), ("trusted".to_owned(), trusted.into())]);
            (name, App { fields, ..App::default() })
        };
        let (organizations, apps) = (organizations.into_iter().collect(), apps.into_iter().map(app).collect());
        State { me: "carol".to_owned(), organizations, apps, member_sync: None }
    }
}

/// Whether everything of the one is in the other.
fn is_kept(before: &State, after: &State) -> bool {
    before.organizations.iter().all(|(name, old)| {
        after.organizations.get(name).is_some_and(|new| {
            old.roles.keys().all(|role| new.roles.contains_key(role))
                && old.members.keys().all(|user| new.members.contains_key(user))
                && old
                    .groups
                    .iter()
                    .all(|(name, old)| new.groups.get(name).is_some_and(|new| old.members.is_subset(&new.members)))
        })
    }) && before.apps.keys().all(|app| after.apps.contains_key(app))
}

/// Whether what a file lists is all that there is, as far as that can be taken away.
fn is_pruned(wanted: &Wanted, after: &State) -> bool {
    let listed = |organization: &file::Organization| {
        let actual = &after.organizations[&organization.name];
        let roles = organization.roles.as_ref().is_none_or(|roles| roles.len() == actual.roles.len());
        let members = organization.members.as_ref().is_none_or(|members| {
            // Whoever applies the file stays.
            actual.members.iter().filter(|(user, _)| **user != after.me || members.contains_key(*user)).eq(members)
        });
        let groups = organization.groups.as_ref().is_none_or(|groups| {
            let may_go = |(name, group): &(&String, &Group)| {
                !group.everyone && !group.of_provider && !groups.iter().any(|wanted| wanted.name == **name)
            };
            let exact = |group: &file::Group| {
                group.members.as_ref().is_none_or(|members| *members == actual.groups[&group.name].members)
            };
            !actual.groups.iter().any(|entry| may_go(&entry)) && groups.iter().all(exact)
        });
        roles && members && groups
    };
    wanted.organizations.iter().all(listed) && wanted.apps.as_ref().is_none_or(|apps| apps.len() == after.apps.len())
}

/// Of a file by itself nothing is wrong: a role that is given is one that there is.
fn given_roles_are_there(wanted: &Wanted, state: &State) -> bool {
    wanted.organizations.iter().all(|organization| {
        let known = |role: &String| {
            role == "built-in"
                || organization.roles.iter().flatten().any(|wanted| wanted.name == *role)
                || state.organizations.get(&organization.name).is_some_and(|actual| actual.roles.contains_key(role))
        };
        organization.members.iter().flat_map(BTreeMap::values).flatten().all(known)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn each_change_can_be_done_in_its_turn_and_then_nothing_is_left_to_do(wanted in wanted(), before in state(), prune in any::<bool>()) {
        prop_assume!(given_roles_are_there(&wanted, &before));
        let Ok(planned) = plan(&wanted, &before, prune) else { return Ok(()) };
        let mut after = before.clone();
        for change in &planned.changes {
            prop_assert!(!change.words().is_empty() && !change.words().ends_with(": "), "{change:?}");
            carry_out(&mut after, change);
        }
        let again = plan(&wanted, &after, prune);
        prop_assert_eq!(again.as_ref().map(|again| &again.changes), Ok(&Vec::new()));
        if prune {
            prop_assert!(is_pruned(&wanted, &after), "{after:?}");
        } else {
            prop_assert!(is_kept(&before, &after), "{after:?}");
        }
    }

    #[test]
    fn what_stays_is_what_a_prune_would_take(wanted in wanted(), before in state()) {
        let (Ok(gently), Ok(pruned)) = (plan(&wanted, &before, false), plan(&wanted, &before, true)) else { return Ok(()) };
        let taken = pruned.changes.iter().map(|change| {
            if let Change::MoveMembers { remove, .. } = change { remove.len() } else { usize::from(change.sign() == '-') }
        });
        let taken: usize = taken.sum();
        prop_assert_eq!(gently.left.len(), taken + pruned.left.len());
    }
}

fn of_yaml(text: &str) -> Wanted {
    serde_saphyr::from_str::<Wanted>(text).unwrap().checked().unwrap()
}

fn defects(text: &str, state: &State, prune: bool) -> String {
    plan(&of_yaml(text), state, prune).unwrap_err().join("; ")
}

fn acme() -> State {
    let group = |everyone| Group { everyone, ..Group::default() };
    let acme = Organization {
        roles: BTreeMap::from([("reader".to_owned(), Role::default())]),
        groups: BTreeMap::from([("eng".to_owned(), group(false)), ("all".to_owned(), group(true))]),
        members: BTreeMap::from([("ann".to_owned(), BTreeSet::new())]),
        ..Organization::default()
    };
    let public = App { fields: Fields::from([("public".to_owned(), json!(true))]), ..App::default() };
    State {
        organizations: BTreeMap::from([("acme".to_owned(), acme)]),
        apps: BTreeMap::from([("cli".to_owned(), public)]),
        ..State::default()
    }
}

#[test]
fn what_cannot_be_is_told_before_anything_is_done() {
    let state = acme();
    for (text, prune, why) in [
        (
            "organizations: [{name: acme, groups: [{name: eng, members: [bob]}]}]",
            false,
            "bob is to be in the group eng",
        ),
        ("organizations: [{name: acme, members: {}, groups: [{name: eng, members: [ann]}]}]", true, "ann is to be in"),
        ("organizations: [{name: acme, groups: [{name: all, members: [ann]}]}]", false, "that of all its members"),
        ("organizations: [{name: acme, roles: [], members: {ann: [reader]}}]", true, "which is not among its roles"),
        ("organizations: [{name: acme, groups: [], sync: {groups: {mapping: {x: [eng]}}}}]", true, "group eng for x"),
        (
            "organizations: [{name: acme, roles: [], sync: {roles: {mapping: {x: [reader]}}}}]",
            true,
            "role reader for x",
        ),
        ("sync: {organizations: {mapping: {x: [beta]}}}", false, "organization beta for x"),
        ("apps: [{name: cli, public: false}]", false, "`public` of the app cli"),
    ] {
        let told = defects(text, &state, prune);
        assert!(told.contains(why), "{text}: {told}");
    }
    let fine =
        "organizations: [{name: acme, groups: [{name: eng, members: [ann]}], sync: {groups: {mapping: {x: [all]}}}}]";
    assert_eq!(plan(&of_yaml(fine), &state, true).unwrap().changes.len(), 2);
}

#[test]
fn what_a_role_does_not_say_stays() {
    let mut state = acme();
    let set = |permissions: &[&str]| permissions.iter().map(|&one| one.to_owned()).collect::<BTreeSet<_>>();
    let before = Role {
        display_name: "Reader".to_owned(),
        permissions: set(&["template:read", "!workspace:delete"]),
        own: set(&["workspace:read"]),
    };
    state.organizations.get_mut("acme").unwrap().roles.insert("reader".to_owned(), before.clone());
    let after = |role: &str| {
        let text = ["organizations: [{name: acme, roles: [", role, "]}]"].concat();
        match plan(&of_yaml(&text), &state, true).unwrap().changes.as_slice() {
            [] => before.clone(),
            [Change::EditRole { to, .. }] => to.clone(),
            other => panic!("{role}: {other:?}"),
        }
    };
    assert_eq!(after("{name: reader}"), before);
    assert_eq!(after("{name: reader, display_name: x}"), Role { display_name: "x".to_owned(), ..before.clone() });
    assert_eq!(after("{name: reader, own: []}"), Role { own: set(&[]), ..before.clone() });
    assert_eq!(after("{name: reader, permissions: []}"), Role { permissions: set(&[]), ..before.clone() });
}

#[test]
fn whoever_applies_a_file_neither_leaves_nor_changes_their_own_roles() {
    let mut state = acme();
    state.me = "ann".to_owned();
    let of = |state: &State, text: &str, prune| plan(&of_yaml(text), state, prune).unwrap();
    // They stay, also in groups, and the rest is done.
    let without = "organizations: [{name: acme, members: {bob: []}, groups: [{name: eng, members: [ann, bob]}]}]";
    let planned = of(&state, without, true);
    assert_eq!(planned.changes.len(), 2, "{planned:?}");
    assert_eq!(planned.left, ["the member ann of acme, who applies the file"]);
    let new = of(&state, "organizations: [{name: beta, members: {bob: []}}]", true);
    assert_eq!((new.changes.len(), new.left.len()), (2, 1), "{new:?}");
    // What they would have to do to themselves is told.
    for text in [
        "organizations: [{name: acme, members: {ann: [reader]}}]",
        "organizations: [{name: beta, members: {ann: [organization-admin], bob: []}}]",
    ] {
        let told = defects(text, &state, false);
        assert!(told.contains("nobody changes their own roles"), "{text}: {told}");
    }
    // A role that is deleted is gone from them by itself.
    let acme = state.organizations.get_mut("acme").unwrap();
    acme.members.insert("ann".to_owned(), BTreeSet::from(["reader".to_owned()]));
    let pruned = of(&state, "organizations: [{name: acme, roles: [], members: {ann: []}}]", true);
    assert_eq!(pruned.changes, [Change::DeleteRole { organization: "acme".to_owned(), name: "reader".to_owned() }]);
}

#[test]
fn what_a_file_does_not_speak_of_stays() {
    let quiet = plan(&of_yaml("organizations: [{name: acme}]"), &acme(), true).unwrap();
    assert_eq!(quiet, Plan::default());
}
