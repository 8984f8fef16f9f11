//! Reading questions without copying their text.
//!
//! The usual way of reading a body makes a tree of it first, which costs an allocation per text. Nearly all bodies are plain:
//! each key once and spelled as documented, nothing `null`, no escapes. Those are read by borrowing from them; the rest, and
//! what is wrong, is left to the usual way.

use crate::kit::json;
use doorward_services::authcheck::Check;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Questions by their keys, in the order of those.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Checks<'a>(Vec<(Cow<'a, str>, Check<'a>)>);

impl<'a> Checks<'a> {
    /// Reads the first JSON value of a body, or says what is wrong with it. Of equal keys the last one counts.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, String> {
        Self::borrow(body).map_or_else(|| Self::copy(body), Ok)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Check<'a>)> + Clone {
        self.0.iter().map(|(key, check)| (&**key, check))
    }

    /// The fast way, for bodies that are plain.
    fn borrow(body: &'a [u8]) -> Option<Self> {
        // A derived reader takes a list for a struct.
        if body.contains(&b'[') {
            return None;
        }
        Whole::<&str>::deserialize(&mut serde_json::Deserializer::from_slice(body)).ok().map(Self::from)
    }

    /// The usual way.
    fn copy(body: &[u8]) -> Result<Self, String> {
        json::from_bytes::<Whole<String>>(body).map(Self::from)
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<Whole<T>> for Checks<'a> {
    fn from(whole: Whole<T>) -> Self {
        let check = |Question { action, object }: Question<T>| Check {
            action: action.into(),
            resource_type: object.resource_type.into(),
            owner_id: object.owner_id.into(),
            organization_id: object.organization_id.into(),
            resource_id: object.resource_id.into(),
            any_org: object.any_org,
        };
        Self(whole.checks.into_iter().map(|(key, question)| (key.into(), check(question))).collect())
    }
}

/// The whole body. A `T` that is borrowed takes no escapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole<T> {
    #[serde(default = "BTreeMap::new", bound(deserialize = "T: Deserialize<'de> + Default + Ord"))]
    checks: BTreeMap<T, Question<T>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, bound(deserialize = "T: Deserialize<'de> + Default"))]
struct Question<T> {
    action: T,
    object: About<T>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct About<T> {
    resource_type: T,
    owner_id: T,
    organization_id: T,
    resource_id: T,
    any_org: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As clients write it.
    const PLAIN: &str = r#"{"checks":{
        "b":{"action":"read","object":{"resource_type":"user","owner_id":"me","any_org":true}},
        "a":{"action":"ä","object":{"organization_id":"c","resource_id":"r"}},
        "d":{"object":{}},"b":{"action":"delete"},"":{"object":{"any_org":false}},"c":{}
        }} and more"#;

    /// As nobody writes it.
    const SAMPLE: &str = r#"{"x":[1.5,{"y":null},"é"],"Checks":{"old":{}},"checks":{
        "a":{"action":"read","object":{"resource_type":"user","any_org":true,"OWNER_ID":"me","owner_id":null}},
        "b\u0041":{"object":{"resource_type":"a\"b"},"object":{"organization_id":"c"},"more":{"k":"v"}},
        "c":null,"a":{"action":"create","ACTION":"delete","object":null},"":{"object":{"resource_id":"r","any_org":null}}
        },"CHECKS":null} and more"#;

    #[test]
    fn both_ways_read_the_same() {
        let fast = Checks::borrow(PLAIN.as_bytes()).unwrap();
        assert_eq!(fast, Checks::copy(PLAIN.as_bytes()).unwrap());
        assert_eq!(fast.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["", "a", "b", "c", "d"]);
        let [_, (_, a), (_, b), ..] = &fast.0[..] else { panic!("{fast:?}") };
        assert_eq!((&*b.action, &*b.resource_type, b.any_org), ("delete", "", false), "the last one counts as a whole");
        assert!(matches!((&a.action, &a.resource_id), (Cow::Borrowed("ä"), Cow::Borrowed("r"))));
    }

    #[test]
    fn what_is_not_plain_is_read_the_usual_way() {
        assert_eq!(Checks::borrow(SAMPLE.as_bytes()), None);
        let read = Checks::read(SAMPLE.as_bytes()).unwrap();
        assert_eq!(read.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["", "a", "bA", "c"]);
        let [(_, nameless), (_, a), (_, b), _] = &read.0[..] else { panic!("{read:?}") };
        assert_eq!((&*nameless.resource_id, nameless.any_org), ("r", false));
        assert_eq!((&*a.action, &*a.resource_type), ("delete", ""));
        assert_eq!((&*b.resource_type, &*b.organization_id), ("", "c"));
        for other in [r#"{"checks":{"k":["read",{}]}}"#, r#"{"checks":{"k":{"action":"\u0000"}}}"#] {
            assert_eq!(Checks::borrow(other.as_bytes()), None, "{other}");
        }
    }

    /// Wherever the text is damaged, the fast way takes no more than the usual way, and reads the same.
    #[test]
    fn damage_is_noticed_by_both() {
        let mut taken = 0;
        let mut compare = |body: &[u8]| {
            let Some(fast) = Checks::borrow(body) else { return };
            taken += 1;
            let usual = Checks::copy(body).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(body)));
            assert_eq!(fast, usual.unwrap());
        };
        let sample = PLAIN.as_bytes();
        for at in 0..sample.len() {
            compare(&sample[..at]);
            for new in [
                &b"\""[..],
                b"{",
                b"}",
                b"null",
                b"1",
                b"true",
                b"[",
                b"]",
                b"\\u0000",
                b"\\ud800",
                b"\xff",
                b",",
                b":",
                b"\x01",
            ] {
                for skipped in 0..3 {
                    let rest = &sample[(at + skipped).min(sample.len())..];
                    compare(&[&sample[..at], new, rest].concat());
                }
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, part) in [
            ("", "EOF"),
            ("{\"checks\":[]}", "checks: invalid type: sequence"),
            ("{\"checks\":{\"k\":{\"object\":{\"any_org\":1}}}}", "checks.k.object.any_org: invalid type"),
            ("{\"checks\":{\"k\":{\"action\":\"\\u0000\"}}}", "NUL"),
        ] {
            let error = Checks::read(body.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{body}: {error}");
        }
        for body in ["null", "{}", "{\"checks\":null}", "{\"checks\":{}}"] {
            assert_eq!(Checks::read(body.as_bytes()).unwrap(), Checks::default());
        }
    }
}
