//! The audit log.

use super::Conn;
use crate::schema::audit_logs;
use crate::session::Session;
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::audit::AuditRecord;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::audit::AuditRepository;

impl AuditRepository for Session<'_, Conn> {
    fn insert(
        &mut self,
        _permit: &Permit<action::Create, resource::AuditLog>,
        record: &AuditRecord,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(audit_logs::table)
                .values((
                    audit_logs::id.eq(Id(record.id)),
                    audit_logs::time.eq(At(record.time)),
                    audit_logs::user_id.eq(record.user_id.map(Id)),
                    audit_logs::organization_id.eq(record.organization_id.map(Id)),
                    audit_logs::ip.eq(&record.ip),
                    audit_logs::user_agent.eq(&record.user_agent),
                    audit_logs::resource_type.eq(record.resource_type.as_str()),
                    audit_logs::resource_id.eq(&record.resource_id),
                    audit_logs::resource_target.eq(&record.resource_target),
                    audit_logs::action.eq(record.action.as_str()),
                    audit_logs::diff.eq(Json(&record.diff)),
                    audit_logs::status_code.eq(i32::from(record.status_code)),
                    audit_logs::additional_fields.eq(Json(&record.additional_fields)),
                    audit_logs::request_id.eq(record.request_id.map(Id)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }
}
