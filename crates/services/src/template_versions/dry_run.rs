//! Trials: what a version would make with some parameters.

use super::access::Known;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::provisioner_jobs::{LogPage, NewJob, cancel_in, page_of, post, refused_values, told_of_logs, told_of_post};
use crate::users::fields::Fields;
use crate::workspaces;
use doorward_domain::ids::{ProvisionerJobId, TemplateVersionId, UserId};
use doorward_domain::names::WorkspaceName;
use doorward_domain::provisioner_jobs::{JobInput, JobStatus, JobType, ProvisionerJob};
use doorward_domain::roles::Action;
use doorward_domain::template_versions::{TemplateVersion, resolve, workspace_tags};
use doorward_ports::Repositories;
use doorward_ports::provisioner_jobs::{JobView, StoredResource};
use std::collections::BTreeMap;

/// What a workspace is called in a trial that says nothing of that.
const USUAL_NAME: &str = "dry-run";

/// What is asked of a trial.
#[derive(Clone, Debug, Default)]
pub struct CreateDryRun {
    /// What the workspace is called; empty: something.
    pub workspace_name: String,
    /// Values of parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Which trial of which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The version.
    pub version: TemplateVersionId,
    /// The job.
    pub job: ProvisionerJobId,
}

/// Has a daemon try what a version makes.
///
/// Needs `template:read`, and `workspace:create` for oneself in its organization. Errors: `Invalid` (`workspace_name`; parameters),
/// `NotFound` (missing or not readable), `Forbidden`, `Refused` (no account), `WrongState` (not imported), `Conflict` (too many jobs wait).
pub async fn create_dry_run(
    ctx: &Context,
    by: &Principal,
    id: TemplateVersionId,
    command: CreateDryRun,
) -> Result<JobView, Error> {
    let name = if command.workspace_name.is_empty() { USUAL_NAME } else { command.workspace_name.as_str() };
    let mut fields = Fields::default();
    let name: Option<WorkspaceName> = fields.workspace_name("workspace_name", name);
    let name = fields.done_with(name)?;
    let seal = ctx.seal();
    let view = ctx
        .act(by, move |deed| {
            let version = deed.repos.template_versions().find(id)?.ok_or(Error::NotFound)?;
            let version = Known::load(deed.repos, version)?.readable(deed.by)?.version;
            let owner = deed.by.account()?.user.id;
            may_try(deed.by, &version, owner)?;
            let import = deed.repos.provisioner_jobs().find(version.job_id)?.ok_or(Error::NotFound)?;
            if import.status() != JobStatus::Succeeded {
                return Err(Error::WrongState("Template version import job hasn't completed!".to_owned()));
            }
            let parameters = resolve(&version.parameters, &command.parameters, None).map_err(refused_values)?;
            let tags = workspace_tags(&import.tags, &version.workspace_tags, &parameters, owner)
                .map_err(|defect| Error::invalid(format!("The tags of the workspace cannot be told: {defect}")))?;
            let job = NewJob {
                organization_id: version.organization_id,
                initiator_id: owner,
                provisioner: import.provisioner,
                kind: JobType::TemplateVersionDryRun,
                file_id: version.file_id,
                tags,
                template_version_id: version.id,
                workspace_build_id: None,
                input: JobInput { parameters, workspace_name: name.to_string(), ..JobInput::default() },
            };
            let job_id = deed.new_id();
            post(deed, &seal, job_id, job)?;
            let view = deed.repos.provisioner_jobs().view(job_id)?.ok_or(Error::NotFound)?;
            Ok::<_, Error>(deed.unrecorded("a trial changes nothing", view))
        })
        .await?;
    told_of_post(&ctx.bus, view.job.organization_id);
    Ok(view)
}

/// Shows a trial.
///
/// Needs `template:read`, and `workspace:create` for whoever asked for the trial. Errors: `NotFound` (missing or not readable), `Forbidden`
/// (only the scope is too short).
pub async fn dry_run(ctx: &Context, by: &Principal, of: DryRun) -> Result<JobView, Error> {
    ctx.look(by, move |look| {
        let job = found(look.repos, look.by, of)?;
        look.repos.provisioner_jobs().view(job.id)?.ok_or(Error::NotFound)
    })
    .await
}

/// What a trial says, behind the line of this number.
///
/// Needs what [`dry_run()`] needs. Errors: as there.
pub async fn dry_run_logs(ctx: &Context, by: &Principal, of: DryRun, after: i64) -> Result<LogPage, Error> {
    ctx.look(by, move |look| {
        let job = found(look.repos, look.by, of)?;
        page_of(look.repos, job.id, after)
    })
    .await
}

/// What there would be.
///
/// Needs what [`dry_run()`] needs. Errors: as there, `WrongState` (it is not over).
pub async fn dry_run_resources(ctx: &Context, by: &Principal, of: DryRun) -> Result<Vec<StoredResource>, Error> {
    ctx.look(by, move |look| {
        let job = found(look.repos, look.by, of)?;
        if !job.is_over() {
            return Err(Error::WrongState("Job hasn't completed!".to_owned()));
        }
        Ok(look.repos.provisioner_jobs().list_resources(job.id)?)
    })
    .await
}

/// Asks for the end of a trial.
///
/// Needs what [`dry_run()`] needs. Errors: as there, `WrongState` (over, or asked for already).
pub async fn cancel_dry_run(ctx: &Context, by: &Principal, of: DryRun) -> Result<(), Error> {
    ctx.act(by, move |deed| {
        let job = found(deed.repos, deed.by, of)?;
        Ok::<_, Error>(cancel_in(deed, job.id)?.map(drop))
    })
    .await?;
    told_of_logs(&ctx.bus, of.job);
    Ok(())
}

/// The trial, if the caller may see it.
fn found(repos: &mut dyn Repositories, by: &Principal, of: DryRun) -> Result<ProvisionerJob, Error> {
    let version = repos.template_versions().find(of.version)?.ok_or(Error::NotFound)?;
    let version = Known::load(repos, version)?.readable(by)?.version;
    let job = repos
        .provisioner_jobs()
        .find(of.job)?
        .filter(|job| job.kind == JobType::TemplateVersionDryRun && job.template_version_id == version.id);
    let job = job.ok_or(Error::NotFound)?;
    let denied =
        by.subject.check(Action::Create, &workspaces::access::new_of(job.initiator_id, version.organization_id));
    denied.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(job)
}

/// Whoever may make a workspace there may try what comes of it.
fn may_try(by: &Principal, version: &TemplateVersion, owner: UserId) -> Result<(), Error> {
    Ok(by.subject.check(Action::Create, &workspaces::access::new_of(owner, version.organization_id))?)
}
