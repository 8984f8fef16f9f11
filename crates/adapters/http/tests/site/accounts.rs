//! Accounts and sessions.

use crate::house::{PASSWORD, house};
use actix_web::http::Method;
use serde_json::{Value, json};
use time::Duration;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

#[actix_web::test]
async fn a_site_is_set_up_once() {
    let house = house().await;
    house.get("/users/first", "").await.expect(404);
    let owner = house.owner().await;
    house.get("/users/first", "").await.expect(200);
    let again = json!({ "email": "eve@example.com", "username": "eve", "password": "weak" });
    house.api(POST, "/users/first", "", again).await.expect(409);
    let roles = house.get("/users/me/roles", &owner).await.expect(200).json();
    assert_eq!(roles["roles"], json!(["owner"]));
    assert_eq!(roles["organization_roles"].as_object().unwrap().values().collect::<Vec<_>>(), [&json!([])]);
}

#[actix_web::test]
async fn signing_in_and_out() {
    let house = house().await;
    let owner = house.owner().await;
    for (email, password) in [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD)] {
        let refused =
            house.api(POST, "/users/login", "", json!({ "email": email, "password": password })).await.expect(401);
        assert_eq!(refused.json()["message"], "Incorrect email or password.");
    }
    let login = house.api(POST, "/users/login", "", json!({ "email": "ANN@example.com", "password": PASSWORD })).await;
    let cookie = login.header("set-cookie");
    assert!(cookie.starts_with("coder_session_token=") && cookie.contains("HttpOnly") && cookie.contains("Path=/"));
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Secure"));
    let out = house.api(POST, "/users/logout", &owner, Value::Null).await.expect(200);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    house.get("/users/me", &owner).await.expect(401);
}

#[actix_web::test]
async fn a_session_ends_when_it_is_not_used() {
    let house = house().await;
    let owner = house.owner().await;
    house.clock.advance(Duration::hours(23));
    house.get("/users/me", &owner).await.expect(200);
    house.clock.advance(Duration::hours(23));
    house.get("/users/me", &owner).await.expect(200);
    house.clock.advance(Duration::hours(25));
    let expired = house.get("/users/me", &owner).await.expect(401);
    assert!(expired.json()["detail"].as_str().unwrap().contains("API key expired at"));
    assert!(expired.header("www-authenticate").contains("expired"));
}

#[actix_web::test]
async fn users_live_their_life() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 2);
    assert_eq!(house.get("/users", &bob).await.expect(200).json()["count"], 1);
    let page = house.get("/users?limit=1&offset=1&q=bob", &owner).await.expect(200).json();
    assert_eq!(page, json!({ "users": [], "count": 0 }));
    let unreadable = house.get("/users/ann", &bob).await.expect(400).json();
    assert!(unreadable["message"].as_str().unwrap().contains("must be an existing uuid or username"));

    let profile = json!({ "username": "ann", "name": "Bob" });
    let taken = house.api(PUT, "/users/me/profile", &bob, profile).await.expect(409).json();
    assert_eq!(taken["validations"][0]["field"], "username");
    let renamed = house.api(PUT, "/users/bob/profile", &bob, json!({ "username": "rob", "name": "Rob" })).await;
    assert_eq!(renamed.expect(200).json()["name"], "Rob");
    house.api(PUT, "/users/me/roles", &owner, json!({ "roles": [] })).await.expect(400);
    let promoted = house.api(PUT, "/users/rob/roles", &owner, json!({ "roles": ["user-admin"] })).await.expect(200);
    assert_eq!(promoted.json()["roles"], json!([{ "name": "user-admin", "display_name": "User Admin" }]));

    house.api(PUT, "/users/rob/status/suspend", &owner, Value::Null).await.expect(200);
    house.get("/users/me", &bob).await.expect(401);
    house.api(PUT, "/users/rob/status/activate", &owner, Value::Null).await.expect(200);
    house.api(DELETE, "/users/me", &owner, Value::Null).await.expect(403);
    house.api(DELETE, "/users/rob", &owner, Value::Null).await.expect(200);
    house.get("/users/rob", &owner).await.expect(400);
}

#[actix_web::test]
async fn the_last_active_owner_cannot_be_ended() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["user-admin"] })).await.expect(200);
    let kept = house.api(DELETE, "/users/ann", &bob, Value::Null).await.expect(409).json();
    assert!(kept["message"].as_str().unwrap().contains("the last active owner"), "{kept}");
    house.get("/users/me", &owner).await.expect(200);

    house.member(&owner, "carol").await;
    house.api(PUT, "/users/carol/roles", &owner, json!({ "roles": ["owner"] })).await.expect(200);
    house.api(DELETE, "/users/ann", &bob, Value::Null).await.expect(200);
    house.api(DELETE, "/users/carol", &bob, Value::Null).await.expect(409);
}

#[actix_web::test]
async fn a_changed_password_ends_every_session() {
    let house = house().await;
    let owner = house.owner().await;
    let change = |old: &str, new: &str| json!({ "old_password": old, "password": new });
    let weak = house.api(PUT, "/users/me/password", &owner, change(PASSWORD, "weak")).await.expect(400).json();
    assert_eq!(weak["validations"][0]["field"], "password");
    let wrong =
        house.api(PUT, "/users/me/password", &owner, change("x", "AnotherSecurePassword!")).await.expect(400).json();
    assert_eq!(wrong["validations"][0]["field"], "old_password");
    house.api(PUT, "/users/me/password", &owner, change(PASSWORD, "AnotherSecurePassword!")).await.expect(204);
    house.get("/users/me", &owner).await.expect(401);
}

#[actix_web::test]
async fn small_things_of_a_user() {
    let house = house().await;
    let owner = house.owner().await;
    let look = json!({ "theme_preference": "dark", "terminal_font": "fira-code" });
    assert_eq!(house.api(PUT, "/users/me/appearance", &owner, look.clone()).await.expect(200).json(), look);
    assert_eq!(house.get("/users/me/appearance", &owner).await.expect(200).json(), look);
    let font = json!({ "theme_preference": "dark", "terminal_font": "comic" });
    house.api(PUT, "/users/me/appearance", &owner, font).await.expect(400);
    assert_eq!(house.get("/users/me/login-type", &owner).await.json(), json!({ "login_type": "password" }));
    let organization = house.get("/users/me/organizations/CODER", &owner).await.expect(200).json();
    assert_eq!((&organization["name"], &organization["is_default"]), (&json!("coder"), &json!(true)));
    house.get("/users/me/organizations/other", &owner).await.expect(404);
    let methods = house.get("/users/authmethods", "").await.expect(200).json();
    assert_eq!(methods["oidc"], json!({ "enabled": false, "signInText": "", "iconUrl": "" }));
    let check = house.api(POST, "/users/validate-password", "", json!({ "password": "weak" })).await.expect(200).json();
    assert_eq!(check["valid"], false);
}

#[actix_web::test]
async fn keys_and_tokens() {
    let house = house().await;
    let owner = house.owner().await;
    assert_eq!(house.get("/users/me/keys/tokens", &owner).await.expect(200).body, "[]\n");
    let ask = json!({ "token_name": "ci", "lifetime": 3_600_000_000_000_i64 });
    let made = house.api(POST, "/users/me/keys/tokens", &owner, ask.clone()).await.expect(201).json();
    let token = made["key"].as_str().unwrap();
    house.get("/users/me", token).await.expect(200);
    let taken = house.api(POST, "/users/me/keys/tokens", &owner, ask).await.expect(409).json();
    assert_eq!(taken["validations"][0]["field"], "name");
    let listed = house.get("/users/me/keys/tokens?include_all=true", &owner).await.expect(200).json();
    assert_eq!((&listed[0]["username"], &listed[0]["scope"]), (&json!("ann"), &json!("all")));
    assert_eq!(house.get("/users/me/keys/tokens/ci", &owner).await.expect(200).json()["lifetime_seconds"], 3600);
    let config = house.get("/users/me/keys/tokens/tokenconfig", &owner).await.expect(200).json();
    assert_eq!(config, json!({ "max_token_lifetime": 604_800_000_000_000_i64 }));
    let id = token.split('-').next().unwrap();
    assert_eq!(house.get(&format!("/users/me/keys/{id}"), &owner).await.expect(200).json()["token_name"], "ci");
    house.api(DELETE, &format!("/users/me/keys/{id}"), &owner, Value::Null).await.expect(204);
    house.api(GET, "/users/me", token, Value::Null).await.expect(401);
    house.api(POST, "/users/me/keys", &owner, Value::Null).await.expect(201);
    let long = json!({ "lifetime": 999_999_999_999_999_999_i64 });
    house.api(POST, "/users/me/keys/tokens", &owner, long).await.expect(400);
}
