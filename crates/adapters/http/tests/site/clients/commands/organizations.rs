//! `organizations`, and `organizations members`.

use super::{Command, DELETE, GET, NONE, PATCH, POST, PUT, all, has, text};
use crate::house::house;
use serde_json::{Value, json};

#[actix_web::test]
async fn organizations_show_by_choice_by_membership_and_by_name() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let chosen = command.organization("").await;
    assert_eq!((text(&chosen, "name"), &chosen["is_default"]), ("coder", &json!(true)));
    has(&chosen, &["id", "display_name"]);
    command.call(POST, "/organizations", json!({ "name": "acme" }), 201).await;
    let acme = command.get("/organizations/acme").await;
    assert_eq!(text(&acme, "name"), "acme");
    let mine = command.get("/users/me/organizations").await;
    assert!(all(&mine, "name").contains(&"coder"));
    command.call(GET, "/organizations/nowhere", NONE, 404).await;
}

#[actix_web::test]
async fn organizations_create_looks_whether_the_name_is_there() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    command.call(GET, "/organizations/acme", NONE, 404).await;
    let body = json!({ "name": "acme", "display_name": "", "description": "", "icon": "" });
    let made = command.call(POST, "/organizations", body, 201).await;
    text(&made, "id");
    assert_eq!(text(&made, "name"), "acme");
    command.get("/organizations/acme").await;
}

#[actix_web::test]
async fn organizations_list_and_delete() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    command.call(POST, "/organizations", json!({ "name": "acme" }), 201).await;
    let list = command.get("/organizations").await;
    assert!(all(&list, "name").contains(&"acme"), "{list}");
    let acme = command.get("/organizations/acme").await;
    assert_eq!(acme["is_default"], false);
    command.call(DELETE, &format!("/organizations/{}", text(&acme, "id")), NONE, 200).await;
    command.call(GET, "/organizations/acme", NONE, 404).await;
    // The client refuses this one by itself.
    assert_eq!(command.get("/organizations/coder").await["is_default"], true);
}

#[actix_web::test]
async fn organizations_members_list_is_a_bare_list() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    command.call(PUT, &format!("{place}/members/bob/roles"), json!({ "roles": ["organization-auditor"] }), 200).await;
    let members = command.get(&format!("{place}/members/")).await;
    assert_eq!(all(&members, "username"), ["ann", "bob"]);
    for member in members.as_array().unwrap() {
        has(member, &["user_id", "created_at", "roles"]);
    }
    let role = &members[1]["roles"][0];
    assert_eq!(text(role, "name"), "organization-auditor");
    text(role, "display_name");
}

#[actix_web::test]
async fn organizations_members_add_and_remove() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    command.call(POST, "/organizations", json!({ "name": "acme" }), 201).await;
    command.call(POST, "/organizations/acme/members/bob", NONE, 200).await;
    command.call(DELETE, "/organizations/acme/members/bob", NONE, 204).await;
    for method in [POST, DELETE] {
        let unknown = command.call(method, "/organizations/acme/members/nobody", NONE, 400).await;
        assert!(text(&unknown, "message").contains("must be an existing uuid or username"));
    }
}

#[actix_web::test]
async fn organizations_members_edit_roles_shows_them_by_their_names_for_people() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/members/bob/roles", command.place().await);
    let roles = json!({ "roles": ["organization-admin", "organization-auditor"] });
    let member = command.call(PUT, &path, roles, 200).await;
    let shown: Vec<&str> = all(&member["roles"], "display_name");
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|name| !name.is_empty()));
    let cleared = command.call(PUT, &path, json!({ "roles": [] }), 200).await;
    assert_eq!(cleared["roles"], json!([]));
}

/// What is sent comes back as it was, member for member.
async fn echoes<S>(command: &Command<'_, S>, path: &str, body: Value)
where
    S: actix_web::dev::Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
            Error = actix_web::Error,
        >,
{
    command.get(path).await;
    assert_eq!(command.call(PATCH, path, body.clone(), 200).await, body);
    assert_eq!(command.get(path).await, body);
}

#[actix_web::test]
async fn organizations_settings_group_and_role_sync_echo_what_is_set() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    let unknown = "0b5a3c1e-0000-4000-8000-000000000001";
    for regex in [json!(null), json!("^eng-")] {
        let groups = json!({
            "field": "groups", "mapping": { "eng": [unknown] }, "regex_filter": regex, "auto_create_missing_groups": true,
        });
        echoes(&command, &format!("{place}/settings/idpsync/groups"), groups).await;
    }
    let roles = json!({ "field": "roles", "mapping": { "boss": ["organization-admin", "no-such-role"] } });
    echoes(&command, &format!("{place}/settings/idpsync/roles"), roles).await;
}

#[actix_web::test]
async fn organizations_settings_organization_sync_keeps_organizations_that_are_not_there() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    command.organization("").await;
    let sync = json!({
        "field": "orgs", "mapping": { "a": ["0b5a3c1e-0000-4000-8000-000000000002"] }, "organization_assign_default": false,
    });
    echoes(&command, "/settings/idpsync/organization", sync).await;
}

#[actix_web::test]
async fn organizations_settings_workspace_sharing_is_told_to_be_unsupported() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/settings/workspace-sharing", command.place().await);
    text(&command.call(GET, &path, NONE, 404).await, "message");
    command.call(PATCH, &path, json!({ "sharing_disabled": true }), 404).await;
}
