//! Starting, stopping and ending workspaces, and what that may cost.

use super::{WorkspaceView, access};
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context};
use crate::error::Error;
use crate::quotas::Spender;
use crate::users::fields::Fields;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{BuildId, UserId, WorkspaceId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use doorward_ports::Repositories;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is asked of a build.
#[derive(Clone, Debug, Default)]
pub struct BuildWorkspace {
    /// `start`, `stop` or `delete`.
    pub transition: String,
    /// What the workspace costs per day from then on.
    pub daily_cost: i32,
}

/// A build that is about to be made.
#[derive(Clone, Debug)]
pub(super) struct NewBuild {
    id: BuildId,
    now: Instant,
    initiator: UserId,
    transition: Transition,
    daily_cost: i32,
    trail: Trail,
}

impl NewBuild {
    /// A build of this kind, asked for by `actor`.
    pub(super) fn start(ctx: &Context, actor: &Actor, transition: Transition, daily_cost: i32) -> Self {
        let (now, id) = ctx.new_id();
        // What is deleted costs nothing, so no quota keeps it from going.
        let daily_cost = if transition == Transition::Delete { 0 } else { daily_cost };
        Self { id, now, initiator: actor.user.id, transition, daily_cost, trail: Trail::of(ctx, actor) }
    }
}

/// What is wrong with what a build is to cost.
pub(super) fn negative(daily_cost: i32) -> Option<String> {
    (daily_cost < 0).then(|| "Must not be negative.".to_owned())
}

/// Builds a workspace. A build that costs more than is left of the owner's quota is kept as failed and costs nothing; the
/// answer shows it as the latest build.
pub async fn build(
    ctx: &Context,
    actor: &Actor,
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
    fields.defect("daily_cost", negative(command.daily_cost)).done()?;
    let build = NewBuild::start(ctx, actor, transition, command.daily_cost);
    let actor = actor.clone();
    ctx.store
        .write(move |repos| {
            // The owner, who never changes, before the workspace: in the order in which a workspace is made.
            let found = repos.workspaces().find(id)?;
            let owner = access::readable(&actor, found)?.owner_id;
            let owner = Spender::hold(repos, owner)?.ok_or(Error::NotFound)?;
            let found = repos.workspaces().hold(id)?;
            let workspace = access::readable(&actor, found)?;
            let permit = access::permit_build(&actor, &workspace, transition)?;
            let view = repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
            let version = view.template.active_version_id;
            record_build(repos, &build, &permit, &workspace, &owner, version)?;
            repos.workspaces().view(id)?.ok_or(Error::NotFound)
        })
        .await
}

/// Makes the build as the quota allows, and writes what became of it to the audit log. The rule is over all workspaces
/// of the owner, who is held.
pub(super) fn record_build(
    repos: &mut dyn Repositories,
    new: &NewBuild,
    permit: &Permit<action::Update, resource::Workspace>,
    workspace: &Workspace,
    owner: &Spender,
    template_version_id: Option<Uuid>,
) -> Result<(), Error> {
    let previous = repos.workspaces().latest_build(workspace.id)?;
    let quota = owner.quota(repos, workspace.organization_id, workspace.id)?;
    let spent = quota.spend(new.daily_cost, previous.as_ref().map(|build| build.daily_cost));
    let number = previous.as_ref().map_or(0, |build| build.build_number).checked_add(1);
    let (outcome, error, daily_cost) = match &spent {
        Ok(_) => (Outcome::Succeeded, String::new(), new.daily_cost),
        Err(refused) => (Outcome::Failed, refused.to_string(), 0),
    };
    let build = Build {
        id: new.id,
        workspace_id: workspace.id,
        build_number: number.ok_or_else(|| Error::invalid("The workspace has too many builds."))?,
        transition: new.transition,
        outcome,
        error,
        daily_cost,
        template_version_id,
        initiator_id: new.initiator,
        created_at: new.now,
    };
    if !repos.workspaces().insert_build(permit, &build)? {
        return Err(Error::NotFound);
    }
    record(new.trail.clone(), repos, workspace, &owner.user().username, previous.as_ref(), &build)
}

fn record(
    trail: Trail,
    repos: &mut dyn Repositories,
    workspace: &Workspace,
    owner: &str,
    previous: Option<&Build>,
    build: &Build,
) -> Result<(), Error> {
    let action = match build.transition {
        Transition::Start => AuditAction::Start,
        Transition::Stop => AuditAction::Stop,
        Transition::Delete => AuditAction::Delete,
    };
    let version = |build: &Build| build.template_version_id.map(|id| id.to_string()).unwrap_or_default();
    let (status, diff) = match build.outcome {
        Outcome::Succeeded => {
            let old = previous.map(version).unwrap_or_default();
            (200, Diff::default().field("template_version_id", old, version(build)))
        }
        Outcome::Failed => (500, Diff::default()),
    };
    let about = json!({
        "workspace_name": workspace.name,
        "build_number": build.build_number.to_string(),
        "build_reason": "initiator",
        "workspace_owner": owner,
        "workspace_id": workspace.id,
    });
    let thing = (AuditResource::WorkspaceBuild, build.id.to_string(), workspace.name.clone());
    // Builds are found by their job (`enterprise-platform.md` 9.2), which has the id of the build.
    let trail = trail.of_job(build.id.0).within(workspace.organization_id).with(about);
    trail.write(repos, action, status, thing, diff)?;
    Ok(())
}

/// Makes a workspace dormant, or wakes it. A dormant workspace can be stopped and deleted but not started.
pub async fn set_dormant(ctx: &Context, actor: &Actor, id: WorkspaceId, dormant: bool) -> Result<WorkspaceView, Error> {
    let (actor, trail) = (actor.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let found = repos.workspaces().hold(id)?;
            let old = access::readable(&actor, found)?;
            let permit = access::permit_update(&actor, &old)?;
            if old.dormant_at.is_some() != dormant {
                let dormant_at = dormant.then_some(trail.now);
                if !repos.workspaces().update_dormancy(&permit, id, dormant_at, trail.now)? {
                    return Err(Error::NotFound);
                }
                let diff = Diff::default().field("dormant_at", moment(old.dormant_at), moment(dormant_at));
                let thing = (AuditResource::Workspace, id.to_string(), old.name.clone());
                trail.within(old.organization_id).write(repos, AuditAction::Write, 200, thing, diff)?;
            }
            repos.workspaces().view(id)?.ok_or(Error::NotFound)
        })
        .await
}

/// An instant as the audit log shows it.
fn moment(at: Option<Instant>) -> Value {
    let format = |at: Instant| at.format(&time::format_description::well_known::Rfc3339).ok();
    let text = at.and_then(format).unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned());
    json!({ "Time": text, "Valid": at.is_some() })
}
