//! How a PATCH changes a resource.

use super::members::{self, MembershipChanges};
use super::values::{self, Change};
use super::{Op, Operation, Patch, PatchPath, place};
use crate::scim::error::ScimError;
use crate::scim::resource::Resource;
use crate::scim::schema::{Attribute, Kind, Mutability, Place, ResourceType, Schema, Target, find};
use crate::scim::value::has_value;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::mem;

/// What a PATCH makes of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The resource. When it is the same as before and there are no changes of members, nothing needs to be stored, and
    /// `lastModified` stays (RFC 7644 3.5.2.1).
    pub resource: Resource,
    /// How the members of a group change; empty for others.
    pub members: MembershipChanges,
}

impl Patch {
    /// Does all operations in their order, or none.
    ///
    /// Members of a group need not be in `resource`: what happens to them is told as [`MembershipChanges`], so that one can be
    /// added to fifty thousand without reading these. Members that are in it stay there as they are.
    ///
    /// Beyond the RFC, because large providers count on it:
    ///
    /// - Without a path, keys may be paths themselves (`name.givenName`, `emails[type eq "work"].value`, with URN); those that
    ///   no schema knows or that only the server sets are left out.
    /// - A path to what [`ResourceType::leaves_out`] changes nothing, and does not keep the other operations from being done.
    /// - `add` to values that are selected by a filter and are not there makes a value of which the filter's `eq` are true.
    /// - `remove` of a list with a `value` takes these values away, not all.
    /// - One value stands for a list of one.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidPath`](crate::scim::ScimType::InvalidPath): no schema knows the attribute.
    /// [`ScimType::InvalidFilter`](crate::scim::ScimType::InvalidFilter): the filter in a path compares what cannot be compared,
    /// or selects members by something other than `value`, `type` and `display`.
    /// [`ScimType::NoTarget`](crate::scim::ScimType::NoTarget): a filter selects nothing that could be replaced.
    /// [`ScimType::Mutability`](crate::scim::ScimType::Mutability): only the server sets it, or it is required and would be gone.
    /// [`ScimType::InvalidValue`](crate::scim::ScimType::InvalidValue): as [`ResourceType::read`].
    /// [`ScimType::TooMany`](crate::scim::ScimType::TooMany): more than [`CONDITIONS_MAX`](crate::scim::CONDITIONS_MAX)
    /// operations remove members by a condition, or their conditions have too many comparisons.
    pub fn apply(&self, kind: &'static ResourceType, resource: &Resource) -> Result<Patched, ScimError> {
        let mut work = Work { kind, resource: resource.clone(), members: MembershipChanges::default() };
        for (number, operation) in (1..).zip(&self.operations) {
            work.operation(operation).map_err(|error| error.at(&place(number)))?;
        }
        work.resource.name_schemas(kind);
        Ok(Patched { resource: work.resource, members: work.members })
    }
}

struct Work {
    kind: &'static ResourceType,
    resource: Resource,
    members: MembershipChanges,
}

/// What the path of an operation selects.
#[derive(Clone, Copy)]
enum Selected<'a> {
    Extension(&'static Schema),
    Attribute(Change<'a>),
}

impl Work {
    fn operation(&mut self, operation: &Operation) -> Result<(), ScimError> {
        let Operation { op, path, value } = operation;
        let Some(path) = path else {
            return self.each_key(*op, value.as_ref().and_then(Value::as_object));
        };
        let Some(selected) = self.selected(*op, path)? else {
            // As without a path, and in a whole resource: what goes with it is done.
            if self.kind.leaves_out(path.attribute()) {
                return Ok(());
            }
            return Err(ScimError::path(format!("`{path}` is no attribute of {}", self.kind.name)));
        };
        match selected {
            Selected::Attribute(change) => match read_only(change.target, change.sub) {
                Some(attribute) => Err(ScimError::mutability(format!("`{}` cannot be changed", attribute.name))),
                None => self.change(change, value.as_ref()),
            },
            Selected::Extension(schema) => self.extension(*op, schema, value.as_ref()),
        }
    }

    /// An operation without a path.
    fn each_key(&mut self, op: Op, fields: Option<&Map<String, Value>>) -> Result<(), ScimError> {
        let mut seen = HashSet::new();
        for (key, value) in fields.into_iter().flatten() {
            let Ok(path) = key.parse::<PatchPath>() else { continue };
            let Ok(Some(selected)) = self.selected(op, &path) else { continue };
            if !seen.insert(key.to_ascii_lowercase()) {
                return Err(ScimError::syntax(format!("`{key}` is there twice, in different letter case")));
            }
            match selected {
                Selected::Attribute(change) if read_only(change.target, change.sub).is_some() => {}
                Selected::Attribute(change) => self.change(Change { may_make: true, ..change }, Some(value))?,
                Selected::Extension(schema) => self.extension(op, schema, Some(value))?,
            }
        }
        Ok(())
    }

    /// What a path selects; `None` if no schema knows it.
    fn selected<'a>(&self, op: Op, path: &'a PatchPath) -> Result<Option<Selected<'a>>, ScimError> {
        let (filter, sub) = match path {
            PatchPath::Attribute(_) => (None, None),
            PatchPath::Values { filter, sub, .. } => (Some(filter), sub.as_deref()),
        };
        let target = match self.kind.place(path.attribute()) {
            Some(Place::Attribute(target)) => target,
            Some(Place::Extension(schema)) if filter.is_none() => return Ok(Some(Selected::Extension(schema))),
            Some(Place::Extension(_)) | None => return Ok(None),
        };
        let has_values = target.attribute.multi_valued && target.attribute.kind == Kind::Complex;
        if filter.is_some() && !has_values {
            return Err(ScimError::path(format!("`{target}` is no list of values to select from")));
        }
        let sub = match sub {
            None => target.sub,
            Some(name) => match target.attribute.sub_attribute(name) {
                Some(sub) => Some(sub),
                None => return Ok(None),
            },
        };
        let target = Target { sub: None, ..target };
        Ok(Some(Selected::Attribute(Change { op, target, filter, sub, may_make: op == Op::Add })))
    }

    /// All attributes of an extension.
    fn extension(&mut self, op: Op, schema: &'static Schema, value: Option<&Value>) -> Result<(), ScimError> {
        if op == Op::Remove || value.is_none_or(Value::is_null) {
            self.resource.fields_mut().remove(schema.id);
            return Ok(());
        }
        let Some(fields) = value.and_then(Value::as_object) else {
            return Err(ScimError::value(format!("`{}` must be an object", schema.id)));
        };
        for (name, value) in fields {
            let Some(attribute) = find(schema.attributes, name) else { continue };
            let target = Target { extension: Some(schema), attribute, sub: None };
            self.change(Change { op, target, filter: None, sub: None, may_make: true }, Some(value))?;
        }
        Ok(())
    }

    fn change(&mut self, change: Change<'_>, value: Option<&Value>) -> Result<(), ScimError> {
        if change.target.names() == (None, "members", None) {
            return members::change(&change, value, &mut self.members);
        }
        let attribute = change.target.attribute;
        let mut container = self.take_container(change.target.extension);
        let current = container.remove(attribute.name);
        match values::changed(&change, current, value)?.filter(has_value) {
            Some(value) => {
                container.insert(attribute.name.to_owned(), value);
            }
            None if attribute.is_required() => {
                return Err(ScimError::mutability(format!("`{}` is required and cannot be removed", attribute.name)));
            }
            None => {}
        }
        self.put_container(change.target.extension, container);
        Ok(())
    }

    /// Takes the object in which an attribute stands out of the resource.
    fn take_container(&mut self, extension: Option<&'static Schema>) -> Map<String, Value> {
        let fields = self.resource.fields_mut();
        match extension {
            None => mem::take(fields),
            Some(schema) => match fields.remove(schema.id) {
                Some(Value::Object(inner)) => inner,
                _ => Map::new(),
            },
        }
    }

    fn put_container(&mut self, extension: Option<&'static Schema>, container: Map<String, Value>) {
        let fields = self.resource.fields_mut();
        match extension {
            None => *fields = container,
            Some(schema) if !container.is_empty() => {
                fields.insert(schema.id.to_owned(), container.into());
            }
            Some(_) => {}
        }
    }
}

/// The attribute or sub-attribute that callers may not change.
fn read_only(target: Target, sub: Option<&'static Attribute>) -> Option<&'static Attribute> {
    let closed = |attribute: &&'static Attribute| attribute.mutability == Mutability::ReadOnly;
    Some(target.attribute).filter(closed).or_else(|| sub.filter(closed))
}
