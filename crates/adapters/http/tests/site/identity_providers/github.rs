//! Signing in with GitHub.

use super::Browser;
use crate::house::{Answer, House, NOW, house_beside};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use doorward_domain::Secret;
use doorward_services::Settings;
use serde_json::{Value, json};

const CALLBACK: &str = "/api/v2/users/oauth2/github/callback";

async fn town(
    change: impl FnOnce(&mut Settings),
) -> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, FakeProvider, String) {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| {
        "gh".clone_into(&mut settings.github.client_id);
        settings.github.client_secret = Secret::from("s");
        settings.github.allow_everyone = true;
        settings.github.allow_signups = true;
        change(settings);
    })
    .await;
    let owner = house.owner().await;
    says(
        &provider,
        "https://github.com/login/oauth/access_token",
        json!({ "access_token": "gho", "token_type": "bearer" }),
    );
    says(&provider, "https://api.github.com/user", json!({ "id": 42, "login": "Octo-Cat", "name": "Octo" }));
    let emails = json!([
        { "email": "old@corp.example", "primary": false, "verified": true },
        { "email": "octo@corp.example", "primary": true, "verified": true },
    ]);
    says(&provider, "https://api.github.com/user/emails", emails);
    (house, provider, owner)
}

fn says(provider: &FakeProvider, url: &str, body: Value) {
    let mut state = provider.state();
    state.others.retain(|(known, _)| known != url);
    state.others.push((url.to_owned(), body));
}

async fn sign_in<S>(browser: &mut Browser<'_, S>) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let sent = browser.get(CALLBACK).await.expect(307);
    assert!(sent.header("location").starts_with("https://github.com/login/oauth/authorize?"), "{sent:?}");
    assert_eq!(sent.redirected_with("code_challenge_method").as_deref(), Some("S256"));
    let state = sent.redirected_with("state").unwrap();
    browser.get(&format!("{CALLBACK}?code=c&state={state}")).await
}

#[actix_web::test]
async fn an_account_is_known_by_its_number() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser).await.expect(307);
    let first = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!((&first["username"], &first["login_type"]), (&json!("Octo-Cat"), &json!("github")));
    assert_eq!(first["email"], "octo@corp.example");
    let (session, by_hand) = (browser.session().unwrap(), json!({ "username": "Octo-Cat", "name": "By Hand" }));
    let refused = house.api(actix_web::http::Method::PUT, "/users/me/profile", &session, by_hand);
    let refused = refused.await.expect(400).json();
    assert!(refused["message"].as_str().unwrap().contains("follows the identity provider"), "{refused}");
    says(&provider, "https://api.github.com/user", json!({ "id": 42, "login": "renamed" }));
    sign_in(&mut browser).await.expect(307);
    let again = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(again["id"], first["id"]);
    // Somebody else who took the old name is somebody else.
    says(&provider, "https://api.github.com/user", json!({ "id": 43, "login": "Octo-Cat" }));
    sign_in(&mut Browser::new(&house)).await.expect(403);
}

#[actix_web::test]
async fn answers_that_are_wrong_sign_nobody_in() {
    let (house, provider, _owner) = town(|_| ()).await;
    let user = "https://api.github.com/user";
    for body in [json!({}), json!({ "id": "42", "login": "a" }), json!([]), json!({ "login": "a" })] {
        says(&provider, user, body.clone());
        assert_eq!(sign_in(&mut Browser::new(&house)).await.status, 400, "{body}");
    }
    says(&provider, user, json!({ "id": 42, "login": "a" }));
    let hidden = json!([{ "email": "1+a@users.noreply.github.com", "primary": true, "verified": true }]);
    for emails in [json!([]), json!([{ "email": "a@corp.example", "primary": true, "verified": false }]), hidden] {
        says(&provider, "https://api.github.com/user/emails", emails.clone());
        let status = sign_in(&mut Browser::new(&house)).await.status.as_u16();
        assert!(matches!(status, 400 | 403), "{emails}: {status}");
    }
    // GitHub says 200 to a code that is no good.
    let refused = json!({ "error": "bad_verification_code", "error_description": "x" });
    says(&provider, "https://github.com/login/oauth/access_token", refused);
    sign_in(&mut Browser::new(&house)).await.expect(502);
}

#[actix_web::test]
async fn only_active_members_of_the_named_organizations_and_teams_come_in() {
    let (house, provider, _owner) = town(|settings| {
        settings.github.allow_everyone = false;
        settings.github.allowed_organizations = vec!["Acme".to_owned()];
    })
    .await;
    let memberships = "https://api.github.com/user/memberships/orgs?state=active&per_page=100";
    for (body, status) in [
        (json!([]), 403),
        (json!([{ "state": "pending", "organization": { "login": "acme" } }]), 403),
        (json!([{ "state": "active", "organization": { "login": "other" } }]), 403),
        (json!([{ "state": "active", "organization": { "login": "acme" } }]), 307),
    ] {
        says(&provider, memberships, body.clone());
        assert_eq!(sign_in(&mut Browser::new(&house)).await.status.as_u16(), status, "{body}");
    }
}
