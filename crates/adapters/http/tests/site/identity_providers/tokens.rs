//! What is believed of tokens and claims. Whatever is refused leaves no account behind.

use super::{Browser, ann, town};
use crate::house::NOW;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn with(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[actix_web::test]
async fn an_id_token_that_breaks_a_rule_is_refused() {
    let (house, provider, owner) = town(|_| ()).await;
    let now = NOW.unix_timestamp();
    for (header, claims) in [
        (json!({ "alg": "none" }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "alg": "RS256" }), json!({})),
        (json!({ "kid": "unknown" }), json!({})),
        (json!({ "crit": ["exp"] }), json!({})),
        (json!({ "typ": "logout+jwt" }), json!({})),
        (json!({}), json!({ "iss": "https://other.example" })),
        (json!({}), json!({ "iss": "https://id.example/" })),
        (json!({}), json!({ "iss": null })),
        (json!({}), json!({ "aud": "other" })),
        (json!({}), json!({ "aud": ["doorward", "other"] })),
        (json!({}), json!({ "azp": "other" })),
        (json!({}), json!({ "nonce": "other" })),
        (json!({}), json!({ "nonce": null })),
        (json!({}), json!({ "exp": now - 61 })),
        (json!({}), json!({ "exp": null })),
        (json!({}), json!({ "iat": now + 61 })),
        (json!({}), json!({ "nbf": now + 61 })),
        (json!({}), json!({ "sub": null })),
        (json!({}), json!({ "sub": "" })),
        (json!({}), json!({ "sub": 7 })),
        (json!({}), json!({ "sub": "s".repeat(256) })),
        (json!({}), json!({ "at_hash": "AAAA" })),
        (json!({}), json!({ "email": 7 })),
        (json!({}), json!({ "email": "no address" })),
        (json!({}), json!({ "email": null, "preferred_username": "ann" })),
    ] {
        provider.say(with(claims.clone()));
        provider.state().header = header.clone();
        let refused = Browser::new(&house).sign_in(&provider).await;
        assert_eq!(refused.status, 400, "{header} {claims}: {}", refused.body);
    }
    provider.state().header = json!({});
    provider.say(ann());
    provider.state().signature = Some(encode([7; 64]));
    assert_eq!(Browser::new(&house).sign_in(&provider).await.status, 400, "another signature");
    provider.state().signature = None;
    for text in ["", "a.b.c", "e30.e30.e30", "e30.e30.", &"a".repeat(2 * 1024 * 1024)] {
        provider.state().id_token = Some(text.to_owned());
        let refused = Browser::new(&house).sign_in(&provider).await;
        assert!(matches!(refused.status.as_u16(), 400 | 502), "{}: {}", text.len(), refused.body);
    }
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 1, "nobody was made");
}

#[actix_web::test]
async fn the_public_key_is_no_shared_secret() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, super::CALLBACK).await;
    let claims =
        with(json!({ "iss": "https://id.example", "aud": "doorward", "sub": "1", "exp": NOW.unix_timestamp() + 60 }));
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"k1"}"#), encode(claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &provider.state().public_key());
    provider.state().id_token = Some(format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes()))));
    browser.get(&format!("{}?code=the-code&state={state}", super::CALLBACK)).await.expect(400);
}

#[actix_web::test]
async fn keys_are_fetched_anew_once_for_a_key_that_is_not_known() {
    let (house, provider, _owner) = town(|_| ()).await;
    assert_eq!(Browser::new(&house).sign_in(&provider).await.status, 307);
    assert_eq!(provider.times("/jwks"), 1);
    provider.rotate();
    assert_eq!(Browser::new(&house).sign_in(&provider).await.status, 307, "the new key is known at once");
    assert_eq!(provider.times("/jwks"), 2);
    for _ in 0..3 {
        provider.state().header = json!({ "kid": "made up" });
        Browser::new(&house).sign_in(&provider).await.expect(400);
    }
    assert_eq!(provider.times("/jwks"), 2, "strangers cannot make us ask");
    house.clock.advance(time::Duration::seconds(61));
    provider.state().header = json!({});
    assert_eq!(Browser::new(&house).sign_in(&provider).await.status, 307);
}

#[actix_web::test]
async fn userinfo_is_about_the_same_person_and_its_address_brings_its_own_word() {
    let (house, provider, owner) = town(|_| ()).await;
    provider.state().userinfo = Some(json!({ "sub": "other", "name": "Eve" }));
    let refused = Browser::new(&house).sign_in(&provider).await.expect(400);
    assert!(refused.body.contains("somebody else"), "{}", refused.body);
    // The ID token vouches for one address, the endpoint names another: the word on the first is not about it.
    provider.state().userinfo = Some(json!({ "sub": "sub-1", "email": "ann@example.com" }));
    let refused = Browser::new(&house).sign_in(&provider).await.expect(403);
    assert!(refused.body.contains("already"), "the account of the owner is not given away: {}", refused.body);
    provider.state().userinfo =
        Some(json!({ "sub": "sub-1", "name": "Ann of Userinfo", "iss": "https://evil.example" }));
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!((&me["name"], &me["email"]), (&json!("Ann of Userinfo"), &json!("ann@corp.example")));
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 2);
}

#[actix_web::test]
async fn an_address_that_is_not_verified_or_not_of_the_house_is_refused() {
    let (house, provider, _owner) = town(|settings| {
        settings.oidc.providers[0].email_domains = vec!["@corp.example".to_owned()];
    })
    .await;
    for (claims, status) in [
        (json!({ "email_verified": false }), 403),
        (json!({ "email_verified": "false" }), 403),
        (json!({ "email": "ann@other.example" }), 403),
        (json!({ "email": "ann@corp.example.evil.example" }), 403),
        (json!({ "email_verified": "True" }), 307),
        (json!({ "email_verified": null }), 307),
    ] {
        provider.say(with(claims.clone()));
        let answer = Browser::new(&house).sign_in(&provider).await;
        assert_eq!(answer.status.as_u16(), status, "{claims}: {}", answer.body);
    }
}

#[actix_web::test]
async fn odd_claims_are_no_fault_of_the_server() {
    let (house, provider, _owner) = town(|_| ()).await;
    let many: Vec<String> = (0..50_000).map(|n| format!("g{n}")).collect();
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for (claims, statuses) in [
        (json!({ "groups": many }), [307, 400]),
        (json!({ "groups": { "a": 1 } }), [307, 307]),
        (json!({ "groups": [1, null, { "name": "x" }, "y"] }), [307, 307]),
        (json!({ "name": 7, "picture": [], "preferred_username": {} }), [307, 307]),
        (json!({ "name": "a\u{0}b" }), [400, 307]),
        (json!({ "deep": deep }), [400, 400]),
        (json!({ "big": "x".repeat(1024 * 1024) }), [400, 502]),
    ] {
        provider.say(with(claims.clone()));
        let answer = Browser::new(&house).sign_in(&provider).await;
        assert!(statuses.contains(&answer.status.as_u16()), "{:.80} {}", claims.to_string(), answer.body);
    }
}
