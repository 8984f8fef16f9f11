//! Versions of templates.

mod dry_run;
mod objects;

use crate::conventions::Api;
use crate::kit::answer::{self, Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::provisioner_jobs::follow;
use crate::provisioner_jobs::objects::LogObject;
use crate::provisioner_jobs::resources::ResourceObject;
use doorward_domain::ids::{FileId, TemplateId, TemplateVersionId};
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::{Context, Error, FieldError, Principal, template_versions};
use objects::{ArchivedObject, ExternalAuthObject, ParameterObject, PresetObject, VariableObject, VersionObject};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// Largest body of a new version, in bytes: values of variables may be long.
const BODY_MAX: usize = 4 * 1024 * 1024;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_create, create).body_limit(BODY_MAX);
    r.user(__path_find, find);
    r.user(__path_update, update).body_limit(BODY_MAX);
    r.user(__path_logs, logs).opens_socket();
    r.user(__path_resources, resources);
    r.user(__path_variables, variables);
    r.user(__path_rich_parameters, rich_parameters);
    r.user(__path_presets, presets);
    r.user(__path_external_auth, external_auth);
    r.user(__path_cancel, cancel);
    r.user(__path_archive, archive);
    r.user(__path_unarchive, unarchive);
    r.user(__path_list, list);
    r.user(__path_activate, activate);
    r.user(__path_archive_unused, archive_unused);
    r.user(__path_find_by_name, find_by_name);
    dry_run::routes(&mut r);
}

/// A name with a value.
#[derive(Deserialize, Serialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = NamedValue)]
pub(crate) struct NamedValue {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Values by their names. Errors: `Invalid` if two have one name, as nobody knows which one is meant.
pub(crate) fn by_name(field: &'static str, values: Vec<NamedValue>) -> Result<BTreeMap<String, String>, Error> {
    let mut known = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for NamedValue { name, value } in values {
        match known.entry(name) {
            Entry::Vacant(free) => _ = free.insert(value),
            Entry::Occupied(taken) => _ = twice.insert(taken.key().chars().take(QUOTED).collect::<String>()),
        }
    }
    if twice.is_empty() {
        return Ok(known);
    }
    let defect = |name| FieldError::new(field, format!("{name:?} is named more than once"));
    let defects = twice.into_iter().take(TOLD_MAX).map(defect).collect();
    Err(Error::invalid_fields("Values must have different names.", defects))
}

/// How much of a bad name is repeated.
const QUOTED: usize = 100;
/// So many bad names are told.
const TOLD_MAX: usize = 20;

/// A version to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateTemplateVersionRequest)]
pub(crate) struct Create {
    /// Letters and digits in groups joined by single hyphens, dots or underscores; one is drawn without it.
    name: String,
    message: String,
    /// The template that it is of; without it, a template can be made of it.
    template_id: Option<Uuid>,
    /// Must be `file`.
    #[schema(required)]
    storage_method: String,
    /// The source, as `POST /files` has told it.
    #[schema(required)]
    file_id: Option<Uuid>,
    /// `terraform` or `echo`.
    #[schema(required)]
    provisioner: String,
    /// Which daemons may read it.
    tags: BTreeMap<String, String>,
    /// Values of the variables of the source.
    user_variable_values: Vec<NamedValue>,
}

/// Makes a version of a template, which a provisioner daemon then imports.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/templateversions", tag = "template versions",
    operation_id = "create_template_version",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = Create,
    responses((status = 201, body = VersionObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    // Whether a template is to be changed or none is there yet is said in the body.
    let body: Create =
        call.json_for(&actor, Intent::Within(call.organization(), Action::Read, ResourceType::Organization)).await?;
    if !matches!(body.storage_method.as_str(), "" | "file") {
        let detail = format!("Validation failed for tag \"oneof\" with value: \"{}\"", body.storage_method);
        return Err(Error::invalid_field("storage_method", detail).into());
    }
    let command = template_versions::CreateTemplateVersion {
        name: body.name,
        message: body.message,
        template_id: body.template_id.filter(|id| !id.is_nil()).map(TemplateId),
        file_id: body.file_id.filter(|id| !id.is_nil()).map(FileId),
        provisioner: body.provisioner,
        tags: body.tags,
        variables: by_name("user_variable_values", body.user_variable_values)?,
    };
    let made = template_versions::create(call.context(), &actor, &call.organization(), command).await?;
    Ok(created(&VersionObject::from(made)))
}

/// Shows a version.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}", tag = "template versions",
    operation_id = "find_template_version",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = VersionObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let version = template_versions::find(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(ok(&VersionObject::from(version)))
}

/// A change of a version; what is absent stays.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchTemplateVersionRequest)]
pub(crate) struct Update {
    /// Empty is as good as absent.
    name: String,
    message: Option<String>,
}

/// Renames a version, or says something else of it.
#[utoipa::path(
    patch, path = "/api/v2/templateversions/{templateversion}", tag = "template versions",
    operation_id = "update_template_version",
    params(("templateversion" = Uuid, Path, description = "Id")),
    request_body = Update,
    responses((status = 200, body = VersionObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("templateversion")?;
    let body: Update = call.json_for(&actor, Intent::TemplateVersion(id, Action::Update)).await?;
    let command = template_versions::UpdateTemplateVersion { name: body.name, message: body.message };
    let version = template_versions::update(call.context(), &actor, id, command).await?;
    Ok(ok(&VersionObject::from(version)))
}

/// The log of the import of a version; with `follow` a WebSocket, on which each line is a message, until the import is over.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/logs", tag = "template versions",
    operation_id = "template_version_logs",
    params(
        ("templateversion" = Uuid, Path, description = "Id"),
        ("after" = Option<i64>, Query, description = "Only lines with larger numbers"),
        ("follow" = Option<bool>, Query, description = "Whether to wait for more"),
    ),
    responses((status = 200, body = [LogObject]), (status = 101, description = "Followed")),
)]
pub(crate) async fn logs(call: Call, actor: Principal) -> HandlerResult {
    let id: TemplateVersionId = call.id("templateversion")?;
    follow::logs(call, actor, async move |context: &Context, actor: &Principal, after| {
        template_versions::logs(context, actor, id, after).await
    })
    .await
}

/// What a version makes.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/resources", tag = "template versions",
    operation_id = "template_version_resources",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ResourceObject])),
)]
pub(crate) async fn resources(call: Call, actor: Principal) -> HandlerResult {
    let found = template_versions::resources(call.context(), &actor, call.id("templateversion")?).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.into_iter().map(ResourceObject::from).collect::<Vec<_>>()).await)
}

/// The variables of a version, without the values of those that nobody is to see.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/variables", tag = "template versions",
    operation_id = "template_version_variables",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [VariableObject])),
)]
pub(crate) async fn variables(call: Call, actor: Principal) -> HandlerResult {
    let found = template_versions::variables(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(ok(&found.into_iter().map(VariableObject::from).collect::<Vec<_>>()))
}

/// What builds from a version can be given.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/rich-parameters", tag = "template versions",
    operation_id = "template_version_rich_parameters",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ParameterObject])),
)]
pub(crate) async fn rich_parameters(call: Call, actor: Principal) -> HandlerResult {
    let found = template_versions::rich_parameters(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(ok(&found.into_iter().map(ParameterObject::from).collect::<Vec<_>>()))
}

/// Values of parameters that go together.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/presets", tag = "template versions",
    operation_id = "template_version_presets",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [PresetObject])),
)]
pub(crate) async fn presets(call: Call, actor: Principal) -> HandlerResult {
    let found = template_versions::presets(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(ok(&found.into_iter().map(PresetObject::from).collect::<Vec<_>>()))
}

/// The accounts elsewhere that builds need: none, for the import of a version that needs some fails here.
#[utoipa::path(
    get, path = "/api/v2/templateversions/{templateversion}/external-auth", tag = "template versions",
    operation_id = "template_version_external_auth",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ExternalAuthObject])),
)]
pub(crate) async fn external_auth(call: Call, actor: Principal) -> HandlerResult {
    template_versions::find(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(ok(&<[ExternalAuthObject; 0]>::default()))
}

/// Asks for the end of the import of a version.
#[utoipa::path(
    patch, path = "/api/v2/templateversions/{templateversion}/cancel", tag = "template versions",
    operation_id = "cancel_template_version",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn cancel(call: Call, actor: Principal) -> HandlerResult {
    template_versions::cancel(call.context(), &actor, call.id("templateversion")?).await?;
    Ok(message("Job has been marked as canceled..."))
}

/// Archives a version, from which nothing is started then.
#[utoipa::path(
    post, path = "/api/v2/templateversions/{templateversion}/archive", tag = "template versions",
    operation_id = "archive_template_version",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn archive(call: Call, actor: Principal) -> HandlerResult {
    template_versions::set_archived(call.context(), &actor, call.id("templateversion")?, true).await?;
    Ok(message("Template version has been archived."))
}

/// Takes a version out of the archive.
#[utoipa::path(
    post, path = "/api/v2/templateversions/{templateversion}/unarchive", tag = "template versions",
    operation_id = "unarchive_template_version",
    params(("templateversion" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn unarchive(call: Call, actor: Principal) -> HandlerResult {
    template_versions::set_archived(call.context(), &actor, call.id("templateversion")?, false).await?;
    Ok(message("Template version has been unarchived."))
}

/// Lists the versions of a template, the newest first.
#[utoipa::path(
    get, path = "/api/v2/templates/{template}/versions", tag = "template versions",
    operation_id = "list_template_versions",
    params(
        ("template" = Uuid, Path, description = "Id"),
        ("include_archived" = Option<bool>, Query, description = "Whether the archived ones are listed too"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
        ("after_id" = Option<Uuid>, Query, description = "Only those after this one"),
    ),
    responses((status = 200, body = [VersionObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let template = call.id("template")?;
    let mut query = call.query();
    let (page, archived) = (query.page(), query.flag("include_archived"));
    query.done_loosely()?;
    let found = template_versions::list(call.context(), &actor, template, archived, page).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.into_iter().map(VersionObject::from).collect::<Vec<_>>()).await)
}

/// The version that a template is to have.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateActiveTemplateVersion)]
pub(crate) struct Activate {
    #[schema(required)]
    id: Uuid,
}

/// Has workspaces of a template be built from this version from now on.
#[utoipa::path(
    patch, path = "/api/v2/templates/{template}/versions", tag = "template versions",
    operation_id = "activate_template_version",
    params(("template" = Uuid, Path, description = "Id")),
    request_body = Activate,
    responses((status = 200, body = Message)),
)]
pub(crate) async fn activate(mut call: Call, actor: Principal) -> HandlerResult {
    let template = call.id("template")?;
    let body: Activate = call.json_for(&actor, Intent::Template(template, Action::Update)).await?;
    template_versions::activate(call.context(), &actor, template, TemplateVersionId(body.id)).await?;
    Ok(message("Updated the active template version!"))
}

/// Which versions are archived.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ArchiveTemplateVersionsRequest)]
pub(crate) struct ArchiveUnused {
    /// All that nothing is built from, and not only those that have failed.
    all: bool,
}

/// Archives the versions of a template that nothing is built from.
#[utoipa::path(
    post, path = "/api/v2/templates/{template}/versions/archive", tag = "template versions",
    operation_id = "archive_template_versions",
    params(("template" = Uuid, Path, description = "Id")),
    request_body = ArchiveUnused,
    responses((status = 200, body = ArchivedObject)),
)]
pub(crate) async fn archive_unused(mut call: Call, actor: Principal) -> HandlerResult {
    let template: TemplateId = call.id("template")?;
    let body: ArchiveUnused = call.json_for(&actor, Intent::Template(template, Action::Update)).await?;
    let archived = template_versions::archive_unused(call.context(), &actor, template, body.all).await?;
    Ok(ok(&ArchivedObject::new(template, archived)))
}

/// Shows the version of a template that has this name.
#[utoipa::path(
    get, path = "/api/v2/templates/{template}/versions/{templateversionname}", tag = "template versions",
    operation_id = "find_template_version_by_name",
    params(
        ("template" = Uuid, Path, description = "Id"),
        ("templateversionname" = String, Path, description = "Name of the version"),
    ),
    responses((status = 200, body = VersionObject)),
)]
pub(crate) async fn find_by_name(call: Call, actor: Principal) -> HandlerResult {
    let template = call.id("template")?;
    let name = call.segment("templateversionname");
    let version = template_versions::find_by_name(call.context(), &actor, template, &name).await?;
    Ok(ok(&VersionObject::from(version)))
}
