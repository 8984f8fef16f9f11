//! Changing mail addresses.

use crate::house::{House, PASSWORD, house};
use crate::notifications::{deliver, mailing};
use crate::oauth2::{access_token, client};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};
use time::Duration;

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const CHANGED: &str = "The mail address of your account has been changed";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    async fn move_to(&self, token: &str, user: &str, body: Value, status: u16) -> Value {
        self.clock.advance(Duration::SECOND);
        let answer = self.api(PUT, &format!("/users/{user}/email"), token, body).await.expect(status);
        answer.json()
    }
}

#[actix_web::test]
async fn whoever_changes_their_address_proves_who_they_are_and_both_addresses_are_told() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.api(PUT, "/users/bob/email/verification", &owner, json!({ "verified": true })).await.expect(200);
    deliver(&house).await;
    mailer.take();

    let missing = house.move_to(&bob, "me", json!({ "email": "new@example.com" }), 400).await;
    assert_eq!(missing["validations"][0]["field"], "password");
    house.move_to(&bob, "me", json!({ "email": "new@example.com", "password": "wrong" }), 401).await;
    let changed = house.move_to(&bob, "me", json!({ "email": " New@example.com ", "password": PASSWORD }), 200).await;
    assert_eq!((&changed["email"], &changed["username"]), (&json!("New@example.com"), &json!("bob")));
    house.get("/users/me", &bob).await.expect(200);
    let login = |email: &str| json!({ "email": email, "password": PASSWORD });
    house.api(POST, "/users/login", "", login("bob@example.com")).await.expect(401);
    house.api(POST, "/users/login", "", login("new@example.com")).await.expect(201);
    // Nobody has vouched for the new address, nor for the old one when it comes back.
    for email in ["new2@example.com", "bob@example.com"] {
        let verification = house.get("/users/bob/email/verification", &owner).await.expect(200).json();
        assert_eq!(verification["verified"], false);
        house.move_to(&bob, "me", json!({ "email": email, "password": PASSWORD }), 200).await;
    }
    assert_eq!(house.get("/users/bob/email/verification", &owner).await.json()["verified"], false);

    deliver(&house).await;
    let sent: Vec<_> = mailer.take().into_iter().filter(|mail| mail.subject == CHANGED).collect();
    let mut to: Vec<&str> = sent.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    // To the old address each time, and to the one of the user as of now.
    let now = ["bob@example.com"; 4];
    assert_eq!(to, [&["New@example.com"][..], &now, &["new2@example.com"]].concat());
    let says_both = |text: &str| text.contains("from bob@example.com to New@example.com");
    assert_eq!(sent.iter().filter(|mail| says_both(&mail.text)).count(), 2, "{sent:?}");
    let inbox = house.get("/notifications/inbox", &bob).await.expect(200).json();
    let titles: Vec<_> = inbox["notifications"].as_array().unwrap().iter().map(|one| &one["title"]).collect();
    assert_eq!(titles.iter().filter(|title| ***title == CHANGED).count(), 3, "once for each change: {titles:?}");

    let log = house.get("/audit?q=user%20action:write%20username:bob", &owner).await.expect(200).json();
    let change = &log["audit_logs"][2]["diff"]["email"];
    assert_eq!((&change["old"], &change["new"]), (&json!("bob@example.com"), &json!("New@example.com")));
}

#[actix_web::test]
async fn nobody_can_refuse_to_be_told_and_a_passcode_of_before_is_of_no_use() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let templates = house.get("/notifications/templates/system", &owner).await.expect(200).json();
    let template = templates.as_array().unwrap().iter().find(|one| one["name"] == "Mail address changed").unwrap();
    let refusal = json!({ "template_disabled_map": { template["id"].as_str().unwrap(): true } });
    house.api(PUT, "/users/me/notifications/preferences", &bob, refusal).await;
    house.api(POST, "/users/otp/request", "", json!({ "email": "bob@example.com" })).await.expect(204);
    deliver(&house).await;
    let sent = mailer.take();
    let code =
        sent.iter().flat_map(|mail| mail.text.lines()).find(|line| line.len() == 36 && line.matches('-').count() == 4);
    let code = code.unwrap().to_owned();
    house.move_to(&owner, "bob", json!({ "email": "new@example.com" }), 200).await;
    let used = json!({ "email": "new@example.com", "password": "AnotherSecurePassword!", "one_time_passcode": code });
    house.api(POST, "/users/otp/change-password", "", used).await.expect(400);
    deliver(&house).await;
    let told: Vec<_> = mailer.take().into_iter().filter(|mail| mail.subject == CHANGED).map(|mail| mail.to).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[actix_web::test]
async fn administrators_change_addresses_of_others_but_not_those_of_the_more_powerful() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, eve) = (house.member(&owner, "bob").await, house.member(&owner, "eve").await);
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["user-admin"] })).await.expect(200);
    let to = |email: &str| json!({ "email": email });
    assert_eq!(house.move_to(&bob, "eve", to("e@example.com"), 200).await["email"], "e@example.com");
    house.move_to(&bob, "ann", to("a@example.com"), 403).await;
    house.move_to(&owner, "bob", to("b@example.com"), 200).await;
    house.move_to(&eve, "bob", to("x@example.com"), 400).await;
    house.move_to(&owner, "nobody", to("x@example.com"), 400).await;
    // One's own needs the password, whoever one is.
    house.move_to(&owner, "ann", to("a@example.com"), 400).await;
    let taken = house.move_to(&owner, "eve", to("B@Example.com"), 409).await;
    assert_eq!(taken["validations"][0]["field"], "email");
    let before = house.get("/audit?q=user%20action:write", &owner).await.json()["count"].clone();
    house.move_to(&owner, "eve", to("e@example.com"), 200).await;
    assert_eq!(house.get("/audit?q=user%20action:write", &owner).await.json()["count"], before, "nothing has changed");
    house.move_to(&owner, "eve", to("E@example.com"), 200).await;
}

#[actix_web::test]
async fn what_is_no_address_is_refused_and_so_are_apps_and_programs() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let long = format!("{}@example.com", "a".repeat(400));
    for email in ["", " ", "bob", "bob@", "a b@example.com", "\u{202e}b@example.com", &long] {
        let refused = house.move_to(&owner, "bob", json!({ "email": email }), 400).await;
        assert_eq!(refused["validations"][0]["field"], "email", "{email:?}: {refused}");
    }
    for body in [json!([]), json!({ "email": 1 })] {
        house.move_to(&owner, "bob", body, 400).await;
    }
    let organizations = house.get("/users/me/organizations", &owner).await.json();
    let robot = json!({
        "username": "robot", "login_type": "none", "service_account": true, "organization_ids": [organizations[0]["id"]],
    });
    house.api(POST, "/users", &owner, robot).await.expect(201);
    house.move_to(&owner, "robot", json!({ "email": "r@example.com" }), 400).await;
    let app = client(&house, &owner, json!({})).await;
    let access = access_token(&house, &owner, &app, &[]).await;
    house.move_to(&access, "bob", json!({ "email": "x@example.com" }), 403).await;
    house.move_to(&access, "me", json!({ "email": "x@example.com", "password": PASSWORD }), 403).await;
}
