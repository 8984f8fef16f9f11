//! Clients that nobody uses any more.

use crate::jobs::{Job, Lease, Next, Schedule};
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::roles::{System, action, resource};
use doorward_ports::registrations::Idle;
use time::Duration;

/// The pause between two runs.
const INTERVAL: Duration = Duration::HOUR;
/// Most clients that one transaction removes.
const BATCH: u32 = 200;
/// Between two full batches, so that requests do not wait for it.
const BREATH: std::time::Duration = std::time::Duration::from_millis(200);

/// Removes clients that registered themselves and have had no live grant for long.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegistrationReaper;

#[async_trait]
impl Job for RegistrationReaper {
    fn name(&self) -> &'static str {
        "registration_reaper"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(INTERVAL).with_jitter(INTERVAL / 10)
    }

    /// Full batches follow each other.
    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        loop {
            lease.check()?;
            let removed = reap(ctx, Some(lease)).await?;
            if removed > 0 {
                tracing::info!(removed, "removed clients that nobody uses");
            }
            if removed < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                return Ok(Next::Scheduled);
            }
            lease.pause(BREATH).await?;
        }
    }
}

/// Notes which clients have a live grant, and removes one batch of those that nobody uses; how many. A job does it under its lease.
///
/// Needs nothing: the server does it for itself. Errors: none of its own.
pub async fn reap(ctx: &Context, lease: Option<&Lease>) -> Result<usize, Error> {
    let settings = &ctx.settings.oauth2.registration;
    let (idle_ttl, unused_ttl, lease) = (settings.idle_ttl.get(), settings.unused_ttl.get(), lease.cloned());
    let why = "clients that nobody uses are removed";
    ctx.act(&Principal::system(why), move |deed| {
        let noting = System::because(why).permit::<action::Update, resource::System>();
        deed.repos.registrations().note_grants(&noting, deed.now)?;
        let idle = Idle { now: deed.now, idle_since: deed.now - idle_ttl, unused_since: deed.now - unused_ttl };
        let removed = deed.repos.registrations().delete_idle(&System::because(why).permit(), &idle, BATCH)?;
        lease.map_or(Ok(()), |lease| lease.confirm(deed.repos))?;
        Ok(deed.unrecorded("nobody uses them", removed))
    })
    .await
}
