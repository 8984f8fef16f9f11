use super::*;
use proptest::prelude::*;
use serde_json::json;

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const ED: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits / 8];
    bytes[0] = 0x80;
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(id: &str) -> Value {
    json!({ "kty": "RSA", "kid": id, "n": modulus(2048), "e": "AQAB" })
}

fn ec() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": X, "y": Y })
}

fn with(mut key: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("no object") };
    key.as_object_mut().unwrap().extend(changes);
    key
}

fn set(keys: Value) -> KeySet {
    KeySet::parse(Value::from_iter([("keys", keys)]).to_string().as_bytes()).unwrap()
}

fn header(algorithm: SignatureAlgorithm, key_id: Option<&str>) -> TokenHeader {
    TokenHeader { algorithm, key_id: key_id.map(str::to_owned), kind: None }
}

fn candidates(set: &KeySet, algorithm: SignatureAlgorithm, key_id: Option<&str>) -> usize {
    set.candidates(&header(algorithm, key_id), &Claims::default()).len()
}

#[test]
fn a_key_is_found_by_its_id_and_fits_the_algorithm() {
    let keys = set(json!([rsa("1"), rsa("2"), ec(), { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": ED }]));
    assert_eq!(keys.keys().len(), 4);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Rs256, Some("1")), 1);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Ps256, Some("2")), 1);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Es256, Some("ec")), 1);
    assert_eq!(candidates(&keys, SignatureAlgorithm::EdDsa, Some("ed")), 1);
    // A key never verifies by an algorithm of another kind.
    assert_eq!(candidates(&keys, SignatureAlgorithm::Es256, Some("1")), 0);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Rs256, Some("ec")), 0);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Es384, Some("ec")), 0);
    assert_eq!(candidates(&keys, SignatureAlgorithm::Rs256, Some("unknown")), 0);
}

#[test]
fn without_an_id_every_key_that_fits_is_tried_up_to_eight() {
    let some = set(json!([rsa("1"), ec(), rsa("2")]));
    assert_eq!(candidates(&some, SignatureAlgorithm::Rs256, None), 2);
    let many: Vec<Value> = (0..20).map(|n| rsa(&n.to_string())).collect();
    assert_eq!(candidates(&set(json!(many)), SignatureAlgorithm::Rs256, None), TRIED_MAX);
}

#[test]
fn of_keys_with_one_id_each_is_tried() {
    let other = with(rsa("1"), json!({ "n": modulus(3072) }));
    let twice = set(json!([rsa("1"), other, with(ec(), json!({ "kid": "1" }))]));
    assert_eq!(candidates(&twice, SignatureAlgorithm::Rs256, Some("1")), 2);
    assert_eq!(candidates(&twice, SignatureAlgorithm::Es256, Some("1")), 1);
}

#[test]
fn what_a_key_is_for_is_kept() {
    for (changes, algorithm, found) in [
        (json!({ "use": "sig" }), SignatureAlgorithm::Rs256, 1),
        (json!({ "use": "enc" }), SignatureAlgorithm::Rs256, 0),
        (json!({ "key_ops": ["verify"] }), SignatureAlgorithm::Rs256, 1),
        (json!({ "key_ops": ["encrypt"] }), SignatureAlgorithm::Rs256, 0),
        (json!({ "key_ops": [] }), SignatureAlgorithm::Rs256, 0),
        (json!({ "alg": "RS256" }), SignatureAlgorithm::Rs256, 1),
        (json!({ "alg": "RS256" }), SignatureAlgorithm::Ps256, 0),
        (json!({ "alg": "RSA-OAEP" }), SignatureAlgorithm::Rs256, 0),
        (json!({ "alg": "HS256" }), SignatureAlgorithm::Rs256, 0),
    ] {
        let keys = set(json!([with(rsa("1"), changes.clone())]));
        assert_eq!(candidates(&keys, algorithm, Some("1")), found, "{changes}");
    }
}

#[test]
fn a_shared_secret_is_no_key() {
    let keys = set(json!([{ "kty": "oct", "kid": "1", "k": "c2VjcmV0", "alg": "HS256" }]));
    assert_eq!((keys.keys().len(), keys.exposed), (0, 0));
}

#[test]
fn a_key_whose_private_part_is_published_is_refused_and_counted() {
    for name in PRIVATE {
        let keys = set(json!([with(rsa("1"), json!({ name: "AQAB" })), ec()]));
        assert_eq!((keys.keys().len(), keys.exposed), (1, 1), "{name}");
    }
    assert_eq!(set(json!([with(ec(), json!({ "d": X }))])).exposed, 1);
}

#[test]
fn bad_keys_are_left_out_and_spoil_no_others() {
    for bad in [
        json!(1),
        json!({}),
        json!({ "kty": "new", "kid": "1" }),
        json!({ "kty": 7 }),
        json!({ "kty": "RSA", "n": "!", "e": "AQAB" }),
        json!({ "kty": "RSA", "n": modulus(1024), "e": "AQAB" }),
        json!({ "kty": "RSA", "n": modulus(16384), "e": "AQAB" }),
        with(rsa("1"), json!({ "e": "AQ" })),
        with(rsa("1"), json!({ "e": "Ag" })),
        with(rsa("1"), json!({ "e": "" })),
        with(rsa("1"), json!({ "kid": 1 })),
        with(rsa("1"), json!({ "kid": "k".repeat(KEY_ID_MAX + 1) })),
        with(ec(), json!({ "crv": "secp256k1" })),
        with(ec(), json!({ "crv": "P-384" })),
        with(ec(), json!({ "x": "AAAA" })),
        json!({ "kty": "OKP", "crv": "X25519", "x": ED }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
    ] {
        let keys = set(json!([bad.clone(), rsa("good")]));
        assert_eq!((keys.keys().len(), keys.exposed), (1, 0), "{bad}");
    }
}

#[test]
fn zeros_before_a_number_do_not_make_it_longer() {
    let mut bytes = vec![0; 128];
    bytes.extend(vec![0xff; 128]);
    let short = json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB" });
    assert!(set(json!([short])).keys().is_empty());
    assert_eq!((bits(&[]), bits(&[1]), bits(&[0x80, 0])), (0, 1, 16));
}

#[test]
fn keys_of_one_tenant_are_not_keys_of_another() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let keys = set(json!([with(rsa("1"), json!({ "issuer": issuer }))]));
    let token = |iss: &str, tid: &str| {
        let members = json!({ "iss": iss, "tid": tid }).as_object().unwrap().clone();
        keys.candidates(&header(SignatureAlgorithm::Rs256, Some("1")), &Claims::from_members(members)).len()
    };
    let of = |tenant: &str| issuer.replace("{tenantid}", tenant);
    assert_eq!(token(&of(TENANT), TENANT), 1);
    assert_eq!(token(&of("other"), TENANT), 0);
    assert_eq!(token(issuer, ""), 0);
    let single = set(json!([with(rsa("1"), json!({ "issuer": of(TENANT) }))]));
    let none = single.candidates(&header(SignatureAlgorithm::Rs256, None), &Claims::default());
    assert!(none.is_empty());
}

#[test]
fn a_set_is_bounded() {
    // Some 300 bytes each.
    let many: Vec<Value> = (0..=KEYS_MAX).map(|n| with(ec(), json!({ "kid": n.to_string() }))).collect();
    assert_eq!(set(json!(many)).keys().len(), KEYS_MAX);
    let long = json!({ "keys": [], "x": "y".repeat(KEY_SET_MAX) }).to_string();
    assert_eq!(KeySet::parse(long.as_bytes()), Err(KeySetDefect::TooLong));
    for (text, defect) in [("{}", KeySetDefect::NoList), (r#"{"keys":{}}"#, KeySetDefect::NoList)] {
        assert_eq!(KeySet::parse(text.as_bytes()), Err(defect));
    }
    assert!(matches!(KeySet::parse(b"[]"), Err(KeySetDefect::Unreadable(_))));
}

fn values() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "sig", "enc", "RS256", "AQAB", X, ED, "",
    ]);
    prop_oneof![texts.prop_map(Value::from), Just(json!(null)), Just(json!(7)), Just(json!(["verify"]))]
}

proptest! {
    #[test]
    fn whatever_a_key_is_it_verifies_only_by_algorithms_of_its_kind(
        key in prop::collection::hash_map(
            prop::sample::select(vec!["kty", "crv", "kid", "use", "alg", "key_ops", "x", "y", "n", "e", "d", "issuer"]),
            values(),
            0..12,
        ),
    ) {
        let keys = set(Value::from_iter([json!(Value::from_iter(key)), rsa("1")]));
        for algorithm in SignatureAlgorithm::ALL {
            for key in keys.candidates(&header(*algorithm, None), &Claims::default()) {
                prop_assert!(key.material.fits(*algorithm));
                prop_assert!(key.algorithm.is_none_or(|only| only == *algorithm));
            }
        }
        prop_assert!(!keys.keys().is_empty(), "the good key is there");
    }
}
