//! Versions, and what is the same on every deployment.

use super::{GET, POST, PUT};
use crate::house::{ISSUER, house};
use serde_json::{Value, json};

#[actix_web::test]
async fn every_command_compares_major_and_minor_of_the_version_header() {
    let house = house().await;
    let info = house.sdk(GET, "/api/v2/buildinfo", "", Value::Null).await.expect(200);
    let version = info.header("x-coder-build-version").to_owned();
    let info = info.json();
    let own = info["doorward_version"].as_str().unwrap();
    assert_eq!(version, format!("v2.24.4+doorward.{own}"));
    assert_eq!(info["version"], version.as_str());
    assert_eq!((&info["dashboard_url"], &info["oauth2_provider"]), (&json!(ISSUER), &json!(true)));
    let message = info["upgrade_message"].as_str().unwrap();
    assert!(message.contains("Doorward") && message.contains("CODER_NO_VERSION_WARNING"), "{message}");

    // `login` believes a 404 of this only when the header is there.
    let first = house.sdk(GET, "/api/v2/users/first", "", Value::Null).await.expect(404);
    assert_eq!(first.header("x-coder-build-version"), version);
    let unknown = house.sdk(GET, "/api/v2/nothing", "", Value::Null).await.expect(404);
    assert_eq!(unknown.header("x-coder-build-version"), version);
}

#[actix_web::test]
async fn dashboards_and_support_bundle_ask_for_what_never_changes() {
    let house = house().await;
    let owner = house.owner().await;
    for (path, expected) in [
        ("/api/v2/experiments", json!([])),
        ("/api/v2/experiments/available", json!({ "safe": [] })),
        ("/api/v2/applications/host", json!({ "host": "" })),
        (
            "/api/v2/deployment/ssh",
            json!({ "hostname_prefix": "coder.", "hostname_suffix": "coder", "ssh_config_options": {} }),
        ),
    ] {
        house.sdk(GET, path, "", Value::Null).await.expect(401);
        assert_eq!(house.sdk(GET, path, &owner, Value::Null).await.expect(200).json(), expected, "{path}");
    }
    let regions = house.sdk(GET, "/api/v2/regions", &owner, Value::Null).await.expect(200).json();
    assert_eq!((&regions["regions"][0]["name"], &regions["regions"][0]["healthy"]), (&json!("primary"), &json!(true)));
    let update = house.sdk(GET, "/api/v2/updatecheck", "", Value::Null).await.expect(200).json();
    assert_eq!((&update["current"], &update["url"]), (&json!(true), &json!("")));
    house.sdk(POST, "/api/v2/csp/reports", &owner, json!({ "csp-report": {} })).await.expect(200);
    // A browser has nothing to show but its cookie, and comes from nowhere.
    house.sdk(POST, "/api/v2/csp/reports", "", json!({ "csp-report": {} })).await.expect(200);
}

#[actix_web::test]
async fn support_bundle_asks_for_settings_numbers_and_health() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let config = house.sdk(GET, "/api/v2/deployment/config", &owner, Value::Null).await.expect(200).json();
    assert_eq!((&config["config"], &config["options"][0]["env"]), (&json!({}), &json!("DOORWARD__SCIM__KEY")));
    house.sdk(GET, "/api/v2/deployment/config", &bob, Value::Null).await.expect(403);

    let stats = house.sdk(GET, "/api/v2/deployment/stats", &owner, Value::Null).await.expect(200).json();
    let none = json!({
        "pending": 0, "building": 0, "running": 0, "failed": 0, "stopped": 0,
        "connection_latency_ms": { "P50": 0, "P95": 0 }, "rx_bytes": 0, "tx_bytes": 0,
    });
    assert_eq!((&stats["workspaces"], &stats["next_update_at"]), (&none, &json!("2026-03-01T12:01:00Z")));
    house.sdk(GET, "/api/v2/deployment/stats", &bob, Value::Null).await.expect(403);

    let health = house.sdk(GET, "/api/v2/debug/health", &owner, Value::Null).await.expect(200).json();
    // Nobody can be asked here, not even the server itself.
    assert_eq!((&health["healthy"], &health["severity"]), (&json!(false), &json!("error")));
    assert_eq!(
        (&health["access_url"]["reachable"], &health["access_url"]["warnings"][0]["code"]),
        (&json!(false), &json!("EACS03"))
    );
    assert_eq!((&health["database"]["reachable"], &health["database"]["threshold_ms"]), (&json!(true), &json!(15)));
    assert_eq!(health["workspace_proxy"]["workspace_proxies"]["regions"][0]["name"], "primary");
    let well = json!({
        "healthy": true, "severity": "ok", "warnings": [], "dismissed": false, "regions": {}, "netcheck_logs": [],
    });
    assert_eq!(health["derp"], well);
    assert_eq!((&health["websocket"]["healthy"], &health["websocket"]["code"]), (&json!(false), &json!(0)));
    let none = json!({ "healthy": true, "severity": "ok", "warnings": [], "dismissed": false, "items": [] });
    assert_eq!(health["provisioner_daemons"], none);
    assert_eq!(health["server"]["warnings"][0]["code"], "keys_not_sealed");
    house.sdk(GET, "/api/v2/debug/health", &bob, Value::Null).await.expect(404);
    for path in ["/api/v2/deployment/config", "/api/v2/deployment/stats", "/api/v2/debug/health"] {
        house.sdk(GET, path, "", Value::Null).await.expect(401);
    }
}

#[actix_web::test]
async fn tokens_create_completes_scopes_from_the_catalogue_of_the_authorization_server() {
    let house = house().await;
    let scopes = house.sdk(GET, "/api/v2/auth/scopes", "", Value::Null).await.expect(200);
    assert_eq!(scopes.header("cache-control"), "public, max-age=300");
    let metadata = house.sdk(GET, "/.well-known/oauth-authorization-server", "", Value::Null).await.expect(200).json();
    let names = scopes.json()["external"].clone();
    assert!(names.as_array().unwrap().contains(&json!("coder:all")));
    let advertised = metadata["scopes_supported"].as_array().unwrap();
    assert!(names.as_array().unwrap().iter().all(|name| advertised.contains(name)));

    let owner = house.owner().await;
    for name in names.as_array().unwrap().iter().step_by(25) {
        let body = json!({ "lifetime": 0, "scope": "", "token_name": "", "scopes": [name], "allow_list": null });
        house.sdk(POST, "/api/v2/users/me/keys/tokens", &owner, body).await.expect(201);
    }
}

#[actix_web::test]
async fn oauth2_provider_dcr_enable_and_disable_switch_registration() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let path = "/api/v2/oauth2-provider/settings";
    let off = json!({ "dynamic_client_registration_enabled": false });
    assert_eq!(house.sdk(GET, path, &owner, Value::Null).await.expect(200).json(), off);
    assert_eq!(house.sdk(PUT, path, &owner, json!({})).await.expect(200).json(), off);
    assert_eq!(house.sdk(PUT, path, &owner, off.clone()).await.expect(200).json(), off);
    let on = json!({ "dynamic_client_registration_enabled": true });
    assert_eq!(house.sdk(PUT, path, &owner, on.clone()).await.expect(200).json(), on);
    assert_eq!(house.sdk(GET, path, &owner, Value::Null).await.expect(200).json(), on);
    assert_eq!(house.sdk(PUT, path, &owner, json!({})).await.expect(200).json(), on);
    assert_eq!(house.sdk(PUT, path, &owner, off.clone()).await.expect(200).json(), off);
    house.sdk(GET, path, &bob, Value::Null).await.expect(403);
    house.sdk(PUT, path, &bob, on).await.expect(403);
}

#[actix_web::test]
async fn users_oidc_claims_is_refused_to_those_who_do_not_sign_in_so() {
    let house = house().await;
    let owner = house.owner().await;
    house.sdk(GET, "/api/v2/users/oidc-claims", &owner, Value::Null).await.expect(400);
    house.sdk(GET, "/api/v2/users/oidc-claims", "", Value::Null).await.expect(401);
}
