//! Whether the server is there, well, and of which version (`identity.md` 7.2).

use crate::conventions::{Api, Page};
use crate::kit::answer::{self, Message, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::limits::Limit;
use crate::kit::readiness::Defect;
use crate::kit::routes::Routes;
use crate::kit::settings::Gauge;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use doorward_domain::provisioners::ApiVersion;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.public(__path_health, health).limit(Limit::Off);
    r.public(__path_ready, ready).limit(Limit::Off);
    let mut r = routes.of(&Api);
    r.public(__path_greeting, greeting);
    r.public(__path_build_info, build_info);
}

/// Greets.
#[utoipa::path(get, path = "/api/v2/", tag = "status", responses((status = 200, body = Message)))]
pub(crate) async fn greeting(_: Call) -> HandlerResult {
    Ok(message("👋"))
}

/// What server this is.
#[derive(Serialize, ToSchema)]
#[schema(as = BuildInfoResponse)]
pub(crate) struct BuildInfo<'a> {
    external_url: &'a str,
    /// The release of Coder whose API is spoken, then our own version: `v2.24.4+doorward.0.1.0`.
    version: &'a str,
    /// Our own version.
    doorward_version: &'a str,
    dashboard_url: &'a str,
    telemetry: bool,
    workspace_proxy: bool,
    agent_api_version: &'a str,
    provisioner_api_version: &'a str,
    /// What command lines print whose version is another one.
    upgrade_message: &'a str,
    /// Always: this server is an authorization server.
    oauth2_provider: bool,
    deployment_id: &'a str,
}

/// Shows what server this is.
#[utoipa::path(get, path = "/api/v2/buildinfo", tag = "status", responses((status = 200, body = BuildInfo)))]
pub(crate) async fn build_info(call: Call) -> HandlerResult {
    let url = call.context().settings.issuer();
    let own = &call.site.settings.version;
    let compatible = &call.site.settings.compatibility.version;
    let upgrade_message = format!(
        "This server is Doorward {own}, which speaks the API of Coder {compatible}: command lines from 2.24 to 2.38 work with \
         its users, organizations, groups, roles and tokens. To silence this, set CODER_NO_VERSION_WARNING=true."
    );
    Ok(ok(&BuildInfo {
        external_url: url,
        version: &call.site.build_version,
        doorward_version: own,
        dashboard_url: url,
        telemetry: false,
        workspace_proxy: false,
        agent_api_version: "2.7",
        provisioner_api_version: &ApiVersion::CURRENT.to_string(),
        upgrade_message: &upgrade_message,
        oauth2_provider: true,
        deployment_id: &call.site.settings.deployment_id,
    }))
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "status",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(crate) async fn health(_: Call) -> HandlerResult {
    Ok(answer::text(StatusCode::OK, "OK"))
}

/// Whether the server can serve: its database answers and takes changes. The body says what is wrong.
#[utoipa::path(
    get, path = "/readyz", tag = "status",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain"),
    ),
)]
pub(crate) async fn ready(call: Call) -> HandlerResult {
    let text = match call.site.readiness.look(call.context()).await {
        Ok(()) => return Ok(answer::text(StatusCode::OK, "OK")),
        Err(Defect::Outage(outage)) => outage.to_string(),
        Err(Defect::Broken) => "the database fails; the log says why".to_owned(),
    };
    Ok(answer::bytes(StatusCode::SERVICE_UNAVAILABLE, answer::TEXT, text.into()))
}

/// Shows metrics in the text format of Prometheus. Not among the routes of the site: it has an address of its own.
pub(crate) fn metrics(site: &Site) -> HttpResponse {
    let mut gauges = site.settings.gauges.clone();
    let connected = site.daemons.connected();
    let help = "Provisioner daemons that are connected to this server.";
    gauges.push(Gauge::new("provisioner_daemons_connected", help, move || f64::from(connected)));
    match site.metrics.text(&gauges) {
        Ok(text) => {
            let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            answer::bytes(StatusCode::OK, content_type, text.into())
        }
        Err(error) => {
            tracing::error!(%error, "writing the metrics");
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written")
        }
    }
}
