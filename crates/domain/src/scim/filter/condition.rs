//! Filters whose attributes are looked up in a schema and whose values have the types of their attributes.

use super::{Filter, FilterError, Literal, Operator};
use crate::Instant;
use crate::scim::attribute_path::AttributePath;
use crate::scim::schema::{Attribute, Kind, ResourceType, Target};
use serde_json::Number;
use time::PrimitiveDateTime;
use time::format_description::well_known::Iso8601;

/// What an attribute is compared with, of the attribute's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Text, lower case unless the attribute is `caseExact`: then compare with the attribute in lower case.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Boolean(bool),
    /// An instant. Those without an offset are taken for UTC.
    Instant(Instant),
}

/// A filter that a schema gave meaning to: what storage takes apart, and what a resource meets or not.
///
/// An attribute with several values meets a comparison if one of them does. An attribute without value meets none but
/// [`Operator::NotEqual`]; so of one value, and only then, `ne` is the opposite of `eq`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Always, or never. Comparisons of attributes that no schema knows become this.
    Constant(bool),
    /// A comparison.
    Compare {
        /// The attribute. It is never complex: `emails eq "x"` is about `emails.value`.
        target: Target,
        /// How; fits the type of the attribute.
        operator: Operator,
        /// With what; has the type of the attribute.
        operand: Operand,
    },
    /// The attribute has a value: not `null`, empty text, or a list or object without values.
    Present(Target),
    /// One of the values of a complex attribute meets the condition. The targets within name the sub-attributes of it.
    HasValue {
        /// The attribute, without sub-attribute.
        target: Target,
        /// What one value meets.
        condition: Box<Condition>,
    },
    /// All of them.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
    /// Not it.
    Not(Box<Condition>),
}

impl Condition {
    /// The number of comparisons.
    pub(in crate::scim) fn comparisons(&self) -> usize {
        match self {
            Self::Constant(_) => 0,
            Self::Compare { .. } | Self::Present(_) => 1,
            Self::HasValue { condition, .. } | Self::Not(condition) => condition.comparisons(),
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().map(Self::comparisons).sum(),
        }
    }
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Names {
    /// In a kind of resource.
    Of(&'static ResourceType),
    /// Among the sub-attributes of an attribute.
    Within(Target),
}

impl Filter {
    /// What the filter means for resources of this kind (RFC 7644 3.4.2.2).
    ///
    /// An attribute that no schema knows has no value (RFC 7644 3.4.2.1 demands it of lists of several kinds; it is the
    /// same for lists of one kind, so that a client need not know which is which).
    ///
    /// # Errors
    ///
    /// [`FilterError::Comparison`] when the value has not the type of the attribute, or the operator does not fit it: the
    /// order of booleans, parts of dates, complex attributes.
    pub fn resolve(&self, kind: &'static ResourceType) -> Result<Condition, FilterError> {
        self.within(Names::Of(kind))
    }

    /// What the filter in the brackets behind `target` means for its values.
    pub(in crate::scim) fn resolve_values(&self, target: Target) -> Result<Condition, FilterError> {
        self.within(Names::Within(target))
    }

    fn within(&self, names: Names) -> Result<Condition, FilterError> {
        let several =
            |filters: &[Self]| filters.iter().map(|filter| filter.within(names)).collect::<Result<Vec<_>, _>>();
        match self {
            Self::And(filters) => Ok(Condition::All(several(filters)?)),
            Self::Or(filters) => Ok(Condition::Any(several(filters)?)),
            Self::Not(filter) => Ok(Condition::Not(Box::new(filter.within(names)?))),
            Self::Present(path) => Ok(names.target(path).map_or(Condition::Constant(false), Condition::Present)),
            Self::Values { path, filter } => match names.target(path) {
                Some(target) if target.leaf().kind == Kind::Complex => {
                    let condition = Box::new(filter.within(Names::Within(target))?);
                    Ok(Condition::HasValue { target, condition })
                }
                Some(target) => Err(FilterError::Comparison(format!("`{target}` has no parts to filter by"))),
                None => Ok(Condition::Constant(false)),
            },
            Self::Compare { path, operator, value } => match names.target(path) {
                Some(target) => compare(target, *operator, value),
                None => Ok(Condition::Constant((*operator == Operator::NotEqual) != (*value == Literal::Null))),
            },
        }
    }
}

impl Names {
    fn target(self, path: &AttributePath) -> Option<Target> {
        match self {
            Self::Of(kind) => kind.target(path),
            Self::Within(parent) if path.schema.is_none() && path.sub.is_none() => {
                Some(Target { sub: Some(parent.attribute.sub_attribute(&path.name)?), ..parent })
            }
            Self::Within(_) => None,
        }
    }
}

fn compare(target: Target, operator: Operator, value: &Literal) -> Result<Condition, FilterError> {
    let refused = |why: &str| Err(FilterError::Comparison(format!("`{target} {operator} {value}`: {why}")));
    if *value == Literal::Null {
        let present = Condition::Present(target);
        return if operator == Operator::Equal {
            Ok(Condition::Not(Box::new(present)))
        } else if operator == Operator::NotEqual {
            Ok(present)
        } else {
            refused("only eq and ne compare with null")
        };
    }
    // The value of a complex attribute is its sub-attribute `value` (RFC 7643 2.4).
    let target = match target.attribute.sub_attribute("value") {
        Some(sub) if target.sub.is_none() => Target { sub: Some(sub), ..target },
        _ => target,
    };
    if target.leaf().kind == Kind::Complex {
        return refused("it has parts, of which one must be named");
    }
    if !fits(operator, target.leaf().kind) {
        return refused("this operator does not fit an attribute of this type");
    }
    match operand(target.leaf(), value) {
        Some(operand) => Ok(Condition::Compare { target, operator, operand }),
        None => refused(match target.leaf().kind {
            Kind::Boolean => "it is compared with true or false",
            Kind::Decimal | Kind::Integer => "it is compared with a number",
            Kind::DateTime => "it is compared with an instant, such as \"2011-05-13T04:42:34Z\"",
            Kind::Text | Kind::Reference | Kind::Binary | Kind::Complex => "it is compared with text in double quotes",
        }),
    }
}

const fn fits(operator: Operator, kind: Kind) -> bool {
    match operator {
        Operator::Equal | Operator::NotEqual => true,
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => matches!(kind, Kind::Text | Kind::Reference),
        Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => {
            !matches!(kind, Kind::Boolean | Kind::Binary)
        }
    }
}

fn operand(attribute: &Attribute, value: &Literal) -> Option<Operand> {
    match (attribute.kind, value) {
        (Kind::Text | Kind::Reference | Kind::Binary, Literal::Text(text)) => {
            Some(Operand::Text(folded(text, attribute)))
        }
        (Kind::Boolean, Literal::Boolean(value)) => Some(Operand::Boolean(*value)),
        // Some clients write booleans as text everywhere.
        (Kind::Boolean, Literal::Text(text)) => boolean(text).map(Operand::Boolean),
        (Kind::Decimal | Kind::Integer, Literal::Number(number)) => Some(Operand::Number(number.clone())),
        (Kind::DateTime, Literal::Text(text)) => parse_instant(text).map(Operand::Instant),
        _ => None,
    }
}

/// Text as it is compared.
pub(super) fn folded(text: &str, attribute: &Attribute) -> String {
    if attribute.case_exact || attribute.kind == Kind::Binary { text.to_owned() } else { text.to_lowercase() }
}

/// `true` or `false` in any letter case.
pub(in crate::scim) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// An instant as SCIM writes it (RFC 7643 2.3.5: `xsd:dateTime`). Without an offset it is UTC.
#[must_use]
pub fn parse_instant(text: &str) -> Option<Instant> {
    let with_offset = Instant::parse(text, &Iso8601::PARSING);
    with_offset.or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc)).ok()
}
