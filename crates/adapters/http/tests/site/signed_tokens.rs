//! Resources that are registered, and the signed access tokens of those that want them (RFC 9068).

use crate::client_keys::Keys;
use crate::house::{House, ISSUER, NOW, house, house_with};
use crate::oauth2::{Client, VERIFIER, allow, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::identity_providers::{Claims, Compact, KeySet, SignatureAlgorithm, TokenHeader};
use doorward_domain::settings::Span;
use serde_json::{Value, json};
use time::Duration;

pub(crate) const FILES: &str = "https://files.example/mcp";
pub(crate) const RESOURCES: &str = "/oauth2-provider/resources";

pub(crate) async fn register<S>(house: &House<S>, owner: &str, more: Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut body = json!({ "identifier": FILES, "name": "Files", "token_format": "jwt" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    house.api(Method::POST, RESOURCES, owner, body).await.expect(201).json()
}

/// The tokens of a client to which the owner allows this.
pub(crate) async fn tokens<S>(house: &House<S>, owner: &str, app: &Client, more: &[(&str, &str)]) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let code = allow(house, owner, &app.authorize(more)).await.expect(302).redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200).json()
}

pub(crate) async fn refresh<S>(house: &House<S>, app: &Client, tokens: &Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200).json()
}

/// The header and the claims of a token, which must be signed by a published key.
pub(crate) async fn read<S>(house: &House<S>, token: &Value) -> (Value, Value)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let compact = Compact::parse(token.as_str().unwrap()).unwrap();
    let header = TokenHeader::parse(&compact.header, SignatureAlgorithm::ALL).unwrap();
    let claims = Claims::parse(&compact.payload).unwrap();
    let keys = house.send(TestRequest::get().uri("/oauth2/jwks")).await.expect(200);
    let set = KeySet::parse(keys.body.as_bytes()).unwrap();
    let key = set.candidates(&header, &claims)[0].material.clone();
    assert!(compact.is_signed_by(&key, header.algorithm));
    (serde_json::from_slice(&compact.header).unwrap(), Value::Object(claims.into_members()))
}

pub(crate) async fn asked<S>(house: &House<S>, app: &Client, token: &Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let fields = [("token", token.as_str().unwrap())];
    house.form("/oauth2/introspect", &app.basic(), &fields).await.expect(200).json()
}

#[actix_web::test]
async fn a_resource_that_wants_signed_tokens_gets_them() {
    let house = house().await;
    let owner = house.owner().await;
    register(&house, &owner, json!({ "claims": ["roles", "email"] })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let scope = ("scope", "openid user:read");
    let answer = tokens(&house, &owner, &app, &[("resource", "HTTPS://files.example:443/mcp/"), scope]).await;
    let (header, claims) = read(&house, &answer["access_token"]).await;
    assert_eq!((&header["typ"], &header["alg"], header["kid"].is_string()), (&json!("at+jwt"), &json!("ES256"), true));
    let me = house.get("/users/me", &owner).await.json();
    let now = NOW.unix_timestamp();
    let expected = json!({
        "iss": ISSUER, "aud": FILES, "sub": me["id"], "client_id": app.id, "iat": now, "exp": now + 600,
        "jti": claims["jti"], "scope": "openid user:read", "auth_time": now, "acr": "pwd", "amr": ["pwd"],
        "email": "ann@example.com", "email_verified": false, "roles": ["owner"],
    });
    assert_eq!(claims, expected);
    assert_eq!((&answer["expires_in"], &answer["token_type"]), (&json!(600), &json!("Bearer")));
    let (id_header, id_token) = read(&house, &answer["id_token"]).await;
    assert!(id_header.get("typ").is_none(), "{id_header}");
    let hash =
        doorward_domain::jws::access_token_hash(SignatureAlgorithm::Rs256, answer["access_token"].as_str().unwrap());
    assert_eq!(id_token["at_hash"], hash, "it is about the token that the client has");

    // Other resources, and none, have tokens as before.
    for more in [vec![scope], vec![scope, ("resource", "https://files.example/other")]] {
        let opaque = tokens(&house, &owner, &app, &more).await;
        let token = opaque["access_token"].as_str().unwrap();
        assert!(!token.contains('.') && opaque["expires_in"] == 86_400, "{token}");
    }
}

#[actix_web::test]
async fn this_server_takes_no_signed_token_itself() {
    let house = house().await;
    let owner = house.owner().await;
    register(&house, &owner, json!({})).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let answer = tokens(&house, &owner, &app, &[("resource", FILES), ("scope", "openid user:read")]).await;
    let token = answer["access_token"].as_str().unwrap();
    for path in ["/api/v2/users/me", "/oauth2/userinfo"] {
        let bearer = TestRequest::get().uri(path).insert_header(("Authorization", format!("Bearer {token}")));
        house.send(bearer).await.expect(401);
    }
    // Nor is it an ID token.
    let uri = format!("/oauth2/logout?id_token_hint={token}");
    house.send(TestRequest::get().uri(&uri)).await.expect(400);
    // And an ID token is no access token.
    assert_eq!(asked(&house, &app, &answer["id_token"]).await, json!({ "active": false }));
}

#[actix_web::test]
async fn introspection_and_revocation_agree_with_what_is_signed() {
    let house = house().await;
    let owner = house.owner().await;
    register(&house, &owner, json!({ "access_token_lifetime": 120 })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let server = client(&house, &owner, json!({ "resources": [FILES] })).await;
    let stranger = client(&house, &owner, json!({})).await;
    let first = tokens(&house, &owner, &app, &[("resource", FILES), ("scope", "user:read")]).await;
    let exp = NOW.unix_timestamp() + 120;
    for who in [&app, &server] {
        let known = asked(&house, who, &first["access_token"]).await;
        assert_eq!((&known["active"], &known["aud"], &known["exp"]), (&json!(true), &json!(FILES), &json!(exp)));
    }
    assert_eq!(asked(&house, &stranger, &first["access_token"]).await, json!({ "active": false }));
    let (head, tail) = first["access_token"].as_str().unwrap().rsplit_once('.').unwrap();
    let forged = json!(format!("{head}.{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]));
    assert_eq!(asked(&house, &app, &forged).await, json!({ "active": false }));

    // After a refresh the one before is good for nothing, as the usual ones.
    let next = refresh(&house, &app, &first).await;
    let (_, claims) = read(&house, &next["access_token"]).await;
    assert_eq!((claims["aud"].as_str(), next["expires_in"].as_i64()), (Some(FILES), Some(120)));
    assert_eq!(asked(&house, &server, &first["access_token"]).await, json!({ "active": false }));
    assert_eq!(asked(&house, &server, &next["access_token"]).await["active"], true);
    // A lost answer is given again: the same token by its id.
    let again = refresh(&house, &app, &first).await;
    assert_eq!(read(&house, &again["access_token"]).await.1["jti"], claims["jti"]);

    house.clock.advance(Duration::seconds(121));
    assert_eq!(asked(&house, &server, &next["access_token"]).await, json!({ "active": false }), "it has expired");
    let last = refresh(&house, &app, &next).await;
    let token = [("token", last["access_token"].as_str().unwrap())];
    house.form("/oauth2/revoke", &stranger.basic(), &token).await.expect(200);
    assert_eq!(asked(&house, &server, &last["access_token"]).await["active"], true, "it is none of a stranger's");
    house.form("/oauth2/revoke", &app.basic(), &token).await.expect(200);
    assert_eq!(asked(&house, &server, &last["access_token"]).await, json!({ "active": false }));
    let gone = [("grant_type", "refresh_token"), ("refresh_token", last["refresh_token"].as_str().unwrap())];
    house.form("/oauth2/tokens", &app.basic(), &gone).await.expect(400);
    house.form("/oauth2/revoke", &app.basic(), &token).await.expect(200);
}

#[actix_web::test]
async fn a_suspended_user_has_no_signed_token_either() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    register(&house, &owner, json!({})).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let answer = tokens(&house, &bob, &app, &[("resource", FILES), ("scope", "user:read")]).await;
    assert_eq!(asked(&house, &app, &answer["access_token"]).await["active"], true);
    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    assert_eq!(asked(&house, &app, &answer["access_token"]).await, json!({ "active": false }));
}

#[actix_web::test]
async fn the_settings_say_for_how_long_and_service_accounts_get_signed_tokens_too() {
    let house = house_with(|settings| settings.oauth2.jwt_access_token_lifetime = Span::seconds(90)).await;
    let owner = house.owner().await;
    register(&house, &owner, json!({ "jwt_alg": "EdDSA" })).await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let fields = [("grant_type", "client_credentials"), ("resource", FILES), ("scope", "user:read")];
    let answer = house.form("/oauth2/tokens", &robot.basic(), &fields).await.expect(200).json();
    let (header, claims) = read(&house, &answer["access_token"]).await;
    assert_eq!((&header["alg"], &answer["expires_in"]), (&json!("EdDSA"), &json!(90)));
    assert_eq!((&claims["client_id"], claims.get("auth_time")), (&json!(robot.id), None));
}

#[actix_web::test]
async fn owners_register_change_and_remove_resources() {
    let house = house().await;
    let owner = house.owner().await;
    let made = register(&house, &owner, json!({ "jwt_alg": "RS256", "access_token_lifetime": 60 })).await;
    let path = format!("{RESOURCES}/{}", made["id"].as_str().unwrap());
    assert_eq!(house.get(&path, &owner).await.expect(200).json(), made);
    assert_eq!(house.get(RESOURCES, &owner).await.expect(200).json(), json!([made]));
    let again = json!({ "identifier": "https://FILES.example/mcp/" });
    house.api(Method::POST, RESOURCES, &owner, again).await.expect(409);
    let change = json!({ "token_format": "opaque", "access_token_lifetime": -1, "identifier": FILES });
    let changed = house.api(Method::PUT, &path, &owner, change).await.expect(200).json();
    assert_eq!((&changed["token_format"], &changed["jwt_alg"]), (&json!("opaque"), &json!("RS256")));
    assert!(changed.get("access_token_lifetime").is_none() && changed["name"] == "Files");
    for (name, value) in [
        ("identifier", json!("https://other.example")),
        ("token_format", json!("saml")),
        ("jwt_alg", json!("none")),
        ("access_token_lifetime", json!(59)),
        ("access_token_lifetime", json!(3601)),
        ("access_token_lifetime", json!(0)),
        ("access_token_lifetime", json!(i64::MAX)),
        ("claims", json!(["profile"])),
        ("claims", json!(["email", "email", "email", "email"])),
        ("name", json!("x".repeat(65))),
    ] {
        let refused = house.api(Method::PUT, &path, &owner, json!({ name: value })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], name, "{refused}");
    }
    for bad in ["", "files", "https://a.example/#x", ISSUER, "https://door.example/api"] {
        let refused = house.api(Method::POST, RESOURCES, &owner, json!({ "identifier": bad })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "identifier", "{bad}");
    }
    let bob = house.member(&owner, "bob").await;
    house.api(Method::POST, RESOURCES, &bob, json!({ "identifier": "https://b.example" })).await.expect(403);
    house.api(Method::PUT, &path, &bob, json!({ "name": "x" })).await.expect(403);
    house.api(Method::DELETE, &path, &bob, Value::Null).await.expect(403);
    house.api(Method::DELETE, &path, &owner, Value::Null).await.expect(204);
    house.api(Method::DELETE, &path, &owner, Value::Null).await.expect(404);
    house.get(&path, &owner).await.expect(404);
}

#[actix_web::test]
async fn a_resource_has_scopes_of_its_own_which_grant_nothing_here() {
    let house = house().await;
    let owner = house.owner().await;
    let scopes = json!({ "files:read": "Read your <files>", "files:write": "Change your files" });
    let more = json!({ "token_format": "opaque", "scopes": scopes, "default_scopes": ["files:read"] });
    let made = register(&house, &owner, more).await;
    assert_eq!((&made["scopes"], &made["default_scopes"]), (&scopes, &json!(["files:read"])));
    let app = json!({ "callback_url": "https://app.example/cb", "scopes": ["user:read"] });
    let app = client(&house, &owner, app).await;
    let page = async |scope: &str| {
        let uri = app.authorize(&[("resource", FILES), ("scope", scope)]);
        let request = TestRequest::get().uri(&uri).insert_header(("Coder-Session-Token", &*owner));
        house.send(request.insert_header(("Accept", "text/html"))).await
    };
    let shown = page("files:read files:write").await.expect(200).body;
    for part in ["Read your &#60;files&#62;", "Change your files", "Files"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for (scope, wrong) in [("user:read", true), ("files:gone", true), ("coder:all", true), ("files:read", false)] {
        let error = page(scope).await.redirected_with("error");
        assert_eq!(error.as_deref() == Some("invalid_scope"), wrong, "{scope}");
    }
    // They are no scopes of this server, nor of another resource that is registered.
    register(&house, &owner, json!({ "identifier": "https://other.example", "token_format": "opaque" })).await;
    for more in [vec![("scope", "files:read")], vec![("scope", "files:read"), ("resource", "https://other.example")]] {
        let refused = allow(&house, &owner, &app.authorize(&more)).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"));
    }

    let resource = ("resource", FILES);
    assert_eq!(tokens(&house, &owner, &app, &[resource]).await["scope"], "files:read");
    let all = [resource, ("scope", "openid files:write files:read offline_access user:read")];
    let all = tokens(&house, &owner, &app, &all).await;
    assert_eq!(all["scope"], "openid files:write files:read offline_access");
    let known = asked(&house, &app, &all["access_token"]).await;
    assert_eq!((&known["scope"], &known["aud"]), (&all["scope"], &json!(FILES)));
    let token = all["access_token"].as_str().unwrap();
    house.get("/users/me", token).await.expect(401);

    let again = async |token: &Value, scope: &str| {
        let token = token["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        house.form("/oauth2/tokens", &app.basic(), &fields).await
    };
    assert_eq!(again(&all, "files:other").await.expect(400).json()["error"], "invalid_scope");
    assert_eq!(again(&all, "user:read").await.expect(400).json()["error"], "invalid_scope");
    let fewer = again(&all, "files:read").await.expect(200).json();
    assert_eq!(fewer["scope"], "files:read");
    assert_eq!(refresh(&house, &app, &fewer).await["scope"], all["scope"], "the grant has all of them");
    // The app may still have what its list of scopes of this server does not name.
    let other = json!({ "name": "robot", "callback_url": "https://app.example/cb", "scopes": ["template:read"] });
    house.api(Method::PUT, &format!("/oauth2-provider/apps/{}", app.id), &owner, other).await.expect(200);
    assert_eq!(tokens(&house, &owner, &app, &[resource]).await["scope"], "files:read");

    let path = format!("{RESOURCES}/{}", made["id"].as_str().unwrap());
    let many: serde_json::Map<_, _> = (0..101).map(|n| (format!("s{n}"), json!(""))).collect();
    for (name, value) in [
        ("scopes", json!({ "user:read": "x" })),
        ("scopes", json!({ "openid": "x" })),
        ("scopes", json!({ "all": "x" })),
        ("scopes", json!({ "a b": "x" })),
        ("scopes", json!({ "": "x" })),
        ("scopes", json!({ "files:read": "x".repeat(201) })),
        ("scopes", json!({ "files:read": "a\u{202e}b" })),
        ("scopes", Value::Object(many)),
        ("default_scopes", json!(["files:gone"])),
        ("introspectors", json!(["11111111-1111-4111-8111-111111111111"])),
    ] {
        let refused = house.api(Method::PUT, &path, &owner, json!({ name: value })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], name, "{value}: {refused}");
    }
}

#[actix_web::test]
async fn a_limited_key_cannot_let_an_app_act_at_another_resource() {
    let house = house().await;
    let owner = house.owner().await;
    register(&house, &owner, json!({ "scopes": { "files:read": "" } })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let key = json!({ "lifetime": 3_600_000_000_000_u64, "scope": "application_connect", "token_name": "limited" });
    let key = house.api(Method::POST, "/users/me/keys/tokens", &owner, key).await.expect(201).json();
    let refused = allow(&house, key["key"].as_str().unwrap(), &app.authorize(&[("resource", FILES)])).await;
    assert!(refused.redirected_with("code").is_none(), "{}", refused.body);
}

#[actix_web::test]
async fn those_that_a_resource_names_ask_about_its_tokens_and_no_others() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let gateway = client(&house, &owner, json!({})).await;
    register(&house, &owner, json!({ "introspectors": [gateway.id] })).await;
    let other = json!({ "identifier": "https://other.example" });
    house.api(Method::POST, RESOURCES, &owner, other).await.expect(201);
    let scope = ("scope", "openid user:read");
    for (more, knows) in [
        (vec![scope, ("resource", FILES)], true),
        (vec![scope, ("resource", "https://files.example/mcp/")], true),
        (vec![scope, ("resource", "https://other.example")], false),
        (vec![scope], false),
    ] {
        let answer = tokens(&house, &owner, &app, &more).await;
        assert_eq!(asked(&house, &gateway, &answer["access_token"]).await["active"], knows, "{more:?}");
        assert_eq!(asked(&house, &gateway, &answer["refresh_token"]).await["active"], false);
    }
}

#[actix_web::test]
async fn a_client_with_keys_asks_about_signed_tokens_too() {
    let house = house().await;
    let owner = house.owner().await;
    let keys = Keys::new();
    let named = json!({ "name": "gateway", "callback_url": "https://gateway.example/cb", "jwks": keys.jwks(),
        "token_endpoint_auth_method": "private_key_jwt" });
    let gateway = house.api(Method::POST, "/oauth2-provider/apps", &owner, named).await.expect(201).json();
    let gateway = gateway["id"].as_str().unwrap();
    register(&house, &owner, json!({ "introspectors": [gateway] })).await;
    let app = client(&house, &owner, json!({ "callback_url": "https://app.example/cb" })).await;
    let answer = tokens(&house, &owner, &app, &[("resource", FILES), ("scope", "user:read")]).await;
    let ask = async |token: &str| {
        let assertion = keys.assertion(gateway, json!({}), json!({}));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [("token", token), ("client_assertion", &*assertion), ("client_assertion_type", kind)];
        house.form("/oauth2/introspect", "", &fields).await.expect(200).json()
    };
    let signed = answer["access_token"].as_str().unwrap();
    let known = ask(signed).await;
    assert_eq!((&known["active"], &known["exp"]), (&json!(true), &json!(NOW.unix_timestamp() + 600)));
    // An assertion has three parts as well, and is no access token.
    assert_eq!(ask(&keys.assertion(gateway, json!({}), json!({}))).await, json!({ "active": false }));
    house.form("/oauth2/revoke", &app.basic(), &[("token", signed)]).await.expect(200);
    assert_eq!(ask(signed).await, json!({ "active": false }));
}
