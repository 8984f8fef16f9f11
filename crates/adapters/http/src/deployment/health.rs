//! How the deployment does, for owners.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use crate::provisioners::daemons::DaemonObject;
use crate::workspace_proxies::objects::{ProxiesObject, ProxyObject};
use doorward_services::Principal;
use doorward_services::deployment::{self, Check, DaemonsCheck, Finding, HealthCheck, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_health, health);
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

/// Whether connections can be relayed.
#[derive(Serialize, ToSchema)]
#[schema(as = DERPHealthReport)]
pub(crate) struct RelayObject {
    #[serde(flatten)]
    check: CheckObject,
    /// None: this deployment relays no connections, and misses nothing.
    #[schema(value_type = Object)]
    regions: BTreeMap<String, String>,
    netcheck_logs: [String; 0],
}

/// Whether a web socket can be opened. None is tried: they lead to the access URL.
#[derive(Serialize, ToSchema)]
#[schema(as = WebsocketReport)]
pub(crate) struct WebsocketObject {
    #[serde(flatten)]
    check: CheckObject,
    body: &'static str,
    code: u16,
}

/// How provisioner daemons do.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerDaemonsReport)]
pub(crate) struct DaemonsObject {
    #[serde(flatten)]
    check: CheckObject,
    /// Those that are connected, of all organizations.
    items: Vec<DaemonItem>,
}

/// A provisioner daemon, and what is to be said of it.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerDaemonsReportItem)]
pub(crate) struct DaemonItem {
    provisioner_daemon: DaemonObject,
    warnings: Vec<FindingObject>,
}

impl From<DaemonsCheck> for DaemonsObject {
    fn from(found: DaemonsCheck) -> Self {
        let item = |daemon| DaemonItem { provisioner_daemon: DaemonObject::from(daemon), warnings: Vec::new() };
        Self { check: found.check.into(), items: found.daemons.into_iter().map(item).collect() }
    }
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
    derp: RelayObject,
    websocket: WebsocketObject,
    workspace_proxy: WorkspaceProxyObject,
    provisioner_daemons: DaemonsObject,
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
            derp: RelayObject {
                check: Check { severity: Severity::Ok, findings: Vec::new() }.into(),
                regions: BTreeMap::new(),
                netcheck_logs: [],
            },
            websocket: WebsocketObject { check: report.websocket.into(), body: "", code: 0 },
            provisioner_daemons: report.provisioner_daemons.into(),
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
