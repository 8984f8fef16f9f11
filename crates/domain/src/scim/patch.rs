//! PATCH (RFC 7644 3.5.2): how requests are read. How they change a resource is in [`Patch::apply`].

mod apply;
mod members;
mod values;

pub use apply::Patched;
pub use members::{Difference, MembershipChange, MembershipChanges};

use super::PATCH_OP_URN;
use super::attribute_path::AttributePath;
use super::error::{ScimError, ScimType};
use super::filter::{Filter, boolean};
use super::schema::same;
use crate::text_enum::text_enum;
use serde_json::{Map, Value, json};
use std::fmt;

/// Most operations of one request.
pub const OPERATIONS_MAX: usize = 1000;
/// Most operations of one request that remove members by a condition, such as `members[type eq "User"]`: each of them looks at
/// every member. Removing members by their ids is no such operation. All these conditions together may have as many
/// comparisons as one filter ([`TERMS_MAX`](super::TERMS_MAX)).
pub const CONDITIONS_MAX: usize = 16;

text_enum! {
    /// What an operation does.
    Op {
        /// Values are added to a list; any other attribute gets the value.
        Add = "add",
        /// The value takes the place of the old one.
        Replace = "replace",
        /// The attribute, or values of it, are taken away.
        Remove = "remove",
    }
}

/// What an operation is about (RFC 7644 figure 7). It is read with [`FromStr`](std::str::FromStr) and printed as it is read.
///
/// ```
/// use doorward_domain::scim::PatchPath;
/// let path: PatchPath = r#"addresses[type eq "work"].streetAddress"#.parse()?;
/// assert!(matches!(&path, PatchPath::Values { sub: Some(sub), .. } if sub == "streetAddress"));
/// # Ok::<(), doorward_domain::scim::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum PatchPath {
    /// An attribute: `name.familyName`, `members`.
    Attribute(AttributePath),
    /// Some values of an attribute: `emails[type eq "work"]`.
    Values {
        /// The attribute, without sub-attribute.
        attribute: AttributePath,
        /// Which values.
        filter: Filter,
        /// The sub-attribute of these values.
        sub: Option<String>,
    },
}

impl PatchPath {
    /// The attribute, without what is behind brackets.
    #[must_use]
    pub const fn attribute(&self) -> &AttributePath {
        match self {
            Self::Attribute(attribute) | Self::Values { attribute, .. } => attribute,
        }
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(attribute) => write!(f, "{attribute}"),
            Self::Values { attribute, filter, sub } => {
                write!(f, "{attribute}[{filter}]")?;
                sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
            }
        }
    }
}

/// One operation of a PATCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// What it is about; `None` for the resource itself, whose attributes are in the value.
    pub path: Option<PatchPath>,
    /// The value.
    pub value: Option<Value>,
}

/// The operations of a PATCH request, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The operations.
    pub operations: Vec<Operation>,
}

impl Patch {
    /// Reads the body of a PATCH request.
    ///
    /// Names of keys and operations are read without regard to letter case. `schemas` may be missing, for some clients leave
    /// it out. A plain user object instead of operations means its `active` and nothing else, as Coder's clients mean it.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidSyntax`] for a body that is no such request, [`ScimType::InvalidPath`] for a path that cannot be
    /// read, [`ScimType::InvalidValue`] for an operation without the value that it needs and for a plain object whose `active`
    /// is neither true nor false, [`ScimType::NoTarget`] for `remove` without a path. The sentence names the operation,
    /// counted from 1.
    pub fn read(body: &Value) -> Result<Self, ScimError> {
        let Some(fields) = body.as_object() else {
            return Err(ScimError::syntax("the body must be a JSON object"));
        };
        let Some(operations) = field(fields, "Operations")? else {
            return Self::of_coder(fields);
        };
        if let Some(urns) = field(fields, "schemas")?.and_then(Value::as_array)
            && !urns.iter().any(|urn| urn.as_str().is_some_and(|urn| same(urn, PATCH_OP_URN)))
        {
            return Err(ScimError::syntax(format!("schemas: must name `{PATCH_OP_URN}`")));
        }
        let Some(operations) = operations.as_array().filter(|operations| !operations.is_empty()) else {
            return Err(ScimError::syntax("Operations: must be a list of at least one operation"));
        };
        if operations.len() > OPERATIONS_MAX {
            return Err(ScimError::syntax(format!("Operations: must have at most {OPERATIONS_MAX} operations")));
        }
        let read = |(number, operation)| Operation::read(operation).map_err(|error| error.at(&place(number)));
        let operations = (1..).zip(operations).map(read).collect::<Result<_, _>>()?;
        Ok(Self { operations })
    }

    fn of_coder(fields: &Map<String, Value>) -> Result<Self, ScimError> {
        let Some(active) = field(fields, "active")? else {
            return Err(ScimError::syntax("Operations: is required"));
        };
        // `null` would take `active` away, and whether somebody without it may sign in is left open. Coder answers 400 too.
        if !active.is_boolean() && active.as_str().and_then(boolean).is_none() {
            return Err(ScimError::value("active: must be true or false"));
        }
        let value = Some(json!({ "active": active }));
        Ok(Self { operations: vec![Operation { op: Op::Replace, path: None, value }] })
    }
}

impl Operation {
    fn read(operation: &Value) -> Result<Self, ScimError> {
        let Some(fields) = operation.as_object() else { return Err(ScimError::syntax("must be an object")) };
        let word = field(fields, "op")?.and_then(Value::as_str).unwrap_or_default();
        let Ok(op) = word.to_ascii_lowercase().parse::<Op>() else {
            return Err(ScimError::syntax("op must be add, replace or remove"));
        };
        let path = match field(fields, "path")? {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => {
                let path = text.parse::<PatchPath>();
                Some(path.map_err(|error| ScimError::path(format!("path: {error}")))?)
            }
            Some(_) => return Err(ScimError::syntax("path must be text")),
        };
        let value = field(fields, "value")?.cloned();
        if op == Op::Remove && path.is_none() {
            return Err(ScimError::no_target("remove needs a path"));
        }
        if op != Op::Remove && value.is_none() {
            return Err(ScimError::value(format!("{op} needs a value")));
        }
        if path.is_none() && !value.as_ref().is_some_and(Value::is_object) {
            return Err(ScimError::value(format!("{op} without a path needs an object as its value")));
        }
        Ok(Self { op, path, value })
    }
}

/// Where an operation stands, for people.
fn place(number: usize) -> String {
    format!("operation {number}")
}

/// The value of a key, without regard to letter case.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Value>, ScimError> {
    let mut found = fields.iter().filter(|(key, _)| same(key, name)).map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() {
        return Err(ScimError::new(
            ScimType::InvalidSyntax,
            format!("{name}: is there twice, in different letter case"),
        ));
    }
    Ok(first)
}
