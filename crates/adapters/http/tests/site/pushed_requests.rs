//! Authorization requests that clients push (RFC 9126), from the client to the code.

use crate::browser::Browser;
use crate::client_keys::{self, Keys, Site};
use crate::house::{Answer, House, house, house_beside, house_with};
use crate::oauth2::{CHALLENGE, Client, VERIFIER, allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::settings::Span;
use serde_json::{Value, json};
use time::Duration;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const WEB: &str = "https://app.example/cb";

fn fields<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("response_type", "code"), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    fields.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    fields.extend(more);
    fields
}

async fn push<S: Site>(house: &House<S>, authorization: &str, more: &[(&str, &str)]) -> Answer {
    house.form("/oauth2/par", authorization, &fields(more)).await
}

async fn pushed<S: Site>(house: &House<S>, client: &Client, more: &[(&str, &str)]) -> String {
    let answer = push(house, &client.basic(), more).await.expect(201).json();
    answer["request_uri"].as_str().unwrap().to_owned()
}

fn uri(client_id: &str, request_uri: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .append_pair("request_uri", request_uri)
        .finish();
    format!("/oauth2/authorize?{query}")
}

async fn redeem<S: Site>(house: &House<S>, client: &Client, code: &str) -> Value {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &client.basic(), &fields).await.expect(200).json()
}

#[actix_web::test]
async fn a_pushed_request_leads_to_a_code_in_one_browser_and_once() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let more = [("scope", "user:read"), ("state", "s t"), ("response_mode", "query")];
    let answer = push(&house, &web.basic(), &more).await.expect(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let answer = answer.json();
    assert_eq!(answer["expires_in"], 60);
    let request_uri = answer["request_uri"].as_str().unwrap();
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    let uri = uri(&web.id, request_uri);

    // The browser signs in, which may take minutes, reloads, and allows.
    let browser = Browser::new(&house);
    let way = browser.get(&uri).await.expect(303);
    assert_eq!(way.redirected_with("redirect").as_deref(), Some(uri.as_str()));
    house.clock.advance(Duration::minutes(5));
    browser.sign_in("ann@example.com").await;
    for _ in 0..2 {
        let page = browser.get(&uri).await.expect(200);
        assert!(page.body.contains("robot") && page.body.contains("app.example"), "{}", page.body);
    }
    // Nobody else gets it: neither another browser nor a program.
    let other = Browser::new(&house);
    other.sign_in("ann@example.com").await;
    assert!(other.get(&uri).await.expect(400).body.contains("This request is over"));
    let told = allow(&house, &owner, &uri).await.expect(400).json();
    assert_eq!(told["error"], "invalid_request_uri");

    let allowed = browser.submit(&uri, &[]).await.expect(302);
    assert!(allowed.header("location").starts_with(WEB));
    assert_eq!(allowed.redirected_with("state").as_deref(), Some("s t"));
    let tokens = redeem(&house, &web, &allowed.redirected_with("code").unwrap()).await;
    assert_eq!(tokens["scope"], "user:read");
    browser.get(&uri).await.expect(400);
    browser.submit(&uri, &[]).await.expect(400);
}

#[actix_web::test]
async fn cancel_uses_a_pushed_request_up() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    for (mode, status) in [("query", 302), ("form_post", 200)] {
        let more = [("state", "s t"), ("response_mode", mode)];
        let uri = uri(&web.id, &pushed(&house, &web, &more).await);
        let browser = Browser::new(&house);
        browser.sign_in("ann@example.com").await;
        let page = browser.get(&uri).await.expect(200);
        assert!(page.body.contains("cancel-button") && !page.body.contains("access_denied"), "{}", page.body);
        // A forged one does nothing.
        let token = browser.tokens.borrow_mut().insert(uri.clone(), "forged".to_owned()).unwrap();
        browser.submit(&uri, &[("decision", "cancel")]).await.expect(400);
        browser.tokens.borrow_mut().insert(uri.clone(), token);
        let canceled = browser.submit(&uri, &[("decision", "cancel")]).await.expect(status);
        if status == 302 {
            let told = ["error", "state"].map(|name| canceled.redirected_with(name));
            assert_eq!(told, [Some("access_denied".to_owned()), Some("s t".to_owned())]);
        } else {
            assert!(canceled.body.contains("value=\"access_denied\""), "{}", canceled.body);
        }
        assert!(browser.get(&uri).await.expect(400).body.contains("This request is over"));
        browser.submit(&uri, &[]).await.expect(400);
    }
    // Others are canceled by the client's own address, as before.
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let page = browser.get(&web.authorize(&[])).await.expect(200);
    assert!(page.body.contains("cancel-link") && page.body.contains("access_denied"));
}

#[actix_web::test]
async fn what_was_pushed_is_all_that_counts() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let request_uri = pushed(&house, &web, &[("scope", "user:read"), ("state", "pushed")]).await;
    let smuggled = format!(
        "{}&scope=coder%3Aall&state=smuggled&redirect_uri=https%3A%2F%2Fevil.example",
        uri(&web.id, &request_uri)
    );
    let allowed = allow(&house, &owner, &smuggled).await.expect(302);
    assert!(allowed.header("location").starts_with(WEB));
    assert_eq!(allowed.redirected_with("state").as_deref(), Some("pushed"));
    assert_eq!(redeem(&house, &web, &allowed.redirected_with("code").unwrap()).await["scope"], "user:read");
}

#[actix_web::test]
async fn what_is_unknown_over_used_or_somebody_elses_looks_the_same() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let other = client(&house, &owner, json!({ "name": "other", "callback_url": WEB })).await;
    let refused = async |client_id: &str, request_uri: &str| {
        let answer = allow(&house, &owner, &uri(client_id, request_uri)).await.expect(400);
        assert_eq!(answer.header("location"), "");
        answer.json()
    };
    let expected = json!({ "error": "invalid_request_uri", "error_description": "request_uri is not known, was used, or has expired" });
    let mine = pushed(&house, &web, &[]).await;
    let unknown = mine.replace("request_uri:", "request_uri:A").split_at(mine.len()).0.to_owned();
    for (client_id, request_uri) in [
        (&*other.id, &*mine),
        (&*web.id, &*unknown),
        (&*web.id, "urn:ietf:params:oauth:request_uri:x"),
        ("nonsense", &*mine),
        ("", &*mine),
    ] {
        assert_eq!(refused(client_id, request_uri).await, expected, "{client_id} {request_uri}");
    }
    allow(&house, &owner, &uri(&web.id, &mine)).await.expect(302);
    assert_eq!(refused(&web.id, &mine).await, expected, "used");
    let mine = pushed(&house, &web, &[]).await;
    house.clock.advance(Duration::MINUTE);
    assert_eq!(refused(&web.id, &mine).await, expected, "over");
    let twice = format!("{}&client_id={}", uri(&web.id, &mine), web.id);
    assert_eq!(allow(&house, &owner, &twice).await.expect(400).json()["error"], "invalid_request");
    // Addresses elsewhere are never asked, and are refused where the client is told.
    let elsewhere = web.authorize(&[("request_uri", "https://evil.example/request.jwt")]);
    let answer = allow(&house, &owner, &elsewhere).await.expect(302);
    assert_eq!(answer.redirected_with("error").as_deref(), Some("request_uri_not_supported"));
}

#[actix_web::test]
async fn a_request_is_checked_when_it_is_pushed_and_errors_are_json() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    for (more, error) in [
        (vec![("redirect_uri", "https://evil.example/cb")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("scope", "nonsense")], "invalid_scope"),
        (vec![("resource", "x")], "invalid_target"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("max_age", "x")], "invalid_request"),
        (vec![("state", "1"), ("state", "2")], "invalid_request"),
        (vec![("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request"),
        (vec![("request_uri", "https://evil.example/r")], "invalid_request"),
    ] {
        let answer = push(&house, &web.basic(), &more).await.expect(400);
        assert_eq!((answer.json()["error"].as_str(), answer.header("location")), (Some(error), ""), "{more:?}");
    }
    push(&house, "", &[]).await.expect(400);
    push(&house, "", &[("client_id", "00000000-0000-0000-0000-000000000001")]).await.expect(401);
    push(&house, "", &[("client_id", &web.id)]).await.expect(401);
    push(&house, "", &[("client_id", &web.id), ("client_secret", "coder_0123456789_wrong")]).await.expect(401);
    push(&house, "", &[("client_id", &web.id), ("client_secret", &web.secret)]).await.expect(201);
    let get = house.send(TestRequest::get().uri("/oauth2/par")).await.expect(405);
    assert_eq!((get.json()["error"].as_str(), get.header("allow")), (Some("invalid_request"), "POST, OPTIONS"));
    let large = "x".repeat(65 * 1024);
    push(&house, &web.basic(), &[("state", &large)]).await.expect(413);
    // Who is authenticated is whose request it is, whatever the body says beside.
    push(&house, &web.basic(), &[("client_id", "00000000-0000-0000-0000-000000000001")]).await.expect(400);
}

#[actix_web::test]
async fn every_kind_of_client_pushes() {
    let keys = Keys::new();
    let document = "https://chat.example/oauth/client.json";
    let metadata = json!({ "client_id": document, "client_name": "Chat", "redirect_uris": [WEB],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": keys.jwks() });
    keys.signer.state().others = vec![(document.to_owned(), metadata)];
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let keyed = client_keys::app(&house, &owner, json!({ "jwks": keys.jwks(), "callback_url": WEB })).await;
    for id in [&*keyed, document] {
        let assertion = keys.good(id);
        let proof = [("client_assertion_type", TYPE), ("client_assertion", &*assertion)];
        let answer = push(&house, "", &proof).await.expect(201).json();
        let request_uri = answer["request_uri"].as_str().unwrap();
        push(&house, "", &proof).await.expect(401);
        push(&house, "", &[("client_id", id)]).await.expect(401);
        let allowed = allow(&house, &owner, &uri(id, request_uri)).await.expect(302);
        assert!(allowed.redirected_with("code").is_some(), "{id}");
    }
    let app = json!({ "name": "cli", "callback_url": "http://127.0.0.1/cb", "public": true });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap();
    let answer = push(&house, "", &[("client_id", id), ("redirect_uri", "http://127.0.0.1:7/cb")]).await.expect(201);
    let answer = answer.json();
    let allowed = allow(&house, &owner, &uri(id, answer["request_uri"].as_str().unwrap())).await.expect(302);
    assert!(allowed.header("location").starts_with("http://127.0.0.1:7/cb?code="));
}

#[actix_web::test]
async fn an_app_or_the_server_may_ask_that_requests_are_pushed() {
    let house = house().await;
    let owner = house.owner().await;
    let more = json!({ "callback_url": WEB, "require_pushed_authorization_requests": true });
    let strict = client(&house, &owner, more).await;
    let shown = house.get(&format!("/oauth2-provider/apps/{}", strict.id), &owner).await.expect(200).json();
    assert_eq!(shown["require_pushed_authorization_requests"], true);
    let plain = allow(&house, &owner, &strict.authorize(&[])).await.expect(302);
    assert_eq!(plain.redirected_with("error").as_deref(), Some("invalid_request"));
    let request_uri = pushed(&house, &strict, &[]).await;
    let allowed = allow(&house, &owner, &uri(&strict.id, &request_uri)).await.expect(302);
    assert!(allowed.redirected_with("code").is_some());

    let server = house_with(|settings| {
        settings.oauth2.require_pushed_requests = true;
        settings.oauth2.pushed_request_lifetime = Span::seconds(10);
    })
    .await;
    let metadata =
        server.send(TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.expect(200).json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    let owner = server.owner().await;
    let app = client(&server, &owner, json!({ "callback_url": WEB })).await;
    let plain = allow(&server, &owner, &app.authorize(&[])).await.expect(302);
    assert_eq!(plain.redirected_with("error").as_deref(), Some("invalid_request"));
    assert_eq!(push(&server, &app.basic(), &[]).await.expect(201).json()["expires_in"], 10);
}
