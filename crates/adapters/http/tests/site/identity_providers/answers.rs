//! What is asked of a provider, and what of its answers is believed: errors, signed userinfo, addresses that it names.

use super::{Browser, CALLBACK, ann, town};
use crate::provider::PROVIDER;
use doorward_ports::Clock as _;
use doorward_ports::fetch::ChosenBy;
use serde_json::{Value, json};

#[actix_web::test]
async fn an_error_is_of_the_provider_only_if_it_says_so() {
    let (house, provider, _owner) = town(|_| ()).await;
    let shown = |body: &str| body.contains("access_denied") || body.contains("some words");
    for (discovery, issuer, is_shown) in [
        (json!({}), "", true),
        (json!({}), "&iss=https%3A%2F%2Fid.example", true),
        (json!({}), "&iss=https%3A%2F%2Fevil.example", false),
        (json!({}), "&iss=https%3A%2F%2Fid.example%2F", false),
        (json!({ "authorization_response_iss_parameter_supported": true }), "", false),
        (json!({ "authorization_response_iss_parameter_supported": true }), "&iss=https%3A%2F%2Fid.example", true),
    ] {
        provider.state().discovery = discovery.clone();
        // What is known of the provider is an hour old.
        house.clock.advance(time::Duration::hours(2));
        let mut browser = Browser::new(&house);
        let state = browser.go(&provider, CALLBACK).await;
        let error = format!("{CALLBACK}?error=access_denied&error_description=some%20words&state={state}{issuer}");
        let page = browser.get(&error).await.expect(400).body;
        assert_eq!(shown(&page), is_shown, "{discovery} {issuer}: {page}");
    }
}

#[actix_web::test]
async fn a_code_of_another_issuer_is_not_exchanged() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, CALLBACK).await;
    let mixed = format!("{CALLBACK}?code=the-code&state={state}&iss=https%3A%2F%2Fevil.example");
    browser.get(&mixed).await.expect(400);
    assert_eq!(provider.times("/token"), 0);
}

#[actix_web::test]
async fn signed_userinfo_is_of_the_provider_and_for_this_server() {
    let (house, provider, _owner) = town(|_| ()).await;
    provider.state().userinfo = Some(json!({}));
    let userinfo = format!("{PROVIDER}/userinfo");
    let now = crate::house::NOW.unix_timestamp();
    let says = |claims: Value| {
        let token = provider.sign(&json!({}), &claims);
        provider.state().raws = vec![(userinfo.clone(), "application/jwt", token.into_bytes())];
    };
    let good = json!({ "iss": PROVIDER, "aud": "doorward", "sub": "sub-1", "name": "Ann of Userinfo" });
    for (name, value, status) in [
        ("sub", json!("sub-1"), 307),
        ("aud", json!(["other", "doorward"]), 307),
        ("exp", json!(now + 60), 307),
        ("aud", json!("other"), 400),
        ("aud", json!(null), 400),
        ("aud", json!(7), 400),
        ("iss", json!("https://evil.example"), 400),
        ("iss", json!(null), 400),
        ("exp", json!(now - 60), 400),
        ("sub", json!("other"), 400),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        says(claims);
        let mut browser = Browser::new(&house);
        let answer = browser.sign_in(&provider).await;
        assert_eq!(answer.status.as_u16(), status, "{name} {value}: {}", answer.body);
        if status == 307 {
            let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
            assert_eq!(me["name"], "Ann of Userinfo");
        }
    }
    // Signed by nobody, though it comes from the right place.
    let token = provider.sign(&json!({ "kid": "unknown" }), &good);
    provider.state().raws = vec![(userinfo.clone(), "application/jwt", token.into_bytes())];
    Browser::new(&house).sign_in(&provider).await.expect(400);
    provider.state().raws = vec![(userinfo, "application/jwt", vec![0xff, 0xfe])];
    Browser::new(&house).sign_in(&provider).await.expect(502);
}

#[actix_web::test]
async fn only_addresses_at_the_host_of_the_issuer_were_chosen_by_the_operator() {
    let (house, provider, _owner) = town(|_| ()).await;
    Browser::new(&house).sign_in(&provider).await.expect(307);
    for path in ["/.well-known/openid-configuration", "/token", "/jwks"] {
        assert_eq!(provider.chosen_by(path), Some(ChosenBy::Operator), "{path}");
    }
    // The provider names places elsewhere: they must be public.
    let elsewhere = |path: &str| format!("https://elsewhere.example/{path}");
    provider.state().discovery = json!({
        "jwks_uri": elsewhere("jwks"), "userinfo_endpoint": elsewhere("userinfo"), "token_endpoint": elsewhere("token"),
    });
    house.clock.advance(time::Duration::hours(2));
    provider.advance(7200);
    let (keys, now) = (json!({ "keys": provider.jwks() }), house.clock.now().unix_timestamp());
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, CALLBACK).await;
    let claims = json!({
        "iss": PROVIDER, "sub": "sub-1", "aud": "doorward", "iat": now, "exp": now + 60,
        "nonce": provider.nonce(), "email": "ann@corp.example",
    });
    let id_token = provider.sign(&json!({}), &claims);
    let token = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
    let userinfo = json!({ "sub": "sub-1", "email": "ann@corp.example" });
    provider.state().others =
        vec![(elsewhere("jwks"), keys), (elsewhere("token"), token), (elsewhere("userinfo"), userinfo)];
    browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(307);
    for path in ["/jwks", "/token", "/userinfo"] {
        assert_eq!(provider.chosen_by(path), Some(ChosenBy::Trusted), "{path}");
    }
    assert_eq!(provider.chosen_by("/.well-known/openid-configuration"), Some(ChosenBy::Operator));
    provider.say(ann());
}
