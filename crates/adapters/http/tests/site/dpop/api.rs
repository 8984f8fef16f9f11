//! Our own API as resource server.

use super::{Prover, public, redeem, refresh};
use crate::client_keys::Site;
use crate::house::{Answer, House, house, house_with};
use crate::oauth2::access_token;
use actix_web::test::TestRequest;
use doorward_domain::oauth2::token_hash;
use doorward_services::NonceRule;
use serde_json::{Value, json};
use time::Duration;

const ME: &str = "/api/v2/users/me";

impl Prover {
    /// A proof for the API, beside this token.
    fn beside(&self, token: &str, method: &str, path: &str, change: Value) -> String {
        let claims = crate::client_keys::with(json!({ "ath": token_hash(token) }), change);
        self.proof_with(method, path, json!({}), claims)
    }

    fn reading(&self, token: &str) -> String {
        self.beside(token, "GET", ME, json!({}))
    }
}

async fn get<S: Site>(house: &House<S>, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(TestRequest::get().uri(ME), |request, header| request.append_header(*header));
    house.send(request).await
}

/// What is said beside 401.
#[track_caller]
fn refused(answer: Answer, code: &str) {
    let answer = answer.expect(401);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with(&format!("DPoP error=\"{code}\"")), "{challenge}");
    assert!(challenge.contains("algs=\"ES256 EdDSA"), "{challenge}");
    assert_eq!(answer.headers.get_all("www-authenticate").count(), 1);
}

#[actix_web::test]
async fn a_bound_token_is_good_with_a_proof_of_its_key_and_in_no_other_way() {
    let (house, key, thief) = (house().await, Prover::new(), Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let tokens = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let authorization = format!("{scheme} {token}");
        let good = get(&house, &[("Authorization", &*authorization), ("DPoP", &*key.reading(token))]).await.expect(200);
        assert_eq!(good.json()["username"], "ann");
    }
    // As if it were not bound, with and without a proof.
    let (bearer, dpop) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let cookie = format!("coder_session_token={token}");
    for header in [("Authorization", &*bearer), ("Coder-Session-Token", token), ("Cookie", &*cookie)] {
        refused(get(&house, &[header]).await, "invalid_token");
        refused(get(&house, &[header, ("DPoP", &*key.reading(token))]).await, "invalid_token");
    }
    for name in ["access_token", "coder_session_token"] {
        refused(house.send(TestRequest::get().uri(&format!("{ME}?{name}={token}"))).await, "invalid_token");
    }
    // Without a proof, and with one that is no good.
    let with = async |proofs: &[&str]| {
        let proofs = proofs.iter().map(|proof| ("DPoP", *proof));
        get(&house, &[("Authorization", &*dpop)].into_iter().chain(proofs).collect::<Vec<_>>()).await
    };
    refused(with(&[]).await, "invalid_dpop_proof");
    refused(with(&[&key.reading(token), &key.reading(token)]).await, "invalid_dpop_proof");
    refused(with(&[&format!("{},{}", key.reading(token), key.reading(token))]).await, "invalid_dpop_proof");
    for (method, path, change) in [
        ("POST", ME, json!({})),
        ("GET", "/api/v2/users", json!({})),
        ("GET", ME, json!({ "ath": null })),
        ("GET", ME, json!({ "ath": token_hash("another") })),
        ("GET", ME, json!({ "htu": "https://mcp.example/api/v2/users/me" })),
    ] {
        refused(with(&[&key.beside(token, method, path, change)]).await, "invalid_dpop_proof");
    }
    refused(with(&[&thief.reading(token)]).await, "invalid_token");
    let once = key.reading(token);
    with(&[&once]).await.expect(200);
    refused(with(&[&once]).await, "invalid_dpop_proof");
    // The thief's try did not use the key's proofs up, nor does anybody else's `jti`.
    let same = json!({ "jti": "the same" });
    refused(with(&[&thief.beside(token, "GET", ME, same.clone())]).await, "invalid_token");
    with(&[&key.beside(token, "GET", ME, same)]).await.expect(200);
    // After a refresh the old one is over, by whatever proof.
    let next = refresh(&house, &app, &tokens, &[&key.good()]).await.expect(200).json();
    refused(with(&[&key.reading(token)]).await, "invalid_token");
    let (next, proof) =
        (next["access_token"].as_str().unwrap(), format!("DPoP {}", next["access_token"].as_str().unwrap()));
    get(&house, &[("Authorization", &*proof), ("DPoP", &*key.reading(next))]).await.expect(200);
}

#[actix_web::test]
async fn a_token_that_is_bound_to_no_key_does_not_come_by_dpop() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = crate::oauth2::client(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &app, &[]).await;
    for token in [&token, &owner] {
        let authorization = format!("DPoP {token}");
        let headers = [("Authorization", &*authorization), ("DPoP", &*key.reading(token))];
        refused(get(&house, &headers).await, "invalid_token");
    }
    // A proof beside what needs none changes nothing.
    let bearer = format!("Bearer {token}");
    get(&house, &[("Authorization", &*bearer), ("DPoP", "nonsense")]).await.expect(200);
}

#[actix_web::test]
async fn one_request_has_one_credential() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let tokens = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    let (bearer, dpop, proof) = (format!("Bearer {owner}"), format!("DPoP {token}"), key.reading(token));
    for (one, two) in [(&bearer, &dpop), (&dpop, &bearer), (&dpop, &dpop)] {
        let headers = [("Authorization", &**one), ("Authorization", &**two), ("DPoP", &*proof)];
        get(&house, &headers).await.expect(400);
    }
    get(&house, &[("Authorization", &*dpop), ("DPoP", &*proof)]).await.expect(200);
}

#[actix_web::test]
async fn who_brings_nothing_is_told_of_both_schemes() {
    let house = house().await;
    house.owner().await;
    let answer = get(&house, &[]).await.expect(401);
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").map(|value| value.to_str().unwrap()).collect();
    assert_eq!(challenges.len(), 2);
    assert!(challenges[0].starts_with("Bearer realm="), "{challenges:?}");
    assert_eq!(challenges[1], "DPoP algs=\"ES256 EdDSA ES384 RS256 PS256\"");
}

#[actix_web::test]
async fn a_proof_of_a_change_is_good_once() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let tokens = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    let path = "/api/v2/authcheck";
    let proof = key.beside(token, "POST", path, json!({}));
    let send = async || {
        let request = TestRequest::post().uri(path).set_payload(json!({ "checks": {} }).to_string());
        let request = request.insert_header(("Authorization", format!("DPoP {token}")));
        house.send(request.insert_header(("DPoP", proof.clone()))).await
    };
    send().await.expect(200);
    refused(send().await, "invalid_dpop_proof");
}

#[actix_web::test]
async fn the_api_asks_for_nonces_too() {
    let house = house_with(|settings| settings.oauth2.dpop.nonce = NonceRule::Always).await;
    let (owner, key) = (house.owner().await, Prover::new());
    let app = public(&house, &owner, json!({})).await;
    let nonce = redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(400).header("dpop-nonce").to_owned();
    let proof = key.proof_with("POST", "/oauth2/tokens", json!({}), json!({ "nonce": nonce }));
    let tokens = redeem(&house, &owner, &app, &[], &[&proof]).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    let authorization = format!("DPoP {token}");
    let with = async |change: Value| {
        let proof = key.beside(token, "GET", ME, change);
        get(&house, &[("Authorization", &*authorization), ("DPoP", &*proof)]).await
    };
    let asked = with(json!({})).await;
    assert_eq!(asked.header("dpop-nonce"), nonce, "the same at every place of a minute");
    refused(asked, "use_dpop_nonce");
    let answer = with(json!({ "nonce": nonce })).await.expect(200);
    assert_eq!(answer.header("dpop-nonce"), "");
    house.clock.advance(Duration::minutes(2));
    let answer = with(json!({ "nonce": nonce })).await.expect(200);
    assert_eq!(answer.header("dpop-nonce").len(), 22);
    assert_ne!(answer.header("dpop-nonce"), nonce);
}

#[actix_web::test]
async fn claims_are_told_by_a_bound_token_too() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = public(&house, &owner, json!({})).await;
    let asked = [("scope", "openid"), ("resource", "https://elsewhere.example")];
    let tokens = redeem(&house, &owner, &app, &asked, &[&key.good()]).await.expect(200).json();
    let (token, path) = (tokens["access_token"].as_str().unwrap(), "/oauth2/userinfo");
    let ask = async |scheme: &str, proof: &str| {
        let request = TestRequest::get().uri(path).insert_header(("Authorization", format!("{scheme} {token}")));
        house.send(request.insert_header(("DPoP", proof))).await
    };
    let good = || key.beside(token, "GET", path, json!({}));
    assert!(ask("DPoP", &good()).await.expect(200).json()["sub"].is_string());
    let bearer = ask("Bearer", &good()).await;
    assert_eq!(bearer.json()["error"], "invalid_token");
    refused(bearer, "invalid_token");
    let bad = ask("DPoP", &key.beside(token, "POST", path, json!({}))).await;
    assert_eq!(bad.json()["error"], "invalid_dpop_proof");
    refused(bad, "invalid_dpop_proof");
}
