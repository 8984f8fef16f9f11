use crate::schema::{oauth2_registered_clients, oauth2_registration_tokens};
use crate::types::{At, Hash, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, RegistrationTokenId, UserId};
use doorward_domain::oauth2::{InitialAccessToken, RegisteredClient, RegistrationLimits};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = oauth2_registered_clients, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct RegisteredClientRow {
    app_id: Id<AppId>,
    identity: Option<Hash>,
    shared: bool,
    adopted: bool,
    metadata: String,
    #[diesel(skip_update)]
    created_from: String,
    #[diesel(skip_update)]
    created_at: At,
    matched_at: At,
    #[diesel(skip_update)]
    granted_at: Option<At>,
    #[diesel(skip_update)]
    limits: Json<RegistrationLimits>,
}

impl From<&RegisteredClient> for RegisteredClientRow {
    fn from(client: &RegisteredClient) -> Self {
        Self {
            app_id: Id(client.app_id),
            identity: client.identity.map(Hash),
            shared: client.shared,
            adopted: client.adopted,
            metadata: client.metadata.clone(),
            created_from: client.created_from.clone(),
            created_at: At(client.created_at),
            matched_at: At(client.matched_at),
            granted_at: client.granted_at.map(At),
            limits: Json(client.limits.clone()),
        }
    }
}

impl From<RegisteredClientRow> for RegisteredClient {
    fn from(row: RegisteredClientRow) -> Self {
        Self {
            app_id: row.app_id.0,
            identity: row.identity.map(|digest| digest.0),
            shared: row.shared,
            adopted: row.adopted,
            metadata: row.metadata,
            created_from: row.created_from,
            created_at: row.created_at.0,
            matched_at: row.matched_at.0,
            granted_at: row.granted_at.map(|at| at.0),
            limits: row.limits.0,
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_registration_tokens, treat_none_as_default_value = false)]
pub(crate) struct InitialTokenRow {
    id: Id<RegistrationTokenId>,
    name: String,
    prefix: String,
    digest: Hash,
    created_by: Option<Id<UserId>>,
    created_at: At,
    expires_at: At,
    max_uses: Option<i32>,
    uses: i32,
    limits: Json<RegistrationLimits>,
}

impl From<&InitialAccessToken> for InitialTokenRow {
    fn from(token: &InitialAccessToken) -> Self {
        Self {
            id: Id(token.id),
            name: token.name.clone(),
            prefix: token.prefix.clone(),
            digest: Hash(token.digest),
            created_by: token.created_by.map(Id),
            created_at: At(token.created_at),
            expires_at: At(token.expires_at),
            max_uses: token.max_uses,
            uses: token.uses,
            limits: Json(token.limits.clone()),
        }
    }
}

impl From<InitialTokenRow> for InitialAccessToken {
    fn from(row: InitialTokenRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            prefix: row.prefix,
            digest: row.digest.0,
            created_by: row.created_by.map(|id| id.0),
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            max_uses: row.max_uses,
            uses: row.uses,
            limits: row.limits.0,
        }
    }
}
