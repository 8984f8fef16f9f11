//! The authorization server, from the app to the revoked token.

use crate::house::{Answer, House, ISSUER, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use serde_json::{Value, json};

// RFC 7636 appendix B
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "http://127.0.0.1/cb";

/// An app of a house, with its secret.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Client {
    pub(crate) fn basic(&self) -> String {
        let pair = format!("{}:{}", self.id, self.secret);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }

    pub(crate) fn authorize(&self, more: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.id)
            .append_pair("response_type", "code")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("state", "s t")
            .extend_pairs(more)
            .finish();
        format!("/oauth2/authorize?{query}")
    }
}

pub(crate) async fn client<S>(house: &House<S>, owner: &str, more: Value) -> Client
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut app = json!({ "name": "robot", "callback_url": CALLBACK });
    app.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let made = house.api(Method::POST, "/oauth2-provider/apps", owner, app).await.expect(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/oauth2-provider/apps/{id}/secrets");
    let secret = house.api(Method::POST, &path, owner, Value::Null).await.expect(201).json();
    Client { id, secret: secret["client_secret_full"].as_str().unwrap().to_owned() }
}

/// Presses Allow as a script does: by header, with an empty body.
pub(crate) async fn allow<S>(house: &House<S>, token: &str, uri: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.send(TestRequest::post().uri(uri).insert_header(("Coder-Session-Token", token))).await
}

/// The access token of a client to which this user allows what `more` asks for.
pub(crate) async fn access_token<S>(house: &House<S>, user: &str, client: &Client, more: &[(&str, &str)]) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let code = allow(house, user, &client.authorize(more)).await.expect(302).redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let tokens = house.form("/oauth2/tokens", &client.basic(), &fields).await.expect(200).json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_client_gets_uses_refreshes_and_loses_its_token() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;

    let uri = client.authorize(&[("redirect_uri", "http://127.0.0.1:51000/cb")]);
    let allowed = allow(&house, &owner, &uri).await.expect(302);
    assert!(allowed.header("location").starts_with("http://127.0.0.1:51000/cb?code=coder_"));
    assert_eq!(allowed.redirected_with("state").as_deref(), Some("s t"));
    assert_eq!(allowed.redirected_with("iss").as_deref(), Some(ISSUER));
    let code = allowed.redirected_with("code").unwrap();

    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:51000/cb"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = house.form("/oauth2/tokens", "", &exchange).await.expect(200).json();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["expiry"], &tokens["scope"]),
        (&json!("Bearer"), &json!(86_400), &json!("2026-03-02T12:00:00Z"), &json!("coder:all"))
    );
    let access = tokens["access_token"].as_str().unwrap();
    let bearer =
        TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {access}")));
    assert_eq!(house.send(bearer).await.expect(200).json()["username"], "ann");

    let asked = house.form("/oauth2/introspect", &client.basic(), &[("token", access)]).await.expect(200).json();
    assert_eq!((&asked["active"], &asked["username"], &asked["aud"]), (&json!(true), &json!("ann"), &json!(ISSUER)));
    let anonymous = house.form("/oauth2/introspect", "", &[("token", access)]).await.expect(400);
    assert_eq!(anonymous.json()["error"], "invalid_request");

    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let next = house.form("/oauth2/tokens", &client.basic(), &refresh).await.expect(200).json();
    let repeated = house.form("/oauth2/tokens", &client.basic(), &refresh).await.expect(200).json();
    assert_eq!(
        (&next["refresh_token"], &next["access_token"]),
        (&repeated["refresh_token"], &repeated["access_token"])
    );
    house.get("/users/me", access).await.expect(401);

    let token = next["refresh_token"].as_str().unwrap();
    let revoked = house.form("/oauth2/revoke", &client.basic(), &[("token", token)]).await.expect(200);
    assert_eq!((revoked.body.as_str(), revoked.header("content-type")), ("{}\n", "application/json; charset=utf-8"));
    let dead =
        house.form("/oauth2/introspect", &client.basic(), &[("token", next["access_token"].as_str().unwrap())]).await;
    assert_eq!(dead.expect(200).body, "{\"active\":false}\n");
}

#[actix_web::test]
async fn authorization_requests_are_checked_in_order() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    let get = async |uri: &str, token: &str| {
        let mut request = TestRequest::get().uri(uri);
        if !token.is_empty() {
            request = request.insert_header(("Coder-Session-Token", token));
        }
        house.send(request).await
    };
    let error = |answer: &Answer| answer.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(error(&get("/oauth2/authorize", "").await.expect(400)), "invalid_request");
    let unknown = get("/oauth2/authorize?client_id=nonsense", "").await.expect(401);
    assert_eq!((error(&unknown).as_str(), unknown.header("www-authenticate")), ("invalid_client", ""));

    let uri = client.authorize(&[]);
    let login = get(&uri, "").await.expect(303);
    assert!(login.header("location").starts_with("/login?message="));
    assert_eq!(login.redirected_with("redirect").as_deref(), Some(uri.as_str()));
    allow(&house, "", &uri).await.expect(303);

    let elsewhere = client.authorize(&[("redirect_uri", "https://evil.example/cb")]);
    let page = get(&elsewhere, &owner).await.expect(400);
    assert_eq!((page.header("content-type"), page.header("location")), ("text/html; charset=utf-8", ""));
    assert_eq!(error(&allow(&house, &owner, &elsewhere).await.expect(400)), "invalid_request");

    for (more, code) in [
        (&[("scope", "nope")][..], "invalid_scope"),
        (&[("resource", "relative")], "invalid_target"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("state", "again")], "invalid_request"),
        (&[("response_type", "code")], "invalid_request"),
    ] {
        let refused = get(&client.authorize(more), &owner).await.expect(302);
        assert!(refused.header("location").starts_with(CALLBACK), "{more:?}");
        assert_eq!(refused.redirected_with("error").as_deref(), Some(code), "{more:?}");
        assert_eq!(refused.redirected_with("iss").as_deref(), Some(ISSUER));
    }
    let twice = format!("{uri}&client_id={}", client.id);
    assert_eq!(error(&get(&twice, &owner).await.expect(400)), "invalid_request");
    get(&client.authorize(&[("nonce", "1"), ("prompt", "consent")]), &owner).await.expect(200);
}

#[actix_web::test]
async fn token_requests_are_checked_in_order() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    let other = "00000000-0000-0000-0000-00000000000a";
    let id = client.id.as_str();
    for (fields, status, code) in [
        (&[("grant_type", "authorization_code")][..], 400, "invalid_request"),
        (&[("client_id", "nonsense"), ("grant_type", "x")], 401, "invalid_client"),
        (&[("client_id", other)], 401, "invalid_client"),
        (&[("client_id", id)], 400, "unsupported_grant_type"),
        (&[("client_id", id), ("grant_type", "password")], 400, "unsupported_grant_type"),
        (&[("client_id", id), ("grant_type", "authorization_code")], 400, "invalid_request"),
        (&[("client_id", id), ("grant_type", "authorization_code"), ("code", "x")], 400, "invalid_request"),
        (&[("client_id", id), ("grant_type", "refresh_token")], 400, "invalid_request"),
        (&[("client_id", id), ("grant_type", "client_credentials")], 401, "invalid_client"),
        (
            &[("client_id", id), ("client_id", id), ("grant_type", "refresh_token"), ("refresh_token", "x")],
            400,
            "invalid_request",
        ),
    ] {
        let refused = house.form("/oauth2/tokens", "", fields).await.expect(status);
        assert_eq!(refused.json()["error"], code, "{fields:?}");
        assert_eq!(refused.header("www-authenticate").starts_with("Basic"), status == 401);
    }
    let no_account = house.form("/oauth2/tokens", &client.basic(), &[("grant_type", "client_credentials")]).await;
    assert_eq!(no_account.expect(400).json()["error"], "unauthorized_client");
    let disagrees = house.form("/oauth2/tokens", &client.basic(), &[("client_id", other), ("grant_type", "x")]).await;
    assert_eq!(disagrees.expect(400).json()["error"], "invalid_request");
}

#[actix_web::test]
async fn an_app_acts_as_its_service_account() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({ "service_account": true })).await;
    let tokens =
        house.form("/oauth2/tokens", &client.basic(), &[("grant_type", "client_credentials")]).await.expect(200).json();
    assert_eq!(tokens.get("refresh_token"), None);
    let me = house.get("/users/me", tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(me["login_type"], "none");
    let made = house.get("/audit?q=resource_type:user%20action:create", &owner).await.expect(200).json();
    assert!(made["audit_logs"].as_array().unwrap().iter().any(|entry| entry["resource_id"] == me["id"]), "{made}");
}

#[actix_web::test]
async fn a_service_account_reaches_no_further_than_the_key_that_makes_it() {
    const APPS: &str = "/oauth2-provider/apps";
    let house = house().await;
    let owner = house.owner().await;
    let key = async |scopes: Value| {
        let made = house.api(Method::POST, "/users/me/keys/tokens", &owner, json!({ "scopes": scopes })).await;
        made.expect(201).json()["key"].as_str().unwrap().to_owned()
    };
    let app = |name: &str, scopes: Value| json!({ "name": name, "callback_url": CALLBACK, "service_account": true, "scopes": scopes });
    // Apps it may make, but no users.
    let apps = key(json!(["oauth2_app:*", "oauth2_app_secret:*"])).await;
    house.api(Method::POST, APPS, &apps, app("one", json!(["oauth2_app:read"]))).await.expect(403);
    let both = key(json!(["oauth2_app:*", "oauth2_app_secret:*", "user:*", "organization_member:*"])).await;
    house.api(Method::POST, APPS, &both, app("two", json!([]))).await.expect(403);
    house.api(Method::POST, APPS, &both, app("two", json!(["template:read"]))).await.expect(403);
    let made = house.api(Method::POST, APPS, &both, app("two", json!(["user:read"]))).await.expect(201).json();
    let two = format!("{APPS}/{}", made["id"].as_str().unwrap());
    house.api(Method::PUT, &two, &both, app("two", json!(["user:read", "template:read"]))).await.expect(403);
    house.api(Method::POST, &format!("{two}/secrets"), &both, json!({})).await.expect(201);
    // A secret is as good as the account itself.
    let wide = house.api(Method::POST, APPS, &owner, app("wide", json!([]))).await.expect(201).json();
    let secrets = format!("{APPS}/{}/secrets", wide["id"].as_str().unwrap());
    house.api(Method::POST, &secrets, &both, json!({})).await.expect(403);
    house.api(Method::POST, &secrets, &owner, json!({})).await.expect(201);
}

#[actix_web::test]
async fn scopes_and_audiences_bind() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    let grant = async |more: &[(&str, &str)]| {
        let code = allow(&house, &owner, &client.authorize(more)).await.expect(302).redirected_with("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
        let tokens = house.form("/oauth2/tokens", &client.basic(), &fields).await.expect(200).json();
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    let narrow = grant(&[("scope", "user:read")]).await;
    house.get("/users/me", &narrow).await.expect(200);
    let short = json!({ "name": "other", "callback_url": CALLBACK });
    let refused = house.api(Method::POST, "/oauth2-provider/apps", &narrow, short).await.expect(403);
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("scope=\"oauth2_app:create\""),
        "{challenge}"
    );

    let elsewhere = grant(&[("resource", "https://api.example.com")]).await;
    let refused = house.get("/users/me", &elsewhere).await.expect(401);
    assert!(refused.header("www-authenticate").contains("audience") && refused.body.contains("audience"));
}

#[actix_web::test]
async fn apps_are_managed_by_owners() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let client = client(&house, &owner, json!({})).await;
    let app = json!({ "name": "two", "callback_url": CALLBACK });
    let path = format!("/oauth2-provider/apps/{}", client.id);
    house.api(Method::POST, "/oauth2-provider/apps", &bob, app.clone()).await.expect(403);
    house.api(Method::PUT, &path, &bob, app.clone()).await.expect(403);
    house.api(Method::DELETE, &path, &bob, Value::Null).await.expect(403);
    house.get(&format!("{path}/secrets"), &bob).await.expect(403);
    assert_eq!(house.get(&path, &bob).await.expect(200).json()["endpoints"]["device_authorization"], "");
    assert_eq!(house.get("/oauth2-provider/apps", &bob).await.expect(200).json().as_array().unwrap().len(), 1);

    assert_eq!(house.api(Method::PUT, &path, &owner, app.clone()).await.expect(200).json()["name"], "two");
    let unknown = "/oauth2-provider/apps/00000000-0000-0000-0000-00000000000a";
    house.api(Method::PUT, unknown, &owner, Value::Null).await.expect(404);
    let bad = json!({ "name": "a b", "callback_url": "javascript:alert(1)", "icon": "x".repeat(257) });
    let fields = house.api(Method::PUT, &path, &owner, bad).await.expect(400).json();
    let fields: Vec<_> = fields["validations"].as_array().unwrap().iter().map(|v| v["field"].clone()).collect();
    assert_eq!(fields, ["name", "callback_url", "icon"]);

    let secrets = house.get(&format!("{path}/secrets"), &owner).await.expect(200).json();
    assert_eq!(secrets[0]["last_used_at"], Value::Null);
    assert_eq!(secrets[0]["client_secret_truncated"], client.secret[client.secret.len() - 6..]);
    let secret = format!("{path}/secrets/{}", secrets[0]["id"].as_str().unwrap());
    house.api(Method::DELETE, &secret, &owner, Value::Null).await.expect(204);
    house.api(Method::DELETE, &secret, &owner, Value::Null).await.expect(404);
    house.api(Method::DELETE, &path, &owner, Value::Null).await.expect(204);
    house.get(&path, &owner).await.expect(404);
    let withdrawn = TestRequest::delete().uri(&format!("/oauth2/tokens?client_id={}", client.id));
    assert_eq!(house.send(withdrawn).await.expect(401).json()["error"], "invalid_client");
}

#[actix_web::test]
async fn a_user_withdraws_an_app() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    let uri = format!("/oauth2/tokens?client_id={}", client.id);
    let anonymous = house.send(TestRequest::delete().uri(&uri)).await.expect(401);
    assert!(anonymous.json()["message"].is_string() && anonymous.header("www-authenticate").starts_with("Bearer"));
    let missing = house.send(TestRequest::delete().uri("/oauth2/tokens")).await.expect(400);
    assert_eq!(missing.json()["error"], "invalid_request");
    let signed_in = TestRequest::delete().uri(&uri).insert_header(("Coder-Session-Token", owner));
    assert_eq!(house.send(signed_in).await.expect(204).body, "");
}

#[actix_web::test]
async fn permission_comes_before_the_body_of_an_app() {
    let house = house().await;
    let owner = house.owner().await;
    let member = house.member(&owner, "mem").await;
    let app = client(&house, &owner, json!({})).await;
    let broken = async |method: TestRequest, path: &str, token: &str| {
        let request = method.uri(path).insert_header(("Coder-Session-Token", token)).set_payload("{");
        house.send(request).await
    };
    let (apps, one) = ("/api/v2/oauth2-provider/apps", format!("/api/v2/oauth2-provider/apps/{}", app.id));
    for (token, status) in [(&member, 403), (&owner, 400)] {
        broken(TestRequest::post(), apps, token).await.expect(status);
        broken(TestRequest::put(), &one, token).await.expect(status);
    }
}

#[actix_web::test]
async fn a_token_whose_scope_is_too_small_learns_which_one_it_needs() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let made = house.api(Method::POST, "/users/me/keys/tokens", &owner, json!({ "scopes": ["workspace:read"] })).await;
    let limited = made.expect(201).json()["key"].as_str().unwrap().to_owned();
    let refused = house.get(&format!("/oauth2-provider/apps/{}", app.id), &limited).await.expect(403);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("insufficient_scope") && challenge.contains("oauth2_app:read"), "{challenge}");
}

#[actix_web::test]
async fn an_unregistered_redirect_uri_is_told_before_the_credentials_are_looked_at() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &*app.id),
        ("client_secret", "coder_wrong_secret"),
        ("code", "coder_a_b"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let refused = house.form("/oauth2/tokens", "", &fields).await.expect(400);
    assert_eq!(refused.json()["error"], "invalid_request");
}

#[actix_web::test]
async fn what_the_document_of_a_path_names_is_accepted_as_audience() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    for path in ["/mcp", "/mcp/", "/a%20b", "//x"] {
        let document = TestRequest::get().uri(&format!("/.well-known/oauth-protected-resource{path}"));
        let named = house.send(document).await.expect(200).json()["resource"].as_str().unwrap().to_owned();
        assert_eq!(named, format!("{ISSUER}{path}"), "as the client wrote it");
        let uri = client.authorize(&[("resource", &named)]);
        let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        let tokens = house.form("/oauth2/tokens", &client.basic(), &fields).await.expect(200).json();
        house.get("/users/me", tokens["access_token"].as_str().unwrap()).await.expect(200);
    }
}
