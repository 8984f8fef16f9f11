//! The JSON objects of providers: payloads of tokens, answers of userinfo endpoints, documents. Bounded, and never of two minds.

use crate::Instant;
use crate::idp_sync::find;
use crate::json::{Rules, parse_strictly};
use serde_json::{Map, Number, Value};
use std::fmt;
use time::Duration;

/// The longest object, in bytes of JSON.
pub const CLAIMS_MAX: usize = 256 * 1024;
/// How deep lists and objects may stand in each other.
pub const DEPTH_MAX: usize = 16;
/// The last instant of a claim: the end of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Why a text is no object of claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// It is longer than [`CLAIMS_MAX`].
    #[error("the answer has more than {CLAIMS_MAX} bytes")]
    TooLong,
    /// It is no JSON, has a member twice, is too deep, or has a NUL in a text: in words that have nothing of the text but the
    /// place.
    #[error("the answer cannot be read: {0}")]
    Syntax(String),
    /// It is JSON of another type.
    #[error("the answer is no JSON object")]
    NoObject,
}

/// A claim of another type than its meaning has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{name}` must be {expected}")]
pub struct WrongTypeError {
    /// The claim.
    pub name: String,
    /// What it should be.
    pub expected: &'static str,
}

/// An object of claims. Names with dots are looked for as they stand first, and then as a path (`realm_access.roles`). A claim that
/// is `null` is not there.
///
/// ```
/// use doorward_domain::jws::Claims;
/// let claims = Claims::parse(br#"{"sub": "248289", "realm_access": {"roles": ["admin"]}, "name": null}"#)?;
/// assert_eq!(claims.text("sub").unwrap(), Some("248289"));
/// assert_eq!(claims.texts("realm_access.roles").unwrap().unwrap(), ["admin"]);
/// assert!(claims.get("name").is_none());
/// assert!(Claims::parse(br#"{"sub": "a", "sub": "b"}"#).is_err());
/// # Ok::<(), doorward_domain::jws::ClaimsError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

/// Claims say who somebody is; logs get their names only.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Claims {
    /// Reads an object. Of members that stand twice programs take different ones, so they are an error, as NUL in a text is, which
    /// no database keeps.
    pub fn parse(json: &[u8]) -> Result<Self, ClaimsError> {
        match parse(json)? {
            Value::Object(members) => Ok(Self(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(ClaimsError::NoObject)
            }
        }
    }

    /// Takes an object that was read elsewhere, such as one that was stored.
    #[must_use]
    pub const fn from_members(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// All members.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All members, without a copy.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// A claim; `None` if it is absent or `null`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(&self.0, name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, WrongTypeError> {
        self.read(name, "a text", Value::as_str)
    }

    /// A number of seconds since 1970, which may have a fraction (RFC 7519 2).
    pub fn instant(&self, name: &str) -> Result<Option<Instant>, WrongTypeError> {
        self.read(name, "a number of seconds since 1970", |value| instant(value.as_number()?))
    }

    /// A list of texts, or one text, which is a list of one.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, WrongTypeError> {
        self.read(name, "a text or a list of texts", |value| match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(list) => list.iter().map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        })
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, WrongTypeError> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A list of whatever it is.
    pub fn list(&self, name: &str) -> Result<Option<&[Value]>, WrongTypeError> {
        self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    fn read<'c, T>(
        &'c self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'c Value) -> Option<T>,
    ) -> Result<Option<T>, WrongTypeError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| WrongTypeError { name: name.to_owned(), expected })
    }
}

/// Reads a list of objects, as GitHub answers. Items that are no objects are left out.
///
/// ```
/// use doorward_domain::jws::parse_list;
/// assert_eq!(parse_list(br#"[{"id": 1}, 2]"#).unwrap().len(), 1);
/// assert!(parse_list(br#"{"message": "Not Found"}"#).is_err());
/// ```
pub fn parse_list(json: &[u8]) -> Result<Vec<Claims>, ClaimsError> {
    let Value::Array(items) = parse(json)? else {
        return Err(ClaimsError::Syntax("it is no list".to_owned()));
    };
    let objects = items.into_iter().filter_map(|item| match item {
        Value::Object(members) => Some(Claims(members)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    });
    Ok(objects.collect())
}

fn parse(json: &[u8]) -> Result<Value, ClaimsError> {
    if json.len() > CLAIMS_MAX {
        return Err(ClaimsError::TooLong);
    }
    let rules = Rules { depth_max: DEPTH_MAX, may_have_nul: false };
    parse_strictly(json, rules).map_err(|error| ClaimsError::Syntax(error.to_string()))
}

fn instant(number: &Number) -> Option<Instant> {
    let seconds = number.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds))?;
    Instant::UNIX_EPOCH.checked_add(Duration::checked_seconds_f64(seconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn defect(json: &str) -> String {
        Claims::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_member_that_stands_twice_is_an_error_wherever_it_is() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"\u0062":2}]}"#] {
            assert!(defect(json).contains("twice"), "{json}");
        }
        assert!(Claims::parse(br#"{"a":{"b":1},"c":{"b":2},"A":0}"#).is_ok());
    }

    #[test]
    fn nul_is_refused_in_texts_and_names() {
        for json in [r#"{"a":"\u0000"}"#, r#"{"a\u0000":1}"#, r#"{"a":["x\u0000y"]}"#] {
            assert!(defect(json).contains("NUL"), "{json}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(Claims::parse(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
        assert!(defect(&nested(DEPTH_MAX)).contains("deep"));
        assert!(defect(&nested(100_000)).contains("deep"));
        let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert!(Claims::parse(sized(CLAIMS_MAX).as_bytes()).is_ok());
        assert_eq!(Claims::parse(sized(CLAIMS_MAX + 1).as_bytes()), Err(ClaimsError::TooLong));
    }

    #[test]
    fn only_one_object_is_taken() {
        for json in ["[]", "1", "null", "\"x\""] {
            assert_eq!(Claims::parse(json.as_bytes()), Err(ClaimsError::NoObject));
        }
        for json in ["", "{", "{} {}", "{}x", "{'a':1}", "{\"a\":NaN}", "{\"a\":1e999}"] {
            assert!(matches!(Claims::parse(json.as_bytes()), Err(ClaimsError::Syntax(_))), "{json}");
        }
        assert!(Claims::parse(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']).is_err());
    }

    #[test]
    fn types_are_told_and_never_guessed() {
        let claims = Claims::parse(br#"{"t":"x","n":1,"l":["a",1],"s":["a"],"b":true,"z":null}"#).unwrap();
        assert_eq!(claims.text("t"), Ok(Some("x")));
        assert_eq!(claims.text("n").unwrap_err().to_string(), "the claim `n` must be a text");
        assert_eq!((claims.text("z"), claims.text("absent")), (Ok(None), Ok(None)));
        assert_eq!(claims.texts("t"), Ok(Some(vec!["x"])));
        assert_eq!(claims.texts("s"), Ok(Some(vec!["a"])));
        assert!(claims.texts("l").is_err() && claims.flag("t").is_err() && claims.list("t").is_err());
        assert_eq!(claims.flag("b"), Ok(Some(true)));
        assert_eq!(format!("{claims:?}"), r#"["b", "l", "n", "s", "t", "z"]"#);
    }

    #[test]
    fn instants_may_have_fractions_and_have_bounds() {
        let claims =
            Claims::parse(br#"{"a":1300819380,"b":1300819380.5,"c":-1,"d":1e300,"e":"1300819380","f":true}"#).unwrap();
        let whole = claims.instant("a").unwrap().unwrap();
        assert_eq!(whole.unix_timestamp(), 1_300_819_380);
        assert_eq!(claims.instant("b").unwrap().unwrap() - whole, Duration::milliseconds(500));
        for name in ["c", "d", "e", "f"] {
            assert!(claims.instant(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_name_with_dots_is_a_name_first_and_a_path_after() {
        let claims =
            Claims::parse(br#"{"a.b":"literal","a":{"b":"path","c":"path"},"https://app/claim":"x"}"#).unwrap();
        assert_eq!(claims.text("a.b"), Ok(Some("literal")));
        assert_eq!(claims.text("a.c"), Ok(Some("path")));
        assert_eq!(claims.text("https://app/claim"), Ok(Some("x")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Claims::parse(&bytes);
        }

        #[test]
        fn what_is_read_is_what_others_read(text in r#"\{("[a-c]":([0-9]{1,3}|"[a-z]{0,3}"|null|\[\]),){0,3}"d":true\}"#) {
            if let Ok(claims) = Claims::parse(text.as_bytes()) {
                let others: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(Value::Object(claims.into_members()), others);
            }
        }
    }
}
