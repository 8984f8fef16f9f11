//! Entries on demand, for those who test what reads the audit log.

use crate::context::{Actor, Context};
use crate::error::Error;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Object, action, resource};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What is asked of an entry; `None` takes the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateEntry {
    /// What was done; a creation.
    pub action: Option<AuditAction>,
    /// Kind of the thing touched; a user.
    pub resource_type: Option<AuditResource>,
    /// Its id; a new one.
    pub resource_id: Option<Uuid>,
    /// More about it; nothing.
    pub additional_fields: Option<Map<String, Value>>,
    /// When it happened; now.
    pub time: Option<Instant>,
    /// The organization it concerns; none.
    pub organization_id: Option<OrganizationId>,
    /// The request it belongs to; this one.
    pub request_id: Option<Uuid>,
}

/// Writes an entry of something that did not happen, in the name of the caller. For those who may write to the log of
/// the whole site, which owners may.
pub async fn generate(ctx: &Context, actor: &Actor, command: GenerateEntry) -> Result<(), Error> {
    let permit = actor.subject.permit::<action::Create, resource::AuditLog>(&Object::of::<resource::AuditLog>())?;
    let (now, id) = ctx.new_id();
    let random: Uuid = ctx.random.id(now);
    let record = AuditRecord {
        id,
        time: command.time.unwrap_or(now),
        user_id: Some(actor.user.id),
        organization_id: command.organization_id,
        ip: actor.origin.ip.clone(),
        user_agent: actor.origin.user_agent.clone(),
        resource_type: command.resource_type.unwrap_or(AuditResource::User),
        resource_id: command.resource_id.unwrap_or(random).to_string(),
        resource_target: actor.user.username.clone(),
        action: command.action.unwrap_or(AuditAction::Create),
        diff: Value::Object(Map::new()),
        status_code: 200,
        additional_fields: Value::Object(command.additional_fields.unwrap_or_default()),
        request_id: command.request_id.or(actor.origin.request_id),
    };
    ctx.store.write(move |repos| Ok(repos.audit().insert(&permit, &record)?)).await
}
