//! What large providers send, byte by byte, as their documentation shows it.

use super::*;
use crate::scim::{Difference, Filter, Member, MembershipChange};

fn patch(kind: &'static crate::scim::ResourceType, resource: &Resource, body: &str) -> Result<Patched, ScimError> {
    Patch::read(&serde_json::from_str(body).unwrap())?.apply(kind, resource)
}

fn user(body: &str) -> Resource {
    patch(&USER, &bjensen(), body).unwrap().resource
}

fn entra_user() -> Resource {
    let body = r#"{
    "schemas": [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
    "active": true,
    "emails": [{
        "primary": true,
        "type": "work",
        "value": "Test_User_11bb11bb-cc22-dd33-ee44-55ff55ff55ff@testuser.com"
    }],
    "meta": {
        "resourceType": "User"
    },
    "name": {
        "formatted": "givenName familyName",
        "familyName": "familyName",
        "givenName": "givenName"
    },
    "roles": []
}"#;
    USER.read(&serde_json::from_str(body).unwrap()).unwrap()
}

#[test]
fn entra_creates_users() {
    let user = entra_user();
    assert_eq!(user.text("externalId"), Some("0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"));
    assert_eq!(user.get("active"), Some(&json!(true)));
    assert_eq!((user.get("roles"), user.get("meta")), (None, None));
}

#[test]
fn entra_looks_for_users() {
    let user = entra_user();
    for (text, expected) in [
        (r#"userName eq "Test_User_00aa00aa-bb11-cc22-dd33-44ee44ee44ee""#, true),
        (r#"userName eq "non-existent user""#, false),
        (r#"externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef""#, true),
        (r#"emails[type eq "work"].value eq "Test_User_11bb11bb-cc22-dd33-ee44-55ff55ff55ff@testuser.com""#, true),
        (r#"emails[type eq "work"].value eq "user@contoso.com""#, false),
    ] {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.resolve(&USER).unwrap().matches(&user), expected, "{text}");
    }
}

#[test]
fn entra_updates_users() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [
            {
            "op": "Replace",
            "path": "emails[type eq \"work\"].value",
            "value": "updatedEmail@microsoft.com"
            },
            {
            "op": "Replace",
            "path": "name.familyName",
            "value": "updatedFamilyName"
            }
    ]
}"#;
    let user = patch(&USER, &entra_user(), body).unwrap().resource;
    let email = json!({ "primary": true, "type": "work", "value": "updatedEmail@microsoft.com" });
    assert_eq!(user.get("emails"), Some(&json!([email])));
    assert_eq!(user.get("name").unwrap()["familyName"], "updatedFamilyName");
    assert_eq!(user.get("name").unwrap()["givenName"], "givenName");
}

#[test]
fn entra_disables_users_by_text_or_boolean() {
    let by_text = r#"{
    "schemas": [
        "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    ],
    "Operations": [
        {
            "op": "Replace",
            "path": "active",
            "value": "False"
        }
    ]
  }"#;
    let by_boolean = r#"{"Operations":[{"op":"Replace","path":"active","value":false}],
        "schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}"#;
    for body in [by_text, by_boolean] {
        assert_eq!(user(body).get("active"), Some(&json!(false)));
    }
}

#[test]
fn entra_replaces_several_attributes_with_paths_as_keys() {
    let body = r#"{
    "schemas": [
        "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    ],
    "Operations": [
        {
            "op": "replace",
            "path": "emails[type eq \"work\"].value",
            "value": "TestMhvaes@test.microsoft.com"
        },
        {
            "op": "replace",
            "value": {
                "displayName": "Bjfe",
                "name.givenName": "Kkom",
                "name.familyName": "Unua",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "Aklq"
            }
        }
    ]
  }"#;
    let user = user(body);
    assert_eq!(user.get("emails").unwrap()[0]["value"], "TestMhvaes@test.microsoft.com");
    assert_eq!(user.text("displayName"), Some("Bjfe"));
    let name = user.get("name").unwrap();
    assert_eq!(
        (&name["givenName"], &name["familyName"], &name["middleName"]),
        (&json!("Kkom"), &json!("Unua"), &json!("Jane"))
    );
    assert_eq!(user.get(ENTERPRISE).unwrap()["employeeNumber"], "Aklq");
    assert_eq!(user.get(ENTERPRISE).unwrap()["costCenter"], "4130");
    assert_eq!(user.get("name.givenName"), None);
}

#[test]
fn entra_adds_values_that_are_not_there() {
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
        {"op":"Add","path":"emails[type eq \"work\"].value","value":"user@joe.com"},
        {"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"555 0100"},
        {"op":"Add","path":"addresses[type eq \"work\"].country","value":"DE"},
        {"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Berlin"},
        {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"2819c223"},
        {"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Sales"},
        {"op":"Add","path":"nickName","value":"Babs"}]}"#;
    let empty = USER.read(&json!({ "userName": "joe" })).unwrap();
    assert_eq!(
        Value::from(patch(&USER, &empty, body).unwrap().resource),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "userName": "joe",
            "emails": [{ "type": "work", "value": "user@joe.com" }],
            "phoneNumbers": [{ "type": "mobile", "value": "555 0100" }],
            "addresses": [{ "type": "work", "country": "DE", "locality": "Berlin" }],
            "nickName": "Babs",
            ENTERPRISE: { "manager": { "value": "2819c223" }, "department": "Sales" },
        })
    );
}

#[test]
fn entra_writes_primary_as_text_and_paths_as_keys_of_new_values() {
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
        {"op":"add","value":{"phoneNumbers[type eq \"fax\"].value":"1","emails[primary eq \"True\"].value":"new@x"}}]}"#;
    let user = user(body);
    assert_eq!(user.get("phoneNumbers").unwrap()[2], json!({ "type": "fax", "value": "1" }));
    assert_eq!(user.get("emails").unwrap()[0]["value"], "new@x");
}

#[test]
fn entra_of_2018_wraps_values() {
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
        {"op":"Replace","path":"displayName","value":[{"$ref":null,"value":"User x"}]},
        {"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department","value":"IT"}]}"#;
    let user = user(body);
    assert_eq!(user.text("displayName"), Some("User x"));
    assert_eq!(user.get(ENTERPRISE).unwrap()["department"], "IT");
}

#[test]
fn entra_creates_and_renames_groups() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
    "displayName": "displayName",
    "meta": {
        "resourceType": "Group"
    }
}"#;
    let group = GROUP.read(&serde_json::from_str(body).unwrap()).unwrap();
    assert_eq!(group.text("externalId"), Some("8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"));
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{
        "op": "Replace",
        "path": "displayName",
        "value": "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName"
    }]
}"#;
    let renamed = patch(&GROUP, &group, body).unwrap();
    assert_eq!(renamed.resource.text("displayName"), Some("1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName"));
    assert!(renamed.members.is_empty());
}

#[test]
fn entra_adds_and_removes_members() {
    let body = |op: &str| {
        format!(
            r#"{{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{{
        "op": "{op}",
        "path": "members",
        "value": [{{
            "$ref": null,
            "value": "f648f8d5ea4e4cd38e9c"
        }}]
    }}]
}}"#
        )
    };
    let id = "f648f8d5ea4e4cd38e9c".to_owned();
    let added = patch(&GROUP, &tour_guides(), &body("Add")).unwrap();
    let member = Member { value: id.clone(), kind: None, display: None };
    assert_eq!(added.members.net(), Some(Difference { added: vec![member], removed: Vec::new() }));
    let removed = patch(&GROUP, &tour_guides(), &body("Remove")).unwrap();
    assert_eq!(removed.members.net(), Some(Difference { added: Vec::new(), removed: vec![id] }));
    let body = r#"{
    "schemas": [
        "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    ],
    "Operations": [
        {
            "op": "remove",
            "path": "members[value eq \"7f4bc1a3-285e-48ae-8202-5accb43efb0e\"]"
        }
    ]
  }"#;
    let removed = patch(&GROUP, &tour_guides(), body).unwrap().members.net().unwrap().removed;
    assert_eq!(removed, ["7f4bc1a3-285e-48ae-8202-5accb43efb0e"]);
}

#[test]
fn okta_creates_users() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "test.user@okta.local",
    "name": {
        "givenName": "Test",
        "familyName": "User"
    },
    "emails": [{
        "primary": true,
        "value": "test.user@okta.local",
        "type": "work"
    }],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": true
}"#;
    let user = USER.read(&serde_json::from_str(body).unwrap()).unwrap();
    assert_eq!(user.text("userName"), Some("test.user@okta.local"));
    assert!(!Value::from(user).to_string().contains("1mz050nq"));
    let filter: Filter = r#"userName eq "test.user@okta.local""#.parse().unwrap();
    assert!(filter.resolve(&USER).is_ok());
}

#[test]
fn okta_deactivates_users_and_syncs_passwords_without_a_path() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{
        "op": "replace",
        "value": {
            "active": false
        }
    }]
}"#;
    let deactivated = user(body);
    assert_eq!(deactivated.get("active"), Some(&json!(false)));
    assert_eq!(deactivated.fields().len(), bjensen().fields().len());
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations":[{"op":"replace","value":{"password":"1mz050nq"}}]}"#;
    assert_eq!(user(body), bjensen());
}

#[test]
fn okta_replaces_users() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "23a35c27-23d3-4c03-b4c5-6443c09e7173",
    "userName": "test.user@okta.local",
    "name": {
        "givenName": "Another",
        "middleName": "",
        "familyName": "User"
    },
    "emails": [{
        "primary": true,
        "value": "test.user@okta.local",
        "type": "work",
        "display": "test.user@okta.local"
    }],
    "active": false,
    "groups": [],
    "meta": {
        "resourceType": "User"
    }
}"#;
    let user = USER.replace(&bjensen(), &serde_json::from_str(body).unwrap()).unwrap();
    assert_eq!(user.get("name"), Some(&json!({ "givenName": "Another", "familyName": "User" })));
    assert_eq!((user.get("id"), user.get("groups")), (bjensen().get("id"), bjensen().get("groups")));
    assert_eq!((user.get("title"), user.get("active")), (None, Some(&json!(false))));
}

#[test]
fn okta_renames_groups_with_the_id_beside_the_name() {
    let body = r#"{
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{
        "op": "replace",
        "value": {
            "id": "abf4dd94-a4c0-4f67-89c9-76b03340cb9b",
            "displayName": "Test SCIMv2"
        }
    }]
}"#;
    let renamed = patch(&GROUP, &tour_guides(), body).unwrap();
    assert_eq!(renamed.resource.text("displayName"), Some("Test SCIMv2"));
    assert_eq!(renamed.resource.get("id"), tour_guides().get("id"));
    assert!(renamed.members.is_empty());
}

#[test]
fn okta_changes_and_replaces_members() {
    let body = r#"{
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{
            "op": "remove",
            "path": "members[value eq \"89bb1940-b905-4575-9e7f-6f887cfb368e\"]"
            },
            {
            "op": "add",
            "path": "members",
            "value": [{
                "value": "23a35c27-23d3-4c03-b4c5-6443c09e7173",
                "display": "test.user@okta.local"
            }]
        }]
    }"#;
    let net = patch(&GROUP, &tour_guides(), body).unwrap().members.net().unwrap();
    assert_eq!(net.added[0].value, "23a35c27-23d3-4c03-b4c5-6443c09e7173");
    assert_eq!(net.removed, ["89bb1940-b905-4575-9e7f-6f887cfb368e"]);
    let body = r#"{
  "schemas": [
    "urn:ietf:params:scim:api:messages:2.0:PatchOp"
  ],
  "Operations": [
    {
      "op": "replace",
      "path": "members",
      "value": [
        {
          "value": "23a35c27-23d3-4c03-b4c5-6443c09e7173",
          "display": "test.user@okta.local"
        },
        {
          "value": "89bb1940-b905-4575-9e7f-6f887cfb368e",
          "display": "test.user@okta.local"
        }
      ]
    }
  ]
}"#;
    let patched = patch(&GROUP, &tour_guides(), body).unwrap();
    assert!(matches!(patched.members.steps(), [MembershipChange::ReplaceAll(members)] if members.len() == 2));
}

// OneLogin sends PATCH for groups and `active`, and leaves `schemas` out of some.
#[test]
fn onelogin_sends_operations_without_schemas() {
    let body = r#"{"Operations":[{"op":"replace","value":{"active":false}}]}"#;
    assert_eq!(user(body).get("active"), Some(&json!(false)));
    let body = r#"{"Operations":[
        {"op":"replace","path":"name.givenName","value":"David"},
        {"op":"replace","path":"name.familyName","value":"Jones"},
        {"op":"replace","value":{"active":false,"companyName":"Acme"}}]}"#;
    let user = user(body);
    assert_eq!(user.get("name").unwrap()["givenName"], "David");
    assert_eq!((user.get("active"), user.get("companyName")), (Some(&json!(false)), None));
    let body = r#"{"Operations":[{"op":"add","path":"members","value":[{"value":"u1"}]}]}"#;
    assert_eq!(patch(&GROUP, &tour_guides(), body).unwrap().members.net().unwrap().added.len(), 1);
}

// JumpCloud sends whole users by PUT, with attributes of its own, and members by PATCH.
#[test]
fn jumpcloud_replaces_users_and_changes_members() {
    let body = r#"{
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "jc@example.com",
        "name": {"familyName": "Cloud", "givenName": "Jay", "middleName": ""},
        "displayName": "",
        "active": true,
        "emails": [{"value": "jc@example.com", "type": "work", "primary": true}],
        "externalId": "64f1",
        "addresses": [],
        "phoneNumbers": [],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "", "department": "R&D"}
    }"#;
    let user = USER.replace(&bjensen(), &serde_json::from_str(body).unwrap()).unwrap();
    assert_eq!(user.get(ENTERPRISE), Some(&json!({ "department": "R&D" })));
    assert_eq!((user.get("displayName"), user.get("phoneNumbers")), (None, None));
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations":[{"op":"remove","path":"members","value":[{"value":"u1"}]},
        {"op":"add","path":"members","value":[{"value":"u2","display":"two"}]},
        {"op":"replace","path":"displayName","value":"Renamed"}]}"#;
    let patched = patch(&GROUP, &tour_guides(), body).unwrap();
    assert_eq!(patched.members.net().unwrap().removed, ["u1"]);
    assert_eq!(patched.resource.text("displayName"), Some("Renamed"));
}
