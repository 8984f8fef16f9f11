//! Answers of the authorization endpoint in a form (OAuth 2.0 Form Post Response Mode).

use crate::browser::Browser;
use crate::house::{Answer, ISSUER, house};
use crate::oauth2::{Client, VERIFIER, allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

/// What the form of a page holds, by name.
fn posted(page: &Answer) -> Vec<(String, String)> {
    let (_, form) = page.body.split_once("id=\"answer-form\">").unwrap_or_else(|| panic!("{}", page.body));
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let pair = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    };
    inputs.map(pair).collect()
}

fn member(page: &Answer, name: &str) -> Option<String> {
    posted(page).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

const WEB: &str = "https://app.example/cb";

#[actix_web::test]
async fn a_code_comes_in_a_form_and_is_good() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let page = allow(&house, &owner, &web.authorize(&[("response_mode", "form_post")])).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("location"), "");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && policy.contains("form-action 'self' https:"), "{policy}");
    assert!(page.body.contains(&format!("<form method=\"post\" action=\"{WEB}\"")), "{}", page.body);
    let names: Vec<String> = posted(&page).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!((member(&page, "state").as_deref(), member(&page, "iss").as_deref()), (Some("s t"), Some(ISSUER)));
    let code = member(&page, "code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &web.basic(), &fields).await.expect(200);
}

#[actix_web::test]
async fn errors_come_in_the_same_way_and_what_the_client_sent_is_text() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let hostile = "\"><script>alert(1)</script>";
    let asked = Client { id: web.id.clone(), secret: String::new() };
    for (more, error) in [
        (("scope", "nonsense"), "invalid_scope"),
        (("resource", "x"), "invalid_target"),
        (("max_age", "x"), "invalid_request"),
    ] {
        let uri = asked.authorize(&[("response_mode", "form_post"), more]);
        let page = allow(&house, &owner, &uri).await.expect(200);
        assert_eq!(member(&page, "error").as_deref(), Some(error));
        assert_eq!((member(&page, "code"), member(&page, "iss").as_deref()), (None, Some(ISSUER)));
    }
    let uri = format!(
        "/oauth2/authorize?client_id={}&response_type=token&response_mode=form_post&state={}",
        web.id,
        url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect::<String>()
    );
    let page = allow(&house, &owner, &uri).await.expect(200);
    assert_eq!(member(&page, "error").as_deref(), Some("unsupported_response_type"));
    assert!(!page.body.contains("<script>alert") && page.body.contains("&#34;&#62;&#60;script&#62;"), "{}", page.body);
    // Who is not signed in and must not be asked.
    let silent = TestRequest::get().uri(&asked.authorize(&[
        ("response_mode", "form_post"),
        ("prompt", "none"),
        ("scope", "openid"),
    ]));
    let page = house.send(silent).await.expect(200);
    assert_eq!(member(&page, "error").as_deref(), Some("login_required"));
    // What is told here and never sent anywhere stays so.
    let elsewhere = asked.authorize(&[("response_mode", "form_post"), ("redirect_uri", "https://evil.example/cb")]);
    let page = allow(&house, &owner, &elsewhere).await.expect(400);
    assert!(!page.body.contains("evil.example"));
}

#[actix_web::test]
async fn where_no_forms_are_taken_none_are_sent() {
    let house = house().await;
    let owner = house.owner().await;
    for callback in ["cursor://app/cb", "https://app.example/cb"] {
        let app = client(&house, &owner, json!({ "callback_url": callback })).await;
        let modes =
            if callback == WEB { vec!["fragment", "web_message", "FORM_POST"] } else { vec!["form_post", "fragment"] };
        for mode in modes {
            let refused = allow(&house, &owner, &app.authorize(&[("response_mode", mode)])).await.expect(302);
            assert!(refused.header("location").starts_with(callback), "{mode}");
            assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_request"), "{mode}");
        }
        let twice = app.authorize(&[("response_mode", "form_post"), ("response_mode", "form_post")]);
        let refused = allow(&house, &owner, &twice).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_request"));
    }
    // Public clients on this very machine may.
    let app = json!({ "name": "cli", "callback_url": "http://127.0.0.1/cb", "public": true });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let app = Client { id: app["id"].as_str().unwrap().to_owned(), secret: String::new() };
    let uri = app.authorize(&[("response_mode", "form_post"), ("redirect_uri", "http://127.0.0.1:5000/cb")]);
    let page = allow(&house, &owner, &uri).await.expect(200);
    assert!(page.body.contains("action=\"http://127.0.0.1:5000/cb\""));
}

#[actix_web::test]
async fn on_the_page_of_consent_cancel_posts_too() {
    let house = house().await;
    let owner = house.owner().await;
    let web = client(&house, &owner, json!({ "callback_url": WEB })).await;
    let request = TestRequest::get().uri(&web.authorize(&[("response_mode", "form_post")]));
    let page = house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(200);
    let (_, form) = page.body.split_once("id=\"cancel-form\">").unwrap();
    let (form, _) = form.split_once("</form>").unwrap();
    for part in ["name=\"error\" value=\"access_denied\"", "name=\"state\" value=\"s t\"", "name=\"iss\""] {
        assert!(form.contains(part), "{part}: {form}");
    }
    assert!(!form.contains("csrf_token") && !page.body.contains("cancel-link"));
    assert!(page.header("content-security-policy").contains("form-action 'self' https:"));
    // By a browser, with the form of the page.
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let uri = web.authorize(&[("response_mode", "form_post")]);
    browser.get(&uri).await.expect(200);
    let allowed = browser.submit(&uri, &[]).await.expect(200);
    assert!(member(&allowed, "code").is_some());
}
