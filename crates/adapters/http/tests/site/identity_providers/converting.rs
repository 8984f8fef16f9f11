//! A user with a password changes to a provider (`identity.md` 2.8).

use super::{Browser, CALLBACK, ann, town};
use crate::house::{Answer, House, PASSWORD};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const PATH: &str = "/users/me/convert-login";

/// Proves the password; the browser keeps what it is given. The state.
async fn begin<S>(browser: &mut Browser<'_, S>, token: &str, to: &str) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let body = json!({ "to_type": to, "password": PASSWORD });
    let begun = browser.house.api(Method::POST, PATH, token, body).await.expect(201);
    browser.cookies.extend(begun.cookies());
    begun.json()["state_string"].as_str().unwrap().to_owned()
}

/// Goes to the provider and comes back.
async fn go_on<S>(browser: &mut Browser<'_, S>, provider: &FakeProvider, state: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let sent = browser.go(provider, &format!("{CALLBACK}?oidc_merge_state={state}")).await;
    assert_eq!(sent, state);
    browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await
}

fn says(provider: &FakeProvider, email: &str) {
    let mut claims = ann();
    claims["email"] = email.into();
    provider.say(claims);
}

async fn login_type<S>(house: &House<S>, owner: &str, user: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    house.get(&format!("/users/{user}"), owner).await.expect(200).json()["login_type"].clone()
}

#[actix_web::test]
async fn the_password_is_gone_when_the_provider_has_vouched_and_not_before() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    says(&provider, "bob@example.com");
    let mut browser = Browser::new(&house);
    let state = begin(&mut browser, &token, "oidc").await;
    assert!(state.starts_with("convert-") && state.len() == 40, "{state}");
    let log = house.get("/audit?q=resource_type:convert_login&limit=9", &owner).await.expect(200).json();
    let record = &log["audit_logs"][0];
    assert_eq!(
        (&log["count"], &record["action"], &record["resource_target"]),
        (&json!(1), &json!("create"), &json!("oidc"))
    );
    assert_eq!((&record["user"]["username"], &record["diff"]["to_login_type"]["new"]), (&json!("bob"), &json!("oidc")));
    assert_eq!(record["diff"]["state_string"]["secret"], true);
    assert!(!log.to_string().contains(&state), "whoever knows the state could end it");
    assert_eq!(login_type(&house, &owner, "bob").await, "password");
    browser.cookies.push(format!("coder_session_token={token}"));
    let back = go_on(&mut browser, &provider, &state).await.expect(307);
    assert_eq!(back.header("location"), "/login?done=converted");
    assert_eq!(browser.session(), None, "everybody signs in anew");
    assert_eq!(login_type(&house, &owner, "bob").await, "oidc");
    house.get("/users/me", &token).await.expect(401);
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    house.api(Method::POST, "/users/login", "", body).await.expect(401);
    browser.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(me["username"], "bob");
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let diff =
        |record: &Value| record["diff"]["login_type"] == json!({ "old": "password", "new": "oidc", "secret": false });
    assert!(log["audit_logs"].as_array().unwrap().iter().any(diff), "{log}");
}

#[actix_web::test]
async fn it_begins_with_the_password_of_an_account_that_has_one() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    for (body, status) in [
        (json!({ "to_type": "oidc", "password": "wrong" }), 401),
        (json!({ "to_type": "oidc" }), 400),
        (json!({ "to_type": "password", "password": PASSWORD }), 400),
        (json!({ "to_type": "nonsense", "password": PASSWORD }), 400),
        (json!({ "to_type": "github", "password": PASSWORD }), 400),
        (json!([]), 400),
    ] {
        let answer = house.api(Method::POST, PATH, &token, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.body);
        assert!(!answer.body.contains("convert-"), "{}", answer.body);
    }
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let body = json!({ "to_type": "oidc", "password": PASSWORD });
    house.api(Method::POST, PATH, &browser.session().unwrap(), body.clone()).await.expect(400);
    // Somebody else needs the password of the account too, and the right to change it.
    house.api(Method::POST, "/users/ann/convert-login", &token, body).await.expect(400);
}

#[actix_web::test]
async fn what_does_not_fit_together_converts_nobody() {
    let (house, provider, owner) = town(|_| ()).await;
    let bob = house.member(&owner, "bob").await;
    let eve = house.member(&owner, "eve").await;
    // Without the cookie, with that of another try, and with one of another user.
    let mut browser = Browser::new(&house);
    let state = begin(&mut browser, &bob, "oidc").await;
    says(&provider, "bob@example.com");
    let going = format!("{CALLBACK}?oidc_merge_state={state}");
    Browser::new(&house).get(&going).await.expect(400);
    let back = format!("{CALLBACK}?code=the-code&state={state}");
    browser.go(&provider, &going).await;
    let kept: Vec<_> = browser.cookies.iter().filter(|cookie| cookie.starts_with("oauth_state=")).cloned().collect();
    browser.cookies.clone_from(&kept);
    browser.get(&back).await.expect(400);
    browser.cookies = [kept.clone(), vec!["coder_oauth_convert_jwt=e30.e30.e30".to_owned()]].concat();
    browser.get(&back).await.expect(400);
    browser.cookies.clone_from(&kept);
    begin(&mut browser, &bob, "oidc").await;
    browser.get(&back).await.expect(403);
    let mut browser = Browser::new(&house);
    let state = begin(&mut browser, &eve, "oidc").await;
    go_on(&mut browser, &provider, &state).await.expect(403);
    // An address that nobody has, and too late.
    says(&provider, "nobody@example.com");
    let state = begin(&mut browser, &eve, "oidc").await;
    go_on(&mut browser, &provider, &state).await.expect(400);
    says(&provider, "eve@example.com");
    let state = begin(&mut browser, &eve, "oidc").await;
    house.clock.advance(time::Duration::minutes(5));
    let late = browser.get(&format!("{CALLBACK}?oidc_merge_state={state}")).await.expect(403);
    assert!(late.body.contains("too long"), "{}", late.body);
    for user in ["bob", "eve"] {
        assert_eq!(login_type(&house, &owner, user).await, "password", "{user}");
    }
}

#[actix_web::test]
async fn a_password_that_is_changed_meanwhile_converts_nobody() {
    let (house, provider, owner) = town(|_| ()).await;
    let bob = house.member(&owner, "bob").await;
    says(&provider, "bob@example.com");
    let mut browser = Browser::new(&house);
    let state = begin(&mut browser, &bob, "oidc").await;
    let new = json!({ "password": "AnotherPassword!1" });
    house.api(Method::PUT, "/users/bob/password", &owner, new).await.expect(204);
    let refused = go_on(&mut browser, &provider, &state).await.expect(403);
    assert!(refused.body.contains("changed meanwhile"), "{}", refused.body);
    assert_eq!(login_type(&house, &owner, "bob").await, "password");
}

#[actix_web::test]
async fn nobody_changes_to_a_provider_that_would_not_let_them_in() {
    let (house, provider, owner) = town(|settings| {
        settings.idp_sync.group_field = "groups".to_owned();
        settings.idp_sync.group_allow_list = vec!["eng".to_owned()];
    })
    .await;
    let bob = house.member(&owner, "bob").await;
    says(&provider, "bob@example.com");
    let mut browser = Browser::new(&house);
    let state = begin(&mut browser, &bob, "oidc").await;
    go_on(&mut browser, &provider, &state).await.expect(403);
    assert_eq!(login_type(&house, &owner, "bob").await, "password");
    house.get("/users/me", &bob).await.expect(200);
}

#[actix_web::test]
async fn guesses_of_the_password_at_the_same_moment_are_limited_like_those_one_after_another() {
    let (house, _provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    let guess = |n: usize| {
        let body = json!({ "to_type": "oidc", "password": format!("guess-{n}") });
        house.api(Method::POST, PATH, &token, body)
    };
    let answers = futures_util::future::join_all((0..40).map(guess)).await;
    let wrong = answers.iter().filter(|answer| answer.status == 401).count();
    let limited = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(wrong + limited, 40, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(limited >= 20, "{wrong} guesses were looked at");
    // Afterwards even the right one waits.
    let body = json!({ "to_type": "oidc", "password": PASSWORD });
    house.api(Method::POST, PATH, &token, body).await.expect(429);
    assert_eq!(login_type(&house, &owner, "bob").await, "password");
}
