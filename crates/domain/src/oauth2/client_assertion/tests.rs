use super::*;
use crate::jws::HeaderDefect;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use time::macros::datetime;

const NOW: Instant = datetime!(2023-11-14 22:13:20 UTC);
const AT: i64 = 1_700_000_000;
const ISSUER: &str = "https://a.example";

fn policy() -> AssertionPolicy<'static> {
    AssertionPolicy { issuer: ISSUER, token_endpoint: None, max_lifetime: Duration::HOUR }
}

fn changed(mut object: Value, changes: Value) -> Value {
    let (Value::Object(members), Value::Object(changes)) = (&mut object, changes) else { panic!("no object") };
    for (name, value) in changes {
        if value == json!("absent") { drop(members.remove(&name)) } else { drop(members.insert(name, value)) }
    }
    object
}

/// A good one, but for its signature.
fn token(header: Value, changes: Value) -> String {
    let claims = json!({ "iss": "https://app.example/c.json", "sub": "https://app.example/c.json", "aud": ISSUER,
        "jti": "7d", "iat": AT, "exp": AT + 300 });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = changed(json!({ "typ": "client-authentication+jwt", "alg": "EdDSA" }), header);
    format!("{}.{}.c2ln", part(header), part(changed(claims, changes)))
}

fn check(changes: Value) -> Result<OneUse, ClientJwtDefect> {
    ClientAssertion::parse(&token(json!({}), changes))?.check(&ClientRules::default(), &policy(), NOW)
}

#[test]
fn a_good_assertion_is_good_once() {
    let good = check(json!({})).unwrap();
    assert_eq!(good, OneUse { id: "7d".to_owned(), remember_until: NOW + Duration::seconds(330) });
    for fine in [
        json!({ "aud": [ISSUER] }),
        json!({ "aud": "https://a.example/" }),
        json!({ "iat": "absent", "nbf": AT + 59 }),
        json!({ "exp": AT + 3600 }),
        json!({ "exp": 1_700_000_000.5 }),
        json!({ "exp": AT - 29 }),
        json!({ "iat": AT + 60 }),
        json!({ "iat": AT - 3660 }),
        json!({ "jti": "x".repeat(256), "whatever": { "a": [] } }),
    ] {
        assert!(check(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    use ClientJwtDefect::{Audience, Expired, Id, Missing, NotYet, Party, TooLongLived, TooOld};
    for (changes, defect) in [
        (json!({ "iss": "absent" }), Missing("iss")),
        (json!({ "sub": "absent" }), Missing("sub")),
        (json!({ "sub": "https://app.example/other.json" }), Party("iss")),
        (json!({ "aud": "absent" }), Missing("aud")),
        (json!({ "aud": [] }), Audience),
        (json!({ "aud": [ISSUER, ISSUER] }), Audience),
        (json!({ "aud": [ISSUER, "https://b.example"] }), Audience),
        (json!({ "aud": "https://a.example//" }), Audience),
        (json!({ "aud": "https://A.example" }), Audience),
        (json!({ "aud": "https://a.example/oauth2/tokens" }), Audience),
        (json!({ "aud": "https://a.example/oauth2/par" }), Audience),
        (json!({ "aud": "" }), Audience),
        (json!({ "exp": "absent" }), Missing("exp")),
        (json!({ "exp": AT - 30 }), Expired),
        (json!({ "exp": 0 }), Expired),
        (json!({ "exp": AT + 3601 }), TooLongLived),
        (json!({ "exp": 253_402_300_799_i64 }), TooLongLived),
        (json!({ "iat": AT + 61 }), NotYet),
        (json!({ "iat": AT - 3661 }), TooOld),
        (json!({ "nbf": AT + 61 }), NotYet),
        (json!({ "jti": "absent" }), Missing("jti")),
        (json!({ "jti": "" }), Id),
        (json!({ "jti": "x".repeat(257) }), Id),
    ] {
        assert_eq!(check(changes.clone()), Err(defect), "{changes}");
    }
    for wrong in [
        json!({ "exp": "1700000300" }),
        json!({ "exp": true }),
        json!({ "exp": -1 }),
        json!({ "exp": 1e300 }),
        json!({ "iat": "x" }),
        json!({ "nbf": [] }),
        json!({ "jti": 7 }),
        json!({ "aud": 7 }),
        json!({ "aud": [7] }),
        json!({ "aud": [[ISSUER]] }),
        json!({ "iss": ["https://app.example/c.json"] }),
        json!({ "sub": {} }),
    ] {
        assert!(matches!(check(wrong.clone()), Err(ClientJwtDefect::Type(_))), "{wrong}");
    }
}

#[test]
fn the_token_endpoint_is_an_audience_only_where_it_is_said() {
    let changes = json!({ "aud": "https://a.example/oauth2/tokens" });
    let at = |endpoint| {
        let text = token(json!({}), changes.clone());
        let policy = AssertionPolicy { token_endpoint: endpoint, ..policy() };
        ClientAssertion::parse(&text).unwrap().check(&ClientRules::default(), &policy, NOW).map(drop)
    };
    assert_eq!(at(Some("https://a.example/oauth2/tokens")), Ok(()));
    assert_eq!(at(Some("https://a.example/oauth2/tokens/")), Err(ClientJwtDefect::Audience));
    assert_eq!(at(None), Err(ClientJwtDefect::Audience));
}

#[test]
fn other_kinds_of_tokens_are_no_assertions() {
    let kind = |typ: Value| ClientAssertion::parse(&token(json!({ "typ": typ }), json!({}))).map(drop);
    for fine in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt", "absent"] {
        assert_eq!(kind(fine.into()), Ok(()), "{fine}");
    }
    for other in
        ["dpop+jwt", "oauth-authz-req+jwt", "at+jwt", "logout+jwt", "oauth-id-jag+jwt", "secevent+jwt", "JOSE", ""]
    {
        assert_eq!(kind(other.into()), Err(HeaderDefect::Kind.into()), "{other}");
    }
    assert!(kind(json!(7)).is_err() && kind(json!(["JWT"])).is_err());
}

#[test]
fn what_anybody_could_have_made_is_refused() {
    let header = |changes: Value| ClientAssertion::parse(&token(changes, json!({}))).map(drop);
    for alg in ["none", "NONE", "HS256", "HS512"] {
        assert_eq!(header(json!({ "alg": alg })), Err(HeaderDefect::NotSigned.into()), "{alg}");
    }
    assert_eq!(header(json!({ "alg": "absent" })), Err(HeaderDefect::NotSigned.into()));
    for alg in ["RS1", "RS384", "ES512", "ES256K", "RSA-OAEP"] {
        assert_eq!(header(json!({ "alg": alg })), Err(HeaderDefect::Algorithm.into()), "{alg}");
    }
    assert_eq!(header(json!({ "crit": ["exp"] })), Err(HeaderDefect::Critical.into()));
    let long = token(json!({}), json!({ "x": "x".repeat(CLIENT_ASSERTION_MAX) }));
    assert_eq!(ClientAssertion::parse(&long).map(drop), Err(ClientJwtDefect::TooLong));
    for text in ["", "..", "a.b", "e30.e30.e30.e30", "e30.e30.e30.e30.e30"] {
        assert!(ClientAssertion::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_registered_algorithm_is_the_only_one() {
    let text = token(json!({}), json!({}));
    let by = |alg: Option<&str>| {
        let rules = ClientRules { assertion_alg: alg.map(str::to_owned), ..ClientRules::default() };
        ClientAssertion::parse(&text).unwrap().check(&rules, &policy(), NOW).map(drop)
    };
    assert_eq!((by(None), by(Some("EdDSA")), by(Some("Ed25519"))), (Ok(()), Ok(()), Ok(())));
    assert_eq!(by(Some("ES256")), Err(ClientJwtDefect::Algorithm));
    assert_eq!(by(Some("whatever")), Err(ClientJwtDefect::Algorithm));
}

/// RFC 8037 A.4 and RFC 7515 A.3: signed by others.
#[test]
fn known_signatures_are_those_of_their_keys() {
    let ed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    // Its payload is a sentence and no object, so it is no token of a client, whoever signed it.
    assert!(matches!(ClientAssertion::parse(ed), Err(ClientJwtDefect::Claims(_))));
    let es = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let ec = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let set = |key: &Value| KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
    let assertion = ClientAssertion::parse(es).unwrap();
    assert!(assertion.is_signed_by(&set(&ec)));
    assert!(!assertion.is_signed_by(&set(&okp)));
    assert!(!assertion.is_signed_by(&KeySet::default()));
    let forged = es.replacen(".eyJ", ".eyK", 1);
    assert!(ClientAssertion::parse(&forged).map_or(true, |forged| !forged.is_signed_by(&set(&ec))));
    assert_eq!(assertion.client_id(), Err(ClientJwtDefect::Missing("sub")));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "keys of a test")]
fn a_key_that_is_named_is_the_only_one_that_is_tried() {
    let random = SystemRandom::new();
    let pair = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let signed = |header: Value| {
        let text = token(header, json!({}));
        let (signed, _) = text.rsplit_once('.').unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())))
    };
    let key = |more: Value| {
        changed(json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) }), more)
    };
    let is_signed = |header: Value, keys: Value| {
        let (text, set) = (signed(header), KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap());
        ClientAssertion::parse(&text).unwrap().is_signed_by(&set)
    };
    assert!(is_signed(json!({}), json!([key(json!({}))])));
    assert!(is_signed(json!({ "kid": "1" }), json!([key(json!({ "kid": "1" }))])));
    assert!(!is_signed(json!({ "kid": "2" }), json!([key(json!({ "kid": "1" }))])));
    assert!(!is_signed(json!({}), json!([key(json!({ "use": "enc" }))])));
    assert!(!is_signed(json!({}), json!([key(json!({ "key_ops": ["sign"] }))])));
    assert!(!is_signed(json!({}), json!([key(json!({ "alg": "ES256" }))])));
    // A key in the header is none.
    assert!(!is_signed(json!({ "jwk": key(json!({})), "jku": "https://evil.example" }), json!([])));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = ClientAssertion::parse(&text).map(|assertion| assertion.check(&ClientRules::default(), &policy(), NOW).is_ok());
    }

    #[test]
    fn no_claims_make_it_panic(exp in any::<f64>(), iat in any::<i64>(), aud in ".{0,9}") {
        let checked = check(json!({ "exp": exp, "iat": iat, "aud": aud }));
        prop_assert!(checked.is_err());
    }
}
