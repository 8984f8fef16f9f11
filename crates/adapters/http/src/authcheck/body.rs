//! Reading questions without copying their text.
//!
//! The usual way of reading a body makes a tree of it first, which costs an allocation per text. Here a visitor that knows
//! the shape borrows from the body. It takes exactly what the usual way takes; what it does not take, the usual way says
//! what is wrong with.

use crate::kit::json;
use doorward_services::authcheck::Check;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

/// Questions in the order of the body; no key stands twice.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Checks<'a>(Vec<(Cow<'a, str>, Check<'a>)>);

impl<'a> Checks<'a> {
    /// Reads the first JSON value of a body, or says what is wrong with it. Of equal keys the last one counts.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, String> {
        Self::borrow(body).map_or_else(|_unlike| Self::copy(body), Ok)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Check<'a>)> + Clone {
        self.0.iter().map(|(key, check)| (&**key, check))
    }

    /// The fast way.
    fn borrow(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut source = serde_json::Deserializer::from_slice(body);
        let checks = Fields::<Whole<'a>>::default().deserialize(&mut source)?.0.unwrap_or_default();
        Ok(Self(last_of_each(checks)))
    }

    /// The usual way.
    fn copy(body: &[u8]) -> Result<Self, String> {
        let Plain { checks } = json::from_bytes(body)?;
        let checks = checks.into_iter().map(|(key, PlainCheck { action, object })| {
            let check = Check {
                action: action.into(),
                resource_type: object.resource_type.into(),
                owner_id: object.owner_id.into(),
                organization_id: object.organization_id.into(),
                resource_id: object.resource_id.into(),
                any_org: object.any_org,
            };
            (key.into(), check)
        });
        Ok(Self(checks.collect()))
    }
}

type Entries<'a> = Vec<(Cow<'a, str>, Check<'a>)>;

fn last_of_each(entries: Entries<'_>) -> Entries<'_> {
    let last: HashMap<&str, usize> = entries.iter().enumerate().map(|(at, (key, _))| (&**key, at)).collect();
    if last.len() == entries.len() {
        return entries;
    }
    let mut keep: Vec<usize> = last.into_values().collect();
    keep.sort_unstable();
    let mut keep = keep.into_iter().peekable();
    let entries = entries.into_iter().enumerate().filter(|(at, _)| keep.next_if_eq(at).is_some());
    entries.map(|(_, entry)| entry).collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Plain {
    checks: BTreeMap<String, PlainCheck>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PlainCheck {
    action: String,
    object: PlainObject,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PlainObject {
    resource_type: String,
    owner_id: String,
    organization_id: String,
    resource_id: String,
    any_org: bool,
}

/// A struct whose keys are matched without regard to letter case; `null` and absent fields keep their values, of several
/// the last one counts.
trait Folded<'de>: Default {
    /// Reads the value of a field if it has one by this name.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, source: &mut A) -> Result<bool, A::Error>;
}

/// The whole body.
#[derive(Default)]
struct Whole<'de>(Option<Entries<'de>>);

impl<'de> Folded<'de> for Whole<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, source: &mut A) -> Result<bool, A::Error> {
        if !name.eq_ignore_ascii_case("checks") {
            return Ok(false);
        }
        if let Some(checks) = source.next_value_seed(Map)? {
            self.0 = Some(checks);
        }
        Ok(true)
    }
}

/// One question. Its object counts as a whole: a second one forgets the first.
#[derive(Default)]
struct Question<'de> {
    action: Cow<'de, str>,
    object: About<'de>,
}

#[derive(Default)]
struct About<'de>(Check<'de>);

impl<'de> Folded<'de> for Question<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, source: &mut A) -> Result<bool, A::Error> {
        if name.eq_ignore_ascii_case("action") {
            set(&mut self.action, source.next_value::<Text<'de>>()?.0);
        } else if name.eq_ignore_ascii_case("object") {
            set(&mut self.object, source.next_value_seed(Nullable(Fields::<About<'de>>::default()))?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl<'de> Folded<'de> for About<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, source: &mut A) -> Result<bool, A::Error> {
        let check = &mut self.0;
        let text = if name.eq_ignore_ascii_case("resource_type") {
            &mut check.resource_type
        } else if name.eq_ignore_ascii_case("owner_id") {
            &mut check.owner_id
        } else if name.eq_ignore_ascii_case("organization_id") {
            &mut check.organization_id
        } else if name.eq_ignore_ascii_case("resource_id") {
            &mut check.resource_id
        } else if name.eq_ignore_ascii_case("any_org") {
            set(&mut check.any_org, source.next_value()?);
            return Ok(true);
        } else {
            return Ok(false);
        };
        set(text, source.next_value::<Text<'de>>()?.0);
        Ok(true)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// A text, borrowed if it has no escapes.
struct Text<'de>(Option<Cow<'de, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Option<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                // It would have to be escaped, and then not be borrowed.
                Ok(Some(Cow::Borrowed(text)))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.contains('\0') {
                    return Err(E::custom("a NUL character"));
                }
                Ok(Some(Cow::Owned(text.to_owned())))
            }
        }

        source.deserialize_any(TextVisitor).map(Text)
    }
}

/// A key, borrowed if it has no escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }

        source.deserialize_str(KeyVisitor).map(Key)
    }
}

/// Reads a [`Folded`] struct; `null` is one without fields.
struct Fields<T>(PhantomData<T>);

impl<T> Default for Fields<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Folded<'de>> DeserializeSeed<'de> for Fields<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<T, D::Error> {
        Ok(Nullable(self).deserialize(source)?.unwrap_or_default())
    }
}

/// Tells `null` from a struct without fields.
struct Nullable<T>(T);

impl<'de, T: Folded<'de>> DeserializeSeed<'de> for Nullable<Fields<T>> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Option<T>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de, T: Folded<'de>> Visitor<'de> for Nullable<Fields<T>> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Option<T>, A::Error> {
        let mut fields = T::default();
        while let Some(Key(name)) = source.next_key()? {
            if !fields.field(&name, &mut source)? {
                source.next_value::<json::Anything>()?;
            }
        }
        Ok(Some(fields))
    }
}

/// The questions by their keys; `None` for `null`.
struct Map;

impl<'de> DeserializeSeed<'de> for Map {
    type Value = Option<Entries<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Map {
    type Value = Option<Entries<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
        let mut entries = Entries::new();
        while let Some(Key(key)) = source.next_key()? {
            let Question { action, object: About(check) } =
                source.next_value_seed(Fields::default()).map_err(A::Error::custom)?;
            entries.push((key, Check { action, ..check }));
        }
        Ok(Some(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"{"x":[1.5,{"y":null},"é"],"Checks":{"old":{}},"checks":{
        "a":{"action":"read","object":{"resource_type":"user","any_org":true,"OWNER_ID":"me","owner_id":null}},
        "b\u0041":{"object":{"resource_type":"a\"b"},"object":{"organization_id":"c"},"more":{"k":"v"}},
        "c":null,"a":{"action":"create","ACTION":"delete","object":null},"":{"object":{"resource_id":"r","any_org":null}}
        },"CHECKS":null} and more"#;

    fn sorted(checks: Checks<'_>) -> BTreeMap<String, Check<'_>> {
        checks.0.into_iter().map(|(key, check)| (key.into_owned(), check)).collect()
    }

    #[test]
    fn both_ways_read_the_same() {
        let fast = Checks::borrow(SAMPLE.as_bytes()).unwrap();
        assert_eq!(fast.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["bA", "c", "a", ""]);
        let fast = sorted(fast);
        assert_eq!(fast, sorted(Checks::copy(SAMPLE.as_bytes()).unwrap()));
        assert_eq!((&*fast["a"].action, &*fast["a"].resource_type), ("delete", ""));
        assert_eq!((&*fast["bA"].resource_type, &*fast["bA"].organization_id), ("", "c"));
        let borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
        assert!(borrowed(&fast["bA"].organization_id) && borrowed(&fast[""].resource_id));
    }

    /// Wherever the text is damaged, the fast way takes no more than the usual way, and reads the same.
    #[test]
    fn damage_is_noticed_by_both() {
        let mut taken = 0;
        let mut compare = |body: &[u8]| {
            let Ok(fast) = Checks::borrow(body) else { return };
            taken += 1;
            let usual = Checks::copy(body).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(body)));
            assert_eq!(sorted(fast), sorted(usual.unwrap()));
        };
        let sample = SAMPLE.as_bytes();
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
