//! The pages, as a browser without scripts walks them.

use crate::house::{Answer, House, PASSWORD, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A browser: cookies, and the tokens of the forms of the last page, by where they lead.
pub(crate) struct Browser<'a, S> {
    house: &'a House<S>,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
    pub(crate) tokens: RefCell<BTreeMap<String, String>>,
}

impl<'a, S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>> Browser<'a, S> {
    pub(crate) fn new(house: &'a House<S>) -> Self {
        Self { house, cookies: RefCell::default(), tokens: RefCell::default() }
    }

    pub(crate) async fn sign_in(&self, email: &str) {
        self.get("/login").await.expect(200);
        self.submit("/login", &[("email", email), ("password", PASSWORD)]).await.expect(303);
    }

    async fn send(&self, uri: &str, request: TestRequest) -> Answer {
        let jar: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.uri(uri).insert_header(("Cookie", jar.join("; "))).insert_header(("Accept", "text/html"));
        let request = request.insert_header(("Doorward-Setup-Token", self.house.setup_token()));
        let answer = self.house.send(request.peer_addr("127.0.0.1:1".parse().unwrap())).await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        let attribute = |text: &str, name: &str| {
            text.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
        };
        for form in answer.body.split("<form").skip(1) {
            let (tag, inside) = form.split_once('>').unwrap();
            // Forms that go to others have none.
            let Some(token) = attribute(inside, "name=\"csrf_token\" value") else { continue };
            self.tokens.borrow_mut().insert(attribute(tag, "action").unwrap_or_else(|| uri.to_owned()), token);
        }
        answer
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(uri, TestRequest::get()).await
    }

    pub(crate) async fn submit(&self, uri: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf_token", self.tokens.borrow().get(uri).map_or("", String::as_str))
            .extend_pairs(fields)
            .finish();
        self.send(uri, TestRequest::post().set_payload(body)).await
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
    assert!(bad.body.contains("id=\"password-error\""), "a weak password is told in the same round");
    let fields = [("email", " ann@example.com "), ("username", "ann"), ("name", "Ann"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/setup", &fields).await.expect(303).header("location"), "/");
    assert!(browser.get("/").await.expect(200).body.contains("ann@example.com"));
    assert_eq!(browser.get("/setup").await.expect(303).header("location"), "/");
    browser.tokens.borrow_mut().insert("/setup".to_owned(), "old".to_owned());
    assert_eq!(browser.submit("/setup", &fields).await.expect(303).header("location"), "/login");

    let owner = browser.cookies.borrow()["coder_session_token"].clone();
    let app = serde_json::json!({ "name": "robot", "callback_url": "https://app.example/cb", "require_pkce": false });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap();
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&state=1");
    let page = browser.get(&uri).await.expect(200);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    for part in ["robot", "app.example", "allow-form", "cancel-link", "error=access_denied"] {
        assert!(page.body.contains(part), "{part}");
    }
    browser.tokens.borrow_mut().insert(uri.clone(), "forged".to_owned());
    let again = browser.submit(&uri, &[]).await.expect(400);
    assert!(again.body.contains("Nothing was allowed") && again.body.contains("allow-form"));
    let allowed = browser.submit(&uri, &[]).await.expect(302);
    assert!(allowed.header("location").starts_with("https://app.example/cb?code="));

    assert!(browser.get("/account/applications").await.expect(200).body.contains("No applications yet"));
    let secret = house.api(Method::POST, &format!("/oauth2-provider/apps/{id}/secrets"), &owner, Value::Null).await;
    let secret = secret.expect(201).json();
    let code = allowed.redirected_with("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("client_secret", secret["client_secret_full"].as_str().unwrap()),
        ("code", &code),
    ];
    house.form("/oauth2/tokens", "", &fields).await.expect(200);
    assert!(browser.get("/account/applications").await.expect(200).body.contains("Revoke access"));
    browser.submit("/account/applications", &[("client_id", "nonsense")]).await.expect(404);
    let gone = browser.submit("/account/applications", &[("client_id", id)]).await.expect(303);
    assert_eq!(gone.header("location"), "/account/applications?done=revoked", "loaded anew, it does nothing");
    let list = browser.get(gone.header("location")).await.expect(200);
    assert!(list.body.contains("no access to your account any more") && list.body.contains("No applications yet"));

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

#[actix_web::test]
async fn programs_that_look_for_a_command_line_are_told_where_it_is() {
    let house = house().await;
    for path in ["/install.sh", "/bin", "/bin/coder-linux-amd64"] {
        let told = house.send(TestRequest::with_uri(path)).await.expect(404);
        assert_eq!(told.header("content-type"), "text/plain; charset=utf-8", "{path}");
        assert!(told.body.contains("install it from"), "{path}");
    }
}
