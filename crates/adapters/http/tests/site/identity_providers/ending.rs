//! Providers end sessions.

use super::{Browser, ann, town};
use crate::house::{Answer, House, NOW};
use crate::provider::{FakeProvider, PROVIDER};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const LOGOUT: &str = "/api/v2/users/oidc/corp/backchannel-logout";

fn logout_token(provider: &FakeProvider, id: &str, more: Value) -> String {
    let now = NOW.unix_timestamp();
    let mut claims = json!({
        "iss": PROVIDER, "aud": "doorward", "iat": now, "exp": now + 120, "jti": id,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let Value::Object(more) = more else { panic!("no object") };
    claims.as_object_mut().unwrap().extend(more);
    provider.sign(&json!({ "typ": "logout+jwt" }), &claims)
}

async fn end<S>(house: &House<S>, token: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    house.form(LOGOUT, "", &[("logout_token", token)]).await
}

#[actix_web::test]
async fn a_session_ends_with_that_of_the_provider_and_others_do_not() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut sessions = Vec::new();
    for sid in ["s1", "s2", "s3"] {
        let mut claims = ann();
        claims["sid"] = sid.into();
        provider.say(claims);
        let mut browser = Browser::new(&house);
        browser.sign_in(&provider).await.expect(307);
        sessions.push(browser.session().unwrap());
    }
    let token = house.api(Method::POST, "/users/me/keys/tokens", &sessions[2], json!({})).await.expect(201).json();
    let token = token["key"].as_str().unwrap();
    end(&house, &logout_token(&provider, "1", json!({ "sid": "s1" }))).await.expect(200);
    house.get("/users/me", &sessions[0]).await.expect(401);
    house.get("/users/me", &sessions[1]).await.expect(200);
    end(&house, &logout_token(&provider, "2", json!({ "sid": "unknown" }))).await.expect(200);
    house.get("/users/me", &sessions[1]).await.expect(200);
    let both = json!({ "sid": "unknown", "sub": "sub-1" });
    end(&house, &logout_token(&provider, "both", both)).await.expect(200);
    house.get("/users/me", &sessions[1]).await.expect(200);
    end(&house, &logout_token(&provider, "3", json!({ "sub": "sub-1" }))).await.expect(200);
    house.get("/users/me", &sessions[1]).await.expect(401);
    house.get("/users/me", &sessions[2]).await.expect(401);
    house.get("/users/me", token).await.expect(200);
}

#[actix_web::test]
async fn a_logout_token_that_breaks_a_rule_ends_nothing() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let sub = || json!({ "sub": "sub-1" });
    let with = |more: Value| {
        let mut all = sub();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let now = NOW.unix_timestamp();
    for (n, more) in [
        json!({ "aud": "other" }),
        json!({ "iss": "https://other.example" }),
        json!({ "nonce": "n" }),
        json!({ "events": {} }),
        json!({ "iat": now - 400 }),
        json!({ "iat": now + 400 }),
        json!({ "exp": now - 100 }),
        json!({ "jti": null }),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = end(&house, &logout_token(&provider, &n.to_string(), with(more.clone()))).await;
        assert_eq!(refused.status, 400, "{more}");
        assert_eq!(refused.json()["error"], "invalid_request", "{more}");
    }
    end(&house, &logout_token(&provider, "x", json!({}))).await.expect(400);
    end(&house, "nonsense").await.expect(400);
    house.form(LOGOUT, "", &[]).await.expect(400);
    house.form("/api/v2/users/oidc/nope/backchannel-logout", "", &[("logout_token", "a")]).await.expect(404);
    house.get("/users/me", &browser.session().unwrap()).await.expect(200);
    // Once, not twice.
    let token = logout_token(&provider, "once", sub());
    end(&house, &token).await.expect(200);
    let again = end(&house, &token).await.expect(400);
    assert!(again.body.contains("used before"), "{}", again.body);
}

#[actix_web::test]
async fn a_logout_request_that_is_too_large_is_refused_in_json() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    for length in [64 * 1024, 2 * 1024 * 1024] {
        let token = "a".repeat(length);
        for accept in ["text/html", "*/*", ""] {
            let mut request = actix_web::test::TestRequest::post().uri(LOGOUT);
            if !accept.is_empty() {
                request = request.insert_header(("Accept", accept));
            }
            let body = format!("logout_token={token}");
            let form = ("Content-Type", "application/x-www-form-urlencoded");
            let refused = house.send(request.insert_header(form).set_payload(body)).await.expect(413);
            assert!(refused.header("content-type").starts_with("application/json"), "{accept}: {refused:?}");
            assert!(refused.json()["message"].as_str().unwrap().contains("too large"), "{accept}: {}", refused.body);
        }
    }
    house.get("/users/me", &browser.session().unwrap()).await.expect(200);
}

#[actix_web::test]
async fn an_app_that_wants_a_new_proof_has_the_provider_asked_for_one() {
    let (house, _provider, owner) = town(|_| ()).await;
    let app = crate::oauth2::client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    for (prompt, anew) in [("login", true), ("consent", false)] {
        let uri = app.authorize(&[("scope", "openid"), ("prompt", prompt)]);
        let mut browser = Browser::new(&house);
        let sent = browser.get(&uri).await.expect(303);
        let page = browser.get(sent.header("location")).await.expect(200).body;
        let begins = page
            .split('"')
            .find(|part| part.starts_with("/api/v2/users/oidc/"))
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        assert_eq!(begins.contains("reauthenticate=true"), anew, "{prompt}: {begins}");
        let away = browser.get(&begins).await.expect(307);
        assert_eq!(away.redirected_with("prompt").as_deref(), anew.then_some("login"), "{prompt}");
    }
}
