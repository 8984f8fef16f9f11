//! `groups`.

use super::{Command, DELETE, GET, NONE, PATCH, POST, all, has, text};
use crate::house::house;
use serde_json::{Value, json};

fn asked(name: &str) -> Value {
    json!({ "name": name, "display_name": "", "avatar_url": "", "quota_allowance": 0 })
}

#[actix_web::test]
async fn groups_list_has_everyone_and_the_addresses_of_members() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    let organization = command.organization("").await;
    let id = text(&organization, "id");
    command.call(POST, &format!("/organizations/{id}/groups"), asked("devs"), 201).await;
    let groups = command.get(&format!("/groups?organization={id}")).await;
    let mut names = all(&groups, "name");
    names.sort_unstable();
    assert_eq!(names, ["Everyone", "devs"]);
    for group in groups.as_array().unwrap() {
        has(group, &["display_name", "avatar_url"]);
        assert_eq!(text(group, "organization_id"), id);
    }
    let everyone = groups.as_array().unwrap().iter().find(|group| group["name"] == "Everyone").unwrap();
    let mut addresses = all(&everyone["members"], "email");
    addresses.sort_unstable();
    assert_eq!(addresses, ["ann@example.com", "bob@example.com"]);
}

#[actix_web::test]
async fn groups_create_answers_the_name() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let made = command.call(POST, &format!("{}/groups", command.place().await), asked("devs"), 201).await;
    assert_eq!(text(&made, "name"), "devs");
}

#[actix_web::test]
async fn groups_edit_finds_people_by_address_and_keeps_what_it_does_not_name() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let admins = house.member(&owner, "uma").await;
    let command = Command::new(&house, &owner);
    command.call(super::PUT, "/users/uma/roles", json!({ "roles": ["user-admin"] }), 200).await;
    let place = command.place().await;
    let body = json!({ "name": "devs", "display_name": "Devs", "avatar_url": "/a.png", "quota_allowance": 7 });
    command.call(POST, &format!("{place}/groups"), body, 201).await;

    // Also for those who are admins of users only.
    let command = Command::new(&house, &admins);
    let group = command.get(&format!("{place}/groups/devs")).await;
    let users = command.get("/users?q=").await;
    let bob = users["users"].as_array().unwrap().iter().find(|user| user["email"] == "bob@example.com").unwrap();
    let path = format!("/groups/{}", text(&group, "id"));
    let add = json!({
        "add_users": [bob["id"]], "remove_users": null, "name": "", "display_name": null, "avatar_url": null,
        "quota_allowance": null,
    });
    let changed = command.call(PATCH, &path, add, 200).await;
    assert_eq!(
        (
            text(&changed, "name"),
            text(&changed, "display_name"),
            text(&changed, "avatar_url"),
            &changed["quota_allowance"]
        ),
        ("devs", "Devs", "/a.png", &json!(7))
    );
    assert_eq!(all(&changed["members"], "username"), ["bob"]);
    let remove = json!({
        "add_users": null, "remove_users": [bob["id"]], "name": "", "display_name": null, "avatar_url": null,
        "quota_allowance": null,
    });
    assert_eq!(command.call(PATCH, &path, remove, 200).await["members"], json!([]));
}

#[actix_web::test]
async fn groups_delete_is_by_id() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    command.call(POST, &format!("{place}/groups"), asked("devs"), 201).await;
    let group = command.get(&format!("{place}/groups/devs")).await;
    command.call(DELETE, &format!("/groups/{}", text(&group, "id")), NONE, 200).await;
    command.call(GET, &format!("{place}/groups/devs"), NONE, 404).await;
}
