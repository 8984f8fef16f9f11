//! Builds by themselves.

use super::{BuildView, WorkspaceView, access, hold_build};
use crate::Principal;
use crate::context::Context;
use crate::deed::Look;
use crate::error::Error;
use crate::provisioner_jobs::{LogPage, cancel_in, open_state, page_of, told_of_logs};
use crate::templates;
use crate::users::UserRef;
use crate::users::reference::resolve;
use doorward_domain::Secret;
use doorward_domain::ids::{BuildId, ProvisionerJobId, WorkspaceId};
use doorward_domain::names::key;
use doorward_domain::provisioner_jobs::JobTiming;
use doorward_domain::roles::{Action, OWNER};
use doorward_domain::workspaces::Workspace;
use doorward_ports::provisioner_jobs::StoredResource;
use std::collections::BTreeMap;

/// A build with its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBuild {
    /// The workspace.
    pub workspace: WorkspaceView,
    /// The build.
    pub build: BuildView,
    /// What it has made.
    pub resources: Vec<StoredResource>,
}

/// Shows the workspace of a user that has this name; one that is deleted only if asked for.
///
/// Needs `workspace:read`. Errors: `UserNotFound` (missing or not readable), `NotFound` (missing or not readable), `Forbidden` (only the
/// scope is too short).
pub async fn find_by_name(
    ctx: &Context,
    by: &Principal,
    owner: &UserRef,
    name: &str,
    include_deleted: bool,
) -> Result<WorkspaceView, Error> {
    let (owner, name) = (owner.clone(), name.to_owned());
    ctx.look(by, move |look| named(look, &owner, &name, include_deleted)).await
}

/// Shows the build of a workspace that has this number.
///
/// Needs `workspace:read`. Errors: as of [`find_by_name`].
pub async fn find_by_number(
    ctx: &Context,
    by: &Principal,
    owner: &UserRef,
    name: &str,
    number: i32,
) -> Result<FoundBuild, Error> {
    let (owner, name) = (owner.clone(), name.to_owned());
    ctx.look(by, move |look| {
        let workspace = named(look, &owner, &name, false)?;
        let build = look.repos.workspaces().view_build_by_number(workspace.workspace.id, number)?;
        with_resources(look, workspace, build.ok_or(Error::NotFound)?)
    })
    .await
}

/// Shows a build.
///
/// Needs `workspace:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find_build(ctx: &Context, by: &Principal, id: BuildId) -> Result<FoundBuild, Error> {
    ctx.look(by, move |look| {
        let (workspace, build) = found(look, id)?;
        with_resources(look, workspace, build)
    })
    .await
}

/// What the job of a build says, behind the line of this number. A build without a job says nothing.
///
/// Needs `workspace:read`. Errors: as of [`find_build`].
pub async fn build_logs(ctx: &Context, by: &Principal, id: BuildId, after: i64) -> Result<LogPage, Error> {
    ctx.look(by, move |look| match found(look, id)?.1.build.job_id {
        Some(job) => page_of(look.repos, job, after),
        None => Ok(LogPage { job_id: ProvisionerJobId(id.0), lines: Vec::new(), is_all: true }),
    })
    .await
}

/// What a build has made.
///
/// Needs `workspace:read`. Errors: as of [`find_build`].
pub async fn build_resources(ctx: &Context, by: &Principal, id: BuildId) -> Result<Vec<StoredResource>, Error> {
    ctx.look(by, move |look| match found(look, id)?.1.build.job_id {
        Some(job) => Ok(look.repos.provisioner_jobs().list_resources(job)?),
        None => Ok(Vec::new()),
    })
    .await
}

/// The steps of a build with their times, and the job that told of them; a build without a job has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildTimings {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// Its steps, in the order in which they were told.
    pub steps: Vec<JobTiming>,
}

/// How long the steps of a build took.
///
/// Needs `workspace:read`. Errors: as of [`find_build`].
pub async fn build_timings(ctx: &Context, by: &Principal, id: BuildId) -> Result<BuildTimings, Error> {
    ctx.look(by, move |look| {
        let (_workspace, build) = found(look, id)?;
        timings(look, build.build.job_id)
    })
    .await
}

/// How long the steps of the latest build of a workspace took.
///
/// Needs `workspace:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn latest_timings(ctx: &Context, by: &Principal, id: WorkspaceId) -> Result<BuildTimings, Error> {
    ctx.look(by, move |look| {
        let workspace = look.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
        readable_once(look, &workspace.workspace)?;
        timings(look, workspace.latest_build.and_then(|latest| latest.build.job_id))
    })
    .await
}

fn timings(look: &mut Look<'_>, job: Option<ProvisionerJobId>) -> Result<BuildTimings, Error> {
    let Some(job_id) = job else { return Ok(BuildTimings { job_id: ProvisionerJobId::NIL, steps: Vec::new() }) };
    Ok(BuildTimings { job_id, steps: look.repos.provisioner_jobs().list_timings(job_id)? })
}

/// The values that a build was given for the parameters of its version.
///
/// Needs `workspace:read`. Errors: as of [`find_build`].
pub async fn build_parameters(ctx: &Context, by: &Principal, id: BuildId) -> Result<BTreeMap<String, String>, Error> {
    ctx.look(by, move |look| {
        found(look, id)?;
        Ok(look.repos.workspaces().build_parameters(id)?.unwrap_or_default())
    })
    .await
}

/// The state that the provisioner has left behind. It holds secrets of those who made the template.
///
/// Needs `workspace:read`, and `template:update` for its template. Errors: as of [`find_build`], `Forbidden`.
pub async fn build_state(ctx: &Context, by: &Principal, id: BuildId) -> Result<Secret<Vec<u8>>, Error> {
    let seal = ctx.seal();
    ctx.look(by, move |look| {
        let (workspace, _build) = found(look, id)?;
        look.by.subject.check(Action::Update, &templates::access::object(&workspace.template))?;
        let stored = look.repos.workspaces().build_state(id)?;
        Ok(Secret::new(open_state(&seal, id, stored)?))
    })
    .await
}

/// Asks for the end of a build.
///
/// Needs `workspace:update`, and a template that lets users do so; owners of the site always may. Errors: `NotFound` (missing or not
/// readable), `Forbidden`, `Refused` (the template does not let them), `WrongState` (over, or asked for already).
pub async fn cancel_build(ctx: &Context, by: &Principal, id: BuildId) -> Result<(), Error> {
    let job = ctx
        .act(by, move |deed| {
            let build = deed.repos.workspaces().find_build(id)?.ok_or(Error::NotFound)?;
            let found = deed.repos.workspaces().find(build.workspace_id)?;
            let workspace = access::readable(deed.by, found)?;
            let _may_change = access::permit_update(deed.by, &workspace)?;
            let template = deed.repos.templates().find_with_deleted(workspace.template_id)?.ok_or(Error::NotFound)?;
            let is_owner = deed.by.as_account().is_some_and(|account| account.user.roles.contains(OWNER));
            if !template.settings.allow_user_cancel_workspace_jobs && !is_owner {
                return Err(Error::Refused(
                    "User is not allowed to cancel workspace builds. Owner role is required.".to_owned(),
                ));
            }
            let job = build.job_id.ok_or_else(|| Error::WrongState("Job has already completed!".to_owned()))?;
            hold_build(deed, id)?;
            Ok::<_, Error>(cancel_in(deed, job)?.map(|_job| job))
        })
        .await?;
    told_of_logs(&ctx.bus, job);
    Ok(())
}

/// The build with its workspace, which may be deleted, if the caller may read that.
fn found(look: &mut Look<'_>, id: BuildId) -> Result<(WorkspaceView, BuildView), Error> {
    let build = look.repos.workspaces().view_build(id)?.ok_or(Error::NotFound)?;
    let workspace = look.repos.workspaces().view(build.build.workspace_id)?.ok_or(Error::NotFound)?;
    readable_once(look, &workspace.workspace)?;
    Ok((workspace, build))
}

fn with_resources(look: &mut Look<'_>, workspace: WorkspaceView, build: BuildView) -> Result<FoundBuild, Error> {
    let resources = match build.build.job_id {
        Some(job) => look.repos.provisioner_jobs().list_resources(job)?,
        None => Vec::new(),
    };
    Ok(FoundBuild { workspace, build, resources })
}

fn named(look: &mut Look<'_>, owner: &UserRef, name: &str, include_deleted: bool) -> Result<WorkspaceView, Error> {
    let owner = resolve(look.repos, look.by, owner)?;
    let id = look.repos.workspaces().find_by_name(owner.id, &key(name), include_deleted)?.ok_or(Error::NotFound)?;
    let view = look.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
    readable_once(look, &view.workspace)?;
    Ok(view)
}

/// Whether the caller may read the workspace, or might when it lived.
fn readable_once(look: &Look<'_>, workspace: &Workspace) -> Result<(), Error> {
    let checked = look.by.subject.check(Action::Read, &access::object(workspace));
    checked.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))
}
