//! Paths, bodies of errors, and texts that clients compare.

use super::{GET, PATCH, POST, PUT, ZERO};
use crate::house::{PASSWORD, house};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

#[actix_web::test]
async fn organizations_members_list_asks_with_a_slash_at_the_end() {
    let house = house().await;
    let owner = house.owner().await;
    let organizations = house.sdk(GET, "/api/v2/users/me/organizations", &owner, Value::Null).await.expect(200).json();
    let members = format!("/api/v2/organizations/{}/members", organizations[0]["id"].as_str().unwrap());
    let plain = house.sdk(GET, &members, &owner, Value::Null).await.expect(200);
    let slash = house.sdk(GET, &format!("{members}/"), &owner, Value::Null).await.expect(200);
    assert_eq!(slash.body, plain.body);
    assert_eq!(slash.json()[0]["username"], "ann");
    house.sdk(GET, &format!("{members}//"), &owner, Value::Null).await.expect(404);
}

#[actix_web::test]
async fn a_slash_at_the_end_is_the_same_everywhere() {
    let house = house().await;
    let owner = house.owner().await;
    for path in ["/api/v2/users/me", "/api/v2/buildinfo", "/healthz", "/.well-known/oauth-protected-resource", "/login"]
    {
        let plain = house.sdk(GET, path, &owner, Value::Null).await.expect(if path == "/login" { 303 } else { 200 });
        let slash = house.sdk(GET, &format!("{path}/"), &owner, Value::Null).await;
        assert_eq!((slash.status, slash.body), (plain.status, plain.body), "{path}");
    }
    house.sdk(GET, "/api/v2", "", Value::Null).await.expect(200);
    house.sdk(POST, "/api/v2/users/me/keys/", &owner, Value::Null).await.expect(201);
    let wrong = house.sdk(PATCH, "/oauth2/tokens/", "", Value::Null).await.expect(405);
    assert_eq!(
        (wrong.json()["error"].as_str(), wrong.header("allow")),
        (Some("invalid_request"), "POST, DELETE, OPTIONS")
    );
    // A form that cannot be read is told in the shape of the place.
    let authorize = TestRequest::post().uri("/oauth2/authorize/").set_payload("a=%FF");
    assert!(house.send(authorize).await.expect(400).header("content-type").starts_with("text/html"));
}

#[actix_web::test]
async fn every_error_of_the_api_is_json() {
    let house = house().await;
    let owner = house.owner().await;
    for (method, path, status) in [
        (GET, "/api/v2/nothing", 404),
        (GET, "/api/v2/organizations//members/roles", 404),
        (POST, "/api/v2/organizations//members/roles", 404),
        (PUT, "/api/v2/users", 405),
        (PATCH, "/api/v2/users/me/", 405),
        (Method::DELETE, "/api/v2/buildinfo", 405),
        (GET, "/api/v2/users/%FF", 400),
        (GET, "/api/v2/users/%zz", 400),
        (GET, "/api/v2/users/me/keys/tokens/50%", 400),
        (GET, "/%61pi/v2/nothing", 404),
    ] {
        let answer = house.sdk(method.clone(), path, &owner, Value::Null).await.expect(status);
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{method} {path}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty(), "{method} {path}");
        assert_eq!(answer.header("location"), "", "{method} {path}");
    }
    for (method, path, status) in
        [(GET, "/oauth2/nothing", 404), (GET, "/oauth2/tokens", 405), (PUT, "/oauth2/authorize", 405)]
    {
        let answer = house.sdk(method.clone(), path, "", Value::Null).await.expect(status);
        assert_eq!(answer.json()["error"], "invalid_request", "{method} {path}");
    }
}

#[actix_web::test]
async fn an_empty_session_header_is_no_session_and_hides_no_cookie() {
    let house = house().await;
    let first = json!({
        "email": "ann@example.com", "username": "ann", "name": "", "password": PASSWORD, "trial": false,
        "trial_info": { "first_name": "", "developers": "" }, "onboarding_info": null,
    });
    house.sdk(GET, "/api/v2/users/first", "", Value::Null).await.expect(404);
    house.sdk(POST, "/api/v2/users/first", "", first).await.expect(201);
    let login = json!({ "email": "ann@example.com", "password": PASSWORD });
    let session = house.sdk(POST, "/api/v2/users/login", "", login).await.expect(201).json();
    let session = session["session_token"].as_str().unwrap().to_owned();
    house.sdk(GET, "/api/v2/buildinfo", "", Value::Null).await.expect(200);

    // Nothing was offered, so nothing is wrong with it.
    let nobody = house.sdk(GET, "/api/v2/users/me", "", Value::Null).await.expect(401);
    assert!(!nobody.header("www-authenticate").contains("invalid_token"), "{}", nobody.header("www-authenticate"));
    let wrong = house.sdk(GET, "/api/v2/users/me", "wrong", Value::Null).await.expect(401);
    assert!(wrong.header("www-authenticate").contains("invalid_token"));

    let cookie = format!("coder_session_token={session}");
    let beside = TestRequest::get()
        .uri("/api/v2/users/me")
        .insert_header(("Coder-Session-Token", ""))
        .insert_header(("Cookie", cookie.as_str()));
    assert_eq!(house.send(beside).await.expect(200).json()["username"], "ann");
    let bearer = TestRequest::get()
        .uri("/api/v2/users/me")
        .insert_header(("Coder-Session-Token", ""))
        .insert_header(("Authorization", format!("Bearer {session}")));
    house.send(bearer).await.expect(200);
}

#[actix_web::test]
async fn texts_that_clients_compare() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let message = |answer: crate::house::Answer| answer.json()["message"].as_str().unwrap().to_owned();

    let gone = house.sdk(GET, "/api/v2/users/nobody", &owner, Value::Null).await.expect(400);
    assert!(message(gone).contains("must be an existing uuid or username"));
    let same = house.sdk(PUT, "/api/v2/users/bob/password", &owner, json!({ "password": PASSWORD })).await.expect(400);
    assert!(message(same).contains("New password cannot match old password."));
    let delete = house.sdk(super::DELETE, "/api/v2/users/me", &owner, Value::Null).await;
    assert!(delete.status.is_client_error() && message(delete).contains("You cannot delete yourself!"));
    let suspend = house.sdk(PUT, "/api/v2/users/me/status/suspend", &owner, Value::Null).await.expect(400);
    assert!(message(suspend).contains("You cannot suspend yourself."));

    let roles = "/api/v2/organizations/default/members/roles";
    let read = json!([{ "negate": false, "resource_type": "template", "action": "read" }]);
    for (member, text) in [
        ("site_permissions", "not allowed to assign site wide permissions for an organization role"),
        ("user_permissions", "not allowed to assign user permissions for an organization role"),
    ] {
        let mut body = json!({
            "name": "reader", "organization_id": ZERO, "display_name": "", "site_permissions": null,
            "organization_permissions": null, "user_permissions": null,
        });
        body[member] = read.clone();
        let refused = house.sdk(POST, roles, &owner, body).await.expect(400);
        assert!(refused.body.contains(text), "{}", refused.body);
    }
}
