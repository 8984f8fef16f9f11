//! Settings of the sync with identity providers.

use crate::house::house;
use actix_web::http::Method;
use serde_json::json;

const PATCH: Method = Method::PATCH;
const POST: Method = Method::POST;

const ONE: &str = "00000000-0000-0000-0000-000000000001";
const TWO: &str = "00000000-0000-0000-0000-000000000002";

#[actix_web::test]
async fn organization_sync_is_set_whole_or_by_parts() {
    let house = house().await;
    let owner = house.owner().await;
    let path = "/settings/idpsync/organization";
    let unset = json!({ "field": "", "mapping": null, "organization_assign_default": true });
    assert_eq!(house.get(path, &owner).await.expect(200).json(), unset);

    let whole = json!({ "field": "orgs", "mapping": { "b": [ONE], "a": [] }, "organization_assign_default": true });
    assert_eq!(house.api(PATCH, path, &owner, whole.clone()).await.expect(200).json(), whole);
    assert_eq!(house.get(path, &owner).await.expect(200).json(), whole);

    // The command line and Terraform write the names of fields with capitals.
    let pairs = json!({ "Add": [{ "Given": "a", "Gets": TWO }, { "Given": "c", "Gets": ONE }],
        "Remove": [{ "Given": "b", "Gets": ONE }, { "Given": "x", "Gets": ONE }] });
    let mapped = house.api(PATCH, &format!("{path}/mapping"), &owner, pairs).await.expect(200).json();
    assert_eq!(mapped["mapping"], json!({ "a": [TWO], "b": [], "c": [ONE] }));

    let config =
        house.api(PATCH, &format!("{path}/config"), &owner, json!({ "field": "other" })).await.expect(200).json();
    assert_eq!(config, json!({ "field": "other", "mapping": mapped["mapping"], "organization_assign_default": false }));

    // What is absent becomes empty.
    let empty = house.api(PATCH, path, &owner, json!({})).await.expect(200).json();
    assert_eq!(empty, json!({ "field": "", "mapping": null, "organization_assign_default": false }));

    let log =
        house.get("/audit?q=resource_type:idp_sync_settings_organization&limit=10", &owner).await.expect(200).json();
    assert_eq!(log["count"], 4);
    let records = log["audit_logs"].as_array().unwrap();
    assert!(records.iter().all(|record| record["resource_id"] == "51a51c00-0000-0000-0000-000000000000"));
    let emptied = json!({ "old": "other", "new": "", "secret": false });
    assert!(records.iter().any(|record| record["diff"]["field"] == emptied), "{log}");
}

#[actix_web::test]
async fn group_and_role_sync_are_those_of_an_organization() {
    let house = house().await;
    let owner = house.owner().await;
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    let groups = "/organizations/acme/settings/idpsync/groups";
    let unset = json!({ "field": "", "mapping": null, "regex_filter": null, "auto_create_missing_groups": false });
    assert_eq!(house.get(groups, &owner).await.expect(200).json(), unset);
    let whole = json!({
        "field": "groups", "mapping": { "eng": [ONE, TWO] }, "regex_filter": "^e", "auto_create_missing_groups": true,
        "legacy_group_name_mapping": null,
    });
    let set = house.api(PATCH, groups, &owner, whole.clone()).await.expect(200).json();
    assert_eq!((&set["regex_filter"], set.get("legacy_group_name_mapping")), (&json!("^e"), None));
    let config = json!({ "field": "teams", "regex_filter": "", "auto_create_missing_groups": false });
    let set = house.api(PATCH, &format!("{groups}/config"), &owner, config).await.expect(200).json();
    assert_eq!(set["mapping"], whole["mapping"]);
    assert_eq!((&set["field"], &set["regex_filter"]), (&json!("teams"), &json!("")));
    let remove = json!({ "remove": [{ "given": "eng", "gets": TWO }] });
    let set = house.api(PATCH, &format!("{groups}/mapping"), &owner, remove).await.expect(200).json();
    assert_eq!(set["mapping"], json!({ "eng": [ONE] }));

    let roles = "/organizations/acme/settings/idpsync/roles";
    let whole = json!({ "field": "roles", "mapping": { "boss": ["organization-admin", "no-such-role"] } });
    assert_eq!(house.api(PATCH, roles, &owner, whole.clone()).await.expect(200).json(), whole);
    let set = house.api(PATCH, &format!("{roles}/config"), &owner, json!({ "field": "r" })).await.expect(200).json();
    assert_eq!(set, json!({ "field": "r", "mapping": whole["mapping"] }));
    let add = json!({ "add": [{ "given": "aud", "gets": "organization-auditor" }] });
    let set = house.api(PATCH, &format!("{roles}/mapping"), &owner, add).await.expect(200).json();
    assert_eq!(set["mapping"]["aud"], json!(["organization-auditor"]));

    // Of one organization, and not of the others.
    assert_eq!(house.get("/organizations/default/settings/idpsync/groups", &owner).await.expect(200).json(), unset);
}

#[actix_web::test]
async fn who_may_see_and_change_them() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let groups = "/organizations/default/settings/idpsync/groups";
    let organization = "/settings/idpsync/organization";
    for path in [groups, organization] {
        house.get(path, &bob).await.expect(403);
        house.api(PATCH, path, &bob, json!({})).await.expect(403);
    }
    let admin = json!({ "roles": ["organization-admin"] });
    house.api(Method::PUT, "/organizations/default/members/bob/roles", &owner, admin).await.expect(200);
    house.get(groups, &bob).await.expect(200);
    house.api(PATCH, groups, &bob, json!({ "field": "groups" })).await.expect(200);
    house.get(organization, &bob).await.expect(403);
    house.api(PATCH, organization, &bob, json!({})).await.expect(403);
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    house.get("/organizations/acme/settings/idpsync/groups", &bob).await.expect(404);
    house.api(PATCH, "/organizations/acme/settings/idpsync/roles", &bob, json!({})).await.expect(404);
}

#[actix_web::test]
async fn what_breaks_a_rule_is_told_and_changes_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let groups = "/organizations/default/settings/idpsync/groups";
    let whole = json!({ "field": "groups", "mapping": { "eng": [ONE] } });
    let before = house.api(PATCH, groups, &owner, whole).await.expect(200).json();
    for body in [json!({ "regex_filter": "(" }), json!({ "mapping": { "a": ["x"] } }), json!({ "mapping": 1 })] {
        house.api(PATCH, groups, &owner, body).await.expect(400);
    }
    let zero = json!({ "mapping": { "a\u{0}": [] } });
    house.api(PATCH, groups, &owner, zero).await.expect(400);
    let bob = house.member(&owner, "bob").await;
    let names = json!({ "legacy_group_name_mapping": { "a": "b" } });
    house.api(PATCH, groups, &bob, names).await.expect(403);
    let names = json!({ "legacy_group_name_mapping": { "a": "b" } });
    let refused = house.api(PATCH, groups, &owner, names).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "legacy_group_name_mapping");
    for field in ["x".repeat(257), "a\nb".to_owned()] {
        let refused = house.api(PATCH, groups, &owner, json!({ "field": field })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "field");
    }
    let many: Vec<_> = (0..10_001).map(|n| json!({ "given": n.to_string(), "gets": ONE })).collect();
    let refused = house.api(PATCH, &format!("{groups}/mapping"), &owner, json!({ "add": many })).await;
    // Refused by what is asked, before anything is looked at.
    assert_eq!(refused.expect(400).json()["validations"][0]["field"], "mapping");
    assert_eq!(house.get(groups, &owner).await.expect(200).json(), before);
}
