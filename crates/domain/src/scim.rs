//! SCIM 2.0 (RFC 7643, RFC 7644): how other systems provision users and groups.
//!
//! Everything here works on JSON documents and knows neither HTTP nor a database. A request goes through it like this:
//!
//! | request | rules |
//! |---|---|
//! | `GET /Users?filter=..` | [`Filter`] is parsed, [`Filter::resolve`] makes a [`Condition`] that storage takes apart or [`Condition::matches`] evaluates |
//! | `POST`, `PUT` | [`ResourceType::read`], [`ResourceType::replace`] |
//! | `PATCH` | [`Patch::read`], [`Patch::apply`]: the new resource and, for groups, [`MembershipChanges`] |
//! | what an index knows of a filter | [`Condition::lookup`] |
//! | `attributes`, `excludedAttributes` | [`Projection`] |
//! | `sortBy`, `startIndex`, `count` | [`Sort`], [`Paging`] |
//! | `POST /Bulk` | [`BulkRequest::read`], [`BulkRequest::order`], [`BulkIds`] |
//! | `If-Match`, `If-None-Match` | [`Version`], [`Preconditions`] |
//!
//! What a caller did wrong is a [`ScimError`]: a word of RFC 7644 3.12 and a sentence that says what and where.
//!
//! ```
//! use doorward_domain::scim::{Filter, Patch, Resource, USER};
//! use serde_json::json;
//!
//! let body = json!({ "userName": "bjensen", "emails": [{ "value": "b@example.com", "type": "work" }], "active": true });
//! let user = USER.read(&body)?;
//! let filter: Filter = r#"USERNAME eq "BJensen" and emails[type eq "work"]"#.parse()?;
//! assert!(filter.resolve(&USER)?.matches(&user));
//!
//! let patch = Patch::read(&json!({ "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] }))?;
//! let patched = patch.apply(&USER, &user)?;
//! assert_eq!(patched.resource.get("active"), Some(&json!(false)));
//! # Ok::<(), doorward_domain::scim::ScimError>(())
//! ```
//!
//! # Choices where the RFCs leave one
//!
//! - Attributes that no schema knows are ignored in bodies, for large providers send some; they have no value in filters
//!   (RFC 7644 3.4.2.1); as the path of a PATCH they are `invalidPath`.
//! - `password` is such an attribute: accounts that are provisioned sign in elsewhere, so it is never read, kept or shown,
//!   `/Schemas` does not list it, and `changePassword` is not supported.
//! - `roles` and `entitlements` are not supported. What users may do is decided by roles and groups of this server; a
//!   directory gives rights by membership of groups.
//! - Attributes are told apart without regard to letter case, and are kept in the spelling of the schema.
//! - `null`, an empty list and an empty object are the same as no value (RFC 7643 2.5).
//! - A PATCH of a group with more than [`MEMBERS_TOLD`] members is answered without the group (204), unless attributes are asked
//!   for: one member comes or goes without all others being read.
//! - A page of groups ends where its groups would have more than [`MEMBERS_MAX`] members in all; the next page goes on there
//!   (RFC 7644 3.4.2.4 allows fewer than `count`).
//! - A PATCH removes members by their `value`, `type` and `display`. Filters on `$ref`, which is not kept, or on what no schema
//!   knows are `invalidFilter` there, for `ne` would select everybody. A request may do so by at most [`CONDITIONS_MAX`]
//!   conditions other than ids, with [`TERMS_MAX`] comparisons in all; more are `tooMany`.

#[cfg(feature = "full")]
mod account;
mod attribute_path;
mod bulk;
mod document;
mod error;
mod filter;
#[cfg(feature = "full")]
mod group;
mod list;
mod lookup;
mod member;
mod messages;
mod patch;
mod projection;
mod reader;
mod resource;
mod schema;
#[cfg(test)]
mod tests;
mod token;
mod value;
mod version;

#[cfg(feature = "full")]
pub use account::{AccountFields, IDENTIFIER_MAX, ProvisionedUser, UserRecord};
pub use attribute_path::{AttributePath, AttributePathError};
pub use bulk::{
    BadOperation, BulkError, BulkIds, BulkOperation, BulkRequest, BulkResponse, BulkResult, BulkTarget, Method,
};
pub use document::read_document;
pub use error::{ScimError, ScimType};
pub use filter::{
    Condition, DEPTH_MAX, FILTER_MAX, Filter, FilterError, Literal, Operand, Operator, TERMS_MAX, parse_instant,
};
#[cfg(feature = "full")]
pub use group::{GroupFields, GroupRecord, ProvisionedGroup};
pub use list::{Paging, Sort, SortOrder};
pub use lookup::{Lookup, behind_prefix};
pub use member::Member;
pub use messages::{ErrorMessage, ListResponse, SearchRequest};
pub use patch::{
    CONDITIONS_MAX, Difference, MembershipChange, MembershipChanges, OPERATIONS_MAX, Op, Operation, Patch, PatchPath,
    Patched,
};
pub use projection::Projection;
pub use resource::{MEMBERS_TOLD, Resource};
pub use schema::{
    Attribute, Capabilities, ENTERPRISE_USER_SCHEMA, GROUP, GROUP_SCHEMA, Kind, Mutability, Necessity, Place,
    RESOURCE_TYPES, ResourceType, Returned, SCHEMAS, Schema, Target, USER, USER_SCHEMA, Uniqueness,
};
pub use token::{ScimToken, TOKEN_NAME_MAX, TOKENS_MAX};
pub use value::{ATTRIBUTE_TEXT_MAX, MEMBERS_MAX, VALUES_MAX};
pub use version::{EntityTag, EntityTags, Preconditions, Version};

/// Media type of SCIM (RFC 7644 8.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
/// Schema of errors (RFC 7644 3.12).
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Schema of lists (RFC 7644 3.4.2).
pub const LIST_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Schema of searches by POST (RFC 7644 3.4.3).
pub const SEARCH_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// Schema of PATCH requests (RFC 7644 3.5.2).
pub const PATCH_OP_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Schema of bulk requests (RFC 7644 3.7).
pub const BULK_REQUEST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// Schema of answers to bulk requests (RFC 7644 3.7).
pub const BULK_RESPONSE_URN: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
