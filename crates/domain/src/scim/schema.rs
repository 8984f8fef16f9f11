//! Schemas as data (RFC 7643 sections 2, 6 and 7), and how names are looked up in them.

mod discovery;
mod documents;
mod group;
mod user;

pub use documents::Capabilities;
pub use group::GROUP_SCHEMA;
pub use user::{ENTERPRISE_USER_SCHEMA, USER_SCHEMA};

use super::attribute_path::AttributePath;
use crate::text_enum::text_enum;
use std::fmt;

text_enum! {
    /// The type of an attribute (RFC 7643 2.3).
    Kind {
        /// Text.
        Text = "string",
        /// True or false.
        Boolean = "boolean",
        /// A number with a fraction.
        Decimal = "decimal",
        /// A whole number.
        Integer = "integer",
        /// An instant, as `2011-05-13T04:42:34Z`.
        DateTime = "dateTime",
        /// An address or URN.
        Reference = "reference",
        /// Bytes in Base64.
        Binary = "binary",
        /// Sub-attributes.
        Complex = "complex",
    }
}

text_enum! {
    /// Who may change an attribute (RFC 7643 7).
    Mutability {
        /// The server alone.
        ReadOnly = "readOnly",
        /// Everybody.
        ReadWrite = "readWrite",
        /// It is set with its resource, or with the value that it belongs to, and stays.
        Immutable = "immutable",
        /// Everybody, but nobody reads it.
        WriteOnly = "writeOnly",
    }
}

text_enum! {
    /// When an attribute is shown (RFC 7643 7).
    Returned {
        /// In every answer.
        Always = "always",
        /// In none.
        Never = "never",
        /// Unless it is excluded, or others are asked for.
        Default = "default",
        /// When it is asked for.
        Request = "request",
    }
}

text_enum! {
    /// Among what a value is unique (RFC 7643 7).
    Uniqueness {
        /// Not at all.
        None = "none",
        /// Among the resources of this server.
        Server = "server",
        /// Everywhere.
        Global = "global",
    }
}

/// Whether an attribute must be there (`required`, RFC 7643 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Necessity {
    /// It may be absent.
    Optional,
    /// Clients are told to send it. Where it is absent, the server takes another attribute for it, and refuses if none will do.
    Expected,
    /// It must be there.
    Required,
}

/// An attribute of a schema (RFC 7643 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in the spelling in which it is kept and shown.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// A list of values.
    pub multi_valued: bool,
    /// What it is, for people.
    pub description: &'static str,
    /// Whether a resource, or the value that it belongs to, must have it.
    pub necessity: Necessity,
    /// Letter case matters in comparisons.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Among what it is unique.
    pub uniqueness: Uniqueness,
    /// Usual values. Others are taken too.
    pub canonical_values: &'static [&'static str],
    /// What a reference may lead to: names of resource types, `external` or `uri`.
    pub reference_types: &'static [&'static str],
    /// What a complex attribute consists of.
    pub sub_attributes: &'static [Attribute],
}

impl Attribute {
    /// Nothing is kept without it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.necessity == Necessity::Required
    }

    const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            multi_valued: false,
            description,
            necessity: Necessity::Optional,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: &[],
            reference_types: &[],
            sub_attributes: &[],
        }
    }

    const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Text, description)
    }

    /// References are compared exactly (RFC 7643 2.3.7).
    const fn reference(name: &'static str, to: &'static [&'static str], description: &'static str) -> Self {
        Self { reference_types: to, case_exact: true, ..Self::new(name, Kind::Reference, description) }
    }

    const fn complex(name: &'static str, sub_attributes: &'static [Self], description: &'static str) -> Self {
        Self { sub_attributes, ..Self::new(name, Kind::Complex, description) }
    }

    const fn list(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    const fn required(self) -> Self {
        Self { necessity: Necessity::Required, ..self }
    }

    const fn expected(self) -> Self {
        Self { necessity: Necessity::Expected, ..self }
    }

    const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    const fn always(self) -> Self {
        Self { returned: Returned::Always, ..self }
    }

    const fn unique(self) -> Self {
        Self { uniqueness: Uniqueness::Server, ..self }
    }

    const fn usually(self, canonical_values: &'static [&'static str]) -> Self {
        Self { canonical_values, ..self }
    }

    /// The sub-attribute of this name, without regard to letter case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.sub_attributes, name)
    }
}

/// A schema: attributes with a common URN (RFC 7643 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// Its name, for people.
    pub name: &'static str,
    /// What it describes, for people.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// A kind of resource (RFC 7643 6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name, which is its id too.
    pub name: &'static str,
    /// Its address, relative to that of the server.
    pub endpoint: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// The schema of its attributes.
    pub schema: &'static Schema,
    /// Schemas of more attributes. None of them is required.
    pub extensions: &'static [&'static Schema],
    /// Attributes of the standard that are not supported: what is said of them is left out.
    pub unsupported: &'static [&'static str],
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceType").field(&self.name).finish()
    }
}

/// Users (RFC 7643 4.1), with the enterprise extension.
pub static USER: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "User account",
    schema: &USER_SCHEMA,
    extensions: &[&ENTERPRISE_USER_SCHEMA],
    unsupported: &user::UNSUPPORTED,
};

/// Groups (RFC 7643 4.2).
pub static GROUP: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Group of users",
    schema: &GROUP_SCHEMA,
    extensions: &[],
    unsupported: &[],
};

/// All kinds of resources that are provisioned.
pub static RESOURCE_TYPES: [&ResourceType; 2] = [&USER, &GROUP];

/// All schemas, in the order in which they are listed.
pub static SCHEMAS: [&Schema; 6] = [
    &USER_SCHEMA,
    &ENTERPRISE_USER_SCHEMA,
    &GROUP_SCHEMA,
    &discovery::SERVICE_PROVIDER_CONFIG_SCHEMA,
    &discovery::RESOURCE_TYPE_SCHEMA,
    &discovery::SCHEMA_SCHEMA,
];

/// What every resource has. They belong to no schema, so `/Schemas` does not list them (RFC 7643 3.1).
static COMMON: [Attribute; 4] = [
    Attribute::reference("schemas", &["uri"], "URNs of the schemas of the resource").list().read_only().always(),
    Attribute::text("id", "Identifier that the server gives").exact().read_only().always().unique(),
    Attribute::text("externalId", "Identifier that the client gives").exact(),
    Attribute::complex("meta", &META, "About the resource itself").read_only(),
];

static META: [Attribute; 5] = [
    Attribute::text("resourceType", "Name of the kind of resource").exact().read_only(),
    Attribute::new("created", Kind::DateTime, "When the resource was made").read_only(),
    Attribute::new("lastModified", Kind::DateTime, "When the resource was changed last").read_only(),
    Attribute::reference("location", &["uri"], "Address of the resource").read_only(),
    Attribute::text("version", "Version of the resource, as in the header ETag").exact().read_only(),
];

/// Where an attribute stands in a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The extension that it belongs to; `None` for the schema of the resource itself and for what all resources have.
    pub extension: Option<&'static Schema>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The sub-attribute.
    pub sub: Option<&'static Attribute>,
}

impl Target {
    /// URN of the extension, attribute and sub-attribute in the spelling of the schema: what storage matches on.
    ///
    /// ```
    /// use doorward_domain::scim::USER;
    /// let target = USER.target(&"EMAILS.value".parse()?).map(|target| target.names());
    /// assert_eq!(target, Some((None, "emails", Some("value"))));
    /// # Ok::<(), doorward_domain::scim::AttributePathError>(())
    /// ```
    #[must_use]
    pub fn names(&self) -> (Option<&'static str>, &'static str, Option<&'static str>) {
        (self.extension.map(|schema| schema.id), self.attribute.name, self.sub.map(|sub| sub.name))
    }

    /// The sub-attribute if there is one, else the attribute.
    #[must_use]
    pub fn leaf(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, name, sub) = self.names();
        let path =
            AttributePath { schema: schema.map(str::to_owned), name: name.to_owned(), sub: sub.map(str::to_owned) };
        write!(f, "{path}")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An attribute.
    Attribute(Target),
    /// All attributes of an extension.
    Extension(&'static Schema),
}

impl ResourceType {
    /// What a path names in resources of this kind; `None` if no schema knows it. Letter case does not matter.
    ///
    /// The dot between URN and attribute that Microsoft Entra wrote until 2018 is understood.
    #[must_use]
    pub fn place(&self, path: &AttributePath) -> Option<Place> {
        let Some(urn) = &path.schema else {
            return self.core(&path.name, path.sub.as_deref());
        };
        if same(urn, self.schema.id) {
            return self.core(&path.name, path.sub.as_deref());
        }
        if let Some(schema) = self.extension(urn) {
            return within(Some(schema), schema.attributes, &path.name, path.sub.as_deref());
        }
        // The last part of the URN itself was taken for an attribute.
        let all = format!("{urn}:{}", path.name);
        match (self.extension(&all), path.sub.as_deref()) {
            (Some(schema), None) => Some(Place::Extension(schema)),
            (Some(schema), Some(name)) => within(Some(schema), schema.attributes, name, None),
            (None, Some(name)) if same(&all, self.schema.id) => self.core(name, None),
            (None, _) => None,
        }
    }

    /// The attribute that a path names; `None` if no schema knows it, or if it names an extension.
    #[must_use]
    pub fn target(&self, path: &AttributePath) -> Option<Target> {
        match self.place(path)? {
            Place::Attribute(target) => Some(target),
            Place::Extension(_) => None,
        }
    }

    /// Whether a path that names nothing of this kind may be meant for another server: it names an attribute of the standard that is
    /// not supported, or one of a schema that this server does not know.
    ///
    /// ```
    /// use doorward_domain::scim::USER;
    /// let leaves_out = |path: &str| path.parse().is_ok_and(|path| USER.leaves_out(&path));
    /// assert!(leaves_out("roles.value") && leaves_out("urn:example:tags:2.0:User:tag"));
    /// assert!(!leaves_out("shoeSize") && !leaves_out("urn:ietf:params:scim:schemas:core:2.0:User:shoeSize"));
    /// ```
    #[must_use]
    pub fn leaves_out(&self, path: &AttributePath) -> bool {
        let is_unsupported = |name: &str| self.unsupported.iter().any(|known| same(known, name));
        let Some(urn) = &path.schema else { return is_unsupported(&path.name) };
        if same(urn, self.schema.id) {
            return is_unsupported(&path.name);
        }
        // As in `place`: the last part of the URN may have been taken for an attribute.
        let all = format!("{urn}:{}", path.name);
        if same(&all, self.schema.id) {
            return path.sub.as_deref().is_some_and(is_unsupported);
        }
        self.extension(urn).is_none() && self.extension(&all).is_none()
    }

    /// The extension with this URN, without regard to letter case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions.iter().copied().find(|schema| same(schema.id, urn))
    }

    /// The attributes of the schema and those that all resources have.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &'static Attribute> + Clone {
        COMMON.iter().chain(self.schema.attributes)
    }

    fn core(&self, name: &str, sub: Option<&str>) -> Option<Place> {
        within(None, self.schema.attributes, name, sub).or_else(|| within(None, &COMMON, name, sub))
    }
}

fn within(
    extension: Option<&'static Schema>,
    attributes: &'static [Attribute],
    name: &str,
    sub: Option<&str>,
) -> Option<Place> {
    let attribute = find(attributes, name)?;
    let sub = match sub {
        None => None,
        Some(sub) => Some(attribute.sub_attribute(sub)?),
    };
    Some(Place::Attribute(Target { extension, attribute, sub }))
}

/// The attribute of this name, without regard to letter case.
pub(super) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| same(attribute.name, name))
}

/// Names and URNs are the same without regard to letter case (RFC 7643 2.1).
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
