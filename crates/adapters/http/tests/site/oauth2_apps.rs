//! What is registered of an app: redirect URIs and the service account.

use crate::house::{House, house};
use crate::oauth2::{VERIFIER, allow, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

async fn change<S>(house: &House<S>, owner: &str, id: &str, more: Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut body = json!({ "name": "robot" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    house.api(PUT, &format!("/oauth2-provider/apps/{id}"), owner, body).await.expect(200).json()
}

#[actix_web::test]
async fn each_redirect_uri_is_kept_once_and_in_order() {
    let house = house().await;
    let owner = house.owner().await;
    let [a, b, c] = ["https://a.example/cb", "https://b.example/cb", "https://c.example/cb"];
    let app = json!({ "name": "robot", "redirect_uris": [c, a, c, b, a] });
    let made = house.api(POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    assert_eq!((&made["callback_url"], &made["redirect_uris"]), (&json!(c), &json!([c, a, b])));
    let id = made["id"].as_str().unwrap();
    let stored = house.get(&format!("/oauth2-provider/apps/{id}"), &owner).await.expect(200).json();
    assert_eq!(stored["redirect_uris"], json!([c, a, b]));

    // Alone, it replaces the first; one that was a later entry is that entry.
    let same = change(&house, &owner, id, json!({ "callback_url": c })).await;
    assert_eq!(same["redirect_uris"], json!([c, a, b]));
    let later = change(&house, &owner, id, json!({ "callback_url": b })).await;
    assert_eq!((&later["callback_url"], &later["redirect_uris"]), (&json!(b), &json!([b, a])));
    let kept = change(&house, &owner, id, json!({})).await;
    assert_eq!(kept["redirect_uris"], json!([b, a]));
}

#[actix_web::test]
async fn what_is_no_redirect_uri_is_refused_with_a_hint() {
    let house = house().await;
    let owner = house.owner().await;
    for (uri, hint) in [
        ("localhost:3000", "http://"),
        ("localhost:3000/cb", "http://"),
        ("a.example:8080/cb", "http://"),
        ("filesystem:https://a.example/x", "https, http on a loopback host"),
        ("ws://a.example/cb", "https, http on a loopback host"),
        ("wss://a.example/cb", "https, http on a loopback host"),
        ("http://127.0.0.1:8080\\@evil.example", "RFC 3986"),
        ("https://a.example/é", "RFC 3986"),
        ("http://0x7f.1/cb", "four decimal numbers"),
    ] {
        let app = json!({ "name": "robot", "callback_url": uri });
        let refused = house.api(POST, "/oauth2-provider/apps", &owner, app).await.expect(400).json();
        let told = refused["validations"][0]["detail"].as_str().unwrap();
        assert_eq!(refused["validations"][0]["field"], "callback_url", "{uri}");
        assert!(told.contains(hint), "{uri}: {told}");
    }
}

#[actix_web::test]
async fn a_resource_is_the_same_however_it_is_written() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let uri = robot.authorize(&[("resource", "https://door.example"), ("resource", "https://door.example/")]);
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("code_verifier", VERIFIER),
        ("resource", "HTTPS://DOOR.example:443/"),
    ];
    let tokens = house.form("/oauth2/tokens", &robot.basic(), &exchange).await.expect(200).json();
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("resource", "https://door.example/"),
    ];
    let tokens = house.form("/oauth2/tokens", &robot.basic(), &refresh).await.expect(200).json();
    house.get("/users/me", tokens["access_token"].as_str().unwrap()).await.expect(200);
    for bad in ["http://127.0.0.1:8080\\@evil.example", "https://door.example/<x>", "https://door.example/\u{e9}"] {
        let uri = robot.authorize(&[("resource", bad)]);
        let refused = allow(&house, &owner, &uri).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_target"), "{bad}");
        let fields = [("grant_type", "client_credentials"), ("resource", bad)];
        let refused = house.form("/oauth2/tokens", &robot.basic(), &fields).await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_target", "{bad}");
    }
}

#[actix_web::test]
async fn an_app_whose_service_account_was_deleted_gets_a_new_one_when_asked() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let app = format!("/oauth2-provider/apps/{}", robot.id);
    let first = house.get(&app, &owner).await.expect(200).json()["service_account_id"].clone();
    let first = first.as_str().unwrap().to_owned();
    house.api(Method::DELETE, &format!("/users/{first}"), &owner, Value::Null).await.expect(200);
    let asks = [("grant_type", "client_credentials")];
    let gone = house.form("/oauth2/tokens", &robot.basic(), &asks).await.expect(400);
    assert_eq!(gone.json()["error"], "unauthorized_client");

    let second = change(&house, &owner, &robot.id, json!({ "service_account": true })).await;
    let second = second["service_account_id"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    let tokens = house.form("/oauth2/tokens", &robot.basic(), &asks).await.expect(200).json();
    let me = house.get("/users/me", tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(me["id"], second);
    // Asked again, it keeps the one it has.
    let same = change(&house, &owner, &robot.id, json!({ "service_account": true })).await;
    assert_eq!(same["service_account_id"], second);
    // And one that is deleted and not wanted any more is forgotten.
    house.api(Method::DELETE, &format!("/users/{second}"), &owner, Value::Null).await.expect(200);
    let none = change(&house, &owner, &robot.id, json!({ "service_account": false })).await;
    assert_eq!(none.get("service_account_id"), None);
}

#[actix_web::test]
async fn an_app_is_limited_to_its_scope_however_that_is_sent() {
    let house = house().await;
    let owner = house.owner().await;
    let limits = |app: &Value| (app["scope"].clone(), app.get("scopes").cloned());
    let limited =
        (json!("user:read coder:application_connect"), Some(json!(["user:read", "coder:application_connect"])));
    let robot = client(&house, &owner, json!({ "scope": " user:read  application_connect user:read" })).await;
    let app = format!("/oauth2-provider/apps/{}", robot.id);
    let made = house.get(&app, &owner).await.expect(200).json();
    assert_eq!(limits(&made), limited);
    assert_eq!((&made["client_type"], &made["dynamically_registered"]), (&json!("confidential"), &json!(false)));
    let asked = |scope: &'static str| robot.authorize(&[("scope", scope)]);
    let refused = allow(&house, &owner, &asked("template:read")).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"));
    assert!(allow(&house, &owner, &asked("user:read")).await.redirected_with("code").is_some());

    // Absent, it stays; both must say the same; empty, it is lifted.
    assert_eq!(limits(&change(&house, &owner, &robot.id, json!({})).await), limited);
    assert_eq!(limits(&change(&house, &owner, &robot.id, json!({ "scope": null })).await), limited);
    let both =
        json!({ "scope": "coder:application_connect user:read", "scopes": ["user:read", "application_connect"] });
    assert_eq!(limits(&change(&house, &owner, &robot.id, both).await), limited);
    for (more, blamed) in [
        (json!({ "scope": "user:read", "scopes": ["user:read", "template:read"] }), vec!["scope"]),
        (json!({ "scope": "", "scopes": ["user:read"] }), vec!["scope"]),
        (json!({ "scope": "user:read nonsense rubbish" }), vec!["scope", "scope"]),
        (json!({ "scope": "user:read\n" }), vec!["scope"]),
    ] {
        let mut body = json!({ "name": "robot" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = house.api(PUT, &app, &owner, body).await.expect(400).json();
        let fields: Vec<&str> =
            told["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
        assert_eq!(fields, blamed, "{more}");
    }
    assert_eq!(limits(&house.get(&app, &owner).await.expect(200).json()), limited);
    assert_eq!(limits(&change(&house, &owner, &robot.id, json!({ "scope": "" })).await), (json!(""), None));
    assert!(allow(&house, &owner, &asked("template:read")).await.redirected_with("code").is_some());
}
