//! Tokens by which clients may be registered.

use crate::house::{Answer, House, ISSUER, house_with};
use crate::registration::{metadata, native, open, register, text, with};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_services::oauth2::registration::RegistrationMode;
use serde_json::{Value, json};
use time::Duration;

async fn register_by<S>(house: &House<S>, token: &str, body: &Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let request =
        TestRequest::post().uri("/oauth2/register").insert_header(("Authorization", format!("Bearer {token}")));
    house.send(request.set_payload(body.to_string())).await
}

#[actix_web::test]
async fn where_a_token_is_needed_only_those_register_who_have_one() {
    let house = house_with(|settings| {
        settings.oauth2.registration.mode = RegistrationMode::Token;
        settings.oauth2.registration.max_new_per_hour = 1;
    })
    .await;
    let owner = house.owner().await;
    let path = "/oauth2-provider/registration-tokens";
    assert_eq!(metadata(&house).await["registration_endpoint"], format!("{ISSUER}/oauth2/register"));
    let shown = house.get("/oauth2-provider/settings", &owner).await.expect(200).json();
    assert_eq!(shown["dynamic_client_registration_enabled"], true);
    let new = json!({ "name": "ci", "expires_at": "2026-03-02T12:00:00Z", "max_uses": 2 });
    let made = house.api(Method::POST, path, &owner, new).await.expect(201).json();
    let token = text(&made["token"]);
    assert!(token.starts_with("coder_reg_"));

    let missing = register(&house, &native()).await.expect(401);
    assert_eq!(
        (&missing.json()["error"], missing.header("www-authenticate").starts_with("Bearer")),
        (&json!("invalid_token"), true)
    );
    for bad in ["x", "coder_reg_0123456789_x", &format!("{token}x"), token.trim_start_matches("coder_reg_")] {
        assert_eq!(register_by(&house, bad, &native()).await.expect(401).json()["error"], "invalid_token", "{bad}");
    }
    // What breaks a rule uses nothing up, and a token lifts the limits.
    register_by(&house, token, &json!({})).await.expect(400);
    register_by(&house, token, &native()).await.expect(201);
    register_by(&house, token, &with(&native(), json!({ "client_name": "Other" }))).await.expect(201);
    register_by(&house, token, &native()).await.expect(401);

    let listed = house.get(path, &owner).await.expect(200).json();
    assert_eq!((&listed[0]["uses"], &listed[0]["max_uses"], listed[0].get("token")), (&json!(2), &json!(2), None));
    let id = text(&made["id"]);
    house.api(Method::DELETE, &format!("{path}/{id}"), &owner, Value::Null).await.expect(204);
    house.api(Method::DELETE, &format!("{path}/{id}"), &owner, Value::Null).await.expect(404);

    let brief = json!({ "name": "brief", "expires_at": "2026-03-01T12:01:00Z" });
    let brief = house.api(Method::POST, path, &owner, brief).await.expect(201).json();
    house.clock.advance(Duration::MINUTE);
    register_by(&house, text(&brief["token"]), &native()).await.expect(401);
}

#[actix_web::test]
async fn owners_make_tokens_for_registration_and_are_told_what_is_wrong_with_them() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let path = "/oauth2-provider/registration-tokens";
    for (body, fields) in [
        (json!({}), vec!["name", "expires_at"]),
        (
            json!({ "name": "x".repeat(65), "expires_at": "2026-03-01T12:00:00Z", "max_uses": 0 }),
            vec!["name", "expires_at", "max_uses"],
        ),
        (json!({ "name": "a\u{202e}", "expires_at": "2027-03-03T12:00:00Z" }), vec!["name", "expires_at"]),
    ] {
        let refused = house.api(Method::POST, path, &owner, body).await.expect(400).json();
        let told: Vec<&str> =
            refused["validations"].as_array().unwrap().iter().map(|one| text(&one["field"])).collect();
        assert_eq!(told, fields);
    }
    house.api(Method::POST, path, &owner, json!({ "name": "x", "expires_at": "soon" })).await.expect(400);
    house.api(Method::POST, path, &bob, json!({ "name": "x" })).await.expect(403);
    house.get(path, &bob).await.expect(403);
    house
        .api(Method::DELETE, &format!("{path}/00000000-0000-0000-0000-000000000001"), &bob, Value::Null)
        .await
        .expect(403);
}

#[actix_web::test]
async fn a_token_says_what_clients_may_be_that_are_registered_by_it_and_they_keep_to_it() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let path = "/oauth2-provider/registration-tokens";
    let organization = house.get("/organizations/default", &owner).await.expect(200).json()["id"].clone();
    let new = async |more: Value| {
        let body = with(&json!({ "name": "ci", "expires_at": "2026-03-02T12:00:00Z" }), more);
        house.api(Method::POST, path, &owner, body).await
    };
    let limits = json!({
        "organization_id": organization, "scopes": ["user:read", "workspace:read"],
        "redirect_hosts": ["*.app.example", "cursor:"], "auth_methods": ["none", "client_secret_basic"],
    });
    let made = new(limits.clone()).await.expect(201).json();
    let (token, listed) = (text(&made["token"]), house.get(path, &owner).await.expect(200).json());
    for name in ["organization_id", "scopes", "redirect_hosts", "auth_methods"] {
        assert_eq!((&made[name], &listed[0][name]), (&limits[name], &limits[name]), "{name}");
    }
    let good = with(&native(), json!({ "redirect_uris": ["https://eu.app.example/cb"], "scope": "user:read" }));
    for (more, named) in [
        (json!({ "redirect_uris": ["https://app.example/cb"] }), "redirect_uris"),
        (json!({ "redirect_uris": ["https://eu.app.example/cb", "http://127.0.0.1/cb"] }), "redirect_uris"),
        (json!({ "token_endpoint_auth_method": "client_secret_post" }), "token_endpoint_auth_method"),
        (json!({ "scope": "template:read" }), "scope"),
    ] {
        let refused = register_by(&house, token, &with(&good, more.clone())).await.expect(400).json();
        assert!(text(&refused["error_description"]).contains(named), "{more}: {refused}");
    }
    let client = register_by(&house, token, &good).await.expect(201).json();
    let all = register_by(&house, token, &with(&good, json!({ "scope": null, "client_name": "All" }))).await;
    assert_eq!(all.expect(201).json()["scope"], "user:read workspace:read");
    let app = with(&good, json!({ "redirect_uris": ["cursor://x/cb"], "client_name": "Cursor" }));
    register_by(&house, token, &app).await.expect(201);
    // The same software is another client to everybody else.
    assert_ne!(register(&house, &good).await.expect(201).json()["client_id"], client["client_id"]);
    assert_eq!(register_by(&house, token, &good).await.expect(201).json()["client_id"], client["client_id"]);

    // A client changes itself within these limits only, also when the token is gone.
    let own = with(&good, json!({ "client_name": "Own" }));
    let own = register_by(&house, token, &own).await.expect(201).json();
    house.api(Method::DELETE, &format!("{path}/{}", text(&made["id"])), &owner, Value::Null).await.expect(204);
    let change = async |more: Value| {
        let request = TestRequest::put().uri(&format!("/oauth2/clients/{}", text(&own["client_id"])));
        let bearer = format!("Bearer {}", text(&own["registration_access_token"]));
        house.send(request.insert_header(("Authorization", bearer)).set_payload(with(&good, more).to_string())).await
    };
    change(json!({ "redirect_uris": ["https://evil.example/cb"] })).await.expect(400);
    change(json!({ "redirect_uris": ["https://us.app.example/cb"], "scope": "workspace:read" })).await.expect(200);

    for (more, field) in [
        (json!({ "scopes": ["nothing:known"] }), "scopes"),
        (json!({ "redirect_hosts": ["https://a.example"] }), "redirect_hosts"),
        (json!({ "redirect_hosts": vec!["a.example"; 65] }), "redirect_hosts"),
        (json!({ "auth_methods": ["client_secret_jwt"] }), "auth_methods"),
        (json!({ "organization_id": "00000000-0000-0000-0000-000000000001" }), "organization_id"),
    ] {
        assert_eq!(new(more).await.expect(400).json()["validations"][0]["field"], field);
    }
}

#[actix_web::test]
async fn a_token_for_an_organization_that_is_gone_is_no_good() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let made = house.api(Method::POST, "/organizations", &owner, json!({ "name": "lab" })).await.expect(201).json();
    let body = json!({ "name": "ci", "expires_at": "2026-03-02T12:00:00Z", "organization_id": made["id"] });
    let path = "/oauth2-provider/registration-tokens";
    let token = house.api(Method::POST, path, &owner, body).await.expect(201).json();
    register_by(&house, text(&token["token"]), &native()).await.expect(201);
    house.api(Method::DELETE, "/organizations/lab", &owner, Value::Null).await.expect(200);
    let other = with(&native(), json!({ "client_name": "Other" }));
    assert_eq!(register_by(&house, text(&token["token"]), &other).await.expect(401).json()["error"], "invalid_token");
}
