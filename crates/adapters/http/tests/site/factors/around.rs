//! Every way by which somebody could be signed in, or change how they sign in, without the second factor.

use super::{App, DELETE, POST, PUT, Walk};
use crate::house::{PASSWORD, house, house_with_outlets};
use crate::openid::{ask, claims_of, relying_party, tokens};
use doorward_ports::Clock as _;
use doorward_ports::mocks::KeepingMailer;
use doorward_services::identity_providers::Upstreams;
use doorward_services::notifications::{self, Outlets};
use serde_json::{Value, json};
use std::sync::Arc;
use time::Duration;

const ANOTHER: &str = "AnotherSecurePassword!";
const ANN: &str = "ann@example.com";

#[actix_web::test]
async fn a_session_alone_changes_neither_password_nor_address_nor_how_one_signs_in() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, _) = house.set_up(&owner).await;
    house.clock.advance(Duration::minutes(10));
    let password = json!({ "password": ANOTHER, "old_password": PASSWORD });
    let address = json!({ "email": "eve@example.com", "password": PASSWORD });
    for (path, body) in [("/users/me/password", password.clone()), ("/users/me/email", address)] {
        let refused = house.api(PUT, path, &owner, body).await.expect(403);
        assert!(refused.json()["message"].as_str().unwrap().contains("second factor"), "{path}");
    }
    // Nor by an API token, of which nobody knows who holds it.
    let token =
        house.api(POST, "/users/me/keys/tokens", &owner, json!({ "token_name": "ci" })).await.expect(201).json();
    let token = token["key"].as_str().unwrap();
    house.get("/users/me", token).await.expect(200);
    house.api(POST, "/users/me/totp/verify", token, json!({ "code": app.next(&house) })).await.expect(204);
    house.api(PUT, "/users/me/password", token, password.clone()).await.expect(403);
    house.api(POST, "/users/me/totp", token, Value::Null).await.expect(403);
    house.api(DELETE, "/users/me/totp", token, Value::Null).await.expect(403);

    house.api(POST, "/users/me/totp/verify", &owner, json!({ "code": app.next(&house) })).await.expect(204);
    house.api(PUT, "/users/me/password", &owner, password).await.expect(204);
    let login = json!({ "email": ANN, "password": ANOTHER });
    house.api(POST, "/users/login", "", login).await.expect(403);
}

#[actix_web::test]
async fn another_password_neither_removes_the_factor_nor_goes_on_with_what_began_before() {
    let mailer = KeepingMailer::default();
    let outlets = Outlets::with_mailer(Some(Arc::new(mailer.clone())));
    let house = house_with_outlets(outlets, Upstreams::default(), |_| {}).await;
    let owner = house.owner().await;
    let (app, _) = house.set_up(&owner).await;
    let begun = house.waiting(ANN).await;
    house.api(POST, "/users/otp/request", "", json!({ "email": ANN })).await.expect(204);
    notifications::deliver_all(&house.context).await.unwrap();
    let mails = mailer.take();
    let mail = mails.iter().find(|mail| mail.subject == "Your one-time passcode").unwrap();
    let code = mail.text.lines().find(|line| line.len() == 36 && line.matches('-').count() == 4).unwrap();
    let reset = json!({ "email": ANN, "password": ANOTHER, "one_time_passcode": code });
    let done = house.api(POST, "/users/otp/change-password", "", reset).await.expect(204);
    assert!(done.cookies().is_empty());
    house.get("/users/me", &owner).await.expect(401);
    house.step(&begun, "totp", &app.next(&house)).await.expect(401);
    let asked = house.api(POST, "/users/login", "", json!({ "email": ANN, "password": ANOTHER })).await.expect(403);
    let token = asked.json()["mfa"]["token"].as_str().unwrap().to_owned();
    house.step(&token, "totp", &app.next(&house)).await.expect(201);
}

#[actix_web::test]
async fn whoever_is_suspended_or_deleted_between_the_steps_is_not_let_in() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (app, _) = house.set_up(&bob).await;
    let token = house.waiting("bob@example.com").await;
    house.api(PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    house.step(&token, "totp", &app.next(&house)).await.expect(401);
    house.api(PUT, "/users/bob/status/activate", &owner, Value::Null).await.expect(200);
    let token = house.waiting("bob@example.com").await;
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    house.step(&token, "totp", &app.next(&house)).await.expect(401);
}

#[actix_web::test]
async fn a_key_that_a_session_makes_is_as_old_as_the_session_and_worth_no_more() {
    let house = house().await;
    let owner = house.owner().await;
    let client = relying_party(&house, &owner).await;
    house.clock.advance(Duration::minutes(20));
    let made = house.api(POST, "/users/me/keys", &owner, Value::Null).await.expect(201).json();
    let made = made["key"].as_str().unwrap();
    // A fresh key is no fresh sign-in: not for factors, and not for apps that want one.
    house.api(POST, "/users/me/totp", made, Value::Null).await.expect(403);
    for session in [&owner, made] {
        let uri = client.authorize(&[("scope", "openid"), ("max_age", "600")]);
        let asked = ask(&house, session, &uri).await.expect(303);
        assert!(asked.header("location").starts_with("/login?"), "{}", asked.header("location"));
        ask(&house, session, &client.authorize(&[("scope", "openid"), ("max_age", "3600")])).await.expect(200);
        // The sign-in page asks too, and does not send the browser around in a circle.
        ask(&house, session, asked.header("location")).await.expect(200);
    }
    let (app, _) = house.set_up(&house.login(ANN).await).await;
    let session = house.enter(ANN, &app).await;
    let made = house.api(POST, "/users/me/keys", &session, Value::Null).await.expect(201).json();
    house.api(POST, "/users/me/recovery-codes", made["key"].as_str().unwrap(), Value::Null).await.expect(201);

    // One that somebody else makes is no sign-in at all.
    let bob = house.member(&session, "bob").await;
    house.set_up(&bob).await;
    let of_bob = house.api(POST, "/users/bob/keys", &session, Value::Null).await.expect(201).json();
    house.api(DELETE, "/users/me/totp", of_bob["key"].as_str().unwrap(), Value::Null).await.expect(403);
}

#[actix_web::test]
async fn apps_are_told_what_a_sign_in_was_worth() {
    let house = house().await;
    let owner = house.owner().await;
    let client = relying_party(&house, &owner).await;
    let facts = async |session: &str| {
        let token = tokens(&house, session, &client, &[("scope", "openid"), ("prompt", "consent")]).await;
        let claims = claims_of(&house, &token["id_token"]).await;
        (claims["acr"].clone(), claims["amr"].clone(), claims["auth_time"].as_i64().unwrap())
    };
    let now = || house.clock.now().unix_timestamp();
    let began = now();
    assert_eq!(facts(&owner).await, (json!("pwd"), json!(["pwd"]), began));
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}"#;
    let strong = client.authorize(&[("scope", "openid"), ("prompt", "none"), ("claims", essential)]);
    let refused = ask(&house, &owner, &strong).await;
    assert_eq!(refused.redirected_with("error").as_deref(), Some("unmet_authentication_requirements"));

    house.clock.advance(Duration::MINUTE);
    let (app, codes) = house.set_up(&owner).await;
    assert_eq!(facts(&owner).await, (json!("mfa"), json!(["pwd", "otp", "mfa"]), began), "shown in the session");
    let session = house.enter(ANN, &app).await;
    assert_eq!(facts(&session).await, (json!("mfa"), json!(["pwd", "otp", "mfa"]), now()));
    let taken = ask(&house, &session, &strong).await;
    assert!(taken.redirected_with("code").is_some(), "{:?}", taken.headers);

    let token = house.waiting(ANN).await;
    let recovered = house.step(&token, "recovery", &codes[0]).await.expect(403).json();
    let token = recovered["mfa"]["token"].as_str().unwrap();
    let new = house.step(token, "enroll", "").await.expect(200).json();
    let app = App::of(new["secret"].as_str().unwrap());
    let done = house.step(token, "totp", &app.code(&house)).await.expect(201).json();
    let session = done["session_token"].as_str().unwrap();
    assert_eq!(facts(session).await, (json!("pwd"), json!(["pwd"]), now()));
}

#[actix_web::test]
async fn what_apps_and_scripts_hold_goes_on() {
    let house = house().await;
    let owner = house.owner().await;
    let client = relying_party(&house, &owner).await;
    let issued = tokens(&house, &owner, &client, &[]).await;
    let token =
        house.api(POST, "/users/me/keys/tokens", &owner, json!({ "token_name": "ci" })).await.expect(201).json();
    house.set_up(&owner).await;
    house.get("/users/me", token["key"].as_str().unwrap()).await.expect(200);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", issued["refresh_token"].as_str().unwrap())];
    let refreshed = house.form("/oauth2/tokens", &client.basic(), &refresh).await.expect(200).json();
    let access = refreshed["access_token"].as_str().unwrap();
    house.get("/users/me", access).await.expect(200);
    // An app reaches no factors, whatever its scopes.
    for (method, path) in [
        (POST, "/users/me/totp"),
        (DELETE, "/users/me/totp"),
        (POST, "/users/me/recovery-codes"),
        (DELETE, "/users/me/factors"),
    ] {
        let refused = house.api(method, path, access, Value::Null).await.expect(403);
        assert!(refused.body.contains("An app cannot"), "{path}: {}", refused.body);
    }
    let code = json!({ "code": "123456" });
    house.api(POST, "/users/me/totp/confirm", access, code.clone()).await.expect(403);
    house.api(POST, "/users/me/totp/verify", access, code).await.expect(403);
}
