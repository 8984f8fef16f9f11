//! What becomes of what was allowed when an owner changes a registered resource.

use crate::house::house;
use crate::oauth2::{VERIFIER, allow, client};
use crate::signed_tokens::{FILES, RESOURCES, asked, read, refresh, register, tokens};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use time::Duration;

const RESOURCE: (&str, &str) = ("resource", FILES);

fn path(made: &Value) -> String {
    format!("{RESOURCES}/{}", made["id"].as_str().unwrap())
}

#[actix_web::test]
async fn scopes_that_a_resource_has_lost_are_not_given_any_more() {
    let house = house().await;
    let owner = house.owner().await;
    let scopes = json!({ "files:read": "", "files:write": "" });
    let made = register(&house, &owner, json!({ "token_format": "opaque", "scopes": scopes })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let both = tokens(&house, &owner, &app, &[RESOURCE, ("scope", "files:read files:write")]).await;
    let one = tokens(&house, &owner, &app, &[RESOURCE, ("scope", "files:write")]).await;
    let code = allow(&house, &owner, &app.authorize(&[RESOURCE, ("scope", "files:write")])).await.expect(302);
    let code = code.redirected_with("code").unwrap();
    for format in ["opaque", "jwt"] {
        let fewer = json!({ "scopes": { "files:read": "" }, "token_format": format });
        house.api(Method::PUT, &path(&made), &owner, fewer).await.expect(200);
        if format == "opaque" {
            assert_eq!(asked(&house, &app, &both["access_token"]).await["scope"], "files:read");
            assert_eq!(asked(&house, &app, &both["refresh_token"]).await["scope"], "files:read");
        }
    }
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let refused = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant");
    assert!(refused["error_description"].as_str().unwrap().contains("files:write"), "{refused}");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", one["refresh_token"].as_str().unwrap())];
    let refused = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant", "nothing is left of it");
    let left = refresh(&house, &app, &both).await;
    assert_eq!(left["scope"], "files:read");
    let known = asked(&house, &app, &left["access_token"]).await;
    assert_eq!((&known["active"], &known["scope"]), (&json!(true), &json!("files:read")));

    // A name of this server says nothing at a resource that has names of its own by now.
    let other = "https://other.example";
    let made = register(&house, &owner, json!({ "identifier": other, "token_format": "opaque" })).await;
    let of_catalogue = [("resource", other), ("scope", "openid user:read")];
    let of_catalogue = tokens(&house, &owner, &app, &of_catalogue).await;
    house.api(Method::PUT, &path(&made), &owner, json!({ "scopes": { "a": "" } })).await.expect(200);
    assert_eq!(asked(&house, &app, &of_catalogue["access_token"]).await["scope"], "openid");
    assert_eq!(refresh(&house, &app, &of_catalogue).await["scope"], "openid");
}

#[actix_web::test]
async fn people_are_told_what_tokens_say_of_them_and_asked_anew_when_it_is_more() {
    let house = house().await;
    let owner = house.owner().await;
    let made = register(&house, &owner, json!({})).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let uri = app.authorize(&[RESOURCE, ("scope", "user:read")]);
    let ask = async || {
        let request = TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", &*owner));
        house.send(request.insert_header(("Accept", "text/html"))).await
    };
    let first = ask().await.expect(200);
    assert!(!first.body.contains("See your mail address"), "{}", first.body);
    allow(&house, &owner, &uri).await.expect(302);
    assert!(ask().await.redirected_with("code").is_some(), "what was allowed is remembered");
    house.api(Method::PUT, &path(&made), &owner, json!({ "claims": ["email", "groups"] })).await.expect(200);
    let again = ask().await.expect(200);
    for part in ["See your mail address", "See in which groups you are"] {
        assert!(again.body.contains(part), "{part}: {}", again.body);
    }
    allow(&house, &owner, &uri).await.expect(302);
    assert!(ask().await.redirected_with("code").is_some());
    // Only who gets a signed token can read it.
    house
        .api(Method::PUT, &path(&made), &owner, json!({ "token_format": "opaque", "claims": ["roles"] }))
        .await
        .expect(200);
    assert!(ask().await.redirected_with("code").is_some());
}

#[actix_web::test]
async fn who_allowed_a_scope_is_asked_anew_when_another_thing_is_said_of_it() {
    let house = house().await;
    let owner = house.owner().await;
    let scopes = json!({ "files:read": "See files", "files:write": "Change files" });
    let made = register(&house, &owner, json!({ "token_format": "opaque", "scopes": scopes })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let uri = app.authorize(&[RESOURCE, ("scope", "files:read")]);
    let ask = async || {
        let request = TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", &*owner));
        house.send(request.insert_header(("Accept", "text/html"))).await
    };
    let old = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    house.clock.advance(Duration::MINUTE);
    let change = async |text: &str| {
        let scopes = json!({ "files:read": text, "files:write": "Change everything" });
        house.api(Method::PUT, &path(&made), &owner, json!({ "scopes": scopes })).await.expect(200);
    };
    change("See files").await;
    assert!(ask().await.redirected_with("code").is_some(), "what was allowed is what it was");
    change("Delete everything").await;
    let again = ask().await.expect(200);
    assert!(again.body.contains("Delete everything"), "{}", again.body);
    // Nor is a code redeemed that was given for less.
    let fields = [("grant_type", "authorization_code"), ("code", &*old), ("code_verifier", VERIFIER)];
    let refused = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_grant");
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    assert!(ask().await.redirected_with("code").is_some(), "it is remembered once more");
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200);
}

#[actix_web::test]
async fn signed_tokens_say_no_more_than_people_were_told_of() {
    let house = house().await;
    let owner = house.owner().await;
    let made = register(&house, &owner, json!({ "claims": ["roles"] })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let asked = [RESOURCE, ("scope", "user:read")];
    let old = tokens(&house, &owner, &app, &asked).await;
    let with_email = tokens(&house, &owner, &app, &[RESOURCE, ("scope", "user:read email")]).await;
    house.clock.advance(Duration::MINUTE);
    let more = json!({ "claims": ["roles", "email", "groups"] });
    house.api(Method::PUT, &path(&made), &owner, more).await.expect(200);
    let told = async |tokens: &Value| {
        let (_, claims) = read(&house, &tokens["access_token"]).await;
        ["email", "email_verified", "groups", "roles"].map(|name| claims.get(name).is_some())
    };
    assert_eq!(told(&refresh(&house, &app, &old).await).await, [false, false, false, true]);
    assert_eq!(told(&refresh(&house, &app, &with_email).await).await, [true, true, false, true]);
    let new = tokens(&house, &owner, &app, &asked).await;
    assert_eq!(told(&new).await, [true; 4]);
    assert_eq!(told(&refresh(&house, &app, &new).await).await, told(&new).await);
}

#[actix_web::test]
async fn an_app_that_is_gone_may_ask_about_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let (one, other) = (client(&house, &owner, json!({})).await, client(&house, &owner, json!({})).await);
    let made = register(&house, &owner, json!({ "introspectors": [one.id, other.id] })).await;
    house.api(Method::DELETE, &format!("/oauth2-provider/apps/{}", one.id), &owner, Value::Null).await.expect(204);
    let shown = house.get(&path(&made), &owner).await.expect(200).json();
    assert_eq!(shown["introspectors"], json!([other.id]));
    assert_eq!(house.get(RESOURCES, &owner).await.expect(200).json()[0], shown);
    let kept = house.api(Method::PUT, &path(&made), &owner, shown.clone()).await.expect(200).json();
    assert_eq!(kept["introspectors"], json!([other.id]), "what was read may be written");
}

#[actix_web::test]
async fn a_resource_that_nobody_has_registered_has_scopes_that_mean_nothing_here() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let other = ("resource", "https://mcp.example/tools");
    let uri = app.authorize(&[other, ("scope", "files:read https://mcp.example/x.y")]);
    let request = TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", &*owner));
    let page = house.send(request.insert_header(("Accept", "text/html"))).await.expect(200);
    for part in ["files:read", "https://mcp.example/x.y"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let given = tokens(&house, &owner, &app, &[other, ("scope", "openid files:read files:write")]).await;
    assert_eq!(given["scope"], "openid files:read files:write");
    house.get("/users/me", given["access_token"].as_str().unwrap()).await.expect(401);
    assert_eq!(asked(&house, &app, &given["access_token"]).await["scope"], "openid files:read files:write");
    let given = refresh(&house, &app, &given).await;
    assert_eq!(given["scope"], "openid files:read files:write");
    // This server has its own names.
    for ours in [vec![], vec![("resource", crate::house::ISSUER)], vec![("resource", "https://door.example/api/v2")]] {
        let more: Vec<_> = ours.into_iter().chain([("scope", "files:read")]).collect();
        let refused = allow(&house, &owner, &app.authorize(&more)).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"), "{more:?}");
    }
    // Once it is registered, what it says counts.
    let scopes = json!({ "files:read": "Read your files" });
    let rules = json!({ "identifier": other.1, "token_format": "opaque", "scopes": scopes });
    house.clock.advance(Duration::MINUTE);
    register(&house, &owner, rules).await;
    assert_eq!(asked(&house, &app, &given["access_token"]).await["scope"], "openid files:read");
}

#[actix_web::test]
async fn a_resource_may_want_a_stronger_sign_in() {
    let house = house().await;
    let owner = house.owner().await;
    let made = register(&house, &owner, json!({ "min_acr": "mfa" })).await;
    assert_eq!(made["min_acr"], "mfa");
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb", "device_flow": true })).await;
    let uri = app.authorize(&[RESOURCE, ("scope", "user:read")]);
    let refused = allow(&house, &owner, &uri).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("unmet_authentication_requirements"));
    assert!(allow(&house, &owner, &app.authorize(&[])).await.redirected_with("code").is_some(), "others do not");

    let fields = [RESOURCE, ("scope", "user:read")];
    let codes = house.form("/oauth2/device", &app.basic(), &fields).await.expect(200).json();
    let browser = crate::browser::Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let (path_of_page, code) = ("/oauth2/device/verify", codes["user_code"].as_str().unwrap());
    browser.get(path_of_page).await.expect(200);
    browser.submit(path_of_page, &[("user_code", code)]).await.expect(200);
    let refused = browser.submit(path_of_page, &[("user_code", code), ("action", "authorize")]).await.expect(403);
    assert!(refused.body.contains("stronger sign-in"), "{}", refused.body);

    for (acr, is_allowed) in [("pwd", true), ("phr", false), ("", true)] {
        house.api(Method::PUT, &path(&made), &owner, json!({ "min_acr": acr })).await.expect(200);
        let answer = allow(&house, &owner, &uri).await.expect(302);
        assert_eq!(answer.redirected_with("code").is_some(), is_allowed, "{acr}");
    }
    // What was given before a stronger one was wanted is good for nothing any more.
    let code = allow(&house, &owner, &uri).await.redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let given = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200).json();
    let code = allow(&house, &owner, &uri).await.redirected_with("code").unwrap();
    house.clock.advance(Duration::SECOND);
    house.api(Method::PUT, &path(&made), &owner, json!({ "min_acr": "mfa" })).await.expect(200);
    for fields in [
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)],
        [("grant_type", "refresh_token"), ("refresh_token", given["refresh_token"].as_str().unwrap()), ("x", "")],
    ] {
        let refused = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(400).json();
        assert_eq!(refused["error"], "invalid_grant");
        assert!(refused["error_description"].as_str().unwrap().contains("stronger sign-in"), "{refused}");
    }
    let bad = json!({ "min_acr": "a b" });
    let refused = house.api(Method::PUT, &path(&made), &owner, bad).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "min_acr");
}
