//! The pages, as a browser without scripts walks them.

use crate::house::{Answer, House, PASSWORD, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A browser: cookies, and the token of the last form.
struct Browser<'a, S> {
    house: &'a House<S>,
    cookies: RefCell<BTreeMap<String, String>>,
    token: RefCell<String>,
}

impl<'a, S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>> Browser<'a, S> {
    fn new(house: &'a House<S>) -> Self {
        Self { house, cookies: RefCell::default(), token: RefCell::default() }
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let jar: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.house.send(request.insert_header(("Cookie", jar.join("; ")))).await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        if let Some(rest) = answer.body.split("name=\"csrf_token\" value=\"").nth(1) {
            self.token.replace(rest.split('"').next().unwrap().to_owned());
        }
        answer
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send(TestRequest::get().uri(uri)).await
    }

    async fn submit(&self, uri: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf_token", &self.token.borrow().clone())
            .extend_pairs(fields)
            .finish();
        self.send(TestRequest::post().uri(uri).set_payload(body)).await
    }
}

#[actix_web::test]
async fn from_set_up_to_consent_and_back() {
    let house = house().await;
    let browser = Browser::new(&house);
    assert_eq!(browser.get("/").await.expect(303).header("location"), "/setup");
    assert_eq!(browser.get("/login").await.expect(303).header("location"), "/setup");
    browser.get("/setup").await.expect(200);
    let bad = browser.submit("/setup", &[("email", "x"), ("username", "ann"), ("password", "weak")]).await.expect(400);
    assert!(bad.body.contains("This is not an email address.") && bad.body.contains("value=\"ann\""));
    let fields = [("email", "ann@example.com"), ("username", "ann"), ("name", "Ann"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/setup", &fields).await.expect(303).header("location"), "/");
    assert!(browser.get("/").await.expect(200).body.contains("ann@example.com"));
    assert_eq!(browser.get("/setup").await.expect(303).header("location"), "/");

    let owner = browser.cookies.borrow()["coder_session_token"].clone();
    let app = serde_json::json!({ "name": "robot", "callback_url": "https://app.example/cb", "require_pkce": false });
    let app = house.api(actix_web::http::Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap();
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&state=1");
    let page = browser.get(&uri).await.expect(200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    for part in ["robot", "app.example", "allow-form", "cancel-link", "error=access_denied"] {
        assert!(page.body.contains(part), "{part}");
    }
    let token = browser.token.replace("forged".to_owned());
    assert_eq!(browser.submit(&uri, &[]).await.expect(400).header("content-type"), "text/plain; charset=utf-8");
    *browser.token.borrow_mut() = token;
    let allowed = browser.submit(&uri, &[]).await.expect(302);
    assert!(allowed.header("location").starts_with("https://app.example/cb?code="));

    assert!(browser.get("/account/applications").await.expect(200).body.contains("No applications yet"));
    let gone = browser.submit("/account/applications", &[("client_id", id)]).await.expect(200);
    assert!(gone.body.contains("Access of robot is revoked."));
    browser.submit("/account/applications", &[("client_id", "nonsense")]).await.expect(404);

    let out = browser.submit("/logout", &[("redirect", &uri)]).await.expect(303);
    assert_eq!(out.redirected_with("redirect").as_deref(), Some(uri.as_str()));
    browser.get("/account/applications").await.expect(303);
}

#[actix_web::test]
async fn signing_in_leads_to_where_one_was_going() {
    let house = house().await;
    house.owner().await;
    let browser = Browser::new(&house);
    let to_login = browser.get("/account/applications").await.expect(303);
    let page = browser.get(to_login.header("location")).await.expect(200);
    assert!(page.body.contains("Sign in to continue."));
    let wrong = [("email", "ann@example.com"), ("password", "wrong"), ("redirect", "/account/applications")];
    let refused = browser.submit("/login", &wrong).await.expect(401);
    assert!(refused.body.contains("Incorrect email or password") && refused.body.contains("ann@example.com"));
    let right = [("email", "ann@example.com"), ("password", PASSWORD), ("redirect", "/account/applications")];
    assert_eq!(browser.submit("/login", &right).await.expect(303).header("location"), "/account/applications");
    assert_eq!(browser.get("/login?redirect=//evil.example").await.expect(303).header("location"), "/");
    let message = browser.get("/nothing").await.expect(404);
    assert!(message.body.contains("Page not found"));
}
