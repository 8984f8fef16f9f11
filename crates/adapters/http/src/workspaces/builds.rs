//! Builds by themselves.

use super::objects::{BuildObject, ParameterValueObject, TimingsObject, WorkspaceObject};
use crate::conventions::Api;
use crate::kit::answer::{self, Message, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use crate::provisioner_jobs::follow;
use crate::provisioner_jobs::objects::LogObject;
use crate::provisioner_jobs::resources::ResourceObject;
use actix_web::HttpResponse;
use actix_web::http::header;
use doorward_domain::ids::BuildId;
use doorward_services::{Context, Error, Principal, workspaces};

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_find_by_name, find_by_name);
    r.user(__path_find_by_number, find_by_number);
    r.user(__path_find_build, find_build);
    r.user(__path_build_logs, build_logs).opens_socket();
    r.user(__path_build_resources, build_resources);
    r.user(__path_build_timings, build_timings);
    r.user(__path_latest_timings, latest_timings);
    r.user(__path_build_parameters, build_parameters);
    r.user(__path_build_state, build_state).no_store();
    r.user(__path_cancel_build, cancel_build);
}

/// Shows the workspace of a user that has this name.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/workspace/{workspacename}", tag = "workspaces",
    operation_id = "find_workspace_by_name",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("workspacename" = String, Path, description = "Name of the workspace"),
        ("include_deleted" = Option<bool>, Query, description = "Whether one that is deleted is shown too"),
    ),
    responses((status = 200, body = WorkspaceObject)),
)]
pub(crate) async fn find_by_name(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let deleted = query.flag("include_deleted");
    query.done_loosely()?;
    let name = call.segment("workspacename");
    let workspace = workspaces::find_by_name(call.context(), &actor, &call.user(), &name, deleted).await?;
    Ok(ok(&WorkspaceObject::from(workspace)))
}

/// Shows the build of a workspace that has this number.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/workspace/{workspacename}/builds/{buildnumber}", tag = "workspaces",
    operation_id = "find_build_by_number",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("workspacename" = String, Path, description = "Name of the workspace"),
        ("buildnumber" = i32, Path, description = "Number of the build"),
    ),
    responses((status = 200, body = BuildObject)),
)]
pub(crate) async fn find_by_number(call: Call, actor: Principal) -> HandlerResult {
    let (name, number) = (call.segment("workspacename"), call.segment("buildnumber"));
    let number = number.parse::<i32>().map_err(|error| {
        Error::invalid_because(
            format!("Failed to parse build number {number:?} as a 32-bit integer."),
            error.to_string(),
        )
    })?;
    let found = workspaces::find_by_number(call.context(), &actor, &call.user(), &name, number).await?;
    Ok(ok(&BuildObject::with_resources(&found)))
}

/// Shows a build with what it has made.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}", tag = "workspaces",
    operation_id = "find_build",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, body = BuildObject)),
)]
pub(crate) async fn find_build(call: Call, actor: Principal) -> HandlerResult {
    let found = workspaces::find_build(call.context(), &actor, call.id("workspacebuild")?).await?;
    Ok(ok(&BuildObject::with_resources(&found)))
}

/// The log of a build; with `follow` a WebSocket, on which each line is a message, until the build is over.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}/logs", tag = "workspaces",
    operation_id = "build_logs",
    params(
        ("workspacebuild" = Uuid, Path, description = "Id"),
        ("after" = Option<i64>, Query, description = "Only lines with larger numbers"),
        ("follow" = Option<bool>, Query, description = "Whether to wait for more"),
    ),
    responses((status = 200, body = [LogObject]), (status = 101, description = "Followed")),
)]
pub(crate) async fn build_logs(call: Call, actor: Principal) -> HandlerResult {
    let id: BuildId = call.id("workspacebuild")?;
    follow::logs(call, actor, async move |context: &Context, actor: &Principal, after| {
        workspaces::build_logs(context, actor, id, after).await
    })
    .await
}

/// What a build has made.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}/resources", tag = "workspaces",
    operation_id = "build_resources",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ResourceObject])),
)]
pub(crate) async fn build_resources(call: Call, actor: Principal) -> HandlerResult {
    let found = workspaces::build_resources(call.context(), &actor, call.id("workspacebuild")?).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.into_iter().map(ResourceObject::from).collect::<Vec<_>>()).await)
}

/// How long the steps of a build took, as its provisioner daemon has told it.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}/timings", tag = "workspaces",
    operation_id = "build_timings",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, body = TimingsObject)),
)]
pub(crate) async fn build_timings(call: Call, actor: Principal) -> HandlerResult {
    let found = workspaces::build_timings(call.context(), &actor, call.id("workspacebuild")?).await?;
    Ok(ok(&TimingsObject::from(found)))
}

/// The same of the latest build of a workspace.
#[utoipa::path(
    get, path = "/api/v2/workspaces/{workspace}/timings", tag = "workspaces",
    operation_id = "workspace_timings",
    params(("workspace" = Uuid, Path, description = "Id")),
    responses((status = 200, body = TimingsObject)),
)]
pub(crate) async fn latest_timings(call: Call, actor: Principal) -> HandlerResult {
    let found = workspaces::latest_timings(call.context(), &actor, call.id("workspace")?).await?;
    Ok(ok(&TimingsObject::from(found)))
}

/// The values that a build was given for the parameters of its version.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}/parameters", tag = "workspaces",
    operation_id = "build_parameters",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ParameterValueObject])),
)]
pub(crate) async fn build_parameters(call: Call, actor: Principal) -> HandlerResult {
    let found = workspaces::build_parameters(call.context(), &actor, call.id("workspacebuild")?).await?;
    Ok(ok(&found.into_iter().map(ParameterValueObject::from).collect::<Vec<_>>()))
}

/// The state that the provisioner has left behind, as it is.
#[utoipa::path(
    get, path = "/api/v2/workspacebuilds/{workspacebuild}/state", tag = "workspaces",
    operation_id = "build_state",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, content_type = "application/json", body = Vec<u8>)),
)]
pub(crate) async fn build_state(call: Call, actor: Principal) -> HandlerResult {
    let state = workspaces::build_state(call.context(), &actor, call.id("workspacebuild")?).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "application/json"));
    Ok(answer.body(state.into_exposed()))
}

/// Asks for the end of a build.
#[utoipa::path(
    patch, path = "/api/v2/workspacebuilds/{workspacebuild}/cancel", tag = "workspaces",
    operation_id = "cancel_build",
    params(("workspacebuild" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn cancel_build(call: Call, actor: Principal) -> HandlerResult {
    workspaces::cancel_build(call.context(), &actor, call.id("workspacebuild")?).await?;
    Ok(message("Job has been marked as canceled..."))
}
