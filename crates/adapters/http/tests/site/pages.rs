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
