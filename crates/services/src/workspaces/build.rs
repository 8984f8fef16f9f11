//! Starting, stopping and ending workspaces, and what that may cost.

use super::jobs::{Given, JobBuild, post_build, version_of};
use super::{WorkspaceView, access, record};
use crate::Principal;
use crate::audit::{Diff, moment};
use crate::context::Context;
use crate::deed::{Deed, Recorded};
use crate::error::Error;
use crate::notifications::workspaces as notifications;
use crate::provisioner_jobs::told_of_post;
use crate::quotas::Spender;
use crate::users::fields::Fields;
use doorward_domain::Instant;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::WorkspaceId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Largest state of a provisioner, in bytes: what fits into a message to a daemon.
const STATE_MAX: usize = 4 * 1024 * 1024;

/// What is asked of a build.
#[derive(Clone, Debug, Default)]
pub struct BuildWorkspace {
    /// `start`, `stop` or `delete`.
    pub transition: String,
    /// What the workspace costs per day from then on, where no provisioner daemon finds that out.
    pub daily_cost: i32,
    /// The version of the template; `None` for that of the build before.
    pub template_version_id: Option<Uuid>,
    /// Values of the parameters of the version.
    pub parameters: BTreeMap<String, String>,
    /// Values that go together; those of `parameters` go before.
    pub preset: Option<Uuid>,
    /// `debug`, or empty: how much the daemon is to log.
    pub log_level: String,
    /// What the provisioner is to begin with, in the place of what it has left behind.
    pub state: Option<Vec<u8>>,
    /// Whether what the provisioner has left behind is forgotten, so that nothing is taken down.
    pub orphan: bool,
}

/// A build that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewBuild {
    pub(super) transition: Transition,
    pub(super) daily_cost: i32,
    pub(super) template_version_id: Option<Uuid>,
}

/// What is wrong with what a build is to cost.
pub(super) fn negative(daily_cost: i32) -> Option<String> {
    (daily_cost < 0).then(|| "Must not be negative.".to_owned())
}

/// Builds a workspace. Where the template has versions, a job of a provisioner daemon carries it out, and the answer shows it as waiting;
/// otherwise it is over at once. A build that costs more than is left of the owner's quota is kept as failed and costs nothing; the
/// answer shows it as the latest build.
///
/// Needs `workspace:update`, and `workspace:start`, `workspace:stop` or `workspace:delete`; with another state or without any, or from
/// another version than the template wants, `template:update` too. Errors: `Invalid` (`transition`, `daily_cost`, `template_version_id`,
/// `log_level`; parameters; too many builds), `NotFound` (missing or not readable), `Forbidden`, `Refused` (no account), `Conflict` (a
/// build is under way; too many jobs wait), `WrongState` (the version is not imported yet).
pub async fn build(
    ctx: &Context,
    actor: &Principal,
    id: WorkspaceId,
    command: BuildWorkspace,
) -> Result<WorkspaceView, Error> {
    let transition = command.transition.parse::<Transition>().map_err(|_unknown| {
        let rule = if command.transition.is_empty() { "required" } else { "oneof" };
        Error::invalid_field(
            "transition",
            format!("Validation failed for tag \"{rule}\" with value: \"{}\"", command.transition),
        )
    });
    let mut fields = Fields::default();
    let transition = fields.keep(transition)?.unwrap_or(Transition::Start);
    let is_too_large = command.state.as_ref().is_some_and(|state| state.len() > STATE_MAX);
    fields
        .defect("daily_cost", negative(command.daily_cost))
        .that("log_level", matches!(command.log_level.as_str(), "" | "debug"), "must be `debug` or absent")
        .that("state", !is_too_large, "must have at most 4194304 bytes")
        .done()?;
    let daily_cost = command.daily_cost;
    let given = Given {
        version: command.template_version_id,
        parameters: command.parameters,
        preset: command.preset,
        log_level: command.log_level,
        state: command.state,
        orphan: command.orphan,
    };
    let seal = ctx.seal();
    let view = ctx
        .act(actor, move |deed| {
            // The owner, who never changes, before the workspace: in the order in which a workspace is made.
            let found = deed.repos.workspaces().find(id)?;
            let owner = access::readable(deed.by, found)?.owner_id;
            let owner = Spender::hold(deed.repos, owner)?.ok_or(Error::NotFound)?;
            let found = deed.repos.workspaces().find_for_update(id)?;
            let workspace = access::readable(deed.by, found)?;
            let permit = access::permit_build(deed.by, &workspace, transition)?;
            let view = deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
            let previous = view.latest_build.map(|latest| latest.build);
            let template = view.template;
            let version = version_of(deed, &template, previous.as_ref(), &given, transition)?;
            if transition == Transition::Start {
                let from = version.as_ref().map(|version| version.id.0).or(template.active_version_id);
                let owner = owner.user();
                notifications::workspace_started(deed, &workspace, owner, &template, previous.as_ref(), from)?;
            }
            if let Some(version) = version {
                let (workspace, template, previous) = (&workspace, &template, previous.as_ref());
                let new = JobBuild { workspace, template, version, previous, transition, given };
                post_build(deed, &seal, &permit, new)?;
                let view = deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
                return Ok::<_, Error>(deed.unrecorded("a build is recorded when its job is over", view));
            }
            let new = NewBuild { transition, daily_cost, template_version_id: template.active_version_id };
            let recorded = record_build(deed, new, &permit, &workspace, &owner)?;
            Ok(recorded.answer(deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?))
        })
        .await?;
    wake_daemons(ctx, &view);
    Ok(view)
}

/// Tells daemons of the job of the latest build, if one carries it out.
pub(super) fn wake_daemons(ctx: &Context, view: &WorkspaceView) {
    if view.latest_build.as_ref().is_some_and(|latest| latest.build.job_id.is_some()) {
        told_of_post(&ctx.bus, view.workspace.organization_id);
    }
}

/// Makes the build as the quota allows, and writes what became of it to the audit log. The rule is over all workspaces
/// of the owner, who is held.
pub(super) fn record_build(
    deed: &mut Deed<'_>,
    new: NewBuild,
    permit: &Permit<action::Update, resource::Workspace>,
    workspace: &Workspace,
    owner: &Spender,
) -> Result<Recorded, Error> {
    let previous = deed.repos.workspaces().latest_build(workspace.id)?;
    if previous.as_ref().is_some_and(|build| build.outcome == Outcome::Pending) {
        return Err(Error::conflict("A workspace build is already active."));
    }
    let quota = owner.quota(deed.repos, deed.licensed, workspace.organization_id, workspace.id)?;
    // What is deleted costs nothing, so no quota keeps it from going.
    let cost = if new.transition == Transition::Delete { 0 } else { new.daily_cost };
    let spent = quota.spend(cost, previous.as_ref().map(|build| build.daily_cost));
    let number = previous.as_ref().map_or(0, |build| build.build_number).checked_add(1);
    let (outcome, error, daily_cost) = match &spent {
        Ok(_) => (Outcome::Succeeded, String::new(), cost),
        Err(refused) => (Outcome::Failed, refused.to_string(), 0),
    };
    let build = Build {
        id: deed.new_id(),
        workspace_id: workspace.id,
        build_number: number.ok_or_else(|| Error::invalid("The workspace has too many builds."))?,
        transition: new.transition,
        outcome,
        error,
        daily_cost,
        template_version_id: new.template_version_id,
        initiator_id: deed.by.account()?.user.id,
        created_at: deed.now,
        job_id: None,
    };
    if !deed.repos.workspaces().insert_build(permit, &build)? {
        return Err(Error::NotFound);
    }
    Ok(record::built(deed, workspace, owner.user(), previous.as_ref(), &build)?)
}

/// Makes a workspace dormant, or wakes it. A dormant workspace can be stopped and deleted but not started.
///
/// Needs `workspace:update`, or for a dormant one `workspace_dormant:update`. Errors: `NotFound` (missing or not
/// readable), `Forbidden`.
pub async fn set_dormant(
    ctx: &Context,
    actor: &Principal,
    id: WorkspaceId,
    dormant: bool,
) -> Result<WorkspaceView, Error> {
    ctx.act(actor, move |deed| {
        let found = deed.repos.workspaces().find_for_update(id)?;
        let old = access::readable(deed.by, found)?;
        let permit = access::permit_update(deed.by, &old)?;
        if old.dormant_at.is_some() == dormant {
            let view = deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
            return Ok(deed.unrecorded("it is as it should be already", view));
        }
        let dormant_at = dormant.then_some(deed.now);
        if !deed.repos.workspaces().update_dormancy(&permit, id, dormant_at, deed.now)? {
            return Err(Error::NotFound);
        }
        let diff = Diff::default().field("dormant_at", nullable(old.dormant_at), nullable(dormant_at));
        let recorded = deed.entry().noted(AuditAction::Write, 200, &old, diff)?;
        Ok(recorded.answer(deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?))
    })
    .await
}

/// A moment that may not be, as the audit log shows that of dormancy.
fn nullable(at: Option<Instant>) -> Value {
    json!({ "Time": moment(at), "Valid": at.is_some() })
}
