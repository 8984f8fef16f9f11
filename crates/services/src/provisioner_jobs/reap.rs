//! Jobs of which nothing is heard.

use super::end::end_job;
use super::events::told_of_logs;
use crate::jobs::{Job, Lease, Next, Schedule};
use crate::workspaces;
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::{HUNG_AFTER, LogLevel, LogSource, NewLog, PENDING_FOR};
use doorward_domain::roles::{System, action, resource};
use time::Duration;

/// The pause between two looks.
const INTERVAL: Duration = Duration::minutes(1);
/// Most jobs that are found at once.
const BATCH: u32 = 50;

/// Gives up jobs of which nothing was heard for long: those that run after five minutes, those that wait after thirty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reaper;

#[async_trait]
impl Job for Reaper {
    fn name(&self) -> &'static str {
        "provisioner_job_reaper"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(INTERVAL).with_jitter(INTERVAL / 10)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        loop {
            lease.check()?;
            let found = silent(ctx).await?;
            let is_last = found.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            for job in found {
                lease.check()?;
                reap(ctx, job, Some(lease)).await?;
            }
            if is_last {
                return Ok(Next::Scheduled);
            }
        }
    }
}

/// The jobs that are to be given up by now, some of them.
pub(crate) async fn silent(ctx: &Context) -> Result<Vec<ProvisionerJobId>, Error> {
    let now = ctx.clock.now();
    ctx.read(move |repos| Ok(repos.provisioner_jobs().list_silent(now - HUNG_AFTER, now - PENDING_FOR, BATCH)?)).await
}

/// Gives a job up, unless something was heard of it meanwhile; whether it did. A background job does it under its lease.
///
/// Needs nothing: the server does it for itself. Errors: none of its own.
pub async fn reap(ctx: &Context, id: ProvisionerJobId, lease: Option<&Lease>) -> Result<bool, Error> {
    let (why, lease) = ("jobs of which nothing is heard are given up", lease.cloned());
    let reaped = ctx
        .act(&Principal::system(why), move |deed| {
            let build = deed.repos.provisioner_jobs().find(id)?.and_then(|job| job.workspace_build_id);
            if let Some(build) = build
                && deed.repos.workspaces().find_build(build)?.is_some()
            {
                workspaces::hold_build(deed, build)?;
            }
            let job = deed.repos.provisioner_jobs().find_for_update(id)?;
            let Some((job, reason)) = job.and_then(|job| job.is_hung(deed.now).map(|reason| (job, reason))) else {
                return Ok(deed.unrecorded("something was heard of it", false));
            };
            let permit = System::because(why).permit::<action::Update, resource::ProvisionerJobs>();
            let line = NewLog {
                created_at: deed.now,
                source: LogSource::ProvisionerDaemon,
                level: LogLevel::Error,
                stage: "Given up".to_owned(),
                output: reason.to_owned(),
            };
            deed.repos.provisioner_jobs().append_logs(&permit, &job, deed.now, &[line])?;
            let done = end_job(deed, &permit, job, reason, "", None)?;
            if let Some(lease) = &lease {
                lease.confirm(deed.repos)?;
            }
            Ok::<_, Error>(done.map(|_job| true))
        })
        .await?;
    if reaped {
        tracing::info!(%id, "a job of which nothing was heard is given up");
        told_of_logs(&ctx.bus, id);
    }
    Ok(reaped)
}
