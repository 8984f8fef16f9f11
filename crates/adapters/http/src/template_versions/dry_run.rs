//! Trials of versions.

use super::{NamedValue, by_name};
use crate::conventions::Api;
use crate::kit::answer::{self, Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::routes::Room;
use crate::provisioner_jobs::follow;
use crate::provisioner_jobs::objects::{JobObject, LogObject};
use crate::provisioner_jobs::resources::ResourceObject;
use doorward_domain::roles::Action;
use doorward_services::intent::Intent;
use doorward_services::template_versions::{self, CreateDryRun, DryRun};
use doorward_services::{Context, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_create, create);
    r.user(__path_find, find);
    r.user(__path_logs, logs).opens_socket();
    r.user(__path_resources, resources);
    r.user(__path_cancel, cancel);
}

/// A trial to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateTemplateVersionDryRunRequest)]
pub(crate) struct Create {
    workspace_name: String,
    rich_parameter_values: Vec<NamedValue>,
    /// Of no effect: the values of the version count.
    user_variable_values: Vec<NamedValue>,
}

fn named(call: &Call) -> Result<DryRun, Failure> {
    Ok(DryRun { version: call.id("templateversion")?, job: call.id("job")? })
}

/// Has a provisioner daemon try what a version makes with some parameters.
#[utoipa::path(
    post, path = "/api/v2/templateversions/{templateversion}/dry-run", tag = "template versions",
    operation_id = "create_dry_run",
    params(("templateversion" = Uuid, Path, description = "Id")),
    request_body = Create,
    responses((status = 201, body = JobObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let version = call.id("templateversion")?;
    let body: Create = call.json_for(&actor, Intent::TemplateVersion(version, Action::Read)).await?;
    let parameters = by_name("rich_parameter_values", body.rich_parameter_values)?;
    let command = CreateDryRun { workspace_name: body.workspace_name, parameters };
    let job = template_versions::create_dry_run(call.context(), &actor, version, command).await?;
    Ok(created(&JobObject::from(&job)))
}

/// Shows a trial.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/dry-run/{job}", tag = "template versions",
    operation_id = "find_dry_run",
    params(("templateversion" = Uuid, Path, description = "Id"), ("job" = Uuid, Path, description = "Id of the job")),
    responses((status = 200, body = JobObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let job = template_versions::dry_run(call.context(), &actor, named(&call)?).await?;
    Ok(ok(&JobObject::from(&job)))
}

/// The log of a trial; with `follow` a WebSocket, on which each line is a message, until it is over.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/dry-run/{job}/logs", tag = "template versions",
    operation_id = "dry_run_logs",
    params(
        ("templateversion" = Uuid, Path, description = "Id"),
        ("job" = Uuid, Path, description = "Id of the job"),
        ("after" = Option<i64>, Query, description = "Only lines with larger numbers"),
        ("follow" = Option<bool>, Query, description = "Whether to wait for more"),
    ),
    responses((status = 200, body = [LogObject]), (status = 101, description = "Followed")),
)]
pub(crate) async fn logs(call: Call, actor: Principal) -> HandlerResult {
    let of = named(&call)?;
    follow::logs(call, actor, async move |context: &Context, actor: &Principal, after| {
        template_versions::dry_run_logs(context, actor, of, after).await
    })
    .await
}

/// What there would be.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/dry-run/{job}/resources", tag = "template versions",
    operation_id = "dry_run_resources",
    params(("templateversion" = Uuid, Path, description = "Id"), ("job" = Uuid, Path, description = "Id of the job")),
    responses((status = 200, body = [ResourceObject])),
)]
pub(crate) async fn resources(call: Call, actor: Principal) -> HandlerResult {
    let found = template_versions::dry_run_resources(call.context(), &actor, named(&call)?).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.into_iter().map(ResourceObject::from).collect::<Vec<_>>()).await)
}

/// Asks for the end of a trial.
#[utoipa::path(
    patch, path = "/api/v2/templateversions/{templateversion}/dry-run/{job}/cancel", tag = "template versions",
    operation_id = "cancel_dry_run",
    params(("templateversion" = Uuid, Path, description = "Id"), ("job" = Uuid, Path, description = "Id of the job")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn cancel(call: Call, actor: Principal) -> HandlerResult {
    template_versions::cancel_dry_run(call.context(), &actor, named(&call)?).await?;
    Ok(message("Job has been marked as canceled..."))
}
