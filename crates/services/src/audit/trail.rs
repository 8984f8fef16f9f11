//! What use cases leave in the audit log.

use super::Diff;
use crate::context::{Actor, Context, Event, Origin};
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AuditId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

/// One audit record to be, made before the store is entered: who, when, from where.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    id: AuditId,
    pub(crate) now: Instant,
    user_id: Option<UserId>,
    origin: Origin,
    organization_id: Option<OrganizationId>,
    additional_fields: Value,
}

impl Trail {
    /// Of something that `actor` does now.
    pub(crate) fn of(ctx: &Context, actor: &Actor) -> Self {
        Self::from(ctx, Some(actor.user.id), &actor.origin)
    }

    /// Of something that happens now, done by this user, or by the server itself.
    pub(crate) fn from(ctx: &Context, user_id: Option<UserId>, origin: &Origin) -> Self {
        let (now, id) = ctx.new_id();
        Self { id, now, user_id, origin: origin.clone(), organization_id: None, additional_fields: json!({}) }
    }

    /// Of something that belongs to this organization: its auditors read the record.
    pub(crate) fn within(mut self, organization: OrganizationId) -> Self {
        self.organization_id = Some(organization);
        self
    }

    /// Of something that a job does: that stands in the place of the request.
    pub(crate) fn of_job(mut self, job: Uuid) -> Self {
        self.origin.request_id = Some(job);
        self
    }

    /// Adds what a reader of the record wants to know besides the changed fields; an object.
    pub(crate) fn with(mut self, additional_fields: Value) -> Self {
        self.additional_fields = additional_fields;
        self
    }

    /// Writes that `action` was done to a user.
    pub(crate) fn user(
        self,
        repos: &mut dyn Repositories,
        action: AuditAction,
        user: &User,
        diff: Diff,
    ) -> Result<(), StoreError> {
        let status = if action == AuditAction::Create { 201 } else { 200 };
        self.write(repos, action, status, (AuditResource::User, user.id.to_string(), user.username.clone()), diff)
    }

    /// Writes that `action` was done to a key. The id of such a record is that of the user to whom the key belongs, for
    /// clients read a UUID; the id of the key, its public part, stands among the additional fields.
    pub(crate) fn key(
        mut self,
        repos: &mut dyn Repositories,
        action: AuditAction,
        status: u16,
        key: &ApiKey,
        diff: Diff,
    ) -> Result<(), StoreError> {
        if let Value::Object(fields) = &mut self.additional_fields {
            fields.insert("key_id".to_owned(), key.id.as_str().into());
        }
        let thing = (AuditResource::ApiKey, key.user_id.to_string(), key.token_name.clone());
        self.write(repos, action, status, thing, diff)
    }

    /// Writes a record of any kind: `(resource type, id, name)`.
    pub(crate) fn write(
        self,
        repos: &mut dyn Repositories,
        action: AuditAction,
        status_code: u16,
        (resource_type, resource_id, resource_target): (AuditResource, String, String),
        diff: Diff,
    ) -> Result<(), StoreError> {
        let event = Event {
            action,
            resource_type,
            resource_id,
            resource_target,
            user_id: self.user_id,
            organization_id: self.organization_id,
            diff: diff.into_json(),
            additional_fields: self.additional_fields,
            status_code,
            origin: &self.origin,
        };
        event.write(self.id, self.now, repos)
    }
}
