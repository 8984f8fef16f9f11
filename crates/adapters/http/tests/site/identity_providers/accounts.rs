//! Whose account it is (`identity.md` 2.9).

use super::{Browser, ann, town};
use crate::house::{PASSWORD, house_beside};
use crate::provider::{FakeProvider, entry};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use doorward_domain::identity_providers::LinkByEmail;
use serde_json::{Value, json};

fn with(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[actix_web::test]
async fn an_account_is_known_by_its_subject_whatever_else_changes() {
    let (house, provider, owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let before = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    provider.say(json!({
        "email": "Anna@corp.example", "email_verified": true, "preferred_username": "other", "name": "Anna",
        "picture": "https://corp.example/a.png",
    }));
    browser.sign_in(&provider).await.expect(307);
    let after = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["username"], "ann-lee", "it stands in links");
    for (name, value) in
        [("email", "Anna@corp.example"), ("name", "Anna"), ("avatar_url", "https://corp.example/a.png")]
    {
        assert_eq!(after[name], value, "{after}");
    }
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 2);
}

#[actix_web::test]
async fn whoever_signs_in_from_another_device_is_told() {
    let (house, provider, owner) = town(|_| ()).await;
    let sign_in = async |agent| {
        let mut browser = Browser { agent, ..Browser::new(&house) };
        browser.sign_in(&provider).await.expect(307);
        doorward_services::notifications::deliver_all(&house.context).await.unwrap();
        let inbox = house.get("/notifications/inbox", &browser.session().unwrap()).await.expect(200).json();
        inbox["notifications"].as_array().unwrap().iter().map(|one| one["title"].clone()).collect::<Vec<_>>()
    };
    assert!(sign_in("one/1").await.is_empty(), "the first device is nothing to speak of");
    assert!(sign_in("one/2").await.is_empty());
    assert_eq!(sign_in("two/1").await, ["A new sign-in to your account"]);
    let told = house.get("/notifications/inbox", &owner).await.expect(200).json();
    assert_eq!(told["notifications"][0]["title"], "User account 'ann-lee' has been created");
}

#[actix_web::test]
async fn a_user_name_that_is_taken_gets_a_suffix() {
    let (house, provider, owner) = town(|_| ()).await;
    house.member(&owner, "ann-lee").await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    let name = me["username"].as_str().unwrap();
    assert!(name.starts_with("ann-lee-") && name.len() > 8, "{name}");
}

#[actix_web::test]
async fn an_account_with_a_password_is_not_given_away() {
    let (house, provider, owner) = town(|settings| settings.oidc.link_by_email = LinkByEmail::Always).await;
    house.member(&owner, "bob").await;
    provider.say(with(json!({ "email": "bob@example.com" })));
    let refused = Browser::new(&house).sign_in(&provider).await.expect(403);
    assert!(refused.body.contains("a password") && refused.body.contains("OpenID Connect"), "{}", refused.body);
    house.login("bob@example.com").await;
    let log = house.get("/audit?q=action:login&limit=10", &owner).await.expect(200).json();
    assert!(log["audit_logs"].as_array().unwrap().iter().any(|record| record["status_code"] == 403), "{log}");
}

#[actix_web::test]
async fn an_account_that_waits_for_somebody_is_found_by_a_verified_address() {
    let (house, provider, owner) = town(|_| ()).await;
    let organizations = house.get("/users/me/organizations", &owner).await.json();
    let waiting = json!({
        "email": "ann@corp.example", "username": "waiting", "login_type": "oidc", "organization_ids": [organizations[0]["id"]],
    });
    house.api(Method::POST, "/users", &owner, waiting).await.expect(201);
    provider.say(with(json!({ "email_verified": null })));
    let refused = Browser::new(&house).sign_in(&provider).await.expect(403);
    assert!(refused.body.contains("already"), "nobody vouches for the address: {}", refused.body);
    provider.say(ann());
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!((&me["username"], &me["status"]), (&json!("waiting"), &json!("active")));
    // Another person who later has the same address is not that person.
    provider.say(with(json!({ "sub": "sub-2" })));
    Browser::new(&house).sign_in(&provider).await.expect(403);
    // Nobody signs in with a password that was never there.
    let body = json!({ "email": "ann@corp.example", "password": PASSWORD });
    house.api(Method::POST, "/users/login", "", body).await.expect(401);
}

#[actix_web::test]
async fn who_is_suspended_stays_out_and_who_is_deleted_is_somebody_new() {
    let (house, provider, owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    house.api(Method::PUT, "/users/ann-lee/status/suspend", &owner, Value::Null).await.expect(200);
    house.get("/users/me", &browser.session().unwrap()).await.expect(401);
    let refused = Browser::new(&house).sign_in(&provider).await.expect(403);
    assert!(refused.body.contains("suspended"), "{}", refused.body);
    let old = house.get("/users/ann-lee", &owner).await.expect(200).json();
    house.api(Method::DELETE, "/users/ann-lee", &owner, Value::Null).await.expect(200);
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let new = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_ne!(new["id"], old["id"]);
}

#[actix_web::test]
async fn without_sign_ups_nobody_new_comes_in() {
    let (house, provider, owner) = town(|settings| settings.oidc.allow_signups = false).await;
    let refused = Browser::new(&house).sign_in(&provider).await.expect(403);
    assert!(refused.body.contains("Sign-ups are disabled"), "{}", refused.body);
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 1);
}

#[actix_web::test]
async fn whoever_comes_first_is_owner_only_if_the_operator_says_so() {
    for first_user_is_owner in [false, true] {
        let provider = FakeProvider::new(crate::house::NOW.unix_timestamp());
        let house = house_beside(provider.upstreams(), |settings| {
            settings.oidc.providers = vec![entry()];
            settings.oidc.first_user_is_owner = first_user_is_owner;
            settings.oidc.allow_signups = false;
        })
        .await;
        provider.say(ann());
        let mut browser = Browser::new(&house);
        let answer = browser.sign_in(&provider).await;
        if first_user_is_owner {
            answer.expect(307);
            let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
            assert_eq!(me["roles"][0]["name"], "owner", "{me}");
        } else {
            assert!(answer.expect(403).body.contains("has not been set up"));
            house.owner().await;
        }
    }
}

#[actix_web::test]
async fn an_account_that_a_directory_made_is_found_by_its_external_id_whatever_the_address() {
    let (house, provider, owner) = town(|settings| {
        settings.scim.key = Secret::from("a key of the directory");
        settings.oidc.providers[0].external_id_claim = "oid".to_owned();
    })
    .await;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "made", "externalId": "o-1", "active": true,
        "emails": [{ "value": "made@corp.example", "primary": true }],
    });
    let made = TestRequest::post()
        .uri("/scim/v2/Users")
        .insert_header(("Authorization", "Bearer a key of the directory"))
        .set_payload(user.to_string());
    house.send(made).await.expect(201);
    for (claims, status) in [
        // Nobody vouches for the address, and nobody needs to.
        (with(json!({ "email": "other@corp.example", "email_verified": null, "oid": "o-2" })), 307),
        (with(json!({ "sub": "sub-2", "email": "made@corp.example", "email_verified": null, "oid": "o-3" })), 403),
        (with(json!({ "sub": "sub-3", "email": "made@corp.example", "email_verified": null, "oid": "o-1" })), 307),
    ] {
        provider.say(claims.clone());
        let answer = Browser::new(&house).sign_in(&provider).await;
        assert_eq!(answer.status.as_u16(), status, "{claims}: {}", answer.body);
    }
    let made = house.get("/users/made", &owner).await.expect(200).json();
    assert_eq!((&made["status"], &made["login_type"]), (&json!("active"), &json!("oidc")));
    // Who leaves the directory is gone at once.
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let leave = TestRequest::patch()
        .uri(&format!("/scim/v2/Users/{}", made["id"].as_str().unwrap()))
        .insert_header(("Authorization", "Bearer a key of the directory"))
        .set_payload(
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{ "op": "Replace", "path": "active", "value": "False" }],
            })
            .to_string(),
        );
    let left = house.send(leave).await;
    assert!(left.status.is_success(), "{}", left.body);
    house.get("/users/me", &browser.session().unwrap()).await.expect(401);
    Browser::new(&house).sign_in(&provider).await.expect(403);
}
