//! What workspace proxies ask for themselves, by the header `Coder-External-Proxy-Token`.

use crate::conventions::Proxy;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::{HandlerResult, api_error};
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use crate::replicas::ReplicaObject;
use actix_web::http::StatusCode;
use doorward_domain::entitlements::Feature;
use doorward_domain::ids::{ReplicaId, WorkspaceId};
use doorward_domain::keys::SharedKey;
use doorward_services::workspace_proxies::own::{self, Register};
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use utoipa::ToSchema;
use uuid::Uuid;

/// Largest report of uses of apps, in bytes.
const STATS_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn routes(r: &mut Room<'_, Proxy>) {
    r.user(__path_register, register).needs_first(Feature::WorkspaceProxy);
    r.user(__path_deregister, deregister).needs_first(Feature::WorkspaceProxy);
    r.user(__path_crypto_keys, crypto_keys).needs_first(Feature::WorkspaceProxy).no_store();
    r.user(__path_app_stats, app_stats).needs_first(Feature::WorkspaceProxy).body_limit(STATS_BYTES_MAX);
    r.user(__path_coordinate, coordinate).needs_first(Feature::WorkspaceProxy);
}

/// What a server of a workspace proxy says of itself.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = RegisterWorkspaceProxyRequest)]
pub(crate) struct RegisterBody {
    /// Where browsers find the proxy: http or https, without a path.
    #[schema(required)]
    access_url: String,
    /// Host names of apps, such as `*.apps.example.com`; may be empty.
    wildcard_hostname: String,
    derp_enabled: bool,
    /// Needs `derp_enabled`.
    derp_only: bool,
    /// Another one at each start.
    #[schema(required)]
    replica_id: Option<Uuid>,
    hostname: String,
    replica_error: String,
    replica_relay_address: String,
    version: String,
}

impl From<RegisterBody> for Register {
    fn from(body: RegisterBody) -> Self {
        Self {
            access_url: body.access_url,
            wildcard_hostname: body.wildcard_hostname,
            derp_enabled: body.derp_enabled,
            derp_only: body.derp_only,
            replica_id: body.replica_id.map(ReplicaId),
            hostname: body.hostname,
            replica_error: body.replica_error,
            replica_relay_address: body.replica_relay_address,
            version: body.version,
        }
    }
}

/// What a server of a workspace proxy is told.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisterWorkspaceProxyResponse)]
pub(crate) struct RegisteredObject {
    /// Empty: this deployment relays no connections.
    derp_mesh_key: &'static str,
    derp_region_id: i32,
    derp_map: RelayMap,
    derp_force_websockets: bool,
    /// The other servers of the proxy.
    sibling_replicas: Vec<ReplicaObject>,
}

/// The relays of the network of workspaces: none.
#[derive(Serialize, ToSchema, Default)]
#[schema(as = DERPMap)]
pub(crate) struct RelayMap {
    #[serde(rename = "Regions")]
    regions: BTreeMap<String, String>,
}

/// Says where a workspace proxy is, and that one of its servers lives; to be repeated every 15 seconds.
#[utoipa::path(
    post, path = "/api/v2/workspaceproxies/me/register", tag = "workspace proxies",
    request_body = RegisterBody,
    responses((status = 201, body = RegisteredObject)),
)]
pub(crate) async fn register(mut call: Call, proxy: Principal) -> HandlerResult {
    let body: RegisterBody = call.json_of_anybody("the proxy has shown its token")?;
    let registered = own::register(call.context(), &proxy, body.into()).await?;
    Ok(created(&RegisteredObject {
        derp_mesh_key: "",
        derp_region_id: registered.region_id,
        derp_map: RelayMap::default(),
        derp_force_websockets: false,
        sibling_replicas: registered.siblings.into_iter().map(ReplicaObject::from).collect(),
    }))
}

/// A server of a workspace proxy that has ended.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = DeregisterWorkspaceProxyRequest)]
pub(crate) struct DeregisterBody {
    #[schema(required)]
    replica_id: Option<Uuid>,
}

/// Says that a server of a workspace proxy has ended.
#[utoipa::path(
    post, path = "/api/v2/workspaceproxies/me/deregister", tag = "workspace proxies",
    request_body = DeregisterBody,
    responses((status = 204, description = "Noted")),
)]
pub(crate) async fn deregister(mut call: Call, proxy: Principal) -> HandlerResult {
    let body: DeregisterBody = call.json_of_anybody("the proxy has shown its token")?;
    let id = body.replica_id.filter(|id| !id.is_nil());
    let id = id.ok_or_else(|| Error::invalid_field("replica_id", "Must be the id of the replica."))?;
    own::deregister(call.context(), &proxy, ReplicaId(id)).await?;
    Ok(no_content())
}

/// A key that workspace proxies share with this server.
#[derive(Serialize, ToSchema)]
#[schema(as = CryptoKey)]
pub(crate) struct CryptoKeyObject {
    feature: &'static str,
    /// In hexadecimal digits.
    secret: String,
    /// Until when it verifies; "never" as long as no other one replaces it.
    deletes_at: Timestamp,
    /// Later keys have larger ones.
    sequence: i32,
    /// From when on it signs.
    starts_at: Timestamp,
}

/// Keys that workspace proxies share with this server.
#[derive(Serialize, ToSchema)]
#[schema(as = CryptoKeysResponse)]
pub(crate) struct CryptoKeysObject {
    crypto_keys: Vec<CryptoKeyObject>,
}

impl CryptoKeyObject {
    fn new(feature: &'static str, key: &SharedKey) -> Self {
        let secret = key.secret.expose().iter().fold(String::new(), |mut text, byte| {
            // Writing to a text never fails.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        });
        Self {
            feature,
            secret,
            deletes_at: Timestamp::from(key.ends_at),
            sequence: key.sequence,
            starts_at: Timestamp::from(key.starts_at),
        }
    }
}

/// Shows the keys that workspace proxies share with this server.
#[utoipa::path(
    get, path = "/api/v2/workspaceproxies/me/crypto-keys", tag = "workspace proxies",
    params(("feature" = String, Query, description = "`workspace_apps_token` or `workspace_apps_api_key`")),
    responses((status = 200, body = CryptoKeysObject)),
)]
pub(crate) async fn crypto_keys(call: Call, proxy: Principal) -> HandlerResult {
    let mut query = call.query();
    let feature = query.text("feature").unwrap_or_default();
    query.done_loosely()?;
    let (feature, keys) = own::crypto_keys(call.context(), &proxy, &feature)?;
    let crypto_keys = keys.iter().map(|key| CryptoKeyObject::new(feature.as_str(), key)).collect();
    Ok(ok(&CryptoKeysObject { crypto_keys }))
}

/// One use of an app. What else proxies say of it is of no use here.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = StatsReport)]
pub(crate) struct UseBody {
    #[schema(required)]
    workspace_id: Uuid,
}

/// Uses of apps.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ReportAppStatsRequest)]
pub(crate) struct StatsBody {
    #[schema(required)]
    stats: Vec<UseBody>,
}

/// Reports uses of apps: their workspaces count as used now.
#[utoipa::path(
    post, path = "/api/v2/workspaceproxies/me/app-stats", tag = "workspace proxies",
    request_body = StatsBody,
    responses((status = 204, description = "Noted")),
)]
pub(crate) async fn app_stats(mut call: Call, proxy: Principal) -> HandlerResult {
    let body: StatsBody = call.json_of_anybody("the proxy has shown its token")?;
    let used = body.stats.into_iter().map(|entry| WorkspaceId(entry.workspace_id)).collect();
    own::note_uses(call.context(), &proxy, used).await?;
    Ok(no_content())
}

/// Connects to no coordinator: this deployment runs no network of workspaces.
#[utoipa::path(
    get, path = "/api/v2/workspaceproxies/me/coordinate", tag = "workspace proxies",
    responses((status = 501, description = "No network of workspaces is run")),
)]
pub(crate) async fn coordinate(_: Call, _: Principal) -> HandlerResult {
    let detail = "A proxy can register and is listed with its health, but connects nobody to workspaces.";
    Ok(api_error(StatusCode::NOT_IMPLEMENTED, "This deployment runs no network of workspaces.", detail))
}
