//! The settings of this server and its numbers, for owners.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use crate::kit::settings::SettingOption;
use doorward_services::Principal;
use doorward_services::deployment::{self, Stats};
use serde::Serialize;
use std::collections::BTreeMap;
use time::Duration;
use utoipa::ToSchema;

/// After so long somebody who shows the numbers may ask again.
const STATS_GOOD_FOR: Duration = Duration::MINUTE;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_config, config).no_store();
    r.user(__path_stats, stats);
}

/// The settings of the server that answers.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentConfig)]
pub(crate) struct ConfigObject<'a> {
    /// Empty: the settings of this server are not those of others.
    config: BTreeMap<String, String>,
    options: &'a [SettingOption],
}

/// Shows the settings that are in force on the server that answers. Secrets are left blank.
#[utoipa::path(
    get, path = "/api/v2/deployment/config", tag = "deployment",
    responses((status = 200, body = ConfigObject)),
)]
pub(crate) async fn config(call: Call, actor: Principal) -> HandlerResult {
    deployment::may_read_config(&actor)?;
    Ok(ok(&ConfigObject { config: BTreeMap::new(), options: &call.site.settings.options }))
}

/// How many workspaces do what, and what goes over their network: nothing, for there is none.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentStats)]
pub(crate) struct StatsObject {
    aggregated_from: Timestamp,
    collected_at: Timestamp,
    /// When it is worth asking again.
    next_update_at: Timestamp,
    workspaces: WorkspacesObject,
    session_count: SessionsObject,
}

/// How many workspaces do what.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceDeploymentStats)]
pub(crate) struct WorkspacesObject {
    pending: u64,
    building: u64,
    running: u64,
    failed: u64,
    stopped: u64,
    connection_latency_ms: LatencyObject,
    rx_bytes: u64,
    tx_bytes: u64,
}

/// How long connections to workspaces take.
#[derive(Serialize, ToSchema, Default)]
#[schema(as = WorkspaceConnectionLatencyMS)]
pub(crate) struct LatencyObject {
    #[serde(rename = "P50")]
    half: u64,
    #[serde(rename = "P95")]
    most: u64,
}

/// How many sessions in workspaces there are.
#[derive(Serialize, ToSchema, Default)]
#[schema(as = SessionCountDeploymentStats)]
pub(crate) struct SessionsObject {
    vscode: u64,
    ssh: u64,
    jetbrains: u64,
    reconnecting_pty: u64,
}

impl From<Stats> for StatsObject {
    fn from(stats: Stats) -> Self {
        let at = Timestamp::from(stats.collected_at);
        Self {
            aggregated_from: at,
            collected_at: at,
            next_update_at: Timestamp::from(stats.collected_at + STATS_GOOD_FOR),
            workspaces: WorkspacesObject {
                pending: stats.pending,
                building: 0,
                running: stats.running,
                failed: stats.failed,
                stopped: stats.stopped,
                connection_latency_ms: LatencyObject::default(),
                rx_bytes: 0,
                tx_bytes: 0,
            },
            session_count: SessionsObject::default(),
        }
    }
}

/// Counts the workspaces.
#[utoipa::path(
    get, path = "/api/v2/deployment/stats", tag = "deployment",
    responses((status = 200, body = StatsObject)),
)]
pub(crate) async fn stats(call: Call, actor: Principal) -> HandlerResult {
    Ok(ok(&StatsObject::from(deployment::stats(call.context(), &actor).await?)))
}
