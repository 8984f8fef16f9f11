//! Entries of the audit log as they are sent.

use super::description::{describe, link};
use crate::kit::json::Timestamp;
use crate::users::UserObject;
use doorward_domain::organizations::Organization;
use doorward_services::audit::{AuditList, ListedEntry};
use doorward_services::users::UserView;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLogResponse)]
pub(crate) struct AuditObject {
    audit_logs: Vec<EntryObject>,
    /// How many match, before `limit` and `offset`; at most a hundred thousand more than `offset`.
    count: u64,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLog)]
pub(crate) struct EntryObject {
    id: Uuid,
    request_id: Uuid,
    time: Timestamp,
    /// Empty when unknown.
    ip: String,
    user_agent: String,
    resource_type: &'static str,
    /// Nil when the thing has no UUID.
    resource_id: Uuid,
    resource_target: String,
    /// Always empty.
    resource_icon: &'static str,
    action: &'static str,
    /// By field: `{"old", "new", "secret"}`.
    #[schema(value_type = Object)]
    diff: Value,
    status_code: u16,
    #[schema(value_type = Object)]
    additional_fields: Value,
    /// With the literal placeholders `{user}` and `{target}`.
    description: String,
    resource_link: String,
    is_deleted: bool,
    /// Deprecated: nil when there is none.
    organization_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<SlimOrganization>,
    user: Option<UserObject>,
}

/// An organization in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MinimalOrganization)]
pub(crate) struct SlimOrganization {
    id: Uuid,
    name: String,
    display_name: String,
    icon: String,
}

impl From<Organization> for SlimOrganization {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.0,
            name: organization.name.into(),
            display_name: organization.display_name.into(),
            icon: organization.icon,
        }
    }
}

impl From<AuditList> for AuditObject {
    fn from(list: AuditList) -> Self {
        Self { audit_logs: list.entries.into_iter().map(EntryObject::from).collect(), count: list.count }
    }
}

impl From<ListedEntry> for EntryObject {
    fn from(ListedEntry { entry, is_deleted }: ListedEntry) -> Self {
        let (description, resource_link) = (describe(&entry.record), link(&entry.record, is_deleted));
        let record = entry.record;
        let user = entry.user.map(UserView::alone);
        Self {
            id: record.id.0,
            request_id: record.request_id.unwrap_or_default(),
            time: record.time.into(),
            ip: record.ip,
            user_agent: record.user_agent,
            resource_type: record.resource_type.as_str(),
            resource_id: Uuid::parse_str(&record.resource_id).unwrap_or_default(),
            resource_target: record.resource_target,
            resource_icon: "",
            action: record.action.as_str(),
            diff: record.diff,
            status_code: record.status_code,
            additional_fields: record.additional_fields,
            description,
            resource_link,
            is_deleted,
            organization_id: record.organization_id.map(|id| id.0).unwrap_or_default(),
            organization: entry.organization.map(SlimOrganization::from),
            user: user.map(UserObject::from),
        }
    }
}
