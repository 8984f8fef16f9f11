//! Finding versions, and what was read out of them.

use super::TemplateVersionView;
use super::access::Known;
use super::create::{ShownVersion, matched};
use crate::Principal;
use crate::context::Context;
use crate::deed::Look;
use crate::error::Error;
use crate::provisioner_jobs::{LogPage, open_json, page_of};
use crate::templates;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::page::Page;
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_domain::template_versions::{Preset, RichParameter, TemplateVersion, Variable};
use doorward_ports::provisioner_jobs::StoredResource;

/// What is shown of a value that nobody is to see.
const HIDDEN: &str = "*redacted*";

/// Shows a version.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<ShownVersion, Error> {
    ctx.look(by, move |look| {
        let view = look.repos.template_versions().view(id)?.ok_or(Error::NotFound)?;
        Known::load(look.repos, view.version.clone())?.readable(look.by)?;
        shown(look, view)
    })
    .await
}

/// Shows the version of a template that has this name, without regard to letter case.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find_by_name(
    ctx: &Context,
    by: &Principal,
    template: TemplateId,
    name: &str,
) -> Result<ShownVersion, Error> {
    let name = name.to_owned();
    ctx.look(by, move |look| {
        let found = look.repos.templates().find(template)?;
        templates::access::readable(look.by, found)?;
        let version = look.repos.template_versions().find_by_name(template, &name)?.ok_or(Error::NotFound)?;
        let view = look.repos.template_versions().view(version.id)?.ok_or(Error::NotFound)?;
        shown(look, view)
    })
    .await
}

/// Lists the versions of a template, the newest first; the archived ones only if asked for.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn list(
    ctx: &Context,
    by: &Principal,
    template: TemplateId,
    include_archived: bool,
    page: Page,
) -> Result<Vec<TemplateVersionView>, Error> {
    ctx.look(by, move |look| {
        let found = look.repos.templates().find(template)?;
        templates::access::readable(look.by, found)?;
        Ok(look.repos.template_versions().list(template, include_archived, page)?)
    })
    .await
}

/// What the import of a version says, behind the line of this number.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn logs(ctx: &Context, by: &Principal, id: TemplateVersionId, after: i64) -> Result<LogPage, Error> {
    ctx.look(by, move |look| {
        let version = readable(look, id)?;
        page_of(look.repos, version.job_id, after)
    })
    .await
}

/// What a version makes.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short), `WrongState` (the import is
/// not over).
pub async fn resources(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<Vec<StoredResource>, Error> {
    ctx.look(by, move |look| {
        let version = imported(look, id)?;
        Ok(look.repos.provisioner_jobs().list_resources(version.job_id)?)
    })
    .await
}

/// What builds from a version can be given, by its place.
///
/// Needs `template:read`. Errors: as of [`resources`].
pub async fn rich_parameters(
    ctx: &Context,
    by: &Principal,
    id: TemplateVersionId,
) -> Result<Vec<RichParameter>, Error> {
    ctx.look(by, move |look| {
        let mut parameters = imported(look, id)?.parameters;
        parameters.sort_by(|one, other| (one.order, &one.name).cmp(&(other.order, &other.name)));
        Ok(parameters)
    })
    .await
}

/// The presets of a version.
///
/// Needs `template:read`. Errors: as of [`resources`].
pub async fn presets(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<Vec<Preset>, Error> {
    ctx.look(by, move |look| Ok(imported(look, id)?.presets)).await
}

/// The variables of a version, without the values of those that nobody is to see.
///
/// Needs `template:read`. Errors: as of [`resources`].
pub async fn variables(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<Vec<Variable>, Error> {
    let seal = ctx.seal();
    ctx.look(by, move |look| {
        let version = imported(look, id)?;
        let stored = look.repos.template_versions().variables(version.id)?;
        let mut variables: Vec<Variable> = open_json(&seal, &version.id, stored)?;
        for variable in variables.iter_mut().filter(|variable| variable.sensitive) {
            HIDDEN.clone_into(&mut variable.value);
            if !variable.default_value.is_empty() {
                HIDDEN.clone_into(&mut variable.default_value);
            }
        }
        Ok(variables)
    })
    .await
}

/// The version, if the caller may read it.
pub(super) fn readable(look: &mut Look<'_>, id: TemplateVersionId) -> Result<TemplateVersion, Error> {
    let version = look.repos.template_versions().find(id)?.ok_or(Error::NotFound)?;
    Ok(Known::load(look.repos, version)?.readable(look.by)?.version)
}

/// The version, if the caller may read it and its import is over.
fn imported(look: &mut Look<'_>, id: TemplateVersionId) -> Result<TemplateVersion, Error> {
    let version = readable(look, id)?;
    let job = look.repos.provisioner_jobs().find(version.job_id)?.ok_or(Error::NotFound)?;
    if job.is_over() { Ok(version) } else { Err(Error::WrongState("Job hasn't completed!".to_owned())) }
}

/// A version, with who can read it while its import waits.
fn shown(look: &mut Look<'_>, view: TemplateVersionView) -> Result<ShownVersion, Error> {
    let job = &view.job.job;
    let matched = if job.status() == JobStatus::Pending {
        Some(matched(look.repos, look.now, job.organization_id, job.provisioner, &job.tags)?)
    } else {
        None
    };
    Ok(ShownVersion { view, matched })
}
