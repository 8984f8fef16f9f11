//! What use cases leave in the audit log.

use crate::context::{Actor, Context, Event, Origin};
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AuditId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

/// A point in time that never was, as clients know it.
const NEVER: &str = "0001-01-01T00:00:00Z";

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

    /// Writes that `action` was done to a key.
    pub(crate) fn key(
        self,
        repos: &mut dyn Repositories,
        action: AuditAction,
        status: u16,
        key: &ApiKey,
        diff: Diff,
    ) -> Result<(), StoreError> {
        self.write(repos, action, status, (AuditResource::ApiKey, key.id.to_string(), key.token_name.clone()), diff)
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
            diff: Value::Object(diff.0),
            additional_fields: self.additional_fields,
            status_code,
            origin: &self.origin,
        };
        event.write(self.id, self.now, repos)
    }
}

/// Changed fields with their old and new values; those of secrets stay empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diff(Map<String, Value>);

impl Diff {
    /// A field whose value went from `old` to `new`; nothing when they are equal.
    pub(crate) fn field(mut self, name: &str, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        if old != new {
            self.0.insert(name.to_owned(), json!({ "old": old, "new": new, "secret": false }));
        }
        self
    }

    /// A secret that changed. What it was and is, nobody learns.
    pub(crate) fn secret(mut self, name: &str) -> Self {
        self.0.insert(name.to_owned(), json!({ "old": "", "new": "", "secret": true }));
        self
    }

    /// A point in time that went from `old` to `new`; `None` is when there was or will be nothing.
    pub(crate) fn moment(self, name: &str, old: Option<Instant>, new: Option<Instant>) -> Self {
        let text = |at: Option<Instant>| match at {
            None => NEVER.to_owned(),
            Some(at) => at.format(&Rfc3339).unwrap_or_else(|_unformattable| at.to_string()),
        };
        self.field(name, text(old), text(new))
    }

    /// A user who was not there before.
    pub(crate) fn new_user(user: &User) -> Self {
        let diff = Self::default()
            .field("email", "", user.email.as_str())
            .field("username", "", user.username.as_str())
            .field("name", "", user.name.as_str())
            .field("status", "", user.status.as_str())
            .field("login_type", "", user.login_type.as_str())
            .field("rbac_roles", json!([]), user.roles.clone());
        if user.password_hash.is_some() { diff.secret("hashed_password") } else { diff }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_holds_what_changed_and_no_secret() {
        let diff = Diff::default().field("a", 1, 1).field("b", "x", "y").secret("password");
        assert_eq!(
            Value::Object(diff.0),
            json!({
                "b": { "old": "x", "new": "y", "secret": false },
                "password": { "old": "", "new": "", "secret": true },
            })
        );
    }
}
