//! Templates and their access lists (`enterprise-identity.md` 1).

pub(crate) mod acl;
mod objects;

use objects::{AutostartRequirement, AutostopRequirement, TemplateObject};

use crate::conventions::Api;
use crate::kit::answer::{Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::routes::Routes;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::templates::SettingsChange;
use doorward_services::intent::Intent;
use doorward_services::{Principal, templates};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_find, find);
    r.user(__path_update, update);
    r.user(__path_delete, delete);
    r.user(__path_list_in, list_in);
    r.user(__path_create, create);
    r.user(__path_find_by_name, find_by_name);
    acl::routes(routes);
}

/// A template to be made. Settings that are absent are the usual ones.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateTemplateRequest)]
pub(crate) struct Create {
    /// Letters and digits in groups joined by single hyphens, at most 32 bytes.
    #[schema(required)]
    name: String,
    display_name: String,
    description: String,
    icon: String,
    /// The version that workspaces are built from: one that was imported and that no template has yet. An id that names none is kept as it
    /// is given, and builds are then reported by whoever carries them out.
    template_version_id: Option<Uuid>,
    default_ttl_ms: Option<i64>,
    activity_bump_ms: Option<i64>,
    autostop_requirement: Option<AutostopRequirement>,
    autostart_requirement: Option<AutostartRequirement>,
    allow_user_cancel_workspace_jobs: Option<bool>,
    allow_user_autostart: Option<bool>,
    allow_user_autostop: Option<bool>,
    failure_ttl_ms: Option<i64>,
    dormant_ttl_ms: Option<i64>,
    delete_ttl_ms: Option<i64>,
    /// Members of the organization may not use it unless the access list says so.
    disable_everyone_group_access: bool,
    require_active_version: bool,
    /// `owner`, `authenticated`, `organization` or `public` (default).
    max_port_share_level: Option<String>,
    template_use_classic_parameter_flow: Option<bool>,
    /// `simple` (default) or `passthru`.
    cors_behavior: Option<String>,
    /// Must be true or absent: templates are not kept from agents.
    agents_allowed: Option<bool>,
}

/// Makes a template.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/templates", tag = "templates",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = Create,
    responses((status = 201, body = TemplateObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Create =
        call.json_for(&actor, Intent::Within(call.organization(), Action::Create, ResourceType::Template)).await?;
    let command = templates::CreateTemplate {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        active_version_id: body.template_version_id.filter(|id| !id.is_nil()),
        disable_everyone_group_access: body.disable_everyone_group_access,
        agents_allowed: body.agents_allowed,
        settings: SettingsChange {
            default_ttl_ms: body.default_ttl_ms,
            activity_bump_ms: body.activity_bump_ms,
            autostop: body.autostop_requirement.map(AutostopRequirement::into_parts),
            autostart_days: body.autostart_requirement.map(AutostartRequirement::into_days),
            allow_user_autostart: body.allow_user_autostart,
            allow_user_autostop: body.allow_user_autostop,
            allow_user_cancel_workspace_jobs: body.allow_user_cancel_workspace_jobs,
            failure_ttl_ms: body.failure_ttl_ms,
            time_til_dormant_ms: body.dormant_ttl_ms,
            time_til_dormant_autodelete_ms: body.delete_ttl_ms,
            require_active_version: Some(body.require_active_version),
            max_port_share_level: body.max_port_share_level,
            use_classic_parameter_flow: body.template_use_classic_parameter_flow,
            cors_behavior: body.cors_behavior,
        },
    };
    let template = templates::create(call.context(), &actor, &call.organization(), command).await?;
    Ok(created(&TemplateObject::from(template)))
}

/// Lists the templates of all organizations that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/templates", tag = "templates",
    params(("q" = Option<String>, Query, description = "`organization:`, `exact_name:`, `name:` or a part of the name, `deprecated:`")),
    responses((status = 200, body = [TemplateObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let found = templates::list(call.context(), &actor, &search(&call)?).await?;
    Ok(ok(&found.into_iter().map(TemplateObject::from).collect::<Vec<_>>()))
}

/// Lists the templates of an organization that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/templates", tag = "templates",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "`exact_name:`, `name:` or a part of the name, `deprecated:`"),
    ),
    responses((status = 200, body = [TemplateObject])),
)]
pub(crate) async fn list_in(call: Call, actor: Principal) -> HandlerResult {
    let found = templates::list_in(call.context(), &actor, &call.organization(), &search(&call)?).await?;
    Ok(ok(&found.into_iter().map(TemplateObject::from).collect::<Vec<_>>()))
}

/// Shows the template of an organization that has this name.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/templates/{templatename}", tag = "templates",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("templatename" = String, Path, description = "Name of the template"),
    ),
    responses((status = 200, body = TemplateObject)),
)]
pub(crate) async fn find_by_name(call: Call, actor: Principal) -> HandlerResult {
    let name = call.segment("templatename");
    let template = templates::find_by_name(call.context(), &actor, &call.organization(), &name).await?;
    Ok(ok(&TemplateObject::from(template)))
}

/// Shows a template.
#[utoipa::path(
    get, path = "/api/v2/templates/{template}", tag = "templates",
    params(("template" = Uuid, Path, description = "Id")),
    responses((status = 200, body = TemplateObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let template = templates::find(call.context(), &actor, call.id("template")?).await?;
    Ok(ok(&TemplateObject::from(template)))
}

/// A change of a template; what is absent stays.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateTemplateMeta)]
pub(crate) struct Update {
    /// Empty is as good as absent.
    name: String,
    display_name: Option<String>,
    description: Option<String>,
    icon: Option<String>,
    default_ttl_ms: Option<i64>,
    activity_bump_ms: Option<i64>,
    autostop_requirement: Option<AutostopRequirement>,
    autostart_requirement: Option<AutostartRequirement>,
    allow_user_autostart: Option<bool>,
    allow_user_autostop: Option<bool>,
    allow_user_cancel_workspace_jobs: Option<bool>,
    failure_ttl_ms: Option<i64>,
    time_til_dormant_ms: Option<i64>,
    time_til_dormant_autodelete_ms: Option<i64>,
    require_active_version: Option<bool>,
    /// Empty takes the deprecation back.
    deprecation_message: Option<String>,
    /// Takes the entry of all members of the organization off the access list.
    disable_everyone_group_access: bool,
    max_port_share_level: Option<String>,
    use_classic_parameter_flow: Option<bool>,
    /// `simple` or `passthru`.
    cors_behavior: Option<String>,
    /// Must be true or absent: templates are not kept from agents.
    agents_allowed: Option<bool>,
}

/// Changes a template.
#[utoipa::path(
    patch, path = "/api/v2/templates/{template}", tag = "templates",
    params(("template" = Uuid, Path, description = "Id")),
    request_body = Update,
    responses((status = 200, body = TemplateObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("template")?;
    let body: Update = call.json_for(&actor, Intent::Template(id, Action::Update)).await?;
    let command = templates::UpdateTemplate {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        disable_everyone_group_access: body.disable_everyone_group_access,
        agents_allowed: body.agents_allowed,
        deprecation_message: body.deprecation_message,
        settings: SettingsChange {
            default_ttl_ms: body.default_ttl_ms,
            activity_bump_ms: body.activity_bump_ms,
            autostop: body.autostop_requirement.map(AutostopRequirement::into_parts),
            autostart_days: body.autostart_requirement.map(AutostartRequirement::into_days),
            allow_user_autostart: body.allow_user_autostart,
            allow_user_autostop: body.allow_user_autostop,
            allow_user_cancel_workspace_jobs: body.allow_user_cancel_workspace_jobs,
            failure_ttl_ms: body.failure_ttl_ms,
            time_til_dormant_ms: body.time_til_dormant_ms,
            time_til_dormant_autodelete_ms: body.time_til_dormant_autodelete_ms,
            require_active_version: body.require_active_version,
            max_port_share_level: body.max_port_share_level,
            use_classic_parameter_flow: body.use_classic_parameter_flow,
            cors_behavior: body.cors_behavior,
        },
    };
    let template = templates::update(call.context(), &actor, id, command).await?;
    Ok(ok(&TemplateObject::from(template)))
}

/// Deletes a template that has no workspaces.
#[utoipa::path(
    delete, path = "/api/v2/templates/{template}", tag = "templates",
    params(("template" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    templates::delete(call.context(), &actor, call.id("template")?).await?;
    Ok(message("Template has been deleted!"))
}

/// The search query; other parameters are ignored.
fn search(call: &Call) -> Result<String, Failure> {
    let mut query = call.query();
    let text = query.text("q").unwrap_or_default();
    query.done_loosely()?;
    Ok(text)
}
