//! Proof of possession (DPoP, RFC 9449): tokens that are bound to a key, from the code to the API.

mod api;
mod required;

use crate::client_keys::{Site, with};
use crate::house::{Answer, House, ISSUER, NOW, house, house_with};
use crate::oauth2::{Client, VERIFIER, allow, client};
use crate::provider::FakeProvider;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::identity_providers::KeySet;
use doorward_services::NonceRule;
use serde_json::{Value, json};
use time::Duration;

const TOKENS: &str = "/oauth2/tokens";

/// Somebody with a key, who signs proofs by it. Each has another id.
struct Prover {
    signer: FakeProvider,
    count: std::cell::Cell<u32>,
}

impl Prover {
    fn new() -> Self {
        Self { signer: FakeProvider::new(NOW.unix_timestamp()), count: std::cell::Cell::new(0) }
    }

    fn jkt(&self) -> String {
        let set = json!({ "keys": self.signer.jwks() }).to_string();
        KeySet::parse(set.as_bytes()).unwrap().keys()[0].material.thumbprint()
    }

    /// A proof for a request, with these changes of header and claims.
    fn proof_with(&self, method: &str, path: &str, header: Value, claims: Value) -> String {
        self.count.set(self.count.get() + 1);
        let all = json!({
            "jti": format!("id-{}", self.count.get()), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": NOW.unix_timestamp(),
        });
        let head = json!({ "typ": "dpop+jwt", "jwk": self.signer.jwks()[0] });
        self.signer.sign(&with(head, header), &with(all, claims))
    }

    /// A good one for the token endpoint.
    fn good(&self) -> String {
        self.proof_with("POST", TOKENS, json!({}), json!({}))
    }
}

async fn post<S: Site>(
    house: &House<S>,
    path: &str,
    authorization: &str,
    fields: &[(&str, &str)],
    proofs: &[&str],
) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = TestRequest::post().uri(path).set_payload(body);
    if !authorization.is_empty() {
        request = request.insert_header(("Authorization", authorization));
    }
    for proof in proofs {
        request = request.append_header(("DPoP", *proof));
    }
    house.send(request).await
}

/// The answer to who redeems a code, which the owner gives for this.
async fn redeem<S: Site>(
    house: &House<S>,
    owner: &str,
    app: &Client,
    more: &[(&str, &str)],
    proofs: &[&str],
) -> Answer {
    let code = allow(house, owner, &app.authorize(more)).await.expect(302).redirected_with("code").unwrap();
    redeem_code(house, app, &code, proofs).await
}

async fn redeem_code<S: Site>(house: &House<S>, app: &Client, code: &str, proofs: &[&str]) -> Answer {
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    if app.secret.is_empty() {
        fields.push(("client_id", &app.id));
        return post(house, TOKENS, "", &fields, proofs).await;
    }
    post(house, TOKENS, &app.basic(), &fields, proofs).await
}

async fn refresh<S: Site>(house: &House<S>, app: &Client, tokens: &Value, proofs: &[&str]) -> Answer {
    let token = tokens["refresh_token"].as_str().unwrap();
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    if app.secret.is_empty() {
        fields.push(("client_id", &app.id));
        return post(house, TOKENS, "", &fields, proofs).await;
    }
    post(house, TOKENS, &app.basic(), &fields, proofs).await
}

async fn public<S: Site>(house: &House<S>, owner: &str, more: Value) -> Client {
    let app = json!({ "name": "cli", "callback_url": "http://127.0.0.1/cb", "public": true });
    let made = house.api(Method::POST, "/oauth2-provider/apps", owner, with(app, more)).await.expect(201).json();
    Client { id: made["id"].as_str().unwrap().to_owned(), secret: String::new() }
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn a_client_that_proves_a_key_gets_tokens_that_are_bound_to_it() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let tokens = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    assert_eq!(tokens["token_type"], "DPoP");
    let next = refresh(&house, &app, &tokens, &[&key.good()]).await.expect(200).json();
    assert_eq!(next["token_type"], "DPoP");
    let access = next["access_token"].as_str().unwrap();
    let asked = house.form("/oauth2/introspect", &app.basic(), &[("token", access)]).await.expect(200).json();
    assert_eq!((&asked["token_type"], &asked["cnf"]), (&json!("DPoP"), &json!({ "jkt": key.jkt() })));

    // Without a proof all is as ever.
    let plain = redeem(&house, &owner, &app, &[], &[]).await.expect(200).json();
    assert_eq!(plain["token_type"], "Bearer");
    let access = plain["access_token"].as_str().unwrap();
    let asked = house.form("/oauth2/introspect", &app.basic(), &[("token", access)]).await.expect(200).json();
    assert_eq!((&asked["token_type"], asked.get("cnf")), (&json!("Bearer"), None));
}

#[actix_web::test]
async fn of_strangers_no_proof_is_remembered() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let good = Prover::new().good();
    let code = allow(&house, &owner, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    for (id, secret) in [(&*app.id, "coder_0123456789_0000000000000000000000000000000000000000"), ("unknown", "x")] {
        let fields = [&fields[..], &[("client_id", id), ("client_secret", secret)]].concat();
        let refused = post(&house, TOKENS, "", &fields, &[&good]).await.expect(401);
        assert_eq!(error(&refused), "invalid_client");
    }
    redeem_code(&house, &app, &code, &[&good]).await.expect(200);
}

#[actix_web::test]
async fn a_bad_proof_is_refused_and_never_passed_over() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let code = allow(&house, &owner, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    let of = |header: Value, claims: Value| key.proof_with("POST", TOKENS, header, claims);
    let (one, two, now) = (key.good(), key.good(), NOW.unix_timestamp());
    let mut private = key.signer.jwks()[0].clone();
    private["d"] = json!("AAAA");
    for proofs in [
        vec![one.as_str(), two.as_str()],
        vec![&*format!("{one}, {two}")],
        vec![""],
        vec!["nonsense"],
        vec![&*format!("{}x", &one[..one.len() - 1])],
        vec![&*"x".repeat(5000)],
        vec![&*of(json!({ "typ": "JWT" }), json!({}))],
        vec![&*of(json!({ "typ": "DPoP+JWT" }), json!({}))],
        vec![&*of(json!({ "jwk": null }), json!({}))],
        vec![&*of(json!({ "jwk": private }), json!({}))],
        vec![&*of(json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), json!({}))],
        vec![&*of(json!({ "jwk": Prover::new().signer.jwks()[0] }), json!({}))],
        vec![&*of(json!({ "alg": "none" }), json!({}))],
        vec![&*of(json!({ "alg": "HS256" }), json!({}))],
        vec![&*of(json!({}), json!({ "htm": "GET" }))],
        vec![&*of(json!({}), json!({ "htm": "post" }))],
        vec![&*of(json!({}), json!({ "htu": format!("{ISSUER}/oauth2/par") }))],
        vec![&*of(json!({}), json!({ "htu": "https://evil.example/oauth2/tokens" }))],
        vec![&*of(json!({}), json!({ "htu": null }))],
        vec![&*of(json!({}), json!({ "jti": null }))],
        vec![&*of(json!({}), json!({ "jti": "x".repeat(257) }))],
        vec![&*of(json!({}), json!({ "iat": null }))],
    ] {
        let refused = redeem_code(&house, &app, &code, &proofs).await.expect(400);
        assert_eq!(error(&refused), "invalid_dpop_proof", "{proofs:?}");
    }
    for iat in [now - 301, now + 301] {
        let refused = redeem_code(&house, &app, &code, &[&of(json!({}), json!({ "iat": iat }))]).await.expect(400);
        assert_eq!(error(&refused), "use_dpop_nonce", "{iat}");
    }
    // The code was not used up by any of these; a proof is.
    let target = json!({ "htu": "HTTPS://DOOR.example:443/oauth2/%74okens?x=1#f", "iat": now - 299 });
    let good = of(json!({}), target);
    redeem_code(&house, &app, &code, &[&good]).await.expect(200);
    let replayed = redeem_code(&house, &app, &code, &[&good]).await.expect(400);
    assert_eq!(error(&replayed), "invalid_dpop_proof");
}

#[actix_web::test]
async fn a_client_whose_clock_is_off_is_helped_by_a_nonce() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let code = allow(&house, &owner, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    let at = |claims: Value| key.proof_with("POST", TOKENS, json!({}), claims);
    let off = NOW.unix_timestamp() - 7200;
    let refused = redeem_code(&house, &app, &code, &[&at(json!({ "iat": off }))]).await.expect(400);
    assert_eq!((error(&refused).as_str(), refused.header("cache-control")), ("use_dpop_nonce", "no-store"));
    let nonce = refused.header("dpop-nonce").to_owned();
    assert_eq!(nonce.len(), 22);
    let answer = redeem_code(&house, &app, &code, &[&at(json!({ "iat": off, "nonce": nonce }))]).await.expect(200);
    assert_eq!(answer.header("dpop-nonce"), "", "it is fresh");
    let tokens = answer.json();
    house.clock.advance(Duration::minutes(3));
    let answer = refresh(&house, &app, &tokens, &[&at(json!({ "iat": off, "nonce": nonce }))]).await.expect(200);
    let next = answer.header("dpop-nonce").to_owned();
    assert!(!next.is_empty() && next != nonce, "the next one, before this is too old");
    house.clock.advance(Duration::minutes(2));
    let old = refresh(&house, &app, &answer.json(), &[&at(json!({ "nonce": nonce }))]).await.expect(400);
    assert_eq!(error(&old), "use_dpop_nonce");
    let stranger = refresh(&house, &app, &answer.json(), &[&at(json!({ "nonce": "A".repeat(22) }))]).await.expect(400);
    assert_eq!(error(&stranger), "use_dpop_nonce");
}

#[actix_web::test]
async fn nonces_can_be_wanted_always() {
    let house = house_with(|settings| settings.oauth2.dpop.nonce = NonceRule::Always).await;
    let (owner, key) = (house.owner().await, Prover::new());
    let app = client(&house, &owner, json!({})).await;
    let code = allow(&house, &owner, &app.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    let refused = redeem_code(&house, &app, &code, &[&key.good()]).await.expect(400);
    assert_eq!(error(&refused), "use_dpop_nonce");
    let nonce = refused.header("dpop-nonce").to_owned();
    let proof = key.proof_with("POST", TOKENS, json!({}), json!({ "nonce": nonce }));
    redeem_code(&house, &app, &code, &[&proof]).await.expect(200);
}

#[actix_web::test]
async fn the_refresh_token_of_a_public_client_is_of_use_with_its_key_only() {
    let (house, key, thief) = (house().await, Prover::new(), Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let first = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    let refused = async |tokens: &Value, proofs: &[&str]| {
        let answer = refresh(&house, &app, tokens, proofs).await.expect(400);
        assert_eq!(error(&answer), "invalid_grant");
    };
    refused(&first, &[]).await;
    refused(&first, &[&thief.good()]).await;
    // Nothing was used up by it.
    let second = refresh(&house, &app, &first, &[&key.good()]).await.expect(200).json();
    assert_eq!(second["token_type"], "DPoP");
    refused(&first, &[&thief.good()]).await;
    let again = refresh(&house, &app, &first, &[&key.good()]).await.expect(200).json();
    assert_eq!(again["access_token"], second["access_token"]);
    // Long after, the thief ends nothing by an old one, and its owner does.
    let third = refresh(&house, &app, &second, &[&key.good()]).await.expect(200).json();
    house.clock.advance(Duration::minutes(4));
    refused(&first, &[]).await;
    refused(&first, &[&thief.good()]).await;
    let fourth = refresh(&house, &app, &third, &[&key.good()]).await.expect(200).json();
    refused(&first, &[&key.good()]).await;
    refused(&fourth, &[&key.good()]).await;
}

#[actix_web::test]
async fn a_public_client_may_begin_to_prove_a_key_and_must_then() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let plain = redeem(&house, &owner, &app, &[], &[]).await.expect(200).json();
    let bound = refresh(&house, &app, &plain, &[&key.good()]).await.expect(200).json();
    assert_eq!((&plain["token_type"], &bound["token_type"]), (&json!("Bearer"), &json!("DPoP")));
    assert_eq!(error(&refresh(&house, &app, &bound, &[]).await.expect(400)), "invalid_grant");
    assert_eq!(error(&refresh(&house, &app, &plain, &[]).await.expect(400)), "invalid_grant", "of the grace, too");
    refresh(&house, &app, &bound, &[&key.good()]).await.expect(200);
}

#[actix_web::test]
async fn a_confidential_client_may_change_its_key() {
    let (house, key, other) = (house().await, Prover::new(), Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let first = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    let second = refresh(&house, &app, &first, &[&other.good()]).await.expect(200).json();
    let access = second["access_token"].as_str().unwrap();
    let asked = house.form("/oauth2/introspect", &app.basic(), &[("token", access)]).await.json();
    assert_eq!(asked["cnf"]["jkt"], other.jkt());
    // The pair is handed out again to the key to which it is bound.
    assert_eq!(error(&refresh(&house, &app, &first, &[&key.good()]).await.expect(400)), "invalid_grant");
    assert_eq!(error(&refresh(&house, &app, &first, &[]).await.expect(400)), "invalid_grant");
    let again = refresh(&house, &app, &first, &[&other.good()]).await.expect(200).json();
    assert_eq!(again["access_token"], second["access_token"]);
    let third = refresh(&house, &app, &second, &[]).await.expect(200).json();
    assert_eq!(third["token_type"], "Bearer");
    house.get("/users/me", third["access_token"].as_str().unwrap()).await.expect(200);
}

#[actix_web::test]
async fn a_code_is_bound_to_the_key_that_the_request_names() {
    let (house, key, thief) = (house().await, Prover::new(), Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let uri = app.authorize(&[("dpop_jkt", &key.jkt())]);
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    for proofs in [vec![], vec![thief.good()]] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        assert_eq!(error(&redeem_code(&house, &app, &code, &proofs).await.expect(400)), "invalid_grant");
    }
    redeem_code(&house, &app, &code, &[&key.good()]).await.expect(200);
    for bad in ["x", &"A".repeat(42), &"A".repeat(44), &"+".repeat(43)] {
        let refused = allow(&house, &owner, &app.authorize(&[("dpop_jkt", bad)])).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_request"), "{bad}");
    }
}

#[actix_web::test]
async fn a_code_is_bound_to_the_key_by_which_the_request_was_pushed() {
    let (house, key, thief) = (house().await, Prover::new(), Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let fields = |jkt: &str| {
        let plain = [("response_type", "code"), ("code_challenge", crate::oauth2::CHALLENGE), ("dpop_jkt", jkt)];
        plain.map(|(name, value)| (name, value.to_owned()))
    };
    let push = async |jkt: &str, proof: &str| {
        let fields = fields(jkt);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post(&house, "/oauth2/par", &app.basic(), &fields, &[proof]).await
    };
    let good = || key.proof_with("POST", "/oauth2/par", json!({}), json!({}));
    assert_eq!(error(&push(&thief.jkt(), &good()).await.expect(400)), "invalid_dpop_proof");
    assert_eq!(error(&push("", &key.good()).await.expect(400)), "invalid_dpop_proof", "of another endpoint");
    for jkt in ["", &key.jkt()] {
        let pushed = push(jkt, &good()).await.expect(201).json();
        let uri = app.authorize(&[("request_uri", pushed["request_uri"].as_str().unwrap())]);
        let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
        assert_eq!(error(&redeem_code(&house, &app, &code, &[]).await.expect(400)), "invalid_grant");
        assert_eq!(error(&redeem_code(&house, &app, &code, &[&thief.good()]).await.expect(400)), "invalid_grant");
        redeem_code(&house, &app, &code, &[&key.good()]).await.expect(200);
    }
    let late = key.proof_with("POST", "/oauth2/par", json!({}), json!({ "iat": 1 }));
    let refused = push("", &late).await.expect(400);
    assert_eq!((error(&refused).as_str(), refused.header("dpop-nonce").len()), ("use_dpop_nonce", 22));
}
