//! PATCH of users (RFC 7644 3.5.2).

use super::*;
use crate::scim::{Filter, OPERATIONS_MAX, Op, PatchPath, VALUES_MAX};

fn email(user: &Resource, at: usize) -> &Value {
    &user.get("emails").unwrap()[at]
}

#[test]
fn paths_of_the_rfc_are_read_and_printed() {
    for text in [
        "members",
        "name.familyName",
        r#"addresses[type eq "work"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
        r#"addresses[type eq "work"].streetAddress"#,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        r#"emails[type eq "work" and not (primary eq true)].value"#,
    ] {
        assert_eq!(text.parse::<PatchPath>().unwrap().to_string(), text);
    }
    for text in
        ["", "emails[", "emails[]", "emails[type eq \"x\"", "emails[type eq \"x\"].", "a.b[c pr]", "a pr", "a[b pr]c"]
    {
        assert!(text.parse::<PatchPath>().is_err(), "{text}");
    }
    assert!(
        format!("emails[{}", "(".repeat(8_000)).parse::<PatchPath>().unwrap_err().to_string().contains("32 levels")
    );
}

#[test]
fn add_without_a_path_appends_values_and_sets_attributes() {
    let value = json!({ "emails": [{ "value": "babs@home.example", "type": "other" }], "nickname": "B" });
    let user = patch_user(&bjensen(), json!([{ "op": "add", "value": value }])).unwrap();
    assert_eq!(user.get("emails").unwrap().as_array().unwrap().len(), 3);
    assert_eq!(email(&user, 2), &json!({ "value": "babs@home.example", "type": "other" }));
    assert_eq!(user.text("nickName"), Some("B"));
}

#[test]
fn adding_what_is_there_changes_nothing() {
    let user = bjensen();
    for operation in [
        json!({ "op": "add", "path": "emails", "value": [{ "value": "BABS@jensen.org", "type": "home" }] }),
        json!({ "op": "add", "path": "title", "value": "Tour Guide" }),
        json!({ "op": "add", "path": "title", "value": null }),
        json!({ "op": "add", "path": "emails", "value": [] }),
        json!({ "op": "replace", "path": "active", "value": "True" }),
    ] {
        let patched = patch_user(&user, json!([operation])).unwrap();
        assert_eq!(patched.get("emails").unwrap().as_array().unwrap().len(), 2);
        assert_eq!((patched.get("title"), patched.get("active")), (user.get("title"), user.get("active")));
    }
}

#[test]
fn replace_by_filter_exchanges_the_values_that_match() {
    let value = json!({
        "type": "work",
        "streetAddress": "911 Universal City Plaza",
        "locality": "Hollywood",
        "primary": true
    });
    let operation = json!({ "op": "replace", "path": "addresses[type eq \"work\"]", "value": value });
    let user = patch_user(&bjensen(), json!([operation])).unwrap();
    assert_eq!(user.get("addresses").unwrap()[0], value);
    assert_eq!(user.get("addresses").unwrap()[1]["type"], "home");

    // Without a type it keeps the one that was asked for.
    let operation = json!({ "op": "replace", "path": "addresses[type eq \"work\"]", "value": { "locality": "LA" } });
    let user = patch_user(&bjensen(), json!([operation])).unwrap();
    assert_eq!(user.get("addresses").unwrap()[0], json!({ "type": "work", "locality": "LA" }));

    let operation =
        json!({ "op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave" });
    let user = patch_user(&bjensen(), json!([operation])).unwrap();
    assert_eq!(user.get("addresses").unwrap()[0]["streetAddress"], "1010 Broadway Ave");
    assert_eq!(user.get("addresses").unwrap()[0]["locality"], "Hollywood");
}

#[test]
fn replace_without_a_path_replaces_lists_and_merges_objects() {
    let value = json!({
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" }
        ],
        "nickname": "Babs",
        "name": { "givenName": "Babs", "middleName": null }
    });
    let user = patch_user(&bjensen(), json!([{ "op": "replace", "value": value }])).unwrap();
    assert_eq!(user.get("emails"), Some(&value["emails"]));
    let name = user.get("name").unwrap();
    assert_eq!((&name["givenName"], &name["familyName"]), (&json!("Babs"), &json!("Jensen")));
    assert_eq!(name.get("middleName"), None);
}

#[test]
fn remove_takes_attributes_parts_and_values_away() {
    let remove = |path: &str| patch_user(&bjensen(), json!([{ "op": "remove", "path": path }])).unwrap();
    assert_eq!(remove("title").get("title"), None);
    assert_eq!(remove("emails").get("emails"), None);
    assert_eq!(remove("name.middleName").get("name").unwrap().get("middleName"), None);
    let user = remove(r#"emails[type eq "work" and value ew "example.com"]"#);
    assert_eq!(user.get("emails"), Some(&json!([{ "value": "babs@jensen.org", "type": "home" }])));
    assert_eq!(remove(r#"emails[type eq "pager"]"#), bjensen());
    // Nothing is left of the value but what it was for.
    assert_eq!(remove(r#"emails[type eq "home"].value"#).get("emails").unwrap().as_array().unwrap().len(), 1);
    assert_eq!(remove("emails.display"), bjensen());
    let user = remove(&format!("{ENTERPRISE}:manager"));
    assert_eq!(user.get(ENTERPRISE).unwrap().get("manager"), None);
    let user = remove(ENTERPRISE);
    assert_eq!(user.get(ENTERPRISE), None);
    assert_eq!(user.get("schemas"), Some(&json!(["urn:ietf:params:scim:schemas:core:2.0:User"])));
}

#[test]
fn remove_with_a_value_takes_that_value_away() {
    let operation = json!({ "op": "remove", "path": "emails", "value": [{ "value": "babs@jensen.org" }] });
    let user = patch_user(&bjensen(), json!([operation])).unwrap();
    assert_eq!(user.get("emails").unwrap().as_array().unwrap().len(), 1);
    assert_eq!(email(&user, 0)["type"], "work");
}

#[test]
fn a_value_that_becomes_primary_is_the_only_one() {
    for operation in [
        json!({ "op": "add", "path": "emails", "value": { "value": "c@d", "primary": true } }),
        json!({ "op": "add", "path": "emails", "value": [{ "value": "babs@jensen.org", "type": "home", "primary": true }] }),
        json!({ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True" }),
        json!({ "op": "add", "path": "emails[type eq \"home\"]", "value": { "primary": true } }),
        json!({ "op": "add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "c@d" }),
    ] {
        let user = patch_user(&bjensen(), json!([operation])).unwrap();
        let emails = user.get("emails").unwrap().as_array().unwrap();
        let primary: Vec<bool> = emails.iter().map(|email| email["primary"] == true).collect();
        assert_eq!(primary.iter().filter(|primary| **primary).count(), 1, "{operation}");
        assert_eq!((primary[0], &emails[0]["primary"]), (false, &json!(false)), "{operation}");
    }
    for operation in [
        json!({ "op": "replace", "path": "emails.primary", "value": true }),
        json!({ "op": "add", "path": "emails", "value": [{ "value": "1", "primary": true }, { "value": "2", "primary": true }] }),
    ] {
        assert_eq!(kind(patch_user(&bjensen(), json!([operation]))), ScimType::InvalidValue, "{operation}");
    }
}

#[test]
fn refusals_have_the_kinds_of_the_rfc() {
    for (operation, expected) in [
        (json!({ "op": "remove" }), ScimType::NoTarget),
        (json!({ "op": "remove", "path": "" }), ScimType::NoTarget),
        (
            json!({ "op": "replace", "path": "emails[type eq \"other\"]", "value": { "value": "x" } }),
            ScimType::NoTarget,
        ),
        (json!({ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "x" }), ScimType::NoTarget),
        (json!({ "op": "add", "path": "emails[type sw \"other\"].value", "value": "x" }), ScimType::NoTarget),
        (json!({ "op": "add", "path": "emails[nope eq \"other\"].value", "value": "x" }), ScimType::NoTarget),
        (json!({ "op": "replace", "path": "id", "value": "x" }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "meta" }), ScimType::Mutability),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "x" }] }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "meta.version", "value": "x" }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "schemas", "value": [] }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "userName" }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "userName", "value": "" }), ScimType::Mutability),
        (json!({ "op": "add", "path": "nope", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": format!("{USER_URN}:nope"), "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": format!("{ENTERPRISE}:nope"), "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": USER_URN, "value": {} }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "name.nope", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "emails[type eq \"work\"].nope", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "title[type eq \"work\"]", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "emails[type eq work]", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "emails[primary gt true].value", "value": "x" }), ScimType::InvalidFilter),
        (json!({ "op": "add", "path": "title" }), ScimType::InvalidValue),
        (json!({ "op": "replace" }), ScimType::InvalidValue),
        (json!({ "op": "replace", "value": "x" }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": "active", "value": "maybe" }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": "emails", "value": 7 }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": ENTERPRISE, "value": 7 }), ScimType::InvalidValue),
        (json!({ "op": "move", "path": "title" }), ScimType::InvalidSyntax),
        (json!({ "path": "title" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "path": 7, "value": "x" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "OP": "add", "path": "title", "value": "x" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "value": { "title": "x", "TITLE": "y" } }), ScimType::InvalidSyntax),
        (json!("add"), ScimType::InvalidSyntax),
    ] {
        let good = json!({ "op": "add", "path": "title", "value": "x" });
        let error = patch_user(&bjensen(), json!([good, operation])).unwrap_err();
        assert_eq!(error.kind, expected, "{operation}: {error}");
        assert!(error.detail.starts_with("operation 2: "), "{error}");
    }
}

#[test]
fn what_is_meant_for_other_servers_keeps_nothing_from_being_done() {
    for operation in [
        json!({ "op": "add", "path": "roles", "value": [{ "value": "r" }] }),
        json!({ "op": "Add", "path": "roles[primary eq \"True\"].value", "value": "{\"id\":\"1\"}" }),
        json!({ "op": "replace", "path": "Entitlements", "value": [] }),
        json!({ "op": "remove", "path": "ims[type eq \"xmpp\"]" }),
        json!({ "op": "replace", "path": "x509Certificates.value", "value": 7 }),
        json!({ "op": "replace", "path": "password", "value": "t1meMa$heen" }),
        json!({ "op": "replace", "path": format!("{USER_URN}:password"), "value": "x" }),
        json!({ "op": "replace", "path": format!("{USER_URN}.password"), "value": "x" }),
        json!({
            "op": "add", "path": "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag", "value": "x"
        }),
        json!({
            "op": "add", "path": "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User", "value": { "tag": 1 }
        }),
        json!({ "op": "remove", "path": "urn:nope:title[type eq \"x\"].value" }),
    ] {
        let off = json!({ "op": "replace", "path": "active", "value": false });
        let mut expected = bjensen();
        expected.insert("active", false);
        assert_eq!(patch_user(&bjensen(), json!([operation, off])).unwrap(), expected, "{operation}");
    }
    let operation = json!({ "op": "add", "path": "roles", "value": [] });
    let patch = Patch::read(&json!({ "Operations": [operation] })).unwrap();
    let group = GROUP.read(&json!({ "displayName": "a" })).unwrap();
    assert_eq!(kind(patch.apply(&GROUP, &group)), ScimType::InvalidPath);
}

#[test]
fn bodies_that_are_no_patch_are_refused() {
    let op = json!({ "op": "remove", "path": "title" });
    for body in [
        json!([]),
        json!({}),
        json!({ "Operations": [] }),
        json!({ "Operations": op }),
        json!({ "schemas": ["urn:example"], "Operations": [op] }),
        json!({ "Operations": [op], "operations": [op] }),
        json!({ "Operations": vec![op.clone(); OPERATIONS_MAX + 1] }),
    ] {
        assert_eq!(kind(Patch::read(&body)), ScimType::InvalidSyntax, "{body}");
    }
    assert!(Patch::read(&json!({ "operations": [op] })).is_ok());
}

#[test]
fn a_plain_object_means_its_active() {
    let patch = Patch::read(&json!({ "schemas": ["x"], "userName": "other", "active": false })).unwrap();
    assert_eq!((patch.operations.len(), patch.operations[0].op), (1, Op::Replace));
    let patched = patch.apply(&USER, &bjensen()).unwrap().resource;
    assert_eq!(patched.get("active"), Some(&json!(false)));
    assert_eq!(patched.text("userName"), Some("bjensen@example.com"));
}

#[test]
fn the_active_of_a_plain_object_must_be_true_or_false() {
    for active in [Value::Null, json!(""), json!("no"), json!(0), json!([false]), json!({ "value": false })] {
        let error = Patch::read(&json!({ "userName": "a", "active": active })).unwrap_err();
        assert_eq!(
            (error.kind, error.detail.as_str()),
            (ScimType::InvalidValue, "active: must be true or false"),
            "{active}"
        );
    }
    for (active, expected) in [(json!(true), true), (json!("TRUE"), true), (json!("False"), false)] {
        let patch = Patch::read(&json!({ "active": active })).unwrap();
        let patched = patch.apply(&USER, &bjensen()).unwrap().resource;
        assert_eq!(patched.get("active"), Some(&json!(expected)), "{active}");
    }
}

#[test]
fn numbers_of_values_stay_limited() {
    let more: Vec<Value> = (0..VALUES_MAX).map(|n| json!({ "value": format!("{n}@b") })).collect();
    let error = patch_user(&bjensen(), json!([{ "op": "add", "path": "emails", "value": more }])).unwrap_err();
    assert_eq!(error.detail, "operation 1: `emails` must have at most 100 values");
}

#[test]
fn operations_see_what_those_before_them_did() {
    let operations = json!([
        { "op": "remove", "path": "emails" },
        { "op": "add", "path": "emails[type eq \"work\"].value", "value": "a@b" },
        { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "c@d" },
    ]);
    let user = patch_user(&bjensen(), operations).unwrap();
    assert_eq!(user.get("emails"), Some(&json!([{ "type": "work", "value": "c@d" }])));
}

#[test]
fn a_filter_of_a_megabyte_is_refused_before_it_is_read() {
    let path = format!("emails[value eq \"{}\"]", "x".repeat(1 << 20));
    let error = patch_user(&bjensen(), json!([{ "op": "remove", "path": path }])).unwrap_err();
    assert_eq!(error.detail, "operation 1: path: a filter may have at most 8192 bytes");
    assert!("x".repeat(9_000).parse::<Filter>().is_err());
}
