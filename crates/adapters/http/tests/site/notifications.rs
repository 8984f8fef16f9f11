//! Notifications: who is told what, and by which way.

use crate::house::{Answer, House, PASSWORD, house, house_with_outlets};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use async_trait::async_trait;
use doorward_domain::notifications::WebhookKey;
use doorward_domain::{Instant, Secret};
use doorward_ports::fetch::{self, Fetch, FetchError};
use doorward_ports::mail::MailError;
use doorward_ports::mocks::{KeepingMailer, Trouble};
use doorward_services::identity_providers::Upstreams;
use doorward_services::notifications::{self, Outlets};
use doorward_services::{Principal, Settings};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const TEST: &str = "c425f63e-716a-4bf4-ae24-78348f706c3f";
const CREATED: &str = "4e19c0ac-94e1-4532-9515-d1801aa283b2";

/// A house from which mail goes out.
pub(crate) async fn mailing(
    change: impl FnOnce(&mut Settings),
) -> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, KeepingMailer) {
    let mailer = KeepingMailer::default();
    let outlets = Outlets::with_mailer(Some(Arc::new(mailer.clone())));
    (house_with_outlets(outlets, Upstreams::default(), change).await, mailer)
}

pub(crate) async fn deliver<S>(house: &House<S>) {
    notifications::deliver_all(&house.context).await.unwrap();
}

fn titles(inbox: &Answer) -> Vec<String> {
    let all = inbox.json()["notifications"].as_array().unwrap().clone();
    all.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_test_reaches_the_owner_by_mail_and_in_the_inbox() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.api(Method::POST, "/notifications/test", &bob, Value::Null).await.expect(403);
    house.api(Method::POST, "/notifications/test", "", Value::Null).await.expect(401);
    deliver(&house).await;
    mailer.take();
    house.clock.advance(time::Duration::SECOND);
    house.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(204);
    deliver(&house).await;
    deliver(&house).await;
    let sent = mailer.take();
    assert_eq!(sent.len(), 1, "once, however often it is looked");
    assert_eq!((sent[0].to.as_str(), sent[0].subject.as_str()), ("ann@example.com", "A test notification"));
    let inbox = house.get("/notifications/inbox?read_status=unread", &owner).await.expect(200);
    assert_eq!(titles(&inbox)[0], "A test notification");
    assert_eq!(inbox.json()["notifications"][0]["template_id"], TEST);
    assert_eq!(house.get("/notifications/inbox", &bob).await.json(), json!({ "notifications": [], "unread_count": 0 }));
}

#[actix_web::test]
async fn what_happens_to_accounts_is_told_to_those_who_look_after_them_and_to_the_person() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    for step in ["suspend", "suspend", "activate"] {
        house.api(Method::PUT, &format!("/users/bob/status/{step}"), &owner, Value::Null).await.expect(200);
    }
    house.api(Method::DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    deliver(&house).await;
    let sent: Vec<_> = mailer.take().into_iter().map(|mail| (mail.to, mail.subject)).collect();
    let told = |to: &str, subject: &str| sent.contains(&(to.to_owned(), subject.to_owned()));
    for word in ["created", "suspended", "activated", "deleted"] {
        assert!(told("ann@example.com", &format!("User account 'bob' has been {word}")), "{word}: {sent:?}");
    }
    // Bob is gone by the time that it is told.
    assert_eq!(sent.len(), 4, "{sent:?}");

    house.member(&owner, "carl").await;
    house.api(Method::PUT, "/users/carl/status/suspend", &owner, Value::Null).await.expect(200);
    deliver(&house).await;
    let sent = mailer.take();
    assert!(
        sent.iter()
            .any(|mail| mail.to == "carl@example.com" && mail.subject == "Your account 'carl' has been suspended")
    );
    assert!(sent.iter().all(|mail| !mail.text.contains("{{") && mail.text.contains("ann")));
}

#[actix_web::test]
async fn what_somebody_does_not_want_is_not_told_to_them() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    assert_eq!(house.get("/users/me/notifications/preferences", &owner).await.expect(200).json(), json!([]));
    let put = |map: Value| json!({ "template_disabled_map": map });
    let path = "/users/me/notifications/preferences";
    let said = house.api(Method::PUT, path, &owner, put(json!({ CREATED: true }))).await.expect(200).json();
    assert_eq!((&said[0]["id"], &said[0]["disabled"]), (&json!(CREATED), &json!(true)));
    let bob = house.member(&owner, "bob").await;
    deliver(&house).await;
    assert!(mailer.take().is_empty());
    house.api(Method::PUT, path, &owner, put(json!({ CREATED: false }))).await.expect(200);
    house.member(&owner, "carl").await;
    deliver(&house).await;
    assert_eq!(mailer.take().len(), 1);

    for (map, status) in [
        (json!({ "x": true }), 400),
        (json!({ "00000000-0000-0000-0000-000000000001": true }), 400),
        (json!([]), 400),
        (json!({ CREATED: "yes" }), 400),
        (json!({}), 200),
        (Value::Null, 200),
    ] {
        house.api(Method::PUT, path, &owner, put(map.clone())).await.expect(status);
    }
    house.get("/users/ann/notifications/preferences", &bob).await.expect(400);
    house.api(Method::PUT, "/users/ann/notifications/preferences", &bob, put(json!({}))).await.expect(400);
    house.get("/users/bob/notifications/preferences", &owner).await.expect(200);
}

#[actix_web::test]
async fn templates_are_listed_and_their_way_is_chosen_by_owners() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    deliver(&house).await;
    mailer.take();
    let listed = house.get("/notifications/templates/system", &bob).await.expect(200).json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.is_sorted() && names.len() >= 23, "{names:?}");
    let test = listed.as_array().unwrap().iter().find(|one| one["id"] == TEST).unwrap();
    assert_eq!(
        (&test["method"], &test["kind"], &test["enabled_by_default"]),
        (&json!(""), &json!("system"), &json!(true))
    );
    assert!(serde_json::from_str::<Value>(test["actions"].as_str().unwrap()).unwrap()[0]["label"].is_string());
    let custom = house.get("/notifications/templates/custom", &bob).await.expect(200).json();
    assert_eq!(custom[0]["kind"], "custom");

    let path = format!("/notifications/templates/{TEST}/method");
    let put = async |token: &str, path: &str, method: Value| {
        house.api(Method::PUT, path, token, json!({ "method": method })).await
    };
    put(&bob, &path, json!("inbox")).await.expect(404);
    put(&owner, "/notifications/templates/x/method", json!("inbox")).await.expect(400);
    put(&owner, "/notifications/templates/00000000-0000-0000-0000-000000000001/method", json!("inbox"))
        .await
        .expect(404);
    for wrong in [json!("pigeon"), json!(""), Value::Null] {
        let refused = put(&owner, &path, wrong.clone()).await.expect(400).json();
        let detail = format!(
            "{:?} is not a valid method; smtp, webhook, inbox are the available options",
            wrong.as_str().unwrap_or_default()
        );
        assert_eq!(refused["validations"], json!([{ "field": "method", "detail": detail }]));
    }
    put(&owner, &path, json!("inbox")).await.expect(200);
    let same = put(&owner, &path, json!("inbox")).await.expect(304);
    assert!(same.body.is_empty());
    let log = house.get("/audit?q=resource_type:notification_template", &owner).await.expect(200).json();
    assert_eq!((&log["count"], &log["audit_logs"][0]["diff"]["method"]["new"]), (&json!(1), &json!("inbox")));
    house.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(204);
    deliver(&house).await;
    assert!(mailer.take().is_empty(), "in the inbox alone");
}

#[actix_web::test]
async fn what_is_set_up_is_told_as_it_is() {
    let (with_mail, _) = mailing(|_| {}).await;
    let owner = with_mail.owner().await;
    let methods = with_mail.get("/notifications/dispatch-methods", &owner).await.expect(200).json();
    assert_eq!(methods, json!({ "available": ["smtp"], "default": "smtp" }));

    let without = house().await;
    let owner = without.owner().await;
    let methods = without.get("/notifications/dispatch-methods", &owner).await.expect(200).json();
    assert_eq!(methods, json!({ "available": [], "default": "" }));
    // There are inboxes nevertheless.
    without.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(204);
    deliver(&without).await;
    assert_eq!(
        notifications::count(&without.context).await.unwrap(),
        doorward_ports::notifications::Backlog::default()
    );

    let nothing = house_with_outlets(Outlets::default(), Upstreams::default(), |settings| {
        settings.notifications.inbox_enabled = false;
    })
    .await;
    let owner = nothing.owner().await;
    nothing.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(400);
}

#[actix_web::test]
async fn owners_pause_notifications_and_what_there_is_to_be_told_is_kept() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    deliver(&house).await;
    mailer.take();
    let put = async |token: &str, paused: Value| {
        house.api(Method::PUT, "/notifications/settings", token, json!({ "notifier_paused": paused })).await
    };
    assert_eq!(
        house.get("/notifications/settings", &bob).await.expect(200).json(),
        json!({ "notifier_paused": false })
    );
    put(&bob, json!(true)).await.expect(403);
    put(&owner, json!("x")).await.expect(400);
    assert_eq!(put(&owner, json!(true)).await.expect(200).json(), json!({ "notifier_paused": true }));
    put(&owner, json!(true)).await.expect(304);
    put(&bob, json!(true)).await.expect(304);
    house.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(204);
    deliver(&house).await;
    assert!(mailer.take().is_empty());
    put(&owner, json!(false)).await.expect(200);
    deliver(&house).await;
    assert_eq!(mailer.take().len(), 1);
    let log = house.get("/audit?q=resource_type:notifications_settings", &owner).await.expect(200).json();
    assert_eq!(log["count"], 2);
}

#[actix_web::test]
async fn people_write_to_themselves() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    deliver(&house).await;
    mailer.take();
    let post = async |content: Value| {
        house.api(Method::POST, "/notifications/custom", &bob, json!({ "content": content })).await
    };
    for wrong in [Value::Null, json!({}), json!({ "title": "a" }), json!({ "title": "a".repeat(121), "message": "b" })]
    {
        let refused = post(wrong).await.expect(400).json();
        assert!(refused["validations"][0]["field"].as_str().unwrap().starts_with("content."));
    }
    let lines = post(json!({ "title": "Look\r\nBcc: x@y.example", "message": "b\u{7}" })).await.expect(400).json();
    let fields: Vec<&str> =
        lines["validations"].as_array().unwrap().iter().map(|v| v["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["content.title", "content.message"]);
    post(json!({ "title": "Look", "message": "<script>alert(1)</script> & more" })).await.expect(204);
    deliver(&house).await;
    let sent = mailer.take();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].to.as_str(), sent[0].subject.as_str()), ("bob@example.com", "Look"));
    assert!(
        sent[0].html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more") && !sent[0].html.contains("<script")
    );
    let inbox = house.get("/notifications/inbox", &bob).await.expect(200).json();
    assert_eq!(inbox["notifications"][0]["content"], "<script>alert(1)</script> & more");
}

#[actix_web::test]
async fn an_inbox_is_read_and_marked_by_its_owner() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    for number in 0..30 {
        let content = json!({ "content": { "title": format!("n{number}"), "message": "m" } });
        house.api(Method::POST, "/notifications/custom", &bob, content).await.expect(204);
        house.clock.advance(time::Duration::MILLISECOND);
    }
    deliver(&house).await;
    let first = house.get("/notifications/inbox", &bob).await.expect(200);
    assert_eq!((titles(&first).len(), &first.json()["unread_count"]), (25, &json!(30)));
    let one = first.json()["notifications"][0].clone();
    assert_eq!(
        (&one["title"], &one["read_at"], &one["icon"], &one["actions"]),
        (&json!("n29"), &Value::Null, &json!(""), &json!([]))
    );
    let last = first.json()["notifications"][24]["id"].as_str().unwrap().to_owned();
    let rest = house.get(&format!("/notifications/inbox?starting_before={last}"), &bob).await.expect(200);
    assert_eq!(titles(&rest), ["n4", "n3", "n2", "n1", "n0"]);

    let id = one["id"].as_str().unwrap();
    let path = format!("/notifications/inbox/{id}/read-status");
    let marked = house.api(Method::PUT, &path, &bob, json!({ "is_read": true })).await.expect(200).json();
    assert_eq!((&marked["notification"]["id"], &marked["unread_count"]), (&json!(id), &json!(29)));
    assert!(marked["notification"]["read_at"].is_string());
    house.api(Method::PUT, &path, &owner, json!({ "is_read": true })).await.expect(404);
    house.api(Method::PUT, "/notifications/inbox/x/read-status", &bob, json!({ "is_read": true })).await.expect(400);
    house.api(Method::PUT, &path, &bob, json!({ "is_read": 1 })).await.expect(400);
    assert_eq!(titles(&house.get("/notifications/inbox?read_status=read", &bob).await), ["n29"]);
    house.api(Method::PUT, "/notifications/inbox/mark-all-as-read", &bob, Value::Null).await.expect(204);
    assert_eq!(
        house.get("/notifications/inbox?read_status=unread", &bob).await.json(),
        json!({ "notifications": [], "unread_count": 0 })
    );
    for wrong in ["read_status=x", "targets=x", "templates=1,2", "starting_before=x"] {
        house.get(&format!("/notifications/inbox?{wrong}"), &bob).await.expect(400);
    }
    house.get("/notifications/inbox/watch", &bob).await.expect(400);
    house.get("/notifications/inbox", "").await.expect(401);
}

#[actix_web::test]
async fn what_fails_is_tried_again_and_then_listed_and_tried_once_more() {
    let (house, mailer) = mailing(|settings| settings.notifications.attempts_max = 1).await;
    let owner = house.owner().await;
    mailer.trouble([Trouble::Preparing(MailError::Later("the mail server is away".to_owned()))]);
    house.api(Method::POST, "/notifications/test", &owner, Value::Null).await.expect(204);
    deliver(&house).await;
    let operator = Principal::operator();
    let dead = notifications::list_dead(&house.context, &operator, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].error.as_str()), (1, "the mail server is away"));
    assert_eq!(notifications::retry(&house.context, &operator, None).await.unwrap(), 1);
    deliver(&house).await;
    assert_eq!(mailer.take().len(), 1);
    assert!(notifications::list_dead(&house.context, &operator, 10).await.unwrap().is_empty());
}

/// The receiver of webhooks.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<fetch::Request>>>);

#[async_trait]
impl Fetch for Receiver {
    async fn fetch(&self, request: fetch::Request) -> Result<fetch::Answer, FetchError> {
        self.0.lock().unwrap().push(request);
        Ok(fetch::Answer { status: 204, headers: Vec::new(), body: Secret::new(Vec::new()) })
    }
}

#[actix_web::test]
async fn a_webhook_is_signed_and_tells_everything() {
    let receiver = Receiver::default();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let upstreams = Upstreams::new(Arc::new(receiver.clone()));
    let house = house_with_outlets(Outlets::default(), upstreams, |settings| {
        settings.webhook.endpoint = Some("https://hook.example/in?x=1".parse().unwrap());
        settings.webhook.secret = Secret::from(secret);
    })
    .await;
    let owner = house.owner().await;
    let methods = house.get("/notifications/dispatch-methods", &owner).await.expect(200).json();
    assert_eq!(methods, json!({ "available": ["webhook"], "default": "webhook" }), "the usual one is not set up");
    house.member(&owner, "bob").await;
    deliver(&house).await;
    let requests = std::mem::take(&mut *receiver.0.lock().unwrap());
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((request.url.as_str(), request.chosen_by), ("https://hook.example/in?x=1", fetch::ChosenBy::Operator));
    let fetch::Method::Post { content_type, body } = &request.method else { panic!("a GET") };
    let header = |name: &str| request.headers.iter().find(|(known, _)| *known == name).unwrap().1.expose().clone();
    let at = Instant::from_unix_timestamp(header("webhook-timestamp").parse().unwrap()).unwrap();
    let signature = WebhookKey::parse(&Secret::from(secret)).unwrap().sign(&header("webhook-id"), at, body.expose());
    assert_eq!((*content_type, header("webhook-signature")), ("application/json", signature));
    let body: Value = serde_json::from_slice(body.expose()).unwrap();
    assert_eq!((&body["msg_id"], &body["_version"]), (&json!(header("webhook-id")), &json!("1.1")));
    assert_eq!(body["title"], "User account 'bob' has been created");
    assert_eq!(body["payload"]["labels"]["created_account_name"], "bob");
    assert_eq!(body["payload"]["user_email"], "ann@example.com");
}

#[actix_web::test]
async fn a_sign_in_from_another_device_is_told() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    deliver(&house).await;
    mailer.take();
    let sign_in = async |agent: &str, address: &str| {
        let body = json!({ "email": "bob@example.com", "password": PASSWORD }).to_string();
        let request = actix_web::test::TestRequest::post().uri("/api/v2/users/login").set_payload(body);
        let request = request.peer_addr(format!("{address}:1").parse().unwrap()).insert_header(("User-Agent", agent));
        house.send(request).await.expect(201);
        deliver(&house).await;
        mailer.take()
    };
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let told = sign_in(agent, "192.0.2.7").await;
    assert_eq!((told.len(), told[0].to.as_str()), (1, "bob@example.com"), "the first one was another program");
    for known in ["Firefox on Linux", "192.0.2.7", "2026-03-01T12:00:00Z"] {
        assert!(told[0].text.contains(known), "{}", told[0].text);
    }
    assert!(
        sign_in(&agent.replace("140", "141"), "192.0.2.8").await.is_empty(),
        "the same, updated, on the same network"
    );
    assert_eq!(sign_in(agent, "198.51.100.7").await.len(), 1);
}
