use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_060;

fn at(seconds: i64) -> Instant {
    Instant::from_unix_timestamp(seconds).unwrap()
}

fn provider() -> Provider {
    Provider { issuer: "https://id.example".to_owned(), client_id: "me".to_owned(), ..Provider::default() }
}

fn expected() -> Expected<'static> {
    Expected {
        now: at(NOW),
        skew: Duration::minutes(1),
        nonce: "n1",
        access_token_hash: Some("77QmUPtjPfzWtF2AnpK9RQ"),
        max_age: None,
        essential_acr: &[],
    }
}

fn token() -> Value {
    json!({
        "iss": "https://id.example", "sub": "ann", "aud": "me", "iat": 1_700_000_000, "exp": 1_700_003_600,
        "nonce": "n1", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "sid": "s1",
    })
}

/// The token with members replaced; those that are `null` go.
fn with(changes: Value) -> Claims {
    let Value::Object(mut members) = token() else { unreachable!() };
    let Value::Object(changes) = changes else { panic!("no object") };
    members.extend(changes);
    Claims::from_members(members)
}

fn check(changes: Value) -> Result<IdToken, IdTokenDefect> {
    check_id_token(&with(changes), &provider(), &expected())
}

#[test]
fn a_good_token_says_who_it_is() {
    let good = check(json!({})).unwrap();
    assert_eq!((good.issuer.as_str(), good.subject.as_str()), ("https://id.example", "ann"));
    assert_eq!((good.session_id.as_deref(), good.authenticated_at), (Some("s1"), None));
    assert_eq!((good.issued_at, good.expires_at), (at(1_700_000_000), at(1_700_003_600)));
}

#[test]
fn each_claim_that_is_needed_is_missed() {
    for (claim, defect) in [
        ("iss", IdTokenDefect::Issuer(IssuerDefect::Missing)),
        ("sub", IdTokenDefect::Missing("sub")),
        ("aud", AudienceDefect::Missing.into()),
        ("exp", IdTokenDefect::Missing("exp")),
        ("iat", IdTokenDefect::Missing("iat")),
        ("nonce", IdTokenDefect::Nonce),
    ] {
        assert_eq!(check(json!({ claim: null })), Err(defect), "{claim}");
    }
    assert!(check(json!({ "at_hash": null, "sid": null })).is_ok());
}

#[test]
fn types_are_not_converted() {
    for bad in [
        json!({ "exp": "1700003600" }),
        json!({ "iat": "1" }),
        json!({ "nbf": true }),
        json!({ "sub": 7 }),
        json!({ "aud": 7 }),
        json!({ "aud": ["me", 7] }),
        json!({ "nonce": ["n1"] }),
        json!({ "azp": ["me"] }),
        json!({ "at_hash": 1 }),
    ] {
        let defect = check(bad.clone()).unwrap_err();
        let is_type = matches!(defect, IdTokenDefect::Type(_) | IdTokenDefect::Audience(AudienceDefect::Type(_)));
        assert!(is_type, "{bad}: {defect:?}");
    }
}

#[test]
fn the_audience_is_this_server_and_nobody_unknown() {
    let known = Provider { trusted_audiences: vec!["friend".to_owned()], ..provider() };
    let check_with = |changes| check_id_token(&with(changes), &known, &expected()).map(drop);
    assert_eq!(check(json!({ "aud": "other" })), Err(AudienceDefect::Other.into()));
    assert_eq!(check(json!({ "aud": [] })), Err(AudienceDefect::Other.into()));
    assert_eq!(check(json!({ "aud": "me2" })), Err(AudienceDefect::Other.into()));
    assert!(check(json!({ "aud": ["me"] })).is_ok());
    assert_eq!(check(json!({ "aud": ["me", "friend"], "azp": "me" })), Err(AudienceDefect::Untrusted.into()));
    assert_eq!(check_with(json!({ "aud": ["me", "friend"], "azp": "me" })), Ok(()));
    // Of several, the token must say to whom it was issued.
    assert_eq!(check_with(json!({ "aud": ["me", "friend"] })), Err(AudienceDefect::AuthorizedParty.into()));
    assert_eq!(
        check_with(json!({ "aud": ["me", "friend"], "azp": "friend" })),
        Err(AudienceDefect::AuthorizedParty.into())
    );
    assert_eq!(check(json!({ "azp": "other" })), Err(AudienceDefect::AuthorizedParty.into()));
    assert!(check(json!({ "azp": "me" })).is_ok());
}

#[test]
fn times_have_a_minute_of_tolerance() {
    for (changes, defect) in [
        (json!({ "exp": NOW - 60 }), Some(IdTokenDefect::Expired)),
        (json!({ "exp": NOW - 59 }), None),
        (json!({ "iat": NOW + 61 }), Some(IdTokenDefect::NotYet)),
        (json!({ "iat": NOW + 60 }), None),
        (json!({ "nbf": NOW + 61 }), Some(IdTokenDefect::NotYet)),
        (json!({ "nbf": NOW + 60 }), None),
        (json!({ "iat": NOW - 86_401 }), Some(IdTokenDefect::TooOld)),
        (json!({ "iat": NOW - 86_400 }), None),
        (json!({ "exp": 253_402_300_799_i64, "iat": NOW }), None),
        (json!({ "exp": 0 }), Some(IdTokenDefect::Expired)),
    ] {
        assert_eq!(check(changes.clone()).err(), defect, "{changes}");
    }
}

#[test]
fn a_nonce_that_is_dropped_is_borne_only_where_the_settings_say_so() {
    let lenient = Provider { nonce: NonceRule::IfPresent, ..provider() };
    let check_with = |changes| check_id_token(&with(changes), &lenient, &expected()).map(drop);
    assert_eq!(check_with(json!({ "nonce": null })), Ok(()));
    assert_eq!(check_with(json!({ "nonce": "n2" })), Err(IdTokenDefect::Nonce));
    for other in ["n2", "", "n", "n1 ", "N1"] {
        assert_eq!(check(json!({ "nonce": other })), Err(IdTokenDefect::Nonce), "{other}");
    }
}

#[test]
fn subjects_have_1_to_255_bytes() {
    for (length, is_good) in [(0, false), (1, true), (255, true), (256, false)] {
        assert_eq!(check(json!({ "sub": "s".repeat(length) })).is_ok(), is_good, "{length}");
    }
}

#[test]
fn the_access_token_is_the_one_that_came_with_it() {
    assert_eq!(check(json!({ "at_hash": "other" })), Err(IdTokenDefect::AccessToken));
    let alone = Expected { access_token_hash: None, ..expected() };
    assert_eq!(check_id_token(&with(json!({})), &provider(), &alone), Err(IdTokenDefect::AccessToken));
}

#[test]
fn who_was_asked_to_authenticate_again_has_done_so() {
    let asked_at = at(NOW - 300);
    let again = |allowed: i64, auth_time: Value| {
        let max_age = Some(MaxAge { asked_at, allowed: Duration::seconds(allowed) });
        check_id_token(&with(json!({ "auth_time": auth_time })), &provider(), &Expected { max_age, ..expected() })
            .map(|token| token.authenticated_at)
    };
    assert_eq!(again(0, json!(null)), Err(IdTokenDefect::Missing("auth_time")));
    assert!(matches!(again(0, json!("x")), Err(IdTokenDefect::Type(_))));
    // Five minutes went by while the password was typed.
    assert_eq!(again(0, json!(NOW - 10)), Ok(Some(at(NOW - 10))));
    assert_eq!(again(0, json!(NOW - 360)), Ok(Some(at(NOW - 360))));
    assert_eq!(again(0, json!(NOW - 361)), Err(IdTokenDefect::AuthenticationTooOld));
    assert_eq!(again(3600, json!(NOW - 3960)), Ok(Some(at(NOW - 3960))));
    assert_eq!(again(3600, json!(NOW - 3961)), Err(IdTokenDefect::AuthenticationTooOld));
    assert_eq!(again(0, json!(NOW + 61)), Err(IdTokenDefect::NotYet));
}

#[test]
fn a_time_of_authentication_that_nobody_asked_for_harms_nobody() {
    assert_eq!(check(json!({ "auth_time": "yesterday" })).unwrap().authenticated_at, None);
    assert_eq!(check(json!({ "auth_time": NOW - 5 })).unwrap().authenticated_at, Some(at(NOW - 5)));
}

#[test]
fn an_essential_context_is_one_of_those_that_were_asked_for() {
    let essential = Expected { essential_acr: &["mfa", "phr"], ..expected() };
    let acr = |acr: Value| check_id_token(&with(json!({ "acr": acr })), &provider(), &essential).err();
    assert_eq!(acr(json!("phr")), None);
    for bad in [json!("pwd"), json!(null), json!(["mfa"])] {
        assert_eq!(acr(bad), Some(IdTokenDefect::AuthenticationContext));
    }
}

proptest! {
    #[test]
    fn what_is_believed_is_fresh_ours_and_the_answer(
        exp in NOW - 200..NOW + 200,
        iat in NOW - 90_000..NOW + 200,
        nonce in "n[12]?",
        audience in prop::collection::vec("me|you", 0..3),
    ) {
        let claims = with(json!({ "exp": exp, "iat": iat, "nonce": nonce, "aud": audience, "azp": "me" }));
        let is_good = exp > NOW - 60 && (NOW - 86_400..=NOW + 60).contains(&iat) && nonce == "n1"
            && audience.contains(&"me".to_owned()) && !audience.contains(&"you".to_owned());
        prop_assert_eq!(check_id_token(&claims, &provider(), &expected()).is_ok(), is_good);
    }
}
