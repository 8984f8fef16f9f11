//! What the pages say, and where they lead.

use crate::browser::Browser;
use crate::devices::{PAGE, begin, television_called};
use crate::house::house;
use crate::oauth2::{access_token, client};
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
