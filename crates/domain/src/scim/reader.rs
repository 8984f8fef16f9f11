//! How values that callers send become values of attributes, and how all that is wrong with them is collected.

use super::error::{ScimError, ScimType};
use super::filter::{boolean, parse_instant};
use super::schema::{Attribute, Kind, Mutability, same};
use super::value::{ATTRIBUTE_TEXT_MAX, MEMBERS_MAX, VALUES_MAX, has_value, is_primary};
use crate::names::hidden_in_text;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// So many defects are told; the others are counted.
const TOLD_MAX: usize = 20;

/// Reads values, and keeps what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    /// The first defects. The others are only counted: a body may have one for each of fifty thousand members.
    told: Vec<Defect>,
    /// How many there are in all.
    count: usize,
    /// At least one of all is [`ScimType::InvalidSyntax`].
    is_syntax: bool,
}

struct Defect {
    kind: ScimType,
    place: String,
    what: String,
}

impl Reader {
    /// Counts a defect, and keeps it if it is one of the first.
    pub(super) fn defect(&mut self, kind: ScimType, place: &str, what: &str) {
        self.count += 1;
        self.is_syntax |= kind == ScimType::InvalidSyntax;
        if self.told.len() < TOLD_MAX {
            self.told.push(Defect { kind, place: place.to_owned(), what: what.to_owned() });
        }
    }

    /// All defects as one error.
    pub(super) fn finish(self) -> Result<(), ScimError> {
        let Some(first) = self.told.first() else { return Ok(()) };
        let kind = if self.is_syntax { ScimType::InvalidSyntax } else { first.kind };
        let told = self.told.iter().map(|defect| format!("{}: {}", defect.place, defect.what));
        let mut detail = told.collect::<Vec<_>>().join("; ");
        if self.count > self.told.len() {
            detail = format!("{detail}; and {} more", self.count - self.told.len());
        }
        Err(ScimError::new(kind, detail))
    }

    /// Those of the `attributes` that are in an object and that callers may set, in the spelling of the schema. One that is
    /// required and missing is a defect.
    pub(super) fn object(
        &mut self,
        fields: &Map<String, Value>,
        place: &str,
        attributes: impl Iterator<Item = &'static Attribute> + Clone,
    ) -> Map<String, Value> {
        let mut seen = HashSet::new();
        // What is wrong with these was said. It is noted here, for a search among all defects so far would take the square of
        // their number, and not all of them are kept.
        let mut wrong = HashSet::new();
        let mut read = Map::new();
        for (name, value) in fields {
            let Some(attribute) = attributes.clone().find(|known| same(known.name, name)) else { continue };
            let at = join(place, attribute.name);
            let before = self.count;
            if !seen.insert(attribute.name) {
                self.defect(ScimType::InvalidSyntax, &at, "is there twice, in different letter case");
            } else if attribute.mutability != Mutability::ReadOnly
                && let Some(value) = self.value(attribute, value, &at)
            {
                read.insert(attribute.name.to_owned(), value);
            }
            if self.count > before {
                wrong.insert(attribute.name);
            }
        }
        let is_missing =
            |known: &&Attribute| known.is_required() && !read.contains_key(known.name) && !wrong.contains(known.name);
        for missing in attributes.filter(is_missing) {
            self.defect(ScimType::InvalidValue, &join(place, missing.name), "is required");
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
        let read = self.object(fields, place, attribute.sub_attributes.iter());
        (!read.is_empty()).then(|| read.into())
    }
}

/// The place of an attribute within another one, or behind a URN that ends with a colon.
fn join(place: &str, name: &str) -> String {
    if place.is_empty() || place.ends_with(':') { format!("{place}{name}") } else { format!("{place}.{name}") }
}

fn text(value: &Value) -> Result<Value, &'static str> {
    let text = value.as_str().ok_or("must be text")?;
    if text.chars().nth(ATTRIBUTE_TEXT_MAX).is_some() {
        return Err("must have at most 2048 characters");
    }
    // Addresses have lines. NUL is nothing that databases keep, and the others hide something.
    if hidden_in_text(text).is_some() {
        return Err("must not have characters that do not show");
    }
    Ok(text.into())
}

/// The values without repetitions. Values that must have a `value`, as members do, are told apart by it alone.
pub(super) fn each_once(attribute: &Attribute, values: Vec<Value>) -> Vec<Value> {
    let by_value = attribute.sub_attribute("value").is_some_and(Attribute::is_required);
    let identity = |value: &Value| value.get("value").filter(|_| by_value).unwrap_or(value).to_string();
    let mut seen = HashSet::new();
    values.into_iter().filter(|value| seen.insert(identity(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::GROUP;
    use serde_json::json;

    /// Reads a group, and answers how many defects were kept and how many there are.
    fn defects_of(group: &Value) -> (usize, usize) {
        let mut reader = Reader::default();
        reader.object(group.as_object().unwrap(), "", GROUP.attributes());
        (reader.told.len(), reader.count)
    }

    #[test]
    fn of_fifty_thousand_defects_only_those_that_are_told_are_kept() {
        let members = vec![json!({ "type": "User" }); MEMBERS_MAX];
        let group = json!({ "displayName": "a", "members": members });
        assert_eq!(defects_of(&group), (TOLD_MAX, MEMBERS_MAX));
    }

    #[test]
    fn what_is_wrong_is_not_missing_too_even_when_it_is_only_counted() {
        let members = vec![json!({ "value": 7 }); TOLD_MAX + 5];
        let group = json!({ "displayName": 7, "members": members });
        assert_eq!(defects_of(&group), (TOLD_MAX, TOLD_MAX + 6));
        let twice = json!({ "displayName": null, "DISPLAYNAME": "" });
        assert_eq!(defects_of(&twice), (1, 1));
        assert_eq!(defects_of(&json!({ "displayName": null })), (1, 1));
    }
}
