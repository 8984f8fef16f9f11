//! Whatever a provider, or somebody in its name, sends: it is refused in words, nothing is half-written, and the server is not at fault.

use super::{Browser, CALLBACK, ann, town};
use crate::house::{Answer, House, NOW};
use crate::provider::{FakeProvider, PROVIDER, entry};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use doorward_domain::identity_providers::{ClaimsSource, Provider};
use serde_json::{Value, json};

const DOCUMENT: &str = "https://id.example/.well-known/openid-configuration";

fn with(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

/// Makes the payload of a token for a nonce.
type Spoil = fn(&str) -> Vec<u8>;

/// A good ID token as text, to be spoilt.
fn payload(nonce: &str) -> String {
    let now = NOW.unix_timestamp();
    let claims = json!({
        "iss": PROVIDER, "sub": "sub-1", "aud": "doorward", "iat": now, "exp": now + 300, "nonce": nonce,
        "email": "ann@corp.example", "email_verified": true,
    });
    claims.to_string()
}

/// Signs in with a token that the provider has signed, and whose bytes these are.
async fn sign_in_with<S>(
    house: &House<S>,
    provider: &FakeProvider,
    header: &[u8],
    payload: impl FnOnce(&str) -> Vec<u8>,
) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let mut browser = Browser::new(house);
    let state = browser.go(provider, CALLBACK).await;
    let token = provider.sign_raw(header, &payload(&provider.nonce()));
    provider.state().id_token = Some(token);
    let answer = browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await;
    provider.state().id_token = None;
    answer
}

async fn count<S>(house: &House<S>, owner: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    house.get("/users", owner).await.expect(200).json()["count"].clone()
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[actix_web::test]
async fn every_claim_may_be_of_any_type() {
    let (house, provider, owner) = town(|settings| settings.oidc.providers[0].trust_amr = true).await;
    let claims = [
        "iss",
        "sub",
        "aud",
        "azp",
        "exp",
        "iat",
        "nbf",
        "nonce",
        "at_hash",
        "auth_time",
        "acr",
        "amr",
        "sid",
        "email",
        "email_verified",
        "name",
        "preferred_username",
        "picture",
        "groups",
        "hd",
        "tid",
        "xms_edov",
        "_claim_names",
    ];
    // Without these, or with nonsense in their place, nobody is believed.
    let needed = ["iss", "sub", "aud", "exp", "iat", "nonce", "email"];
    let values = [
        json!(7),
        json!(-1),
        json!(1e300),
        json!(true),
        json!([]),
        json!([[1]]),
        json!({ "a": 1 }),
        json!("x\u{202e}y"),
    ];
    for claim in claims {
        for value in &values {
            provider.say(with(json!({ claim: value })));
            let answer = Browser::new(&house).sign_in(&provider).await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 307 | 400 | 403), "{claim} {value}: {status} {}", answer.body);
            if needed.contains(&claim) && !(claim == "sub" && value.is_string()) {
                assert_ne!(status, 307, "{claim} {value}");
            }
        }
    }
    let users = house.get("/users", &owner).await.expect(200).json();
    for user in users["users"].as_array().unwrap() {
        assert!(user["email"].as_str().unwrap().contains('@'), "{user}");
    }
}

#[actix_web::test]
async fn bytes_that_programs_read_in_different_ways_are_refused() {
    let (house, provider, owner) = town(|_| ()).await;
    let header = br#"{"alg":"ES256","kid":"k1"}"#;
    let good = sign_in_with(&house, &provider, header, |nonce| payload(nonce).into_bytes()).await;
    good.expect(307);
    let before = count(&house, &owner).await;
    let spoilt: [(&str, Spoil); 8] = [
        ("a member twice", |nonce| payload(nonce).replacen('{', r#"{"sub":"victim","#, 1).into_bytes()),
        ("a member twice, escaped", |nonce| payload(nonce).replacen('{', r#"{"\u0073ub":"victim","#, 1).into_bytes()),
        ("NUL", |nonce| payload(nonce).replacen('{', r#"{"name":"a\u0000b","#, 1).into_bytes()),
        ("half a character", |nonce| payload(nonce).replacen('{', r#"{"name":"\ud800","#, 1).into_bytes()),
        ("too deep", |nonce| payload(nonce).replacen('{', &format!(r#"{{"x":{},"#, deep(10_000)), 1).into_bytes()),
        ("no UTF-8", |nonce| {
            [&payload(nonce).into_bytes()[..1], b"\"x\":\"\xff\xfe\",", &payload(nonce).as_bytes()[1..]].concat()
        }),
        ("more behind it", |nonce| format!("{} {{}}", payload(nonce)).into_bytes()),
        ("no object", |_| b"[1]".to_vec()),
    ];
    for (what, spoil) in spoilt {
        let answer = sign_in_with(&house, &provider, header, spoil).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.body);
    }
    let deep_header = format!(r#"{{"alg":"ES256","kid":"k1","x":{}}}"#, deep(100));
    for header in [
        br#"{"alg":"ES256","alg":"ES256","kid":"k1"}"#.as_slice(),
        br#"{"alg":"ES256","kid":"k1","crit":["exp"]}"#,
        br#"{"alg":"ES256","kid":"k1","b64":false}"#,
        br#"{"alg":"ES256","kid":["k1"]}"#,
        b"{\"alg\":\"ES256\",\"kid\":\"\xff\"}",
        b"[]",
        deep_header.as_bytes(),
    ] {
        let answer = sign_in_with(&house, &provider, header, |nonce| payload(nonce).into_bytes()).await;
        assert_eq!(answer.status, 400, "{}: {}", String::from_utf8_lossy(header), answer.body);
    }
    assert_eq!(count(&house, &owner).await, before);
}

#[actix_web::test]
async fn what_is_too_large_is_refused_and_writes_nothing() {
    let (house, provider, owner) = town(|settings| {
        settings.oidc.providers = vec![Provider { claims_source: ClaimsSource::AccessToken, ..entry() }];
    })
    .await;
    let groups: Vec<String> = (0..50_000).map(|n| format!("g{n}")).collect();
    provider.say(with(json!({ "groups": groups })));
    Browser::new(&house).sign_in(&provider).await.expect(400);
    provider.say(with(json!({ "x": "y".repeat(2 * 1024 * 1024) })));
    Browser::new(&house).sign_in(&provider).await.expect(400);
    // An access token that is no token of the provider, and one of 2 MB.
    provider.say(ann());
    Browser::new(&house).sign_in(&provider).await.expect(400);
    let token = "a".repeat(2 * 1024 * 1024);
    let answer = json!({ "access_token": token, "token_type": "Bearer", "id_token": token });
    provider.state().others = vec![(format!("{PROVIDER}/token"), answer)];
    Browser::new(&house).sign_in(&provider).await.expect(400);
    let long = "c".repeat(9000);
    let mut browser = Browser::new(&house);
    let state = browser.go(&provider, CALLBACK).await;
    browser.get(&format!("{CALLBACK}?code={long}&state={state}")).await.expect(400);
    assert_eq!(count(&house, &owner).await, 1);
}

#[actix_web::test]
async fn documents_of_the_provider_that_cannot_be_read_are_told_as_such() {
    let (house, provider, owner) = town(|_| ()).await;
    let good = format!(
        r#""issuer":"{PROVIDER}","authorization_endpoint":"{PROVIDER}/authorize","token_endpoint":"{PROVIDER}/token""#
    );
    let documents = [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        format!("{{{good}}}"),
        format!(r#"{{{good},"jwks_uri":"{PROVIDER}/jwks","issuer":"{PROVIDER}"}}"#),
        format!(r#"{{{good},"jwks_uri":"http://id.example/jwks"}}"#),
        format!(r#"{{{good},"jwks_uri":"https://user:secret@id.example/jwks"}}"#),
        format!(r#"{{{good},"jwks_uri":7}}"#),
        format!(r#"{{{good},"jwks_uri":"{PROVIDER}/jwks","x":{}}}"#, deep(10_000)),
        format!(r#"{{{good},"jwks_uri":"{PROVIDER}/jwks","x":"{}"}}"#, "y".repeat(2 * 1024 * 1024)),
    ];
    for document in documents {
        provider.state().raws = vec![(DOCUMENT.to_owned(), "application/json", document.clone().into_bytes())];
        let page = Browser::new(&house).get(CALLBACK).await;
        assert_eq!(page.status, 502, "{:.100}: {}", document, page.body);
    }
    provider.state().raws.clear();
    // The token endpoint and the userinfo endpoint.
    provider.state().userinfo = Some(json!({}));
    for place in ["token", "userinfo"] {
        for (body, statuses) in [
            (b"".as_slice(), [502, 400]),
            (b"null".as_slice(), [502, 400]),
            (b"[]".as_slice(), [502, 400]),
            (b"{\"sub\":\"sub-1\",\"sub\":\"sub-1\",\"access_token\":7}".as_slice(), [502, 400]),
            (b"\xff\xfe".as_slice(), [502, 400]),
            (b"{\"sub\":\"sub-1\",\"name\":\"\\u0000\",\"access_token\":\"a\"}".as_slice(), [502, 400]),
            (deep(100_000).as_bytes(), [502, 400]),
        ] {
            provider.state().raws = vec![(format!("{PROVIDER}/{place}"), "application/json", body.to_vec())];
            let answer = Browser::new(&house).sign_in(&provider).await;
            assert!(
                statuses.contains(&answer.status.as_u16()),
                "{place} {:?}: {}",
                &body[..body.len().min(20)],
                answer.body
            );
        }
    }
    assert_eq!(count(&house, &owner).await, 1);
}

#[actix_web::test]
async fn odd_sets_of_keys_let_in_by_their_good_keys_only() {
    let (house, provider, _) = town(|_| ()).await;
    let good = provider.jwks().remove(0);
    let foreign = FakeProvider::new(0).jwks().remove(0);
    let changed = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let thousand: Vec<Value> = (0..1000).map(|n| changed("kid", json!(format!("k{n}")))).collect();
    let sets = [
        // Several keys of one id: each is tried.
        (json!({ "keys": [foreign, good] }), 307),
        (json!({ "keys": [1, null, {}, { "kty": "oct", "kid": "k1", "k": "AA" }, good] }), 307),
        (json!({ "keys": [changed("use", json!("enc"))] }), 400),
        (json!({ "keys": [changed("alg", json!("RS256"))] }), 400),
        (json!({ "keys": [changed("key_ops", json!(["sign"]))] }), 400),
        (json!({ "keys": [changed("x", json!("AA"))] }), 400),
        // Whoever has read its private part can sign.
        (json!({ "keys": [changed("d", json!("AA"))] }), 400),
        (json!({ "keys": [] }), 400),
        (json!({ "keys": {} }), 502),
        (json!({}), 502),
        (json!([good]), 502),
        (json!({ "keys": thousand }), 502),
    ];
    for (set, status) in sets {
        provider.state().others = vec![(format!("{PROVIDER}/jwks"), set.clone())];
        // What is known of the provider is too old, also for when it gives no answer.
        house.clock.advance(time::Duration::hours(25));
        provider.advance(25 * 3600);
        let answer = Browser::new(&house).sign_in(&provider).await;
        assert_eq!(answer.status.as_u16(), status, "{:.200}: {}", set.to_string(), answer.body);
    }
    // The session of the beginning has ended meanwhile.
    let owner = house.login("ann@example.com").await;
    assert_eq!(count(&house, &owner).await, 2);
    let log = house.get("/audit?q=resource_type:identity_provider&limit=9", &owner).await.expect(200).json();
    let record = &log["audit_logs"][0];
    assert_eq!(
        (&log["count"], &record["action"], &record["resource_target"], &record["diff"]["private_keys"]["new"]),
        (&json!(1), &json!("private_key_exposure"), &json!("corp"), &json!(1))
    );
}
