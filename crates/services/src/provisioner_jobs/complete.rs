//! Jobs that are done.

use super::daemon::{Held, hold, look_at};
use super::end::end_job;
use super::events::told_of_logs;
use super::seal::seal_state;
use super::update::hold_version;
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::workspaces;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::{Agent, JobTiming, JobType, ProvisionerJob, Resource, check_resources};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::template_versions::{ExternalAuth, Preset, RichParameter, TemplateVersion, check_parameters};
use doorward_domain::workspaces::Transition;
use doorward_ports::provisioner_jobs::StoredResource;

/// Most providers of accounts elsewhere.
const PROVIDERS_MAX: usize = 100;

/// What came of the import of a version.
#[derive(Clone, Debug, Default)]
pub struct CompletedImport {
    /// What there is in a workspace that runs.
    pub start_resources: Vec<Resource>,
    /// What there is in one that does not.
    pub stop_resources: Vec<Resource>,
    /// What builds can be given.
    pub parameters: Vec<RichParameter>,
    /// Values that go together.
    pub presets: Vec<Preset>,
    /// The accounts elsewhere that builds need.
    pub external_auth: Vec<ExternalAuth>,
    /// Whether it is for tasks of agents.
    pub has_ai_tasks: bool,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct CompletedDryRun {
    /// What there would be.
    pub resources: Vec<Resource>,
}

/// What came of a build.
#[derive(Clone, Debug, Default)]
pub struct CompletedBuild {
    /// What there is.
    pub resources: Vec<Resource>,
    /// What the provisioner leaves behind for the next time.
    pub state: Vec<u8>,
    /// How long its steps took.
    pub timings: Vec<JobTiming>,
}

/// Ends the import of a version that is read. A version that needs accounts at providers that this server does not know has failed.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: `Refused` (it has another daemon, or the principal is none),
/// `Conflict` (no daemon has it, it is over, or of another kind), `NoSuch`, `Invalid` (something that is not taken; nothing is written then).
pub async fn complete_import(
    ctx: &Context,
    by: &Principal,
    id: ProvisionerJobId,
    done: CompletedImport,
) -> Result<(), Error> {
    for resources in [&done.start_resources, &done.stop_resources] {
        check_resources(resources).map_err(not_taken)?;
    }
    check_parameters(&done.parameters, &done.presets).map_err(not_taken)?;
    if done.external_auth.len() > PROVIDERS_MAX {
        return Err(Error::invalid(format!("there are more than {PROVIDERS_MAX} providers")));
    }
    ctx.act(by, move |deed| {
        look_at(deed.repos, deed.by, id, Some(JobType::TemplateVersionImport))?;
        let Held { job, permit } = hold(deed, id)?;
        store(deed, &permit, &job, Transition::Start, done.start_resources)?;
        store(deed, &permit, &job, Transition::Stop, done.stop_resources)?;
        let version = hold_version(deed, job.template_version_id)?;
        let named = |preset: Preset, deed: &Deed<'_>| Preset { id: deed.new_id(), ..preset };
        let presets = done.presets.into_iter().map(|preset| named(preset, deed)).collect();
        // No provider of accounts elsewhere is known to this server.
        let unknown = done.external_auth.iter().map(|provider| provider.id.as_str()).collect::<Vec<_>>().join(", ");
        let version = TemplateVersion {
            parameters: done.parameters,
            presets,
            external_auth: done.external_auth,
            has_ai_tasks: done.has_ai_tasks,
            ..version
        };
        let why = System::because("a daemon has read the source of a version").permit();
        deed.repos.template_versions().update(&why, &version)?;
        let error = if unknown.is_empty() {
            String::new()
        } else {
            format!("The template needs accounts at providers that this server does not know: {unknown}")
        };
        Ok::<_, Error>(end_job(deed, &permit, job, &error, "", None)?.map(drop))
    })
    .await?;
    told_of_logs(&ctx.bus, id);
    Ok(())
}

/// Ends a trial.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: as of [`complete_import`].
pub async fn complete_dry_run(
    ctx: &Context,
    by: &Principal,
    id: ProvisionerJobId,
    done: CompletedDryRun,
) -> Result<(), Error> {
    check_resources(&done.resources).map_err(not_taken)?;
    ctx.act(by, move |deed| {
        look_at(deed.repos, deed.by, id, Some(JobType::TemplateVersionDryRun))?;
        let Held { job, permit } = hold(deed, id)?;
        store(deed, &permit, &job, Transition::Start, done.resources)?;
        Ok::<_, Error>(end_job(deed, &permit, job, "", "", None)?.map(drop))
    })
    .await?;
    told_of_logs(&ctx.bus, id);
    Ok(())
}

/// Ends a build: the workspace is started, stopped, or gone for good.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: as of [`complete_import`].
pub async fn complete_build(
    ctx: &Context,
    by: &Principal,
    id: ProvisionerJobId,
    done: CompletedBuild,
) -> Result<(), Error> {
    check_resources(&done.resources).map_err(not_taken)?;
    let seal = ctx.seal();
    ctx.act(by, move |deed| {
        let job = look_at(deed.repos, deed.by, id, Some(JobType::WorkspaceBuild))?;
        let build = job.workspace_build_id.ok_or(Error::NotFound)?;
        workspaces::hold_build(deed, build)?;
        let Held { job, permit } = hold(deed, id)?;
        let transition = workspaces::transition_of(deed, build)?;
        store(deed, &permit, &job, transition, done.resources)?;
        keep_timings(deed, &permit, &job, done.timings)?;
        let sealed = seal_state(&seal, build, done.state)?;
        Ok::<_, Error>(end_job(deed, &permit, job, "", "", Some(sealed))?.map(drop))
    })
    .await?;
    told_of_logs(&ctx.bus, id);
    Ok(())
}

fn not_taken(defect: impl std::fmt::Display) -> Error {
    Error::invalid(defect.to_string())
}

/// Keeps how long the steps of a build took.
pub(super) fn keep_timings(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::ProvisionerJobs>,
    job: &ProvisionerJob,
    told: Vec<JobTiming>,
) -> Result<(), Error> {
    let timings = JobTiming::kept(told);
    if !timings.is_empty() {
        deed.repos.provisioner_jobs().update_timings(permit, job, &timings)?;
    }
    Ok(())
}

/// Keeps resources, with ids, and without what nobody is to see.
fn store(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::ProvisionerJobs>,
    job: &ProvisionerJob,
    transition: Transition,
    resources: Vec<Resource>,
) -> Result<(), Error> {
    let mut stored = Vec::with_capacity(resources.len());
    for mut resource in resources {
        for fact in resource.metadata.iter_mut().filter(|fact| fact.sensitive) {
            fact.value.clear();
        }
        resource.agents.iter_mut().for_each(|agent| name(deed, agent));
        let (id_of_resource, created_at) = (deed.new_id(), deed.now);
        stored.push(StoredResource { id: id_of_resource, job_id: job.id, created_at, transition, resource });
    }
    if !stored.is_empty() {
        deed.repos.provisioner_jobs().insert_resources(permit, job, &stored)?;
    }
    Ok(())
}

/// Gives an agent an id, and its apps those that they lack.
fn name(deed: &Deed<'_>, agent: &mut Agent) {
    agent.id = deed.new_id();
    for app in agent.apps.iter_mut().filter(|app| app.id.is_nil()) {
        app.id = deed.new_id();
    }
}
