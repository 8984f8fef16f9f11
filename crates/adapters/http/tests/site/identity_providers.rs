//! Signing in through identity providers: the flow, what is believed, and what is refused.

mod accounts;
mod answers;
mod bad_input;
mod converting;
mod ending;
mod following;
mod github;
mod linking;
mod links_page;
mod private_key;
mod recorded;
mod syncing;
mod tokens;
mod traps;
mod unlinking;

use crate::house::{Answer, House, NOW, house_beside};
use crate::provider::{FakeProvider, entry};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use doorward_services::Settings;
use serde_json::{Value, json};

const CALLBACK: &str = "/api/v2/users/oidc/corp/callback";

fn ann() -> Value {
    json!({ "email": "ann@corp.example", "email_verified": true, "preferred_username": "ann-lee", "name": "Ann Lee" })
}

/// A site with an owner and a provider, whose settings are changed.
async fn town(
    change: impl FnOnce(&mut Settings),
) -> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, FakeProvider, String) {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| {
        settings.oidc.providers = vec![entry()];
        change(settings);
    })
    .await;
    let owner = house.owner().await;
    provider.say(ann());
    (house, provider, owner)
}

/// A browser.
struct Browser<'h, S> {
    house: &'h House<S>,
    cookies: Vec<String>,
    /// What it calls itself.
    agent: &'static str,
}

impl<'h, S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> Browser<'h, S> {
    fn new(house: &'h House<S>) -> Self {
        Self { house, cookies: Vec::new(), agent: "browser/1" }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("Accept", "text/html"))
            .insert_header(("User-Agent", self.agent))
            .insert_header(("Cookie", self.cookies.join("; ")));
        let answer = self.house.send(request).await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.retain(|known| !known.starts_with(&format!("{name}=")));
            if !value.is_empty() {
                self.cookies.push(cookie.clone());
            }
        }
        answer
    }

    /// Goes to the provider; the state.
    async fn go(&mut self, provider: &FakeProvider, path: &str) -> String {
        let sent = self.get(path).await.expect(307);
        assert!(sent.header("location").contains("id.example/authorize?"), "{}", sent.header("location"));
        let parameter = |name| sent.redirected_with(name).unwrap_or_default();
        provider.visited(parameter("nonce"), parameter("code_challenge"));
        parameter("state")
    }

    /// Signs in.
    async fn sign_in(&mut self, provider: &FakeProvider) -> Answer {
        self.sign_in_at(provider, CALLBACK).await
    }

    /// Signs in through the provider at this path.
    async fn sign_in_at(&mut self, provider: &FakeProvider, path: &str) -> Answer {
        let state = self.go(provider, path).await;
        self.get(&format!("{path}?code=the-code&state={state}")).await
    }

    /// The token of the session.
    fn session(&self) -> Option<String> {
        self.cookies.iter().find_map(|cookie| cookie.strip_prefix("coder_session_token=")).map(str::to_owned)
    }
}

#[actix_web::test]
async fn somebody_new_gets_an_account_and_goes_where_they_wanted() {
    let (house, provider, owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let begun = browser.get(&format!("{CALLBACK}?redirect=%2Ftemplates%3Fa%3D1%3B2")).await.expect(307);
    let asked = |name: &str| begun.redirected_with(name).unwrap();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "doorward"),
        ("redirect_uri", "https://door.example/api/v2/users/oidc/corp/callback"),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked(name), value, "{name}");
    }
    assert_eq!(asked("code_challenge").len(), 43);
    provider.visited(asked("nonce"), asked("code_challenge"));
    let state = asked("state");
    let back = browser.get(&format!("{CALLBACK}?code=the-code&state={state}&session_state=x")).await.expect(307);
    assert_eq!(back.header("location"), "/templates?a=1;2");
    let kept: Vec<_> = browser.cookies.iter().filter(|cookie| !cookie.starts_with("coder_session_token=")).collect();
    assert_eq!(kept, Vec::<&String>::new(), "the cookies of the sign-in are taken back");

    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    for (name, value) in [
        ("username", "ann-lee"),
        ("name", "Ann Lee"),
        ("email", "ann@corp.example"),
        ("login_type", "oidc"),
        ("status", "active"),
    ] {
        assert_eq!(me[name], value, "{me}");
    }
    assert_eq!(me["roles"], json!([]));
    assert_eq!(me["organization_ids"].as_array().unwrap().len(), 1);
    let log = house.get("/audit?q=username:ann-lee&limit=10", &owner).await.expect(200).json();
    let actions: Vec<_> = log["audit_logs"].as_array().unwrap().iter().map(|record| &record["action"]).collect();
    assert!(actions.contains(&&json!("login")) && actions.contains(&&json!("create")), "{log}");
}

#[actix_web::test]
async fn the_ways_to_sign_in_are_on_offer() {
    let (house, _provider, _owner) = town(|settings| settings.github.client_id = "gh".to_owned()).await;
    let methods = house.get("/users/authmethods", "").await.expect(200).json();
    assert_eq!(methods["password"]["enabled"], true);
    assert_eq!(methods["github"]["enabled"], true);
    assert_eq!(methods["oidc"]["enabled"], true);
    assert_eq!(methods["oidc"]["signInText"], "Continue with The Corp");
    assert_eq!(methods["oidc"]["providers"][0]["path"], CALLBACK);
    let page = Browser::new(&house).get("/login?redirect=%2Fa%26b").await.expect(200).body;
    assert!(page.contains("Continue with The Corp") && page.contains("Continue with GitHub"), "{page}");
    assert!(page.contains("/api/v2/users/oidc/corp/callback?redirect=%2Fa%26b"), "{page}");
}

#[actix_web::test]
async fn the_first_provider_is_at_the_address_of_coder_too() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, "/api/v2/users/oidc/callback").await;
    // Another address is that of another provider, whose verifier is another one.
    let mixed = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await;
    assert_eq!(mixed.status, 307, "the same provider: {}", mixed.body);
}

#[actix_web::test]
async fn nobody_is_sent_elsewhere_afterwards() {
    let (house, provider, _owner) = town(|_| ()).await;
    for target in
        ["//evil.example", "%2F%5Cevil.example", "https:%2F%2Fevil.example%2Fa", "%09%2F%2Fevil.example", "evil"]
    {
        let mut browser = Browser::new(&house);
        let state = browser.go(&provider, &format!("{CALLBACK}?redirect={target}")).await;
        let back = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(307);
        let location = back.header("location").to_owned();
        assert!(
            location.starts_with('/') && !location.starts_with("//") && !location.contains("evil.example/a/"),
            "{location}"
        );
        assert!(!location.contains('\\'), "{location}");
        // Also what somebody wrote into the cookie.
        let mut browser = Browser::new(&house);
        let state = browser.go(&provider, CALLBACK).await;
        browser.cookies.retain(|cookie| !cookie.starts_with("oauth_redirect="));
        browser.cookies.push(format!("oauth_redirect={target}"));
        let back = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(307);
        assert!(back.header("location").starts_with('/') && !back.header("location").starts_with("//"), "{back:?}");
    }
}

#[actix_web::test]
async fn only_the_browser_that_was_sent_may_come_back_and_only_once() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, CALLBACK).await;
    let answered = format!("{CALLBACK}?code=the-code&state={state}");
    let stranger = Browser::new(&house).get(&answered).await.expect(401);
    assert!(stranger.body.contains("has not begun a sign-in"), "{}", stranger.body);
    let mut other = Browser::new(&house);
    other.go(&provider, CALLBACK).await;
    other.get(&answered).await.expect(401);
    for bad in [
        format!("{CALLBACK}?code=the-code"),
        format!("{CALLBACK}?code=the-code&state="),
        format!("{answered}&state={state}"),
        format!("{answered}&code=the-code"),
    ] {
        let mut browser = Browser::new(&house);
        browser.go(&provider, CALLBACK).await;
        browser.get(&bad).await.expect(400);
    }
    let state = browser.go(&provider, CALLBACK).await;
    let answered = format!("{CALLBACK}?code=the-code&state={state}");
    browser.get(&answered).await.expect(307);
    browser.get(&answered).await.expect(401);
}

#[actix_web::test]
async fn what_the_provider_says_of_a_failure_is_shown_as_text() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, CALLBACK).await;
    let failed = format!("{CALLBACK}?error=access_denied&error_description=%3Cb%3Eno%3C%2Fb%3E&state={state}");
    let page = browser.get(&failed).await.expect(400).body;
    assert!(page.contains("access_denied") && page.contains("&#60;b&#62;no") && !page.contains("<b>no"), "{page}");
    // From somebody who made it up, nothing is shown.
    let page = Browser::new(&house).get(&failed).await.expect(401).body;
    assert!(!page.contains("access_denied") && !page.contains("&#62;no"), "{page}");
}

#[actix_web::test]
async fn a_provider_that_is_away_stops_nobody_else() {
    let (house, provider, owner) = town(|_| ()).await;
    provider.state().is_down = true;
    let page = Browser::new(&house).get(CALLBACK).await.expect(502).body;
    assert!(page.contains("does not answer") && !page.contains("10.0.0.7"), "{page}");
    house.get("/users/me", &owner).await.expect(200);
    provider.state().is_down = false;
    let mut browser = Browser::new(&house);
    assert_eq!(browser.sign_in(&provider).await.status, 307);
    // What is known is used for a day, so that only the token endpoint must be there.
    house.clock.advance(time::Duration::hours(2));
    provider.state().is_down = true;
    Browser::new(&house).get(CALLBACK).await.expect(307);
    house.clock.advance(time::Duration::hours(23));
    Browser::new(&house).get(CALLBACK).await.expect(502);
}

#[actix_web::test]
async fn providers_that_are_not_there_are_told() {
    let (house, _provider, _owner) = town(|_| ()).await;
    for path in ["/api/v2/users/oidc/nope/callback", "/api/v2/users/oauth2/github/callback"] {
        let page = Browser::new(&house).get(path).await.expect(400).body;
        assert!(page.contains("configured on this server"), "{page}");
    }
    let program =
        TestRequest::get().uri("/api/v2/users/oidc/nope/callback").insert_header(("Accept", "application/json"));
    let told = house.send(program).await.expect(400).json();
    assert!(told["detail"].as_str().unwrap().contains("configured"), "{told}");
    for state in ["made-up", "convert-a", "convert-0123456789012345678901234567890a"] {
        let refused = Browser::new(&house).get(&format!("{CALLBACK}?oidc_merge_state={state}")).await.expect(400);
        assert_eq!(refused.cookies(), Vec::<String>::new(), "a stranger does not choose the state of a browser");
    }
}
