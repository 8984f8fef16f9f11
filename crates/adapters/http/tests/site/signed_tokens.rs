//! Resources that are registered, and the signed access tokens of those that want them (RFC 9068).

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

const FILES: &str = "https://files.example/mcp";
const RESOURCES: &str = "/oauth2-provider/resources";

async fn register<S>(house: &House<S>, owner: &str, more: Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut body = json!({ "identifier": FILES, "name": "Files", "token_format": "jwt" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    house.api(Method::POST, RESOURCES, owner, body).await.expect(201).json()
}

/// The tokens of a client to which the owner allows this.
async fn tokens<S>(house: &House<S>, owner: &str, app: &Client, more: &[(&str, &str)]) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let code = allow(house, owner, &app.authorize(more)).await.expect(302).redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200).json()
}

async fn refresh<S>(house: &House<S>, app: &Client, tokens: &Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(200).json()
}

/// The header and the claims of a token, which must be signed by a published key.
async fn read<S>(house: &House<S>, token: &Value) -> (Value, Value)
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

async fn asked<S>(house: &House<S>, app: &Client, token: &Value) -> Value
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
    let change = json!({ "token_format": "opaque", "access_token_lifetime": null, "identifier": FILES });
    let changed = house.api(Method::PUT, &path, &owner, change).await.expect(200).json();
    assert_eq!((&changed["token_format"], &changed["jwt_alg"]), (&json!("opaque"), &json!("RS256")));
    assert!(changed.get("access_token_lifetime").is_none() && changed["name"] == "Files");
    for (name, value) in [
        ("identifier", json!("https://other.example")),
        ("token_format", json!("saml")),
        ("jwt_alg", json!("none")),
        ("access_token_lifetime", json!(59)),
        ("access_token_lifetime", json!(3601)),
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
