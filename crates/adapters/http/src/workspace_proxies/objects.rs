//! Proxies and regions as they are sent.

use crate::kit::json::Timestamp;
use doorward_domain::workspace_proxies::Health;
use doorward_services::workspace_proxies::{CreateProxy, ProxyView, Region, UpdateProxy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A workspace proxy, or this deployment as one.
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own, as clients know them")]
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceProxy)]
pub(crate) struct ProxyObject {
    id: Uuid,
    name: String,
    display_name: String,
    icon_url: String,
    /// Whether its status is `ok`.
    healthy: bool,
    /// Where browsers find it; empty until it has registered.
    path_app_url: String,
    wildcard_hostname: String,
    derp_enabled: bool,
    derp_only: bool,
    status: StatusObject,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted: bool,
    version: String,
}

/// How a workspace proxy does, as far as the server that answers has seen.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceProxyStatus)]
pub(crate) struct StatusObject {
    /// `ok`, `unreachable`, `unhealthy`, `unregistered`, or `unknown` before it was asked.
    status: &'static str,
    report: ReportObject,
    /// When it was asked; "never" if it was not.
    checked_at: Timestamp,
}

/// What is wrong with a workspace proxy.
#[derive(Serialize, ToSchema)]
#[schema(as = ProxyHealthReport)]
pub(crate) struct ReportObject {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl From<Health> for StatusObject {
    fn from(health: Health) -> Self {
        Self {
            status: health.status.as_str(),
            report: ReportObject { errors: health.report.errors, warnings: health.report.warnings },
            checked_at: Timestamp::from(health.checked_at),
        }
    }
}

impl From<ProxyView> for ProxyObject {
    fn from(proxy: ProxyView) -> Self {
        Self {
            id: proxy.id,
            name: proxy.name,
            display_name: proxy.display_name,
            icon_url: proxy.icon,
            healthy: proxy.health.is_healthy(),
            path_app_url: proxy.url,
            wildcard_hostname: proxy.wildcard_hostname,
            derp_enabled: proxy.derp_enabled,
            derp_only: proxy.derp_only,
            status: proxy.health.into(),
            created_at: Timestamp::from(proxy.created_at),
            updated_at: Timestamp::from(proxy.updated_at),
            deleted: proxy.deleted,
            version: proxy.version,
        }
    }
}

/// This deployment and its workspace proxies.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceProxiesResponse)]
pub(crate) struct ProxiesObject {
    regions: Vec<ProxyObject>,
}

impl ProxiesObject {
    pub(crate) fn new(regions: Vec<ProxyObject>) -> Self {
        Self { regions }
    }
}

/// A workspace proxy with its token.
#[derive(Serialize, ToSchema)]
#[schema(as = UpdateWorkspaceProxyResponse)]
pub(crate) struct WithToken {
    pub(super) proxy: ProxyObject,
    /// What the proxy presents; empty unless it is new.
    pub(super) proxy_token: String,
}

/// A place where workspaces can be reached.
#[derive(Serialize, ToSchema)]
#[schema(as = Region)]
pub(crate) struct RegionObject {
    id: Uuid,
    name: String,
    display_name: String,
    icon_url: String,
    healthy: bool,
    path_app_url: String,
    wildcard_hostname: String,
}

impl From<Region> for RegionObject {
    fn from(region: Region) -> Self {
        Self {
            id: region.id,
            name: region.name,
            display_name: region.display_name,
            icon_url: region.icon,
            healthy: region.is_healthy,
            path_app_url: region.url,
            wildcard_hostname: region.wildcard_hostname,
        }
    }
}

/// Where workspaces can be reached.
#[derive(Serialize, ToSchema)]
#[schema(as = RegionsResponse)]
pub(crate) struct RegionsObject {
    pub(super) regions: Vec<RegionObject>,
}

/// A workspace proxy that is to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateWorkspaceProxyRequest)]
pub(crate) struct CreateBody {
    /// At most 64 bytes, unique without regard to letter case; neither `primary` nor an id.
    #[schema(required)]
    name: String,
    display_name: String,
    icon: String,
}

impl From<CreateBody> for CreateProxy {
    fn from(body: CreateBody) -> Self {
        Self { name: body.name, display_name: body.display_name, icon: body.icon }
    }
}

/// Changes of a workspace proxy.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchWorkspaceProxy)]
pub(crate) struct UpdateBody {
    #[schema(required)]
    name: String,
    /// Empty: it stays as it is.
    display_name: String,
    /// Empty: it stays as it is.
    icon: String,
    regenerate_token: bool,
}

impl From<UpdateBody> for UpdateProxy {
    fn from(body: UpdateBody) -> Self {
        Self {
            name: body.name,
            display_name: body.display_name,
            icon: body.icon,
            regenerate_token: body.regenerate_token,
        }
    }
}
