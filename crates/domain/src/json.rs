//! JSON that no two programs read differently.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// What is refused besides members that stand twice.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// How deep lists and objects may stand in each other; never more than 127.
    pub(crate) depth_max: usize,
    /// Whether names and texts may have a NUL, because somebody says later what is wrong with them.
    pub(crate) may_have_nul: bool,
}

/// Reads one value. Of members of an object that stand twice programs take different ones (RFC 8259 4), so they are an error. Errors
/// have nothing of the text but the place.
pub(crate) fn parse_strictly(json: &[u8], rules: Rules) -> Result<Value, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_slice(json);
    let value = Strict { depth: 0, rules }.deserialize(&mut source)?;
    source.end()?;
    Ok(value)
}

/// Reads a value of which every member stands once.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    rules: Rules,
}

impl Strict {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.rules.depth_max {
            return Err(E::custom("lists and objects stand too deep in each other"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: serde::de::Error>(self, text: &str) -> Result<&str, E> {
        let is_refused = !self.rules.may_have_nul && text.contains('\0');
        if is_refused { Err(E::custom("a text has a NUL in it")) } else { Ok(text) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text).map(Into::into)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = source.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = source.next_key::<String>()? {
            self.text::<A::Error>(&name)?;
            let value = source.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice in an object"));
            }
        }
        Ok(members.into())
    }
}
