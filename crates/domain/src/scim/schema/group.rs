//! The schema of groups (RFC 7643 4.2, 8.7.1).

use super::{Attribute, Schema};

/// The schema of groups (RFC 7643 4.2). Members are users; groups within groups are not supported.
///
/// Names are unique, which the RFC leaves open: Microsoft Entra finds groups by their names.
pub static GROUP_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "Group of users",
    attributes: &GROUP_ATTRIBUTES,
};

static GROUP_ATTRIBUTES: [Attribute; 2] = [
    Attribute::text("displayName", "Name of the group, unique without regard to letter case").required().unique(),
    Attribute::complex("members", &MEMBER, "Members of the group").list(),
];

static MEMBER: [Attribute; 4] = [
    Attribute::text("value", "Id of the member").required().exact().immutable(),
    Attribute::reference("$ref", &["User"], "Address of the member, made of its id").read_only(),
    Attribute::text("type", "Kind of the member").usually(&["User"]).immutable(),
    Attribute::text("display", "Name of the member").read_only(),
];
