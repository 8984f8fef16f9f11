//! What Coder's dashboards, extensions and command lines ask about the deployment, and what is the same on every server of
//! ours: no experiments, no workspace network.

pub(crate) mod config;
pub(crate) mod health;
mod overview;

use crate::conventions::Api;
use crate::kit::answer::{Message, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_services::Principal;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_experiments, experiments);
    r.user(__path_available_experiments, available_experiments);
    r.public(__path_update_check, update_check);
    r.user(__path_app_host, app_host);
    r.user(__path_ssh, ssh);
    config::routes(&mut r);
    overview::routes(&mut r);
    health::routes(&mut r);
    r.public(__path_csp_reports, csp_reports).for_any_site();
}

/// Lists the experiments that are switched on: none.
#[utoipa::path(get, path = "/api/v2/experiments", tag = "deployment", responses((status = 200, body = [String])))]
pub(crate) async fn experiments(_: Call, _: Principal) -> HandlerResult {
    Ok(ok(&[(); 0]))
}

/// Experiments that can be switched on.
#[derive(Serialize, ToSchema)]
#[schema(as = AvailableExperiments)]
pub(crate) struct AvailableExperiments {
    safe: [String; 0],
}

/// Lists the experiments that can be switched on: none.
#[utoipa::path(
    get, path = "/api/v2/experiments/available", tag = "deployment",
    responses((status = 200, body = AvailableExperiments)),
)]
pub(crate) async fn available_experiments(_: Call, _: Principal) -> HandlerResult {
    Ok(ok(&AvailableExperiments { safe: [] }))
}

/// Whether there is a newer version.
#[derive(Serialize, ToSchema)]
#[schema(as = UpdateCheckResponse)]
pub(crate) struct UpdateCheck<'a> {
    current: bool,
    version: &'a str,
    url: &'static str,
}

/// Whether there is a newer version: this server asks nobody, so it says that there is none.
#[utoipa::path(get, path = "/api/v2/updatecheck", tag = "deployment", responses((status = 200, body = UpdateCheck)))]
pub(crate) async fn update_check(call: Call) -> HandlerResult {
    Ok(ok(&UpdateCheck { current: true, version: &call.site.build_version, url: "" }))
}

/// Under which host name apps of workspaces are served.
#[derive(Serialize, ToSchema)]
#[schema(as = AppHostResponse)]
pub(crate) struct AppHost {
    host: &'static str,
}

/// Shows under which host name apps of workspaces are served: none.
#[utoipa::path(get, path = "/api/v2/applications/host", tag = "deployment", responses((status = 200, body = AppHost)))]
pub(crate) async fn app_host(_: Call, _: Principal) -> HandlerResult {
    Ok(ok(&AppHost { host: "" }))
}

/// How command lines write their SSH configuration.
#[derive(Serialize, ToSchema)]
#[schema(as = SSHConfigResponse)]
pub(crate) struct SshConfig {
    hostname_prefix: &'static str,
    hostname_suffix: &'static str,
    #[serde(rename = "ssh_config_options")]
    options: BTreeMap<String, String>,
}

/// Shows how command lines write their SSH configuration.
#[utoipa::path(get, path = "/api/v2/deployment/ssh", tag = "deployment", responses((status = 200, body = SshConfig)))]
pub(crate) async fn ssh(_: Call, _: Principal) -> HandlerResult {
    Ok(ok(&SshConfig { hostname_prefix: "coder.", hostname_suffix: "coder", options: BTreeMap::new() }))
}

/// Takes what browsers report of pages that broke their content security policy, and forgets it. Browsers send it without
/// any proof of who they are.
#[utoipa::path(post, path = "/api/v2/csp/reports", tag = "deployment", responses((status = 200, body = Message)))]
pub(crate) async fn csp_reports(mut call: Call) -> HandlerResult {
    // What cannot be read is refused here too.
    call.bytes(usize::MAX)?;
    Ok(message("ok"))
}
