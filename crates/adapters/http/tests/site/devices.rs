//! The device grant (RFC 8628): the device asks, a person compares and decides, the device gets its tokens.

use crate::browser::Browser;
use crate::house::{Answer, House, ISSUER, NOW, house, house_with};
use crate::oauth2::{Client, client};
use crate::openid::claims_of;
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_services::oauth2::DeviceEvent;
use serde_json::{Value, json};
use time::Duration;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const PAGE: &str = "/oauth2/device/verify";

pub(crate) trait Site: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error> {}
impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>> Site for S {}

async fn television<S: Site>(house: &House<S>, owner: &str) -> Client {
    client(house, owner, json!({ "device_flow": true })).await
}

/// The same with names of its own, for programs and for people.
pub(crate) async fn television_called<S: Site>(house: &House<S>, owner: &str, name: &str, shown: &str) -> Client {
    client(house, owner, json!({ "device_flow": true, "name": name, "display_name": shown })).await
}

pub(crate) async fn begin<S: Site>(house: &House<S>, client: &Client, scope: &str) -> Value {
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("scope", scope).finish();
    let request = TestRequest::post().uri("/oauth2/device").set_payload(body).peer_addr("192.0.2.7:1".parse().unwrap());
    let request =
        request.insert_header(("Authorization", client.basic())).insert_header(("User-Agent", "television/1"));
    let answer = house.send(request).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

async fn poll<S: Site>(house: &House<S>, client: &Client, codes: &Value) -> Answer {
    let code = codes["device_code"].as_str().unwrap();
    house.form("/oauth2/tokens", &client.basic(), &[("grant_type", GRANT), ("device_code", code)]).await
}

/// Some time later, what the device is told instead of tokens.
async fn refused<S: Site>(house: &House<S>, client: &Client, codes: &Value) -> String {
    house.clock.advance(Duration::seconds(5));
    poll(house, client, codes).await.expect(400).json()["error"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_device_gets_its_tokens_once_a_person_has_compared_the_codes() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let codes = begin(&house, &television, "user:read offline_access").await;
    let code = codes["user_code"].as_str().unwrap();
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    assert_eq!(codes["verification_uri"], format!("{ISSUER}/device"), "short, as people type it");
    assert_eq!(codes["verification_uri_complete"], format!("{ISSUER}/device?user_code={code}"));
    let short = house.send(TestRequest::get().uri(&format!("/device?user_code={code}"))).await.expect(303);
    assert_eq!(short.header("location"), format!("{PAGE}?user_code={code}"), "the code of a link is kept");
    assert_eq!((codes["expires_in"].as_i64(), codes["interval"].as_i64()), (Some(900), Some(5)));
    assert_eq!(refused(&house, &television, &codes).await, "authorization_pending");

    let browser = Browser::new(&house);
    let link = format!("{PAGE}?user_code={code}");
    browser.get(&link).await.expect(303);
    browser.sign_in("ann@example.com").await;
    let page = browser.get(&link).await.expect(200);
    assert!(
        page.body.contains(code) && !page.body.contains("robot</bdi>"),
        "the code is compared before anything is told"
    );
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    let page = browser.submit(PAGE, &[("user_code", &code.to_lowercase().replace('-', " "))]).await.expect(200);
    for part in [
        code,
        "robot",
        "192.0.2.7",
        "television/1",
        "user:read",
        "I did not start this",
        "If someone sent you this link or code",
        "just now",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert_eq!(refused(&house, &television, &codes).await, "authorization_pending", "nothing is allowed yet");
    let done = browser.submit(PAGE, &[("user_code", code), ("action", "authorize")]).await.expect(200);
    assert!(done.body.contains("<h1>Device connected</h1>"), "{}", done.body);
    assert!(done.body.contains("<bdi>robot</bdi> is connected") && done.body.contains("notice-done"), "{}", done.body);

    house.clock.advance(Duration::seconds(5));
    let tokens = poll(&house, &television, &codes).await.expect(200).json();
    assert_eq!(tokens["scope"], "user:read offline_access");
    house.get("/users/me", tokens["access_token"].as_str().unwrap()).await.expect(200);
    let again = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    house.form("/oauth2/tokens", &television.basic(), &again).await.expect(200);
    assert_eq!(refused(&house, &television, &codes).await, "invalid_grant", "tokens are given once");
    let again = browser.submit(PAGE, &[("user_code", code), ("action", "authorize")]).await.expect(400);
    assert!(again.body.contains("No device waits"));
    let apps = browser.get("/account/applications").await.expect(200).body;
    assert!(apps.contains("Revoke access") && apps.contains("1 on a device that you approved by a code"), "{apps}");

    let log = house.get("/audit?q=resource_type:oauth2_provider_grant", &owner).await.expect(200).json();
    let actions: Vec<&str> =
        log["audit_logs"].as_array().unwrap().iter().map(|record| record["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["device_authorization_approve", "device_authorization_start"]);
    let about = &log["audit_logs"][0]["additional_fields"];
    assert_eq!((&about["device_ip"], &about["scopes"]), (&json!("192.0.2.7"), &json!(["user:read", "offline_access"])));
}

#[actix_web::test]
async fn a_device_is_told_who_its_user_is_and_when_they_signed_in() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let signed_in = NOW.unix_timestamp();
    house.clock.advance(Duration::MINUTE);
    let codes = begin(&house, &television, "openid email").await;
    let code = codes["user_code"].as_str().unwrap();
    browser.get(PAGE).await.expect(200);
    assert!(browser.submit(PAGE, &[("user_code", code)]).await.expect(200).body.contains("Know who you are"));
    browser.submit(PAGE, &[("user_code", code), ("action", "authorize")]).await.expect(200);
    let mut tokens = poll(&house, &television, &codes).await.expect(200).json();
    let me = house.get("/users/me", &owner).await.expect(200).json();
    for _ in 0..2 {
        let claims = claims_of(&house, &tokens["id_token"]).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&me["id"], &json!(television.id)));
        assert_eq!((&claims["auth_time"], claims.get("email")), (&json!(signed_in), None));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        tokens = house.form("/oauth2/tokens", &television.basic(), &fields).await.expect(200).json();
    }
}

#[actix_web::test]
async fn a_device_that_is_not_used_for_a_week_asks_anew() {
    let house = house_with(|settings| {
        settings.oauth2.device.refresh_token_lifetime = doorward_domain::settings::Span::seconds(2 * 24 * 3600);
    })
    .await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let codes = begin(&house, &television, "user:read").await;
    let code = codes["user_code"].as_str().unwrap();
    browser.get(PAGE).await.expect(200);
    browser.submit(PAGE, &[("user_code", code)]).await.expect(200);
    browser.submit(PAGE, &[("user_code", code), ("action", "authorize")]).await.expect(200);
    let mut tokens = poll(&house, &television, &codes).await.expect(200).json();
    // Each refresh begins the time anew, and it is shorter than that of others.
    for (hours, status) in [(47, 200), (47, 200), (49, 400)] {
        house.clock.advance(Duration::hours(hours));
        let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let answer = house.form("/oauth2/tokens", &television.basic(), &fields).await.expect(status).json();
        if status == 200 { tokens = answer } else { assert_eq!(answer["error"], "invalid_grant") }
    }
}

#[actix_web::test]
async fn who_did_not_start_it_denies_and_the_device_is_told() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let codes = begin(&house, &television, "user:read").await;
    let code = codes["user_code"].as_str().unwrap();
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get(PAGE).await.expect(200);
    browser.submit(PAGE, &[("user_code", code)]).await.expect(200);
    let done = browser.submit(PAGE, &[("user_code", code), ("action", "deny")]).await.expect(200);
    assert!(done.body.contains("<h1>Nothing was given</h1>") && done.body.contains("gets nothing"), "{}", done.body);
    assert_eq!(refused(&house, &television, &codes).await, "access_denied");
    let counted = |event| house.context.devices.number(event);
    assert_eq!(
        (counted(DeviceEvent::Started), counted(DeviceEvent::Denied), counted(DeviceEvent::Approved)),
        (1, 1, 0)
    );
}

#[actix_web::test]
async fn a_forged_decision_does_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let [one, two] = [begin(&house, &television, "user:read").await, begin(&house, &television, "user:read").await];
    let [first, second] = [&one, &two].map(|codes| codes["user_code"].as_str().unwrap());
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get(PAGE).await.expect(200);
    let skipped = browser.submit(PAGE, &[("user_code", first), ("action", "authorize")]).await.expect(400);
    assert!(skipped.body.contains("decide-form"), "the token of the entry decides nothing");
    browser.submit(PAGE, &[("user_code", second)]).await.expect(400);
    browser.get(PAGE).await.expect(200);
    browser.submit(PAGE, &[("user_code", second)]).await.expect(200);
    let other = browser.submit(PAGE, &[("user_code", first), ("action", "authorize")]).await.expect(400);
    assert!(other.body.contains(first), "nor does the token of another code");
    browser.tokens.borrow_mut().clear();
    browser.submit(PAGE, &[("user_code", first), ("action", "authorize")]).await.expect(400);
    for codes in [&one, &two] {
        assert_eq!(refused(&house, &television, codes).await, "authorization_pending");
    }
}

#[actix_web::test]
async fn polls_that_come_too_soon_are_slowed_down_and_codes_expire() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let codes = begin(&house, &television, "user:read").await;
    assert_eq!(refused(&house, &television, &codes).await, "authorization_pending");
    assert_eq!(poll(&house, &television, &codes).await.expect(400).json()["error"], "slow_down");
    assert_eq!(refused(&house, &television, &codes).await, "slow_down", "ten seconds by now, and fifteen from here");
    house.clock.advance(Duration::seconds(9));
    assert_eq!(refused(&house, &television, &codes).await, "authorization_pending");
    let stranger = client(&house, &owner, json!({ "device_flow": true })).await;
    assert_eq!(refused(&house, &stranger, &codes).await, "invalid_grant", "it is another app's");
    house.clock.advance(Duration::seconds(900));
    assert_eq!(refused(&house, &television, &codes).await, "expired_token");
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get(PAGE).await.expect(200);
    let code = codes["user_code"].as_str().unwrap();
    assert!(browser.submit(PAGE, &[("user_code", code)]).await.expect(400).body.contains("No device waits"));
    assert_eq!(refused(&house, &television, &json!({ "device_code": "nonsense" })).await, "invalid_grant");
}

#[actix_web::test]
async fn not_every_app_may_ask_and_none_for_everything() {
    let house = house().await;
    let owner = house.owner().await;
    let plain = client(&house, &owner, json!({})).await;
    let ask =
        async |client: &Client, fields: &[(&str, &str)]| house.form("/oauth2/device", &client.basic(), fields).await;
    let code = |answer: Answer| answer.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(code(ask(&plain, &[("scope", "user:read")]).await.expect(400)), "unauthorized_client");
    let television = television(&house, &owner).await;
    for (fields, error) in [
        (&[][..], "invalid_scope"),
        (&[("scope", "coder:all")], "invalid_scope"),
        (&[("scope", "no:such")], "invalid_scope"),
        (&[("scope", "user:read"), ("resource", "no uri")], "invalid_target"),
        (&[("scope", "user:read"), ("scope", "user:read")], "invalid_request"),
    ] {
        assert_eq!(code(ask(&television, fields).await.expect(400)), error, "{fields:?}");
    }
    let wrong = Client { id: television.id.clone(), secret: "coder_wrong_secret".to_owned() };
    assert_eq!(code(ask(&wrong, &[("scope", "user:read")]).await.expect(401)), "invalid_client");
    let trusted = json!({ "device_flow": true, "scopes": ["coder:all"] });
    let trusted = client(&house, &owner, trusted).await;
    assert_eq!(begin(&house, &trusted, "").await["interval"], 5, "its list names everything");
    let app = house.get(&format!("/oauth2-provider/apps/{}", trusted.id), &owner).await.expect(200).json();
    assert_eq!(app["endpoints"]["device_authorization"], format!("{ISSUER}/oauth2/device"));
    for _ in 0..20 {
        begin(&house, &television, "user:read").await;
    }
    // Another address has its own.
    for _ in 0..20 {
        ask(&television, &[("scope", "user:read")]).await.expect(200);
    }
    let many = ask(&television, &[("scope", "user:read")]).await.expect(429);
    assert!(!many.header("retry-after").is_empty());
    assert_eq!(many.json()["error"], "temporarily_unavailable");
}

#[actix_web::test]
async fn wrong_codes_are_counted_and_stop_being_looked_at() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let codes = begin(&house, &television, "user:read").await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get(PAGE).await.expect(200);
    browser.submit(PAGE, &[("user_code", "WDJB")]).await.expect(400);
    for _ in 0..5 {
        browser.get(PAGE).await.expect(200);
        browser.submit(PAGE, &[("user_code", "BBBB-BBBB")]).await.expect(400);
    }
    browser.get(PAGE).await.expect(200);
    let right = codes["user_code"].as_str().unwrap();
    browser.submit(PAGE, &[("user_code", right)]).await.expect(429);
    house.clock.advance(Duration::seconds(60));
    browser.submit(PAGE, &[("user_code", right)]).await.expect(200);
    let counted = |event| house.context.devices.number(event);
    assert_eq!((counted(DeviceEvent::WrongCode), counted(DeviceEvent::Paused)), (5, 0), "only one user has to wait");
    browser.submit(PAGE, &[("user_code", right), ("action", "authorize")]).await.expect(200);
    let approved = (counted(DeviceEvent::Approved), counted(DeviceEvent::ApprovedElsewhere));
    assert_eq!(approved, (1, 1), "the television is in another network");
}

#[actix_web::test]
async fn who_has_signed_in_long_ago_signs_in_again_and_comes_back() {
    let house = house().await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    house.clock.advance(Duration::seconds(12 * 3600 + 1));
    let codes = begin(&house, &television, "user:read").await;
    let code = codes["user_code"].as_str().unwrap();
    let link = format!("{PAGE}?user_code={code}");
    let page = browser.get(&link).await.expect(200);
    assert!(page.body.contains("Sign in again") && !page.body.contains(">Continue<"), "{}", page.body);
    let out = browser.submit("/logout", &[("redirect", &link)]).await.expect(303);
    assert_eq!(out.redirected_with("redirect"), Some(link.clone()));
    browser.sign_in("ann@example.com").await;
    assert!(browser.get(&link).await.expect(200).body.contains(">Continue<"));
}

#[actix_web::test]
async fn the_device_grant_can_be_switched_off_and_has_a_short_address() {
    let house = house_with(|settings| settings.oauth2.device.enabled = false).await;
    let owner = house.owner().await;
    let television = television(&house, &owner).await;
    let answer = house.form("/oauth2/device", &television.basic(), &[("scope", "user:read")]).await.expect(400);
    assert_eq!(answer.json()["error"], "unauthorized_client");
    let metadata = house.send(TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.json();
    assert!(metadata.get("device_authorization_endpoint").is_none());
    assert!(!metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    assert_eq!(house.send(TestRequest::get().uri("/device")).await.expect(303).header("location"), PAGE);
    house.send(TestRequest::with_uri("/oauth2/device").method(Method::GET)).await.expect(405);
}
