//! Where credentials stand, what they are good for, and what comes before the body.

use crate::house::{PASSWORD, house};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

#[actix_web::test]
async fn a_token_in_the_query_is_no_unknown_parameter() {
    let house = house().await;
    let owner = house.owner().await;
    for path in ["/users", "/users/me", "/users/me/keys/tokens", "/oauth2-provider/apps"] {
        for name in ["coder_session_token", "access_token"] {
            house.get(&format!("{path}?{name}={owner}"), "").await.expect(200);
        }
    }
    house.get("/users?access_token=bad", "").await.expect(401);
}

#[actix_web::test]
async fn unknown_parameters_are_ignored_and_known_ones_are_not() {
    let house = house().await;
    let owner = house.owner().await;
    house.get("/users?include_deleted=1&x=1&x=2", &owner).await.expect(200);
    house.get("/users/me/keys/tokens?x=1", &owner).await.expect(200);
    for query in ["q=a&q=b", "limit=-1", "q=%FF"] {
        let refused = house.get(&format!("/users?{query}"), &owner).await.expect(400).json();
        assert!(refused["validations"][0]["field"].is_string(), "{query}");
    }
    house.get("/users/me/keys/tokens?include_all=maybe", &owner).await.expect(400);
}

#[actix_web::test]
async fn a_cookie_of_somebody_else_signs_nobody_out() {
    let house = house().await;
    let owner = house.owner().await;
    let get = |cookie: &[u8]| {
        let cookie = HeaderValue::from_bytes(cookie).unwrap();
        TestRequest::get().uri("/api/v2/users/me").insert_header(("Cookie", cookie))
    };
    let line = [b"name=J\xf6rg; coder_session_token=", owner.as_bytes()].concat();
    house.send(get(&line)).await.expect(200);
    let malformed = get(b"coder_session_token=\xf6").insert_header(("Coder-Session-Token", owner.as_str()));
    house.send(malformed).await.expect(401);
    let empty = get(b"coder_session_token=\"\"").insert_header(("Coder-Session-Token", owner.as_str()));
    house.send(empty).await.expect(200);
}

#[actix_web::test]
async fn owners_are_exempt_from_limits_where_there_are_some() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let ask = |path: &str, token: &str| {
        let request = TestRequest::get().uri(path).insert_header(("X-Coder-Bypass-Ratelimit", "true"));
        house.send(request.insert_header(("Coder-Session-Token", token)))
    };
    for path in ["/api/v2/buildinfo", "/api/v2/users/authmethods", "/api/v2/users/me"] {
        ask(path, &owner).await.expect(200);
        ask(path, &bob).await.expect(428);
        ask(path, "").await.expect(428);
    }
    for token in [&*owner, &*bob, "", "bad"] {
        ask("/healthz", token).await.expect(200);
    }
}

#[actix_web::test]
async fn whose_roles_and_password_these_are_is_looked_at_before_the_body() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let put = |path: &str, token: &str, body: &'static str| {
        let request = TestRequest::put().uri(&format!("/api/v2/users/{path}"));
        house.send(request.insert_header(("Coder-Session-Token", token)).set_payload(body))
    };
    let own = put("me/roles", &owner, "{").await.expect(400).json();
    assert_eq!(own["message"], "You cannot change your own roles.");
    let broken = put("bob/roles", &owner, "{").await.expect(400).json();
    assert!(broken["message"].as_str().unwrap().contains("JSON"));

    let limited = json!({ "scope": "user:read", "token_name": "reader" });
    let limited = house.api(POST, "/users/me/keys/tokens", &bob, limited).await.expect(201).json();
    let limited = limited["key"].as_str().unwrap();
    for body in ["{", "{}", "{\"password\":\"weak\"}"] {
        let short = put("me/password", limited, body).await.expect(403);
        assert!(short.header("www-authenticate").ends_with("scope=\"user:update_personal\""));
    }
    put("me/password", &bob, "{").await.expect(400);
    let reader = house.api(PUT, "/users/bob/roles", limited, json!({ "roles": [] })).await.expect(400);
    assert_eq!(reader.json()["message"], "You cannot change your own roles.");
}

#[actix_web::test]
async fn tokens_are_named_so_that_they_are_found_again() {
    let house = house().await;
    let owner = house.owner().await;
    for name in ["tokenconfig", "a/b", "a\tb", &"x".repeat(65)] {
        let refused = house.api(POST, "/users/me/keys/tokens", &owner, json!({ "token_name": name })).await.expect(400);
        assert_eq!(refused.json()["validations"][0]["field"], "token_name");
    }
    for (lifetime, says) in [(i64::MAX, "lifetime must be less than"), (-1, "positive")] {
        let refused = house.api(POST, "/users/me/keys/tokens", &owner, json!({ "lifetime": lifetime })).await;
        let refused = refused.expect(400).json();
        assert!(refused["detail"].as_str().unwrap().contains(says), "{refused}");
        assert_eq!(refused["validations"][0]["field"], "lifetime");
    }
}

#[actix_web::test]
async fn the_rightful_user_signs_in_from_home_while_others_guess() {
    let house = house().await;
    house.owner().await;
    let login = |ip: &str, password: &str| {
        let body = json!({ "email": "ann@example.com", "password": password });
        let peer = format!("{ip}:1234").parse().unwrap();
        house.send(TestRequest::post().uri("/api/v2/users/login").peer_addr(peer).set_payload(body.to_string()))
    };
    let home = login("[2001:db8:1:2::1]", PASSWORD).await.expect(201).json();
    house.api(POST, "/users/logout", home["session_token"].as_str().unwrap(), Value::Null).await.expect(200);
    for n in 0..8 {
        login(&format!("198.51.100.{n}"), "guess").await;
    }
    login("203.0.113.1", PASSWORD).await.expect(429);
    login("[2001:db8:1:3::1]", PASSWORD).await.expect(429);
    login("[2001:db8:1:2:ffff::9]", PASSWORD).await.expect(201);
}

#[actix_web::test]
async fn the_use_of_a_key_makes_no_place_known() {
    let house = house().await;
    let owner = house.owner().await;
    let from = |request: TestRequest| request.peer_addr("198.51.100.66:1".parse().unwrap());
    let stolen = TestRequest::get().uri("/api/v2/users/me").insert_header(("Coder-Session-Token", owner.as_str()));
    house.send(from(stolen)).await.expect(200);
    let guess = |password: &str| {
        let body = json!({ "email": "ann@example.com", "password": password });
        from(TestRequest::post().uri("/api/v2/users/login").set_payload(body.to_string()))
    };
    for _ in 0..5 {
        house.send(guess("guess")).await.expect(401);
    }
    house.send(guess(PASSWORD)).await.expect(429);
}

#[actix_web::test]
async fn wrong_types_are_wrong_wherever_they_stand() {
    let house = house().await;
    for wrong in [json!({ "trial": "x" }), json!({ "trial_info": 1 })] {
        let mut first = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
        first.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        house.api(POST, "/users/first", "", first).await.expect(400);
    }
    let info = json!({ "first_name": "Ann", "developers": "1" });
    let first = json!({
        "email": "ann@example.com", "username": "ann", "password": PASSWORD, "trial": true, "trial_info": info,
    });
    house.api(POST, "/users/first", "", first).await.expect(201);
}

#[actix_web::test]
async fn forms_that_cannot_be_read_are_answered_with_pages() {
    let house = house().await;
    house.owner().await;
    let large = format!("email={}", "x".repeat(3 << 20));
    for path in ["/login", "/setup", "/logout"] {
        for (body, status) in [("email=%FF", 400), ("email=%00", 400), (&*large, 413)] {
            let answer = house.send(TestRequest::post().uri(path).set_payload(body.to_owned())).await.expect(status);
            assert!(answer.header("content-type").starts_with("text/html"), "{path} {}", answer.body);
        }
    }
    let tokens = house.send(TestRequest::post().uri("/oauth2/tokens").set_payload("a=%FF")).await.expect(400);
    assert_eq!(tokens.json()["error"], "invalid_request");
    for query in ["client_id=a&client_id=b", "client_id=%FF"] {
        let uri = format!("/oauth2/tokens?{query}");
        let body = "grant_type=refresh_token&refresh_token=x";
        let refused = house.send(TestRequest::post().uri(&uri).set_payload(body)).await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_request", "{query}");
    }
    house.api(GET, "/users/me", "", Value::Null).await.expect(401);
}
