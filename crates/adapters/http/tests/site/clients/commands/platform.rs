//! `licenses`, `features`, `provisioner`, `wsproxy`, and commands for what is not here.

use super::{Command, DELETE, GET, NONE, PATCH, POST, PUT, all, has, text};
use crate::house::{house, house_with};
use crate::licenses::{enforced, giving, signer};
use serde_json::{Value, json};

#[actix_web::test]
async fn licenses_are_added_listed_and_deleted() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    assert_eq!(command.get("/licenses").await, json!([]));
    let text_of = |draft| signer().sign(draft).expose().to_owned();
    let added = command.call(POST, "/licenses", json!({ "license": text_of(&giving(&["appearance"])) }), 201).await;
    let id = added["id"].as_i64().unwrap();
    let listed = command.get("/licenses").await;
    let license = &listed[0];
    assert_eq!(license["id"], id);
    has(license, &["uuid", "uploaded_at"]);
    for number in ["license_expires", "exp", "nbf"] {
        assert!(license["claims"][number].is_i64(), "`{number}` of {license}");
    }
    has(&license["claims"], &["trial", "features"]);
    let bad = command.call(POST, "/licenses", json!({ "license": "no" }), 400).await;
    assert!(text(&bad, "message").contains("Invalid license"));
    command.call(DELETE, &format!("/licenses/{id}"), NONE, 200).await;
    assert_eq!(command.get("/licenses").await, json!([]));
}

#[actix_web::test]
async fn features_list_reads_the_whole_of_entitlements() {
    let house = house().await;
    let owner = house.owner().await;
    let all = Command::new(&house, &owner).get("/entitlements").await;
    has(&all, &["features", "warnings", "errors", "has_license", "trial", "require_telemetry", "refreshed_at"]);
    assert!(all["warnings"].is_array() && all["errors"].is_array());
    for (name, feature) in all["features"].as_object().unwrap() {
        text(feature, "entitlement");
        assert!(feature["enabled"].is_boolean(), "{name}: {feature}");
    }
}

#[actix_web::test]
async fn provisioner_list_asks_for_fifty_and_filters() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/provisionerdaemons", command.place().await);
    for query in ["limit=50", "limit=50&offline=true&status=idle,busy&max_age=1h0m0s"] {
        assert_eq!(command.get(&format!("{path}?{query}")).await, json!([]), "{query}");
    }
    command.call(GET, &format!("{path}?limit=50&max_age=soon"), NONE, 400).await;
}

#[actix_web::test]
async fn provisioner_keys_are_shown_once_and_their_names_are_lower_case() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/provisionerkeys", command.place().await);
    let made = command.call(POST, &path, json!({ "name": "Rack-1", "tags": { "gpu": "yes" } }), 201).await;
    text(&made, "key");
    command.call(POST, &path, json!({ "name": "plain", "tags": null }), 201).await;
    let keys = command.get(&path).await;
    assert!(all(&keys, "name").contains(&"rack-1"), "{keys}");
    for key in keys.as_array().unwrap() {
        has(key, &["id", "created_at", "organization"]);
        assert!(key["tags"].is_object(), "{key}");
    }
    command.call(DELETE, &format!("{path}/rack-1"), NONE, 204).await;
    assert!(!all(&command.get(&path).await, "name").contains(&"rack-1"));
}

#[actix_web::test]
async fn provisioner_start_with_a_key_asks_what_the_key_is() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let path = format!("{}/provisionerkeys", command.place().await);
    let made = command.call(POST, &path, json!({ "name": "rack", "tags": { "gpu": "yes" } }), 201).await;
    let key = text(&made, "key");
    let ask = |key: &str| {
        let request = actix_web::test::TestRequest::get().uri(&format!("/api/v2/provisionerkeys/{key}"));
        request.insert_header(("Coder-Session-Token", "")).insert_header(("Coder-Provisioner-Daemon-Key", key))
    };
    let found = house.send(ask(key)).await.expect(200).json();
    has(&found, &["id", "name", "organization", "created_at"]);
    assert_eq!(found["tags"], json!({ "gpu": "yes" }));
    // Without key, shared key and session the command line explains itself by this.
    Command::new(&house, "").call(GET, "/users/me/organizations", NONE, 401).await;
}

#[actix_web::test]
async fn wsproxy_create_prints_the_token() {
    let house = house().await;
    let owner = house.owner().await;
    let body = json!({ "name": "sydney", "display_name": "Sydney", "icon": "" });
    let made = Command::new(&house, &owner).call(POST, "/workspaceproxies", body, 201).await;
    let (id, secret) = text(&made, "proxy_token").split_once(':').unwrap();
    assert_eq!((id, secret.len()), (text(&made["proxy"], "id"), 64));
    assert_eq!(text(&made["proxy"], "name"), "sydney");
}

#[actix_web::test]
async fn wsproxy_ls_has_the_primary_too() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let body = json!({ "name": "sydney", "display_name": "", "icon": "" });
    command.call(POST, "/workspaceproxies", body, 201).await;
    let list = command.get("/workspaceproxies").await;
    assert_eq!(all(&list["regions"], "name"), ["primary", "sydney"]);
    for proxy in list["regions"].as_array().unwrap() {
        has(proxy, &["path_app_url", "version"]);
        text(&proxy["status"], "status");
        has(&proxy["status"], &["report"]);
    }
}

#[actix_web::test]
async fn wsproxy_edit_regenerate_token_and_delete() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let body = json!({ "name": "sydney", "display_name": "Sydney", "icon": "/s.png" });
    command.call(POST, "/workspaceproxies", body, 201).await;
    let proxy = command.get("/workspaceproxies/sydney").await;
    let path = format!("/workspaceproxies/{}", text(&proxy, "id"));
    assert_eq!(command.get(&path).await["name"], "sydney");
    // The command line sends back what the proxy has, which may be empty: that keeps it.
    let mut edit = json!({
        "id": proxy["id"], "name": "melbourne", "display_name": "", "icon": "", "regenerate_token": false,
    });
    let changed = command.call(PATCH, &path, edit.clone(), 200).await;
    assert_eq!((&changed["proxy_token"], text(&changed["proxy"], "name")), (&json!(""), "melbourne"));
    assert_eq!(text(&changed["proxy"], "display_name"), "Sydney");
    edit["regenerate_token"] = json!(true);
    let again = command.call(PATCH, &path, edit, 200).await;
    assert!(text(&again, "proxy_token").starts_with(text(&proxy, "id")));
    let gone = command.call(DELETE, "/workspaceproxies/melbourne", NONE, 200).await;
    text(&gone, "message");
    command.call(GET, "/workspaceproxies/melbourne", NONE, 404).await;
}

#[actix_web::test]
async fn oauth2_provider_dcr_shows_the_new_value() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let off = json!({ "dynamic_client_registration_enabled": false });
    assert_eq!(command.call(PUT, "/oauth2-provider/settings", off.clone(), 200).await, off);
    let on = json!({ "dynamic_client_registration_enabled": true });
    assert_eq!(command.call(PUT, "/oauth2-provider/settings", on.clone(), 200).await, on);
}

#[actix_web::test]
async fn commands_for_what_is_not_here_fail_cleanly() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    for (method, path, body) in [
        (PUT, "/prebuilds/settings", json!({ "reconciliation_paused": true })),
        (GET, "/external-auth", NONE),
        (GET, "/users/me/gitsshkey", NONE),
        (GET, "/tasks", NONE),
        (POST, "/licenses/trial", Value::Null),
    ] {
        let answer = house.sdk(method.clone(), &format!("/api/v2{path}"), &owner, body).await;
        assert!([404, 405].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
        text(&answer.json(), "message");
    }
    command.get("/regions").await;
}
