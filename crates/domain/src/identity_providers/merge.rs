//! Joining the claims of an ID token with those of the userinfo endpoint, or of the access token.

use super::address::{self, AddressClaims};
use super::provider::Provider;
use crate::jws::Claims;

/// Members that only the ID token says: it is the answer to our request, and signed.
const OF_THE_ID_TOKEN: [&str; 15] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "sub",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "azp",
    "at_hash",
    "tid",
];

/// Why claims cannot be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeDefect {
    /// They are about somebody else (OpenID Connect Core 1.0, 5.3.2), or do not say about whom.
    #[error("the answer of the userinfo endpoint is about somebody else")]
    OtherSubject,
}

/// All claims about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedClaims {
    /// The claims.
    pub claims: Claims,
    /// The mail address, and what was said about it in the same place; `None` if there is none.
    pub address: Option<AddressClaims>,
}

/// Joins the claims of an ID token with `other` ones, which win: those of the userinfo endpoint, or of the access token, verified
/// like the ID token. Members by which an ID token is believed stay its own. A mail address and the word on whether it is verified
/// are taken from one place: an address of one with the word of another would let people take over accounts.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, MergeDefect, Provider, merge};
/// let id_token = Claims::parse(br#"{"sub": "1", "email": "a@b.example", "email_verified": true}"#).unwrap();
/// let userinfo = Claims::parse(br#"{"sub": "1", "email": "other@b.example", "name": "Ann"}"#).unwrap();
/// let merged = merge(&id_token, Some(&userinfo), &Provider::default())?;
/// assert_eq!(merged.claims.text("name").unwrap(), Some("Ann"));
/// assert_eq!(merged.claims.get("email_verified"), None, "nobody has said it of the other address");
/// let stranger = Claims::parse(br#"{"sub": "2"}"#).unwrap();
/// assert_eq!(merge(&id_token, Some(&stranger), &Provider::default()), Err(MergeDefect::OtherSubject));
/// # Ok::<(), MergeDefect>(())
/// ```
pub fn merge(id_token: &Claims, other: Option<&Claims>, provider: &Provider) -> Result<MergedClaims, MergeDefect> {
    let Some(other) = other else {
        return Ok(MergedClaims { claims: id_token.clone(), address: AddressClaims::find(&[id_token], provider) });
    };
    let subject = id_token.text("sub").ok().flatten().ok_or(MergeDefect::OtherSubject)?;
    if other.text("sub") != Ok(Some(subject)) {
        return Err(MergeDefect::OtherSubject);
    }
    let mut members = id_token.members().clone();
    let added = other.members().iter().filter(|(name, value)| {
        // An account may be found by the external id, so what is signed counts.
        let is_external_id = **name == provider.external_id_claim && id_token.get(name).is_some();
        // What is not there in the other place does not erase what is here.
        !value.is_null() && !is_external_id && !OF_THE_ID_TOKEN.contains(&name.as_str())
    });
    members.extend(added.map(|(name, value)| (name.clone(), value.clone())));
    let address = AddressClaims::find(&[other, id_token], provider);
    for name in address::WORDS_ON_ADDRESSES {
        members.remove(name);
    }
    let words = address.iter().flat_map(AddressClaims::words);
    members.extend(words.map(|(name, value)| (name.to_owned(), value.clone())));
    Ok(MergedClaims { claims: Claims::from_members(members), address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn claims(value: Value) -> Claims {
        let Value::Object(members) = value else { panic!("no object") };
        Claims::from_members(members)
    }

    fn merged(id_token: Value, other: Value) -> Result<Value, MergeDefect> {
        let merged = merge(&claims(id_token), Some(&claims(other)), &Provider::default())?;
        Ok(Value::Object(merged.claims.into_members()))
    }

    #[test]
    fn claims_about_somebody_else_are_refused() {
        for other in
            [json!({}), json!({ "sub": "2" }), json!({ "sub": 1 }), json!({ "sub": null }), json!({ "sub": "1 " })]
        {
            assert_eq!(merged(json!({ "sub": "1" }), other.clone()), Err(MergeDefect::OtherSubject), "{other}");
        }
        assert_eq!(merged(json!({}), json!({})), Err(MergeDefect::OtherSubject));
    }

    #[test]
    fn userinfo_wins_and_erases_nothing() {
        let joined = merged(
            json!({ "sub": "1", "name": "old", "groups": ["a"], "x": 1 }),
            json!({ "sub": "1", "name": "new", "groups": null, "y": 2 }),
        );
        assert_eq!(joined, Ok(json!({ "sub": "1", "name": "new", "groups": ["a"], "x": 1, "y": 2 })));
    }

    #[test]
    fn what_an_id_token_is_believed_by_stays_its_own() {
        for name in OF_THE_ID_TOKEN.iter().filter(|name| **name != "sub") {
            let kept = merged(json!({ "sub": "1", *name: "mine" }), json!({ "sub": "1", *name: "other" })).unwrap();
            assert_eq!(kept.get(name), Some(&json!("mine")), "{name}");
            let absent = merged(json!({ "sub": "1" }), json!({ "sub": "1", *name: "other" })).unwrap();
            assert_eq!(absent.get(name), None, "{name}");
        }
    }

    #[test]
    fn an_external_id_that_is_signed_is_not_overwritten() {
        let provider = Provider { external_id_claim: "oid".to_owned(), ..Provider::default() };
        let oid = |id_token: Value, other: Value| {
            let merged = merge(&claims(id_token), Some(&claims(other)), &provider).unwrap();
            merged.claims.text("oid").unwrap().map(str::to_owned)
        };
        let other = json!({ "sub": "1", "oid": "other" });
        assert_eq!(oid(json!({ "sub": "1", "oid": "mine" }), other.clone()).as_deref(), Some("mine"));
        assert_eq!(oid(json!({ "sub": "1" }), other).as_deref(), Some("other"));
    }

    #[test]
    fn an_address_and_the_word_on_it_come_from_one_place() {
        let verified = json!({ "sub": "1", "email": "a@b.example", "email_verified": true, "xms_edov": 1 });
        let other = merged(verified.clone(), json!({ "sub": "1", "email": "victim@b.example" })).unwrap();
        assert_eq!(other, json!({ "sub": "1", "email": "victim@b.example" }));
        let word = merged(json!({ "sub": "1", "email": "a@b.example" }), json!({ "sub": "1", "email_verified": true }));
        assert_eq!(word, Ok(json!({ "sub": "1", "email": "a@b.example" })));
        let both = merged(verified.clone(), json!({ "sub": "1", "email": "c@b.example", "email_verified": false }));
        assert_eq!(both, Ok(json!({ "sub": "1", "email": "c@b.example", "email_verified": false })));
        // Of the very same address, the ID token may say what userinfo does not.
        let same = merged(verified.clone(), json!({ "sub": "1", "email": "A@b.example" })).unwrap();
        assert_eq!(same, json!({ "sub": "1", "email": "A@b.example", "email_verified": true, "xms_edov": 1 }));
        let neither = merged(verified, json!({ "sub": "1", "email_verified": false, "email": "" })).unwrap();
        assert_eq!(neither.get("email_verified"), Some(&json!(true)));
    }

    proptest! {
        #[test]
        fn a_word_never_comes_without_its_address(
            mine in prop::option::of("[ab]@x\\.example"),
            mine_verified in prop::option::of(any::<bool>()),
            other in prop::option::of("[ab]@x\\.example"),
            other_verified in prop::option::of(any::<bool>()),
        ) {
            let id_token = claims(json!({ "sub": "1", "email": mine, "email_verified": mine_verified }));
            let userinfo = claims(json!({ "sub": "1", "email": other, "email_verified": other_verified }));
            let merged = merge(&id_token, Some(&userinfo), &Provider::default()).unwrap();
            let of_mine = mine_verified.filter(|_| mine.is_some() && (other.is_none() || other == mine));
            let expected = other_verified.filter(|_| other.is_some()).or(of_mine);
            prop_assert_eq!(merged.claims.flag("email_verified").unwrap(), expected);
            let email = other.or(mine);
            prop_assert_eq!(merged.claims.text("email").unwrap(), email.as_deref());
        }
    }
}
