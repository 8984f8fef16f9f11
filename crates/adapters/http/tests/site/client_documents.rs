//! Clients that are known by a document, from the sign-in to the end of their tokens.

use crate::house::{House, ISSUER, NOW, house_beside};
use crate::oauth2::{CHALLENGE, VERIFIER, client};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use doorward_domain::oauth2::ClientUrl;
use serde_json::{Value, json};
use time::Duration;

const URL: &str = "https://claude.example/oauth/claude-code-client-metadata";
const CALLBACK: &str = "http://localhost:51234/callback";

fn document() -> Value {
    json!({
        "client_id": URL,
        "client_name": "Claude Code",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
    })
}

/// A provider that has this document at the URL.
fn serving(document: &Value) -> FakeProvider {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    provider.state().others = vec![(URL.to_owned(), document.clone())];
    provider
}

fn uri(client_id: &str, more: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .append_pair("response_type", "code")
        .append_pair("code_challenge", CHALLENGE)
        .extend_pairs(more)
        .finish();
    format!("/oauth2/authorize?{query}")
}

async fn code<S>(house: &House<S>, user: &str) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let uri = uri(URL, &[("redirect_uri", CALLBACK)]);
    crate::oauth2::allow(house, user, &uri).await.expect(302).redirected_with("code").unwrap()
}

fn exchange(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", URL),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

#[actix_web::test]
async fn a_client_that_nobody_registered_gets_uses_refreshes_and_loses_its_tokens() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let metadata = house.send(TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.expect(200);
    assert_eq!(metadata.json()["client_id_metadata_document_supported"], true);

    // Strangers sign in before anything is asked of others.
    house.send(TestRequest::get().uri(&uri(URL, &[]))).await.expect(303);
    assert!(provider.fetched().is_empty());

    let page = TestRequest::get().uri(&uri(URL, &[("redirect_uri", CALLBACK)]));
    let page = house.send(page.insert_header(("Coder-Session-Token", &*owner))).await.expect(200).body;
    for shown in [
        "Claude Code",
        "Described by <strong>claude.example</strong>",
        "any other program could pose as it",
        "localhost:51234",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let apps = house.get("/oauth2-provider/apps", &owner).await.expect(200).json();
    assert_eq!(apps, json!([]), "to look makes no app");

    let code = code(&house, &owner).await;
    assert_eq!(provider.fetched().len(), 1, "the copy is fresh");
    let tokens = house.form("/oauth2/tokens", "", &exchange(&code)).await.expect(200).json();
    let access = tokens["access_token"].as_str().unwrap();
    let bearer =
        TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {access}")));
    assert_eq!(house.send(bearer).await.expect(200).json()["username"], "ann");
    let apps = house.get("/oauth2-provider/apps", &owner).await.expect(200).json();
    assert_eq!((apps.as_array().unwrap().len(), &apps[0]["name"]), (1, &json!("Claude Code")));

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("client_id", URL), ("refresh_token", refresh)];
    let next = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    let access = next["access_token"].as_str().unwrap();
    let revoke = [("client_id", URL), ("token", next["refresh_token"].as_str().unwrap())];
    house.form("/oauth2/revoke", "", &revoke).await.expect(200);
    let bearer =
        TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {access}")));
    house.send(bearer).await.expect(401);
}

#[actix_web::test]
async fn a_resource_server_reads_the_url_as_client_id_and_a_user_withdraws_by_it() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let server = client(&house, &owner, json!({ "resources": ["https://mcp.example"] })).await;
    let uri = uri(URL, &[("redirect_uri", CALLBACK), ("resource", "https://mcp.example")]);
    let code = crate::oauth2::allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let tokens = house.form("/oauth2/tokens", "", &exchange(&code)).await.expect(200).json();
    let token = [("token", tokens["access_token"].as_str().unwrap())];
    let known = house.form("/oauth2/introspect", &server.basic(), &token).await.expect(200).json();
    assert_eq!((&known["active"], &known["client_id"], &known["iss"]), (&json!(true), &json!(URL), &json!(ISSUER)));

    let path = format!(
        "/oauth2/tokens?client_id={}",
        url::form_urlencoded::byte_serialize(URL.as_bytes()).collect::<String>()
    );
    let withdraw = TestRequest::delete().uri(&path).insert_header(("Coder-Session-Token", &*owner));
    house.send(withdraw).await.expect(204);
    let known = house.form("/oauth2/introspect", &server.basic(), &token).await.expect(200).json();
    assert_eq!(known["active"], false);
}

#[actix_web::test]
async fn an_id_that_is_no_url_of_a_document_is_refused_and_nothing_is_asked() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |settings| {
        settings.oauth2.cimd.deny_hosts = vec!["denied.example".parse().unwrap()];
    })
    .await;
    let owner = house.owner().await;
    let alias = ClientUrl::parse(URL).unwrap().app_id().to_string();
    for id in [
        "https://claude.example",
        "https://claude.example/",
        "https://u@claude.example/c",
        "https://claude.example/c#x",
        "https://claude.example/a/../c",
        "https://claude.example/%2E%2e/c",
        "http://claude.example/c",
        "HTTPS://claude.example/c",
        "https://denied.example/c",
        &alias,
    ] {
        let request = TestRequest::get().uri(&uri(id, &[])).insert_header(("Coder-Session-Token", &*owner));
        let refused = house.send(request.insert_header(("Accept", "application/json"))).await.expect(401);
        assert_eq!(refused.json()["error"], "invalid_client", "{id}");
        let fields = [("grant_type", "authorization_code"), ("client_id", id), ("code", "x")];
        assert_eq!(
            house.form("/oauth2/tokens", "", &fields).await.expect(401).json()["error"],
            "invalid_client",
            "{id}"
        );
        house.form("/oauth2/revoke", "", &[("client_id", id), ("token", "x")]).await.expect(401);
    }
    let fields = [("grant_type", "authorization_code"), ("client_id", URL), ("code", "x")];
    house.form("/oauth2/tokens", "", &fields).await.expect(401);
    assert!(provider.fetched().is_empty(), "nobody has allowed it anything, so nobody is asked about it");
}

#[actix_web::test]
async fn a_document_that_breaks_a_rule_or_is_away_is_told_on_a_page_and_never_by_redirect() {
    for (document, status, error, words) in [
        (json!({ "client_id": URL }), 400, "invalid_client_metadata", "client_name"),
        (
            json!({ "client_id": "https://other.example/c", "client_name": "x" }),
            400,
            "invalid_client_metadata",
            "client_id",
        ),
        (Value::Null, 401, "invalid_client", "removed"),
    ] {
        let provider = serving(&document);
        provider.state().is_down = document.is_null();
        let house = house_beside(provider.upstreams(), |_| ()).await;
        let owner = house.owner().await;
        let ask = async |accept: &str| {
            let request = TestRequest::get().uri(&uri(URL, &[("redirect_uri", CALLBACK)]));
            let request = request.insert_header(("Coder-Session-Token", &*owner)).insert_header(("Accept", accept));
            house.send(request).await.expect(status)
        };
        assert_eq!(ask("application/json").await.json()["error"], error);
        let page = ask("text/html").await.body;
        assert!(page.contains(words) && !page.contains("10.0.0.7"), "{page}");
    }
}

#[actix_web::test]
async fn redirect_uris_and_codes_follow_the_document() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    for bad in ["http://localhost:1/other", "https://claude.example/callback", "http://[::1]/callback"] {
        let request = TestRequest::get().uri(&uri(URL, &[("redirect_uri", bad)]));
        house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(400);
    }
    let pending = code(&house, &owner).await;
    let mut moved = document();
    moved["redirect_uris"] = json!(["https://claude.example/callback"]);
    provider.state().others = vec![(URL.to_owned(), moved)];
    house.clock.advance(Duration::hours(2));
    let owner = house.login("ann@example.com").await;
    let gone = house.form("/oauth2/tokens", "", &exchange(&pending)).await.expect(400).json();
    assert_eq!(gone["error"], "invalid_grant");
    let request = TestRequest::get().uri(&uri(URL, &[("redirect_uri", CALLBACK)]));
    house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(400);
}

#[actix_web::test]
async fn a_client_refreshes_while_its_document_is_away_and_stops_after_a_week() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let code = code(&house, &owner).await;
    let mut tokens = house.form("/oauth2/tokens", "", &exchange(&code)).await.expect(200).json();
    provider.state().is_down = true;
    for (days, status) in [(3, 200), (3, 200), (2, 503)] {
        house.clock.advance(Duration::days(days));
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("client_id", URL), ("refresh_token", refresh)];
        let answer = house.form("/oauth2/tokens", "", &fields).await.expect(status).json();
        if status == 200 { tokens = answer } else { assert_eq!(answer["error"], "temporarily_unavailable") }
    }
    provider.state().is_down = false;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("client_id", URL), ("refresh_token", refresh)];
    let waits = house.form("/oauth2/tokens", "", &fields).await.expect(503);
    assert_eq!(waits.header("retry-after"), "30");
    house.clock.advance(Duration::seconds(30));
    house.form("/oauth2/tokens", "", &fields).await.expect(200);
}

#[actix_web::test]
async fn a_document_that_cannot_be_fetched_is_asked_for_once_in_a_while() {
    let provider = serving(&document());
    provider.state().is_down = true;
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    for (wait, asked) in [(0, 1), (9, 1), (1, 2)] {
        house.clock.advance(Duration::seconds(wait));
        let request = TestRequest::get().uri(&uri(URL, &[("redirect_uri", CALLBACK)]));
        house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(401);
        assert_eq!(provider.fetched().len(), asked, "{wait}");
    }
}

#[actix_web::test]
async fn an_id_token_is_for_the_url_by_which_its_client_knows_itself_and_comes_back_as_a_hint() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let uri = |more: &[(&str, &str)]| uri(URL, &[&[("redirect_uri", CALLBACK), ("scope", "openid")], more].concat());
    let code = crate::oauth2::allow(&house, &owner, &uri(&[])).await.expect(302).redirected_with("code").unwrap();
    let mut tokens = house.form("/oauth2/tokens", "", &exchange(&code)).await.expect(200).json();
    for _ in 0..2 {
        assert_eq!(crate::openid::claims_of(&house, &tokens["id_token"]).await["aud"], URL);
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let fields = [("grant_type", "refresh_token"), ("client_id", URL), ("refresh_token", &*refresh)];
        tokens = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    }
    let hinted = uri(&[("id_token_hint", tokens["id_token"].as_str().unwrap()), ("prompt", "none")]);
    let answer = house.send(TestRequest::get().uri(&hinted).insert_header(("Coder-Session-Token", &*owner))).await;
    assert_eq!(answer.expect(302).redirected_with("error").as_deref(), Some("consent_required"), "the hint is good");
}

#[actix_web::test]
async fn who_must_not_be_asked_anything_is_never_sent_to_a_page() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let silent = uri(URL, &[("redirect_uri", CALLBACK), ("prompt", "none")]);
    house.send(TestRequest::get().uri(&silent)).await.expect(401);
    assert!(provider.fetched().is_empty(), "strangers have nobody asked");
    let shown = TestRequest::get().uri(&uri(URL, &[("redirect_uri", CALLBACK)]));
    house.send(shown.insert_header(("Coder-Session-Token", &*owner))).await.expect(200);
    let answer = house.send(TestRequest::get().uri(&silent)).await.expect(302);
    assert_eq!(answer.redirected_with("error").as_deref(), Some("login_required"));
}

#[actix_web::test]
async fn it_can_be_switched_off() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |settings| settings.oauth2.cimd.enabled = false).await;
    let owner = house.owner().await;
    let metadata = house.send(TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.expect(200);
    assert_eq!(metadata.json().get("client_id_metadata_document_supported"), None);
    let request = TestRequest::get().uri(&uri(URL, &[])).insert_header(("Coder-Session-Token", &*owner));
    house.send(request.insert_header(("Accept", "application/json"))).await.expect(401);
    assert!(provider.fetched().is_empty());
}

#[actix_web::test]
async fn two_users_who_allow_a_client_at_once_make_one_app() {
    let provider = serving(&document());
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (one, two) = futures_util::future::join(code(&house, &owner), code(&house, &bob)).await;
    for code in [one, two] {
        house.form("/oauth2/tokens", "", &exchange(&code)).await.expect(200);
    }
    let apps = house.get("/oauth2-provider/apps", &owner).await.expect(200).json();
    assert_eq!(apps.as_array().unwrap().len(), 1);
}
