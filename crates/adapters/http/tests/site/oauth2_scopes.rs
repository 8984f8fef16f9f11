//! `scope` as real clients send it, and names that have no meaning any more.

use crate::house::house;
use crate::oauth2::{VERIFIER, access_token, allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{RedirectUri, Resource, Scopes};
use doorward_domain::roles::System;
use doorward_ports::StoreError;
use serde_json::{Value, json};

#[actix_web::test]
async fn names_of_openid_connect_are_taken_and_open_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    for scope in ["openid", "openid profile email groups roles", "email", "openid files:read offline_access"] {
        let token = access_token(&house, &owner, &robot, &[("scope", scope)]).await;
        for path in ["/users/me", "/users", "/oauth2-provider/apps", "/workspaces", "/templates"] {
            let answer = house.get(path, &token).await;
            let is_empty = answer.status == 200 && !answer.body.contains("\"id\"");
            assert!(answer.status == 403 || answer.status == 400 || is_empty, "{scope} {path} {}", answer.body);
        }
        let refused = house.get("/oauth2-provider/apps", &token).await.expect(403);
        assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{scope}");
    }
    // As Claude sends it: nothing is asked for.
    let token = access_token(&house, &owner, &robot, &[("scope", " offline_access")]).await;
    house.get("/users/me", &token).await.expect(200);
    let both = access_token(&house, &owner, &robot, &[("scope", "openid user:read")]).await;
    house.get("/users/me", &both).await.expect(200);
    house.get("/oauth2-provider/apps", &both).await.expect(403);
}

#[actix_web::test]
async fn the_consent_page_shows_what_openid_connect_asks_for_and_not_full_access() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let uri = robot.authorize(&[("scope", "openid email")]);
    let page = house.send(TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", owner.as_str()))).await;
    let page = page.expect(200).body;
    assert!(page.contains("openid") && page.contains("email"));
    assert!(!page.contains("Full access") && !page.contains("full access"), "{page}");
}

#[actix_web::test]
async fn what_was_granted_is_answered_in_its_own_words() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    for (asked, granted) in [
        ("   ", "coder:all"),
        ("all", "coder:all"),
        (" user:read  user:read application_connect ", "user:read coder:application_connect"),
        (" offline_access", "coder:all offline_access"),
        ("openid  offline_access", "openid offline_access"),
    ] {
        let uri = robot.authorize(&[("scope", asked)]);
        let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("code_verifier", VERIFIER),
            ("scope", "not looked at"),
        ];
        let tokens = house.form("/oauth2/tokens", &robot.basic(), &fields).await.expect(200).json();
        assert_eq!(tokens["scope"], granted, "{asked:?}");
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("scope", "  ")];
        let tokens = house.form("/oauth2/tokens", &robot.basic(), &fields).await.expect(200).json();
        assert_eq!(tokens["scope"], granted, "{asked:?}");
    }
}

#[actix_web::test]
async fn the_list_of_an_app_is_kept_in_canonical_form() {
    let house = house().await;
    let owner = house.owner().await;
    let scopes = json!(["application_connect", "user:read", "user:read", "openid", "coder:application_connect"]);
    let robot = client(&house, &owner, json!({ "scopes": scopes })).await;
    let shown = house.get(&format!("/oauth2-provider/apps/{}", robot.id), &owner).await.expect(200).json();
    assert_eq!(shown["scopes"], json!(["coder:application_connect", "user:read", "openid"]));
    let allowed = allow(&house, &owner, &robot.authorize(&[])).await.expect(302);
    assert!(allowed.redirected_with("code").is_some());
    let unknown = json!({ "name": "x", "callback_url": crate::oauth2::CALLBACK, "scopes": ["gone:read"] });
    house.api(Method::POST, "/oauth2-provider/apps", &owner, unknown).await.expect(400);
}

#[actix_web::test]
async fn what_is_stored_of_an_app_and_means_nothing_any_more_opens_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let id: AppId = robot.id.parse().unwrap();
    let change = async |scopes: Option<&[&str]>, resources: Option<&[&str]>, uri: &str| {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (scopes, resources) = (scopes.map(Scopes::from_stored_names), resources.map(owned));
        let uri = RedirectUri::from_storage(uri.to_owned());
        let done: Result<(), StoreError> = house
            .store
            .write(move |repos| {
                let mut app = repos.apps().find(id)?.unwrap();
                app.allowed_scopes = scopes;
                app.allowed_resources = resources.map(|list| list.into_iter().map(Resource::from_storage).collect());
                app.redirect_uris = vec![uri];
                repos.apps().update(&System::because("a test").permit(), &app).map(drop)
            })
            .await;
        done.unwrap();
    };
    let callback = crate::oauth2::CALLBACK;
    let error = async |more: &[(&str, &str)]| {
        allow(&house, &owner, &robot.authorize(more)).await.expect(302).redirected_with("error")
    };
    change(Some(&["gone:read"]), None, callback).await;
    assert_eq!(error(&[]).await.as_deref(), Some("invalid_scope"));
    assert_eq!(error(&[("scope", "user:read")]).await.as_deref(), Some("invalid_scope"));
    change(Some(&["gone:read", "user:read"]), None, callback).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    house.get("/users/me", &token).await.expect(200);
    house.get("/oauth2-provider/apps", &token).await.expect(403);

    // A list of resources without this server: no token is good here, and none is made where it is not clear for whom.
    change(None, Some(&["https://api.example"]), callback).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    house.get("/users/me", &token).await.expect(401);
    change(None, Some(&["https://api.example", "https://mail.example"]), callback).await;
    assert_eq!(error(&[]).await.as_deref(), Some("invalid_target"));
    assert_eq!(error(&[("resource", "https://API.example:443/")]).await, None);

    for old in ["filesystem:https://a.example/x", "javascript:alert(1)", "https://a.example\\@b.example/"] {
        change(None, None, old).await;
        for uri in [robot.authorize(&[]), robot.authorize(&[("redirect_uri", old)])] {
            let get = TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", owner.as_str()));
            let page = house.send(get).await.expect(500);
            assert_eq!((page.header("location"), page.header("content-type")), ("", "text/html; charset=utf-8"));
            assert!(!page.body.contains(old));
            let posted = allow(&house, &owner, &uri).await.expect(500);
            assert_eq!((posted.header("location"), &posted.json()["error"]), ("", &Value::from("server_error")));
        }
    }
}
