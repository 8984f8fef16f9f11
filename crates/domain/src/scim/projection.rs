//! Which attributes an answer shows (RFC 7644 3.9).

use super::attribute_path::AttributePath;
use super::error::ScimError;
use super::resource::Resource;
use super::schema::{Attribute, Place, ResourceType, Returned, Schema};
use super::value::has_value;
use serde_json::{Map, Value};

/// Which attributes of a resource an answer shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    kind: &'static ResourceType,
    asked: Asked,
}

#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Nothing,
    Only(Vec<Place>),
    Without(Vec<Place>),
}

/// How much of an attribute is shown.
enum Shown {
    Nothing,
    All,
    Only(Vec<&'static Attribute>),
    Without(Vec<&'static Attribute>),
}

impl Projection {
    /// What is shown when nothing is asked for: all but what is shown on request only.
    #[must_use]
    pub const fn all(kind: &'static ResourceType) -> Self {
        Self { kind, asked: Asked::Nothing }
    }

    /// Reads the parameters `attributes` and `excludedAttributes`, lists with commas. Names that no schema knows show
    /// nothing and exclude nothing.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`](super::ScimType::InvalidValue) if both are given.
    pub fn read(
        kind: &'static ResourceType,
        attributes: Option<&str>,
        excluded_attributes: Option<&str>,
    ) -> Result<Self, ScimError> {
        let given = |list: Option<&str>| list.is_some_and(|list| !list.trim().is_empty());
        let places = |list: Option<&str>| {
            let names = list.unwrap_or_default().split(',').map(str::trim);
            names.filter_map(|name| kind.place(&name.parse::<AttributePath>().ok()?)).collect::<Vec<_>>()
        };
        let asked = match (given(attributes), given(excluded_attributes)) {
            (true, true) => {
                return Err(ScimError::value("attributes and excludedAttributes cannot be given together"));
            }
            (true, false) => Asked::Only(places(attributes)),
            (false, true) => Asked::Without(places(excluded_attributes)),
            (false, false) => Asked::Nothing,
        };
        Ok(Self { kind, asked })
    }

    /// Whether a parameter says what is shown.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        !matches!(self.asked, Asked::Nothing)
    }

    /// Whether an attribute of the resource itself, such as `members`, is shown, at least in part. What is not need not be
    /// read.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        let attribute = self.kind.attributes().find(|attribute| attribute.name == name);
        attribute.is_some_and(|attribute| !matches!(self.shown(None, attribute), Shown::Nothing))
    }

    /// The resource with the attributes that are shown.
    #[must_use]
    pub fn apply(&self, resource: &Resource) -> Resource {
        let mut shown = self.object(None, self.kind.attributes(), resource.fields());
        for schema in self.kind.extensions.iter().copied() {
            let inner = resource.fields().get(schema.id).and_then(Value::as_object);
            let inner = inner.map(|inner| self.object(Some(schema), schema.attributes.iter(), inner));
            if let Some(inner) = inner.filter(|inner| !inner.is_empty()) {
                shown.insert(schema.id.to_owned(), inner.into());
            }
        }
        shown.into()
    }

    fn object(
        &self,
        extension: Option<&'static Schema>,
        attributes: impl Iterator<Item = &'static Attribute>,
        fields: &Map<String, Value>,
    ) -> Map<String, Value> {
        let shown = attributes.filter_map(|attribute| {
            let value = fields.get(attribute.name)?;
            let value = parts(attribute, &self.shown(extension, attribute), value)?;
            Some((attribute.name.to_owned(), value))
        });
        shown.collect()
    }

    /// How much of an attribute is shown.
    fn shown(&self, extension: Option<&'static Schema>, attribute: &'static Attribute) -> Shown {
        // `None` stands for the attribute itself, all of it.
        let named = |places: &[Place]| -> Vec<Option<&'static Attribute>> {
            let named = places.iter().filter_map(|place| match place {
                Place::Extension(schema) => (extension == Some(*schema)).then_some(None),
                Place::Attribute(target) => {
                    let same = target.extension == extension && target.attribute.name == attribute.name;
                    same.then_some(target.sub)
                }
            });
            named.collect()
        };
        match (attribute.returned, &self.asked) {
            (Returned::Never, _) | (Returned::Request, Asked::Nothing | Asked::Without(_)) => Shown::Nothing,
            (Returned::Always, _) | (Returned::Default, Asked::Nothing) => Shown::All,
            (Returned::Default | Returned::Request, Asked::Only(places)) => {
                let named = named(places);
                if named.contains(&None) {
                    Shown::All
                } else if named.is_empty() {
                    Shown::Nothing
                } else {
                    Shown::Only(named.into_iter().flatten().collect())
                }
            }
            (Returned::Default, Asked::Without(places)) => {
                let named = named(places);
                if named.contains(&None) {
                    Shown::Nothing
                } else {
                    Shown::Without(named.into_iter().flatten().collect())
                }
            }
        }
    }
}

/// The shown parts of a value; `None` if there are none.
fn parts(attribute: &Attribute, shown: &Shown, value: &Value) -> Option<Value> {
    if matches!(shown, Shown::Nothing) {
        return None;
    }
    if let Some(values) = value.as_array() {
        let values: Vec<Value> = values.iter().filter_map(|value| parts(attribute, shown, value)).collect();
        // A list without values is shown as it is kept: a group without members has an empty list.
        return (!values.is_empty() || !has_value(value)).then(|| values.into());
    }
    let Some(fields) = value.as_object() else { return Some(value.clone()) };
    let parts = attribute.sub_attributes.iter().filter(|sub| match (sub.returned, shown) {
        (Returned::Always, _) | (Returned::Default, Shown::All) => true,
        (Returned::Default | Returned::Request, Shown::Only(named)) => named.contains(sub),
        (Returned::Default, Shown::Without(named)) => !named.contains(sub),
        (Returned::Never, _) | (_, Shown::Nothing) | (Returned::Request, Shown::All | Shown::Without(_)) => false,
    });
    let parts: Map<_, _> = parts.filter_map(|sub| Some((sub.name.to_owned(), fields.get(sub.name)?.clone()))).collect();
    (!parts.is_empty()).then(|| parts.into())
}
