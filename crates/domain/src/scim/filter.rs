//! Filters (RFC 7644 3.4.2.2): as they are written, and as conditions on attributes of a schema.

mod condition;
mod evaluate;
pub(super) mod parse;

pub(super) use condition::boolean;
pub use condition::{Condition, Operand, parse_instant};
pub(super) use evaluate::ordered;

use super::attribute_path::AttributePath;
use crate::text_enum::text_enum;
use serde_json::{Number, Value};
use std::fmt;

/// Longest text of a filter or path, in bytes.
pub const FILTER_MAX: usize = 8 * 1024;
/// Most levels of parentheses and brackets within one another.
pub const DEPTH_MAX: usize = 32;
/// Most comparisons in one filter.
pub const TERMS_MAX: usize = 200;

text_enum! {
    /// How an attribute is compared with a value.
    Operator {
        /// The same.
        Equal = "eq",
        /// Not the same. True of an attribute without value, and of one with several if any of them differs.
        NotEqual = "ne",
        /// The value is part of it.
        Contains = "co",
        /// It begins with the value.
        StartsWith = "sw",
        /// It ends with the value.
        EndsWith = "ew",
        /// Greater: later, or behind in the order of characters.
        Greater = "gt",
        /// Greater or the same.
        GreaterOrEqual = "ge",
        /// Less.
        Less = "lt",
        /// Less or the same.
        LessOrEqual = "le",
    }
}

/// A value that is compared with: one of JSON, but neither list nor object.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text in double quotes, with the escapes of JSON.
    Text(String),
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Boolean(bool),
    /// No value.
    Null,
}

/// A filter as it is written. It is printed as it is parsed, up to white space, letter case of operators and parentheses
/// that change nothing.
///
/// `emails[type eq "work"].value eq "x"`, which is not in the grammar but is sent by Microsoft Entra, is read as
/// `emails[type eq "work" and value eq "x"]`.
///
/// ```
/// use doorward_domain::scim::Filter;
/// let filter: Filter = r#"not(title pr) AND emails[value co "@x"]"#.parse()?;
/// assert_eq!(filter.to_string(), r#"not (title pr) and emails[value co "@x"]"#);
/// # Ok::<(), doorward_domain::scim::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// An attribute compared with a value.
    Compare {
        /// The attribute.
        path: AttributePath,
        /// How it is compared.
        operator: Operator,
        /// With what.
        value: Literal,
    },
    /// `pr`: the attribute has a value.
    Present(AttributePath),
    /// One of the values of a complex attribute meets the filter in brackets.
    Values {
        /// The attribute.
        path: AttributePath,
        /// What one value must meet; its attributes are those of the value.
        filter: Box<Filter>,
    },
    /// All of them, two or more.
    And(Vec<Filter>),
    /// At least one of them, two or more.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
}

/// Text that is no filter. It is `invalidFilter`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// Longer than [`FILTER_MAX`].
    #[error("a filter may have at most {FILTER_MAX} bytes")]
    TooLong,
    /// More comparisons than [`TERMS_MAX`].
    #[error("a filter may have at most {TERMS_MAX} comparisons")]
    TooManyTerms,
    /// Something else was expected.
    #[error("at character {position}: expected {expected}, found {found}")]
    Syntax {
        /// The place of the first character that does not fit, counted from 1.
        position: usize,
        /// What could stand there.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// The attribute cannot be compared like this.
    #[error("{0}")]
    Comparison(String),
}

impl Filter {
    /// The number of comparisons.
    fn terms(&self) -> usize {
        match self {
            Self::Compare { .. } | Self::Present(_) => 1,
            Self::Values { filter, .. } | Self::Not(filter) => filter.terms(),
            Self::And(filters) | Self::Or(filters) => filters.iter().map(Self::terms).sum(),
        }
    }

    /// Written as a part of a conjunction or disjunction.
    fn fmt_part(&self, f: &mut fmt::Formatter<'_>, within_and: bool) -> fmt::Result {
        let bare = match self {
            Self::Compare { .. } | Self::Present(_) | Self::Values { .. } | Self::Not(_) => true,
            Self::And(_) => !within_and,
            Self::Or(_) => false,
        };
        if bare { write!(f, "{self}") } else { write!(f, "({self})") }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joined = |filters: &[Self], word: &str, within_and: bool| {
            for (at, filter) in filters.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                filter.fmt_part(f, within_and)?;
            }
            Ok(())
        };
        match self {
            Self::And(filters) => joined(filters, "and", true),
            Self::Or(filters) => joined(filters, "or", false),
            Self::Compare { path, operator, value } => write!(f, "{path} {operator} {value}"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Values { path, filter } => write!(f, "{path}[{filter}]"),
            Self::Not(filter) => write!(f, "not ({filter})"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", Value::from(text.as_str())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
        }
    }
}
