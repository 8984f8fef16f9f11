//! What a request asks of the user: to sign in, to allow it, or nothing.

use super::{ask, claims_of, exchange, relying_party, tokens};
use crate::house::{Answer, house, house_with};
use crate::oauth2::{allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_ports::WorkMode;
use doorward_services::oauth2::registration::RegistrationMode;
use serde_json::{Value, json};
use time::Duration;

/// The path and query to which a sign-in leads.
fn target(answer: &Answer) -> String {
    assert!(answer.header("location").starts_with("/login?"), "{}", answer.header("location"));
    answer.redirected_with("redirect").unwrap()
}

#[actix_web::test]
async fn oidcc_prompt_login() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let before = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    let before = claims_of(&house, &before["id_token"]).await["auth_time"].as_i64().unwrap();
    house.clock.advance(Duration::seconds(2));
    let uri = app.authorize(&[("scope", "openid"), ("prompt", "login")]);
    let anew = target(&ask(&house, &owner, &uri).await.expect(303));
    // With the old session the form is shown, and the request leads back to it.
    let login = format!(
        "/login?{}",
        url::form_urlencoded::Serializer::new(String::new()).append_pair("redirect", &anew).finish()
    );
    assert!(ask(&house, &owner, &login).await.expect(200).body.contains("password"));
    ask(&house, &owner, &anew).await.expect(303);
    allow(&house, &owner, &anew).await.expect(303);
    house.clock.advance(Duration::SECOND);
    let fresh = house.login("ann@example.com").await;
    assert_eq!(ask(&house, &fresh, &login).await.expect(303).header("location"), anew);
    // Long after, too: the question was answered.
    house.clock.advance(Duration::minutes(5));
    let code = ask(&house, &fresh, &anew).await.expect(302).redirected_with("code").unwrap();
    let answer = exchange(&house, &app, &code).await.expect(200).json();
    assert_eq!(claims_of(&house, &answer["id_token"]).await["auth_time"], before + 3);
}

#[actix_web::test]
async fn who_signs_in_for_a_request_is_not_asked_to_do_so_again() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    for proof in [("prompt", "login"), ("max_age", "0")] {
        let uri = app.authorize(&[("scope", "openid"), proof]);
        let anew = target(&ask(&house, "", &uri).await.expect(303));
        house.clock.advance(Duration::SECOND);
        let fresh = house.login("ann@example.com").await;
        house.clock.advance(Duration::seconds(2));
        assert!(ask(&house, &fresh, &anew).await.expect(302).redirected_with("code").is_some(), "{proof:?}");
        // It is good for this request alone.
        ask(&house, &fresh, &uri).await.expect(303);
    }
    let uri = app.authorize(&[("scope", "openid")]);
    assert_eq!(target(&ask(&house, "", &uri).await.expect(303)), uri, "who asks for no proof gets none");
}

#[actix_web::test]
async fn oidcc_prompt_none_not_logged_in() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid"), ("prompt", "none")]);
    let answer = ask(&house, "", &uri).await.expect(302);
    assert!(answer.header("location").starts_with("https://app.example/cb?"));
    assert_eq!(answer.redirected_with("error").as_deref(), Some("login_required"));
    assert_eq!(answer.redirected_with("state").as_deref(), Some("s t"));
}

#[actix_web::test]
async fn oidcc_prompt_none_logged_in() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let silent = app.authorize(&[("scope", "openid"), ("prompt", "none")]);
    let refused = ask(&house, &owner, &silent).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("consent_required"));
    let before = tokens(&house, &owner, &app, &[("scope", "openid email")]).await;
    let before = claims_of(&house, &before["id_token"]).await;
    let code = ask(&house, &owner, &silent).await.expect(302).redirected_with("code").unwrap();
    let answer = exchange(&house, &app, &code).await.expect(200).json();
    let after = claims_of(&house, &answer["id_token"]).await;
    for same in ["sub", "auth_time", "sid"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    let more = app.authorize(&[("scope", "openid profile"), ("prompt", "none")]);
    assert_eq!(ask(&house, &owner, &more).await.redirected_with("error").as_deref(), Some("consent_required"));
}

#[actix_web::test]
async fn oidcc_max_age_1() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    house.clock.advance(Duration::seconds(2));
    let uri = app.authorize(&[("scope", "openid"), ("max_age", "1")]);
    let anew = target(&ask(&house, &owner, &uri).await.expect(303));
    let silent = app.authorize(&[("scope", "openid"), ("max_age", "1"), ("prompt", "none")]);
    assert_eq!(ask(&house, &owner, &silent).await.redirected_with("error").as_deref(), Some("login_required"));
    let fresh = house.login("ann@example.com").await;
    house.clock.advance(Duration::seconds(30));
    let code = ask(&house, &fresh, &anew).await.expect(302).redirected_with("code").unwrap();
    let answer = exchange(&house, &app, &code).await.expect(200).json();
    assert!(claims_of(&house, &answer["id_token"]).await["auth_time"].is_i64());
}

#[actix_web::test]
async fn oidcc_max_age_10000() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let before = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    house.clock.advance(Duration::seconds(2));
    let uri = app.authorize(&[("scope", "openid"), ("max_age", "10000")]);
    let code = ask(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let answer = exchange(&house, &app, &code).await.expect(200).json();
    let (before, after) = (claims_of(&house, &before["id_token"]).await, claims_of(&house, &answer["id_token"]).await);
    assert_eq!(before["auth_time"], after["auth_time"]);
}

#[actix_web::test]
async fn oidcc_id_token_hint() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let app = relying_party(&house, &owner).await;
    let other = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    tokens(&house, &bob, &app, &[("scope", "openid")]).await;
    let hint = answer["id_token"].as_str().unwrap();
    house.clock.advance(Duration::hours(2));
    let silent = |hint: &str| app.authorize(&[("scope", "openid"), ("prompt", "none"), ("id_token_hint", hint)]);
    let answer = ask(&house, &owner, &silent(hint)).await.expect(302);
    assert!(answer.redirected_with("code").is_some(), "it has expired, which does not matter");
    let error = async |session: &str, uri: &str| ask(&house, session, uri).await.expect(302).redirected_with("error");
    assert_eq!(error(&bob, &silent(hint)).await.as_deref(), Some("login_required"), "somebody else");
    let (signed, _) = hint.rsplit_once('.').unwrap();
    for bad in [format!("{signed}.AAAA"), format!("{signed}."), "x".to_owned(), format!("{hint}x")] {
        assert_eq!(error(&owner, &silent(&bad)).await.as_deref(), Some("invalid_request"), "{bad}");
    }
    let foreign = other.authorize(&[("scope", "openid"), ("prompt", "none"), ("id_token_hint", hint)]);
    assert_eq!(error(&owner, &foreign).await.as_deref(), Some("invalid_request"), "the hint of another app");
    let spoken = app.authorize(&[("scope", "openid"), ("id_token_hint", hint)]);
    ask(&house, &bob, &spoken).await.expect(303);
}

/// The answer to a request for what was allowed before, with this parameter, and a long `state` that must come back.
async fn succeeds_with(name: &str, value: &str) -> Value {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    let state = "s".repeat(128);
    let uri = app.authorize(&[("scope", "openid"), (name, value)]).replace("state=s+t", &format!("state={state}"));
    let answer = ask(&house, &owner, &uri).await.expect(302);
    assert_eq!(answer.redirected_with("state").as_deref(), Some(state.as_str()));
    let tokens = exchange(&house, &app, &answer.redirected_with("code").unwrap()).await.expect(200).json();
    claims_of(&house, &tokens["id_token"]).await
}

#[actix_web::test]
async fn oidcc_display_page() {
    succeeds_with("display", "page").await;
}

#[actix_web::test]
async fn oidcc_display_popup() {
    succeeds_with("display", "popup").await;
}

#[actix_web::test]
async fn oidcc_ui_locales() {
    succeeds_with("ui_locales", "de fr-CA").await;
}

#[actix_web::test]
async fn oidcc_claims_locales() {
    succeeds_with("claims_locales", "de").await;
}

#[actix_web::test]
async fn oidcc_login_hint() {
    succeeds_with("login_hint", "ann@example.com").await;
}

#[actix_web::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    succeeds_with("extra", "foobar").await;
}

#[actix_web::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let claims = succeeds_with("acr_values", "urn:mace:incommon:iap:silver mfa").await;
    assert_eq!(claims["acr"], "pwd", "what the sign-in was worth, whatever was wished for");
}

#[actix_web::test]
async fn what_decides_about_a_request_is_read_in_one_call_of_the_store() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid user:read"), ("prompt", "consent")]);
    let reads = || house.store.calls(WorkMode::Read);
    // The first reads what is remembered afterwards.
    ask(&house, &owner, &uri).await.expect(200);
    let before = reads();
    ask(&house, &owner, &uri).await.expect(200);
    let page = reads() - before;
    let before = reads();
    house.get("/users/me/keys/tokens", &owner).await.expect(200);
    assert_eq!(page, reads() - before, "as many as a list");
}

#[actix_web::test]
async fn a_hint_stands_in_the_form() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let login = ask(&house, "", &app.authorize(&[("login_hint", "some.body@example.com")])).await.expect(303);
    let page = ask(&house, "", login.header("location")).await.expect(200);
    assert!(page.body.contains("some.body@example.com"));
}

#[actix_web::test]
async fn what_is_malformed_is_told_to_the_app() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let long = "n".repeat(1025);
    for (name, value, error) in [
        ("prompt", "none login", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("claims", "{", "invalid_request"),
        ("claims", r#"{"userinfo": []}"#, "invalid_request"),
        ("nonce", &long, "invalid_request"),
        (
            "claims",
            r#"{"id_token": {"acr": {"essential": true, "value": "phr"}}}"#,
            "unmet_authentication_requirements",
        ),
    ] {
        let answer = ask(&house, &owner, &app.authorize(&[("scope", "openid"), (name, value)])).await.expect(302);
        assert_eq!(answer.redirected_with("error").as_deref(), Some(error), "{name}");
    }
}

#[actix_web::test]
async fn what_was_allowed_is_remembered_until_it_is_taken_back() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid user:read")]);
    assert!(ask(&house, &owner, &uri).await.expect(200).body.contains("Know who you are"));
    tokens(&house, &owner, &app, &[("scope", "openid user:read")]).await;
    assert!(ask(&house, &owner, &uri).await.expect(302).redirected_with("code").is_some());
    for asked in ["consent", "select_account"] {
        ask(&house, &owner, &app.authorize(&[("scope", "openid user:read"), ("prompt", asked)])).await.expect(200);
    }
    let more = app.authorize(&[("scope", "openid user:read template:read")]);
    ask(&house, &owner, &more).await.expect(200);
    let withdrawn = format!("/oauth2/tokens?client_id={}", app.id);
    let request = TestRequest::delete().uri(&withdrawn);
    house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(204);
    ask(&house, &owner, &uri).await.expect(200);
}

#[actix_web::test]
async fn programs_on_the_device_are_asked_about_each_time() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let uri = app.authorize(&[("scope", "openid")]);
    allow(&house, &owner, &uri).await.expect(302);
    ask(&house, &owner, &uri).await.expect(200);
    let silent = app.authorize(&[("scope", "openid"), ("prompt", "none")]);
    let refused = ask(&house, &owner, &silent).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("consent_required"));
}

#[actix_web::test]
async fn apps_without_a_secret_are_asked_about_once_where_an_administrator_has_registered_them() {
    let house = house_with(|settings| settings.oauth2.registration.mode = RegistrationMode::Open).await;
    let owner = house.owner().await;
    let public = json!({ "name": "spa", "callback_url": super::CALLBACK, "public": true });
    let made = house.api(Method::POST, "/oauth2-provider/apps", &owner, public).await.expect(201).json();
    let own = json!({ "redirect_uris": [super::CALLBACK], "token_endpoint_auth_method": "none" });
    let registered = TestRequest::post().uri("/oauth2/register").set_payload(own.to_string());
    let registered = house.send(registered).await.expect(201).json();
    for (id, remembered) in [(&made["id"], true), (&registered["client_id"], false)] {
        let app = crate::oauth2::Client { id: id.as_str().unwrap().to_owned(), secret: String::new() };
        allow(&house, &owner, &app.authorize(&[("scope", "openid")])).await.expect(302);
        let silent = app.authorize(&[("scope", "openid"), ("prompt", "none")]);
        let answer = ask(&house, &owner, &silent).await.expect(302);
        assert_eq!(answer.redirected_with("code").is_some(), remembered, "{id}");
        assert_eq!(answer.redirected_with("error").is_some(), !remembered, "{id}");
    }
}

#[actix_web::test]
async fn nothing_is_remembered_where_the_settings_say_so() {
    let house = house_with(|settings| settings.oauth2.remember_consent = false).await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    ask(&house, &owner, &app.authorize(&[("scope", "openid")])).await.expect(200);
}

#[actix_web::test]
async fn who_says_to_have_been_asked_is_not_believed() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    house.clock.advance(Duration::seconds(2));
    let uri = app.authorize(&[("scope", "openid"), ("max_age", "1")]);
    ask(&house, &owner, &format!("{uri}&reauth=1.x")).await.expect(303);
    // What was made for one request is not good for another, nor for long.
    let anew = target(&ask(&house, &owner, &uri).await.expect(303));
    let fresh = house.login("ann@example.com").await;
    let moved = anew.replace("max_age=1", "max_age=0");
    ask(&house, &fresh, &moved).await.expect(303);
    house.clock.advance(Duration::minutes(11));
    ask(&house, &fresh, &anew).await.expect(303);
}
