//! Clients that prove themselves by keys (RFC 7523, `private_key_jwt`): apps of owners, clients that register themselves, documents.

use crate::house::{Answer, House, ISSUER, NOW, house, house_beside, house_with};
use crate::oauth2::{CALLBACK, CHALLENGE, Client, VERIFIER, access_token, allow, client};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use doorward_services::oauth2::ClientAuthentication;
use doorward_services::oauth2::registration::RegistrationMode;
use doorward_services::oauth2::token::{TokenRequest, exchange};
use doorward_services::{Context, Origin};
use serde_json::{Value, json};
use time::Duration;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const KEYS: &str = "https://app.example/jwks";

pub(crate) trait Site: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error> {}
impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>> Site for S {}

/// `whole` with these members in the place of its own; `null` takes one away.
pub(crate) fn with(mut whole: Value, more: Value) -> Value {
    let (Value::Object(members), Value::Object(more)) = (&mut whole, more) else { panic!("no object") };
    for (name, value) in more {
        if value.is_null() { drop(members.remove(&name)) } else { drop(members.insert(name, value)) }
    }
    whole
}

/// Something that has keys, and signs assertions of a client by them. Each has another id.
pub(crate) struct Keys {
    pub(crate) signer: FakeProvider,
    count: std::cell::Cell<u32>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { signer: FakeProvider::new(NOW.unix_timestamp()), count: std::cell::Cell::new(0) }
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": self.signer.jwks() })
    }

    /// The keys are at their URL.
    pub(crate) fn publish(&self) {
        let keys = self.jwks();
        self.signer.state().others = vec![(KEYS.to_owned(), keys)];
    }

    pub(crate) fn claims(&self, id: &str) -> Value {
        self.count.set(self.count.get() + 1);
        let now = NOW.unix_timestamp();
        json!({ "iss": id, "sub": id, "aud": ISSUER, "iat": now, "exp": now + 300, "jti": format!("id-{}", self.count.get()) })
    }

    /// An assertion with these changes.
    pub(crate) fn assertion(&self, id: &str, header: Value, claims: Value) -> String {
        self.signer.sign(&with(json!({}), header), &with(self.claims(id), claims))
    }

    pub(crate) fn good(&self, id: &str) -> String {
        self.assertion(id, json!({ "typ": "client-authentication+jwt" }), json!({}))
    }
}

/// An app of an owner with these keys.
pub(crate) async fn app<S: Site>(house: &House<S>, owner: &str, more: Value) -> String {
    let app = json!({ "name": "robot", "callback_url": CALLBACK, "token_endpoint_auth_method": "private_key_jwt" });
    let made = house.api(Method::POST, "/oauth2-provider/apps", owner, with(app, more)).await.expect(201).json();
    made["id"].as_str().unwrap().to_owned()
}

async fn send<S: Site>(house: &House<S>, path: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("client_assertion_type", TYPE), ("client_assertion", assertion)];
    fields.extend(more);
    house.form(path, "", &fields).await
}

/// A token request of the client itself.
async fn own<S: Site>(house: &House<S>, assertion: &str) -> Answer {
    send(house, "/oauth2/tokens", assertion, &[("grant_type", "client_credentials")]).await
}

async fn code<S: Site>(house: &House<S>, user: &str, id: &str) -> String {
    let client = Client { id: id.to_owned(), secret: String::new() };
    allow(house, user, &client.authorize(&[])).await.expect(302).redirected_with("code").unwrap()
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_client_proves_itself_by_its_keys_wherever_clients_do() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let more = json!({ "jwks": keys.jwks(), "service_account": true, "device_flow": true, "scopes": ["user:read"],
        "resources": ["https://mcp.example"] });
    let id = app(&house, &owner, more).await;
    let shown = house.get(&format!("/oauth2-provider/apps/{id}"), &owner).await.expect(200).json();
    assert_eq!(
        (&shown["token_endpoint_auth_method"], &shown["client_type"], &shown["jwks"], &shown["assertion_audience"]),
        (&json!("private_key_jwt"), &json!("confidential"), &keys.jwks(), &json!("issuer"))
    );

    own(&house, &keys.good(&id)).await.expect(200);
    let code = code(&house, &owner, &id).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let tokens = send(&house, "/oauth2/tokens", &keys.good(&id), &fields).await.expect(200).json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &*id)];
    let next = send(&house, "/oauth2/tokens", &keys.good(&id), &fields).await.expect(200).json();
    let (access, refresh) = (next["access_token"].as_str().unwrap(), next["refresh_token"].as_str().unwrap());

    for (token, token_type) in [(access, Some("Bearer")), (refresh, None)] {
        let known = send(&house, "/oauth2/introspect", &keys.good(&id), &[("token", token)]).await.expect(200).json();
        assert_eq!((&known["active"], &known["username"]), (&json!(true), &json!("ann")));
        assert_eq!(known.get("token_type").and_then(Value::as_str), token_type);
    }
    // Of other clients it knows what is for its resource.
    let robot = client(&house, &owner, json!({ "name": "other" })).await;
    let foreign = access_token(&house, &owner, &robot, &[]).await;
    let served = access_token(&house, &owner, &robot, &[("resource", "https://mcp.example")]).await;
    for (token, active) in [(&*foreign, false), (&*served, true), ("invented-token0", false)] {
        let known = send(&house, "/oauth2/introspect", &keys.good(&id), &[("token", token)]).await.expect(200).json();
        assert_eq!(known["active"], active, "{known}");
    }

    let codes = send(&house, "/oauth2/device", &keys.good(&id), &[("scope", "user:read")]).await.expect(200).json();
    assert!(codes["device_code"].is_string());
    send(&house, "/oauth2/revoke", &keys.good(&id), &[("token", refresh)]).await.expect(200);
    house.get("/users/me", access).await.expect(401);
}

#[actix_web::test]
async fn an_assertion_is_good_once_and_nowhere_else() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = app(&house, &owner, json!({ "jwks": keys.jwks(), "service_account": true })).await;
    let assertion = keys.good(&id);
    own(&house, &assertion).await.expect(200);
    let again = own(&house, &assertion).await.expect(401).json();
    assert_eq!(
        (&again["error"], &again["error_description"]),
        (&json!("invalid_client"), &json!("assertion not accepted"))
    );
    // What fails uses it up all the same.
    let assertion = keys.good(&id);
    let unknown = [("grant_type", "authorization_code"), ("code", "coder_0123456789_x"), ("code_verifier", VERIFIER)];
    assert_eq!(error(&send(&house, "/oauth2/tokens", &assertion, &unknown).await.expect(400)), "invalid_grant");
    own(&house, &assertion).await.expect(401);
    // One whose signature is somebody else's uses nothing up.
    let good = keys.good(&id);
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "AAAA");
    own(&house, &forged).await.expect(401);
    own(&house, &good).await.expect(200);
    // The same id of another client is another one.
    let other = app(&house, &owner, json!({ "jwks": keys.jwks(), "service_account": true })).await;
    for id in [&id, &other] {
        own(&house, &keys.assertion(id, json!({}), json!({ "jti": "same" }))).await.expect(200);
    }
}

#[actix_web::test]
async fn what_is_wrong_with_an_assertion_is_not_told() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = app(&house, &owner, json!({ "jwks": keys.jwks(), "service_account": true })).await;
    let now = NOW.unix_timestamp();
    for (header, claims) in [
        (json!({ "typ": "dpop+jwt" }), json!({})),
        (json!({ "typ": "at+jwt" }), json!({})),
        (json!({ "typ": "oauth-authz-req+jwt" }), json!({})),
        (json!({ "typ": "logout+jwt" }), json!({})),
        (json!({ "typ": "oauth-id-jag+jwt" }), json!({})),
        (json!({ "alg": "none" }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "alg": "RS256" }), json!({})),
        (json!({ "kid": "other" }), json!({})),
        (json!({ "crit": ["exp"] }), json!({})),
        (json!({}), json!({ "aud": format!("{ISSUER}/oauth2/tokens") })),
        (json!({}), json!({ "aud": [ISSUER, "https://b.example"] })),
        (json!({}), json!({ "aud": "https://evil.example" })),
        (json!({}), json!({ "aud": null })),
        (json!({}), json!({ "exp": now - 30 })),
        (json!({}), json!({ "exp": now + 3601 })),
        (json!({}), json!({ "exp": null })),
        (json!({}), json!({ "iat": now + 120 })),
        (json!({}), json!({ "nbf": now + 120 })),
        (json!({}), json!({ "jti": null })),
        (json!({}), json!({ "jti": "x".repeat(300) })),
        (json!({}), json!({ "iss": "somebody" })),
        (json!({}), json!({ "x": "x".repeat(8192) })),
    ] {
        let refused = own(&house, &keys.assertion(&id, header.clone(), claims.clone())).await;
        // Where nothing says who it is, it is the id that is missing.
        if refused.status == 400 {
            assert!(refused.body.contains("client_id"), "{header} {claims}: {}", refused.body);
            continue;
        }
        let told = refused.expect(401).json();
        assert_eq!(told["error"], "invalid_client", "{header} {claims}");
        assert!(
            ["assertion not accepted", "client authentication failed"]
                .contains(&told["error_description"].as_str().unwrap())
        );
    }
    for bad in ["x", "e30.e30.e30", "..", &keys.good("00000000-0000-0000-0000-000000000001")] {
        let status = own(&house, bad).await.status;
        assert!(status == 400 || status == 401, "{bad}: {status}");
    }
    // Another client's name on it.
    let other = app(&house, &owner, json!({ "jwks": Keys::new().jwks(), "service_account": true })).await;
    own(&house, &keys.good(&other)).await.expect(401);
    let both = [("grant_type", "client_credentials"), ("client_id", &*other)];
    send(&house, "/oauth2/tokens", &keys.good(&id), &both).await.expect(401);
}

#[actix_web::test]
async fn ways_to_authenticate_are_not_mixed_and_only_the_registered_one_counts() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = app(&house, &owner, json!({ "jwks": keys.jwks(), "service_account": true })).await;
    let secret =
        client(&house, &owner, json!({ "name": "secret", "service_account": true, "jwks": keys.jwks() })).await;
    let grant = ("grant_type", "client_credentials");

    let two = [("client_assertion_type", TYPE), ("client_assertion", &*keys.good(&id)), ("client_secret", "x"), grant];
    assert_eq!(error(&house.form("/oauth2/tokens", "", &two).await.expect(400)), "invalid_request");
    let two = [("client_assertion_type", TYPE), ("client_assertion", &*keys.good(&secret.id)), grant];
    assert_eq!(error(&house.form("/oauth2/tokens", &secret.basic(), &two).await.expect(400)), "invalid_request");
    for incomplete in [
        vec![("client_assertion", &*keys.good(&id)), grant],
        vec![("client_assertion_type", TYPE), ("client_id", &*id), grant],
    ] {
        assert_eq!(error(&house.form("/oauth2/tokens", "", &incomplete).await.expect(400)), "invalid_request");
    }
    let saml = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        ("client_assertion", &*keys.good(&id)),
        grant,
    ];
    assert_eq!(error(&house.form("/oauth2/tokens", "", &saml).await.expect(401)), "invalid_client");

    // One that has a secret and keys for other things proves itself by the secret.
    own(&house, &keys.good(&secret.id)).await.expect(401);
    house.form("/oauth2/tokens", &secret.basic(), &[grant]).await.expect(200);
    // And when that changes, by its keys, at once; its grants go on.
    let tokens = {
        let code = code(&house, &owner, &secret.id).await;
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        house.form("/oauth2/tokens", &secret.basic(), &fields).await.expect(200).json()
    };
    let path = format!("/oauth2-provider/apps/{}", secret.id);
    let keyed = json!({ "name": "secret", "token_endpoint_auth_method": "private_key_jwt" });
    house.api(Method::PUT, &path, &owner, keyed).await.expect(200);
    house.form("/oauth2/tokens", &secret.basic(), &[grant]).await.expect(401);
    let token = tokens["refresh_token"].as_str().unwrap();
    house.form("/oauth2/introspect", &secret.basic(), &[("token", token)]).await.expect(401);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", token)];
    house.form("/oauth2/tokens", &secret.basic(), &refresh).await.expect(401);
    house.form("/oauth2/tokens", "", &[refresh[0], refresh[1], ("client_id", &*secret.id)]).await.expect(401);
    send(&house, "/oauth2/tokens", &keys.good(&secret.id), &refresh).await.expect(200);
    let refused = house.api(Method::POST, &format!("{path}/secrets"), &owner, Value::Null).await.expect(400);
    assert!(refused.body.contains("keys"), "{}", refused.body);
}

#[actix_web::test]
async fn keys_elsewhere_are_fetched_when_they_are_needed_and_again_for_one_that_is_new() {
    let keys = Keys::new();
    keys.publish();
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let id = app(&house, &owner, json!({ "jwks_uri": KEYS, "service_account": true })).await;
    assert_eq!(keys.signer.times("/jwks"), 0);
    // What is wrong in itself makes this server ask nobody.
    own(&house, &keys.assertion(&id, json!({}), json!({ "aud": "https://evil.example" }))).await.expect(401);
    assert_eq!(keys.signer.times("/jwks"), 0);
    for _ in 0..3 {
        own(&house, &keys.good(&id)).await.expect(200);
    }
    assert_eq!(keys.signer.times("/jwks"), 1);

    keys.signer.rotate();
    keys.publish();
    own(&house, &keys.good(&id)).await.expect(200);
    assert_eq!(keys.signer.times("/jwks"), 2);
    // Whoever makes up keys has this server ask once a minute.
    let stranger = Keys::new();
    for n in 0..5 {
        own(&house, &stranger.assertion(&id, json!({}), json!({ "jti": format!("made-up-{n}") }))).await.expect(401);
    }
    assert_eq!(keys.signer.times("/jwks"), 2);

    // An hour later they are old; they are good as long as they cannot be fetched, for a week.
    keys.signer.state().is_down = true;
    for (hours, status) in [(2, 200), (100, 200), (100, 503)] {
        house.clock.advance(Duration::hours(hours));
        let now = (house.context.clock.now()).unix_timestamp();
        let answer = own(&house, &keys.assertion(&id, json!({}), json!({ "iat": now, "exp": now + 300 }))).await;
        let answer = answer.expect(status);
        if status == 503 {
            assert_eq!(error(&answer), "temporarily_unavailable");
            assert!(!answer.body.contains("10.0.0.7"), "what inner hosts say is nobody's business");
            // Nobody asks too often; the same is said wherever clients prove themselves.
            for path in ["/oauth2/par", "/oauth2/device"] {
                let proof = keys.assertion(&id, json!({}), json!({ "iat": now, "exp": now + 300 }));
                send(&house, path, &proof, &[("scope", "user:read")]).await.expect(503);
            }
        }
    }
    keys.signer.state().is_down = false;
    house.clock.advance(Duration::seconds(11));
    let now = (house.context.clock.now()).unix_timestamp();
    own(&house, &keys.assertion(&id, json!({}), json!({ "iat": now, "exp": now + 300 }))).await.expect(200);
}

#[actix_web::test]
async fn keys_that_one_server_has_fetched_the_others_need_not_ask_for() {
    let keys = Keys::new();
    keys.publish();
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let id = app(&house, &owner, json!({ "jwks_uri": KEYS, "service_account": true })).await;
    own(&house, &keys.good(&id)).await.expect(200);
    assert_eq!(keys.signer.times("/jwks"), 1);
    // Another server with the same database, which has asked nobody yet.
    let other = Context { upstreams: keys.signer.upstreams(), ..house.context.clone() };
    let at_other = async |assertion: String| {
        let client = ClientAuthentication {
            assertion_type: Some(TYPE.to_owned()),
            assertion: Some(Secret::new(assertion)),
            ..ClientAuthentication::default()
        };
        let request =
            TokenRequest { client, grant_type: Some("client_credentials".to_owned()), ..TokenRequest::default() };
        exchange(&other, request, Origin::unknown()).await.is_ok()
    };
    assert!(at_other(keys.good(&id)).await);
    assert_eq!(keys.signer.times("/jwks"), 1);
    // A new key is fetched by whoever needs it first.
    keys.signer.rotate();
    keys.publish();
    house.clock.advance(Duration::SECOND);
    own(&house, &keys.good(&id)).await.expect(200);
    assert_eq!(keys.signer.times("/jwks"), 2);
    assert!(at_other(keys.good(&id)).await);
    assert_eq!(keys.signer.times("/jwks"), 2);
    let stranger = Keys::new();
    assert!(!at_other(stranger.assertion(&id, json!({}), json!({ "jti": "made-up" }))).await);
    assert_eq!(keys.signer.times("/jwks"), 2, "that it did not suffice was a moment ago");

    // Before they are old they are fetched, and nobody waits for it.
    house.clock.advance(Duration::minutes(49));
    let now = house.context.clock.now().unix_timestamp();
    let fresh = || keys.assertion(&id, json!({}), json!({ "iat": now, "exp": now + 300 }));
    for _ in 0..1000 {
        own(&house, &fresh()).await.expect(200);
        if keys.signer.times("/jwks") > 2 {
            break;
        }
    }
    assert_eq!(keys.signer.times("/jwks"), 3);
    for _ in 0..3 {
        own(&house, &fresh()).await.expect(200);
        assert!(at_other(fresh()).await);
    }
    assert_eq!(keys.signer.times("/jwks"), 3);

    // A key whose private part became known is no good anywhere any more, also where nobody has heard of it.
    let mut leaked = keys.signer.jwks()[0].clone();
    leaked["d"] = json!("AAAA");
    keys.signer.state().others = vec![(KEYS.to_owned(), json!({ "keys": [leaked] }))];
    house.clock.advance(Duration::hours(2));
    let later = house.context.clock.now().unix_timestamp();
    let late = || keys.assertion(&id, json!({}), json!({ "iat": later, "exp": later + 300 }));
    own(&house, &late()).await.expect(401);
    keys.signer.state().others = Vec::new();
    assert!(!at_other(late()).await);
}

#[actix_web::test]
async fn bad_keys_are_refused_when_they_are_registered_and_passed_over_when_they_are_fetched() {
    let keys = Keys::new();
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let with_private = json!({ "keys": [with(keys.signer.jwks()[0].clone(), json!({ "d": "AAAA" }))] });
    for (more, field) in [
        (json!({}), "token_endpoint_auth_method"),
        (json!({ "jwks": with_private }), "jwks"),
        (json!({ "jwks": { "keys": [] } }), "jwks"),
        (json!({ "jwks": "x" }), "jwks"),
        (json!({ "jwks": keys.jwks(), "jwks_uri": KEYS }), "jwks"),
        (json!({ "jwks_uri": "http://app.example/jwks" }), "jwks_uri"),
        (json!({ "jwks_uri": "x" }), "jwks_uri"),
        (json!({ "jwks": keys.jwks(), "public": true }), "token_endpoint_auth_method"),
        (json!({ "jwks": keys.jwks(), "token_endpoint_auth_signing_alg": "HS256" }), "token_endpoint_auth_signing_alg"),
        (json!({ "jwks": keys.jwks(), "assertion_audience": "any" }), "assertion_audience"),
        (
            json!({ "jwks": keys.jwks(), "token_endpoint_auth_method": "client_secret_jwt" }),
            "token_endpoint_auth_method",
        ),
    ] {
        let body = with(
            json!({ "name": "robot", "callback_url": CALLBACK, "token_endpoint_auth_method": "private_key_jwt" }),
            more.clone(),
        );
        let refused = house.api(Method::POST, "/oauth2-provider/apps", &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field, "{more}");
    }
    let id = app(&house, &owner, json!({ "jwks_uri": KEYS, "service_account": true })).await;
    let fetched = async |body: Value| {
        keys.signer.state().others = vec![(KEYS.to_owned(), body)];
        house.clock.advance(Duration::days(8));
        let now = house.context.clock.now().unix_timestamp();
        own(&house, &keys.assertion(&id, json!({}), json!({ "iat": now, "exp": now + 300 }))).await.status.as_u16()
    };
    assert_eq!(fetched(with_private.clone()).await, 401);
    assert_eq!(fetched(json!({ "keys": [] })).await, 401);
    for broken in [json!([]), json!("x"), json!({}), json!({ "keys": [], "x": "x".repeat(64 * 1024) })] {
        assert_eq!(fetched(broken).await, 503);
    }
    let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AAAA" });
    assert_eq!(
        fetched(json!({ "keys": [unknown, 7, { "kty": "oct", "k": "AAAA" }, keys.signer.jwks()[0]] })).await,
        200
    );
}

#[actix_web::test]
async fn the_token_endpoint_is_an_audience_for_codes_and_refresh_tokens_only() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let audience = json!({ "aud": format!("{ISSUER}/oauth2/tokens") });
    let more =
        json!({ "jwks": keys.jwks(), "service_account": true, "assertion_audience": "issuer_or_token_endpoint" });
    let id = app(&house, &owner, more).await;
    let assertion = || keys.assertion(&id, json!({}), audience.clone());
    let code = code(&house, &owner, &id).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let tokens = send(&house, "/oauth2/tokens", &assertion(), &fields).await.expect(200).json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    send(&house, "/oauth2/tokens", &assertion(), &fields).await.expect(200);
    own(&house, &assertion()).await.expect(401);
    for path in ["/oauth2/revoke", "/oauth2/introspect", "/oauth2/device"] {
        send(&house, path, &assertion(), &[("token", refresh)]).await.expect(401);
    }
}

#[actix_web::test]
async fn clients_register_themselves_with_keys_and_the_same_keys_are_the_same_client() {
    let keys = Keys::new();
    let house = house_with(|settings| settings.oauth2.registration.mode = RegistrationMode::Open).await;
    let owner = house.owner().await;
    let metadata = json!({ "client_name": "Agent", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks": keys.jwks() });
    let register =
        async |body: Value| house.send(TestRequest::post().uri("/oauth2/register").set_payload(body.to_string())).await;
    let made = register(metadata.clone()).await.expect(201).json();
    assert_eq!(made.get("client_secret"), None);
    for member in ["jwks", "token_endpoint_auth_method", "token_endpoint_auth_signing_alg"] {
        assert_eq!(made[member], metadata[member], "{member}");
    }
    let same = register(metadata.clone()).await.expect(201).json();
    assert_eq!(same["client_id"], made["client_id"]);
    let other = register(with(metadata.clone(), json!({ "jwks": Keys::new().jwks() }))).await.expect(201).json();
    assert_ne!(other["client_id"], made["client_id"]);

    let id = made["client_id"].as_str().unwrap();
    let uri = format!("/oauth2/authorize?client_id={id}&response_type=code&code_challenge={CHALLENGE}");
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let bare = [fields[0], fields[1], fields[2], ("client_id", id)];
    house.form("/oauth2/tokens", "", &bare).await.expect(401);
    send(&house, "/oauth2/tokens", &keys.good(id), &fields).await.expect(200);

    // What one of those who share it says of its requests would bind all of them.
    let path = format!("/oauth2/clients/{id}");
    let token = same["registration_access_token"].as_str().unwrap();
    let bind = with(metadata.clone(), json!({ "require_pushed_authorization_requests": true }));
    let put = TestRequest::put().uri(&path).insert_header(("Authorization", format!("Bearer {token}")));
    house.send(put.set_payload(bind.to_string())).await.expect(403);
    let bound = register(bind).await.expect(201).json();
    assert_ne!(bound["client_id"], made["client_id"]);
    assert_eq!(bound["require_pushed_authorization_requests"], true);

    for bad in [
        json!({ "jwks": null }),
        json!({ "jwks_uri": KEYS }),
        json!({ "jwks": { "keys": [] } }),
        json!({ "jwks": null, "jwks_uri": "http://app.example/jwks" }),
        json!({ "token_endpoint_auth_signing_alg": "none" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "token_endpoint_auth_method": "tls_client_auth" }),
    ] {
        let refused = register(with(metadata.clone(), bad.clone())).await.expect(400).json();
        assert_eq!(refused["error"], "invalid_client_metadata", "{bad}");
    }
}

const DOCUMENT: &str = "https://chat.example/oauth/client.json";

fn document(more: Value) -> Value {
    let document = json!({ "client_id": DOCUMENT, "client_name": "Chat", "redirect_uris": ["https://chat.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": KEYS });
    with(document, more)
}

async fn document_code<S: Site>(house: &House<S>, user: &str) -> String {
    let client = Client { id: DOCUMENT.to_owned(), secret: String::new() };
    allow(house, user, &client.authorize(&[])).await.expect(302).redirected_with("code").unwrap()
}

#[actix_web::test]
async fn a_client_with_a_document_proves_itself_by_the_keys_that_it_names() {
    let keys = Keys::new();
    keys.signer.state().others = vec![(DOCUMENT.to_owned(), document(json!({}))), (KEYS.to_owned(), keys.jwks())];
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let code = document_code(&house, &owner).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", "", &[fields[0], fields[1], fields[2], ("client_id", DOCUMENT)]).await.expect(401);
    // It signs for the token endpoint that the metadata names.
    let audience = json!({ "aud": format!("{ISSUER}/oauth2/tokens") });
    let assertion = keys.assertion(DOCUMENT, json!({}), audience);
    send(&house, "/oauth2/tokens", &assertion, &fields).await.expect(200);
}

#[actix_web::test]
async fn a_client_that_may_do_without_its_keys_may_not_once_it_has_used_them() {
    let keys = Keys::new();
    let either = document(json!({ "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"] }));
    keys.signer.state().others = vec![(DOCUMENT.to_owned(), either), (KEYS.to_owned(), keys.jwks())];
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let bare = ("client_id", DOCUMENT);
    for proven in [false, true] {
        let code = document_code(&house, &owner).await;
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
        let tokens = if proven {
            send(&house, "/oauth2/tokens", &keys.good(DOCUMENT), &fields).await
        } else {
            house.form("/oauth2/tokens", "", &[fields[0], fields[1], fields[2], bare]).await
        };
        let tokens = tokens.expect(200).json();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let without = house.form("/oauth2/tokens", "", &[refresh[0], refresh[1], bare]).await;
        if proven {
            without.expect(401);
            send(&house, "/oauth2/tokens", &keys.good(DOCUMENT), &refresh).await.expect(200);
        } else {
            without.expect(200);
        }
    }
    let strict =
        house_beside(keys.signer.upstreams(), |settings| settings.oauth2.cimd.require_key_when_listed = true).await;
    let owner_there = strict.owner().await;
    let code = document_code(&strict, &owner_there).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    strict.form("/oauth2/tokens", "", &[fields[0], fields[1], fields[2], bare]).await.expect(401);
    send(&strict, "/oauth2/tokens", &keys.good(DOCUMENT), &fields).await.expect(200);
    // An assertion that is not good is not as if there were none.
    let code = document_code(&house, &owner).await;
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    send(&house, "/oauth2/tokens", &Keys::new().good(DOCUMENT), &fields).await.expect(401);
}
