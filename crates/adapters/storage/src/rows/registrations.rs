use crate::schema::oauth2_registered_clients;
use crate::types::{At, Hash, Id};
use diesel::prelude::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::RegisteredClient;

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
        }
    }
}
