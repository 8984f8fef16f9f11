//! What the pages say, and where they lead.

use crate::browser::Browser;
use crate::devices::{PAGE, begin, television_called};
use crate::house::{PASSWORD, house, house_beside, house_with};
use crate::oauth2::{access_token, client};
use crate::provider::{FakeProvider, entry};
use actix_web::test::TestRequest;
use serde_json::json;

/// What an app is called where people do not see it.
const TECHNICAL: &str = "tool-for-programs";

#[actix_web::test]
async fn an_app_is_called_the_same_on_every_page() {
    const SHOWN: &str = "My great tool";
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "name": TECHNICAL, "display_name": SHOWN, "icon": "/icon.png" })).await;
    let television = television_called(&house, &owner, TECHNICAL, SHOWN).await;
    let browser = Browser::new(&house);
    let mut told = Vec::new();
    let sign_in = browser.get(&app.authorize(&[])).await.expect(303);
    told.push(("sign-in", browser.get(sign_in.header("location")).await.expect(200)));
    browser.sign_in("ann@example.com").await;
    told.push(("consent", browser.get(&app.authorize(&[])).await.expect(200)));
    for action in ["authorize", "deny"] {
        let codes = begin(&house, &television, "user:read").await;
        let code = codes["user_code"].as_str().unwrap();
        browser.get(PAGE).await.expect(200);
        told.push(("device", browser.submit(PAGE, &[("user_code", code)]).await.expect(200)));
        told.push((action, browser.submit(PAGE, &[("user_code", code), ("action", action)]).await.expect(200)));
    }
    access_token(&house, &owner, &app, &[]).await;
    told.push(("applications", browser.get("/account/applications").await.expect(200)));
    let leave = format!("/oauth2/logout?client_id={}", app.id);
    told.push(("sign-out", browser.get(&leave).await.expect(200)));
    for (page, answer) in told {
        assert!(answer.body.contains(SHOWN), "{page}: {}", answer.body);
        assert!(!answer.body.contains(TECHNICAL), "{page}: {}", answer.body);
    }
}

#[actix_web::test]
async fn nobody_is_made_who_could_never_sign_in() {
    let house = house_with(|settings| settings.sessions.password_login = false).await;
    let browser = Browser::new(&house);
    let refused = browser.get("/setup").await.expect(403);
    assert!(refused.body.contains("session.password_login"), "{}", refused.body);
    let fields = [("email", "ann@example.com"), ("username", "ann"), ("password", PASSWORD)];
    browser.submit("/setup", &fields).await.expect(403);
    house.get("/users/first", "").await.expect(404);
    assert!(!refused.body.contains("To the start page"), "which leads here");
}

#[actix_web::test]
async fn without_passwords_the_first_account_is_made_at_a_provider_where_that_is_allowed() {
    let provider = FakeProvider::new(crate::house::NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| {
        settings.oidc.providers = vec![entry()];
        settings.oidc.first_user_is_owner = true;
        settings.sessions.password_login = false;
    })
    .await;
    let page = Browser::new(&house).get("/setup").await.expect(403);
    assert!(page.body.contains("href=\"/api/v2/users/oidc/corp/callback\">Continue with The Corp"), "{}", page.body);
    assert!(!page.body.contains("Error 403"), "{}", page.body);
}

#[actix_web::test]
async fn the_page_that_asks_for_the_set_up_link_leads_to_no_page_that_leads_back() {
    let house = house().await;
    for (path, told) in [("/setup", "Open the set-up link"), ("/setup?token=wrong", "This set-up link does not work")] {
        let page = house.send(TestRequest::get().uri(path).insert_header(("Accept", "text/html"))).await.expect(403);
        assert!(page.body.contains(told), "{path}: {}", page.body);
        assert!(!page.body.contains("class=\"button\""), "{path}: {}", page.body);
    }
}

#[actix_web::test]
async fn what_failed_at_a_provider_leads_to_where_one_was_going_and_to_no_other_site() {
    let provider = FakeProvider::new(crate::house::NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| settings.oidc.providers = vec![entry()]).await;
    house.owner().await;
    let callback = "/api/v2/users/oidc/corp/callback";
    for (asked, again) in [
        ("", "/login\""),
        ("?redirect=%2Foauth2%2Fauthorize%3Fclient_id%3D1", "/login?redirect=%2Foauth2%2Fauthorize%3Fclient_id%3D1\""),
        ("?redirect=%2F%2Fevil.example%2F", "/login\""),
        ("?redirect=https%3A%2F%2Fevil.example%2Flogin", "/login?redirect=%2Flogin\""),
    ] {
        let browser = Browser::new(&house);
        let sent = browser.get(&format!("{callback}{asked}")).await.expect(307);
        let state = sent.redirected_with("state").unwrap();
        let denied = browser.get(&format!("{callback}?error=access_denied&state={state}")).await.expect(400).body;
        assert!(denied.contains(&format!("href=\"{again}>Try another way")), "{asked}: {denied}");
        assert!(!denied.contains("evil.example"), "{asked}: {denied}");
        assert!(denied.contains("You cancelled") && !denied.contains("Error 400"), "{denied}");
        // The state is good for one answer: what comes now is no sign-in of this browser.
        let again = browser.get(&format!("{callback}?error=server_error&state={state}")).await.expect(401).body;
        assert!(again.contains("Error 401"), "{again}");
    }
}

#[actix_web::test]
async fn whoever_links_an_account_in_vain_is_told_of_that_and_not_of_a_sign_in() {
    let provider = FakeProvider::new(crate::house::NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| {
        settings.oidc.providers = vec![entry()];
    })
    .await;
    house.owner().await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get("/account/links").await.expect(200);
    let begun = browser.submit("/account/links", &[("provider", "corp"), ("password", PASSWORD)]).await.expect(303);
    let sent = browser.get(begun.header("location")).await.expect(307);
    let state = sent.redirected_with("state").unwrap();
    let callback = "/api/v2/users/oidc/corp/callback";
    let failed = browser.get(&format!("{callback}?error=server_error&state={state}")).await.expect(400).body;
    assert!(failed.contains("<h1>The account was not linked</h1>"), "{failed}");
    assert!(failed.contains("href=\"/account/links\">To your linked accounts"), "{failed}");
    assert!(failed.contains("For your administrator: the identity provider says server_error."), "{failed}");
    browser.get("/").await.expect(200);
}

#[actix_web::test]
async fn requests_of_applications_are_refused_in_words_for_people() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let uri = format!("/oauth2/logout?client_id={}&post_logout_redirect_uri=https%3A%2F%2Fevil.example", app.id);
    for (uri, detail) in [
        (uri.as_str(), "post_logout_redirect_uri is not registered"),
        ("/oauth2/logout?id_token_hint=x", "id_token_hint is no ID token"),
    ] {
        let page = browser.get(uri).await.expect(400).body;
        assert!(page.contains("The application sent you here with a request that is not accepted"), "{page}");
        assert!(page.contains(&format!("For your administrator: {detail}")), "{page}");
        assert!(!page.contains("Post_logout") && !page.contains("Id_token"), "{page}");
    }
}

#[actix_web::test]
async fn errors_look_as_the_other_pages_do() {
    let house = house().await;
    let owner = house.owner().await;
    let look = json!({
        "application_name": "Acme Portal",
        "logo_url": "",
        "announcement_banners": [{ "enabled": true, "message": "Maintenance on Sunday", "background_color": "#004852" }],
    });
    house.api(actix_web::http::Method::PUT, "/appearance", &owner, look).await.expect(200);
    let browser = Browser::new(&house);
    browser.get("/login").await.expect(200);
    let lost = browser.get("/nothing").await.expect(404).body;
    for part in
        ["<title>Page not found · Acme Portal</title>", "<aside aria-label=\"Announcements\">", "Maintenance on Sunday"]
    {
        assert!(lost.contains(part), "{part}: {lost}");
    }
}

#[actix_web::test]
async fn a_browser_is_told_on_a_page_that_nothing_is_at_an_address_of_oauth2() {
    let house = house().await;
    for (path, status) in [("/oauth2/nothing", 404), ("/oauth2/tokens", 405)] {
        let browser = Browser::new(&house).get(path).await.expect(status);
        assert!(browser.body.starts_with("<!doctype html>"), "{path}: {}", browser.body);
        for accept in ["*/*", "application/json"] {
            let request = TestRequest::get().uri(path).insert_header(("Accept", accept));
            assert!(house.send(request).await.expect(status).json()["error"].is_string(), "{path} {accept}");
        }
    }
}

#[actix_web::test]
async fn signing_out_is_not_done_again_by_loading_the_page_anew() {
    let house = house().await;
    house.owner().await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let offer = browser.get("/logout").await.expect(200);
    assert!(offer.body.contains("sign-out-form") && offer.body.contains("ann@example.com"), "{}", offer.body);
    browser.get("/").await.expect(200);
    let out = browser.submit("/logout", &[]).await.expect(303);
    assert_eq!(out.header("location"), "/logout");
    assert!(browser.get("/logout").await.expect(200).body.contains("You are signed out"));
    browser.get("/").await.expect(303);
    // The page of an application does the same.
    browser.sign_in("ann@example.com").await;
    browser.get("/oauth2/logout").await.expect(200);
    assert_eq!(browser.submit("/oauth2/logout", &[]).await.expect(303).header("location"), "/logout");
}

#[actix_web::test]
async fn the_sign_in_page_says_what_is_wrong() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    house
        .api(actix_web::http::Method::PUT, "/users/bob/status/suspend", &owner, serde_json::Value::Null)
        .await
        .expect(200);
    let browser = Browser::new(&house);
    browser.get("/login").await.expect(200);
    for (email, password, status, told) in [
        ("olga", "x", 400, "This is not an email address."),
        ("", "", 400, "Give your email address and your password."),
        ("bob@example.com", PASSWORD, 401, "This account is suspended. Ask an administrator."),
    ] {
        let page = browser.submit("/login", &[("email", email), ("password", password)]).await.expect(status).body;
        assert!(page.contains(told), "{told}: {page}");
    }
    let made_up = browser.get("/login?done=Your+account+is+stolen").await.expect(200).body;
    assert!(!made_up.contains("stolen"), "{made_up}");
}

#[actix_web::test]
async fn linked_accounts_are_offered_where_there_are_providers() {
    let provider = FakeProvider::new(crate::house::NOW.unix_timestamp());
    let with = house_beside(provider.upstreams(), |settings| settings.oidc.providers = vec![entry()]).await;
    with.owner().await;
    let without = house().await;
    without.owner().await;
    let offered = |page: &str| page.matches("/account/links").count();
    let browser = Browser::new(&with);
    browser.sign_in("ann@example.com").await;
    assert_eq!(offered(&browser.get("/").await.expect(200).body), 2, "a tab and a tile");
    let browser = Browser::new(&without);
    browser.sign_in("ann@example.com").await;
    assert_eq!(offered(&browser.get("/").await.expect(200).body), 0);
    let page = browser.get("/account/links").await.expect(200).body;
    assert!(!page.contains("You can sign in with each") && page.contains("has no identity provider"), "{page}");
}

#[actix_web::test]
async fn what_is_too_long_is_not_called_unreadable() {
    let house = house().await;
    let request = TestRequest::post()
        .uri("/login")
        .insert_header(("Accept", "text/html"))
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(format!("email={}", "x".repeat(2 * 1024 * 1024)));
    let page = house.send(request).await.expect(413).body;
    assert!(page.contains("<h1>Too much at once</h1>") && !page.contains("cannot be read"), "{page}");
}
