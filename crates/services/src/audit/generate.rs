//! Entries on demand, for those who test what reads the audit log.

use super::{Audited, Diff, Snapshot};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Action, Object, resource};
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

/// The thing of an entry on demand.
struct Example {
    kind: AuditResource,
    id: Uuid,
    target: String,
}

impl Audited for Example {
    fn kind(&self) -> AuditResource {
        self.kind
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.target.clone()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}

/// Writes an entry of something that did not happen, in the name of the caller. For those who may write to the log of
/// the whole site, which owners may.
///
/// Needs `audit_log:create`. Errors: `Forbidden`.
pub async fn generate(ctx: &Context, actor: &Principal, command: GenerateEntry) -> Result<(), Error> {
    actor.subject.check(Action::Create, &Object::of::<resource::AuditLog>())?;
    let target = actor.account()?.user.username.to_string();
    ctx.act(actor, move |deed| {
        let example = Example {
            kind: command.resource_type.unwrap_or(AuditResource::User),
            id: command.resource_id.unwrap_or_else(|| deed.new_id()),
            target,
        };
        let (action, time) = (command.action.unwrap_or(AuditAction::Create), command.time.unwrap_or(deed.now));
        let entry = deed.entry().at(time).within(command.organization_id);
        let entry = entry.with(command.additional_fields.unwrap_or_default());
        let entry = match command.request_id {
            Some(request) => entry.of_job(request),
            None => entry,
        };
        Ok(entry.noted(action, 200, &example, Diff::default())?.answer(()))
    })
    .await
}
