//! Whether a resource meets a condition.

use super::condition::{boolean, folded, parse_instant};
use super::{Condition, Operand, Operator};
use crate::scim::resource::Resource;
use crate::scim::schema::{Attribute, Kind, Target};
use crate::scim::value::has_value;
use serde_json::{Number, Value};
use std::cmp::Ordering;

impl Condition {
    /// Whether the resource meets the condition (RFC 7644 3.4.2.2).
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        self.holds(Against::Resource(resource))
    }

    /// Whether one value of a complex attribute meets a condition on its sub-attributes.
    pub(in crate::scim) fn matches_value(&self, value: &Value) -> bool {
        self.holds(Against::Value(value))
    }

    fn holds(&self, against: Against<'_>) -> bool {
        match self {
            Self::Constant(always) => *always,
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(against)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(against)),
            Self::Not(condition) => !condition.holds(against),
            Self::Present(target) => against.values(target).into_iter().any(has_value),
            Self::HasValue { target, condition } => {
                against.values(target).into_iter().any(|value| condition.matches_value(value))
            }
            Self::Compare { target, operator, operand } => {
                let values: Vec<&Value> = against.values(target).into_iter().filter(|value| has_value(value)).collect();
                let met = |value: &Value| compared(value, target.leaf(), *operator, operand);
                (values.is_empty() && *operator == Operator::NotEqual) || values.into_iter().any(met)
            }
        }
    }
}

/// What a condition is about.
#[derive(Clone, Copy)]
enum Against<'a> {
    Resource(&'a Resource),
    Value(&'a Value),
}

impl<'a> Against<'a> {
    /// The values of an attribute, one by one.
    fn values(self, target: &Target) -> Vec<&'a Value> {
        match self {
            Self::Resource(resource) => {
                let whole = each(resource.find(target.extension, target.attribute.name));
                let Some(sub) = target.sub else { return whole };
                whole.into_iter().flat_map(|value| each(value.get(sub.name))).collect()
            }
            Self::Value(value) => each(target.sub.map_or(Some(value), |sub| value.get(sub.name))),
        }
    }
}

/// The values of a list, or the one value.
pub(in crate::scim) fn each(value: Option<&Value>) -> Vec<&Value> {
    match value.map(|value| (value, value.as_array())) {
        None => Vec::new(),
        Some((_, Some(values))) => values.iter().collect(),
        Some((value, None)) => vec![value],
    }
}

/// How two values of an attribute are ordered; `None` if one of them has not the type of the attribute.
pub(in crate::scim) fn ordered(one: &Value, other: &Value, attribute: &Attribute) -> Option<Ordering> {
    order(one, attribute, &operand_of(other, attribute)?)
}

fn operand_of(value: &Value, attribute: &Attribute) -> Option<Operand> {
    match attribute.kind {
        Kind::Text | Kind::Reference | Kind::Binary => {
            value.as_str().map(|text| Operand::Text(folded(text, attribute)))
        }
        Kind::Boolean => value.as_bool().map(Operand::Boolean),
        Kind::Decimal | Kind::Integer => value.as_number().cloned().map(Operand::Number),
        Kind::DateTime => value.as_str().and_then(parse_instant).map(Operand::Instant),
        Kind::Complex => None,
    }
}

fn order(value: &Value, attribute: &Attribute, operand: &Operand) -> Option<Ordering> {
    match operand {
        Operand::Text(text) => Some(folded(value.as_str()?, attribute).as_str().cmp(text)),
        Operand::Boolean(other) => {
            let value = value.as_bool().or_else(|| value.as_str().and_then(boolean))?;
            Some(value.cmp(other))
        }
        Operand::Instant(instant) => Some(parse_instant(value.as_str()?)?.cmp(instant)),
        Operand::Number(number) => numbers(value.as_number()?, number),
    }
}

fn numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn compared(value: &Value, attribute: &Attribute, operator: Operator, operand: &Operand) -> bool {
    let is = |orderings: &[Ordering]| order(value, attribute, operand).is_some_and(|found| orderings.contains(&found));
    let part = |test: fn(&str, &str) -> bool| match (value.as_str(), operand) {
        (Some(value), Operand::Text(text)) => test(&folded(value, attribute), text),
        _ => false,
    };
    match operator {
        Operator::Equal => is(&[Ordering::Equal]),
        Operator::NotEqual => !is(&[Ordering::Equal]),
        Operator::Contains => part(|value, text| value.contains(text)),
        Operator::StartsWith => part(|value, text| value.starts_with(text)),
        Operator::EndsWith => part(|value, text| value.ends_with(text)),
        Operator::Greater => is(&[Ordering::Greater]),
        Operator::GreaterOrEqual => is(&[Ordering::Greater, Ordering::Equal]),
        Operator::Less => is(&[Ordering::Less]),
        Operator::LessOrEqual => is(&[Ordering::Less, Ordering::Equal]),
    }
}
