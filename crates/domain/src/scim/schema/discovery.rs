//! The schemas of the documents that describe the server (RFC 7643 5, 6, 7, 8.7.2).

use super::{Attribute, Kind, Schema};

/// The schema of `/ServiceProviderConfig` (RFC 7643 5).
pub(super) static SERVICE_PROVIDER_CONFIG_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    name: "Service Provider Configuration",
    description: "What the server is able to do",
    attributes: &SERVICE_PROVIDER_CONFIG,
};

/// The schema of `/ResourceTypes` (RFC 7643 6).
pub(super) static RESOURCE_TYPE_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    name: "ResourceType",
    description: "A kind of resource",
    attributes: &RESOURCE_TYPE,
};

/// The schema of `/Schemas` (RFC 7643 7).
pub(super) static SCHEMA_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
    name: "Schema",
    description: "Attributes of a kind of resource",
    attributes: &SCHEMA,
};

const fn flag(name: &'static str, description: &'static str) -> Attribute {
    Attribute::new(name, Kind::Boolean, description).required().read_only()
}

const fn number(name: &'static str, description: &'static str) -> Attribute {
    Attribute::new(name, Kind::Integer, description).required().read_only()
}

const fn given(name: &'static str, description: &'static str) -> Attribute {
    Attribute::text(name, description).read_only()
}

const SUPPORTED: Attribute = flag("supported", "Whether the server does it");

static SERVICE_PROVIDER_CONFIG: [Attribute; 8] = [
    Attribute::reference("documentationUri", &["external"], "Address of documentation for people").read_only(),
    Attribute::complex("patch", &[SUPPORTED], "PATCH").required().read_only(),
    Attribute::complex("bulk", &BULK, "Several operations in one request").required().read_only(),
    Attribute::complex("filter", &FILTER, "Filters").required().read_only(),
    Attribute::complex("changePassword", &[SUPPORTED], "Changes of passwords").required().read_only(),
    Attribute::complex("sort", &[SUPPORTED], "Sorted lists").required().read_only(),
    Attribute::complex("etag", &[SUPPORTED], "Versions").required().read_only(),
    Attribute::complex("authenticationSchemes", &SCHEME, "How requests are authenticated")
        .list()
        .required()
        .read_only(),
];

static BULK: [Attribute; 3] = [
    SUPPORTED,
    number("maxOperations", "Most operations in one request"),
    number("maxPayloadSize", "Largest body, in bytes"),
];

static FILTER: [Attribute; 2] = [SUPPORTED, number("maxResults", "Most resources in one answer")];

static SCHEME: [Attribute; 6] = [
    given("type", "Kind of the scheme").required().usually(&[
        "oauth",
        "oauth2",
        "oauthbearertoken",
        "httpbasic",
        "httpdigest",
    ]),
    given("name", "Name of the scheme").required(),
    given("description", "What it is").required(),
    Attribute::reference("specUri", &["external"], "Address of its specification").read_only(),
    Attribute::reference("documentationUri", &["external"], "Address of documentation for people").read_only(),
    Attribute::new("primary", Kind::Boolean, "Whether it is the preferred scheme").read_only(),
];

static RESOURCE_TYPE: [Attribute; 6] = [
    given("id", "The same as the name"),
    given("name", "Name of the kind of resource").required(),
    given("description", "What it is"),
    Attribute::reference("endpoint", &["uri"], "Address, relative to that of the server").required().read_only(),
    Attribute::reference("schema", &["uri"], "URN of the schema").required().read_only(),
    Attribute::complex("schemaExtensions", &EXTENSION, "Schemas of more attributes").list().read_only(),
];

static EXTENSION: [Attribute; 2] = [
    Attribute::reference("schema", &["uri"], "URN of the schema").required().read_only(),
    flag("required", "Whether resources must have it"),
];

static SCHEMA: [Attribute; 4] = [
    given("id", "URN of the schema").required().exact(),
    given("name", "Name of the schema").required(),
    given("description", "What it describes"),
    Attribute::complex("attributes", &ATTRIBUTE, "Its attributes").list().required().read_only(),
];

/// What describes an attribute, without its sub-attributes.
const DESCRIPTION: [Attribute; 11] = [
    given("name", "Name of the attribute").required().exact(),
    given("type", "Type of the attribute").required().exact().usually(&[
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "binary",
        "complex",
    ]),
    flag("multiValued", "Whether it is a list"),
    given("description", "What it is"),
    flag("required", "Whether a resource must have it"),
    given("canonicalValues", "Usual values").list().exact(),
    Attribute::new("caseExact", Kind::Boolean, "Whether letter case matters").read_only(),
    given("mutability", "Who may change it").exact().usually(&["readOnly", "readWrite", "immutable", "writeOnly"]),
    given("returned", "When it is shown").exact().usually(&["always", "never", "default", "request"]),
    given("uniqueness", "Among what it is unique").exact().usually(&["none", "server", "global"]),
    given("referenceTypes", "What a reference may lead to").list().exact(),
];

static SUB_ATTRIBUTE: [Attribute; 11] = DESCRIPTION;

static ATTRIBUTE: [Attribute; 12] = {
    let [a, b, c, d, e, f, g, h, i, j, k] = DESCRIPTION;
    let parts = Attribute::complex("subAttributes", &SUB_ATTRIBUTE, "What it consists of").list().read_only();
    [a, b, c, d, e, f, g, h, i, j, k, parts]
};
