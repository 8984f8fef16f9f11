//! Users and groups as documents, and how those that callers send are checked (RFC 7643 2 to 4, RFC 7644 3.3 and 3.5.1).

use super::error::{ScimError, ScimType};
use super::member::Member;
use super::reader::Reader;
use super::schema::{Mutability, ResourceType, Schema, same};
use super::value::{has_value, preferred};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Members up to which the answer to a PATCH shows the group without being asked to.
pub const MEMBERS_TOLD: u64 = 1000;

/// A user or group: a document whose attributes have the spelling and the types of its schemas.
///
/// The documents that callers send become one by [`ResourceType::read`]. What storage gives back is taken as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(Map<String, Value>);

impl Resource {
    /// An attribute of the schema of the resource itself, or one that all resources have, in the spelling of the schema.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// An attribute of an extension, or, without one, of the resource itself.
    #[must_use]
    pub fn find(&self, extension: Option<&Schema>, name: &str) -> Option<&Value> {
        match extension {
            None => self.0.get(name),
            Some(schema) => self.0.get(schema.id)?.get(name),
        }
    }

    /// The text of an attribute of the resource itself.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The value that is primary, or else the first, of a list such as `emails`.
    #[must_use]
    pub fn primary(&self, name: &str) -> Option<&Value> {
        preferred(self.0.get(name)?)
    }

    /// Sets what the server decides: `id`, `meta`, `groups`.
    pub fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes the members out of a group, each once.
    pub fn take_members(&mut self) -> Vec<Member> {
        let members = self.0.remove("members");
        members.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Member::of).collect()
    }

    /// All attributes.
    #[must_use]
    pub const fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) const fn fields_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// Names the schemas of which the resource has attributes (RFC 7643 3).
    pub(super) fn name_schemas(&mut self, kind: &ResourceType) {
        let extensions = kind.extensions.iter().filter(|schema| self.0.get(schema.id).is_some_and(has_value));
        let urns: Vec<&str> = std::iter::once(kind.schema).chain(extensions.copied()).map(|schema| schema.id).collect();
        self.0.insert("schemas".to_owned(), urns.into());
    }
}

impl From<Map<String, Value>> for Resource {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl From<Resource> for Value {
    fn from(resource: Resource) -> Self {
        Self::Object(resource.0)
    }
}

impl ResourceType {
    /// Reads a resource that a caller wants to make (RFC 7644 3.3).
    ///
    /// Attributes that no schema knows, and those that only the server sets, are left out. Names get the spelling of the
    /// schema, `"True"` and `"False"` become booleans, values without content are left out, the same value is there once.
    /// What required attributes mean beyond being there (form of a user name, say) is for others to decide.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`] for what does not fit its attribute, is missing, is too long or too much, and
    /// [`ScimType::InvalidSyntax`] for a body that is no such resource or names an attribute twice. The sentence lists all
    /// defects, with their places.
    pub fn read(&'static self, body: &Value) -> Result<Resource, ScimError> {
        let Some(fields) = body.as_object() else {
            return Err(ScimError::syntax("the body must be a JSON object"));
        };
        let mut reader = Reader::default();
        self.check_schemas(fields, &mut reader);
        let mut read = reader.object(fields, "", self.attributes());
        for (name, value) in fields {
            let Some(schema) = self.extension(name) else { continue };
            match value.as_object() {
                Some(inner) => {
                    let place = format!("{}:", schema.id);
                    let inner = reader.object(inner, &place, schema.attributes.iter());
                    if !inner.is_empty() && read.insert(schema.id.to_owned(), inner.into()).is_some() {
                        reader.defect(ScimType::InvalidSyntax, schema.id, "is there twice, in different letter case");
                    }
                }
                None if value.is_null() => {}
                None => reader.defect(ScimType::InvalidValue, schema.id, "must be an object"),
            }
        }
        reader.finish()?;
        let mut resource = Resource(read);
        resource.name_schemas(self);
        Ok(resource)
    }

    /// Reads a resource that takes the place of a stored one (RFC 7644 3.5.1): what only the server sets is that of the
    /// stored one, all else is that of the body. Attributes that are not in the body are gone; whether a user without
    /// `active` may sign in is for others to decide.
    ///
    /// No attribute of a user or group is immutable by itself, so there is no [`ScimType::Mutability`] here; members are
    /// exchanged as a whole.
    ///
    /// # Errors
    ///
    /// Those of [`Self::read`].
    pub fn replace(&'static self, stored: &Resource, body: &Value) -> Result<Resource, ScimError> {
        let mut resource = self.read(body)?;
        let kept =
            self.attributes().filter(|known| known.mutability == Mutability::ReadOnly && known.name != "schemas");
        for attribute in kept {
            if let Some(value) = stored.get(attribute.name) {
                resource.insert(attribute.name, value.clone());
            }
        }
        Ok(resource)
    }

    /// A body that names schemas must name that of this kind. Others are no defect: Microsoft Entra names its own. Neither
    /// is a body without any.
    fn check_schemas(&self, fields: &Map<String, Value>, reader: &mut Reader) {
        let Some(named) = fields.iter().find(|(name, _)| same(name, "schemas")).map(|(_, value)| value) else { return };
        let Some(urns) = named.as_array() else {
            if !named.is_null() {
                reader.defect(ScimType::InvalidSyntax, "schemas", "must be a list of URNs");
            }
            return;
        };
        let is_ours = |urn: &Value| urn.as_str().is_some_and(|urn| same(urn, self.schema.id));
        if !urns.is_empty() && !urns.iter().any(is_ours) {
            reader.defect(ScimType::InvalidSyntax, "schemas", &format!("must name `{}`", self.schema.id));
        }
    }
}
