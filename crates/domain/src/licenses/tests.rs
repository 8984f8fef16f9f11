use super::*;
use crate::licenses::{LicenseDraft, key_id};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use time::Duration;
use time::macros::datetime;

const NOW: Instant = datetime!(2026-03-01 12:00 UTC);
const HERE: Uuid = Uuid::from_u128(0xD0);

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn trusted() -> TrustedKeys {
    TrustedKeys::default().with("here", &URL_SAFE_NO_PAD.encode(pair(1).public_key())).unwrap()
}

fn signed(header: &Value, claims: &str, by: &Ed25519KeyPair) -> LicenseToken {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let input = format!("{}.{}", part(&header.to_string()), part(claims));
    LicenseDraft::signed(&input, by.sign(input.as_bytes()).as_ref())
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "here" })
}

fn seconds(at: Instant) -> i64 {
    at.unix_timestamp()
}

fn claims() -> Value {
    json!({
        "jti": HERE, "iat": seconds(NOW), "nbf": seconds(NOW), "license_expires": seconds(NOW + Duration::days(30)),
        "exp": seconds(NOW + Duration::days(60)), "version": 3, "feature_set": "Premium",
        "features": { "user_limit": 100, "unknown": 1 },
    })
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    claims.to_string()
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

fn judge(claims: &str) -> Result<LicenseTerms, LicenseDefect> {
    verify(&signed(&header(), claims, &pair(1)), &trusted(), HERE, NOW)
}

#[test]
fn a_licence_is_read_as_it_was_drafted() {
    let draft = LicenseDraft {
        id: HERE,
        issued_at: NOW,
        starts_at: NOW + Duration::DAY,
        paid_until: NOW + Duration::days(30),
        ends_at: NOW + Duration::days(60),
        account_id: "acme".to_owned(),
        deployment_ids: vec![HERE.to_string()],
        trial: true,
        feature_set: FeatureSet::Enterprise,
        features: [("user_limit".to_owned(), 100)].into(),
    };
    let input = draft.signing_input("here");
    let token = LicenseDraft::signed(&input, pair(1).sign(input.as_bytes()).as_ref());
    let terms = verify(&token, &trusted(), HERE, NOW).unwrap();
    let LicenseDraft { paid_until, ends_at, deployment_ids, trial, feature_set, features, .. } = draft;
    assert_eq!(
        terms,
        LicenseTerms {
            id: Some(HERE),
            issued_at: Some(NOW),
            starts_at: Some(NOW + Duration::DAY),
            paid_until,
            ends_at,
            deployment_ids,
            trial,
            require_telemetry: false,
            feature_set,
            features,
        }
    );
    assert!(token.claims().unwrap().contains("\"account_id\":\"acme\""));
    assert!(!format!("{token:?}").contains("ey"), "a licence is never printed");
    assert_eq!(key_id(pair(1).public_key().as_ref()).len(), 16);
}

#[test]
fn what_is_not_signed_by_a_trusted_key_is_refused() {
    let text = claims().to_string();
    let refused = |token: &LicenseToken| assert_eq!(verify(token, &trusted(), HERE, NOW), Err(LicenseDefect::Token));
    assert!(verify(&signed(&header(), &text, &pair(1)), &trusted(), HERE, NOW).is_ok());
    refused(&signed(&header(), &text, &pair(2)));
    for header in [
        json!({ "alg": "EdDSA" }),
        json!({ "alg": "EdDSA", "kid": "elsewhere" }),
        json!({ "alg": "EdDSA", "kid": 5 }),
        json!({ "alg": "none", "kid": "here" }),
        json!({ "alg": "HS256", "kid": "here" }),
        json!({ "alg": "ES256", "kid": "here" }),
        json!({ "alg": "Ed25519", "kid": "here" }),
        json!({ "alg": "EdDSA", "kid": "here", "crit": ["exp"] }),
        json!({ "alg": "EdDSA", "kid": "here", "typ": "at+jwt" }),
        json!([]),
    ] {
        refused(&signed(&header, &text, &pair(1)));
    }
    let good = signed(&header(), &text, &pair(1)).expose().to_owned();
    let (input, _signature) = good.rsplit_once('.').unwrap();
    let nested = signed(&header(), &json!(good).to_string(), &pair(1)).expose().to_owned();
    for text in [
        String::new(),
        "..".to_owned(),
        "\0".to_owned(),
        "no token".to_owned(),
        input.to_owned(),
        format!("{input}."),
        format!("{good}.{good}"),
        format!("{good}\n"),
        nested,
        good.replacen('.', ".A", 1),
        "A".repeat(LICENSE_MAX + 1),
    ] {
        refused(&LicenseToken::new(text));
    }
}

#[test]
fn what_cannot_be_a_licence_is_refused_and_the_reasons_that_help_are_told() {
    use LicenseDefect::{NoEnd, NoPaidTerm, Token, Version};
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for (claims, defect) in [
        (with("version", json!(2)), Version),
        (without("version"), Version),
        (with("version", json!("3")), Version),
        (without("license_expires"), NoPaidTerm),
        (without("exp"), NoEnd),
        (with("exp", json!(seconds(NOW))), Token),
        (with("exp", json!("tomorrow")), Token),
        (with("exp", json!(-5)), Token),
        (with("exp", json!(1e300)), Token),
        (with("iat", json!(seconds(NOW + Duration::HOUR))), Token),
        (with("license_expires", json!(true)), Token),
        (with("features", json!([])), Token),
        (with("features", json!({ "user_limit": "many" })), Token),
        (with("features", json!({ "user_limit": 1.5 })), Token),
        (with("feature_set", json!(1)), Token),
        (with("trial", json!("yes")), Token),
        (with("jti", json!(7)), Token),
        (with("account_id", json!("a\u{0}b")), Token),
        (with("more", serde_json::from_str(&deep).unwrap()), Token),
        (r#"{"version":3,"version":3}"#.to_owned(), Token),
        ("[]".to_owned(), Token),
        ("{".to_owned(), Token),
    ] {
        assert_eq!(judge(&claims), Err(defect), "{claims}");
    }
}

#[test]
fn a_licence_may_be_added_before_its_term_and_in_its_grace_period() {
    assert!(judge(&with("nbf", json!(seconds(NOW + Duration::days(5))))).is_ok());
    assert!(judge(&with("license_expires", json!(seconds(NOW - Duration::DAY)))).is_ok());
    assert!(judge(&without("nbf")).is_ok() && judge(&without("iat")).is_ok());
    let named = judge(&with("jti", json!("not a uuid"))).unwrap();
    assert_eq!(named.id, None);
}

#[test]
fn a_licence_for_other_deployments_names_them() {
    let other = vec![Uuid::from_u128(7).to_string()];
    assert_eq!(judge(&with("deployment_ids", json!(other))), Err(LicenseDefect::Deployment(other)));
    assert!(judge(&with("deployment_ids", json!(["x", HERE]))).is_ok());
    assert!(judge(&with("deployment_ids", json!([]))).is_ok());
}

#[test]
fn the_old_way_to_say_all_is_that_of_the_smaller_set() {
    for (set, all, expected) in [
        (json!(""), true, FeatureSet::Enterprise),
        (Value::Null, true, FeatureSet::Enterprise),
        (json!("premium"), true, FeatureSet::Premium),
        (json!("other"), true, FeatureSet::None),
        (json!(""), false, FeatureSet::None),
    ] {
        let mut claims = claims();
        (claims["feature_set"], claims["all_features"]) = (set, json!(all));
        assert_eq!(judge(&claims.to_string()).unwrap().feature_set, expected);
    }
}

proptest! {
    #[test]
    fn no_text_is_a_licence_by_chance(text in ".{0,200}", at in 0_usize..300, byte in any::<u8>()) {
        prop_assert!(verify(&LicenseToken::new(text), &trusted(), HERE, NOW).is_err());
        let mut bytes = signed(&header(), &claims().to_string(), &pair(1)).expose().as_bytes().to_vec();
        let place = at % bytes.len();
        let was = std::mem::replace(&mut bytes[place], byte);
        if was != byte && let Ok(text) = String::from_utf8(bytes) {
            // The last character of a part may have bits that say nothing; strict base64 refuses them.
            prop_assert!(verify(&LicenseToken::new(text), &trusted(), HERE, NOW).is_err());
        }
    }
}
