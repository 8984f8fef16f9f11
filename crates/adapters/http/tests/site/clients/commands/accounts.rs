//! `users`.

use super::{Command, DELETE, GET, NONE, POST, PUT, all, has, text};
use crate::house::{PASSWORD, house};
use serde_json::json;

#[actix_web::test]
async fn users_list_is_the_whole_list() {
    let house = house().await;
    let owner = house.owner().await;
    for n in 0..30 {
        house.member(&owner, &format!("user-{n:02}")).await;
    }
    let found = Command::new(&house, &owner).get("/users?q=").await;
    assert_eq!((found["users"].as_array().unwrap().len(), &found["count"]), (31, &json!(31)));
    for user in found["users"].as_array().unwrap() {
        has(user, &["id", "username", "email", "created_at", "status", "roles", "organization_ids", "login_type"]);
    }
}

#[actix_web::test]
async fn users_show_reads_each_organization_of_the_user() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    command.call(POST, "/organizations", json!({ "name": "acme" }), 201).await;
    command.call(POST, "/organizations/acme/members/bob", NONE, 200).await;
    let bob = command.get("/users/bob").await;
    let mut names = Vec::new();
    for id in bob["organization_ids"].as_array().unwrap() {
        let organization = command.get(&format!("/organizations/{}", id.as_str().unwrap())).await;
        names.push(text(&organization, "name").to_owned());
    }
    names.sort();
    assert_eq!(names, ["acme", "coder"]);
}

#[actix_web::test]
async fn users_create_is_asked_with_the_chosen_organization() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let organization = command.organization("").await;
    let body = json!({
        "email": "bob@example.com", "username": "bob", "name": "Bob", "password": PASSWORD, "login_type": "password",
        "user_status": null, "organization_ids": [organization["id"]],
    });
    let made = command.call(POST, "/users", body, 201).await;
    assert_eq!((text(&made, "username"), text(&made, "email")), ("bob", "bob@example.com"));
    let robot = json!({
        "email": "", "username": "robot", "name": "", "password": "", "login_type": "none", "user_status": null,
        "organization_ids": [organization["id"]], "service_account": true,
    });
    let robot = command.call(POST, "/users", robot, 201).await;
    assert_eq!((text(&robot, "username"), &robot["email"]), ("robot", &json!("")));
}

#[actix_web::test]
async fn users_delete_is_by_id() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    let bob = command.get("/users/bob").await;
    assert_eq!((text(&bob, "username"), text(&bob, "email")), ("bob", "bob@example.com"));
    command.call(DELETE, &format!("/users/{}", text(&bob, "id")), NONE, 200).await;
    command.call(GET, "/users/bob", NONE, 400).await;
}

#[actix_web::test]
async fn users_suspend_and_activate_stop_where_the_status_is_so_already() {
    let house = house().await;
    let owner = house.owner().await;
    let bobs = house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    for (verb, before, after) in [("suspend", "active", "suspended"), ("activate", "suspended", "active")] {
        let bob = command.get("/users/bob").await;
        assert_eq!(text(&bob, "status"), before);
        let changed = command.call(PUT, &format!("/users/{}/status/{verb}", text(&bob, "id")), NONE, 200).await;
        // A user who has signed in since is active again.
        assert!(text(&changed, "status") == after || text(&changed, "status") == "dormant", "{changed}");
        if verb == "suspend" {
            Command::new(&house, &bobs).call(GET, "/users/me", NONE, 401).await;
            assert_eq!(command.get("/users/bob").await["status"], "suspended");
        }
    }
}

#[actix_web::test]
async fn users_edit_roles_offers_what_can_be_given() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    text(&command.get("/users/bob").await, "username");
    let held = command.get("/users/bob/roles").await;
    assert_eq!(held["roles"], json!([]));
    assert!(held["organization_roles"].is_object(), "{held}");
    let offered = command.get("/users/roles").await;
    let names = all(&offered, "name");
    for wanted in ["owner", "auditor", "template-admin", "user-admin"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    command.call(PUT, "/users/bob/roles", json!({ "roles": ["auditor", "user-admin"] }), 200).await;
    let held = command.get("/users/bob/roles").await;
    let mut names: Vec<_> = held["roles"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["auditor", "user-admin"]);
    command.call(PUT, "/users/bob/roles", json!({ "roles": [] }), 200).await;
}

#[actix_web::test]
async fn users_oidc_claims_is_for_those_who_sign_in_so() {
    let house = house().await;
    let owner = house.owner().await;
    Command::new(&house, &owner).call(GET, "/users/oidc-claims", NONE, 400).await;
}
