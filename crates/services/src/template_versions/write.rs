//! Changing versions.

use super::ShownVersion;
use super::access::Known;
use super::create::held;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::provisioner_jobs::{cancel_in, told_of_logs};
use crate::templates::{self, TemplateView};
use crate::users::fields::Fields;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::names::TemplateVersionName;
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::template_versions::{MESSAGE_MAX, TemplateVersion};
use doorward_domain::templates::Template;
use serde_json::json;

/// What is asked of a version.
#[derive(Clone, Debug, Default)]
pub struct UpdateTemplateVersion {
    /// Its new name; empty keeps the old one.
    pub name: String,
    /// What its maker says of it; `None` keeps it.
    pub message: Option<String>,
}

/// Renames a version, or says something else of it.
///
/// Needs `template:update`. Errors: `Invalid` (`name`, `message`), `NotFound` (missing or not readable), `Forbidden`, `Conflict` (`name`).
pub async fn update(
    ctx: &Context,
    by: &Principal,
    id: TemplateVersionId,
    command: UpdateTemplateVersion,
) -> Result<ShownVersion, Error> {
    let mut fields = Fields::default();
    let name = match command.name.as_str() {
        "" => None,
        text => fields.checked("name", "template_version_name", text, text.parse::<TemplateVersionName>()),
    };
    let message = command.message.clone().unwrap_or_default();
    fields
        .at_most("message", &message, MESSAGE_MAX)
        .that("message", !message.contains('\0'), "must not have NUL characters")
        .done()?;
    ctx.act(by, move |deed| {
        let known = held(deed, id)?;
        let permit = permit(deed, &known)?;
        let old = known.version;
        let new = TemplateVersion {
            name: name.unwrap_or_else(|| old.name.clone()),
            message: command.message.unwrap_or_else(|| old.message.clone()),
            updated_at: deed.now,
            ..old.clone()
        };
        if !deed.repos.template_versions().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        let recorded = deed.changed(&old, &new)?;
        let view = deed.repos.template_versions().view(id)?.ok_or(Error::NotFound)?;
        Ok(recorded.answer(ShownVersion { view, matched: None }))
    })
    .await
}

/// Archives a version, so that nothing is started from it, or takes that back. The active version is never archived.
///
/// Needs `template:update`. Errors: `Invalid` (it is archived already, or is not; it is the active one), `NotFound` (missing or not
/// readable), `Forbidden`.
pub async fn set_archived(ctx: &Context, by: &Principal, id: TemplateVersionId, archived: bool) -> Result<(), Error> {
    ctx.act(by, move |deed| {
        // The template first, so that it is not made the active one meanwhile.
        let found = deed.repos.template_versions().find(id)?.and_then(|version| version.template_id);
        if let Some(template) = found {
            deed.repos.templates().find_for_share(template)?;
        }
        let known = held(deed, id)?;
        let permit = permit(deed, &known)?;
        let is_active = known.template.as_ref().is_some_and(|template| template.active_version_id == Some(id.0));
        let old = known.version;
        if old.archived == archived {
            let state = if archived { "already" } else { "not" };
            return Err(Error::invalid(format!("The template version is {state} archived.")));
        }
        if archived && is_active {
            return Err(Error::invalid(
                "The template version is the active one of its template, which is not archived.",
            ));
        }
        let new = TemplateVersion { archived, updated_at: deed.now, ..old.clone() };
        if !deed.repos.template_versions().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        Ok(deed.changed(&old, &new)?.answer(()))
    })
    .await
}

/// Archives the versions of a template that have failed, or all, but for the active one and those that workspaces are built from. Answers
/// which.
///
/// Needs `template:update`. Errors: `NotFound` (missing or not readable), `Forbidden`.
pub async fn archive_unused(
    ctx: &Context,
    by: &Principal,
    template: TemplateId,
    all: bool,
) -> Result<Vec<TemplateVersionId>, Error> {
    ctx.act(by, move |deed| {
        let found = deed.repos.templates().find_for_update(template)?;
        let template = templates::access::readable(deed.by, found)?;
        let permit = deed.by.permit::<action::Update, resource::Template>(&templates::access::object(&template))?;
        let archived = deed.repos.template_versions().archive_unused(&permit, template.id, all, deed.now)?;
        let ids: Vec<String> = archived.iter().map(ToString::to_string).collect();
        let diff = Diff::default().field("archived_versions", json!([]), json!(ids));
        Ok(deed.entry().noted(AuditAction::Write, 200, &template, diff)?.answer(archived))
    })
    .await
}

/// Has workspaces of a template be built from this version from now on.
///
/// Needs `template:update`. Errors: `Invalid` (`id`: it is not of this template, has not been imported, or is archived), `NotFound` (the
/// template is missing or not readable), `Forbidden`.
pub async fn activate(
    ctx: &Context,
    by: &Principal,
    template: TemplateId,
    version: TemplateVersionId,
) -> Result<TemplateView, Error> {
    ctx.act(by, move |deed| {
        let found = deed.repos.templates().find_for_update(template)?;
        let old = templates::access::readable(deed.by, found)?;
        let permit = deed.by.permit::<action::Update, resource::Template>(&templates::access::object(&old))?;
        let refused = |detail: &str| {
            let detail = format!("Template version \"{version}\" {detail}.");
            Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("id", detail)])
        };
        let found = deed.repos.template_versions().find_for_update(version)?;
        let found = found.filter(|found| found.template_id == Some(template));
        let found = found.ok_or_else(|| refused("is not of this template"))?;
        let job = deed.repos.provisioner_jobs().find(found.job_id)?.ok_or(Error::NotFound)?;
        if job.status() != JobStatus::Succeeded {
            return Err(refused("has not been imported successfully"));
        }
        if found.archived {
            return Err(refused("is archived"));
        }
        let new = Template { active_version_id: Some(version.0), updated_at: deed.now, ..old.clone() };
        if !deed.repos.templates().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        let recorded = deed.changed(&old, &new)?;
        Ok(recorded.answer(deed.repos.templates().view(template)?.ok_or(Error::NotFound)?))
    })
    .await
}

/// Asks for the end of an import.
///
/// Needs `template:update`. Errors: `NotFound` (missing or not readable), `Forbidden`, `WrongState` (over, or asked for already).
pub async fn cancel(ctx: &Context, by: &Principal, id: TemplateVersionId) -> Result<(), Error> {
    let job = ctx
        .act(by, move |deed| {
            let version = deed.repos.template_versions().find(id)?.ok_or(Error::NotFound)?;
            let known = Known::load(deed.repos, version)?.readable(deed.by)?;
            let _may_change = permit(deed, &known)?;
            let job = known.version.job_id;
            Ok::<_, Error>(cancel_in(deed, job)?.map(|_job| job))
        })
        .await?;
    told_of_logs(&ctx.bus, job);
    Ok(())
}

fn permit(deed: &Deed<'_>, known: &Known) -> Result<Permit<action::Update, resource::Template>, Error> {
    Ok(deed.by.permit(&known.object())?)
}
