use super::*;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use time::macros::datetime;

/// RFC 9449 4.1 and 7.1.
const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
const AT_TOKENS: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const AT_RESOURCE: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const NOW: Instant = datetime!(2026-01-02 00:00 UTC);
const URL: &str = "https://a.example/oauth2/tokens";

fn policy() -> ProofPolicy<'static> {
    ProofPolicy {
        method: "POST",
        target: URL,
        access_token: None,
        max_age: Duration::minutes(5),
        max_future: Duration::minutes(5),
        needs_nonce: false,
    }
}

fn nonces() -> DpopNonces {
    let key = Secret::new((0..32).collect::<Vec<u8>>());
    DpopNonces::new(&key, std::slice::from_ref(&key))
}

#[expect(clippy::disallowed_methods, reason = "a test has no port")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> Value {
    json!({ "jti": "1", "htm": "POST", "htu": URL, "iat": NOW.unix_timestamp() })
}

/// These claims with others in the place of some; `null` takes one away.
fn with(change: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A proof of a new Ed25519 key, in whose header these members take the place of others.
fn signed(header: &Value, claims: &Value) -> String {
    let document = Ed25519KeyPair::generate_pkcs8(&random()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) });
    let mut whole = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
    for (name, value) in header.as_object().unwrap() {
        if let (Some(jwk), Some(more)) = (whole[name].as_object_mut(), value.as_object()) {
            jwk.extend(more.clone());
        } else {
            whole[name] = value.clone();
        }
    }
    let text = format!("{}.{}", encode(whole.to_string()), encode(claims.to_string()));
    let signature = encode(pair.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn check_by(change: &Value, policy: &ProofPolicy<'_>) -> Result<CheckedProof, ProofDefect> {
    DpopProof::parse(&signed(&json!({}), &with(change)))?.check(policy, &nonces(), NOW)
}

fn check(change: &Value) -> Result<CheckedProof, ProofDefect> {
    check_by(change, &policy())
}

#[test]
fn the_proofs_of_the_standard_are_good() {
    let made = Instant::from_unix_timestamp(1_562_262_616).unwrap();
    let proof = DpopProof::parse(&format!("{HEADER}.{AT_TOKENS}")).unwrap();
    let at_tokens = ProofPolicy { target: "https://server.example.com/token", ..policy() };
    let checked = proof.check(&at_tokens, &nonces(), made).unwrap();
    assert_eq!((checked.key.as_str(), checked.id.as_str()), (JKT, "-BwC3ESc6acc2lTc"));
    assert_eq!(checked.remember_until, made + Duration::minutes(5));

    let proof = DpopProof::parse(&format!("{HEADER}.{AT_RESOURCE}")).unwrap();
    let at_resource = ProofPolicy {
        method: "GET",
        target: "https://resource.example.org/protectedresource",
        access_token: Some(TOKEN),
        ..policy()
    };
    let checked = proof.check(&at_resource, &nonces(), made).unwrap();
    assert_eq!(checked.key.as_str(), JKT);
    let other = ProofPolicy { access_token: Some("another"), ..at_resource };
    assert_eq!(proof.check(&other, &nonces(), made), Err(ProofDefect::AccessToken));
}

#[test]
fn a_proof_is_good_for_one_request_only() {
    assert!(check(&json!({})).is_ok());
    for (change, defect) in [
        (json!({ "htm": "post" }), ProofDefect::Method),
        (json!({ "htm": "GET" }), ProofDefect::Method),
        (json!({ "htm": null }), ProofDefect::Missing("htm")),
        (json!({ "htu": "https://b.example/oauth2/tokens" }), ProofDefect::Target),
        (json!({ "htu": "nothing" }), ProofDefect::Target),
        (json!({ "htu": null }), ProofDefect::Missing("htu")),
        (json!({ "jti": null }), ProofDefect::Missing("jti")),
        (json!({ "jti": "" }), ProofDefect::Id),
        (json!({ "jti": "x".repeat(257) }), ProofDefect::Id),
        (json!({ "iat": null }), ProofDefect::Missing("iat")),
    ] {
        assert_eq!(check(&change), Err(defect), "{change}");
    }
    assert!(matches!(check(&json!({ "iat": "now" })), Err(ProofDefect::Type(_))));
    assert!(check(&json!({ "jti": "x".repeat(256), "htu": "HTTPS://a.example:443/oauth2/tokens?x=y" })).is_ok());
}

#[test]
fn a_proof_for_a_resource_names_the_token() {
    let with_token = ProofPolicy { access_token: Some(TOKEN), ..policy() };
    assert_eq!(check_by(&json!({}), &with_token), Err(ProofDefect::Missing("ath")));
    assert_eq!(check_by(&json!({ "ath": token_hash("x") }), &with_token), Err(ProofDefect::AccessToken));
    assert!(check_by(&json!({ "ath": token_hash(TOKEN) }), &with_token).is_ok());
}

#[test]
fn the_header_says_what_it_is_and_has_a_public_key() {
    let parse = |header: Value| DpopProof::parse(&signed(&header, &claims())).map(drop);
    assert_eq!(parse(json!({})), Ok(()));
    for typ in ["JWT", "DPoP+JWT", "application/dpop+jwt", "at+jwt", "oauth-authz-req+jwt", ""] {
        assert_eq!(parse(json!({ "typ": typ })), Err(ProofDefect::Kind), "{typ}");
    }
    assert_eq!(parse(json!({ "typ": null })), Err(ProofDefect::Kind));
    for member in ["d", "k", "p"] {
        assert_eq!(parse(json!({ "jwk": { member: "AAAA" } })), Err(ProofDefect::Key), "{member}");
    }
    for jwk in [json!(null), json!("x"), json!([])] {
        assert_eq!(parse(json!({ "jwk": jwk })), Err(ProofDefect::Key), "{jwk}");
    }
    assert_eq!(parse(json!({ "jwk": { "kty": "oct", "k": "AAAA" } })), Err(ProofDefect::Key));
    for alg in ["none", "HS256"] {
        assert_eq!(parse(json!({ "alg": alg })), Err(HeaderDefect::NotSigned.into()), "{alg}");
    }
    assert_eq!(parse(json!({ "alg": "ES256" })), Err(ProofDefect::Signature), "of a key of another kind");
    assert_eq!(parse(json!({ "crit": ["x"] })), Err(HeaderDefect::Critical.into()));
}

#[test]
fn the_key_in_it_has_signed_it() {
    let (one, other) = (signed(&json!({}), &claims()), signed(&json!({}), &claims()));
    let (unsigned, _) = one.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(DpopProof::parse(&format!("{unsigned}.{signature}")).map(drop), Err(ProofDefect::Signature));
    let joined = format!("{one},{other}");
    assert!(matches!(DpopProof::parse(&joined), Err(ProofDefect::Compact(_))), "two in one header");
    assert_eq!(DpopProof::parse(&"x".repeat(DPOP_PROOF_MAX + 1)).map(drop), Err(ProofDefect::TooLong));

    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "kid": "any", "alg": "ES256" });
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let text = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
    let signature = encode(pair.sign(&random(), text.as_bytes()).unwrap());
    assert!(DpopProof::parse(&format!("{text}.{signature}")).is_ok());
}

#[test]
fn a_clock_may_be_off_by_minutes_and_with_a_nonce_by_a_day() {
    let at = |seconds: i64| json!({ "iat": NOW.unix_timestamp() + seconds });
    let nonce = nonces().at(NOW);
    let with_nonce = |seconds: i64| json!({ "iat": NOW.unix_timestamp() + seconds, "nonce": nonce });
    for seconds in [-300, 0, 300] {
        assert!(check(&at(seconds)).is_ok(), "{seconds}");
    }
    for seconds in [-301, 301] {
        assert_eq!(check(&at(seconds)), Err(ProofDefect::NonceNeeded), "{seconds}");
        assert!(check(&with_nonce(seconds)).is_ok(), "{seconds}");
    }
    for seconds in [-86_401, 86_401] {
        assert_eq!(check(&with_nonce(seconds)), Err(ProofDefect::Time), "{seconds}");
    }
    // It cannot be used once more as long as the nonce is good.
    let step = NOW.unix_timestamp() / 60;
    let until = Instant::from_unix_timestamp((step + 5) * 60).unwrap();
    assert_eq!(check(&with_nonce(-86_400)).unwrap().remember_until, until);
    let late = DpopProof::parse(&signed(&json!({}), &with(&with_nonce(0)))).unwrap();
    assert_eq!(late.check(&policy(), &nonces(), until), Err(ProofDefect::NonceNeeded));
    assert!(late.check(&policy(), &nonces(), until - Duration::SECOND).is_ok());
}

#[test]
fn a_nonce_is_of_this_server_and_of_the_last_minutes() {
    let always = ProofPolicy { needs_nonce: true, ..policy() };
    assert_eq!(check_by(&json!({}), &always), Err(ProofDefect::NonceNeeded));
    for (minutes, is_old) in [(-1, false), (0, false), (1, false), (2, true), (4, true)] {
        let nonce = nonces().at(NOW - Duration::minutes(minutes));
        let checked = check_by(&json!({ "nonce": nonce }), &always).unwrap();
        assert_eq!(checked.nonce_is_old, is_old, "{minutes}");
    }
    for minutes in [-2, 5] {
        let nonce = nonces().at(NOW - Duration::minutes(minutes));
        assert_eq!(check(&json!({ "nonce": nonce })), Err(ProofDefect::NonceNeeded), "{minutes}");
    }
    let stranger = Secret::new(vec![7; 32]);
    let strangers = DpopNonces::new(&stranger, std::slice::from_ref(&stranger));
    assert_eq!(check(&json!({ "nonce": strangers.at(NOW) })), Err(ProofDefect::NonceNeeded));
    assert_eq!(check(&json!({ "nonce": "" })), Err(ProofDefect::NonceNeeded));
    // A key that was replaced still verifies what it has made.
    let key = Secret::new((0..32).collect::<Vec<u8>>());
    let after = DpopNonces::new(&stranger, &[key, stranger.clone()]);
    let proof = DpopProof::parse(&signed(&json!({}), &with(&json!({ "nonce": nonces().at(NOW) })))).unwrap();
    assert!(proof.check(&policy(), &after, NOW).is_ok());
    assert_eq!(after.at(NOW), strangers.at(NOW));
}

#[test]
fn whatever_else_is_wrong_is_told_before_a_nonce_is_asked_for() {
    let always = ProofPolicy { needs_nonce: true, ..policy() };
    assert_eq!(check_by(&json!({ "htm": "GET" }), &always), Err(ProofDefect::Method));
    assert_eq!(check(&json!({ "htu": "https://b.example/", "iat": 1 })), Err(ProofDefect::Target));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = DpopProof::parse(&text);
        let _ = normalized_target(&text);
    }
}
