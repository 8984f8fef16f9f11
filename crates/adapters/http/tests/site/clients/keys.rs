//! `tokens create`, `tokens list`, `tokens view`, `tokens remove`, `login --token`.

use super::{DELETE, GET, POST, PUT};
use crate::house::house;
use serde_json::{Value, json};
use time::Duration;

const TOKENS: &str = "/api/v2/users/me/keys/tokens";

#[actix_web::test]
async fn tokens_of_any_name_can_be_read_back() {
    let house = house().await;
    let owner = house.owner().await;
    for (name, encoded) in [
        ("a+b", "a%2Bb"),
        ("a+b", "a+b"),
        ("50%", "50%25"),
        ("%41", "%2541"),
        ("a b", "a%20b"),
        ("\u{fc}\u{1f600}", "%C3%BC%F0%9F%98%80"),
        ("a?b#c", "a%3Fb%23c"),
    ] {
        let body = json!({ "lifetime": 0, "scope": "", "token_name": name });
        let made = house.sdk(POST, TOKENS, &owner, body).await;
        assert!([201, 409].contains(&made.status.as_u16()), "{name}: {}", made.body);
        let found = house.sdk(GET, &format!("{TOKENS}/{encoded}"), &owner, Value::Null).await.expect(200).json();
        assert_eq!(found["token_name"], name);
    }
    house.sdk(GET, &format!("{TOKENS}/A"), &owner, Value::Null).await.expect(404);
    // A slash within a segment stays there: this is no key named `tokens`.
    house.sdk(GET, "/api/v2/users/me/keys/tokens%2Fa+b", &owner, Value::Null).await.expect(404);
    house.sdk(GET, "/api/v2/users%2Fme", &owner, Value::Null).await.expect(404);
}

#[actix_web::test]
async fn tokens_create_asks_for_a_lifetime_and_gets_exactly_that() {
    let house = house().await;
    let owner = house.owner().await;
    let config = house.sdk(GET, &format!("{TOKENS}/tokenconfig"), &owner, Value::Null).await.expect(200).json();
    let lifetime = config["max_token_lifetime"].as_i64().unwrap();
    assert_eq!(lifetime, 604_800_000_000_000);
    let body = json!({ "lifetime": 172_800_000_000_000_i64, "scope": "", "token_name": "ci" });
    let token = house.sdk(POST, TOKENS, &owner, body).await.expect(201).json()["key"].as_str().unwrap().to_owned();
    let end =
        house.sdk(GET, &format!("{TOKENS}/ci"), &owner, Value::Null).await.expect(200).json()["expires_at"].clone();
    house.clock.advance(Duration::hours(47));
    let seen = house.sdk(GET, &format!("{TOKENS}/ci"), &token, Value::Null).await.expect(200).json();
    assert_eq!(seen["expires_at"], end, "use does not prolong it");
    house.clock.advance(Duration::hours(1));
    house.sdk(GET, "/api/v2/users/me", &token, Value::Null).await.expect(401);
}

#[actix_web::test]
async fn tokens_remove_ends_a_token_and_list_hides_it() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ci", "scopes": null, "allow_list": null });
    let token = house.sdk(POST, TOKENS, &bob, body).await.expect(201).json()["key"].as_str().unwrap().to_owned();
    house.sdk(GET, "/api/v2/users/me", &token, Value::Null).await.expect(200);

    let found = house.sdk(GET, &format!("{TOKENS}/ci"), &bob, Value::Null).await.expect(200).json();
    let id = found["id"].as_str().unwrap();
    let expire = format!("/api/v2/users/me/keys/{id}/expire");
    house.sdk(PUT, &format!("/api/v2/users/ann/keys/{id}/expire"), &bob, Value::Null).await.expect(400);
    house.clock.advance(Duration::MINUTE);
    house.sdk(PUT, &expire, &bob, Value::Null).await.expect(204);
    house.sdk(GET, "/api/v2/users/me", &token, Value::Null).await.expect(401);
    let ended = house.sdk(GET, &format!("/api/v2/users/me/keys/{id}"), &bob, Value::Null).await.expect(200).json();
    assert_eq!(ended["expires_at"], "2026-03-01T12:01:00Z");
    house.clock.advance(Duration::MINUTE);
    house.sdk(PUT, &expire, &bob, Value::Null).await.expect(204);
    let again = house.sdk(GET, &format!("/api/v2/users/me/keys/{id}"), &bob, Value::Null).await.expect(200).json();
    assert_eq!(again["expires_at"], ended["expires_at"], "it has ended once");
    house.sdk(PUT, "/api/v2/users/me/keys/nosuchkey0/expire", &bob, Value::Null).await.expect(404);

    let list = async |query: &str| {
        let path = format!("{TOKENS}?include_all=false{query}");
        house.sdk(GET, &path, &bob, Value::Null).await.expect(200).json().as_array().unwrap().len()
    };
    assert_eq!((list("").await, list("&include_expired=true").await, list("&include_expired=false").await), (1, 1, 0));
    house.sdk(GET, &format!("{TOKENS}?include_expired=maybe"), &bob, Value::Null).await.expect(400);

    let audit =
        house.sdk(GET, "/api/v2/audit?q=resource_type:api_key+action:write&limit=10", &owner, Value::Null).await;
    let audit = audit.expect(200).json();
    assert_eq!(audit["count"], 1, "{audit}");
    assert_eq!(audit["audit_logs"][0]["diff"]["expires_at"]["new"], "2026-03-01T12:01:00Z");
    house.sdk(DELETE, &format!("/api/v2/users/me/keys/{id}"), &bob, Value::Null).await.expect(204);
}

#[actix_web::test]
async fn a_session_can_be_ended_by_its_key() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let id = bob.split('-').next().unwrap();
    house.sdk(PUT, &format!("/api/v2/users/bob/keys/{id}/expire"), &owner, Value::Null).await.expect(204);
    house.sdk(GET, "/api/v2/users/me", &bob, Value::Null).await.expect(401);
}

#[actix_web::test]
async fn login_with_a_token_makes_a_key_of_its_own() {
    let house = house().await;
    let owner = house.owner().await;
    let key = house.sdk(POST, "/api/v2/users/me/keys", &owner, Value::Null).await.expect(201).json();
    house.sdk(GET, "/api/v2/users/me", key["key"].as_str().unwrap(), Value::Null).await.expect(200);
    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ro", "scopes": ["user:read"], "allow_list": null });
    let scoped = house.sdk(POST, TOKENS, &owner, body).await.expect(201).json()["key"].as_str().unwrap().to_owned();
    house.sdk(POST, "/api/v2/users/me/keys", &scoped, Value::Null).await.expect(403);
}
