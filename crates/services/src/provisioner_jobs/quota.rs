//! What a build may cost.

use super::daemon::{Held, hold, look_at};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::workspaces;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::JobType;

/// Whether a build may cost what it is to cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Whether it may.
    pub ok: bool,
    /// What the owner spends per day, with the build if it may.
    pub credits_consumed: i64,
    /// What the owner may spend per day; -1 for any number.
    pub budget: i64,
}

/// Asks whether a build may cost so much per day, and notes that it does if it may. The quota is that of the owner of the workspace: whoever
/// else builds for the same owner waits meanwhile.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: as of [`update`](super::update()), `Conflict` (it builds nothing),
/// `Invalid` (the cost is negative).
pub async fn commit_quota(
    ctx: &Context,
    by: &Principal,
    id: ProvisionerJobId,
    daily_cost: i32,
) -> Result<Commitment, Error> {
    if daily_cost < 0 {
        return Err(Error::invalid("a build cannot cost less than nothing"));
    }
    ctx.act(by, move |deed| {
        let job = look_at(deed.repos, deed.by, id, Some(JobType::WorkspaceBuild))?;
        let build = job.workspace_build_id.ok_or(Error::NotFound)?;
        let (spender, workspace) = workspaces::hold_build(deed, build)?;
        let Held { .. } = hold(deed, id)?;
        let commitment = workspaces::commit_cost(deed, &spender, &workspace, build, daily_cost)?;
        Ok(deed.unrecorded("the record of a build is written at its end", commitment))
    })
    .await
}
