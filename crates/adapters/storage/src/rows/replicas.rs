use crate::schema::replicas;
use crate::types::{At, Id};
use diesel::prelude::*;
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::replicas::Replica;
use time::Duration;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = replicas)]
pub(crate) struct ReplicaRow {
    id: Id<ReplicaId>,
    proxy_id: Id<WorkspaceProxyId>,
    created_at: At,
    started_at: At,
    stopped_at: Option<At>,
    updated_at: At,
    hostname: String,
    region_id: i32,
    relay_address: String,
    version: String,
    error: String,
    database_latency: i64,
}

impl From<ReplicaRow> for Replica {
    fn from(row: ReplicaRow) -> Self {
        Self {
            id: row.id.0,
            proxy_id: Some(row.proxy_id.0).filter(|id| *id != WorkspaceProxyId::NIL),
            created_at: row.created_at.0,
            started_at: row.started_at.0,
            stopped_at: row.stopped_at.map(|at| at.0),
            updated_at: row.updated_at.0,
            hostname: row.hostname,
            region_id: row.region_id,
            relay_address: row.relay_address,
            version: row.version,
            error: row.error,
            database_latency: Duration::microseconds(row.database_latency),
        }
    }
}
