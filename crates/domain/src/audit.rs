//! Audit records: who did what to which thing.

use crate::Instant;
use crate::ids::{AuditId, OrganizationId, UserId};

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its id, ordered by time.
    pub id: AuditId,
    /// When it happened.
    pub time: Instant,
    /// Who did it; `None` for the server itself.
    pub user_id: Option<UserId>,
    /// The organization it concerns, if one.
    pub organization_id: Option<OrganizationId>,
    /// Address of the client, or empty.
    pub ip: String,
    /// What the client calls itself, or empty.
    pub user_agent: String,
    /// Kind of the thing touched: `user`, `api_key`, `oauth2_provider_app`, ...
    pub resource_type: &'static str,
    /// Id of the thing touched.
    pub resource_id: String,
    /// Its name for people: a username, an app's name.
    pub resource_target: String,
    /// What was done: `create`, `write`, `delete`, `login`, `logout`, `refresh_token_reuse`, ...
    pub action: &'static str,
    /// Changed fields with old and new values, secrets masked, as JSON.
    pub diff: serde_json::Value,
    /// Status of the answer.
    pub status_code: u16,
    /// More about the event, as JSON.
    pub additional_fields: serde_json::Value,
    /// The request it belongs to.
    pub request_id: Option<uuid::Uuid>,
}
