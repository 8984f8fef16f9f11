//! How an operation changes the value of one attribute (RFC 7644 3.5.2.1 to 3.5.2.3).

use super::Op;
use crate::scim::error::ScimError;
use crate::scim::filter::{Filter, Literal, Operator, ordered};
use crate::scim::reader::{Reader, each_once};
use crate::scim::schema::{Attribute, Kind, Target};
use crate::scim::value::{VALUES_MAX, has_value, is_primary};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// An operation on one attribute.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) op: Op,
    /// The attribute, without sub-attribute.
    pub(super) target: Target,
    /// Which of its values.
    pub(super) filter: Option<&'a Filter>,
    /// Which part of it, or of these values.
    pub(super) sub: Option<&'static Attribute>,
    /// Values that the filter asks for are made if there are none.
    pub(super) may_make: bool,
}

/// The value of the attribute afterwards.
pub(super) fn changed(
    change: &Change<'_>,
    current: Option<Value>,
    value: Option<&Value>,
) -> Result<Option<Value>, ScimError> {
    let attribute = change.target.attribute;
    // `null` is no value (RFC 7643 2.5): it adds nothing, and what it replaces is removed.
    let given = value.filter(|value| has_value(value));
    let op = match (change.op, given) {
        (Op::Add, None) => return Ok(current),
        (Op::Replace, None) => Op::Remove,
        (op, _) => op,
    };
    if attribute.multi_valued {
        let list = match current {
            Some(Value::Array(values)) => values,
            other => other.into_iter().collect(),
        };
        return List { change, op, values: list, touched: Vec::new() }.changed(given);
    }
    match (change.sub, given) {
        (Some(sub), given) => {
            let mut fields = object(current);
            set(&mut fields, sub, given.filter(|_| op != Op::Remove).map(|value| read(sub, value)).transpose()?);
            Ok(Some(fields.into()))
        }
        (None, Some(value)) if op != Op::Remove => {
            let new = read(attribute, value)?;
            Ok(Some(if attribute.kind == Kind::Complex { merged(current, value, new, attribute) } else { new }))
        }
        (None, _) => Ok(None),
    }
}

/// A list of values that an operation changes.
struct List<'c, 'a> {
    change: &'c Change<'a>,
    op: Op,
    values: Vec<Value>,
    /// Places of values that are new or changed.
    touched: Vec<usize>,
}

impl List<'_, '_> {
    fn changed(mut self, given: Option<&Value>) -> Result<Option<Value>, ScimError> {
        match (self.change.filter, self.change.sub) {
            (None, None) => self.all(given)?,
            (None, Some(sub)) => {
                let all = 0..self.values.len();
                self.sub_attribute(all.collect(), sub, given, Map::new())?;
            }
            (Some(filter), sub) => self.selected(filter, sub, given)?,
        }
        self.one_primary()?;
        self.values.retain(has_value);
        self.values = each_once(self.change.target.attribute, self.values);
        if self.values.len() > VALUES_MAX {
            let name = self.change.target.attribute.name;
            return Err(ScimError::value(format!("`{name}` must have at most {VALUES_MAX} values")));
        }
        Ok(Some(self.values.into()))
    }

    /// The whole list.
    fn all(&mut self, given: Option<&Value>) -> Result<(), ScimError> {
        let attribute = self.change.target.attribute;
        let Some(given) = given else {
            self.values.clear();
            return Ok(());
        };
        let new = read_list(attribute, given)?;
        match self.op {
            Op::Remove => self.values.retain(|value| !new.iter().any(|gone| covers(value, gone, attribute))),
            Op::Replace => self.values = new,
            Op::Add => {
                for value in new {
                    match self.values.iter().position(|known| same_value(known, &value, attribute)) {
                        Some(at) => self.merge(at, object(Some(value))),
                        None => self.push(value),
                    }
                }
            }
        }
        Ok(())
    }

    /// The values that a filter selects.
    fn selected(
        &mut self,
        filter: &Filter,
        sub: Option<&'static Attribute>,
        given: Option<&Value>,
    ) -> Result<(), ScimError> {
        let attribute = self.change.target.attribute;
        let condition = filter.resolve_values(self.change.target)?;
        let is_met = |(_, value): &(usize, &Value)| condition.matches_value(value);
        let met: Vec<usize> = self.values.iter().enumerate().filter(is_met).map(|(at, _)| at).collect();
        let terms = if self.op == Op::Remove { None } else { terms(filter, attribute) };
        if met.is_empty() && self.op != Op::Remove && (!self.change.may_make || terms.is_none()) {
            return Err(ScimError::no_target(format!("none of `{}` meets `{filter}`", attribute.name)));
        }
        let terms = terms.map(|terms| read(attribute, &Value::from(terms))).transpose()?;
        let terms = object(terms);
        match (sub, given) {
            (Some(sub), given) => self.sub_attribute(met, sub, given, terms),
            (None, Some(given)) if self.op != Op::Remove => {
                let new = object(Some(read(attribute, given)?));
                if met.is_empty() {
                    self.push(joined(terms, new));
                    return Ok(());
                }
                for at in met {
                    // What is replaced is gone, but it stays what the filter asks for.
                    if let (Op::Replace, Some(value)) = (self.op, self.values.get_mut(at)) {
                        *value = terms.clone().into();
                    }
                    self.merge(at, new.clone());
                }
                Ok(())
            }
            (None, _) => {
                self.values.retain(|value| !condition.matches_value(value));
                Ok(())
            }
        }
    }

    /// One part of some values. When there are none, a value is made of `terms` and the part.
    fn sub_attribute(
        &mut self,
        places: Vec<usize>,
        sub: &'static Attribute,
        given: Option<&Value>,
        terms: Map<String, Value>,
    ) -> Result<(), ScimError> {
        let new = given.filter(|_| self.op != Op::Remove).map(|value| read(sub, value)).transpose()?;
        if let (true, Some(new)) = (places.is_empty(), &new) {
            self.push(joined(terms, Map::from_iter([(sub.name.to_owned(), new.clone())])));
        }
        for at in places {
            let Some(value) = self.values.get_mut(at) else { continue };
            let mut fields = object(Some(value.take()));
            set(&mut fields, sub, new.clone());
            // A value that has nothing left but what it is for is gone.
            *value = if new.is_none() && is_spent(&fields) { Value::Null } else { fields.into() };
            self.touched.push(at);
        }
        Ok(())
    }

    /// Gives a value more parts.
    fn merge(&mut self, at: usize, parts: Map<String, Value>) {
        if let Some(value) = self.values.get_mut(at) {
            let kept = object(Some(value.take()));
            *value = joined(kept, parts);
            self.touched.push(at);
        }
    }

    fn push(&mut self, value: Value) {
        if has_value(&value) {
            self.touched.push(self.values.len());
            self.values.push(value);
        }
    }

    /// When a value becomes primary, the others are so no more (RFC 7644 3.5.2).
    fn one_primary(&mut self) -> Result<(), ScimError> {
        let touched = |at: &usize| self.touched.contains(at);
        let primary = |at: &usize| self.values.get(*at).is_some_and(is_primary);
        let new: Vec<usize> = (0..self.values.len()).filter(touched).filter(primary).collect();
        let [new] = new.as_slice() else {
            if new.is_empty() {
                return Ok(());
            }
            let name = self.change.target.attribute.name;
            return Err(ScimError::value(format!("`{name}` must have at most one primary value")));
        };
        for (at, value) in self.values.iter_mut().enumerate() {
            if at != *new
                && is_primary(value)
                && let Some(fields) = value.as_object_mut()
            {
                fields.insert("primary".to_owned(), false.into());
            }
        }
        Ok(())
    }
}

/// Reads a value of an attribute as those of POST are read.
fn read(attribute: &'static Attribute, value: &Value) -> Result<Value, ScimError> {
    let mut reader = Reader::default();
    let read = reader.single(attribute, plain(attribute, value), attribute.name);
    reader.finish()?;
    // Nothing that is known was in it.
    Ok(read.unwrap_or(Value::Null))
}

/// Reads a list of values, or the one that stands for it.
pub(super) fn read_list(attribute: &'static Attribute, value: &Value) -> Result<Vec<Value>, ScimError> {
    let mut reader = Reader::default();
    let list = if value.is_array() { value.clone() } else { Value::Array(vec![value.clone()]) };
    let read = reader.value(attribute, &list, attribute.name);
    reader.finish()?;
    match read {
        Some(Value::Array(values)) => Ok(values),
        _ => Ok(Vec::new()),
    }
}

/// Until 2018 Microsoft Entra sent `[{"$ref": null, "value": "x"}]` for any `"x"`.
fn plain<'v>(attribute: &Attribute, value: &'v Value) -> &'v Value {
    if attribute.kind == Kind::Complex || attribute.multi_valued {
        return value;
    }
    let one = value.as_array().filter(|values| values.len() == 1).and_then(|values| values.first());
    one.and_then(|one| one.get("value")).unwrap_or(value)
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn joined(mut fields: Map<String, Value>, more: Map<String, Value>) -> Value {
    fields.extend(more);
    fields.into()
}

fn set(fields: &mut Map<String, Value>, sub: &Attribute, value: Option<Value>) {
    match value {
        Some(value) => fields.insert(sub.name.to_owned(), value),
        None => fields.remove(sub.name),
    };
}

/// A complex attribute with new parts. Those that are not named stay (RFC 7644 3.5.2.3); those that are `null` go.
fn merged(current: Option<Value>, given: &Value, new: Value, attribute: &Attribute) -> Value {
    let mut fields = object(current);
    for (name, _) in given.as_object().into_iter().flatten().filter(|(_, value)| !has_value(value)) {
        if let Some(sub) = attribute.sub_attribute(name) {
            fields.remove(sub.name);
        }
    }
    joined(fields, object(Some(new)))
}

/// The `eq` of a filter that is nothing but such, joined by `and`.
fn terms(filter: &Filter, attribute: &Attribute) -> Option<Map<String, Value>> {
    match filter {
        Filter::Compare { path, operator: Operator::Equal, value } => {
            let sub = attribute.sub_attribute(&path.name).filter(|_| path.sub.is_none() && path.schema.is_none())?;
            let value = match value {
                Literal::Text(text) => text.as_str().into(),
                Literal::Number(number) => number.clone().into(),
                Literal::Boolean(flag) => (*flag).into(),
                Literal::Null => return None,
            };
            Some(Map::from_iter([(sub.name.to_owned(), value)]))
        }
        Filter::And(filters) => {
            let mut all = Map::new();
            for filter in filters {
                all.extend(terms(filter, attribute)?);
            }
            Some(all)
        }
        Filter::Compare { .. } | Filter::Present(_) | Filter::Values { .. } | Filter::Or(_) | Filter::Not(_) => None,
    }
}

/// Values with the same `value` and `type` are the same one; without a `value`, they are if all is the same.
fn same_value(one: &Value, other: &Value, attribute: &Attribute) -> bool {
    let equal = |name: &str| match (one.get(name), other.get(name), attribute.sub_attribute(name)) {
        (Some(one), Some(other), Some(sub)) => ordered(one, other, sub) == Some(Ordering::Equal),
        (one, other, _) => one.is_none() && other.is_none(),
    };
    one == other || (other.get("value").is_some() && equal("value") && equal("type"))
}

/// Whether a value has all parts of another one.
fn covers(value: &Value, parts: &Value, attribute: &Attribute) -> bool {
    let Some(parts) = parts.as_object() else { return value == parts };
    parts.iter().all(|(name, part)| match (value.get(name), attribute.sub_attribute(name)) {
        (Some(value), Some(sub)) => ordered(value, part, sub) == Some(Ordering::Equal),
        _ => false,
    })
}

fn is_spent(fields: &Map<String, Value>) -> bool {
    fields.iter().all(|(name, value)| ["type", "primary", "display"].contains(&name.as_str()) || !has_value(value))
}
