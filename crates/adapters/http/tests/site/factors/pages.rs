//! The pages of second factors, in a browser without scripts.

use super::{App, Walk};
use crate::browser::Browser;
use crate::house::{PASSWORD, house, house_with};
use doorward_services::factors::MfaRequired;
use time::Duration;

const ANN: &str = "ann@example.com";

/// The secret that a page shows.
fn secret(page: &str) -> &str {
    page.split("Secret: <code>").nth(1).and_then(|rest| rest.split("</code>").next()).unwrap()
}

/// A hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let at = format!("name=\"{name}\" value=\"");
    page.split(&at).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

#[actix_web::test]
async fn the_account_page_sets_an_app_up_shows_it_and_removes_it() {
    let house = house().await;
    house.owner().await;
    let browser = Browser::new(&house);
    assert!(browser.get("/account/factors").await.expect(303).header("location").starts_with("/login?"));
    browser.sign_in(ANN).await;
    assert!(browser.get("/").await.expect(200).body.contains("href=\"/account/factors\""));
    assert!(browser.get("/account/factors").await.expect(200).body.contains("No second factor yet"));
    let uri = "/account/factors";
    browser.tokens.borrow_mut().insert(uri.to_owned(), "forged".to_owned());
    browser.submit(uri, &[("do", "begin")]).await.expect(400);
    let begun = browser.submit(uri, &[("do", "begin")]).await.expect(200);
    assert!(begun.body.contains("<svg ") && begun.header("cache-control") == "no-store");
    let app = App::of(secret(&begun.body));
    let wrong = browser.submit(uri, &[("do", "confirm"), ("code", &app.wrong(&house))]).await.expect(401);
    assert!(wrong.body.contains("The code is wrong."));
    let codes = browser.submit(uri, &[("do", "confirm"), ("code", &app.code(&house))]).await.expect(200);
    assert_eq!(codes.body.matches("<li><code>").count(), 10);
    let page = browser.get(uri).await.expect(200);
    assert!(page.body.contains("Your authenticator app") && page.body.contains("Recovery codes left: 10"));
    assert!(!page.body.contains("<li><code>"), "they are shown once");

    house.clock.advance(Duration::minutes(10));
    let refused = browser.submit(uri, &[("do", "remove"), ("code", "")]).await.expect(403);
    assert!(refused.body.contains("Sign in again"));
    browser.submit(uri, &[("do", "renew"), ("code", &app.next(&house))]).await.expect(200);
    let removed = browser.submit(uri, &[("do", "remove"), ("code", "")]).await.expect(303);
    assert!(browser.get(removed.header("location")).await.expect(200).body.contains("Your second factor is removed."));
    browser.submit(uri, &[("do", "nonsense")]).await.expect(400);
}

#[actix_web::test]
async fn the_sign_in_page_asks_for_the_code_and_leads_to_where_one_was_going() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, codes) = house.set_up(&owner).await;
    // All of these come by the one sign-in page.
    for target in ["/cli-auth", "/oauth2/device/verify", "/account/applications"] {
        let browser = Browser::new(&house);
        let to = browser.get(target).await.expect(303);
        browser.get(to.header("location")).await.expect(200);
        let fields = [("email", ANN), ("password", PASSWORD), ("redirect", target)];
        let asked = browser.submit("/login", &fields).await.expect(200);
        assert!(asked.body.contains("Second factor") && !browser.cookies.borrow().contains_key("coder_session_token"));
        browser.get(target).await.expect(303);
        let token = hidden(&asked.body, "token");
        let fields = |code: &str| {
            [("redirect", target), ("token", &token), ("method", "totp"), ("code", code)]
                .map(|(a, b)| (a, b.to_owned()))
        };
        let submit = async |code: &str| {
            let fields = fields(code);
            browser.submit("/login/mfa", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
        };
        assert!(submit(&app.wrong(&house)).await.expect(401).body.contains("The code is wrong."));
        submit("").await.expect(400);
        assert_eq!(submit(&app.next(&house)).await.expect(303).header("location"), target);
        browser.get(target).await.expect(200);
    }
    let browser = Browser::new(&house);
    assert_eq!(browser.get("/login/mfa").await.expect(303).header("location"), "/login");
    browser.get("/login").await.expect(200);
    let asked = browser.submit("/login", &[("email", ANN), ("password", PASSWORD)]).await.expect(200);
    let token = hidden(&asked.body, "token");
    let outside =
        [("redirect", "//evil.example"), ("token", token.as_str()), ("method", "recovery"), ("code", &codes[0])];
    let recovered = browser.submit("/login/mfa", &outside).await.expect(200);
    assert!(recovered.body.contains("Set up a second factor") && !recovered.body.contains("evil.example"));
    let (token, app) = (hidden(&recovered.body, "token"), App::of(secret(&recovered.body)));
    let fields = [("token", token.as_str()), ("method", "totp"), ("enrolling", "true"), ("code", &app.next(&house))];
    let done = browser.submit("/login/mfa", &fields).await.expect(200);
    assert_eq!(done.body.matches("<li><code>").count(), 10);
    browser.get("/").await.expect(200);
}

#[actix_web::test]
async fn whoever_sets_the_server_up_sets_a_factor_up_where_owners_must_have_one() {
    let house = house_with(|settings| settings.mfa.required = MfaRequired::Owners).await;
    let browser = Browser::new(&house);
    browser.get("/setup").await.expect(200);
    let fields = [("email", ANN), ("username", "ann"), ("name", "Ann"), ("password", PASSWORD)];
    let asked = browser.submit("/setup", &fields).await.expect(200);
    assert!(!browser.cookies.borrow().contains_key("coder_session_token"));
    let (token, app) = (hidden(&asked.body, "token"), App::of(secret(&asked.body)));
    let step = async |method: &str, code: &str| {
        let fields = [("token", token.as_str()), ("method", method), ("enrolling", "true"), ("code", code)];
        browser.submit("/login/mfa", &fields).await
    };
    step("totp", &app.wrong(&house)).await.expect(401);
    let anew = step("enroll", "").await.expect(200);
    step("totp", &app.code(&house)).await.expect(401);
    let app = App::of(secret(&anew.body));
    let done = step("totp", &app.code(&house)).await.expect(200);
    assert!(done.body.contains("Recovery codes"));
    browser.get("/").await.expect(200);
}
