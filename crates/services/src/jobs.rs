//! Background jobs: of several servers on one database, one runs each.
//!
//! A [`Job`] has a name, a schedule and a `run`. The [`Runner`] of every server looks when a job is due, claims it in the
//! database and runs it under a [`Lease`], which it extends meanwhile. When a server dies, the lease ends by itself and
//! another server takes over. A run that has lost its lease is stopped, and what it still tries to write is rolled back.
//!
//! # Adding a job
//!
//! Implement [`Job`] beside the use case that it carries out, and put it into [`background::jobs`](crate::background::jobs). Work goes in
//! batches: [`Lease::check`] before each, and [`Lease::confirm`] as the last call of the transaction of each. Between full
//! batches, [`Lease::pause`] lets requests through.

mod cleaning;
mod lease;
mod runner;
mod tally;

pub use cleaning::{Cleanup, Counts};
pub use doorward_domain::jobs::{LeaseTerms, Schedule};
pub use lease::{Interrupted, Lease};
pub use runner::Runner;
pub use tally::{JobTally, RunOutcome, Tally};

use crate::{Context, Error};
use async_trait::async_trait;
use time::Duration;

/// Work that one server of several does, again and again.
#[async_trait]
pub trait Job: Send + Sync {
    /// Its name: in the database, in the log and in the metrics. Never to be given to another job.
    fn name(&self) -> &'static str;

    /// When it runs.
    fn schedule(&self) -> Schedule;

    /// The topic of the bus whose events have it run at once.
    fn wakes_on(&self) -> Option<&'static str> {
        None
    }

    /// Runs once. Errors: whatever stops it before its end; the next run is by the schedule then.
    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error>;
}

/// An error with its causes, for operators: in the log and in the tables, where nobody else looks.
pub(crate) fn with_causes(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// When a job is to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By its schedule.
    Scheduled,
    /// After so long, or by its schedule if that is sooner.
    After(Duration),
}
