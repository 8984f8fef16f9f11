//! Workspace proxies and regions (`enterprise-platform.md` 8).

pub(crate) mod apps;
pub(crate) mod objects;
pub(crate) mod own;

use crate::conventions::{Api, Proxy};
use crate::kit::answer::{Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::Principal;
use doorward_services::intent::Intent;
use doorward_services::workspace_proxies::{self, ProxyRef};
use objects::{CreateBody, ProxiesObject, ProxyObject, RegionObject, RegionsObject, UpdateBody, WithToken};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Proxy);
    own::routes(&mut r);
    apps::routes(&mut r);
    let mut r = routes.of(&Api);
    r.user(__path_regions, regions);
    r.user(__path_list, list).needs_first(Feature::WorkspaceProxy);
    r.user(__path_create, create).needs_first(Feature::WorkspaceProxy).no_store();
    r.user(__path_find, find).needs_first(Feature::WorkspaceProxy);
    r.user(__path_update, update).needs_first(Feature::WorkspaceProxy).no_store();
    r.user(__path_delete, delete).needs_first(Feature::WorkspaceProxy);
}

/// The proxy that the path names.
fn named(call: &Call) -> ProxyRef {
    ProxyRef::parse(&call.segment("workspaceproxy"), call.context().server.deployment_id)
}

/// Lists the places where workspaces can be reached: this deployment, and its proxies.
#[utoipa::path(
    get, path = "/api/v2/regions", tag = "workspace proxies",
    responses((status = 200, body = RegionsObject)),
)]
pub(crate) async fn regions(call: Call, actor: Principal) -> HandlerResult {
    let all = workspace_proxies::regions(call.context(), &actor).await?;
    Ok(ok(&RegionsObject { regions: all.into_iter().map(RegionObject::from).collect() }))
}

/// Lists this deployment and its workspace proxies, with how they do.
#[utoipa::path(
    get, path = "/api/v2/workspaceproxies", tag = "workspace proxies",
    responses((status = 200, body = ProxiesObject)),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let all = workspace_proxies::list(call.context(), &actor).await?;
    Ok(ok(&ProxiesObject::new(all.into_iter().map(ProxyObject::from).collect())))
}

/// Makes a workspace proxy, with its token, which is shown this once.
#[utoipa::path(
    post, path = "/api/v2/workspaceproxies", tag = "workspace proxies",
    request_body = CreateBody,
    responses((status = 201, body = WithToken)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateBody =
        call.json_for(&actor, Intent::Anywhere(Action::Create, ResourceType::WorkspaceProxy)).await?;
    let (proxy, token) = workspace_proxies::create(call.context(), &actor, body.into()).await?;
    Ok(created(&WithToken { proxy: proxy.into(), proxy_token: token.into_exposed() }))
}

/// Shows a workspace proxy.
#[utoipa::path(
    get, path = "/api/v2/workspaceproxies/{workspaceproxy}", tag = "workspace proxies",
    params(("workspaceproxy" = String, Path, description = "Id, name or `primary`")),
    responses((status = 200, body = ProxyObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let proxy = workspace_proxies::find(call.context(), &actor, &named(&call)).await?;
    Ok(ok(&ProxyObject::from(proxy)))
}

/// Changes a workspace proxy; an empty display name or icon stays as it is. A new token is shown this once.
#[utoipa::path(
    patch, path = "/api/v2/workspaceproxies/{workspaceproxy}", tag = "workspace proxies",
    params(("workspaceproxy" = String, Path, description = "Id, name or `primary`")),
    request_body = UpdateBody,
    responses((status = 200, body = WithToken)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let body: UpdateBody = call.json_for(&actor, Intent::WorkspaceProxy(named(&call), Action::Update)).await?;
    let (proxy, token) = workspace_proxies::update(call.context(), &actor, &named(&call), body.into()).await?;
    let proxy_token = token.map(doorward_domain::Secret::into_exposed).unwrap_or_default();
    Ok(ok(&WithToken { proxy: proxy.into(), proxy_token }))
}

/// Deletes a workspace proxy: its token is good for nothing any more.
#[utoipa::path(
    delete, path = "/api/v2/workspaceproxies/{workspaceproxy}", tag = "workspace proxies",
    params(("workspaceproxy" = String, Path, description = "Id or name")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    workspace_proxies::delete(call.context(), &actor, &named(&call)).await?;
    Ok(message("Proxy has been deleted!"))
}
