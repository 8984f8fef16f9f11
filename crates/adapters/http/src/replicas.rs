//! The servers of the deployment (`enterprise-platform.md` 7).

use crate::conventions::{Api, Page};
use crate::kit::answer::{self, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use doorward_domain::replicas::Replica;
use doorward_services::{Principal, replicas};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    let mut r = routes.of(&Page);
    r.public(__path_latency_check, latency_check).limit(Limit::Off);
}

/// A server of the deployment, or of a workspace proxy.
#[derive(Serialize, ToSchema)]
#[schema(as = Replica)]
pub(crate) struct ReplicaObject {
    /// Another one at each start.
    id: Uuid,
    hostname: String,
    created_at: Timestamp,
    /// Where others reach it directly, or empty.
    relay_address: String,
    region_id: i32,
    /// What it has to complain of, or empty.
    error: String,
    /// How long the database takes to answer it, in microseconds.
    database_latency: i64,
}

impl From<Replica> for ReplicaObject {
    fn from(replica: Replica) -> Self {
        Self {
            id: replica.id.0,
            hostname: replica.hostname,
            created_at: Timestamp::from(replica.created_at),
            relay_address: replica.relay_address,
            region_id: replica.region_id,
            error: replica.error,
            database_latency: i64::try_from(replica.database_latency.whole_microseconds()).unwrap_or(i64::MAX),
        }
    }
}

/// Lists the servers of the deployment that others can reach, and the one that answers, which comes last.
#[utoipa::path(get, path = "/api/v2/replicas", tag = "replicas", responses((status = 200, body = [ReplicaObject])))]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let all = replicas::list(call.context(), &actor).await?;
    Ok(ok(&all.into_iter().map(ReplicaObject::from).collect::<Vec<_>>()))
}

/// Answers: other servers of the deployment ask whether they reach this one.
#[utoipa::path(
    get, path = "/derp/latency-check", tag = "status",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(crate) async fn latency_check(_: Call) -> HandlerResult {
    Ok(answer::text(StatusCode::OK, "OK"))
}
