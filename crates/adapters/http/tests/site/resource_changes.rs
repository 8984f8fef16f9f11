//! What becomes of what was allowed when an owner changes a registered resource.

use crate::house::house;
use crate::oauth2::{VERIFIER, allow, client};
use crate::signed_tokens::{FILES, RESOURCES, asked, refresh, register, tokens};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

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
