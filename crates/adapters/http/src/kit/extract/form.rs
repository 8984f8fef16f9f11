//! `application/x-www-form-urlencoded` parameters of OAuth2 requests (RFC 6749 3.1, 3.2 and appendix B).

use doorward_domain::Secret;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::OAuthError;
use percent_encoding::percent_decode;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor, value};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Parameters in the order in which they came, doubles included.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Decodes a body or a query string. What is not UTF-8 is refused, not repaired.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, OAuthError> {
        let mut parameters = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter: the first, if there are several. Empty is as good as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// All parameters, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads the parameters that are fields of `T`, which are `Option` or `Vec`. The first of several counts, empty is as good
    /// as absent, and what is unknown is ignored.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, OAuthError> {
        self.read_with_repeats().map(|(form, _repeats)| form)
    }

    /// The same, and which of the fields that are `Option` came more than once.
    pub(crate) fn read_with_repeats<T: DeserializeOwned>(&self) -> Result<(T, Vec<&'static str>), OAuthError> {
        let mut repeats = Vec::new();
        let form = T::deserialize(Source { form: self, repeats: &mut repeats })
            .map_err(|error| OAuthError::new(OAuthErrorCode::InvalidRequest, error.to_string()))?;
        Ok((form, repeats))
    }

    /// Those of `names` that came more than once.
    pub(crate) fn repeated<'a>(&self, names: &'a [&'static str]) -> impl Iterator<Item = &'static str> + use<'_, 'a> {
        names.iter().copied().filter(|name| self.all(name).nth(1).is_some())
    }
}

/// A field of a form that must not be logged.
pub(crate) fn secret<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(source)?.map(Secret::new))
}

/// A form, as a struct is read from it: field by field, so that what is not asked for costs nothing.
struct Source<'f, 'r> {
    form: &'f Form,
    repeats: &'r mut Vec<&'static str>,
}

impl<'de> Deserializer<'de> for Source<'de, '_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        Err(de::Error::invalid_type(de::Unexpected::Map, &visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        visitor.visit_map(Fields { form: self.form, repeats: self.repeats, left: fields.iter(), name: "" })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'f, 'r> {
    form: &'f Form,
    repeats: &'r mut Vec<&'static str>,
    left: std::slice::Iter<'static, &'static str>,
    /// The field that is read.
    name: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, value::Error> {
        let form = self.form;
        let Some(name) = self.left.by_ref().copied().find(|name| form.all(name).next().is_some()) else {
            return Ok(None);
        };
        self.name = name;
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, value::Error> {
        seed.deserialize(Field { form: self.form, repeats: self.repeats, name: self.name })
    }
}

struct Field<'f, 'r> {
    form: &'f Form,
    repeats: &'r mut Vec<&'static str>,
    name: &'static str,
}

impl<'de> Deserializer<'de> for Field<'de, '_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        Err(de::Error::invalid_type(de::Unexpected::Other("parameter"), &visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        let mut values = self.form.all(self.name);
        let first = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() {
            self.repeats.push(self.name);
        }
        match first {
            Some(value) => visitor.visit_some(value.into_deserializer()),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        let values = self.form.all(self.name).filter(|value| !value.is_empty());
        visitor.visit_seq(value::SeqDeserializer::new(values))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Decodes `+` and `%XX`. A `%` without two digits stands for itself, as browsers do it.
pub(crate) fn decode(text: &[u8]) -> Result<String, OAuthError> {
    // Most names and values stand for themselves.
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%' | 0))
        && let Ok(plain) = std::str::from_utf8(text)
    {
        return Ok(plain.to_owned());
    }
    let spaced: Cow<'_, [u8]> = if text.contains(&b'+') {
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
    } else {
        text.into()
    };
    let text = percent_decode(&spaced).decode_utf8().map_err(|error| {
        OAuthError::new(OAuthErrorCode::InvalidRequest, "parameters must be UTF-8").because(error.to_string())
    })?;
    // No text of ours holds NUL, and PostgreSQL could not store it.
    if text.contains('\0') {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "parameters must not contain NUL characters"));
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap_or_default()
    }

    #[test]
    fn values_are_decoded() {
        let form = form("a=x+y%2Bz&&b&c=%C3%A9&d=a=b&%61=2&e=100%&f=%zz");
        assert_eq!(form.text("a").as_deref(), Some("x y+z"));
        assert_eq!(form.text("b"), None);
        assert_eq!(form.text("c").as_deref(), Some("é"));
        assert_eq!(form.text("d").as_deref(), Some("a=b"));
        assert_eq!(form.text("e").as_deref(), Some("100%"));
        assert_eq!(form.text("f").as_deref(), Some("%zz"));
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["x y+z", "2"]);
        assert_eq!(form.repeated(&["a", "b", "c"]).collect::<Vec<_>>(), ["a"]);
        assert_eq!(form.repeated(&["b", "x"]).next(), None);
    }

    #[derive(Debug, Default, Deserialize)]
    struct Example {
        a: Option<String>,
        b: Option<String>,
        #[serde(default, deserialize_with = "secret")]
        c: Option<Secret<String>>,
        #[serde(default)]
        many: Vec<String>,
    }

    #[test]
    fn a_struct_is_read_from_the_first_of_each_that_is_not_empty() {
        let (example, repeats) =
            form("many=1&a=&x=1&c=s%20t&a=2&many=&c=u&many=2&x=2").read_with_repeats::<Example>().unwrap();
        assert_eq!((example.a, example.b), (None, None));
        assert_eq!(example.c.map(Secret::into_exposed).as_deref(), Some("s t"));
        assert_eq!(example.many, ["1", "2"]);
        assert_eq!(repeats, ["a", "c"], "what is no field, and what may come often, is not told");
        let empty: Example = form("").read().unwrap();
        assert!(empty.a.is_none() && empty.c.is_none() && empty.many.is_empty());
        assert_eq!(form("b=x").read::<Example>().unwrap().b.as_deref(), Some("x"));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for bad in [&b"a=%FF"[..], b"%C3=1", b"a=\xff", b"a=%00"] {
            assert_eq!(Form::parse(bad).err().map(|e| e.code), Some(OAuthErrorCode::InvalidRequest));
        }
    }
}
