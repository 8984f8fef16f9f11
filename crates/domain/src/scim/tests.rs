//! Tests of several parts together: the examples of the RFCs, what providers send, and properties.

mod bulk;
mod filters;
mod groups;
mod lists;
mod patches;
mod properties;
mod providers;
mod resources;

use super::{GROUP, Patch, Patched, Resource, ScimError, ScimType, USER};
use serde_json::{Value, json};

const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The user of RFC 7643 8.3, as far as its attributes are supported, with what the server sets.
fn bjensen() -> Resource {
    let mut user = USER
        .read(&json!({
            "schemas": [USER_URN, ENTERPRISE],
            "externalId": "701984",
            "userName": "bjensen@example.com",
            "name": {
                "formatted": "Ms. Barbara J Jensen, III",
                "familyName": "Jensen",
                "givenName": "Barbara",
                "middleName": "Jane",
                "honorificPrefix": "Ms.",
                "honorificSuffix": "III"
            },
            "displayName": "Babs Jensen",
            "nickName": "Babs",
            "profileUrl": "https://login.example.com/bjensen",
            "emails": [
                { "value": "bjensen@example.com", "type": "work", "primary": true },
                { "value": "babs@jensen.org", "type": "home" }
            ],
            "addresses": [
                {
                    "type": "work",
                    "streetAddress": "100 Universal City Plaza",
                    "locality": "Hollywood",
                    "region": "CA",
                    "postalCode": "91608",
                    "country": "USA",
                    "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
                    "primary": true
                },
                { "type": "home", "locality": "Hollywood", "country": "USA" }
            ],
            "phoneNumbers": [
                { "value": "555-555-5555", "type": "work" },
                { "value": "555-555-4444", "type": "mobile" }
            ],
            "userType": "Employee",
            "title": "Tour Guide",
            "preferredLanguage": "en-US",
            "locale": "en-US",
            "timezone": "America/Los_Angeles",
            "active": true,
            ENTERPRISE: {
                "employeeNumber": "701984",
                "costCenter": "4130",
                "organization": "Universal Studios",
                "department": "Tour Operations",
                "manager": { "value": "26118915-6090-4610-87e4-49d8ca9f808d" }
            }
        }))
        .unwrap();
    user.insert("id", "2819c223-7f76-453a-919d-413861904646");
    user.insert("groups", json!([{ "value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides" }]));
    user.insert(
        "meta",
        json!({
            "resourceType": "User",
            "created": "2010-01-23T04:56:22Z",
            "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"a330bc54f0671c9\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"
        }),
    );
    user
}

/// A group without its members.
fn tour_guides() -> Resource {
    let mut group = GROUP.read(&json!({ "displayName": "Tour Guides" })).unwrap();
    group.insert("id", "e9e30dba-f08f-4109-8486-d5c6a331660a");
    group
}

/// The body of a PATCH with these operations.
fn patch_op(operations: Value) -> Value {
    let mut body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"] });
    body["Operations"] = operations;
    body
}

fn patch_user(user: &Resource, operations: Value) -> Result<Resource, ScimError> {
    let patched = Patch::read(&patch_op(operations))?.apply(&USER, user)?;
    assert!(patched.members.is_empty());
    Ok(patched.resource)
}

fn patch_group(operations: Value) -> Result<Patched, ScimError> {
    Patch::read(&patch_op(operations))?.apply(&GROUP, &tour_guides())
}

fn kind<T: std::fmt::Debug>(result: Result<T, ScimError>) -> ScimType {
    result.unwrap_err().kind
}
