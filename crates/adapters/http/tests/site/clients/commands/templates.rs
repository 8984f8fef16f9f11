//! `templates`, but for what makes versions of them.

use super::{Command, DELETE, GET, NONE, PATCH, all, has, text};
use crate::house::house;
use serde_json::json;

#[actix_web::test]
async fn templates_list_is_a_bare_list_and_empty_at_first() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    assert_eq!(command.get("/templates").await, json!([]));
    house.template(&owner, "dev").await;
    let list = command.get("/templates").await;
    assert_eq!(all(&list, "name"), ["dev"]);
    has(&list[0], &["organization_name", "display_name", "active_user_count", "default_ttl_ms", "description"]);
}

#[actix_web::test]
async fn templates_edit_with_schedule_flags_looks_at_entitlements_first() {
    let house = house().await;
    let owner = house.owner().await;
    house.template(&owner, "dev").await;
    let command = Command::new(&house, &owner);
    let features = command.get("/entitlements").await;
    assert_eq!(features["features"]["advanced_template_scheduling"]["enabled"], true);
    let template = command.get(&format!("{}/templates/dev", command.place().await)).await;
    let path = format!("/templates/{}", text(&template, "id"));
    let body = json!({
        "name": "dev", "display_name": "Dev", "description": "", "icon": "", "default_ttl_ms": 3_600_000,
        "allow_user_autostart": true, "allow_user_autostop": true, "allow_user_cancel_workspace_jobs": true,
        "failure_ttl_ms": 60_000, "require_active_version": false,
    });
    let changed = command.call(PATCH, &path, body.clone(), 200).await;
    assert_eq!((text(&changed, "display_name"), &changed["default_ttl_ms"]), ("Dev", &json!(3_600_000)));
    // The same again is 200 with the template: 304 would read as an error.
    assert_eq!(command.call(PATCH, &path, body, 200).await["display_name"], "Dev");
}

#[actix_web::test]
async fn templates_delete_is_by_id() {
    let house = house().await;
    let owner = house.owner().await;
    house.template(&owner, "dev").await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    let template = command.get(&format!("{place}/templates/dev")).await;
    command.call(DELETE, &format!("/templates/{}", text(&template, "id")), NONE, 200).await;
    command.call(GET, &format!("{place}/templates/dev"), NONE, 404).await;
}
