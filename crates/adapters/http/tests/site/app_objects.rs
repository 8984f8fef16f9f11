//! What people are shown of apps, who answers for them, and what is blocked.

use crate::house::{Answer, House, NOW, house, house_beside};
use crate::oauth2::{CHALLENGE, Client, VERIFIER, client};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use doorward_services::oauth2::block_list::sweep;
use doorward_services::oauth2::registration::RegistrationMode;
use doorward_services::oauth2::token::{TokenRequest, exchange};
use doorward_services::oauth2::{ClientAuthentication, Policies};
use doorward_services::{Context, Origin};
use serde_json::{Value, json};

const URL: &str = "https://claude.example/oauth/client.json";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n the rest of a picture";

fn document(callback: &str) -> Value {
    json!({ "client_id": URL, "client_name": "Claude", "redirect_uris": [callback] })
}

fn serving(callback: &str) -> FakeProvider {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    provider.state().others = vec![(URL.to_owned(), document(callback))];
    provider
}

fn uri(client_id: &str, more: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .append_pair("response_type", "code")
        .append_pair("code_challenge", CHALLENGE)
        .extend_pairs(more)
        .finish();
    format!("/oauth2/authorize?{query}")
}

async fn page<S>(house: &House<S>, session: &str, uri: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let request = TestRequest::get().uri(uri).insert_header(("Coder-Session-Token", session));
    house.send(request.insert_header(("Accept", "text/html"))).await
}

/// The tokens of a public client that this user allows.
async fn tokens<S>(house: &House<S>, session: &str, client_id: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let allowed = crate::oauth2::allow(house, session, &uri(client_id, &[])).await.expect(302);
    let code = allowed.redirected_with("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("client_id", client_id), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", "", &fields).await.expect(200).json()
}

async fn refresh<S>(house: &House<S>, client_id: &str, tokens: &Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let token = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", token)];
    house.form("/oauth2/tokens", "", &fields).await
}

#[actix_web::test]
async fn people_are_shown_the_name_the_links_and_the_logo_of_an_app() {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    provider.state().raws = vec![
        ("https://cdn.example/logo".to_owned(), "image/png", PNG.to_vec()),
        ("https://cdn.example/svg".to_owned(), "image/png", b"<svg onload='alert(1)'/>".to_vec()),
        ("https://cdn.example/large".to_owned(), "image/gif", [b"GIF89a".to_vec(), vec![0; 200_000]].concat()),
    ];
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let path = format!("/oauth2-provider/apps/{}", app.id);
    let body = json!({
        "name": "robot", "display_name": "書類係 <b>", "homepage_uri": "https://app.example/",
        "policy_uri": "https://app.example/privacy", "terms_uri": "https://app.example/terms",
        "logo_uri": "https://cdn.example/logo",
    });
    let shown = house.api(Method::PUT, &path, &owner, body.clone()).await.expect(200).json();
    for name in ["display_name", "homepage_uri", "policy_uri", "terms_uri", "logo_uri"] {
        assert_eq!(shown[name], body[name], "{name}");
    }
    let logo = shown["logo_path"].as_str().unwrap().to_owned();
    let consent = page(&house, &owner, &app.authorize(&[])).await.expect(200);
    for part in ["書類係 &#60;b&#62;", "https://app.example/privacy", "https://app.example/terms", &*logo] {
        assert!(consent.body.contains(part), "{part}: {}", consent.body);
    }
    assert!(!consent.body.contains("cdn.example"), "no browser asks another host");

    let (status, headers, bytes) = house.bytes(TestRequest::get().uri(&logo)).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, PNG));
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "public, max-age=86400"),
    ] {
        assert_eq!(headers.get(name).unwrap(), value, "{name}");
    }
    for (name, value) in [
        ("logo_uri", json!("https://cdn.example/svg")),
        ("logo_uri", json!("https://cdn.example/large")),
        ("logo_uri", json!("https://cdn.example/nothing")),
        ("logo_uri", json!("javascript:alert(1)")),
        ("homepage_uri", json!("javascript:alert(1)")),
        ("policy_uri", json!("/privacy")),
        ("terms_uri", json!("data:text/html,x")),
        ("display_name", json!("ann\u{202e}x")),
        ("display_name", json!("x".repeat(65))),
    ] {
        let refused = house.api(Method::PUT, &path, &owner, json!({ "name": "robot", name: value })).await.expect(400);
        assert_eq!(refused.json()["validations"][0]["field"], name, "{value}");
    }
    // What is not said stays, and an empty text takes it away.
    let kept = house.api(Method::PUT, &path, &owner, json!({ "name": "robot" })).await.expect(200).json();
    assert_eq!((&kept["logo_path"], &kept["display_name"]), (&json!(logo), &body["display_name"]));
    let gone = json!({ "name": "robot", "logo_uri": "", "display_name": "", "policy_uri": "" });
    let gone = house.api(Method::PUT, &path, &owner, gone).await.expect(200).json();
    assert_eq!((&gone["logo_path"], &gone["logo_uri"]), (&json!(""), &json!("")));
    house.send(TestRequest::get().uri(&logo)).await.expect(404);
    let consent = page(&house, &owner, &app.authorize(&[])).await.expect(200);
    assert!(consent.body.contains("robot") && !consent.body.contains("書類係"));
}

#[actix_web::test]
async fn the_logo_of_a_client_that_registered_itself_is_shown_only_where_the_operator_wants_it() {
    for shows in [false, true] {
        let provider = FakeProvider::new(NOW.unix_timestamp());
        let picture = |name: &str| (format!("https://cdn.example/{name}"), "image/png", PNG.to_vec());
        provider.state().raws = vec![picture("one"), picture("two")];
        let house = house_beside(provider.upstreams(), |settings| {
            settings.oauth2.registration.mode = RegistrationMode::Open;
            settings.oauth2.registration.show_logos = shows;
        })
        .await;
        let owner = house.owner().await;
        let body = |name: &str, logo: &str| {
            let uris = ["https://app.example/cb"];
            json!({ "client_name": name, "redirect_uris": uris, "token_endpoint_auth_method": "none", "logo_uri": logo })
        };
        let register = async |body: &Value| {
            let request = TestRequest::post().uri("/oauth2/register").set_payload(body.to_string());
            house.send(request).await.expect(201).json()
        };
        let made = register(&body("Tool", "https://cdn.example/one")).await;
        assert_eq!(made["logo_uri"], "https://cdn.example/one");
        let (id, token) = (made["client_id"].as_str().unwrap(), made["registration_access_token"].as_str().unwrap());
        let logo = async || page(&house, &owner, &uri(id, &[])).await.expect(200).body.contains("/logo?");
        assert_eq!(logo().await, shows);
        assert_eq!(provider.fetched().len(), usize::from(shows));
        // What cannot be fetched keeps nobody from registering.
        register(&body("Other", "https://cdn.example/nothing")).await;
        let change = async |logo: &str| {
            let request = TestRequest::put().uri(&format!("/oauth2/clients/{id}"));
            let request = request.insert_header(("Authorization", format!("Bearer {token}")));
            house.send(request.set_payload(body("Tool", logo).to_string())).await.expect(200);
        };
        let path = format!("/oauth2-provider/apps/{id}");
        let fetched_from = async || house.get(&path, &owner).await.json()["logo_uri"].clone();
        change("https://cdn.example/two").await;
        assert_eq!(fetched_from().await, if shows { "https://cdn.example/two" } else { "" });
        change("https://cdn.example/nothing").await;
        assert_eq!(fetched_from().await, "");
        assert!(!logo().await);
    }
}

#[actix_web::test]
async fn an_owner_answers_for_a_client_that_is_known_by_a_document() {
    let provider = serving("https://claude.example/cb");
    let house = house_beside(provider.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let body = json!({ "client_id_url": URL, "name": "our-claude", "scopes": ["user:read"], "trusted": true });
    let made = house.api(Method::POST, "/oauth2-provider/apps", &owner, body.clone()).await.expect(201).json();
    assert_eq!((&made["client_id"], &made["name"], &made["pinned"]), (&json!(URL), &json!("our-claude"), &json!(true)));
    assert_eq!(made["redirect_uris"], json!(["https://claude.example/cb"]));
    house.api(Method::POST, "/oauth2-provider/apps", &owner, body).await.expect(409);
    // Nobody is asked about an app that an owner trusts, and it may do no more than the owner has said.
    let silent = page(&house, &owner, &uri(URL, &[("scope", "user:read")])).await.expect(302);
    assert!(silent.redirected_with("code").is_some(), "{}", silent.header("location"));
    let more = page(&house, &owner, &uri(URL, &[("scope", "workspace:read")])).await.expect(302);
    assert_eq!(more.redirected_with("error").as_deref(), Some("invalid_scope"));
    provider.state().others[0].1["client_name"] = json!("Claude Code");
    let house2 = house_beside(provider.upstreams(), |_| ()).await;
    let other = house2.owner().await;
    let named = house2.api(Method::POST, "/oauth2-provider/apps", &other, json!({ "client_id_url": URL })).await;
    let named = named.expect(201).json();
    assert_eq!((&named["name"], &named["display_name"]), (&json!("claude-example"), &json!("Claude Code")));
    for bad in ["https://claude.example/nothing", "http://claude.example/x", "x"] {
        let body = json!({ "client_id_url": bad });
        let refused = house.api(Method::POST, "/oauth2-provider/apps", &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "client_id_url", "{bad}");
    }
    let bob = house.member(&owner, "bob").await;
    house.api(Method::POST, "/oauth2-provider/apps", &bob, json!({ "client_id_url": URL })).await.expect(403);
}

#[actix_web::test]
async fn an_owner_answers_for_a_client_that_registered_itself_and_may_let_it_go_again() {
    let house = house_beside(FakeProvider::new(0).upstreams(), |settings| {
        settings.oauth2.registration.mode = RegistrationMode::Open;
    })
    .await;
    let owner = house.owner().await;
    let body = json!({ "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none" }).to_string();
    let made =
        house.send(TestRequest::post().uri("/oauth2/register").set_payload(body.clone())).await.expect(201).json();
    let (id, token) = (made["client_id"].as_str().unwrap(), made["registration_access_token"].as_str().unwrap());
    let path = format!("/oauth2-provider/apps/{id}");
    assert_eq!(house.get(&path, &owner).await.json()["pinned"], false);
    let manage = async || {
        let request = TestRequest::put().uri(&format!("/oauth2/clients/{id}")).set_payload(body.clone());
        house.send(request.insert_header(("Authorization", format!("Bearer {token}")))).await.status.as_u16()
    };
    assert_eq!(manage().await, 200);
    let trusted = json!({ "name": "Known", "trusted": true });
    let known = house.api(Method::PUT, &path, &owner, trusted).await.expect(200).json();
    assert_eq!((&known["pinned"], &known["trusted"]), (&json!(true), &json!(true)));
    assert_eq!(manage().await, 403, "it changes itself no more");
    let consent = page(&house, &owner, &uri(id, &[])).await.expect(302);
    assert!(consent.redirected_with("code").is_some());
    let refused = house.api(Method::PUT, &path, &owner, json!({ "name": "Known", "pinned": false })).await.expect(400);
    assert_eq!(refused.json()["validations"][0]["field"], "pinned", "nobody is spared the question about it then");
    let free = json!({ "name": "Known", "pinned": false, "trusted": false });
    assert_eq!(house.api(Method::PUT, &path, &owner, free).await.expect(200).json()["pinned"], false);
    assert_eq!(manage().await, 200);
}

#[actix_web::test]
async fn an_app_that_nobody_answers_for_has_nothing_that_only_others_have() {
    let house = house_beside(FakeProvider::new(0).upstreams(), |settings| {
        settings.oauth2.registration.mode = RegistrationMode::Open;
    })
    .await;
    let owner = house.owner().await;
    let body = json!({ "redirect_uris": ["https://app.example/cb"] }).to_string();
    let made = house.send(TestRequest::post().uri("/oauth2/register").set_payload(body)).await.expect(201).json();
    let id = made["client_id"].as_str().unwrap();
    let path = format!("/oauth2-provider/apps/{id}");
    let resource = json!({ "identifier": "https://files.example", "introspectors": [id] });
    let refused = house.api(Method::POST, "/oauth2-provider/resources", &owner, resource.clone()).await.expect(400);
    assert_eq!(refused.json()["validations"][0]["field"], "introspectors");
    let change = async |more: Value| {
        let mut body = json!({ "name": "Known" });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        house.api(Method::PUT, &path, &owner, body).await
    };
    let refused = async |more: Value| {
        let refused = change(more).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "pinned", "{refused}");
    };
    for (power, none) in [
        (json!({ "device_flow": true }), json!({ "device_flow": false })),
        (json!({ "resources": ["https://zz.example"] }), json!({ "resources": [] })),
        (json!({ "service_account": true }), json!({ "service_account": false })),
    ] {
        let mut at_once = power.clone();
        at_once["pinned"] = json!(false);
        refused(at_once).await;
        change(power).await.expect(200);
        refused(json!({ "pinned": false })).await;
        let mut both = none.clone();
        both["pinned"] = json!(false);
        assert_eq!(change(both).await.expect(200).json()["pinned"], false);
    }
    change(json!({})).await.expect(200);
    let made = house.api(Method::POST, "/oauth2-provider/resources", &owner, resource).await.expect(201).json();
    refused(json!({ "pinned": false })).await;
    let at = format!("/oauth2-provider/resources/{}", made["id"].as_str().unwrap());
    house.api(Method::PUT, &at, &owner, json!({ "introspectors": [] })).await.expect(200);
    change(json!({ "pinned": false })).await.expect(200);
}

#[actix_web::test]
async fn what_is_blocked_begins_nothing_and_what_it_had_ends() {
    let provider = serving("https://claude.example/cb");
    let house = house_beside(provider.upstreams(), |settings| {
        settings.oauth2.registration.mode = RegistrationMode::Open;
    })
    .await;
    let owner = house.owner().await;
    let app = json!({ "name": "robot", "callback_url": "https://app.example/cb", "public": true });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let app = app["id"].as_str().unwrap();
    let other = json!({ "name": "other", "callback_url": "https://bad.example/cb", "public": true });
    let other = house.api(Method::POST, "/oauth2-provider/apps", &owner, other).await.expect(201).json();
    let other = other["id"].as_str().unwrap();
    let block = async |list: Value| house.api(Method::PUT, "/oauth2-provider/blocklist", &owner, list).await;
    let (of_app, of_other, of_url) =
        (tokens(&house, &owner, app).await, tokens(&house, &owner, other).await, tokens(&house, &owner, URL).await);

    block(json!({ "client_ids": [app] })).await.expect(200);
    refresh(&house, app, &of_app).await.expect(400);
    house.get("/users/me", of_app["access_token"].as_str().unwrap()).await.expect(401);
    let refused = page(&house, &owner, &uri(app, &[])).await.expect(403);
    assert!(refused.body.contains("This application is blocked") && refused.header("location").is_empty());
    crate::oauth2::allow(&house, &owner, &uri(app, &[])).await.expect(403);
    page(&house, &owner, &uri(other, &[("prompt", "consent")])).await.expect(200);
    house.get("/users/me", of_other["access_token"].as_str().unwrap()).await.expect(200);

    let list = json!({ "document_hosts": ["claude.example"], "redirect_hosts": ["*.example.net", "bad.example"] });
    let shown = block(list).await.expect(200).json();
    assert_eq!(shown["client_ids"], json!([]));
    assert_eq!(house.get("/oauth2-provider/blocklist", &owner).await.expect(200).json(), shown);
    page(&house, &owner, &uri(app, &[])).await.expect(200);
    page(&house, &owner, &uri(other, &[])).await.expect(403);
    refresh(&house, other, &of_other).await.expect(400);
    let fetched = provider.fetched().len();
    page(&house, &owner, &uri(URL, &[])).await.expect(403);
    assert_eq!(provider.fetched().len(), fetched, "nothing is asked of a blocked host");
    assert!(refresh(&house, URL, &of_url).await.status.is_client_error());
    let register = async |callback: &str| {
        let body = json!({ "redirect_uris": [callback], "token_endpoint_auth_method": "none" }).to_string();
        house.send(TestRequest::post().uri("/oauth2/register").set_payload(body)).await
    };
    let refused = register("https://a.example.net/cb").await.expect(400).json();
    assert_eq!(refused["error"], "invalid_client_metadata");
    register("https://good.example/cb").await.expect(201);

    let shown = block(json!({ "redirect_hosts": ["[0:0:0:0:0:0:0:1]", "127.1"] })).await.expect(200).json();
    assert_eq!(shown["redirect_hosts"], json!(["[::1]", "127.0.0.1"]), "as hosts are written in URIs");
    register("http://127.0.0.1:8080/cb").await.expect(400);
    block(json!({})).await.expect(200);
    tokens(&house, &owner, URL).await;
    for (name, value) in [
        ("document_hosts", json!(["https://a.example"])),
        ("redirect_hosts", json!(["*"])),
        ("redirect_hosts", json!(["[zz]"])),
        ("client_ids", json!([""])),
        ("client_ids", json!(["robot"])),
        ("client_ids", json!(["x".repeat(2049)])),
        ("client_ids", json!(vec!["x"; 1001])),
    ] {
        let refused = block(json!({ name: value })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], name);
    }
    let bob = house.member(&owner, "bob").await;
    house.get("/oauth2-provider/blocklist", &bob).await.expect(403);
    house.api(Method::PUT, "/oauth2-provider/blocklist", &bob, json!({})).await.expect(403);
}

#[actix_web::test]
async fn a_blocked_client_gets_nothing_at_any_endpoint_however_its_id_is_written() {
    let house = house_beside(FakeProvider::new(0).upstreams(), |settings| {
        settings.oauth2.registration.mode = RegistrationMode::Open;
        settings.oauth2.device.enabled = true;
    })
    .await;
    let owner = house.owner().await;
    let more = json!({ "device_flow": true, "service_account": true, "scopes": ["coder:all"] });
    let app = client(&house, &owner, more).await;
    let block =
        async |list: Value| house.api(Method::PUT, "/oauth2-provider/blocklist", &owner, list).await.expect(200);
    let ask = [("response_type", "code"), ("code_challenge", CHALLENGE)];
    let robot = [("grant_type", "client_credentials")];
    let own = house.form("/oauth2/tokens", &app.basic(), &robot).await.expect(200).json();
    let own = own["access_token"].as_str().unwrap();
    house.get("/users/me", own).await.expect(200);
    house.form("/oauth2/device", &app.basic(), &[("scope", "user:read")]).await.expect(200);
    house.form("/oauth2/par", &app.basic(), &ask).await.expect(201);

    block(json!({ "client_ids": [app.id.to_uppercase()] })).await;
    house.get("/users/me", own).await.expect(401);
    for id in [app.id.clone(), format!("{{{}}}", app.id), app.id.replace('-', "")] {
        let same = Client { id: id.clone(), secret: app.secret.clone() };
        for (path, fields) in [
            ("/oauth2/tokens", &robot[..]),
            ("/oauth2/device", &[("scope", "user:read")]),
            ("/oauth2/par", &ask),
            ("/oauth2/introspect", &[("token", own)]),
        ] {
            let refused = house.form(path, &same.basic(), fields).await.expect(400).json();
            assert_eq!(refused["error"], "unauthorized_client", "{path} {id}: {refused}");
        }
        page(&house, &owner, &same.authorize(&[])).await.expect(403);
    }
    // Silently or not, signed in or not: nobody is sent anywhere.
    let anonymous = TestRequest::get().uri(&app.authorize(&[("prompt", "none")]));
    let refused = house.send(anonymous.insert_header(("Accept", "text/html"))).await.expect(403);
    assert!(refused.header("location").is_empty());

    // A code of before leads nowhere where its redirect URI is blocked, though the app has others.
    block(json!({})).await;
    let uris = json!({
        "name": "robot", "callback_url": "https://good.example/cb",
        "redirect_uris": ["https://good.example/cb", "https://bad.example./cb"],
    });
    house.api(Method::PUT, &format!("/oauth2-provider/apps/{}", app.id), &owner, uris).await.expect(200);
    let code = async |uri: &str| {
        let asked = app.authorize(&[("redirect_uri", uri), ("scope", "user:read")]);
        crate::oauth2::allow(&house, &owner, &asked).await
    };
    let (good, bad) = ("https://good.example/cb", "https://bad.example./cb");
    let codes = [code(good).await, code(bad).await].map(|answer| answer.expect(302).redirected_with("code").unwrap());
    block(json!({ "redirect_hosts": ["bad.example"] })).await;
    for ((uri, code), status) in [good, bad].into_iter().zip(&codes).zip([200, 400]) {
        let fields =
            [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER), ("redirect_uri", uri)];
        house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(status);
    }
    code(bad).await.expect(403);
    code(good).await.expect(302);
}

#[actix_web::test]
async fn a_client_that_manages_itself_cannot_move_to_a_blocked_host() {
    let house = house_beside(FakeProvider::new(0).upstreams(), |settings| {
        settings.oauth2.registration.mode = RegistrationMode::Open;
    })
    .await;
    let owner = house.owner().await;
    let body = |uri: &str| json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "none" }).to_string();
    let request = TestRequest::post().uri("/oauth2/register").set_payload(body("https://good.example/cb"));
    let made = house.send(request).await.expect(201).json();
    let list = json!({ "redirect_hosts": ["bad.example"] });
    house.api(Method::PUT, "/oauth2-provider/blocklist", &owner, list).await.expect(200);
    let path = format!("/oauth2/clients/{}", made["client_id"].as_str().unwrap());
    let bearer = format!("Bearer {}", made["registration_access_token"].as_str().unwrap());
    for (uri, status) in [("https://bad.example/cb", 400), ("https://good.example/other", 200)] {
        let request = TestRequest::put().uri(&path).insert_header(("Authorization", &*bearer)).set_payload(body(uri));
        house.send(request).await.expect(status);
    }
}

/// A server that has not heard of the change yet.
#[actix_web::test]
async fn what_a_blocked_client_still_got_elsewhere_ends() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let other = client(&house, &owner, json!({ "name": "other", "service_account": true })).await;
    house.api(Method::PUT, "/oauth2-provider/blocklist", &owner, json!({ "client_ids": [robot.id] })).await.expect(200);
    let deaf = Context { policies: Policies::none(), ..house.context.clone() };
    let get = async |app: &Client| {
        let client = ClientAuthentication {
            client_id: Some(app.id.clone()),
            client_secret: Some(Secret::from(app.secret.as_str())),
            ..ClientAuthentication::default()
        };
        let grant_type = Some("client_credentials".to_owned());
        let request = TokenRequest { client, grant_type, ..TokenRequest::default() };
        exchange(&deaf, request, Origin::unknown()).await.unwrap().access_token.expose().clone()
    };
    let (blocked, free) = (get(&robot).await, get(&other).await);
    house.get("/users/me", &blocked).await.expect(200);
    sweep(&house.context, None).await.unwrap();
    house.get("/users/me", &blocked).await.expect(401);
    house.get("/users/me", &free).await.expect(200);
}

#[actix_web::test]
async fn the_page_says_where_another_site_is_behind_a_document_and_which_hosts_are_known() {
    let serve = async |callback: &str, known: &[&str]| {
        let provider = serving(callback);
        let known: Vec<_> = known.iter().map(|host| host.parse().unwrap()).collect();
        let house = house_beside(provider.upstreams(), |settings| settings.oauth2.cimd.verified_domains = known).await;
        let owner = house.owner().await;
        page(&house, &owner, &uri(URL, &[])).await.expect(200).body
    };
    for (callback, elsewhere) in [
        ("https://claude.example/cb", false),
        ("https://login.claude.example/cb", false),
        ("https://other.example/cb", true),
        ("http://127.0.0.1/cb", false),
    ] {
        let body = serve(callback, &[]).await;
        assert_eq!(body.contains("id=\"elsewhere\""), elsewhere, "{callback}");
        assert!(body.contains("Nobody here has checked its name"));
    }
    let known = serve("https://claude.example/cb", &["claude.example"]).await;
    assert!(known.contains("id=\"verified-host\"") && !known.contains("Nobody here"));
}

#[actix_web::test]
async fn users_are_asked_once_about_a_document_that_the_operator_lists() {
    for (listed, again) in [(vec![URL.to_owned()], 302), (vec!["https://claude.example/other".to_owned()], 200)] {
        let provider = serving("https://claude.example/cb");
        let house = house_beside(provider.upstreams(), |settings| settings.oauth2.cimd.trusted = listed).await;
        let owner = house.owner().await;
        let asked = uri(URL, &[("scope", "user:read")]);
        page(&house, &owner, &asked).await.expect(200);
        crate::oauth2::allow(&house, &owner, &asked).await.expect(302);
        page(&house, &owner, &asked).await.expect(again);
    }
}
