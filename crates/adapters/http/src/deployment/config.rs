//! The settings of this server, its numbers and its health, for owners.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use crate::kit::settings::SettingOption;
use crate::workspace_proxies::objects::{ProxiesObject, ProxyObject};
use doorward_services::Principal;
use doorward_services::deployment::{self, Check, Finding, HealthCheck, Severity, Stats};
use serde::Serialize;
use std::collections::BTreeMap;
use time::Duration;
use utoipa::ToSchema;

/// After so long somebody who shows the numbers may ask again.
const STATS_GOOD_FOR: Duration = Duration::MINUTE;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_config, config).no_store();
    r.user(__path_stats, stats);
    r.user(__path_health, health);
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

/// Something to be said.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthMessage)]
pub(crate) struct FindingObject {
    code: &'static str,
    message: String,
}

impl From<Finding> for FindingObject {
    fn from(finding: Finding) -> Self {
        Self { code: finding.code, message: finding.message }
    }
}

/// What came of a look at one thing.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthSection)]
pub(crate) struct CheckObject {
    healthy: bool,
    /// `ok`, `warning` or `error`.
    severity: &'static str,
    warnings: Vec<FindingObject>,
    /// What does not work, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    dismissed: bool,
}

impl From<Check> for CheckObject {
    fn from(check: Check) -> Self {
        let is_broken = check.severity == Severity::Error;
        let words: Vec<&str> = check.findings.iter().map(|finding| finding.message.as_str()).collect();
        Self {
            healthy: !is_broken,
            severity: check.severity.as_str(),
            error: is_broken.then(|| words.join(" ")),
            warnings: check.findings.into_iter().map(FindingObject::from).collect(),
            dismissed: false,
        }
    }
}

/// Whether the server finds itself under its access URL.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessURLReport)]
pub(crate) struct AccessUrlObject {
    #[serde(flatten)]
    check: CheckObject,
    access_url: String,
    reachable: bool,
    status_code: u16,
    healthz_response: String,
}

/// How the database does.
#[derive(Serialize, ToSchema)]
#[schema(as = DatabaseReport)]
pub(crate) struct DatabaseObject {
    #[serde(flatten)]
    check: CheckObject,
    reachable: bool,
    latency: String,
    latency_ms: u64,
    threshold_ms: u64,
}

/// How workspace proxies do.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceProxyReport)]
pub(crate) struct WorkspaceProxyObject {
    #[serde(flatten)]
    check: CheckObject,
    workspace_proxies: ProxiesObject,
}

/// How the deployment does, as far as the server that answers can tell.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthcheckReport)]
pub(crate) struct HealthObject {
    time: Timestamp,
    healthy: bool,
    severity: &'static str,
    access_url: AccessUrlObject,
    database: DatabaseObject,
    workspace_proxy: WorkspaceProxyObject,
    /// The keys of the server, its background jobs, the servers beside it.
    server: CheckObject,
    coder_version: String,
}

impl HealthObject {
    fn new(report: HealthCheck, access_url: &str, version: &str) -> Self {
        let severity = report.severity();
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (reached, database) = (report.access_url, report.database);
        let proxies = report.workspace_proxies.proxies.into_iter().map(ProxyObject::from).collect();
        Self {
            time: Timestamp::from(report.time),
            healthy: severity != Severity::Error,
            severity: severity.as_str(),
            access_url: AccessUrlObject {
                check: reached.check.into(),
                access_url: access_url.to_owned(),
                reachable: reached.is_reachable,
                status_code: reached.status,
                healthz_response: reached.answer,
            },
            database: DatabaseObject {
                check: database.check.into(),
                reachable: database.is_reachable,
                latency: format!("{:?}", database.latency),
                latency_ms: millis(database.latency),
                threshold_ms: millis(database.threshold),
            },
            workspace_proxy: WorkspaceProxyObject {
                check: report.workspace_proxies.check.into(),
                workspace_proxies: ProxiesObject::new(proxies),
            },
            server: report.server.into(),
            coder_version: version.to_owned(),
        }
    }
}

/// Looks how the deployment does.
#[utoipa::path(
    get, path = "/api/v2/debug/health", tag = "deployment",
    responses((status = 200, body = HealthObject)),
)]
pub(crate) async fn health(call: Call, actor: Principal) -> HandlerResult {
    let report = deployment::health(call.context(), &actor).await?;
    Ok(ok(&HealthObject::new(report, call.context().settings.issuer(), &call.site.build_version)))
}
