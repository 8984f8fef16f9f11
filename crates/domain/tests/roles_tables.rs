//! The tables against the JSON they are made from.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use doorward_domain::roles::{
    Action, BuiltIn, Kind, PermissionSet, ResourceType, Scope, SystemSubject, Vote, reserved_names,
};
use serde_json::Value;

fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// One permission per action, in the order of the data.
fn entries(groups: &Value) -> Vec<(bool, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let groups = groups.as_array().map(Vec::as_slice).unwrap_or_default();
    let group = |group: &Value| -> Vec<(bool, String, String)> {
        let actions = group["actions"].as_array().unwrap().iter();
        actions.map(|action| (group["negate"] == true, text(&group["resource"]), text(action))).collect()
    };
    groups.iter().flat_map(group).collect()
}

fn assert_same(grants: &PermissionSet, groups: &Value, place: &str) {
    let expected = entries(groups);
    let found = grants.permissions().iter();
    let found = found.map(|p| (p.negate, p.resource_name().to_owned(), p.action_name().to_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{place}");
    // The masks were made by the build, the named votes read the list.
    for resource in ResourceType::ALL {
        for action in Action::ALL {
            let matching = expected
                .iter()
                .filter(|(_, r, a)| (r == "*" || r == resource.as_str()) && (a == "*" || a == action.as_str()));
            let vote = matching.map(|(negate, ..)| if *negate { Vote::Deny } else { Vote::Allow }).max();
            assert_eq!(grants.vote(action, resource), vote.unwrap_or(Vote::Silent), "{place} {resource} {action}");
        }
    }
    assert_eq!(&PermissionSet::new(grants.permissions().to_vec()), grants, "{place}");
}

#[test]
fn every_built_in_role_is_the_one_of_the_data() {
    let roles = data(include_str!("../data/rbac-roles.json"));
    let roles = roles.as_array().unwrap();
    assert_eq!(roles.len(), 11);
    for (role, built) in roles.iter().zip(BuiltIn::all()) {
        assert_eq!(role["name"], built.name());
        assert_eq!(role["display_name"], built.display_name());
        assert_eq!(built.kind(), if role["kind"] == "site" { Kind::Site } else { Kind::Organization });
        assert_same(built.site(), &role["site"], built.name());
        assert_same(built.organization(), &role["org"], built.name());
        assert_same(built.user(), &role["user"], built.name());
    }
    let listed: Vec<&str> = BuiltIn::all().iter().filter(|role| !role.listed()).map(BuiltIn::name).collect();
    assert_eq!(listed, ["member", "organization-member"]);
}

#[test]
fn types_and_actions_are_those_of_the_data() {
    let resources = data(include_str!("../data/rbac-resources.json"));
    for (name, actions) in resources.as_object().unwrap() {
        let defined: Vec<&str> = name.parse::<ResourceType>().unwrap().actions().iter().map(|a| a.as_str()).collect();
        assert_eq!(data(&serde_json::to_string(&defined).unwrap()), *actions, "{name}");
    }
    assert_eq!(resources.as_object().unwrap().len(), ResourceType::COUNT);
    let extra = data(include_str!("../data/rbac-extra.json"));
    let actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(extra["actions"], Value::from(actions));
}

#[test]
fn scopes_reserved_names_and_internal_subjects_are_those_of_the_data() {
    let extra = data(include_str!("../data/rbac-extra.json"));
    for (name, scope) in extra["scopes"].as_object().unwrap() {
        let built = Scope::built_in(name).unwrap();
        assert_same(built.site(), &scope["site"], name);
        assert!(built.admits_every());
        assert_eq!(Scope::for_token(name).is_ok(), scope["assignable_to_tokens"] == true);
    }
    assert_eq!(extra["reserved_role_names"], Value::from(reserved_names().to_vec()));
    let subjects = extra["system_subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), SystemSubject::all().count());
    for (subject, built) in subjects.iter().zip(SystemSubject::all()) {
        assert_eq!(subject["subject"], built.name());
        assert_eq!(subject["role"], built.role());
        assert_same(built.site(), &subject["site"], built.name());
        assert_same(built.user(), &subject["user"], built.name());
        let id = built.subject().id().to_string();
        assert!(subject["id"] == id || built.needs_owner() && id.is_empty());
    }
}
