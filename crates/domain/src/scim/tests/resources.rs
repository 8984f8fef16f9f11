//! Bodies of POST and PUT (RFC 7644 3.3, 3.5.1).

use super::*;
use crate::scim::{ATTRIBUTE_TEXT_MAX, MEMBERS_MAX, VALUES_MAX};

#[test]
fn names_are_folded_and_values_get_their_types() {
    let user = USER
        .read(&json!({
            "USERNAME": "a",
            "Name": { "GIVENNAME": "b" },
            "active": "False",
            "emails": [{ "Value": "a@b", "Primary": "TRUE" }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user": { "Manager": "7" },
        }))
        .unwrap();
    assert_eq!(
        Value::from(user),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "userName": "a",
            "name": { "givenName": "b" },
            "active": false,
            "emails": [{ "value": "a@b", "primary": true }],
            ENTERPRISE: { "manager": { "value": "7" } },
        })
    );
}

#[test]
fn what_is_unknown_or_only_the_servers_is_left_out() {
    let user = USER
        .read(&json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:2.0:Other"],
            "id": "chosen",
            "meta": { "version": "1" },
            "groups": [{ "value": "admins" }],
            "userName": "a",
            "password": "secret",
            "roles": [{ "value": "owner" }],
            "entitlements": 7,
            "urn:example:2.0:Other": { "x": 1 },
            "name": { "nope": 1 },
            "emails": [],
            "title": null,
            "nickName": "",
            ENTERPRISE: { "department": null },
        }))
        .unwrap();
    assert_eq!(
        Value::from(user),
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a" })
    );
}

#[test]
fn all_defects_are_told_at_once() {
    let error = USER
        .read(&json!({
            "userName": 5,
            "active": "yes",
            "name": "Barbara",
            "emails": [{ "value": "a", "primary": true }, 7, { "value": false, "primary": true }],
            "title": "x".repeat(ATTRIBUTE_TEXT_MAX + 1),
            "nickName": "a\u{0}b",
            ENTERPRISE: { "department": 1, "manager": [] },
        }))
        .unwrap_err();
    assert_eq!(error.kind, ScimType::InvalidValue);
    let told: Vec<&str> = error.detail.split("; ").collect();
    for defect in [
        "userName: must be text",
        "active: must be true or false",
        "name: must be an object",
        "emails[1]: must be an object",
        "emails[2].value: must be text",
        "emails: must have at most one primary value",
        "title: must have at most 2048 characters",
        "nickName: must not have characters that do not show",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department: must be text",
    ] {
        assert!(told.contains(&defect), "{defect} is not in {told:?}");
    }
    assert_eq!(told.len(), 9, "{told:?}");
}

#[test]
fn what_is_required_must_be_there() {
    for body in [json!({}), json!({ "userName": null }), json!({ "userName": "" })] {
        let error = USER.read(&body).unwrap_err();
        assert_eq!((error.kind, error.detail.as_str()), (ScimType::InvalidValue, "userName: is required"));
    }
    let error = GROUP.read(&json!({ "members": [{ "display": "x", "type": "User" }] })).unwrap_err();
    assert_eq!(error.detail, "members[0].value: is required; displayName: is required");
}

#[test]
fn a_body_must_be_an_object_that_says_what_it_is() {
    for body in [json!([]), json!("x"), json!(null), json!({ "userName": "a", "schemas": "x" })] {
        assert_eq!(kind(USER.read(&body)), ScimType::InvalidSyntax, "{body}");
    }
    let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "userName": "a" });
    let error = USER.read(&group).unwrap_err();
    assert_eq!(error.detail, "schemas: must name `urn:ietf:params:scim:schemas:core:2.0:User`");
    assert!(USER.read(&json!({ "schemas": null, "userName": "a" })).is_ok());
    assert!(USER.read(&json!({ "schemas": [], "userName": "a" })).is_ok());
}

#[test]
fn names_that_differ_only_in_letter_case_are_refused() {
    let error = USER.read(&json!({ "userName": "a", "USERNAME": "b", "name": { "givenName": "x", "GivenName": "y" } }));
    let error = error.unwrap_err();
    assert_eq!(error.kind, ScimType::InvalidSyntax);
    assert!(error.detail.contains("userName: is there twice, in different letter case"), "{error}");
    assert!(error.detail.contains("name.givenName: is there twice"), "{error}");
    let upper = ENTERPRISE.to_uppercase();
    let body = json!({ "userName": "a", ENTERPRISE: { "division": "x" }, upper: { "division": "y" } });
    assert_eq!(kind(USER.read(&body)), ScimType::InvalidSyntax);
}

#[test]
fn numbers_of_values_are_limited_and_the_same_counts_once() {
    let emails = |number: usize| -> Value { (0..number).map(|n| json!({ "value": format!("{n}@b") })).collect() };
    assert!(USER.read(&json!({ "userName": "a", "emails": emails(VALUES_MAX) })).is_ok());
    let error = USER.read(&json!({ "userName": "a", "emails": emails(VALUES_MAX + 1) })).unwrap_err();
    assert_eq!(error.detail, "emails: must have at most 100 values");
    let members = vec![json!({ "value": "1" }); MEMBERS_MAX + 1];
    assert_eq!(kind(GROUP.read(&json!({ "displayName": "a", "members": members }))), ScimType::InvalidValue);
    let members = json!([{ "value": "1" }, { "value": "2" }, { "value": "1", "type": "User" }]);
    let mut group = GROUP.read(&json!({ "displayName": "a", "members": members })).unwrap();
    let ids: Vec<String> = group.take_members().into_iter().map(|member| member.value).collect();
    assert_eq!((ids, group.get("members")), (vec!["1".to_owned(), "2".to_owned()], None));
}

#[test]
fn many_defects_are_counted() {
    let emails = vec![json!(7); VALUES_MAX];
    let error = USER.read(&json!({ "userName": "a", "emails": emails })).unwrap_err();
    assert!(error.detail.ends_with("emails[19]: must be an object; and 80 more"), "{error}");
    // The kind is that of all of them, also of those that are only counted.
    let error = USER.read(&json!({ "userName": "a", "emails": emails, "title": "b", "TITLE": "c" })).unwrap_err();
    assert_eq!(error.kind, ScimType::InvalidSyntax);
    assert!(error.detail.ends_with("; and 81 more"), "{error}");
    let members = vec![json!({ "type": "User" }); MEMBERS_MAX];
    let error = GROUP.read(&json!({ "displayName": "a", "members": members })).unwrap_err();
    assert!(error.detail.starts_with("members[0].value: is required; members[1]"), "{error}");
    assert!(error.detail.ends_with("members[19].value: is required; and 49980 more"), "{error}");
}

#[test]
fn put_keeps_what_only_the_server_sets_and_nothing_else() {
    let stored = bjensen();
    let body = json!({ "id": "other", "userName": "babs", "groups": [], "meta": {} });
    let replaced = USER.replace(&stored, &body).unwrap();
    for name in ["id", "groups", "meta"] {
        assert_eq!(replaced.get(name), stored.get(name), "{name}");
    }
    assert_eq!(replaced.text("userName"), Some("babs"));
    assert_eq!(replaced.get("schemas"), Some(&json!(["urn:ietf:params:scim:schemas:core:2.0:User"])));
    assert_eq!(replaced.fields().len(), 5);
    assert_eq!(kind(USER.replace(&stored, &json!({ "active": true }))), ScimType::InvalidValue);
}

#[test]
fn the_primary_value_is_the_one_that_says_so_or_the_first() {
    let user = bjensen();
    assert_eq!(user.primary("emails").unwrap()["value"], "bjensen@example.com");
    assert_eq!(user.primary("phoneNumbers").unwrap()["value"], "555-555-5555");
    assert_eq!(user.primary("photos"), None);
}

#[test]
fn large_and_deep_bodies_are_refused_in_one_pass() {
    let long = json!({ "userName": "x".repeat(1 << 20) });
    assert_eq!(USER.read(&long).unwrap_err().detail, "userName: must have at most 2048 characters");
    let mut deep = json!("x");
    for _ in 0..120 {
        deep = json!({ "name": deep });
    }
    assert_eq!(USER.read(&json!({ "userName": "a", "name": deep })).unwrap().get("name"), None);
    let many: serde_json::Map<_, _> = (0..50_000).map(|n| (format!("unknown{n}"), json!([n]))).collect();
    assert_eq!(USER.read(&many.into()).unwrap_err().detail, "userName: is required");
}
