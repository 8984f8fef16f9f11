//! Builds that provisioner daemons carry out.

use super::{access, record};
use crate::deed::{Deed, Recorded};
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::provisioner_jobs::{Commitment, NewJob, Seal, open_state, post, refused_values, seal_state};
use crate::quotas::Spender;
use crate::templates;
use doorward_domain::ids::{BuildId, TemplateVersionId};
use doorward_domain::provisioner_jobs::{JobInput, JobStatus, JobType, ProvisionerJob};
use doorward_domain::roles::{Action, Permit, System, action, resource};
use doorward_domain::template_versions::{Preset, TemplateVersion, resolve, workspace_tags};
use doorward_domain::templates::Template;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a build by a job is given, as it was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// The version; `None` for that of the build before it, or the active one.
    pub(super) version: Option<Uuid>,
    /// Values of parameters.
    pub(super) parameters: BTreeMap<String, String>,
    /// Values that go together; those of `parameters` go before.
    pub(super) preset: Option<Uuid>,
    /// How much the daemon is to log.
    pub(super) log_level: String,
    /// What the provisioner is to begin with, in the place of what it has left behind.
    pub(super) state: Option<Vec<u8>>,
    /// Whether what the provisioner has left behind is forgotten, so that nothing is taken down.
    pub(super) orphan: bool,
}

/// A build that a job is to carry out.
pub(super) struct JobBuild<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) template: &'a Template,
    pub(super) version: TemplateVersion,
    pub(super) previous: Option<&'a Build>,
    pub(super) transition: Transition,
    pub(super) given: Given,
}

/// The version that a build is made from, if it is one that jobs build from: the one that is asked for, else that of the build before it, else
/// the active one. Errors: `Invalid` (`template_version_id`).
pub(super) fn version_of(
    deed: &mut Deed<'_>,
    template: &Template,
    previous: Option<&Build>,
    given: &Given,
    transition: Transition,
) -> Result<Option<TemplateVersion>, Error> {
    let before = previous.and_then(|build| build.template_version_id);
    let active = template.active_version_id;
    // Workspaces of a template that wants that are started from its present version.
    let usual = if template.settings.require_active_version && transition == Transition::Start {
        active
    } else {
        before.or(active)
    };
    let Some(id) = given.version.or(usual) else { return Ok(None) };
    let found = deed.repos.template_versions().find(TemplateVersionId(id))?;
    let refused =
        |detail: String| Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("template_version_id", detail)]);
    match found {
        // What was built by hand is built on by the active version, once there is one.
        None if given.version.is_none() && before == Some(id) && active != before => {
            let active = active.map(|id| deed.repos.template_versions().find(TemplateVersionId(id))).transpose()?;
            Ok(active.flatten())
        }
        None if given.version.is_none() => Ok(None),
        Some(version) if version.template_id == Some(template.id) => Ok(Some(version)),
        Some(_) | None => Err(refused(format!("The template has no version \"{id}\"."))),
    }
}

/// Posts the job of a build. The owner and the workspace are held.
pub(super) fn post_build(
    deed: &mut Deed<'_>,
    seal: &Seal,
    permit: &Permit<action::Update, resource::Workspace>,
    new: JobBuild<'_>,
) -> Result<Build, Error> {
    let JobBuild { workspace, template, version, previous, transition, given } = new;
    if previous.is_some_and(|build| build.outcome == Outcome::Pending) {
        return Err(Error::conflict("A workspace build is already active."));
    }
    check_version(deed, template, &version, transition)?;
    let changes_state = given.state.is_some() || given.orphan;
    if changes_state {
        deed.by.subject.check(Action::Update, &templates::access::object(template))?;
    }
    if given.orphan && transition != Transition::Delete {
        return Err(Error::invalid_field("orphan", "Only a workspace that is deleted can leave behind what it has."));
    }
    let before = match previous {
        Some(previous) => deed.repos.workspaces().build_parameters(previous.id)?,
        None => None,
    };
    let parameters = values(&version, given.preset, given.parameters)?;
    let parameters = match transition {
        // Whoever stops or deletes is asked for nothing.
        Transition::Stop | Transition::Delete if parameters.is_empty() => {
            resolve(&version.parameters, &parameters, before.as_ref())
                .unwrap_or_else(|_unfit| before.unwrap_or_default())
        }
        Transition::Start | Transition::Stop | Transition::Delete => {
            resolve(&version.parameters, &parameters, before.as_ref()).map_err(refused_values)?
        }
    };
    let import = deed.repos.provisioner_jobs().find(version.job_id)?.ok_or(Error::NotFound)?;
    let tags = workspace_tags(&import.tags, &version.workspace_tags, &parameters, workspace.owner_id)
        .map_err(|defect| Error::invalid(format!("The tags of the workspace cannot be told: {defect}")))?;
    let number = previous.map_or(0, |build| build.build_number).checked_add(1);
    let job_id = deed.new_id();
    let build = Build {
        id: deed.new_id(),
        workspace_id: workspace.id,
        build_number: number.ok_or_else(|| Error::invalid("The workspace has too many builds."))?,
        transition,
        outcome: Outcome::Pending,
        error: String::new(),
        daily_cost: 0,
        template_version_id: Some(version.id.0),
        initiator_id: deed.by.account()?.user.id,
        created_at: deed.now,
        job_id: Some(job_id),
    };
    let state = match (given.state, given.orphan, previous) {
        (Some(state), _, _) => state,
        (None, true, _) | (None, false, None) => Vec::new(),
        (None, false, Some(previous)) => {
            let stored = deed.repos.workspaces().build_state(previous.id)?;
            open_state(seal, previous.id, stored)?
        }
    };
    let state = if state.is_empty() { None } else { Some(seal_state(seal, build.id, state)?) };
    if !deed.repos.workspaces().insert_build(permit, &build)? {
        return Err(Error::NotFound);
    }
    deed.repos.workspaces().insert_build_input(permit, &build, &parameters, state)?;
    let job = NewJob {
        organization_id: workspace.organization_id,
        initiator_id: build.initiator_id,
        provisioner: import.provisioner,
        kind: JobType::WorkspaceBuild,
        file_id: version.file_id,
        tags,
        template_version_id: version.id,
        workspace_build_id: Some(build.id),
        input: JobInput { log_level: given.log_level, ..JobInput::default() },
    };
    post(deed, seal, job_id, job)?;
    Ok(build)
}

/// Whether this version may be built from, and the caller may do so.
fn check_version(
    deed: &mut Deed<'_>,
    template: &Template,
    version: &TemplateVersion,
    transition: Transition,
) -> Result<(), Error> {
    let import = deed.repos.provisioner_jobs().find(version.job_id)?.ok_or(Error::NotFound)?;
    match import.status() {
        JobStatus::Succeeded => {}
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling => {
            return Err(Error::WrongState(format!(
                "The provided template version is {}. Wait for it to complete importing!",
                import.status()
            )));
        }
        JobStatus::Failed | JobStatus::Canceled => {
            return Err(Error::invalid_because(
                format!("The provided template version \"{}\" has failed to import.", version.name),
                import.error,
            ));
        }
    }
    if version.archived && transition == Transition::Start {
        return Err(Error::invalid("The template version is archived. Workspaces are not started from it."));
    }
    if template.settings.require_active_version
        && transition == Transition::Start
        && template.active_version_id != Some(version.id.0)
    {
        deed.by.subject.check(Action::Update, &templates::access::object(template))?;
    }
    Ok(())
}

/// The values that are given, one by one or by a preset.
fn values(
    version: &TemplateVersion,
    preset: Option<Uuid>,
    given: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let Some(id) = preset else { return Ok(given) };
    let found: Option<&Preset> = version.presets.iter().find(|preset| preset.id == id);
    let preset = found.ok_or_else(|| {
        Error::invalid_field("template_version_preset_id", format!("The version has no preset \"{id}\"."))
    })?;
    let mut values: BTreeMap<String, String> =
        preset.parameters.iter().map(|value| (value.name.clone(), value.value.clone())).collect();
    values.extend(given);
    Ok(values)
}

/// Holds the owner of what a build is of, then the workspace, until the transaction ends.
pub(crate) fn hold_build(deed: &mut Deed<'_>, build: BuildId) -> Result<(Spender, Workspace), Error> {
    let build = deed.repos.workspaces().find_build(build)?.ok_or(Error::NotFound)?;
    let workspace = deed.repos.workspaces().find_with_deleted(build.workspace_id)?.ok_or(Error::NotFound)?;
    let spender = Spender::hold(deed.repos, workspace.owner_id)?.ok_or(Error::NotFound)?;
    let workspace = deed.repos.workspaces().find_for_update(workspace.id)?.ok_or(Error::NotFound)?;
    Ok((spender, workspace))
}

/// What a build does.
pub(crate) fn transition_of(deed: &mut Deed<'_>, build: BuildId) -> Result<Transition, Error> {
    Ok(deed.repos.workspaces().find_build(build)?.ok_or(Error::NotFound)?.transition)
}

/// Notes what a build costs, if the quota of the owner, who is held, allows it.
pub(crate) fn commit_cost(
    deed: &mut Deed<'_>,
    spender: &Spender,
    workspace: &Workspace,
    build: BuildId,
    daily_cost: i32,
) -> Result<Commitment, Error> {
    let build = deed.repos.workspaces().find_build(build)?.ok_or(Error::NotFound)?;
    let previous = before(deed, &build)?;
    let quota = spender.quota(deed.repos, deed.licensed, workspace.organization_id, workspace.id)?;
    let budget = quota.budget.as_i64();
    let cost = if build.transition == Transition::Delete { 0 } else { daily_cost };
    match quota.spend(cost, previous.as_ref().map(|build| build.daily_cost)) {
        Err(_refused) => Ok(Commitment { ok: false, credits_consumed: quota.consumed, budget }),
        Ok(consumed) => {
            let permit = System::because("the quota of the owner allows what the build costs").permit();
            let build = Build { daily_cost: cost, ..build };
            if !deed.repos.workspaces().update_build(&permit, &build, deed.now)? {
                return Err(Error::NotFound);
            }
            Ok(Commitment { ok: true, credits_consumed: consumed, budget })
        }
    }
}

/// Ends the build that a job carried out, and records it; `None` when there is none any more.
pub(crate) fn end_build(
    deed: &mut Deed<'_>,
    build: BuildId,
    job: &ProvisionerJob,
    sealed_state: Option<Vec<u8>>,
) -> Result<Option<Recorded>, Error> {
    let Some(build) = deed.repos.workspaces().find_build(build)? else { return Ok(None) };
    let Some(workspace) = deed.repos.workspaces().find_with_deleted(build.workspace_id)? else { return Ok(None) };
    let Some(owner) = deed.repos.users().find(workspace.owner_id)? else { return Ok(None) };
    let permit = System::because("the job of the build is over").permit_on(&access::object(&workspace));
    let build = Build { outcome: job.status().outcome(), error: job.error.clone(), ..build };
    if let Some(state) = sealed_state {
        deed.repos.workspaces().update_build_state(&permit, &build, &state)?;
    }
    deed.repos.workspaces().update_build(&permit, &build, deed.now)?;
    let previous = before(deed, &build)?;
    Ok(Some(record::built(deed, &workspace, &owner, previous.as_ref(), &build)?))
}

/// The build before this one.
fn before(deed: &mut Deed<'_>, build: &Build) -> Result<Option<Build>, Error> {
    if build.build_number <= 1 {
        return Ok(None);
    }
    let view = deed.repos.workspaces().view_build_by_number(build.workspace_id, build.build_number - 1)?;
    Ok(view.map(|view| view.build))
}
