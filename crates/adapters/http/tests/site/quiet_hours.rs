//! Quiet hours.

use crate::house::house;
use actix_web::http::Method;
use serde_json::json;

const PUT: Method = Method::PUT;

#[actix_web::test]
async fn users_choose_when_their_workspaces_may_be_stopped() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let default = house.get("/users/me/quiet-hours", &bob).await.expect(200).json();
    assert_eq!(
        default,
        json!({
            "raw_schedule": "CRON_TZ=UTC 0 0 * * *", "user_set": false, "user_can_set": true,
            "time": "00:00", "timezone": "UTC", "next": "2026-03-02T00:00:00Z",
        }),
    );
    let morning = json!({ "schedule": "CRON_TZ=america/new_york 5  6 * * *" });
    let chosen = json!({
        "raw_schedule": "CRON_TZ=America/New_York 5 6 * * *", "user_set": true, "user_can_set": true,
        "time": "06:05", "timezone": "America/New_York", "next": "2026-03-02T06:05:00-05:00",
    });
    assert_eq!(house.api(PUT, "/users/me/quiet-hours", &bob, morning.clone()).await.expect(200).json(), chosen);
    assert_eq!(house.get("/users/bob/quiet-hours", &owner).await.expect(200).json(), chosen);
    let again = json!({ "schedule": "0 0 * * *" });
    let replaced = house.api(PUT, "/users/bob/quiet-hours", &owner, again).await.expect(200).json();
    assert_eq!((&replaced["user_set"], &replaced["timezone"]), (&json!(true), &json!("UTC")));
    let back = house.api(PUT, "/users/me/quiet-hours", &bob, json!({ "schedule": " " })).await.expect(200).json();
    assert_eq!(back, default);

    // Not those of others, of whom a member does not even know.
    house.get("/users/ann/quiet-hours", &bob).await.expect(400);
    house.api(PUT, "/users/ann/quiet-hours", &bob, morning).await.expect(400);

    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let mut told: Vec<_> = log["audit_logs"].as_array().unwrap().iter().map(|entry| entry["diff"].clone()).collect();
    told.retain(|diff| diff.get("quiet_hours_schedule").is_some());
    let field = |old: &str, new: &str| json!({ "quiet_hours_schedule": { "old": old, "new": new, "secret": false } });
    let (york, utc) = ("CRON_TZ=America/New_York 5 6 * * *", "CRON_TZ=UTC 0 0 * * *");
    let expected = [field("", york), field(york, utc), field(utc, "")];
    assert!(told.len() == 3 && expected.iter().all(|diff| told.contains(diff)), "{log}");
}

#[actix_web::test]
async fn a_schedule_that_is_none_is_told_by_its_field() {
    let house = house().await;
    let owner = house.owner().await;
    for (schedule, told) in [
        (json!(""), "required"),
        (json!("@daily"), "parse daily schedule"),
        (json!("CRON_TZ=Nowhere 0 0 * * *"), "parse daily schedule"),
        (json!("0 0 1 * *"), "parse daily schedule"),
        (json!("0,30 0 * * *"), "more than one time"),
    ] {
        let refused = house.api(PUT, "/users/me/quiet-hours", &owner, json!({ "schedule": schedule })).await;
        let refused = refused.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "schedule");
        assert!(refused["validations"][0]["detail"].as_str().unwrap().contains(told), "{refused}");
    }
    house.api(PUT, "/users/me/quiet-hours", &owner, json!({ "schedule": 5 })).await.expect(400);
}
