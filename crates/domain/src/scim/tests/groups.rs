//! PATCH of the members of groups.

use super::*;
use crate::scim::{CONDITIONS_MAX, Difference, MEMBERS_MAX, Member, MembershipChange, TERMS_MAX};

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
fn a_member_whose_type_was_not_said_is_a_user() {
    let current = [member("a"), Member { kind: Some("User".to_owned()), ..member("b") }];
    for (filter, removed) in [
        ("type ne \"User\"", texts(&[])),
        ("not (type pr)", texts(&[])),
        ("type eq null", texts(&[])),
        ("type eq \"user\"", texts(&["a", "b"])),
        ("type ne \"Group\" and value ne \"b\"", texts(&["a"])),
    ] {
        let path = format!("members[{filter}]");
        let patched = patch_group(json!([{ "op": "remove", "path": path }])).unwrap();
        assert_eq!(patched.members.difference(&current).removed, removed, "{filter}");
    }
}

#[test]
fn a_filter_on_what_members_do_not_have_is_refused() {
    for filter in [
        "$ref ne \"x\"",
        "$REF eq \"https://example.com/scim/v2/Users/a\"",
        "value eq \"a\" or not ($ref pr)",
        "value ne \"a\" and (display pr or $ref eq null)",
        "kind ne \"User\"",
        "value.sub ne \"x\"",
    ] {
        let error = patch_group(json!([{ "op": "remove", "path": format!("members[{filter}]") }])).unwrap_err();
        assert_eq!(error.kind, ScimType::InvalidFilter, "{filter}: {error}");
        assert!(
            error.detail.starts_with("operation 1: members are selected by their value, type and display"),
            "{error}"
        );
    }
}

#[test]
fn removals_by_a_condition_are_limited() {
    let by_name = || json!({ "op": "remove", "path": "members[display eq \"A\"]" });
    let by_id = || json!({ "op": "remove", "path": "members[value eq \"a\"]" });
    let mut operations = vec![by_id(); CONDITIONS_MAX];
    operations.extend(vec![by_name(); CONDITIONS_MAX]);
    assert_eq!(steps(operations.clone().into()).len(), 2 * CONDITIONS_MAX);
    operations.push(by_name());
    let error = patch_group(operations.into()).unwrap_err();
    assert_eq!(error.kind, ScimType::TooMany);
    assert_eq!(error.detail, "operation 33: a request must remove members by a condition at most 16 times");
}

#[test]
fn comparisons_in_removals_by_a_condition_are_limited_in_all() {
    let removal = |terms: usize| {
        let filter = vec!["display eq \"A\""; terms].join(" or ");
        json!({ "op": "remove", "path": format!("members[{filter}]") })
    };
    assert_eq!(steps(json!([removal(TERMS_MAX - 1), removal(1)])).len(), 2);
    let error = patch_group(json!([removal(TERMS_MAX), removal(1)])).unwrap_err();
    assert_eq!(error.kind, ScimType::TooMany);
    assert!(
        error.detail.starts_with("operation 2: ") && error.detail.ends_with("at most 200 comparisons in all"),
        "{error}"
    );
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
