use crate::error::RowError;
use crate::schema::audit_logs;
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::audit::AuditRecord;
use doorward_domain::ids::{AuditId, OrganizationId, UserId};
use doorward_domain::names;
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_logs, treat_none_as_default_value = false)]
pub(crate) struct AuditRow {
    id: Id<AuditId>,
    time: At,
    pub(crate) user_id: Option<Id<UserId>>,
    pub(crate) organization_id: Option<Id<OrganizationId>>,
    ip: String,
    user_agent: String,
    resource_type: String,
    resource_id: String,
    resource_target: String,
    action: String,
    diff: Json<Value>,
    status_code: i32,
    additional_fields: Json<Value>,
    request_id: Option<Id<Uuid>>,
    target_key: String,
}

impl From<&AuditRecord> for AuditRow {
    fn from(record: &AuditRecord) -> Self {
        Self {
            id: Id(record.id),
            time: At(record.time),
            user_id: record.user_id.map(Id),
            organization_id: record.organization_id.map(Id),
            ip: record.ip.clone(),
            user_agent: record.user_agent.clone(),
            resource_type: record.resource_type.as_str().to_owned(),
            resource_id: record.resource_id.clone(),
            resource_target: record.resource_target.clone(),
            action: record.action.as_str().to_owned(),
            diff: Json(record.diff.clone()),
            status_code: record.status_code.into(),
            additional_fields: Json(record.additional_fields.clone()),
            request_id: record.request_id.map(Id),
            target_key: names::key(&record.resource_target),
        }
    }
}

impl TryFrom<AuditRow> for AuditRecord {
    type Error = RowError;

    fn try_from(row: AuditRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("audit_logs", column, row.id.0);
        Ok(Self {
            resource_type: row.resource_type.parse().map_err(|cause| bad("resource_type").because(cause))?,
            action: row.action.parse().map_err(|cause| bad("action").because(cause))?,
            status_code: row.status_code.try_into().map_err(|cause| bad("status_code").because(cause))?,
            id: row.id.0,
            time: row.time.0,
            user_id: row.user_id.map(|id| id.0),
            organization_id: row.organization_id.map(|id| id.0),
            ip: row.ip,
            user_agent: row.user_agent,
            resource_id: row.resource_id,
            resource_target: row.resource_target,
            diff: row.diff.0,
            additional_fields: row.additional_fields.0,
            request_id: row.request_id.map(|id| id.0),
        })
    }
}
