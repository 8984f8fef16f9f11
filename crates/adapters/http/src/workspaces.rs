//! Workspaces and builds, as far as access, quotas and provisioner daemons need them.

mod builds;
mod objects;

use objects::{BuildObject, WorkspaceObject, WorkspacesObject};

use crate::conventions::Api;
use crate::kit::answer::{self, created, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::template_versions::{NamedValue, by_name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::ids::TemplateId;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::{Error, Principal, workspaces};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Largest body of a build, in bytes: there may be a state in it.
const BODY_MAX: usize = 6 * 1024 * 1024;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_create, create);
    r.user(__path_create_in, create_in);
    r.user(__path_list, list);
    r.user(__path_find, find);
    r.user(__path_builds, builds);
    r.user(__path_build, build).body_limit(BODY_MAX);
    r.user(__path_set_dormant, set_dormant);
    builds::routes(&mut r);
}

/// A workspace to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateWorkspaceRequest)]
pub(crate) struct Create {
    #[schema(required)]
    template_id: Option<Uuid>,
    /// Unique among the workspaces of the owner.
    #[schema(required)]
    name: String,
    /// Credits per day that the workspace costs once it was started, where the template has no versions: then nothing here knows.
    #[schema(minimum = 0)]
    daily_cost: i32,
    /// The version of the template, if it is not the active one.
    template_version_id: Option<Uuid>,
    /// Values of the parameters of the version.
    rich_parameter_values: Vec<NamedValue>,
    /// Values that go together; those of `rich_parameter_values` go before.
    template_version_preset_id: Option<Uuid>,
}

impl TryFrom<Create> for workspaces::CreateWorkspace {
    type Error = Error;

    fn try_from(body: Create) -> Result<Self, Error> {
        let template_id = body.template_id.filter(|id| !id.is_nil()).map(TemplateId);
        Ok(Self {
            template_id,
            name: body.name,
            daily_cost: body.daily_cost,
            template_version_id: body.template_version_id.filter(|id| !id.is_nil()),
            parameters: by_name("rich_parameter_values", body.rich_parameter_values)?,
            preset: body.template_version_preset_id.filter(|id| !id.is_nil()),
        })
    }
}

/// Makes a workspace for a user and starts it.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/workspaces", tag = "workspaces",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = Create,
    responses((status = 201, body = WorkspaceObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Create = call.json_for(&actor, Intent::Of(call.user(), Action::Create, ResourceType::Workspace)).await?;
    let workspace = workspaces::create(call.context(), &actor, None, &call.user(), body.try_into()?).await?;
    Ok(created(&WorkspaceObject::from(workspace)))
}

/// Makes a workspace for a member of an organization and starts it.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/members/{user}/workspaces", tag = "workspaces",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    request_body = Create,
    responses((status = 201, body = WorkspaceObject)),
)]
pub(crate) async fn create_in(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Create = call.json_for(&actor, Intent::Of(call.user(), Action::Create, ResourceType::Workspace)).await?;
    let organization = call.organization();
    let user = call.user();
    let workspace = workspaces::create(call.context(), &actor, Some(organization), &user, body.try_into()?).await?;
    Ok(created(&WorkspaceObject::from(workspace)))
}

/// Lists the workspaces that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/workspaces", tag = "workspaces",
    params(
        ("q" = Option<String>, Query, description = "`owner:`, `organization:`, `template:`, `name:` or a part of the name"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = WorkspacesObject)),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = workspaces::list(call.context(), &actor, &text, page).await?;
    Ok(answer::list(found.workspaces.len(), || WorkspacesObject::from(found)).await)
}

/// Shows a workspace.
#[utoipa::path(
    get, path = "/api/v2/workspaces/{workspace}", tag = "workspaces",
    params(("workspace" = Uuid, Path, description = "Id")),
    responses((status = 200, body = WorkspaceObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let workspace = workspaces::find(call.context(), &actor, call.id("workspace")?).await?;
    Ok(ok(&WorkspaceObject::from(workspace)))
}

/// A build to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateWorkspaceBuildRequest)]
pub(crate) struct Build {
    /// `start`, `stop` or `delete`.
    #[schema(required)]
    transition: String,
    /// Credits per day that the workspace costs from then on, where the template has no versions: then nothing here knows.
    #[schema(minimum = 0)]
    daily_cost: i32,
    /// The version of the template, if it is not that of the build before.
    template_version_id: Option<Uuid>,
    /// Values of the parameters of the version; those that are left out stay.
    rich_parameter_values: Vec<NamedValue>,
    /// Values that go together; those of `rich_parameter_values` go before.
    template_version_preset_id: Option<Uuid>,
    /// `debug`, for more in the log.
    log_level: String,
    /// What the provisioner is to begin with, in base64, in the place of what it has left behind.
    state: Option<String>,
    /// Whether what the provisioner has left behind is forgotten, so that nothing is taken down.
    orphan: bool,
}

/// Starts, stops or ends a workspace. A build that costs more than is left of the owner's quota fails: its `status` is
/// `failed`, and the `error` of its job says why.
#[utoipa::path(
    post, path = "/api/v2/workspaces/{workspace}/builds", tag = "workspaces",
    params(("workspace" = Uuid, Path, description = "Id")),
    request_body = Build,
    responses((status = 201, body = BuildObject)),
)]
pub(crate) async fn build(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("workspace")?;
    let body: Build = call.json_for(&actor, Intent::Workspace(id, Action::Update)).await?;
    let state = body.state.filter(|state| !state.is_empty()).map(|state| {
        STANDARD.decode(state).map_err(|error| Error::invalid_field("state", format!("must be base64: {error}")))
    });
    let command = workspaces::BuildWorkspace {
        transition: body.transition,
        daily_cost: body.daily_cost,
        template_version_id: body.template_version_id.filter(|id| !id.is_nil()),
        parameters: by_name("rich_parameter_values", body.rich_parameter_values)?,
        preset: body.template_version_preset_id.filter(|id| !id.is_nil()),
        log_level: body.log_level,
        state: state.transpose()?,
        orphan: body.orphan,
    };
    let workspace = workspaces::build(call.context(), &actor, id, command).await?;
    let latest = workspace.latest_build.as_ref().ok_or(Error::NotFound)?;
    Ok(created(&BuildObject::new(&workspace, latest)))
}

/// Lists the builds of a workspace, the latest first.
#[utoipa::path(
    get, path = "/api/v2/workspaces/{workspace}/builds", tag = "workspaces",
    params(
        ("workspace" = Uuid, Path, description = "Id"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = [BuildObject])),
)]
pub(crate) async fn builds(call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("workspace")?;
    let mut query = call.query();
    let page = query.page();
    query.done_loosely()?;
    let found = workspaces::builds(call.context(), &actor, id, page).await?;
    let builds = found.builds.iter().map(|build| BuildObject::new(&found.workspace, build));
    Ok(ok(&builds.collect::<Vec<_>>()))
}

/// Whether a workspace is to be dormant.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateWorkspaceDormancy)]
pub(crate) struct Dormancy {
    dormant: bool,
}

/// Makes a workspace dormant, or wakes it. A dormant workspace cannot be started.
#[utoipa::path(
    put, path = "/api/v2/workspaces/{workspace}/dormant", tag = "workspaces",
    params(("workspace" = Uuid, Path, description = "Id")),
    request_body = Dormancy,
    responses((status = 200, body = WorkspaceObject)),
)]
pub(crate) async fn set_dormant(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("workspace")?;
    let body: Dormancy = call.json_for(&actor, Intent::Workspace(id, Action::Update)).await?;
    let workspace = workspaces::set_dormant(call.context(), &actor, id, body.dormant).await?;
    Ok(ok(&WorkspaceObject::from(workspace)))
}
