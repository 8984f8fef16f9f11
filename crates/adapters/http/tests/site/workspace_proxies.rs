//! Workspace proxies, over the API that owners use and over the one that proxies use.

use crate::house::{Answer, House, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const NONE: Value = Value::Null;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A request of a proxy with this token.
    pub(crate) async fn as_proxy(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = TestRequest::with_uri(&format!("/api/v2/workspaceproxies/me/{path}"))
            .method(method)
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Coder-External-Proxy-Token", token));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.set_payload(body)).await
    }

    /// Makes a proxy; answers its id and its token.
    pub(crate) async fn proxy(&self, owner: &str, name: &str) -> (String, String) {
        let body = json!({ "name": name, "display_name": "", "icon": "" });
        let made = self.api(POST, "/workspaceproxies", owner, body).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["proxy"]["id"]), text(&made["proxy_token"]))
    }
}

fn registration(replica: u128) -> Value {
    json!({
        "access_url": "https://sydney.example.com",
        "wildcard_hostname": "*.sydney.example.com",
        "derp_enabled": true,
        "derp_only": false,
        "replica_id": uuid::Uuid::from_u128(replica),
        "hostname": "syd-1",
        "replica_error": "",
        "replica_relay_address": "http://10.1.0.1:3000",
        "version": "v2.24.4",
    })
}

#[actix_web::test]
async fn a_proxy_is_made_registers_and_is_listed() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let body = json!({ "name": "sydney", "display_name": "Sydney", "icon": "/emojis/1f1e6.png" });
    let made = house.api(POST, "/workspaceproxies", &owner, body).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let (proxy, token) = (made.json()["proxy"].clone(), made.json()["proxy_token"].as_str().unwrap().to_owned());
    let id = proxy["id"].as_str().unwrap().to_owned();
    assert_eq!(token, format!("{id}:{}", &token[id.len() + 1..]));
    assert_eq!(token.len(), id.len() + 65);
    assert_eq!((&proxy["status"]["status"], &proxy["healthy"]), (&json!("unregistered"), &json!(false)));
    assert_eq!(proxy["status"]["report"], json!({ "errors": [], "warnings": [] }));

    let registered = house.as_proxy(&token, POST, "register", registration(1)).await.expect(201).json();
    assert_eq!((&registered["derp_region_id"], &registered["sibling_replicas"]), (&json!(10_001), &json!([])));
    assert_eq!(registered["derp_map"], json!({ "Regions": {} }));
    // Another server of the same proxy sees the first one.
    let second = house.as_proxy(&token, POST, "register", registration(2)).await.expect(201).json();
    assert_eq!(second["sibling_replicas"][0]["relay_address"], "http://10.1.0.1:3000");
    assert_eq!(second["sibling_replicas"].as_array().unwrap().len(), 1);

    let listed = house.get("/workspaceproxies", &bob).await.expect(200).json();
    let names: Vec<_> = listed["regions"].as_array().unwrap().iter().map(|proxy| proxy["name"].clone()).collect();
    assert_eq!(names, ["primary", "sydney"]);
    let (primary, sydney) = (&listed["regions"][0], &listed["regions"][1]);
    assert_eq!((&primary["path_app_url"], &primary["healthy"]), (&json!("https://door.example"), &json!(true)));
    assert_eq!(primary["id"], house.context.server.deployment_id.to_string());
    assert_eq!(
        (&sydney["path_app_url"], &sydney["version"]),
        (&json!("https://sydney.example.com"), &json!("v2.24.4"))
    );
    assert_eq!(
        (&sydney["status"]["status"], &sydney["status"]["checked_at"]),
        (&json!("unknown"), &json!("0001-01-01T00:00:00Z"))
    );
    let members = [
        "created_at",
        "deleted",
        "derp_enabled",
        "derp_only",
        "display_name",
        "healthy",
        "icon_url",
        "id",
        "name",
        "path_app_url",
        "status",
        "updated_at",
        "version",
        "wildcard_hostname",
    ];
    let mut named: Vec<_> = sydney.as_object().unwrap().keys().map(String::as_str).collect();
    named.sort_unstable();
    assert_eq!(named, members);
    let regions = house.get("/regions", &bob).await.expect(200).json();
    assert_eq!(
        (&regions["regions"][0]["name"], &regions["regions"][1]["wildcard_hostname"]),
        (&json!("primary"), &json!("*.sydney.example.com"))
    );
    house.get("/regions", "").await.expect(401);
    // Servers of proxies are none of the deployment.
    assert_eq!(house.get("/replicas", &owner).await.expect(200).json(), json!([]));

    for (replica, status) in [(1, 204), (1, 409), (3, 404), (0, 400)] {
        let body = json!({ "replica_id": uuid::Uuid::from_u128(replica) });
        house.as_proxy(&token, POST, "deregister", body).await.expect(status);
    }
    house.as_proxy(&token, POST, "register", registration(1)).await.expect(409);
}

#[actix_web::test]
async fn a_proxy_is_found_changed_and_deleted_by_id_and_by_name() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (id, token) = house.proxy(&owner, "sydney").await;
    house.proxy(&owner, "Paris").await;
    for path in ["/workspaceproxies/sydney", &format!("/workspaceproxies/{id}")] {
        assert_eq!(house.get(path, &bob).await.expect(200).json()["id"], json!(id));
    }
    house.get("/workspaceproxies/SYDNEY", &owner).await.expect(404);

    let path = format!("/workspaceproxies/{id}");
    let change =
        json!({ "id": id, "name": "perth", "display_name": "Perth", "icon": "/p.svg", "regenerate_token": false });
    let changed = house.api(PATCH, &path, &owner, change.clone()).await.expect(200).json();
    assert_eq!((&changed["proxy"]["name"], &changed["proxy_token"]), (&json!("perth"), &json!("")));
    house.as_proxy(&token, POST, "register", registration(1)).await.expect(201);
    // What is empty stays; the old token is good for nothing.
    let regenerate = json!({ "id": id, "name": "perth", "display_name": "", "icon": "", "regenerate_token": true });
    let changed = house.api(PATCH, "/workspaceproxies/perth", &owner, regenerate).await.expect(200).json();
    assert_eq!(changed["proxy"]["display_name"], "Perth");
    let renewed = changed["proxy_token"].as_str().unwrap().to_owned();
    assert!(renewed.starts_with(&id) && renewed != token);
    house.as_proxy(&token, POST, "register", registration(1)).await.expect(401);
    house.as_proxy(&renewed, POST, "register", registration(1)).await.expect(201);

    house.api(PATCH, &path, &bob, change).await.expect(403);
    let clash = json!({ "name": "PARIS", "display_name": "", "icon": "" });
    house.api(PATCH, &path, &owner, clash).await.expect(409);
    let primary = json!({ "name": "primary", "display_name": "Home", "icon": "" });
    let changed = house.api(PATCH, "/workspaceproxies/primary", &owner, primary).await.expect(200).json();
    assert_eq!((&changed["proxy"]["display_name"], &changed["proxy_token"]), (&json!("Home"), &json!("")));
    assert_eq!(house.get("/regions", &bob).await.expect(200).json()["regions"][0]["display_name"], "Home");
    let renamed = json!({ "name": "other", "display_name": "", "icon": "" });
    let refused = house.api(PATCH, "/workspaceproxies/primary", &owner, renamed).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "name");

    house.api(DELETE, "/workspaceproxies/primary", &owner, NONE).await.expect(400);
    house.api(DELETE, &path, &bob, NONE).await.expect(403);
    assert!(house.api(DELETE, "/workspaceproxies/perth", &owner, NONE).await.expect(200).json()["message"].is_string());
    house.api(DELETE, "/workspaceproxies/perth", &owner, NONE).await.expect(404);
    house.as_proxy(&renewed, POST, "register", registration(1)).await.expect(401);
    let gone = house.get(&path, &owner).await.expect(200).json();
    assert_eq!((&gone["deleted"], &gone["status"]["status"]), (&json!(true), &json!("unknown")));
    house.get("/workspaceproxies/perth", &owner).await.expect(404);
    house.proxy(&owner, "Perth").await;

    let log = house.get("/audit?q=resource_type:workspace_proxy&limit=50", &owner).await.expect(200);
    assert_eq!(log.json()["count"], 7, "three made, three changed, one ended: {}", log.body);
    assert!(!log.body.contains(&token[id.len() + 1..]) && !log.body.contains(&renewed[id.len() + 1..]));
    let secret = log.json()["audit_logs"]
        .as_array()
        .unwrap()
        .iter()
        .any(|entry| entry["diff"]["token_hashed_secret"] == json!({ "old": "", "new": "", "secret": true }));
    assert!(secret, "{}", log.body);
}

#[actix_web::test]
async fn names_that_would_lead_elsewhere_and_bad_input_are_refused() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    for name in ["", "Primary", "me", "a/b", "6ba7b8109dad11d180b400c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"]
    {
        let refused = house.api(POST, "/workspaceproxies", &owner, json!({ "name": name })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "name", "{name}");
    }
    house.api(POST, "/workspaceproxies", &owner, json!({ "name": 1 })).await.expect(400);
    house.api(POST, "/workspaceproxies", &bob, json!({ "name": "a" })).await.expect(403);
    house.api(POST, "/workspaceproxies", "", json!({ "name": "a" })).await.expect(401);
    house.proxy(&owner, "sydney").await;
    house.api(POST, "/workspaceproxies", &owner, json!({ "name": "SYDNEY" })).await.expect(409);
    let (_, token) = house.proxy(&owner, "paris").await;
    for (member, value) in [
        ("access_url", json!("ftp://a.example")),
        ("access_url", json!("https://a.example/path")),
        ("wildcard_hostname", json!("a.example")),
        ("replica_id", json!("00000000-0000-0000-0000-000000000000")),
        ("hostname", json!("x".repeat(300))),
    ] {
        let mut body = registration(1);
        body[member] = value;
        let refused = house.as_proxy(&token, POST, "register", body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], member, "{refused}");
    }
    let mut only = registration(1);
    (only["derp_enabled"], only["derp_only"]) = (json!(false), json!(true));
    house.as_proxy(&token, POST, "register", only).await.expect(400);
    house.as_proxy(&token, POST, "register", json!({ "replica_id": "x" })).await.expect(400);
}

#[actix_web::test]
async fn what_is_for_proxies_needs_the_token_of_one() {
    let house = house().await;
    let owner = house.owner().await;
    let (id, token) = house.proxy(&owner, "sydney").await;
    let wrong = format!("{id}:{}", "0".repeat(64));
    for presented in ["", "nonsense", owner.as_str(), wrong.as_str(), &token[..token.len() - 1]] {
        let refused =
            house.as_proxy(presented, GET, "crypto-keys?feature=workspace_apps_token", NONE).await.expect(401);
        assert!(refused.json()["message"].is_string() && refused.header("www-authenticate").is_empty());
    }
    house.api(POST, "/workspaceproxies/me/register", &owner, registration(1)).await.expect(401);
    house.get("/users/me", &token).await.expect(401);

    for (feature, digits) in [("workspace_apps_token", 128), ("workspace_apps_api_key", 64)] {
        let path = format!("crypto-keys?feature={feature}");
        let keys = house.as_proxy(&token, GET, &path, NONE).await.expect(200);
        assert_eq!(keys.header("cache-control"), "no-store");
        let key = &keys.json()["crypto_keys"][0];
        let secret = key["secret"].as_str().unwrap();
        assert_eq!((secret.len(), &key["feature"]), (digits, &json!(feature)));
        assert!(secret.bytes().all(|byte| byte.is_ascii_hexdigit()) && key["sequence"].as_i64().unwrap() > 0);
        assert_eq!(key["deletes_at"], "0001-01-01T00:00:00Z");
    }
    for path in ["crypto-keys", "crypto-keys?feature=tailnet_resume"] {
        house.as_proxy(&token, GET, path, NONE).await.expect(400);
    }
    let stats = json!({ "stats": [{ "workspace_id": id, "requests": 3, "access_method": "path" }] });
    house.as_proxy(&token, POST, "app-stats", stats).await.expect(204);
    house.as_proxy(&token, POST, "app-stats", json!({ "stats": [{ "workspace_id": "x" }] })).await.expect(400);
    let refused = house.as_proxy(&token, GET, "coordinate?version=2.0", NONE).await.expect(501);
    assert!(refused.json()["message"].as_str().unwrap().contains("no network of workspaces"));
    house.as_proxy(&token, GET, "nothing", NONE).await.expect(404);
}
