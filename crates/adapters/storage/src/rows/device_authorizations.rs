use crate::error::RowError;
use crate::schema::oauth2_device_authorizations;
use crate::types::{At, Hash, Id, ScopeText};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, DeviceAuthorizationId, UserId};
use doorward_domain::oauth2::{Authorization, DeviceAuthorization, DeviceDecision, Resource};

pub(crate) const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const DENIED: &str = "denied";

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_device_authorizations, treat_none_as_default_value = false)]
pub(crate) struct DeviceAuthorizationRow {
    id: Id<DeviceAuthorizationId>,
    prefix: String,
    digest: Hash,
    user_code: Hash,
    app_id: Id<AppId>,
    resource: Option<String>,
    scopes: ScopeText,
    ip: String,
    user_agent: String,
    created_at: At,
    expires_at: At,
    interval_seconds: i32,
    polled_at: Option<At>,
    decision: String,
    user_id: Option<Id<UserId>>,
}

/// A decision as it is stored, with who approved.
pub(crate) fn decided(decision: DeviceDecision) -> (&'static str, Option<Id<UserId>>) {
    match decision {
        DeviceDecision::Pending => (PENDING, None),
        DeviceDecision::Approved(user) => (APPROVED, Some(Id(user))),
        DeviceDecision::Denied => (DENIED, None),
    }
}

impl From<&DeviceAuthorization> for DeviceAuthorizationRow {
    fn from(asked: &DeviceAuthorization) -> Self {
        let (decision, user_id) = decided(asked.decision);
        Self {
            id: Id(asked.id),
            prefix: asked.prefix.clone(),
            digest: Hash(asked.digest),
            user_code: Hash(asked.user_code),
            app_id: Id(asked.app_id),
            resource: asked.authorization.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            scopes: ScopeText(asked.authorization.scopes.clone()),
            ip: asked.ip.clone(),
            user_agent: asked.user_agent.clone(),
            created_at: At(asked.created_at),
            expires_at: At(asked.expires_at),
            interval_seconds: asked.interval,
            polled_at: asked.polled_at.map(At),
            decision: decision.to_owned(),
            user_id,
        }
    }
}

impl TryFrom<DeviceAuthorizationRow> for DeviceAuthorization {
    type Error = RowError;

    fn try_from(row: DeviceAuthorizationRow) -> Result<Self, RowError> {
        let decision = match (row.decision.as_str(), row.user_id) {
            (PENDING, None) => DeviceDecision::Pending,
            (APPROVED, Some(user)) => DeviceDecision::Approved(user.0),
            (DENIED, None) => DeviceDecision::Denied,
            _ => return Err(RowError::new("oauth2_device_authorizations", "decision", row.id.0)),
        };
        Ok(Self {
            id: row.id.0,
            prefix: row.prefix,
            digest: row.digest.0,
            user_code: row.user_code.0,
            app_id: row.app_id.0,
            authorization: Authorization { scopes: row.scopes.0, resource: row.resource.map(Resource::from_storage) },
            ip: row.ip,
            user_agent: row.user_agent,
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            interval: row.interval_seconds,
            polled_at: row.polled_at.map(|at| at.0),
            decision,
        })
    }
}
