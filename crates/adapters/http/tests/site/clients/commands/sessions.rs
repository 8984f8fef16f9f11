//! `login`, `logout`, `whoami`.

use super::{Command, GET, NONE, POST, has, text};
use crate::browser::Browser;
use crate::house::{PASSWORD, house};
use serde_json::json;

#[actix_web::test]
async fn login_makes_the_first_user() {
    let house = house().await;
    let nobody = Command::new(&house, "");
    // 404 means that there is no user yet only from a server that says its version.
    let first = house.sdk(GET, "/api/v2/users/first", "", NONE).await.expect(404);
    assert!(first.header("x-coder-build-version").starts_with('v'));
    let body = json!({
        "email": "admin@coder.com", "username": "admin", "name": "", "password": PASSWORD, "trial": true,
        "trial_info": {
            "first_name": "", "last_name": "", "phone_number": "", "job_title": "", "company_name": "", "country": "",
            "developers": "",
        },
        "onboarding_info": { "newsletter_marketing": false },
    });
    nobody.call(POST, "/users/first", body, 201).await;
    let session =
        nobody.call(POST, "/users/login", json!({ "email": "admin@coder.com", "password": PASSWORD }), 201).await;
    let me = Command::new(&house, text(&session, "session_token")).get("/users/me").await;
    assert_eq!(text(&me, "username"), "admin");
}

#[actix_web::test]
async fn login_of_a_user_who_is_there_asks_for_a_token_until_it_is_good() {
    let house = house().await;
    house.owner().await;
    Command::new(&house, "").get("/users/first").await;
    // The browser is opened there.
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get("/cli-auth").await.expect(200);
    let shown = browser.submit("/cli-auth", &[]).await.expect(200).body;
    let token = shown.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    Command::new(&house, "not-a-token").call(GET, "/users/me", NONE, 401).await;
    assert_eq!(text(&Command::new(&house, &token).get("/users/me").await, "username"), "ann");
}

#[actix_web::test]
async fn login_with_a_token_keeps_a_key_of_its_own_and_a_scoped_token_gets_no_full_session() {
    let house = house().await;
    let owner = house.owner().await;
    let made = Command::new(&house, &owner).call(POST, "/users/me/keys", NONE, 201).await;
    let stored = text(&made, "key");
    assert_ne!(stored, owner);
    Command::new(&house, stored).get("/users/me").await;

    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ro", "scopes": ["user:read"], "allow_list": null });
    let scoped = Command::new(&house, &owner).call(POST, "/users/me/keys/tokens", body, 201).await;
    Command::new(&house, text(&scoped, "key")).call(POST, "/users/me/keys", NONE, 403).await;
}

#[actix_web::test]
async fn logout_ends_the_session_and_reads_no_status() {
    let house = house().await;
    let owner = house.owner().await;
    house.sdk(POST, "/api/v2/users/logout", &owner, NONE).await.expect(200);
    house.sdk(GET, "/api/v2/users/me", &owner, NONE).await.expect(401);
    house.sdk(POST, "/api/v2/users/logout", &owner, NONE).await.expect(401);
}

#[actix_web::test]
async fn whoami_names_the_user_with_organizations_and_roles() {
    let house = house().await;
    let owner = house.owner().await;
    let me = Command::new(&house, &owner).get("/users/me").await;
    has(&me, &["id", "organization_ids", "roles"]);
    assert_eq!((text(&me, "username"), text(&me["roles"][0], "display_name")), ("ann", "Owner"));
    assert_eq!(me["organization_ids"].as_array().unwrap().len(), 1);
}
