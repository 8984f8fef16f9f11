//! Starting, stopping and ending workspaces, and what that may cost.

use super::{WorkspaceView, access, record};
use crate::Principal;
use crate::audit::{Diff, moment};
use crate::context::Context;
use crate::deed::{Deed, Recorded};
use crate::error::Error;
use crate::quotas::Spender;
use crate::users::fields::Fields;
use doorward_domain::Instant;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::WorkspaceId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
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

/// Builds a workspace. A build that costs more than is left of the owner's quota is kept as failed and costs nothing; the
/// answer shows it as the latest build.
///
/// Needs `workspace:update`, and `workspace:start`, `workspace:stop` or `workspace:delete`. Errors: `Invalid`
/// (`transition`, `daily_cost`; too many builds), `NotFound` (missing or not readable), `Forbidden`, `Refused` (no
/// account).
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
    fields.defect("daily_cost", negative(command.daily_cost)).done()?;
    let daily_cost = command.daily_cost;
    ctx.act(actor, move |deed| {
        // The owner, who never changes, before the workspace: in the order in which a workspace is made.
        let found = deed.repos.workspaces().find(id)?;
        let owner = access::readable(deed.by, found)?.owner_id;
        let owner = Spender::hold(deed.repos, owner)?.ok_or(Error::NotFound)?;
        let found = deed.repos.workspaces().find_for_update(id)?;
        let workspace = access::readable(deed.by, found)?;
        let permit = access::permit_build(deed.by, &workspace, transition)?;
        let view = deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
        let new = NewBuild { transition, daily_cost, template_version_id: view.template.active_version_id };
        let recorded = record_build(deed, new, &permit, &workspace, &owner)?;
        Ok(recorded.answer(deed.repos.workspaces().view(id)?.ok_or(Error::NotFound)?))
    })
    .await
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
