//! Texts with values in them: `${name}`.

use super::Defect;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Longest text with its values, in bytes.
pub(super) const TEXT_MAX: usize = 64 * 1024;
/// Longest name of a value, in bytes.
const NAME_MAX: usize = 64;

/// A text in which values stand. `$${` is `${` itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Value(String),
}

/// Whether a value may have this name: letters, digits, `_` and `-`.
pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl Text {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, Defect> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find('$') {
            let (before, found) = rest.split_at(at);
            plain.push_str(before);
            if let Some(behind) = found.strip_prefix("$${") {
                plain.push_str("${");
                rest = behind;
            } else if let Some(behind) = found.strip_prefix("${") {
                let Some((name, behind)) = behind.split_once('}') else {
                    return Err(Defect::new("a `${` is not closed by a `}`; where it is meant as such, write `$${`"));
                };
                if !name.strip_prefix("workspace.").map_or_else(|| is_name(name), is_name) {
                    let shown: String = name.chars().take(NAME_MAX).collect();
                    return Err(Defect::new(format!("`${{{shown}}}` has no name of a value in it")));
                }
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value(name.to_owned()));
                rest = behind;
            } else {
                plain.push('$');
                rest = found.get(1..).unwrap_or_default();
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    /// The names of the values in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            Piece::Plain(_) => None,
        })
    }

    /// The text as an expression of a tag, of which servers understand two forms: a text in quotes, and the value of one parameter.
    /// `None` for what is neither.
    pub(super) fn expression(&self) -> Option<String> {
        match self.0.as_slice() {
            [] => Some("\"\"".to_owned()),
            [Piece::Plain(text)] => {
                let is_simple = !text.contains(['"', '\\']) && !text.contains("${") && !text.contains("%{");
                is_simple.then(|| format!("\"{text}\""))
            }
            [Piece::Value(name)] => Some(format!("data.coder_parameter.{name}.value")),
            _ => None,
        }
    }

    /// The text with its values; what stands in those is not looked at again. Errors: it is too long, or there is no such value.
    pub(super) fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Result<String, Defect> {
        let mut filled = String::new();
        for piece in &self.0 {
            let more = match piece {
                Piece::Plain(text) => text,
                Piece::Value(name) => {
                    value(name).ok_or_else(|| Defect::new(format!("there is no value for `${{{name}}}`")))?
                }
            };
            if filled.len().saturating_add(more.len()) > TEXT_MAX {
                return Err(Defect::new(format!("a text is longer than {TEXT_MAX} bytes with its values")));
            }
            filled.push_str(more);
        }
        Ok(filled)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Numbers and switches are texts too, so that they may stand where a value may.
struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, or true or false")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
        Text::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Text, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Text, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Text, E> {
        if number.is_finite() {
            return self.visit_str(&number.to_string());
        }
        Err(E::custom("a number that is none"))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Text, E> {
        self.visit_str(if value { "true" } else { "false" })
    }
}

/// A text without values, where a number or a switch stands for one too.
pub(super) fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    optional_scalar(deserializer).map(Option::unwrap_or_default)
}

/// The same, where it may be left out.
pub(super) fn optional_scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Text(pieces) = deserializer.deserialize_any(PlainVisitor)?;
    match pieces.as_slice() {
        [] => Ok(Some(String::new())),
        [Piece::Plain(text)] => Ok(Some(text.clone())),
        _ => Err(D::Error::custom("a text without values")),
    }
}

struct PlainVisitor;

impl Visitor<'_> for PlainVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TextVisitor.expecting(f)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(vec![Piece::Plain(text.to_owned())]))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Text, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Text, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Text, E> {
        TextVisitor.visit_f64(number)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Text, E> {
        TextVisitor.visit_bool(value)
    }
}
