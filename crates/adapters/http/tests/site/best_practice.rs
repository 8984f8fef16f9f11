//! What RFC 9700 warns of, as requests. Tests begin with the section that they are about.

use crate::house::{ISSUER, house, house_with};
use crate::oauth2::{CHALLENGE, Client, VERIFIER, allow, client};
use crate::openid::{CALLBACK, ask, exchange, relying_party};
use actix_web::test::TestRequest;
use doorward_services::oauth2::registration::RegistrationMode;
use serde_json::json;

/// One that fits no challenge here.
const WRONG_VERIFIER: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// The request of a client without PKCE.
fn without_challenge(client: &Client) -> String {
    format!("/oauth2/authorize?client_id={}&response_type=code&state=s&scope=user:read", client.id)
}

/// RFC 9700 4.1.3: exact comparison. 4.11: nothing is sent to an address that is not registered, errors neither.
#[actix_web::test]
async fn s4_1_nearly_the_registered_redirect_uri_is_none() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    for near in [
        "https://app.example/cb/",
        "https://app.example/cb/x",
        "https://app.example/cb?x=1",
        "https://app.example/cb?",
        "https://app.example/cb#",
        "https://app.example/CB",
        "https://app.example/%63b",
        "https://app.example/x/../cb",
        "https://app.example:443/cb",
        "https://app.example:8443/cb",
        "https://APP.example/cb",
        "https://app.example./cb",
        "https://evil.app.example/cb",
        "https://app.example.evil.example/cb",
        "https://app.example@evil.example/cb",
        "https://evil.example/https://app.example/cb",
        "https://app.example\\@evil.example/cb",
        "http://app.example/cb",
        "//app.example/cb",
        "https://app.example/cb\u{200b}",
        "javascript:alert(1)",
    ] {
        for more in [("scope", "openid"), ("response_type", "token"), ("prompt", "none"), ("scope", "no such")] {
            let uri = app.authorize(&[("redirect_uri", near), more]);
            let refused = ask(&house, &owner, &uri).await.expect(400);
            assert_eq!(refused.header("location"), "", "{near} {more:?}");
        }
    }
}

/// RFC 9700 2.1.1 and 4.8.2: a verifier without a challenge is a downgrade, and so is a challenge without a verifier.
#[actix_web::test]
async fn s4_8_pkce_is_taken_away_by_nobody() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "callback_url": CALLBACK, "require_pkce": false })).await;
    let fields = |code: &str, verifier: &str| {
        let mut fields = vec![("grant_type", "authorization_code".to_owned()), ("code", code.to_owned())];
        if !verifier.is_empty() {
            fields.push(("code_verifier", verifier.to_owned()));
        }
        fields
    };
    for (uri, verifier, status) in [
        (without_challenge(&app), VERIFIER, 400),
        (app.authorize(&[]), "", 400),
        (app.authorize(&[]), WRONG_VERIFIER, 400),
        (app.authorize(&[]), CHALLENGE, 400),
        (without_challenge(&app), "", 200),
        (app.authorize(&[]), VERIFIER, 200),
    ] {
        let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
        let fields = fields(&code, verifier);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(status);
        assert!(status == 200 || answer.json()["error"] == "invalid_grant", "{}", answer.body);
    }
    let plain = app.authorize(&[("code_challenge_method", "plain")]);
    assert_eq!(ask(&house, &owner, &plain).await.redirected_with("error").as_deref(), Some("invalid_request"));
    let strict = relying_party(&house, &owner).await;
    let refused = ask(&house, &owner, &without_challenge(&strict)).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_request"));
}

/// RFC 9700 2.1.2: no token comes by the browser. 2.4: nobody tells an app a password.
#[actix_web::test]
async fn s2_1_2_tokens_come_from_the_token_endpoint_and_by_no_password() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    for kind in ["token", "id_token", "code token", "code id_token", "code id_token token", "none"] {
        let uri =
            app.authorize(&[]).replace("response_type=code", &format!("response_type={}", kind.replace(' ', "+")));
        let refused = ask(&house, &owner, &uri).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("unsupported_response_type"), "{kind}");
        assert!(!refused.header("location").contains('#') && !refused.header("location").contains("token="));
    }
    let password = [("grant_type", "password"), ("username", "ann@example.com"), ("password", "x")];
    let refused = house.form("/oauth2/tokens", &app.basic(), &password).await.expect(400);
    assert_eq!(refused.json()["error"], "unsupported_grant_type");
}

/// RFC 9700 4.4: each answer names its server. 4.12: after a POST, no browser sends it on. 4.2: nothing leaks by a referrer.
#[actix_web::test]
async fn s4_4_answers_name_their_server_and_carry_nothing_on() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let allowed = allow(&house, &owner, &app.authorize(&[("scope", "user:read")])).await.expect(302);
    let denied = ask(&house, &owner, &app.authorize(&[("scope", "no:such")])).await.expect(302);
    for answer in [&allowed, &denied] {
        assert_eq!(answer.redirected_with("iss").as_deref(), Some(ISSUER));
        assert_eq!(answer.redirected_with("state").as_deref(), Some("s t"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let page = ask(&house, &owner, &app.authorize(&[("scope", "user:read"), ("prompt", "consent")])).await.expect(200);
    let wrong = ask(&house, &owner, &app.authorize(&[("redirect_uri", "https://evil.example/cb")])).await.expect(400);
    for page in [page, wrong] {
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "4.16: nor is it framed");
        assert_eq!(page.header("access-control-allow-origin"), "", "2.6: scripts of other sites do not read it");
    }
}

/// RFC 9700 4.5: a code is good for its client, once, and with its redirect URI.
#[actix_web::test]
async fn s4_5_a_stolen_code_is_of_no_use() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, thief) = (relying_party(&house, &owner).await, relying_party(&house, &owner).await);
    let uri = app.authorize(&[("scope", "user:read"), ("redirect_uri", CALLBACK)]);
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    assert_eq!(exchange(&house, &thief, &code).await.expect(400).json()["error"], "invalid_grant");
    assert_eq!(
        exchange(&house, &app, &code).await.expect(400).json()["error"],
        "invalid_grant",
        "without its redirect URI"
    );
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200);
    assert_eq!(house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json()["error"], "invalid_grant");
}

/// RFC 9700 4.10: a token for one server is refused by another.
#[actix_web::test]
async fn s4_10_a_token_is_good_for_its_resource_only() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let more = [("scope", "user:read"), ("resource", "https://files.example")];
    let token = crate::oauth2::access_token(&house, &owner, &app, &more).await;
    let bearer = TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {token}")));
    house.send(bearer).await.expect(401);
    let bearer = TestRequest::get().uri("/oauth2/userinfo").insert_header(("Authorization", format!("Bearer {token}")));
    house.send(bearer).await.expect(403);
}

/// RFC 9700 4.15: no client chooses the id by which it is known.
#[actix_web::test]
async fn s4_15_a_client_does_not_choose_its_id() {
    let house = house_with(|settings| settings.oauth2.registration.mode = RegistrationMode::Open).await;
    let owner = house.owner().await;
    let me = house.get("/users/me", &owner).await.json();
    let body = json!({ "client_id": me["id"], "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    let made = house.send(TestRequest::post().uri("/oauth2/register").set_payload(body.to_string())).await;
    assert_ne!(made.expect(201).json()["client_id"], me["id"]);
}
