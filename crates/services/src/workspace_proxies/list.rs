//! Proxies and regions, as people see them.

use super::access::{ProxyRef, all, may_read, object};
use crate::{Context, Error, Principal, runtime_settings};
use doorward_domain::Instant;
use doorward_domain::workspace_proxies::{Health, HealthStatus, PRIMARY, PrimaryAppearance, WorkspaceProxy};
use doorward_ports::Repositories;
use uuid::Uuid;

/// A proxy, or the deployment itself as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyView {
    /// Its id; that of the deployment for itself.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// URL of a picture.
    pub icon: String,
    /// Where browsers find it; empty until it has registered.
    pub url: String,
    /// The pattern of its host names for apps, or empty.
    pub wildcard_hostname: String,
    /// Whether it relays connections.
    pub derp_enabled: bool,
    /// Whether that is all it does.
    pub derp_only: bool,
    /// How it does.
    pub health: Health,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its version.
    pub version: String,
}

/// A place where workspaces can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The id of the proxy.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// URL of a picture.
    pub icon: String,
    /// Whether people can rely on it.
    pub is_healthy: bool,
    /// Where browsers find it.
    pub url: String,
    /// The pattern of its host names for apps, or empty.
    pub wildcard_hostname: String,
}

impl ProxyView {
    /// A proxy with what this server knows of its health.
    pub(super) fn of(ctx: &Context, proxy: WorkspaceProxy, now: Instant) -> Self {
        Self {
            health: ctx.proxy_health.of(&proxy, now),
            id: proxy.id.0,
            name: proxy.name.into_string(),
            display_name: proxy.display_name,
            icon: proxy.icon,
            url: proxy.url,
            wildcard_hostname: proxy.wildcard_hostname,
            derp_enabled: proxy.derp_enabled,
            derp_only: proxy.derp_only,
            created_at: proxy.created_at,
            updated_at: proxy.updated_at,
            deleted: proxy.deleted,
            version: proxy.version,
        }
    }

    /// The deployment itself.
    pub(super) fn primary(ctx: &Context, appearance: &PrimaryAppearance, now: Instant) -> Self {
        let (display_name, icon) = appearance.shown();
        Self {
            id: ctx.server.deployment_id,
            name: PRIMARY.to_owned(),
            display_name: display_name.to_owned(),
            icon: icon.to_owned(),
            url: ctx.settings.issuer().to_owned(),
            wildcard_hostname: String::new(),
            derp_enabled: false,
            derp_only: false,
            health: Health::quiet(HealthStatus::Ok, now),
            created_at: now,
            updated_at: now,
            deleted: false,
            version: String::new(),
        }
    }
}

impl From<ProxyView> for Region {
    fn from(proxy: ProxyView) -> Self {
        Self {
            is_healthy: proxy.health.is_healthy(),
            id: proxy.id,
            name: proxy.name,
            display_name: proxy.display_name,
            icon: proxy.icon,
            url: proxy.url,
            wildcard_hostname: proxy.wildcard_hostname,
        }
    }
}

fn everything(ctx: &Context, repos: &mut dyn Repositories, now: Instant) -> Result<Vec<ProxyView>, Error> {
    let appearance = runtime_settings::find(repos, None)?.unwrap_or_default();
    let proxies = repos.workspace_proxies().list()?.into_iter().map(|proxy| ProxyView::of(ctx, proxy, now));
    Ok(std::iter::once(ProxyView::primary(ctx, &appearance, now)).chain(proxies).collect())
}

/// The deployment itself, and its proxies in the order in which they were made.
///
/// Needs `workspace_proxy:read`, which everybody has. Errors: `NotFound`, `Forbidden` (only the scope is too short).
pub async fn list(ctx: &Context, by: &Principal) -> Result<Vec<ProxyView>, Error> {
    may_read(by, &all())?;
    let context = ctx.clone();
    ctx.look(by, move |look| everything(&context, look.repos, look.now)).await
}

/// The places where workspaces can be reached: the deployment itself, and the proxies that do more than to relay connections. For everybody who is
/// signed in.
pub async fn regions(ctx: &Context, by: &Principal) -> Result<Vec<Region>, Error> {
    let context = ctx.clone();
    let all = ctx.look(by, move |look| everything(&context, look.repos, look.now)).await?;
    Ok(all.into_iter().filter(|proxy| !proxy.derp_only).map(Region::from).collect())
}

/// One proxy, or the deployment itself. A deleted one is found by its id.
///
/// Needs `workspace_proxy:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, by: &Principal, reference: &ProxyRef) -> Result<ProxyView, Error> {
    let (reference, context) = (reference.clone(), ctx.clone());
    ctx.look(by, move |look| {
        let found = reference.find(look.repos)?;
        may_read(look.by, &object(&context, found.as_ref()))?;
        let Some(proxy) = found else {
            let appearance = runtime_settings::find(look.repos, None)?.unwrap_or_default();
            return Ok(ProxyView::primary(&context, &appearance, look.now));
        };
        Ok(ProxyView::of(&context, proxy, look.now))
    })
    .await
}
