use super::*;
use crate::jws::HeaderDefect;
use crate::oauth2::{AssertionPolicy, ClientAssertion};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

const NOW: Instant = datetime!(2023-11-14 22:13:20 UTC);
const AT: i64 = 1_700_000_000;
const ISSUER: &str = "https://a.example";

fn changed(mut object: Value, changes: Value) -> Value {
    let (Value::Object(members), Value::Object(changes)) = (&mut object, changes) else { panic!("no object") };
    for (name, value) in changes {
        if value == json!("absent") { drop(members.remove(&name)) } else { drop(members.insert(name, value)) }
    }
    object
}

fn token(header: Value, changes: Value) -> String {
    let claims = json!({ "iss": "app", "aud": ISSUER, "exp": AT + 300, "client_id": "app", "response_type": "code",
        "redirect_uri": "https://app.example/cb", "scope": "user:read", "state": "s" });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = changed(json!({ "typ": "oauth-authz-req+jwt", "alg": "EdDSA" }), header);
    format!("{}.{}.c2ln", part(header), part(changed(claims, changes)))
}

fn check(changes: Value) -> Result<SignedRequest, ClientJwtDefect> {
    RequestObject::parse(&token(json!({}), changes))?.check("app", &ClientRules::default(), ISSUER, NOW)
}

fn parameter(request: &SignedRequest, name: &str) -> Vec<String> {
    request.parameters.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.clone()).collect()
}

#[test]
fn its_claims_are_the_parameters() {
    let request = check(json!({ "resource": ["https://r.example", "https://r.example/"], "max_age": 60, "whatever": 1,
        "claims": { "id_token": { "acr": null } }, "jti": "1" }))
    .unwrap();
    assert_eq!(parameter(&request, "redirect_uri"), ["https://app.example/cb"]);
    assert_eq!(
        (parameter(&request, "state"), parameter(&request, "scope")),
        (vec!["s".to_owned()], vec!["user:read".to_owned()])
    );
    assert_eq!(parameter(&request, "resource"), ["https://r.example", "https://r.example/"]);
    assert_eq!(
        (parameter(&request, "max_age"), parameter(&request, "claims")),
        (vec!["60".to_owned()], vec![r#"{"id_token":{"acr":null}}"#.to_owned()])
    );
    assert_eq!(parameter(&request, "whatever"), Vec::<String>::new());
    assert_eq!(request.one_use.unwrap().id, "1");
    let texts = check(json!({ "max_age": "60", "claims": "{}", "resource": "https://r.example" })).unwrap();
    assert_eq!((parameter(&texts, "max_age"), texts.one_use), (vec!["60".to_owned()], None));
    for fine in [
        json!({ "client_id": "absent" }),
        json!({ "aud": ["https://b.example", "https://a.example/"] }),
        json!({ "sub": "somebody" }),
        json!({ "iat": AT, "nbf": AT }),
    ] {
        assert!(check(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    use ClientJwtDefect::{Audience, Expired, Id, Missing, NotYet, Party, TooLongLived, TooOld};
    for (changes, defect) in [
        (json!({ "iss": "absent" }), Missing("iss")),
        (json!({ "iss": "other" }), Party("iss")),
        (json!({ "client_id": "other" }), Party("client_id")),
        (json!({ "sub": "app" }), Party("sub")),
        (json!({ "sub": ["app"] }), Party("sub")),
        (json!({ "request": "x" }), Party("request")),
        (json!({ "request_uri": null }), Party("request_uri")),
        (json!({ "aud": "absent" }), Missing("aud")),
        (json!({ "aud": [] }), Audience),
        (json!({ "aud": "https://a.example/oauth2/authorize" }), Audience),
        (json!({ "exp": "absent" }), Missing("exp")),
        (json!({ "exp": AT - 30 }), Expired),
        (json!({ "exp": AT + 3601 }), TooLongLived),
        (json!({ "iat": AT + 61 }), NotYet),
        (json!({ "iat": AT - 3700 }), TooOld),
        (json!({ "nbf": AT + 61 }), NotYet),
        (json!({ "jti": "" }), Id),
    ] {
        assert_eq!(check(changes.clone()), Err(defect), "{changes}");
    }
    for wrong in [
        json!({ "state": 7 }),
        json!({ "scope": ["user:read"] }),
        json!({ "redirect_uri": {} }),
        json!({ "resource": [7] }),
        json!({ "max_age": true }),
        json!({ "claims": [] }),
        json!({ "client_id": 7 }),
        json!({ "aud": 7 }),
        json!({ "exp": "x" }),
    ] {
        assert!(matches!(check(wrong.clone()), Err(ClientJwtDefect::Type(_))), "{wrong}");
    }
}

#[test]
fn only_signed_ones_of_their_kind_are_taken() {
    let parse = |header: Value| RequestObject::parse(&token(header, json!({}))).map(drop);
    for fine in ["JWT", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "absent"] {
        assert_eq!(parse(json!({ "typ": fine })), Ok(()), "{fine}");
    }
    for other in ["client-authentication+jwt", "dpop+jwt", "at+jwt", "logout+jwt", "oauth-id-jag+jwt", "JOSE"] {
        assert_eq!(parse(json!({ "typ": other })), Err(HeaderDefect::Kind.into()), "{other}");
    }
    for alg in ["none", "HS256"] {
        assert_eq!(parse(json!({ "alg": alg })), Err(HeaderDefect::NotSigned.into()), "{alg}");
    }
    for text in ["e30.e30.", "e30.e30.e30.e30.e30", "https://app.example/request.jwt"] {
        assert!(RequestObject::parse(text).is_err(), "{text}");
    }
    let long = token(json!({}), json!({ "state": "x".repeat(REQUEST_OBJECT_MAX) }));
    assert_eq!(RequestObject::parse(&long).map(drop), Err(ClientJwtDefect::TooLong));
    let rules = ClientRules { request_object_alg: Some("ES256".to_owned()), ..ClientRules::default() };
    let text = token(json!({}), json!({}));
    let other = RequestObject::parse(&text).unwrap().check("app", &rules, ISSUER, NOW);
    assert_eq!(other, Err(ClientJwtDefect::Algorithm));
}

/// Whatever a client signs, it is a request or a proof of who it is, and never both.
#[test]
fn a_request_is_no_assertion_and_an_assertion_is_no_request() {
    let policy = AssertionPolicy { issuer: ISSUER, token_endpoint: None, max_lifetime: Duration::HOUR };
    let both = [
        json!({ "sub": "app", "jti": "1", "typ": "JWT" }),
        json!({ "sub": "absent", "jti": "1" }),
        json!({ "sub": "somebody", "jti": "1" }),
    ];
    for changes in both {
        for kind in ["JWT", "oauth-authz-req+jwt", "client-authentication+jwt", "absent"] {
            let text = token(json!({ "typ": kind }), changes.clone());
            let as_request = RequestObject::parse(&text)
                .and_then(|object| object.check("app", &ClientRules::default(), ISSUER, NOW));
            let as_assertion = ClientAssertion::parse(&text)
                .and_then(|assertion| assertion.check(&ClientRules::default(), &policy, NOW));
            assert!(as_request.is_err() || as_assertion.is_err(), "{kind} {changes}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = RequestObject::parse(&text).map(|object| object.check("app", &ClientRules::default(), ISSUER, NOW).is_ok());
    }
}
