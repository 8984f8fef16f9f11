//! How often clients may call, and how long who guesses has to wait.

use crate::house::{House, PASSWORD, house, house_with_limits};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;
use time::Duration;

/// Registers a confidential app that acts as its service account; its id and secret.
async fn robot<S>(house: &House<S>, owner: &str, name: &str) -> (String, String)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let app = json!({ "name": name, "callback_url": "https://robot.example/cb", "service_account": true });
    let app = house.api(Method::POST, "/oauth2-provider/apps", owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap().to_owned();
    let secret = house.api(Method::POST, &format!("/oauth2-provider/apps/{id}/secrets"), owner, json!({})).await;
    (id, secret.expect(201).json()["client_secret_full"].as_str().unwrap().to_owned())
}

async fn token<S>(house: &House<S>, ip: &str, id: &str, secret: &str) -> u16
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let fields = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = TestRequest::post().uri("/oauth2/tokens").peer_addr(format!("{ip}:1").parse().unwrap());
    let answer = house.send(request.set_payload(body)).await;
    if answer.status == 429 {
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    answer.status.as_u16()
}

#[actix_web::test]
async fn clients_behind_one_address_do_not_use_up_each_others_share() {
    let house = house_with_limits(6, 4).await;
    let owner = house.owner().await;
    let (one, secret) = robot(&house, &owner, "one").await;
    let (other, other_secret) = robot(&house, &owner, "other").await;
    for _ in 0..6 {
        assert_eq!(token(&house, "192.0.2.1", &one, &secret).await, 200, "successes count under the limit of the API");
    }
    assert_eq!(token(&house, "192.0.2.1", &one, &secret).await, 429, "by client");
    assert_eq!(token(&house, "192.0.2.2", &one, &secret).await, 429, "wherever it is");
    for _ in 0..6 {
        assert_eq!(token(&house, "192.0.2.1", &other, &other_secret).await, 200, "the address is nobody's share");
    }
}

#[actix_web::test]
async fn who_guesses_secrets_is_held_up_and_nobody_else() {
    let house = house_with_limits(50, 3).await;
    let owner = house.owner().await;
    let (id, secret) = robot(&house, &owner, "one").await;
    let wrong = "coder_0123456789_0123456789012345678901234567890123456789";
    for _ in 0..3 {
        assert_eq!(token(&house, "192.0.2.1", &id, wrong).await, 401);
    }
    assert_eq!(token(&house, "192.0.2.1", &id, wrong).await, 429);
    assert_eq!(token(&house, "192.0.2.2", &id, &secret).await, 200, "the client elsewhere");
    let (other, other_secret) = robot(&house, &owner, "other").await;
    assert_eq!(token(&house, "192.0.2.1", &other, &other_secret).await, 200, "another client there");
}

#[actix_web::test]
async fn clients_that_do_not_exist_count_by_address() {
    let house = house_with_limits(50, 3).await;
    let owner = house.owner().await;
    for n in 0..3 {
        let unknown = uuid::Uuid::from_u128(n + 1).to_string();
        assert_eq!(token(&house, "192.0.2.1", &unknown, "x").await, 401);
    }
    assert_eq!(token(&house, "192.0.2.1", "no-uuid", "x").await, 429);
    assert_eq!(token(&house, "192.0.2.2", "no-uuid", "x").await, 401);
    let (id, secret) = robot(&house, &owner, "one").await;
    assert_eq!(token(&house, "192.0.2.1", &id, &secret).await, 200, "a client that exists is served");
}

#[actix_web::test]
async fn a_clock_that_is_set_back_locks_nobody_out() {
    let house = house().await;
    house.owner().await;
    let login = |password: &str| {
        let body = json!({ "email": "ann@example.com", "password": password });
        let request = TestRequest::post().uri("/api/v2/users/login").peer_addr("198.51.100.7:1".parse().unwrap());
        house.send(request.set_payload(body.to_string()))
    };
    for _ in 0..11 {
        login("guess").await.expect(401);
        house.clock.advance(Duration::MINUTE);
    }
    login("guess").await.expect(401);
    house.clock.advance(-Duration::DAY);
    let refused = login(PASSWORD).await.expect(429);
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    house.clock.advance(Duration::seconds(wait));
    login(PASSWORD).await.expect(201);
}

#[actix_web::test]
async fn guesses_at_the_same_moment_are_no_more_than_the_limit() {
    let house = house_with_limits(50, 3).await;
    let owner = house.owner().await;
    let (id, secret) = robot(&house, &owner, "one").await;
    let wrong = "coder_0123456789_0123456789012345678901234567890123456789";
    let guesses = (0..20).map(|_| token(&house, "192.0.2.1", &id, wrong));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 3, "{answers:?}");
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    // Successes at the same moment wait for one another, however few guesses are allowed.
    let good = (0..20).map(|_| token(&house, "192.0.2.2", &id, &secret));
    let answers = futures_util::future::join_all(good).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
}

#[actix_web::test]
async fn codes_count_by_the_address_from_which_they_were_allowed() {
    let house = house_with_limits(3, 50).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let app = json!({ "name": "one", "callback_url": "https://robot.example/cb", "require_pkce": false });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let allow = |ip: &str, token: &str, more: &str| {
        let uri = format!("/oauth2/authorize?response_type=code&client_id={}{more}", app["id"].as_str().unwrap());
        let request = TestRequest::post().uri(&uri).peer_addr(format!("{ip}:1").parse().unwrap());
        house.send(request.insert_header(("Coder-Session-Token", token)).insert_header(("Accept", "application/json")))
    };
    for _ in 0..5 {
        let refused = allow("192.0.2.1", &owner, "&scope=nonsense").await;
        assert!(refused.redirected_with("code").is_none(), "{}", refused.header("location"));
    }
    for token in [&owner, &bob, &owner] {
        assert!(
            allow("192.0.2.1", token, "").await.expect(302).redirected_with("code").is_some(),
            "nothing else counts"
        );
    }
    allow("192.0.2.1", &bob, "").await.expect(429);
    allow("192.0.2.2", &bob, "").await.expect(302);
}
