//! `organizations roles`.

use super::{Command, GET, NONE, POST, PUT, has, text};
use crate::house::house;
use serde_json::{Value, json};

const LISTS: [&str; 3] = ["site_permissions", "organization_permissions", "user_permissions"];

#[actix_web::test]
async fn organizations_roles_show_has_the_permissions_of_each() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/members/roles", command.place().await);
    let roles = command.get(&path).await;
    assert!(roles.as_array().unwrap().len() >= 4);
    for role in roles.as_array().unwrap() {
        has(role, &["name", "display_name", "organization_id", "assignable", "built_in"]);
        for list in LISTS {
            assert!(role[list].is_array(), "`{list}` of {role}");
        }
    }
    let admin = roles.as_array().unwrap().iter().find(|role| role["name"] == "organization-admin").unwrap();
    assert_eq!((&admin["built_in"], &admin["assignable"]), (&json!(true), &json!(true)));
}

#[actix_web::test]
async fn organizations_roles_create_and_update_from_json() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let organization = command.organization("").await;
    let path = format!("/organizations/{}/members/roles", text(&organization, "id"));
    command.get(&path).await;
    let mut role = json!({
        "name": "reader", "display_name": "", "organization_id": organization["id"], "site_permissions": [],
        "organization_permissions": [{ "negate": false, "resource_type": "template", "action": "read" }],
        "user_permissions": [],
    });
    let made = command.call(POST, &path, role.clone(), 200).await;
    assert_eq!((text(&made, "name"), &made["organization_id"]), ("reader", &organization["id"]));
    // `roles update` looks for it in the list, where it must be though nobody gave it a name for people.
    let listed = command.get(&path).await;
    assert!(listed.as_array().unwrap().iter().any(|one| one["name"] == "reader" && one["display_name"] == ""));
    role["display_name"] = json!("Reader");
    assert_eq!(command.call(PUT, &path, role, 200).await["display_name"], "Reader");
    // Without an organization in the JSON.
    for (method, body) in [(POST, json!({ "name": "x" })), (PUT, json!({ "name": "x" })), (GET, NONE)] {
        let answer = house.sdk(method, "/api/v2/organizations//members/roles", &owner, body).await.expect(404);
        assert!(answer.json()["message"].is_string() && answer.header("location").is_empty());
    }
    let site = json!({
        "name": "all", "organization_id": organization["id"], "display_name": "",
        "site_permissions": [{ "negate": false, "resource_type": "template", "action": "read" }],
        "organization_permissions": Value::Null, "user_permissions": Value::Null,
    });
    let refused = house.sdk(POST, &format!("/api/v2{path}"), &owner, site).await.expect(400);
    assert!(refused.body.contains("not allowed to assign site wide permissions for an organization role"));
}
