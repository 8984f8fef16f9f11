//! Jobs that fail.

use super::complete::keep_timings;
use super::daemon::{Held, daemon_of, hold, look_at};
use super::end::end_job;
use super::events::told_of_logs;
use super::seal::seal_state;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::workspaces;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::{JobTiming, UNHEARD_AFTER};
use std::time::Duration;

/// What is said of a job whose daemon was cut off while it got it.
const CUT_OFF: &str = "The connection to the provisioner daemon broke while it got the job.";

/// What is left of a build that failed.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// What the provisioner leaves behind, in place of what is kept; `None`: that stays.
    pub state: Option<Vec<u8>>,
    /// How long its steps took.
    pub timings: Vec<JobTiming>,
}

/// Ends a job that failed, or that was stopped when `error` is empty and somebody asked for that. Only of a build something is left.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: `Refused` (it has another daemon, or the principal is none),
/// `Conflict` (no daemon has it, or it is over), `NoSuch`.
pub async fn fail(
    ctx: &Context,
    by: &Principal,
    id: ProvisionerJobId,
    error: String,
    error_code: String,
    left: Left,
) -> Result<(), Error> {
    let seal = ctx.seal();
    ctx.act(by, move |deed| {
        let build = look_at(deed.repos, deed.by, id, None)?.workspace_build_id;
        if let Some(build) = build {
            workspaces::hold_build(deed, build)?;
        }
        let Held { job, permit } = hold(deed, id)?;
        if build.is_some() {
            keep_timings(deed, &permit, &job, left.timings)?;
        }
        let sealed = build.zip(left.state).map(|(build, state)| seal_state(&seal, build, state)).transpose()?;
        Ok::<_, Error>(end_job(deed, &permit, job, &error, &error_code, sealed)?.map(drop))
    })
    .await?;
    told_of_logs(&ctx.bus, id);
    Ok(())
}

/// Ends a job that a daemon got and was never told of, for its connection broke.
///
/// Needs the principal of that daemon. Errors: as of [`fail()`].
pub async fn disconnected(ctx: &Context, by: &Principal, id: ProvisionerJobId) -> Result<(), Error> {
    fail(ctx, by, id, CUT_OFF.to_owned(), String::new(), Left::default()).await
}

/// Ends the jobs that a daemon was given, perhaps over a connection that broke, and of which it has never said anything: who asks for a job has
/// none, and whoever has one speaks of it every five seconds. Answers how long to wait for those that it was given just now, which another
/// daemon of the same name may have; `None` when there are none.
///
/// Needs the principal of that daemon. Errors: `Refused` (no daemon).
pub async fn end_unheard(ctx: &Context, by: &Principal) -> Result<Option<Duration>, Error> {
    let (daemon, _, _) = daemon_of(by)?;
    let now = ctx.clock.now();
    let held = ctx.look(by, move |look| Ok::<_, Error>(look.repos.provisioner_jobs().current_of(&[daemon])?)).await?;
    let mut longest = None;
    for job in held.into_iter().map(|held| held.job) {
        let Some(started) = job.started_at.filter(|started| *started == job.updated_at) else { continue };
        let left = UNHEARD_AFTER - (now - started);
        if left.is_positive() {
            longest = longest.max(Some(left.unsigned_abs()));
            continue;
        }
        match disconnected(ctx, by, job.id).await {
            Ok(()) => tracing::info!(job = %job.id, "a job is given up that did not reach its daemon"),
            // Something became of it meanwhile.
            Err(Error::Refused(_) | Error::Conflict { .. } | Error::NoSuch(_) | Error::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(longest)
}
