//! How values that callers send become values of attributes, and how all that is wrong with them is collected.

use super::error::{ScimError, ScimType};
use super::filter::{boolean, parse_instant};
use super::resource::{MEMBERS_MAX, TEXT_MAX, VALUES_MAX, has_value, is_primary};
use super::schema::{Attribute, Kind, Mutability};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// So many defects are told; the others are counted.
const TOLD_MAX: usize = 20;

/// Reads values, and keeps what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    defects: Vec<Defect>,
}

struct Defect {
    kind: ScimType,
    place: String,
    what: String,
}

impl Reader {
    /// Keeps a defect.
    pub(super) fn defect(&mut self, kind: ScimType, place: &str, what: &str) {
        self.defects.push(Defect { kind, place: place.to_owned(), what: what.to_owned() });
    }

    /// Whether something is wrong with this very place.
    pub(super) fn knows(&self, place: &str) -> bool {
        self.defects.iter().any(|defect| defect.place == place)
    }

    /// All defects as one error.
    pub(super) fn finish(self) -> Result<(), ScimError> {
        let Some(first) = self.defects.first() else { return Ok(()) };
        let is_syntax = |defect: &Defect| defect.kind == ScimType::InvalidSyntax;
        let kind = if self.defects.iter().any(is_syntax) { ScimType::InvalidSyntax } else { first.kind };
        let told = self.defects.iter().take(TOLD_MAX).map(|defect| format!("{}: {}", defect.place, defect.what));
        let mut detail = told.collect::<Vec<_>>().join("; ");
        if self.defects.len() > TOLD_MAX {
            detail = format!("{detail}; and {} more", self.defects.len() - TOLD_MAX);
        }
        Err(ScimError::new(kind, detail))
    }

    /// The attributes of an object that are known and that callers may set, in the spelling of the schema.
    pub(super) fn object(
        &mut self,
        fields: &Map<String, Value>,
        place: &str,
        known: impl Fn(&str) -> Option<&'static Attribute>,
    ) -> Map<String, Value> {
        let mut seen = HashSet::new();
        let mut read = Map::new();
        for (name, value) in fields {
            let Some(attribute) = known(name) else { continue };
            let at = join(place, attribute.name);
            if !seen.insert(attribute.name) {
                self.defect(ScimType::InvalidSyntax, &at, "is there twice, in different letter case");
            } else if attribute.mutability != Mutability::ReadOnly
                && let Some(value) = self.value(attribute, value, &at)
            {
                read.insert(attribute.name.to_owned(), value);
            }
        }
        read
    }

    /// The value of an attribute, all of it; `None` if there is none, or if it is defective.
    pub(super) fn value(&mut self, attribute: &'static Attribute, value: &Value, place: &str) -> Option<Value> {
        if !has_value(value) {
            return None;
        }
        if !attribute.multi_valued {
            return self.single(attribute, value, place);
        }
        let Some(values) = value.as_array() else {
            self.defect(ScimType::InvalidValue, place, "must be a list");
            return None;
        };
        let most = if attribute.name == "members" { MEMBERS_MAX } else { VALUES_MAX };
        if values.len() > most {
            self.defect(ScimType::InvalidValue, place, &format!("must have at most {most} values"));
            return None;
        }
        let with_value = values.iter().enumerate().filter(|(_, value)| has_value(value));
        let read: Vec<Value> =
            with_value.filter_map(|(at, value)| self.single(attribute, value, &format!("{place}[{at}]"))).collect();
        let read = each_once(attribute, read);
        if read.iter().filter(|value| is_primary(value)).count() > 1 {
            self.defect(ScimType::InvalidValue, place, "must have at most one primary value");
        }
        (!read.is_empty()).then(|| read.into())
    }

    /// One value of an attribute; `None` if it is defective.
    pub(super) fn single(&mut self, attribute: &'static Attribute, value: &Value, place: &str) -> Option<Value> {
        let read = match attribute.kind {
            Kind::Complex => return self.complex(attribute, value, place),
            Kind::Text | Kind::Reference | Kind::Binary => text(value),
            Kind::Boolean => {
                let flag = value.as_bool().or_else(|| value.as_str().and_then(boolean));
                flag.map(Value::from).ok_or("must be true or false")
            }
            Kind::Integer => value.as_i64().map(Value::from).ok_or("must be a whole number"),
            Kind::Decimal => value.as_f64().map(|_| value.clone()).ok_or("must be a number"),
            Kind::DateTime => {
                let instant = value.as_str().and_then(parse_instant);
                instant.map(|_| value.clone()).ok_or("must be an instant, such as 2011-05-13T04:42:34Z")
            }
        };
        read.inspect_err(|what| self.defect(ScimType::InvalidValue, place, what)).ok()
    }

    fn complex(&mut self, attribute: &'static Attribute, value: &Value, place: &str) -> Option<Value> {
        // Text stands for the sub-attribute `value`: Microsoft Entra sends the id of a manager like this.
        if let (Some(sub), true) = (attribute.sub_attribute("value"), value.is_string()) {
            let value = self.single(sub, value, place)?;
            return Some(Map::from_iter([(sub.name.to_owned(), value)]).into());
        }
        let Some(fields) = value.as_object() else {
            self.defect(ScimType::InvalidValue, place, "must be an object");
            return None;
        };
        let read = self.object(fields, place, |name| attribute.sub_attribute(name));
        for required in attribute.sub_attributes.iter().filter(|sub| sub.required && !read.contains_key(sub.name)) {
            let at = join(place, required.name);
            if !self.knows(&at) {
                self.defect(ScimType::InvalidValue, &at, "is required");
            }
        }
        (!read.is_empty()).then(|| read.into())
    }
}

/// The place of an attribute within another one, or behind a URN that ends with a colon.
fn join(place: &str, name: &str) -> String {
    if place.is_empty() || place.ends_with(':') { format!("{place}{name}") } else { format!("{place}.{name}") }
}

fn text(value: &Value) -> Result<Value, &'static str> {
    let text = value.as_str().ok_or("must be text")?;
    if text.chars().nth(TEXT_MAX).is_some() {
        return Err("must have at most 2048 characters");
    }
    // Addresses have lines. NUL is nothing that databases keep, and the others hide something.
    if text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c)) {
        return Err("must not have control characters");
    }
    Ok(text.into())
}

/// The values without repetitions. Values that must have a `value`, as members do, are told apart by it alone.
pub(super) fn each_once(attribute: &Attribute, values: Vec<Value>) -> Vec<Value> {
    let by_value = attribute.sub_attribute("value").is_some_and(|sub| sub.required);
    let identity = |value: &Value| value.get("value").filter(|_| by_value).unwrap_or(value).to_string();
    let mut seen = HashSet::new();
    values.into_iter().filter(|value| seen.insert(identity(value))).collect()
}
