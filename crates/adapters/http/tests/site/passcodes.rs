//! One-time passcodes: by the API and on the pages.

use crate::house::{House, PASSWORD, house, house_with_outlets};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_ports::mocks::KeepingMailer;
use doorward_services::identity_providers::Upstreams;
use doorward_services::notifications::{self, Outlets};
use serde_json::{Value, json};
use std::sync::Arc;
use time::Duration;

const POST: Method = Method::POST;
const ANOTHER: &str = "AnotherSecurePassword!";

async fn mailing() -> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, KeepingMailer)
{
    let mailer = KeepingMailer::default();
    let outlets = Outlets::with_mailer(Some(Arc::new(mailer.clone())));
    (house_with_outlets(outlets, Upstreams::default(), |_| {}).await, mailer)
}

/// The passcode in the one mail that was sent.
async fn passcode<S>(house: &House<S>, mailer: &KeepingMailer) -> String {
    notifications::deliver_all(&house.context).await.unwrap();
    let sent: Vec<_> = mailer.take().into_iter().filter(|mail| mail.subject == "Your one-time passcode").collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    let line = sent[0].text.lines().find(|line| line.len() == 36 && line.matches('-').count() == 4);
    line.unwrap_or_else(|| panic!("no passcode in {}", sent[0].text)).to_owned()
}

fn change(email: &str, code: &str, password: &str) -> Value {
    json!({ "email": email, "password": password, "one_time_passcode": code })
}

#[actix_web::test]
async fn whoever_has_forgotten_the_password_chooses_another_by_a_passcode() {
    let (house, mailer) = mailing().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.api(POST, "/users/otp/request", "", json!({ "email": " BOB@example.com " })).await.expect(204);
    let code = passcode(&house, &mailer).await;

    let wrong = "Incorrect email or one-time-passcode.";
    for (email, code) in [
        ("bob@example.com", "00000000-0000-0000-0000-000000000000"),
        ("ann@example.com", code.as_str()),
        ("nobody@example.com", code.as_str()),
        ("bob@example.com", "x"),
    ] {
        let refused = house.api(POST, "/users/otp/change-password", "", change(email, code, ANOTHER)).await.expect(400);
        assert_eq!(refused.json(), json!({ "message": wrong }), "one answer for all of them");
    }
    let weak =
        house.api(POST, "/users/otp/change-password", "", change("bob@example.com", &code, "weak")).await.expect(400);
    assert_eq!(weak.json()["validations"][0]["field"], "password");
    let same =
        house.api(POST, "/users/otp/change-password", "", change("bob@example.com", &code, PASSWORD)).await.expect(400);
    assert_eq!(same.json()["message"], "New password cannot match old password.");

    house.get("/users/me", &bob).await.expect(200);
    let typed = format!(" {} ", code.to_uppercase());
    house.api(POST, "/users/otp/change-password", "", change("bob@example.com", &typed, ANOTHER)).await.expect(204);
    house.get("/users/me", &bob).await.expect(401);
    let login = |password: &str| json!({ "email": "bob@example.com", "password": password });
    house.api(POST, "/users/login", "", login(PASSWORD)).await.expect(401);
    house.api(POST, "/users/login", "", login(ANOTHER)).await.expect(201);
    let again = change("bob@example.com", &code, "YetAnotherPassword!");
    house.api(POST, "/users/otp/change-password", "", again).await.expect(400);

    let log = house.get("/audit?q=action:request_password_reset", &owner).await.expect(200).json();
    assert_eq!(log["count"], 1);
    let entry = &log["audit_logs"][0];
    assert_eq!((&entry["resource_target"], &entry["user"]), (&json!("bob"), &Value::Null));
    assert!(entry["diff"]["one_time_passcode_expires_at"].is_object());
    assert!(!log.to_string().contains(&code));
}

#[actix_web::test]
async fn a_passcode_expires_and_the_last_one_counts() {
    let (house, mailer) = mailing().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let ask =
        async || house.api(POST, "/users/otp/request", "", json!({ "email": "bob@example.com" })).await.expect(204);
    ask().await;
    let first = passcode(&house, &mailer).await;
    ask().await;
    let second = passcode(&house, &mailer).await;
    assert_ne!(first, second);
    let try_it = async |code: &str| {
        house.api(POST, "/users/otp/change-password", "", change("bob@example.com", code, ANOTHER)).await
    };
    try_it(&first).await.expect(400);
    house.clock.advance(Duration::minutes(20));
    try_it(&second).await.expect(400);
}

#[actix_web::test]
async fn who_has_an_account_is_not_told_and_nobody_is_flooded() {
    let (house, mailer) = mailing().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let organizations = house.get("/users/me/organizations", &owner).await.json();
    let none = json!({
        "email": "none@example.com", "username": "none", "login_type": "none", "organization_ids": [organizations[0]["id"]],
    });
    house.api(POST, "/users", &owner, none).await.expect(201);
    house.member(&owner, "gone").await;
    house.api(Method::PUT, "/users/gone/status/suspend", &owner, Value::Null).await.expect(200);
    notifications::deliver_all(&house.context).await.unwrap();
    mailer.take();
    for email in ["nobody@example.com", "none@example.com", "gone@example.com"] {
        let answer = house.api(POST, "/users/otp/request", "", json!({ "email": email })).await.expect(204);
        assert!(answer.body.is_empty());
    }
    for wrong in [json!({}), json!({ "email": "" }), json!({ "email": "x" }), json!({ "email": 1 })] {
        house.api(POST, "/users/otp/request", "", wrong).await.expect(400);
    }
    notifications::deliver_all(&house.context).await.unwrap();
    assert!(mailer.take().is_empty());
    for _ in 0..10 {
        house.api(POST, "/users/otp/request", "", json!({ "email": "bob@example.com" })).await.expect(204);
    }
    notifications::deliver_all(&house.context).await.unwrap();
    assert_eq!(mailer.take().len(), 3);
    house.clock.advance(Duration::hours(3));
    house.api(POST, "/users/otp/request", "", json!({ "email": "bob@example.com" })).await.expect(204);
    notifications::deliver_all(&house.context).await.unwrap();
    assert_eq!(mailer.take().len(), 1);
}

#[actix_web::test]
async fn passcodes_are_refused_where_passwords_are_switched_off() {
    let house = house_with_outlets(Outlets::default(), Upstreams::default(), |settings| {
        settings.sessions.password_login = false;
    })
    .await;
    house.api(POST, "/users/otp/request", "", json!({ "email": "bob@example.com" })).await.expect(403);
    house.api(POST, "/users/otp/change-password", "", change("bob@example.com", "x", ANOTHER)).await.expect(403);
}

fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) =
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split_once('"').unwrap().0
}

#[actix_web::test]
async fn the_pages_lead_from_the_sign_in_to_another_password() {
    let (house, mailer) = mailing().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let sign_in = house.send(TestRequest::get().uri("/login")).await.expect(200);
    assert!(sign_in.body.contains("Forgot your password?") && sign_in.body.contains("\"/reset-password\""));
    let page = house.send(TestRequest::get().uri("/reset-password")).await.expect(200);
    let cookies = page.cookies().join("; ");
    let post = async |path: &str, cookies: &str, fields: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = TestRequest::post().uri(path).set_payload(body).insert_header(("Cookie", cookies));
        house.send(request.insert_header(("Accept", "text/html"))).await
    };
    let token = field(&page.body, "csrf_token");
    // Neither without the token, nor without the cookie that it belongs to.
    post("/reset-password", &cookies, &[("email", "bob@example.com")]).await.expect(400);
    post("/reset-password", "", &[("csrf_token", token), ("email", "bob@example.com")]).await.expect(400);
    post("/reset-password", &cookies, &[("csrf_token", token), ("email", "x")]).await.expect(400);
    let sent =
        post("/reset-password", &cookies, &[("csrf_token", token), ("email", "bob@example.com")]).await.expect(200);
    let nobody =
        post("/reset-password", &cookies, &[("csrf_token", token), ("email", "nobody@example.com")]).await.expect(200);
    let shown = |page: &str| page.lines().filter(|line| !line.contains("csrf_token")).collect::<Vec<_>>().join("\n");
    assert_eq!(shown(&sent.body), shown(&nobody.body), "whether there is an account is not told");
    notifications::deliver_all(&house.context).await.unwrap();
    let mails: Vec<_> = mailer.take().into_iter().filter(|mail| mail.subject == "Your one-time passcode").collect();
    assert_eq!(mails.len(), 1);
    let link = mails[0]
        .text
        .lines()
        .find_map(|line| line.strip_prefix("Reset password: https://door.example"))
        .unwrap()
        .to_owned();

    let page = house.send(TestRequest::get().uri(&link).insert_header(("Cookie", cookies.as_str()))).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    let token = field(&page.body, "csrf_token").to_owned();
    let otp = link.split("otp=").nth(1).unwrap().split('&').next().unwrap();
    assert!(page.body.contains(otp) && page.body.contains("bob@example.com"));
    let fields =
        |password| [("csrf_token", token.as_str()), ("email", "bob@example.com"), ("otp", otp), ("password", password)];
    let weak = post("/reset-password/change", &cookies, &fields("weak")).await.expect(400);
    assert!(weak.body.contains("Error: ") && !weak.body.contains("value=\"weak\""));
    assert!(weak.body.contains("Too easy to guess.") && !weak.body.contains("password-hint"), "{}", weak.body);
    post("/reset-password/change", "", &fields(ANOTHER)).await.expect(400);
    let done = post("/reset-password/change", &cookies, &fields(ANOTHER)).await.expect(303);
    assert_eq!(done.header("location"), "/login?done=password");
    let told = house.send(TestRequest::get().uri("/login?done=password")).await.expect(200);
    assert!(told.body.contains("Your password is changed."), "{}", told.body);
    house.api(POST, "/users/login", "", json!({ "email": "bob@example.com", "password": ANOTHER })).await.expect(201);
    let used = post("/reset-password/change", &cookies, &fields("YetAnotherPassword!")).await.expect(400);
    for part in
        ["id=\"otp-error\"", "wrong, used or too old", "Ask for another mail", "Back to signing in", "<title>Error: "]
    {
        assert!(used.body.contains(part), "{part}: {}", used.body);
    }
}

#[actix_web::test]
async fn a_server_without_mail_does_not_promise_any() {
    let house = house().await;
    house.owner().await;
    let sign_in = house.send(TestRequest::get().uri("/login")).await.expect(200);
    assert!(!sign_in.body.contains("Forgot your password?"));
    let page = house.send(TestRequest::get().uri("/reset-password")).await.expect(200);
    assert!(page.body.contains("sends no mail"));
}
