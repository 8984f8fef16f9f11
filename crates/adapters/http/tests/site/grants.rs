//! Which apps may act for whom, for those who look after users and apps.

use crate::house::{House, house};
use crate::oauth2::{Client, access_token, allow, client};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use time::Duration;

const DELETE: Method = Method::DELETE;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    async fn grants(&self, path: &str, token: &str) -> Vec<Value> {
        let list = self.get(path, token).await.expect(200).json();
        let grants = list["grants"].as_array().unwrap().clone();
        assert_eq!(list["count"], grants.len());
        grants
    }

    async fn works(&self, access: &str) -> bool {
        let request = TestRequest::get().uri("/api/v2/users/me");
        let answer = self.send(request.insert_header(("Authorization", format!("Bearer {access}")))).await;
        answer.status.as_u16() == 200
    }
}

fn of_app(app: &Client) -> String {
    format!("/oauth2-provider/apps/{}/grants", app.id)
}

#[actix_web::test]
async fn grants_are_listed_by_user_and_by_app() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (app, other) =
        (client(&house, &owner, json!({})).await, client(&house, &owner, json!({ "name": "two" })).await);
    access_token(&house, &owner, &app, &[]).await;
    house.clock.advance(Duration::MINUTE);
    let access = access_token(&house, &bob, &app, &[("scope", "user:read")]).await;
    house.clock.advance(Duration::MINUTE);
    access_token(&house, &bob, &other, &[]).await;
    assert!(house.works(&access).await);

    let listed = house.grants(&of_app(&app), &owner).await;
    let bobs = house.get("/users/me", &bob).await.json();
    let expected = json!({
        "id": listed[0]["id"], "user_id": bobs["id"], "username": "bob", "app_id": app.id, "app_name": "robot",
        "scopes": ["user:read"], "resource": "", "device": false, "created_at": "2026-03-01T12:01:00Z",
        "last_used": "2026-03-01T12:02:00Z", "expires_at": listed[0]["expires_at"],
    });
    assert_eq!(listed[0], expected);
    assert_eq!((listed.len(), &listed[1]["username"]), (2, &json!("ann")));
    assert_eq!(listed[1]["last_used"], "0001-01-01T00:00:00Z");

    let apps = async |path: &str, token: &str| {
        let grants = house.grants(path, token).await;
        grants.iter().map(|grant| grant["app_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(apps("/users/bob/grants", &owner).await, ["two", "robot"]);
    assert_eq!(apps("/users/me/grants", &bob).await, ["two", "robot"]);
    // Who may see only their own sees those.
    assert_eq!(house.grants(&of_app(&app), &bob).await.len(), 1);
    house.get("/users/ann/grants", &bob).await.expect(400);
    let page = house.get(&format!("{}?limit=1", of_app(&app)), &owner).await.expect(200).json();
    assert_eq!((page["grants"].as_array().unwrap().len(), &page["count"]), (1, &json!(2)));
    let behind = format!("{}?after_id={}", of_app(&app), listed[0]["id"].as_str().unwrap());
    assert_eq!(house.grants(&behind, &owner).await, listed[1..]);
    for query in ["limit=x", "after_id=x", "offset=-1", "q=a"] {
        house.get(&format!("{}?{query}", of_app(&app)), &owner).await.expect(400);
    }
    house.get("/oauth2-provider/apps/00000000-0000-0000-0000-000000000001/grants", &owner).await.expect(404);
    house.get("/oauth2-provider/apps/x/grants", &owner).await.expect(400);
}

#[actix_web::test]
async fn one_grant_is_ended_by_whom_it_concerns_and_by_owners() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, eve) = (house.member(&owner, "bob").await, house.member(&owner, "eve").await);
    let app = client(&house, &owner, json!({})).await;
    let (of_bob, of_eve) = (access_token(&house, &bob, &app, &[]).await, access_token(&house, &eve, &app, &[]).await);
    let path = async |user: &str| {
        let grants = house.grants(&format!("/users/{user}/grants"), &owner).await;
        format!("/oauth2-provider/grants/{}", grants[0]["id"].as_str().unwrap())
    };
    let (bobs, eves) = (path("bob").await, path("eve").await);
    house.api(DELETE, &bobs, &eve, Value::Null).await.expect(404);
    house.api(DELETE, &bobs, &owner, Value::Null).await.expect(204);
    house.api(DELETE, &bobs, &owner, Value::Null).await.expect(404);
    assert!(!house.works(&of_bob).await && house.works(&of_eve).await);
    house.clock.advance(Duration::SECOND);
    house.api(DELETE, &eves, &eve, Value::Null).await.expect(204);
    assert!(!house.works(&of_eve).await);
    house.api(DELETE, "/oauth2-provider/grants/x", &owner, Value::Null).await.expect(400);
    let log = house.get("/audit?q=oauth2_provider_grant%20action:delete", &owner).await.expect(200).json();
    assert_eq!(log["count"], 2);
    assert_eq!(
        (&log["audit_logs"][1]["user"]["username"], &log["audit_logs"][1]["status_code"]),
        (&json!("ann"), &json!(204))
    );
}

#[actix_web::test]
async fn all_that_an_app_holds_ends_at_once() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (app, other) =
        (client(&house, &owner, json!({})).await, client(&house, &owner, json!({ "name": "two" })).await);
    let ended = [access_token(&house, &owner, &app, &[]).await, access_token(&house, &bob, &app, &[]).await];
    let kept = access_token(&house, &bob, &other, &[]).await;
    let code = allow(&house, &bob, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    house.api(DELETE, &of_app(&app), &bob, Value::Null).await.expect(403);
    house.api(DELETE, &of_app(&app), &kept, Value::Null).await.expect(403);
    let answer = house.api(DELETE, &of_app(&app), &owner, Value::Null).await.expect(200);
    assert_eq!(answer.json(), json!({ "ended": 2 }));
    for access in &ended {
        assert!(!house.works(access).await);
    }
    assert!(house.works(&kept).await);
    let exchange = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::oauth2::VERIFIER)];
    house.form("/oauth2/tokens", &app.basic(), &exchange).await.expect(400);
    let log = house.get("/audit?q=oauth2_provider_grant%20action:delete", &owner).await.expect(200).json();
    assert_eq!((&log["count"], &log["audit_logs"][0]["additional_fields"]["grants"]), (&json!(1), &json!(2)));
    house.api(DELETE, &of_app(&app), &owner, Value::Null).await.expect(200);
}

#[actix_web::test]
async fn with_a_grant_goes_what_the_app_has_not_fetched_yet() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    access_token(&house, &owner, &app, &[]).await;
    let code = allow(&house, &owner, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    let listed = house.grants(&of_app(&app), &owner).await;
    let path = format!("/oauth2-provider/grants/{}", listed[0]["id"].as_str().unwrap());
    house.api(DELETE, &path, &owner, Value::Null).await.expect(204);
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::oauth2::VERIFIER)];
    let refused = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant", "nobody was asked anew");
    // What is gone is no place to go on behind.
    let behind = format!("{}?after_id={}", of_app(&app), listed[0]["id"].as_str().unwrap());
    assert_eq!(house.get(&behind, &owner).await.expect(400).json()["validations"][0]["field"], "after_id");
}
