//! A user who is signed in links accounts at providers to their own, and removes links (`identity.md` 2.10).

use super::{Browser, CALLBACK, ann, town};
use crate::house::{Answer, House, PASSWORD};
use crate::provider::{FakeProvider, entry, other};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

pub(super) const LINKS: &str = "/users/me/links";
pub(super) const AT_OTHER: &str = "/api/v2/users/oidc/other/callback";

pub(super) fn with(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

/// Asks for a link in the session of this token, which the browser has; the path where it goes on.
pub(super) async fn ask<S>(browser: &mut Browser<'_, S>, token: &str, provider: &str) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let body = json!({ "provider": provider, "password": PASSWORD });
    let begun = browser.house.api(Method::POST, LINKS, token, body).await.expect(201);
    browser.cookies.retain(|cookie| !cookie.starts_with("coder_"));
    browser.cookies.extend(begun.cookies());
    browser.cookies.push(format!("coder_session_token={token}"));
    let begun = begun.json();
    let state = begun["state_string"].as_str().unwrap();
    assert!(state.starts_with("link-") && state.len() == 37, "{state}");
    assert!(begun["path"].as_str().unwrap().ends_with(&format!("/callback?oidc_merge_state={state}")), "{begun}");
    begun["path"].as_str().unwrap().to_owned()
}

/// Goes to the provider and comes back.
pub(super) async fn go_on<S>(browser: &mut Browser<'_, S>, provider: &FakeProvider, path: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let state = browser.go(provider, path).await;
    let (callback, _) = path.split_once('?').unwrap();
    browser.get(&format!("{callback}?code=the-code&state={state}")).await
}

/// Links the account of this subject.
pub(super) async fn link<S>(house: &House<S>, provider: &FakeProvider, token: &str, subject: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let mut browser = Browser::new(house);
    provider.say(with(json!({ "sub": subject })));
    let path = ask(&mut browser, token, "corp").await;
    go_on(&mut browser, provider, &path).await
}

pub(super) async fn links<S>(house: &House<S>, token: &str) -> Vec<Value>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    house.get(LINKS, token).await.expect(200).json().as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_user_with_a_password_signs_in_both_ways_and_nothing_of_the_account_follows() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    assert_eq!(links(&house, &token).await, Vec::<Value>::new());
    let mut browser = Browser::new(&house);
    let path = ask(&mut browser, &token, "corp").await;
    let back = go_on(&mut browser, &provider, &path).await.expect(307);
    assert_eq!(back.header("location"), "/");
    assert_eq!(browser.session().as_deref(), Some(token.as_str()), "the session stays");
    let known = links(&house, &token).await;
    for (name, value) in [
        ("provider", json!("corp")),
        ("display_name", json!("The Corp")),
        ("login_type", json!("oidc")),
        ("issuer", json!("https://id.example")),
        ("subject", json!("sub-1")),
        ("is_main", json!(false)),
        ("is_usable", json!(true)),
    ] {
        assert_eq!(known[0][name], value, "{known:?}");
    }
    // By the provider, whose address is another one, and still by the password.
    let mut other = Browser::new(&house);
    other.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &other.session().unwrap()).await.expect(200).json();
    assert_eq!(
        (&me["username"], &me["email"], &me["login_type"]),
        (&json!("bob"), &json!("bob@example.com"), &json!("password")),
    );
    let by_password = house.login("bob@example.com").await;
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let is_link = |record: &Value| record["additional_fields"]["linked_by"] == "user";
    assert!(log["audit_logs"].as_array().unwrap().iter().any(is_link), "{log}");
    assert_ne!(me["name"], "Ann Lee");
    // Without the link, the sessions that began with it end, and no others.
    let id = known[0]["id"].as_str().unwrap();
    house.api(Method::DELETE, &format!("{LINKS}/{id}"), &token, Value::Null).await.expect(204);
    house.get("/users/me", &other.session().unwrap()).await.expect(401);
    house.get("/users/me", &by_password).await.expect(200);
    house.api(Method::DELETE, &format!("{LINKS}/{id}"), &token, Value::Null).await.expect(404);
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let is_unlink = |record: &Value| record["additional_fields"]["unlinked_by"] == "user";
    assert!(log["audit_logs"].as_array().unwrap().iter().any(is_unlink), "{log}");
    // Who comes with that account now is somebody else.
    let mut stranger = Browser::new(&house);
    stranger.sign_in(&provider).await.expect(307);
    let them = house.get("/users/me", &stranger.session().unwrap()).await.expect(200).json();
    assert_eq!(them["username"], "ann-lee");
}

#[actix_web::test]
async fn memberships_do_not_follow_an_added_link() {
    let (house, provider, owner) = town(|_| ()).await;
    let sync = json!({ "field": "groups", "organization_assign_default": false });
    house.api(Method::PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);
    let token = house.member(&owner, "bob").await;
    link(&house, &provider, &token, "s").await.expect(307);
    provider.say(with(json!({ "sub": "s", "groups": [] })));
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let mine = house.get("/users/me/organizations", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(mine.as_array().unwrap().len(), 1, "{mine}");
}

#[actix_web::test]
async fn it_begins_with_a_proof_by_the_user_alone() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    house.member(&owner, "eve").await;
    for (path, body, status) in [
        (LINKS, json!({ "provider": "corp", "password": "wrong" }), 401),
        (LINKS, json!({ "provider": "corp" }), 400),
        (LINKS, json!({ "provider": "nope", "password": PASSWORD }), 400),
        (LINKS, json!({ "provider": "github", "password": PASSWORD }), 400),
        (LINKS, json!({ "password": PASSWORD }), 400),
        (LINKS, json!([]), 400),
        ("/users/eve/links", json!({ "provider": "corp", "password": PASSWORD }), 400),
    ] {
        let answer = house.api(Method::POST, path, &token, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.body);
        assert!(!answer.body.contains("link-"), "{}", answer.body);
    }
    // Not even an owner links somebody else.
    let body = json!({ "provider": "corp", "password": PASSWORD });
    house.api(Method::POST, "/users/eve/links", &owner, body.clone()).await.expect(403);
    house.api(Method::POST, LINKS, "", body).await.expect(401);
    assert_eq!(provider.times("/token"), 0);
}

#[actix_web::test]
async fn who_has_no_password_has_signed_in_a_moment_ago() {
    let (house, provider, _owner) = town(|settings| settings.oidc.providers = vec![entry(), other()]).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let body = || json!({ "provider": "other" });
    house.api(Method::POST, LINKS, &browser.session().unwrap(), body()).await.expect(201);
    house.clock.advance(time::Duration::minutes(10));
    provider.advance(600);
    let refused = house.api(Method::POST, LINKS, &browser.session().unwrap(), body()).await.expect(403);
    assert!(refused.body.contains("sign in again"), "{}", refused.body);
    // A session at the provider that is hours old is no proof, and neither is a key that no sign-in made.
    let now = crate::house::NOW.unix_timestamp();
    provider.say(with(json!({ "auth_time": now - 7200 })));
    browser.sign_in(&provider).await.expect(307);
    house.api(Method::POST, LINKS, &browser.session().unwrap(), body()).await.expect(403);
    let key = house.api(Method::POST, "/users/me/keys", &browser.session().unwrap(), Value::Null).await.expect(201);
    house.api(Method::POST, LINKS, key.json()["key"].as_str().unwrap(), body()).await.expect(403);
    // The provider is asked for a new proof, and must say that there was one.
    let anew = format!("{CALLBACK}?reauthenticate=true");
    for (claims, status) in [
        (json!({}), 400),
        (json!({ "auth_time": now - 7200 }), 400),
        (json!({ "auth_time": "now" }), 400),
        (json!({ "auth_time": now + 600 }), 307),
    ] {
        let sent = browser.get(&anew).await.expect(307);
        assert_eq!(sent.redirected_with("prompt").as_deref(), Some("login"));
        assert_eq!(sent.redirected_with("max_age").as_deref(), Some("0"));
        provider.say(with(claims.clone()));
        let state = browser.go(&provider, &anew).await;
        let back = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await;
        assert_eq!(back.status.as_u16(), status, "{claims}: {}", back.body);
    }
    house.api(Method::POST, LINKS, &browser.session().unwrap(), body()).await.expect(201);
}

#[actix_web::test]
async fn only_the_browser_with_the_session_in_which_it_was_asked_for_ends_it() {
    let (house, provider, owner) = town(|settings| settings.oidc.providers = vec![entry(), other()]).await;
    let (bob, eve) = (house.member(&owner, "bob").await, house.member(&owner, "eve").await);
    let mut browser = Browser::new(&house);
    let path = ask(&mut browser, &bob, "corp").await;
    // A stranger who was sent the address has not what the browser has kept.
    Browser::new(&house).get(&path).await.expect(400);
    let agreed: Vec<_> = browser.cookies.iter().filter(|cookie| cookie.contains("convert")).cloned().collect();
    let session = |token: &str| vec![format!("coder_session_token={token}")];
    // Somebody who was given all of it, and is nobody here, or somebody else, or the same in another session.
    let elsewhere = house.login("bob@example.com").await;
    for sessions in [Vec::new(), session(&eve), session(&elsewhere), session(&format!("{}x", &bob[..bob.len() - 1]))] {
        let mut victim = Browser::new(&house);
        victim.cookies = [agreed.clone(), sessions].concat();
        let refused = go_on(&mut victim, &provider, &path).await.expect(401);
        assert!(refused.body.contains("begin again"), "{}", refused.body);
    }
    // At another provider, with what was agreed upon for another try, or too late.
    let (_, query) = path.split_once('?').unwrap();
    browser.get(&format!("{AT_OTHER}?{query}")).await.expect(403);
    let state = browser.go(&provider, &path).await;
    let going = browser.cookies.clone();
    ask(&mut browser, &bob, "corp").await;
    browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(403);
    browser.cookies = going;
    house.clock.advance(time::Duration::minutes(5));
    let late = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(403);
    assert!(late.body.contains("too long"), "{}", late.body);
    // In a session that is over.
    let path = ask(&mut browser, &bob, "corp").await;
    house.api(Method::POST, "/users/logout", &bob, Value::Null).await.expect(200);
    go_on(&mut browser, &provider, &path).await.expect(401);
    for token in [&eve, &elsewhere] {
        assert_eq!(links(&house, token).await, Vec::<Value>::new());
    }
}

#[actix_web::test]
async fn no_account_is_taken_from_another_user_and_each_has_one_of_a_provider() {
    let (house, provider, owner) = town(|_| ()).await;
    let (bob, eve) = (house.member(&owner, "bob").await, house.member(&owner, "eve").await);
    link(&house, &provider, &bob, "1").await.expect(307);
    let refused = link(&house, &provider, &eve, "1").await.expect(409);
    assert!(refused.body.contains("linked to another user"), "{}", refused.body);
    let refused = link(&house, &provider, &bob, "2").await.expect(409);
    assert!(refused.body.contains("another account of this provider"), "{}", refused.body);
    link(&house, &provider, &bob, "1").await.expect(307);
    assert_eq!((links(&house, &bob).await.len(), links(&house, &eve).await.len()), (1, 0));
}
