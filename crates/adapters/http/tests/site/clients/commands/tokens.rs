//! `tokens`.

use super::{Command, DELETE, GET, NONE, POST, PUT, all, has, text};
use crate::house::house;
use serde_json::{Value, json};
use time::Duration;

const TOKENS: &str = "/users/me/keys/tokens";

fn asked(name: &str, lifetime: &Value) -> Value {
    json!({ "lifetime": lifetime, "scope": "", "token_name": name, "scopes": null, "allow_list": null })
}

#[actix_web::test]
async fn tokens_create_takes_the_longest_lifetime_where_none_is_asked() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    let config = command.get(&format!("{TOKENS}/tokenconfig")).await;
    let longest = &config["max_token_lifetime"];
    assert!(longest.as_i64().unwrap() > 0);
    let made = command.call(POST, TOKENS, asked("ci", longest), 201).await;
    Command::new(&house, text(&made, "key")).get("/users/me").await;
    // For others only with rights.
    command.get("/users/bob/keys/tokens/tokenconfig").await;
    let for_bob = command.call(POST, "/users/bob/keys/tokens", asked("", &json!(0)), 201).await;
    assert_eq!(Command::new(&house, text(&for_bob, "key")).get("/users/me").await["username"], "bob");
    let refused = house.sdk(POST, "/api/v2/users/ann/keys/tokens", &bob, asked("x", &json!(0))).await;
    assert!(refused.status.is_client_error());
}

#[actix_web::test]
async fn tokens_list_shows_whose_they_are_and_hides_those_that_are_over() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let command = Command::new(&house, &bob);
    command.call(POST, TOKENS, asked("old", &json!(3_600_000_000_000_i64)), 201).await;
    house.clock.advance(Duration::HOUR * 2);
    command.call(POST, TOKENS, asked("ci", &json!(0)), 201).await;
    let list = command.get(&format!("{TOKENS}?include_all=false&include_expired=false")).await;
    assert_eq!(all(&list, "token_name"), ["ci"]);
    has(&list[0], &["id", "last_used", "expires_at", "created_at", "scopes", "allow_list"]);
    assert_eq!(command.get(&format!("{TOKENS}?include_all=false")).await.as_array().unwrap().len(), 2);
    let everybodys = Command::new(&house, &owner).get(&format!("{TOKENS}?include_all=true")).await;
    assert!(everybodys.as_array().unwrap().iter().all(|token| token["username"] == "bob"), "{everybodys}");
}

#[actix_web::test]
async fn tokens_remove_knows_a_token_by_name_id_or_itself() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    for (newer, by) in [(false, "name"), (false, "id"), (true, "token")] {
        let made = command.call(POST, TOKENS, asked("ci", &json!(0)), 201).await;
        let token = text(&made, "key").to_owned();
        let id = token.split('-').next().unwrap();
        let given = match by {
            "name" => "ci",
            "id" => id,
            _ => &token,
        };
        let by_name = house.sdk(GET, &format!("/api/v2{TOKENS}/{given}"), &owner, NONE).await;
        let found = if by_name.status == 200 {
            by_name.json()
        } else {
            // On any error the part before the first hyphen is tried as an id.
            command.get(&format!("/users/me/keys/{}", given.split('-').next().unwrap())).await
        };
        assert_eq!(text(&found, "id"), id);
        if newer {
            command.call(PUT, &format!("/users/me/keys/{id}/expire"), NONE, 204).await;
        } else {
            command.call(DELETE, &format!("/users/me/keys/{id}"), NONE, 204).await;
        }
        house.sdk(GET, "/api/v2/users/me", &token, NONE).await.expect(401);
    }
}

#[actix_web::test]
async fn tokens_view_shows_all_of_a_key() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    command.call(POST, TOKENS, asked("ci", &json!(0)), 201).await;
    let by_name = command.get(&format!("{TOKENS}/ci")).await;
    let by_id = command.get(&format!("/users/me/keys/{}", text(&by_name, "id"))).await;
    for key in [by_name, by_id] {
        has(
            &key,
            &[
                "id",
                "user_id",
                "last_used",
                "expires_at",
                "created_at",
                "updated_at",
                "login_type",
                "scope",
                "scopes",
                "token_name",
                "lifetime_seconds",
                "allow_list",
            ],
        );
        assert_eq!((text(&key, "token_name"), text(&key, "login_type")), ("ci", "token"));
    }
}
