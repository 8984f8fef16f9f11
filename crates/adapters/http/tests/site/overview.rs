//! The deployment in figures.

use crate::house::house;
use actix_web::http::Method;
use serde_json::{Value, json};
use time::Duration;

#[actix_web::test]
async fn the_deployment_in_figures() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.member(&owner, "eve").await;
    house.api(Method::PUT, "/users/eve/status/suspend", &owner, Value::Null).await.expect(200);
    let wrong = json!({ "email": "bob@example.com", "password": "wrong" });
    house.api(Method::POST, "/users/login", "", wrong).await.expect(401);
    house.get("/deployment/overview", &bob).await.expect(403);
    house.get("/deployment/overview", "").await.expect(401);
    let figures = house.get("/deployment/overview", &owner).await.expect(200).json();
    assert_eq!(figures["collected_at"], "2026-03-01T12:00:00Z");
    assert_eq!(figures["users"], json!({ "active": 2, "dormant": 0, "suspended": 1 }));
    assert_eq!(figures["sessions"], json!({ "count": 2, "exact": true }));
    let last = |figures: &Value, name: &str| figures["last_hour"][name].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last(&figures, "sign_ins"), last(&figures, "failed_sign_ins")), (json!(3), json!(1)));
    assert_eq!(figures["last_hour"]["tokens_issued"].as_array().unwrap().len(), 60);
    house.clock.advance(Duration::MINUTE);
    let figures = house.get("/deployment/overview", &owner).await.expect(200).json();
    let sign_ins = figures["last_hour"]["sign_ins"].as_array().unwrap();
    assert_eq!(sign_ins[58..], [json!(3), json!(0)]);
}

#[actix_web::test]
async fn settings_say_where_they_were_said() {
    let house = house().await;
    let owner = house.owner().await;
    let config = house.get("/deployment/config", &owner).await.expect(200).json();
    assert_eq!(config["options"][0]["source"], "environment");
}
