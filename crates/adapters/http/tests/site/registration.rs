//! Clients that register themselves, from the switch to their end.

use crate::house::{Answer, House, ISSUER, NOW, house, house_with};
use crate::oauth2::{CHALLENGE, VERIFIER, allow};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::oauth2::REGISTRATIONS_MAX;
use doorward_services::Settings;
use doorward_services::oauth2::registration::{RegistrationMode, reap};
use serde_json::{Value, json};
use time::Duration;

pub(crate) fn open(settings: &mut Settings) {
    settings.oauth2.registration.mode = RegistrationMode::Open;
}

/// What a native client sends.
pub(crate) fn native() -> Value {
    json!({
        "client_name": "Claude Code",
        "redirect_uris": ["http://127.0.0.1:51000/cb"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
    })
}

/// `whole` with these members in the place of its own; `null` takes one away.
pub(crate) fn with(whole: &Value, more: Value) -> Value {
    let (mut whole, Value::Object(more)) = (whole.clone(), more) else { panic!("no object") };
    whole.as_object_mut().unwrap().extend(more);
    whole
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

pub(crate) async fn register<S>(house: &House<S>, body: &Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.send(TestRequest::post().uri("/oauth2/register").set_payload(body.to_string())).await
}

async fn manage<S>(house: &House<S>, method: Method, id: &str, token: &str, body: &Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut request = TestRequest::with_uri(&format!("/oauth2/clients/{id}")).method(method);
    if !token.is_empty() {
        request = request.insert_header(("Authorization", format!("Bearer {token}")));
    }
    house.send(if body.is_null() { request } else { request.set_payload(body.to_string()) }).await
}

pub(crate) async fn metadata<S>(house: &House<S>) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.send(TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.expect(200).json()
}

/// The tokens of a client to which this user gives all that it asks for.
async fn tokens<S>(house: &House<S>, user: &str, id: &str, authorization: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&code_challenge={CHALLENGE}");
    let code = allow(house, user, &uri).await.expect(302).redirected_with("code").unwrap();
    let mut fields = vec![("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    if authorization.is_empty() {
        fields.push(("client_id", id));
    }
    house.form("/oauth2/tokens", authorization, &fields).await.expect(200).json()
}

#[actix_web::test]
async fn while_it_is_off_nobody_registers_and_nothing_says_that_they_may() {
    let house = house().await;
    let refused = register(&house, &native()).await.expect(403);
    assert_eq!(refused.json()["error"], "invalid_request");
    assert_eq!(metadata(&house).await.get("registration_endpoint"), None);

    let owner = house.owner().await;
    let on = json!({ "dynamic_client_registration_enabled": true });
    house.api(Method::PUT, "/oauth2-provider/settings", &owner, on).await.expect(200);
    assert_eq!(metadata(&house).await["registration_endpoint"], format!("{ISSUER}/oauth2/register"));
    register(&house, &native()).await.expect(201);
    let off = json!({ "dynamic_client_registration_enabled": false });
    house.api(Method::PUT, "/oauth2-provider/settings", &owner, off).await.expect(200);
    assert_eq!(metadata(&house).await.get("registration_endpoint"), None);
    register(&house, &native()).await.expect(403);
}

#[actix_web::test]
async fn a_public_client_registers_gets_tokens_and_ends_its_registration() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let answer = register(&house, &native()).await.expect(201);
    assert!(answer.header("cache-control").contains("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let made = answer.json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    assert!(token.starts_with("coder_rat_"));
    let expected = with(
        &native(),
        json!({
            "client_id": id,
            "client_id_issued_at": NOW.unix_timestamp(),
            "registration_access_token": token,
            "registration_client_uri": format!("{ISSUER}/oauth2/clients/{id}"),
        }),
    );
    assert_eq!(made, expected);

    let tokens = tokens(&house, &owner, id, "").await;
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", text(&tokens["refresh_token"]))];
    let next = house.form("/oauth2/tokens", "", &refresh).await.expect(200).json();

    let apps = house.get("/oauth2-provider/apps", &owner).await.expect(200).json();
    assert_eq!((&apps[0]["id"], &apps[0]["dynamically_registered"]), (&made["client_id"], &json!(true)));
    let app = house.get(&format!("/oauth2-provider/apps/{id}"), &owner).await.expect(200).json();
    assert_eq!((&app["dynamically_registered"], &app["public"]), (&json!(true), &json!(true)));

    let shown = manage(&house, Method::GET, id, token, &Value::Null).await.expect(200).json();
    assert_eq!(shown.get("registration_access_token"), None);
    assert_eq!((&shown["client_id"], &shown["redirect_uris"]), (&made["client_id"], &made["redirect_uris"]));
    manage(&house, Method::DELETE, id, token, &Value::Null).await.expect(204);
    for method in [Method::GET, Method::DELETE] {
        manage(&house, method, id, token, &Value::Null).await.expect(401);
    }
    let bearer = format!("Bearer {}", text(&next["access_token"]));
    house.send(TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", bearer))).await.expect(401);
    let refresh = [("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", text(&next["refresh_token"]))];
    assert_eq!(house.form("/oauth2/tokens", "", &refresh).await.expect(401).json()["error"], "invalid_client");
}

#[actix_web::test]
async fn a_confidential_client_has_a_secret_and_is_never_shared() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let body = json!({ "redirect_uris": ["https://app.example/cb"], "client_name": "Site" });
    let (one, two) =
        (register(&house, &body).await.expect(201).json(), register(&house, &body).await.expect(201).json());
    assert_ne!(one["client_id"], two["client_id"]);
    assert_eq!(
        (&one["token_endpoint_auth_method"], &one["client_secret_expires_at"]),
        (&json!("client_secret_basic"), &json!(0))
    );
    assert_eq!(one["application_type"], "web");
    let (id, secret) = (text(&one["client_id"]), text(&one["client_secret"]));
    let pair = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    tokens(&house, &owner, id, &format!("Basic {pair}")).await;
    let shown =
        manage(&house, Method::GET, id, text(&one["registration_access_token"]), &Value::Null).await.expect(200);
    assert_eq!(shown.json().get("client_secret"), None);
    let other = text(&two["registration_access_token"]);
    manage(&house, Method::GET, id, other, &Value::Null).await.expect(401);
}

#[actix_web::test]
async fn the_same_software_is_one_client_for_a_day_and_nobody_changes_it_for_others() {
    let house = house_with(open).await;
    let one = register(&house, &native()).await.expect(201).json();
    let (id, mine) = (text(&one["client_id"]), text(&one["registration_access_token"]));
    let other_port =
        json!({ "redirect_uris": ["http://127.0.0.1:9/cb"], "software_version": "2", "contacts": ["a@b.example"] });
    let two = register(&house, &with(&native(), other_port)).await.expect(201).json();
    let theirs = text(&two["registration_access_token"]);
    assert_eq!((&two["client_id"], &two["client_id_issued_at"]), (&one["client_id"], &one["client_id_issued_at"]));
    assert_eq!(two["redirect_uris"], json!(["http://127.0.0.1:9/cb"]), "it is told what it asked for");
    assert_ne!(mine, theirs);

    let elsewhere = with(&native(), json!({ "redirect_uris": ["https://evil.example/cb"] }));
    let refused = manage(&house, Method::PUT, id, mine, &elsewhere).await.expect(403).json();
    assert_eq!(refused["error"], "invalid_token");
    let same = with(&native(), json!({ "software_version": "3" }));
    let changed = manage(&house, Method::PUT, id, mine, &same).await.expect(200).json();
    assert_eq!(changed["software_version"], "3");

    manage(&house, Method::DELETE, id, mine, &Value::Null).await.expect(204);
    manage(&house, Method::GET, id, mine, &Value::Null).await.expect(401);
    manage(&house, Method::GET, id, theirs, &Value::Null).await.expect(200);
    manage(&house, Method::PUT, id, theirs, &elsewhere).await.expect(403);

    house.clock.advance(Duration::DAY);
    let three = register(&house, &native()).await.expect(201).json();
    assert_ne!(three["client_id"], one["client_id"]);
    manage(&house, Method::GET, id, theirs, &Value::Null).await.expect(200);
    manage(&house, Method::DELETE, id, theirs, &Value::Null).await.expect(204);
    manage(&house, Method::GET, id, theirs, &Value::Null).await.expect(401);
}

#[actix_web::test]
async fn a_client_of_one_registration_changes_what_it_is() {
    let house = house_with(open).await;
    let made = register(&house, &native()).await.expect(201).json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    let other = with(&native(), json!({ "client_id": id, "client_name": "Other", "redirect_uris": ["myapp://cb"] }));
    let changed = manage(&house, Method::PUT, id, token, &other).await.expect(200).json();
    assert_eq!((&changed["client_name"], &changed["redirect_uris"]), (&json!("Other"), &json!(["myapp://cb"])));
    // It is known by what it is now.
    assert_ne!(register(&house, &native()).await.expect(201).json()["client_id"], made["client_id"]);
    assert_eq!(register(&house, &other).await.expect(201).json()["client_id"], made["client_id"]);
}

#[actix_web::test]
async fn who_has_all_tokens_of_a_shared_client_ends_nothing_of_others() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let made = register(&house, &native()).await.expect(201).json();
    let id = text(&made["client_id"]);
    let query = [
        ("client_id", id),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("redirect_uri", "http://127.0.0.1:51000/cb"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let uri = format!("/oauth2/authorize?{query}");
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();

    // So many that the tokens of all others are forgotten.
    house.clock.advance(Duration::SECOND);
    let mut tokens = Vec::new();
    for _ in 0..REGISTRATIONS_MAX {
        let one = register(&house, &native()).await.expect(201).json();
        assert_eq!(text(&one["client_id"]), id);
        tokens.push(text(&one["registration_access_token"]).to_owned());
    }
    manage(&house, Method::GET, id, text(&made["registration_access_token"]), &Value::Null).await.expect(401);
    let last = tokens.pop().unwrap();
    for token in &tokens {
        manage(&house, Method::DELETE, id, token, &Value::Null).await.expect(204);
    }
    manage(&house, Method::DELETE, id, &last, &Value::Null).await.expect(204);

    // A code that waits, and then the grant that comes of it, keep the client; it goes with all others that nobody uses.
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:51000/cb"),
        ("code_verifier", VERIFIER),
    ];
    let mut grant = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    let mine = register(&house, &native()).await.expect(201).json();
    assert_eq!(text(&mine["client_id"]), id);
    manage(&house, Method::DELETE, id, text(&mine["registration_access_token"]), &Value::Null).await.expect(204);
    let refresh = text(&grant["refresh_token"]).to_owned();
    let fields = [("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", &*refresh)];
    grant = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    let revoke = [("client_id", id), ("token", text(&grant["refresh_token"]))];
    house.form("/oauth2/revoke", "", &revoke).await.expect(200);
    // Its code counts until it expires.
    house.clock.advance(Duration::minutes(11));
    let last = register(&house, &native()).await.expect(201).json();
    manage(&house, Method::DELETE, id, text(&last["registration_access_token"]), &Value::Null).await.expect(204);
    assert_ne!(text(&register(&house, &native()).await.expect(201).json()["client_id"]), id, "nobody used it");
}

#[actix_web::test]
async fn who_does_not_ask_for_refresh_tokens_gets_none() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    for (grant_types, refreshes) in [(json!(["authorization_code"]), false), (Value::Null, true)] {
        let made = register(&house, &with(&native(), json!({ "grant_types": grant_types }))).await.expect(201).json();
        let id = text(&made["client_id"]);
        let query =
            [("client_id", id), ("response_type", "code"), ("code_challenge", CHALLENGE), ("scope", "user:read")];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let answer = allow(&house, &owner, &format!("/oauth2/authorize?{query}")).await.expect(302);
        let code = answer.redirected_with("code").unwrap();
        let fields =
            [("grant_type", "authorization_code"), ("client_id", id), ("code", &code), ("code_verifier", VERIFIER)];
        let tokens = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
        assert_eq!(tokens.get("refresh_token").is_some(), refreshes, "{tokens}");
        house.get("/users/me", text(&tokens["access_token"])).await.expect(200);
    }
}

#[actix_web::test]
async fn metadata_that_breaks_a_rule_is_refused_by_name() {
    let house = house_with(open).await;
    for (more, named) in [
        (json!({ "redirect_uris": null }), "redirect_uris"),
        (json!({ "redirect_uris": [] }), "redirect_uris"),
        (json!({ "redirect_uris": "https://a.example" }), "redirect_uris"),
        (json!({ "redirect_uris": vec!["https://a.example/cb"; 33] }), "redirect_uris"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "redirect_uris"),
        (json!({ "redirect_uris": ["https://a.example/cb#"] }), "redirect_uris"),
        (json!({ "redirect_uris": ["http://a.example/cb"] }), "redirect_uris"),
        (json!({ "redirect_uris": ["http://a.example/cb"], "token_endpoint_auth_method": null }), "redirect_uris"),
        (json!({ "redirect_uris": ["/cb"] }), "redirect_uris"),
        (json!({ "redirect_uris": [format!("https://a.example/{}", "x".repeat(2048))] }), "redirect_uris"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "token_endpoint_auth_method"),
        (json!({ "grant_types": ["authorization_code", "implicit"] }), "grant_types"),
        (json!({ "grant_types": ["refresh_token"] }), "grant_types"),
        (json!({ "response_types": ["code", "token"] }), "response_types"),
        (json!({ "client_uri": "javascript:alert(1)" }), "client_uri"),
        (json!({ "logo_uri": "x" }), "logo_uri"),
        (json!({ "tos_uri": "ftp://a.example" }), "tos_uri"),
        (json!({ "policy_uri": "" }), "policy_uri"),
        (json!({ "client_name": "x".repeat(1025) }), "client_name"),
        (json!({ "software_id": "x".repeat(257) }), "software_id"),
        (json!({ "contacts": vec!["a@b.example"; 17] }), "contacts"),
        (json!({ "scope": "x ".repeat(16 * 1024) + "x" }), "scope"),
        (json!({ "scope": "a\"b" }), "scope"),
        (json!({ "subject_type": "pairwise" }), "subject_type"),
        (json!({ "userinfo_signed_response_alg": "RS256" }), "userinfo_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": "none" }), "userinfo_signed_response_alg"),
        (json!({ "initiate_login_uri": "http://a.example/login" }), "initiate_login_uri"),
        (json!({ "default_acr_values": vec!["pwd"; 33] }), "default_acr_values"),
    ] {
        let refused = register(&house, &with(&native(), more.clone())).await.expect(400).json();
        assert_eq!(refused["error"], "invalid_client_metadata", "{more}");
        assert!(text(&refused["error_description"]).contains(named), "{more}: {refused}");
    }
    for body in ["", "[]", "{", "\"x\""] {
        let refused = house.send(TestRequest::post().uri("/oauth2/register").set_payload(body)).await.expect(400);
        assert_eq!(refused.json()["error"], "invalid_client_metadata", "{body}");
    }
    let large = with(&native(), json!({ "client_name": "x".repeat(65 * 1024) }));
    assert_eq!(register(&house, &large).await.expect(413).json()["error"], "invalid_request");
}

#[actix_web::test]
async fn a_client_may_ask_for_all_that_is_advertised() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let document = metadata(&house).await;
    let names = document["scopes_supported"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ");
    let client = register(&house, &with(&native(), json!({ "scope": names }))).await.expect(201).json();
    assert_eq!(client["scope"], names, "as it was sent: clients compare");
    let id = text(&client["client_id"]);
    let scope: String = url::form_urlencoded::byte_serialize(names.as_bytes()).collect();
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&code_challenge={CHALLENGE}&scope={scope}");
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER), ("client_id", id)];
    let tokens = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    assert!(text(&tokens["scope"]).contains("openid") && tokens["id_token"].is_string(), "{tokens}");
}

#[actix_web::test]
async fn a_client_may_name_scopes_of_a_resource_alone() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let files = json!({ "identifier": "https://files.example/mcp", "scopes": { "files:read": "" } });
    house.api(Method::POST, "/oauth2-provider/resources", &owner, files).await.expect(201);
    let client = register(&house, &with(&native(), json!({ "scope": "files:read" }))).await.expect(201).json();
    let id = text(&client["client_id"]);
    assert_eq!(client["scope"], "files:read");
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&code_challenge={CHALLENGE}&scope=");
    let of_files = format!("{uri}files:read&resource=https://files.example/mcp");
    let code = allow(&house, &owner, &of_files).await.expect(302).redirected_with("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER), ("client_id", id)];
    assert_eq!(house.form("/oauth2/tokens", "", &fields).await.expect(200).json()["scope"], "files:read");
    // What it has not named of this server it does not get, and without naming anything it learns who the user is.
    let refused = allow(&house, &owner, &format!("{uri}user:read")).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"));
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let fields = fields.map(|(name, value)| (name, if name == "code" { &*code } else { value }));
    assert_eq!(house.form("/oauth2/tokens", "", &fields).await.expect(200).json()["scope"], "openid");
}

#[actix_web::test]
async fn what_clients_send_beside_it_is_settled_and_shown() {
    let house = house_with(open).await;
    for (more, member, kept) in [
        (
            json!({ "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"] }),
            "grant_types",
            json!(["authorization_code"]),
        ),
        (json!({ "grant_types": null }), "grant_types", json!(["authorization_code", "refresh_token"])),
        (json!({ "application_type": "web" }), "application_type", json!("native")),
        (json!({ "scope": " workspace:read  unknown:name user:read " }), "scope", json!("workspace:read user:read")),
        (json!({ "scope": " offline_access" }), "scope", Value::Null),
        (json!({ "scope": "tools:ask  tools:tell" }), "scope", json!("tools:ask tools:tell")),
        (json!({ "client_name": "" }), "client_name", json!("Dynamically Registered Client")),
        (json!({ "client_name": "a\u{202e}b" }), "client_name", json!("ab")),
        (json!({ "software_statement": "x.y.z", "whatever": 1 }), "software_statement", Value::Null),
        (json!({ "logo_uri": "https://a.example/logo.png" }), "logo_uri", json!("https://a.example/logo.png")),
        (json!({ "subject_type": "public", "client_name": "s" }), "subject_type", json!("public")),
        (json!({ "require_auth_time": true, "client_name": "a" }), "require_auth_time", json!(true)),
        (json!({ "default_acr_values": ["mfa"], "client_name": "v" }), "default_acr_values", json!(["mfa"])),
        (
            json!({ "initiate_login_uri": "https://a.example/login", "client_name": "i" }),
            "initiate_login_uri",
            json!("https://a.example/login"),
        ),
        (
            json!({ "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback", "http://localhost:8787/callback"], "application_type": "web" }),
            "application_type",
            json!("web"),
        ),
    ] {
        let made = register(&house, &with(&native(), more.clone())).await.expect(201).json();
        assert_eq!(made[member], kept, "{more}");
    }
}

#[actix_web::test]
async fn operators_say_where_answers_go_and_what_is_given() {
    let house = house_with(|settings| {
        open(settings);
        let registration = &mut settings.oauth2.registration;
        registration.allowed_redirect_hosts = ["*.app.example", "127.0.0.1", "cursor:"].map(str::to_owned).to_vec();
        registration.max_scopes = ["workspace:read", "user:read"].map(str::to_owned).to_vec();
        registration.default_scopes = vec!["user:read".to_owned()];
    })
    .await;
    for (uri, status) in [
        ("https://eu.app.example/cb", 201),
        ("http://127.0.0.1:1/cb", 201),
        ("cursor://x/cb", 201),
        ("https://app.example/cb", 400),
        ("http://localhost/cb", 400),
        ("vscode://x/cb", 400),
    ] {
        register(&house, &with(&native(), json!({ "redirect_uris": [uri] }))).await.expect(status);
    }
    let made = register(&house, &native()).await.expect(201).json();
    assert_eq!(made["scope"], "user:read");
    let more = with(&native(), json!({ "scope": "workspace:* template:read openid" }));
    assert_eq!(register(&house, &more).await.expect(201).json()["scope"], "openid workspace:read");
    register(&house, &with(&native(), json!({ "scope": "template:read" }))).await.expect(400);
}

#[actix_web::test]
async fn a_client_in_a_browser_manages_its_registration() {
    let house = house_with(open).await;
    house.owner().await;
    let made = register(&house, &native()).await.expect(201).json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    let path = format!("/oauth2/clients/{id}");
    for method in ["PUT", "DELETE", "GET"] {
        let asked = TestRequest::with_uri(&path).method(Method::OPTIONS);
        let asked = asked
            .insert_header(("Origin", "https://app.example"))
            .insert_header(("Access-Control-Request-Method", method));
        let told =
            house.send(asked.insert_header(("Access-Control-Request-Headers", "authorization"))).await.expect(204);
        assert!(told.header("access-control-allow-methods").split(", ").any(|one| one == method), "{method}");
        assert_eq!(told.header("access-control-allow-origin"), "*");
        assert!(told.header("access-control-allow-headers").to_lowercase().contains("authorization"));
    }
    for (method, body, status) in
        [(Method::PUT, native(), 200), (Method::GET, Value::Null, 200), (Method::DELETE, Value::Null, 204)]
    {
        let request = TestRequest::with_uri(&path).method(method).insert_header(("Origin", "https://app.example"));
        let request = request.insert_header(("Sec-Fetch-Site", "cross-site"));
        let request = request.insert_header(("Authorization", format!("Bearer {token}")));
        let answer = house.send(if body.is_null() { request } else { request.set_payload(body.to_string()) }).await;
        assert_eq!(answer.expect(status).header("access-control-allow-origin"), "*");
    }
}

#[actix_web::test]
async fn who_manages_a_registration_proves_it_step_by_step() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let by_hand = crate::oauth2::client(&house, &owner, json!({})).await;
    let made = register(&house, &native()).await.expect(201).json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    let nobody = "00000000-0000-0000-0000-000000000001";
    let wrong = format!("coder_rat_{}", "x".repeat(43));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for (client, presented, status, error) in [
            ("x", token, 400, "invalid_client_id"),
            (id, "", 401, "invalid_token"),
            (id, "x", 401, "invalid_token"),
            (id, &wrong, 401, "invalid_token"),
            (nobody, token, 401, "invalid_token"),
            (&by_hand.id, token, 403, "invalid_token"),
        ] {
            let refused = manage(&house, method.clone(), client, presented, &native()).await.expect(status);
            assert_eq!(refused.json()["error"], error, "{method} {client} {presented}");
            assert_eq!(refused.header("www-authenticate").starts_with("Bearer"), status == 401);
        }
    }
    for (more, status, error) in [
        (json!({ "client_id": nobody }), 400, "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "client_secret_post" }), 400, "invalid_client_metadata"),
        (json!({ "redirect_uris": [] }), 400, "invalid_client_metadata"),
    ] {
        let refused = manage(&house, Method::PUT, id, token, &with(&native(), more)).await.expect(status);
        assert_eq!(refused.json()["error"], error);
    }
    let shown = manage(&house, Method::GET, id, token, &Value::Null).await.expect(200).json();
    assert_eq!(shown["redirect_uris"], native()["redirect_uris"], "nothing was changed");
}

#[actix_web::test]
async fn a_client_that_an_administrator_has_changed_is_no_longer_its_own() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let made = register(&house, &native()).await.expect(201).json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    let path = format!("/oauth2-provider/apps/{id}");
    house.api(Method::PUT, &path, &owner, json!({ "name": "claude-code" })).await.expect(200);
    let other = with(&native(), json!({ "redirect_uris": ["https://evil.example/cb"] }));
    manage(&house, Method::PUT, id, token, &other).await.expect(403);
    house.clock.advance(Duration::days(400));
    assert_eq!(reap(&house.context, None).await.unwrap(), 0);
    let owner = house.login("ann@example.com").await;
    manage(&house, Method::DELETE, id, token, &Value::Null).await.expect(204);
    let app = house.get(&path, &owner).await.expect(200).json();
    assert_eq!((&app["name"], &app["redirect_uris"]), (&json!("claude-code"), &json!(["http://127.0.0.1:51000/cb"])));
}

#[actix_web::test]
async fn the_page_says_that_nobody_has_checked_a_client_until_somebody_has() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let page = async |id: &str, callback: &str| {
        let query =
            [("client_id", id), ("response_type", "code"), ("code_challenge", CHALLENGE), ("redirect_uri", callback)];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let request = TestRequest::get().uri(&format!("/oauth2/authorize?{query}"));
        house.send(request.insert_header(("Coder-Session-Token", &*owner))).await.expect(200).body
    };
    let unchecked = "This application registered itself. Nobody has checked its name.";
    let anybodys = "any other program could pose as it";
    let local = register(&house, &native()).await.expect(201).json();
    let shown = page(text(&local["client_id"]), "http://127.0.0.1:4/cb").await;
    assert!(shown.contains(unchecked) && shown.contains(anybodys) && shown.contains("Claude Code"), "{shown}");
    let site = with(&native(), json!({ "redirect_uris": ["https://app.example/cb"] }));
    let site = register(&house, &site).await.expect(201).json();
    let shown = page(text(&site["client_id"]), "https://app.example/cb").await;
    assert!(shown.contains(unchecked) && !shown.contains(anybodys), "{shown}");
    let path = format!("/oauth2-provider/apps/{}", text(&site["client_id"]));
    house.api(Method::PUT, &path, &owner, json!({ "name": "site" })).await.expect(200);
    assert!(!page(text(&site["client_id"]), "https://app.example/cb").await.contains(unchecked));
}

#[actix_web::test]
async fn too_many_new_clients_wait_and_known_ones_do_not() {
    let house = house_with(|settings| {
        open(settings);
        settings.oauth2.registration.max_new_per_hour = 2;
        settings.oauth2.registration.max_idle_clients = 3;
    })
    .await;
    let named = |n: usize| with(&native(), json!({ "client_name": format!("Client {n}") }));
    let first = register(&house, &named(0)).await.expect(201).json();
    house.clock.advance(Duration::SECOND);
    register(&house, &named(1)).await.expect(201);
    let refused = register(&house, &named(2)).await.expect(429);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), "300");
    register(&house, &named(1)).await.expect(201);

    house.clock.advance(Duration::hours(2));
    register(&house, &named(2)).await.expect(201);
    // Of more than three, the oldest that nobody has used makes room.
    register(&house, &named(3)).await.expect(201);
    let (id, token) = (text(&first["client_id"]), text(&first["registration_access_token"]));
    manage(&house, Method::GET, id, token, &Value::Null).await.expect(401);
}

#[actix_web::test]
async fn the_log_says_which_clients_came_changed_and_went() {
    let house = house_with(open).await;
    let owner = house.owner().await;
    let made = register(&house, &native()).await.expect(201).json();
    let (id, token) = (text(&made["client_id"]), text(&made["registration_access_token"]));
    let other = with(&native(), json!({ "redirect_uris": ["myapp://cb"] }));
    house.clock.advance(Duration::SECOND);
    manage(&house, Method::PUT, id, token, &other).await.expect(200);
    house.clock.advance(Duration::SECOND);
    manage(&house, Method::DELETE, id, token, &Value::Null).await.expect(204);
    let log = house.get("/audit?q=resource_type:oauth2_provider_app&limit=10", &owner).await.expect(200);
    assert!(!log.body.contains(token), "no secret gets into the log");
    let log = log.json();
    let actions: Vec<&str> = log["audit_logs"].as_array().unwrap().iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions, ["delete", "write", "create"]);
    assert_eq!(log["audit_logs"][1]["diff"]["redirect_uris"]["new"], json!(["myapp://cb"]));
}
