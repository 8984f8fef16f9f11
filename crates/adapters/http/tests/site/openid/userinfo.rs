//! What apps are told of people.

use super::{relying_party, tokens};
use crate::house::{Answer, House, NOW, house, house_with};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;

async fn told<S>(house: &House<S>, token: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let bearer = TestRequest::get().uri("/oauth2/userinfo");
    house.send(bearer.insert_header(("Authorization", format!("Bearer {token}")))).await
}

/// What an app is told that asks for this.
async fn claims<S>(house: &House<S>, session: &str, more: &[(&str, &str)]) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let app = relying_party(house, session).await;
    let answer = tokens(house, session, &app, more).await;
    told(house, answer["access_token"].as_str().unwrap()).await.expect(200).json()
}

/// How a token is presented.
#[derive(Clone, Copy)]
enum Presented {
    Get,
    PostHeader,
    PostBody,
}

/// What is told to who presents a token so: the same user as in the ID token, not to be kept, and for scripts of any site.
async fn tells_who_it_is(presented: Presented) {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    let token = answer["access_token"].as_str().unwrap();
    let bearer = ("Authorization", format!("Bearer {token}"));
    let told = match presented {
        Presented::Get => house.send(TestRequest::get().uri("/oauth2/userinfo").insert_header(bearer)).await,
        Presented::PostHeader => house.send(TestRequest::post().uri("/oauth2/userinfo").insert_header(bearer)).await,
        Presented::PostBody => house.form("/oauth2/userinfo", "", &[("access_token", token)]).await,
    };
    let told = told.expect(200);
    let sub = super::claims_of(&house, &answer["id_token"]).await["sub"].clone();
    assert_eq!(told.json(), json!({ "sub": sub }));
    assert_eq!((told.header("cache-control"), told.header("access-control-allow-origin")), ("no-store", "*"));
}

#[actix_web::test]
async fn oidcc_userinfo_get() {
    tells_who_it_is(Presented::Get).await;
}

#[actix_web::test]
async fn oidcc_userinfo_post_header() {
    tells_who_it_is(Presented::PostHeader).await;
}

#[actix_web::test]
async fn oidcc_userinfo_post_body() {
    tells_who_it_is(Presented::PostBody).await;
}

/// What is told for these scopes, beside `sub`. None of it stands in the ID token.
async fn told_for(scope: &str) -> Value {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", scope)]).await;
    let mut found = told(&house, answer["access_token"].as_str().unwrap()).await.expect(200).json();
    let token = super::claims_of(&house, &answer["id_token"]).await;
    let members = found.as_object_mut().unwrap();
    assert_eq!(members.remove("sub").as_ref(), Some(&token["sub"]));
    for name in members.keys() {
        assert_eq!(token.get(name), None, "{name}");
    }
    found
}

#[actix_web::test]
async fn oidcc_scope_profile() {
    let expected = json!({ "name": "ann", "preferred_username": "ann", "updated_at": NOW.unix_timestamp() });
    assert_eq!(told_for("openid profile").await, expected, "what is not known is left out");
}

#[actix_web::test]
async fn oidcc_scope_email() {
    assert_eq!(told_for("openid email").await, json!({ "email": "ann@example.com", "email_verified": false }));
}

#[actix_web::test]
async fn oidcc_scope_address() {
    assert_eq!(told_for("openid address").await, json!({}), "it is not in `scopes_supported`");
}

#[actix_web::test]
async fn oidcc_scope_phone() {
    assert_eq!(told_for("openid phone").await, json!({}), "it is not in `scopes_supported`");
}

#[actix_web::test]
async fn oidcc_scope_all() {
    let all = told_for("openid profile email address phone groups roles").await;
    for known in ["name", "preferred_username", "updated_at", "email", "email_verified"] {
        assert!(all.get(known).is_some(), "{known}");
    }
    assert_eq!((&all["groups"], &all["roles"]), (&json!([]), &json!(["owner"])));
}

#[actix_web::test]
async fn oidcc_claims_essential() {
    let house = house().await;
    let owner = house.owner().await;
    let asked = r#"{"userinfo": {"name": {"essential": true}}, "id_token": {"email": null}}"#;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "openid"), ("claims", asked)]).await;
    let found = told(&house, answer["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!((&found["name"], found.as_object().unwrap().len()), (&json!("ann"), 2));
    let token = super::claims_of(&house, &answer["id_token"]).await;
    assert_eq!((&token["email"], token.get("name")), (&json!("ann@example.com"), None));
    // The person was told of it.
    let uri = app.authorize(&[("scope", "openid"), ("claims", asked), ("prompt", "consent")]);
    let page = super::ask(&house, &owner, &uri).await.expect(200);
    assert!(page.body.contains("See your mail address") && page.body.contains("See your name"), "{}", page.body);
}

#[actix_web::test]
async fn groups_are_named_with_their_organization_or_as_the_settings_say() {
    for (format, expected) in [("qualified", "coder/devs"), ("name", "devs")] {
        let house = house_with(|settings| {
            settings.oidc.groups_format = serde_json::from_value(json!(format)).unwrap();
        })
        .await;
        let owner = house.owner().await;
        let me = house.api(GET, "/users/me", &owner, Value::Null).await.json();
        let group = house.api(POST, "/organizations/coder/groups", &owner, json!({ "name": "devs" })).await;
        let path = format!("/groups/{}", group.expect(201).json()["id"].as_str().unwrap());
        house.api(Method::PATCH, &path, &owner, json!({ "add_users": [me["id"]] })).await.expect(200);
        let found = claims(&house, &owner, &[("scope", "openid groups")]).await;
        assert_eq!(found["groups"], json!([expected]), "Everyone is left out");
    }
}

#[actix_web::test]
async fn who_may_not_know_is_told_what_is_missing() {
    let house = house().await;
    let owner = house.owner().await;
    let missing = house.send(TestRequest::get().uri("/oauth2/userinfo")).await.expect(401);
    assert!(!missing.header("www-authenticate").contains("error="), "nothing was sent");
    let bad = told(&house, "nonsense").await.expect(401);
    assert_eq!(bad.json()["error"], "invalid_token");
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
    let app = relying_party(&house, &owner).await;
    let narrow = tokens(&house, &owner, &app, &[("scope", "user:read")]).await;
    let short = told(&house, narrow["access_token"].as_str().unwrap()).await.expect(403);
    assert_eq!(short.json()["error"], "insufficient_scope");
    assert!(short.header("www-authenticate").contains("scope=\"openid\""));
    // A session may know who it is; an API token has not asked for it.
    assert_eq!(told(&house, &owner).await.expect(200).json().as_object().unwrap().len(), 1);
    let made = house.api(POST, "/users/me/keys/tokens", &owner, json!({ "scope": "all" })).await.expect(201).json();
    told(&house, made["key"].as_str().unwrap()).await.expect(403);
}

#[actix_web::test]
async fn a_token_for_another_resource_says_who_its_user_is_and_nothing_else() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let asked = [("scope", "openid email"), ("resource", "https://files.example")];
    let answer = tokens(&house, &owner, &app, &asked).await;
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(told(&house, token).await.expect(200).json()["email"], "ann@example.com");
    let bearer = TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {token}")));
    house.send(bearer).await.expect(401);
}

#[actix_web::test]
async fn what_is_told_is_as_of_now_and_nobody_is_told_of_who_may_not_act() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &bob, &app, &[("scope", "openid profile")]).await;
    let token = answer["access_token"].as_str().unwrap();
    let renamed = json!({ "username": "bob", "name": "Bob B." });
    house.api(Method::PUT, "/users/bob/profile", &owner, renamed).await.expect(200);
    assert_eq!(told(&house, token).await.expect(200).json()["name"], "Bob B.");
    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    told(&house, token).await.expect(401);
}

#[actix_web::test]
async fn an_address_is_verified_when_somebody_vouches_for_it_and_no_longer_when_it_is_another() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let path = "/users/bob/email/verification";
    let known = async || {
        let app = relying_party(&house, &owner).await;
        let answer = tokens(&house, &bob, &app, &[("scope", "openid email")]).await;
        told(&house, answer["access_token"].as_str().unwrap()).await.expect(200).json()["email_verified"].clone()
    };
    assert_eq!(known().await, false);
    assert_eq!(house.get(path, &owner).await.expect(200).json(), json!({ "verified": false }));
    house.member(&owner, "eve").await;
    // What the body says makes no difference to those who may not do it.
    for (who, status, told) in
        [("bob", 403, "Forbidden"), ("eve", 400, "User not found"), ("nobody", 400, "User not found")]
    {
        let of_another = format!("/users/{who}/email/verification");
        for body in [json!({ "verified": true }), json!({ "verified": "x" }), json!([])] {
            let refused = house.api(Method::PUT, &of_another, &bob, body).await.expect(status);
            assert!(refused.body.contains(told), "{who}: {}", refused.body);
        }
    }
    let vouched = house.api(Method::PUT, path, &owner, json!({ "verified": true })).await.expect(200).json();
    assert_eq!((vouched, known().await), (json!({ "verified": true }), json!(true)));
    let moved = json!({ "username": "bob", "email": "bob@other.example" });
    house.api(Method::PUT, "/users/bob/profile", &owner, moved).await;
    let now = house.get("/users/bob", &owner).await.expect(200).json();
    if now["email"] == "bob@other.example" {
        assert_eq!(known().await, false, "nobody vouched for that one");
    }
    house.api(Method::PUT, path, &owner, json!({ "verified": true })).await.expect(200);
    house.api(Method::PUT, path, &owner, json!({ "verified": false })).await.expect(200);
    assert_eq!(known().await, false);
    house.api(Method::PUT, path, &owner, json!({})).await.expect(400);
    let records = house.get("/audit?q=resource_type:user&limit=10", &owner).await.expect(200).json();
    let all = records["audit_logs"].as_array().unwrap();
    assert!(all.iter().any(|record| record["diff"].get("email_verified").is_some()), "{records}");
}
