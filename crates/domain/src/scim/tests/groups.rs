//! PATCH of the members of groups.

use super::*;
use crate::scim::{Difference, MEMBERS_MAX, Member, MembershipChange};

fn member(id: &str) -> Member {
    Member { value: id.to_owned(), kind: None, display: None }
}

fn members(ids: &[&str]) -> Vec<Member> {
    ids.iter().map(|id| member(id)).collect()
}

fn texts(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn steps(operations: Value) -> Vec<MembershipChange> {
    patch_group(operations).unwrap().members.steps().to_vec()
}

#[test]
fn members_are_added_and_removed_without_reading_them() {
    for (operation, expected) in [
        (
            json!({ "op": "add", "path": "members", "value": [{ "value": "a", "display": "A" }, { "value": "b" }] }),
            MembershipChange::Add(members(&["a", "b"])),
        ),
        (json!({ "op": "add", "path": "members", "value": { "value": "a" } }), MembershipChange::Add(members(&["a"]))),
        (json!({ "op": "add", "path": "members", "value": ["a"] }), MembershipChange::Add(members(&["a"]))),
        (json!({ "op": "add", "value": { "members": [{ "value": "a" }] } }), MembershipChange::Add(members(&["a"]))),
        (json!({ "op": "remove", "path": "members[value eq \"a\"]" }), MembershipChange::Remove(texts(&["a"]))),
        (
            json!({ "op": "remove", "path": "members[VALUE eq \"a\" or value EQ \"b\"]" }),
            MembershipChange::Remove(texts(&["a", "b"])),
        ),
        (
            json!({ "op": "remove", "path": "members", "value": [{ "value": "a" }] }),
            MembershipChange::Remove(texts(&["a"])),
        ),
        (json!({ "op": "remove", "path": "members" }), MembershipChange::RemoveAll),
        (
            json!({ "op": "replace", "path": "members", "value": [{ "value": "a" }] }),
            MembershipChange::ReplaceAll(members(&["a"])),
        ),
        (json!({ "op": "replace", "path": "members", "value": [] }), MembershipChange::RemoveAll),
        (json!({ "op": "replace", "value": { "members": null } }), MembershipChange::RemoveAll),
    ] {
        let patched = patch_group(json!([operation])).unwrap();
        assert_eq!(patched.members.steps(), [expected], "{operation}");
        assert_eq!(patched.resource, tour_guides(), "{operation}");
    }
}

#[test]
fn an_empty_list_names_nobody() {
    for operation in [
        json!({ "op": "remove", "path": "members", "value": [] }),
        json!({ "op": "add", "path": "members", "value": [] }),
        json!({ "op": "add", "value": { "members": [] } }),
    ] {
        assert!(steps(json!([operation])).is_empty(), "{operation}");
    }
}

#[test]
fn the_last_word_about_each_member_counts() {
    let patched = patch_group(json!([
        { "op": "add", "path": "members", "value": [{ "value": "a" }, { "value": "b" }, { "value": "c" }] },
        { "op": "remove", "path": "members[value eq \"b\"]" },
        { "op": "remove", "path": "members[value eq \"d\"]" },
        { "op": "add", "path": "members", "value": [{ "value": "d" }] },
    ]))
    .unwrap();
    let net = Difference { added: members(&["a", "c", "d"]), removed: texts(&["b"]) };
    assert_eq!(patched.members.net(), Some(net));
    let difference = Difference { added: members(&["c", "d"]), removed: texts(&["b"]) };
    assert_eq!(patched.members.difference(&members(&["a", "b", "e"])), difference);
}

#[test]
fn what_needs_the_members_says_so() {
    let all = [("replace", json!([{ "value": "a" }, { "value": "b" }])), ("remove", Value::Null)];
    for (op, value) in all {
        let patched = patch_group(json!([
            { "op": "add", "path": "members", "value": [{ "value": "z" }] },
            { "op": op, "path": "members", "value": value },
            { "op": "add", "path": "members", "value": [{ "value": "x" }] },
        ]))
        .unwrap();
        assert_eq!((patched.members.steps().len(), patched.members.net()), (2, None));
        let difference = patched.members.difference(&members(&["b", "c"]));
        let ids: Vec<&str> = difference.added.iter().map(|member| &*member.value).collect();
        if op == "replace" {
            assert_eq!((ids, difference.removed), (vec!["a", "x"], texts(&["c"])));
        } else {
            assert_eq!((ids, difference.removed), (vec!["x"], texts(&["b", "c"])));
        }
    }
}

#[test]
fn members_can_be_removed_by_kind_and_name() {
    let path = "members[type eq \"User\" and display sw \"b\"]";
    let patched = patch_group(json!([{ "op": "remove", "path": path }])).unwrap();
    let [MembershipChange::RemoveWhere(condition)] = patched.members.steps() else { panic!() };
    let named = |id: &str, display: &str| Member {
        kind: Some("User".to_owned()),
        display: Some(display.to_owned()),
        ..member(id)
    };
    assert!(named("1", "Babs").meets(condition));
    assert!(!named("2", "Alice").meets(condition));
    assert!(!member("3").meets(condition));
    let current = [named("1", "Babs"), named("2", "Alice"), member("3")];
    assert_eq!(patched.members.net(), None);
    assert_eq!(patched.members.difference(&current), Difference { added: Vec::new(), removed: texts(&["1"]) });
}

#[test]
fn members_change_as_a_whole() {
    for (operation, expected) in [
        (
            json!({ "op": "replace", "path": "members[value eq \"a\"]", "value": { "value": "b" } }),
            ScimType::Mutability,
        ),
        (json!({ "op": "replace", "path": "members[value eq \"a\"].type", "value": "User" }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "members[value eq \"a\"].display", "value": "A" }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "members.value" }), ScimType::Mutability),
        (json!({ "op": "add", "path": "members", "value": [{ "type": "User" }] }), ScimType::InvalidValue),
        (json!({ "op": "add", "path": "members", "value": 7 }), ScimType::InvalidValue),
        (json!({ "op": "remove", "path": "members[value gt true]" }), ScimType::InvalidFilter),
        (json!({ "op": "remove", "path": "members[nope]" }), ScimType::InvalidPath),
        (json!({ "op": "remove", "path": "displayName" }), ScimType::Mutability),
    ] {
        assert_eq!(kind(patch_group(json!([operation]))), expected, "{operation}");
    }
}

#[test]
fn one_of_fifty_thousand_is_added_by_one_step() {
    let half: Vec<Value> = (0..MEMBERS_MAX / 2).map(|n| json!({ "value": n.to_string() })).collect();
    let rest: Vec<Value> = (MEMBERS_MAX / 2..MEMBERS_MAX).map(|n| json!({ "value": n.to_string() })).collect();
    let add = |value: Vec<Value>| json!({ "op": "add", "path": "members", "value": value });
    let patched = patch_group(json!([add(half.clone()), add(rest.clone())])).unwrap();
    assert_eq!(patched.members.net().unwrap().added.len(), MEMBERS_MAX);
    let one_more = json!([add(half), add(rest), add(vec![json!({ "value": "x" })])]);
    assert_eq!(patch_group(one_more).unwrap_err().detail, "operation 3: a request must name at most 50000 members");
}

#[test]
fn members_that_are_in_the_resource_stay_as_they_are() {
    let group = GROUP.read(&json!({ "displayName": "A", "members": [{ "value": "1" }] })).unwrap();
    let patch = patch_op(json!([{ "op": "add", "path": "members", "value": [{ "value": "2" }] }]));
    let patched = Patch::read(&patch).unwrap().apply(&GROUP, &group).unwrap();
    assert_eq!(patched.resource, group);
    assert_eq!(serde_json::to_value(member("2")).unwrap(), json!({ "value": "2" }));
}
