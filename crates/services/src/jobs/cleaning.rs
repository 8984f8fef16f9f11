//! The jobs that keep tables small and counts quick.

use super::{Job, Lease, Next, Schedule};
use crate::{Context, Error, maintenance};
use async_trait::async_trait;
use time::Duration;

/// Between two full batches, so that requests do not wait for the cleaning.
const BREATH: std::time::Duration = std::time::Duration::from_millis(200);

/// Removes dead rows.
#[derive(Clone, Copy, Debug)]
pub struct Cleanup {
    /// The pause between two runs.
    pub interval: Duration,
    /// How many rows of each table are removed in one transaction.
    pub batch: u32,
}

/// Renews what lists are counted by.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// The pause between two runs.
    pub interval: Duration,
}

/// A tenth of the pause as jitter.
fn schedule(interval: Duration) -> Schedule {
    Schedule::every(interval).with_jitter(interval / 10)
}

#[async_trait]
impl Job for Cleanup {
    fn name(&self) -> &'static str {
        "cleanup"
    }

    fn schedule(&self) -> Schedule {
        schedule(self.interval)
    }

    /// Full batches follow each other.
    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        loop {
            lease.check()?;
            let purged = maintenance::purge(ctx, self.batch, Some(lease)).await?;
            let (total, batch) = (purged.total(), usize::try_from(self.batch).unwrap_or(usize::MAX));
            if total > 0 {
                tracing::debug!(?purged, "removed dead rows");
            }
            if total < batch.max(1) {
                return Ok(Next::Scheduled);
            }
            lease.pause(BREATH).await?;
        }
    }
}

#[async_trait]
impl Job for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn schedule(&self) -> Schedule {
        schedule(self.interval)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        lease.check()?;
        maintenance::renew_counts(ctx, Some(lease)).await?;
        Ok(Next::Scheduled)
    }
}
