//! What the server tells about itself: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 4).

use super::{
    Attribute, Kind, Mutability, Necessity, RESOURCE_TYPES, ResourceType, SCHEMAS, Schema, USER_SCHEMA, discovery, same,
};
use serde_json::{Value, json};

/// What a server supports, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Address of documentation for people.
    pub documentation_url: Option<String>,
    /// Most operations of one bulk request; `None` if there are none.
    pub bulk_operations_max: Option<u32>,
    /// Largest body of a bulk request, in bytes.
    pub bulk_bytes_max: u32,
    /// Most resources in one list.
    pub results_max: u32,
    /// Whether `userName` may be changed.
    pub user_name_changes: bool,
}

impl Capabilities {
    /// The document `/ServiceProviderConfig` (RFC 7643 5). `base` is the address below which SCIM is served, without a slash
    /// at its end.
    ///
    /// ```
    /// use doorward_domain::scim::Capabilities;
    /// let capabilities = Capabilities {
    ///     documentation_url: None,
    ///     bulk_operations_max: Some(100),
    ///     bulk_bytes_max: 1 << 20,
    ///     results_max: 200,
    ///     user_name_changes: false,
    /// };
    /// let document = capabilities.document("https://example.com/scim/v2");
    /// assert_eq!(document["bulk"]["maxOperations"], 100);
    /// assert_eq!(document["meta"]["location"], "https://example.com/scim/v2/ServiceProviderConfig");
    /// ```
    #[must_use]
    pub fn document(&self, base: &str) -> Value {
        let mut document = json!({
            "schemas": [discovery::SERVICE_PROVIDER_CONFIG_SCHEMA.id],
            "patch": { "supported": true },
            "bulk": {
                "supported": self.bulk_operations_max.is_some(),
                "maxOperations": self.bulk_operations_max.unwrap_or(0),
                "maxPayloadSize": self.bulk_operations_max.map_or(0, |_| self.bulk_bytes_max),
            },
            "filter": { "supported": true, "maxResults": self.results_max },
            "changePassword": { "supported": false },
            "sort": { "supported": true },
            "etag": { "supported": true },
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The header Authorization holds a key for provisioning: `Bearer <key>`",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": true,
            }],
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{base}/ServiceProviderConfig"),
            },
        });
        if let (Some(url), Some(fields)) = (&self.documentation_url, document.as_object_mut()) {
            fields.insert("documentationUri".to_owned(), url.as_str().into());
        }
        document
    }

    /// Who may change an attribute of a schema on this server.
    fn mutability(&self, schema: &Schema, attribute: &Attribute) -> Mutability {
        let is_name = (schema.id, attribute.name) == (USER_SCHEMA.id, "userName");
        if is_name && !self.user_name_changes { Mutability::Immutable } else { attribute.mutability }
    }
}

impl ResourceType {
    /// The kind of resource of this name, without regard to letter case.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RESOURCE_TYPES.into_iter().find(|kind| same(kind.name, name))
    }

    /// The document `/ResourceTypes/{name}` (RFC 7643 6), served below `base`.
    #[must_use]
    pub fn document(&self, base: &str) -> Value {
        let extensions: Vec<Value> =
            self.extensions.iter().map(|schema| json!({ "schema": schema.id, "required": false })).collect();
        json!({
            "schemas": [discovery::RESOURCE_TYPE_SCHEMA.id],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name) },
        })
    }
}

impl Schema {
    /// The schema with this URN, without regard to letter case.
    #[must_use]
    pub fn named(urn: &str) -> Option<&'static Self> {
        SCHEMAS.into_iter().find(|schema| same(schema.id, urn))
    }

    /// The document `/Schemas/{urn}` (RFC 7643 7) of a server with these capabilities, served below `base`.
    #[must_use]
    pub fn document(&self, base: &str, capabilities: &Capabilities) -> Value {
        let attributes = self.attributes.iter().map(|known| attribute(known, capabilities.mutability(self, known)));
        json!({
            "schemas": [discovery::SCHEMA_SCHEMA.id],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": attributes.collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id) },
        })
    }
}

/// An attribute, without what does not apply to its type: Microsoft Entra wants neither `null` nor empty lists.
fn attribute(known: &Attribute, mutability: Mutability) -> Value {
    let mut document = json!({
        "name": known.name,
        "type": known.kind.as_str(),
        "multiValued": known.multi_valued,
        "description": known.description,
        "required": known.necessity != Necessity::Optional,
        "mutability": mutability.as_str(),
        "returned": known.returned.as_str(),
    });
    let Some(fields) = document.as_object_mut() else { return document };
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if known.kind == Kind::Complex {
        let parts: Vec<Value> = known.sub_attributes.iter().map(|part| attribute(part, part.mutability)).collect();
        add("subAttributes", parts.into());
    } else {
        add("uniqueness", known.uniqueness.as_str().into());
        if known.kind != Kind::Boolean {
            add("caseExact", known.case_exact.into());
        }
    }
    if !known.canonical_values.is_empty() {
        add("canonicalValues", known.canonical_values.into());
    }
    if !known.reference_types.is_empty() {
        add("referenceTypes", known.reference_types.into());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{GROUP, USER};

    fn capabilities() -> Capabilities {
        Capabilities {
            documentation_url: None,
            bulk_operations_max: None,
            bulk_bytes_max: 9,
            results_max: 1,
            user_name_changes: false,
        }
    }

    #[test]
    fn documents_follow_the_schemas_that_describe_them() {
        let capabilities =
            Capabilities { documentation_url: Some("https://example.com/help".to_owned()), ..capabilities() };
        let schema = |schema: &&Schema| ("Schema", schema.document("/v2", &capabilities));
        let mut all: Vec<(&str, Value)> = SCHEMAS.iter().map(schema).collect();
        all.extend(RESOURCE_TYPES.iter().map(|kind| ("ResourceType", kind.document("/v2"))));
        all.push(("ServiceProviderConfig", capabilities.document("/v2")));
        for (kind, document) in all {
            let urn = format!("urn:ietf:params:scim:schemas:core:2.0:{kind}");
            assert_eq!(document["schemas"], json!([urn]));
            assert_eq!(document["meta"]["resourceType"], kind);
            follows(&document, Schema::named(&urn).unwrap().attributes, &["schemas", "meta"]);
        }
    }

    /// Every key is described, and everything that is required is there.
    fn follows(value: &Value, attributes: &'static [Attribute], besides: &[&str]) {
        let fields = value.as_object().unwrap();
        for (name, value) in fields.iter().filter(|(name, _)| !besides.contains(&name.as_str())) {
            let Some(known) = super::super::find(attributes, name) else {
                // Of the schema of schemas alone, and the RFC does not describe it either.
                assert_eq!(name, "subAttributes");
                continue;
            };
            assert_eq!((known.name, value.is_array()), (name.as_str(), known.multi_valued));
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values.iter().filter(|_| known.kind == Kind::Complex) {
                follows(value, known.sub_attributes, besides);
            }
        }
        for attribute in attributes.iter().filter(|attribute| attribute.is_required()) {
            assert!(fields.contains_key(attribute.name), "{} is missing in {value}", attribute.name);
        }
    }

    #[test]
    fn bulk_without_operations_is_not_supported() {
        let bulk = json!({ "supported": false, "maxOperations": 0, "maxPayloadSize": 0 });
        assert_eq!(capabilities().document("")["bulk"], bulk);
    }

    #[test]
    fn names_that_stay_are_called_immutable() {
        for (user_name_changes, mutability) in [(false, "immutable"), (true, "readWrite")] {
            let document = USER_SCHEMA.document("/v2", &Capabilities { user_name_changes, ..capabilities() });
            assert_eq!(document["attributes"][0]["name"], "userName");
            assert_eq!(document["attributes"][0]["mutability"], mutability);
            assert_eq!(document["attributes"][2]["mutability"], "readWrite");
        }
    }

    #[test]
    fn schemas_have_no_name_twice_and_no_password() {
        for schema in SCHEMAS {
            let mut names: Vec<String> = schema.attributes.iter().map(|a| a.name.to_lowercase()).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), schema.attributes.len(), "{}", schema.id);
            assert!(!names.contains(&"password".to_owned()));
        }
    }

    #[test]
    fn kinds_and_schemas_are_found_by_name() {
        assert_eq!(ResourceType::named("user"), Some(&USER));
        assert_eq!(ResourceType::named("Group"), Some(&GROUP));
        assert_eq!(ResourceType::named("Device"), None);
        assert_eq!(Schema::named("URN:ietf:params:scim:schemas:core:2.0:user").map(|s| s.name), Some("User"));
        let extensions = USER.document("/v2")["schemaExtensions"].clone();
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(extensions, json!([{ "schema": urn, "required": false }]));
    }
}
