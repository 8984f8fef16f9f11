use crate::error::RowError;
use crate::schema::{federated_sessions, user_links};
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::UserId;
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::{FederatedSession, UserLink};
use serde_json::{Map, Value};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = user_links)]
pub(crate) struct UserLinkRow {
    issuer: String,
    subject: String,
    user_id: Id<UserId>,
    login_type: String,
    pub(crate) provider: String,
    pub(crate) email_verified: bool,
    pub(crate) claims: Json<Map<String, Value>>,
    created_at: At,
    pub(crate) updated_at: At,
    pub(crate) is_main: bool,
}

impl From<&UserLink> for UserLinkRow {
    fn from(link: &UserLink) -> Self {
        Self {
            issuer: link.issuer.clone(),
            subject: link.subject.clone(),
            user_id: Id(link.user_id),
            login_type: link.login_type.as_str().to_owned(),
            provider: link.provider.clone(),
            email_verified: link.email_verified,
            claims: Json(link.claims.clone()),
            created_at: At(link.created_at),
            updated_at: At(link.updated_at),
            is_main: link.is_main,
        }
    }
}

impl TryFrom<UserLinkRow> for UserLink {
    type Error = RowError;

    fn try_from(row: UserLinkRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("user_links", column, row.user_id.0);
        Ok(Self {
            login_type: row.login_type.parse().map_err(|cause| bad("login_type").because(cause))?,
            user_id: row.user_id.0,
            provider: row.provider,
            issuer: row.issuer,
            subject: row.subject,
            email_verified: row.email_verified,
            claims: row.claims.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            is_main: row.is_main,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = federated_sessions)]
pub(crate) struct FederatedSessionRow {
    key_id: String,
    provider: String,
    issuer: String,
    subject: String,
    upstream_sid: Option<String>,
    auth_time: At,
    amr: Json<Vec<String>>,
    acr: String,
    pub(crate) id_token: Option<Vec<u8>>,
}

impl TryFrom<FederatedSessionRow> for FederatedSession {
    type Error = RowError;

    fn try_from(row: FederatedSessionRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("federated_sessions", column, &row.key_id);
        Ok(Self {
            key_id: ApiKeyId::new(row.key_id.clone()).map_err(|cause| bad("key_id").because(cause))?,
            provider: row.provider,
            issuer: row.issuer,
            subject: row.subject,
            upstream_sid: row.upstream_sid,
            auth_time: row.auth_time.0,
            amr: row.amr.0,
            acr: row.acr,
        })
    }
}
