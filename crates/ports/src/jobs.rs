//! Background jobs, and the leases under which one server at a time runs each.
//!
//! Every time stored here is read from the clock of the database: the clocks of servers differ, and a lease must end at the
//! same moment for all of them. So calls take durations, never instants.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};
use time::Duration;
use uuid::Uuid;

/// One run of a job: the right to go on with it, as long as the lease is extended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The name of the job.
    pub job: String,
    /// The server that runs it, by an id of its own.
    pub holder: Uuid,
    /// Which run of the job this is: the fencing token. Later runs have larger numbers.
    pub number: i64,
}

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// How long it cannot be claimed yet, by the clock of the database.
    pub claimable_in: Duration,
    /// For how long it could have been claimed by now, by the clock of the database, and nobody did.
    pub unclaimed_for: Duration,
    /// Who runs it, or did when the lease ended.
    pub holder: Option<Uuid>,
    /// When the last run began.
    pub last_started_at: Option<Instant>,
    /// When the last run that was carried through ended.
    pub last_finished_at: Option<Instant>,
    /// Why that run failed; `None` if it did not.
    pub last_error: Option<String>,
    /// How often the job was claimed.
    pub runs: i64,
}

/// Jobs and their leases.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait JobRepository {
    /// Makes a job that does not exist, due at once; whether it did not.
    fn ensure(&mut self, permit: &Permit<action::Create, resource::System>, name: &str) -> Result<bool, StoreError>;

    /// Begins a run under a lease of length `lease`, if the job is due (or `urgent`, which counts as due) and nobody holds it.
    /// One statement: of several servers one gets it. `None` also when there is no such job.
    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        name: &str,
        holder: Uuid,
        lease: Duration,
        urgent: bool,
    ) -> Result<Option<Run>, StoreError>;

    /// Has the lease of a run last `lease` from now on; `false` when the run has lost it. As the last call of a transaction it
    /// proves that everything before it was written under the lease: on `false`, roll back.
    fn extend(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        lease: Duration,
    ) -> Result<bool, StoreError>;

    /// Ends a run: the next one is due after `pause`. `false` when it has lost its lease, and nothing is written.
    fn finish(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        pause: Duration,
        error: Option<String>,
    ) -> Result<bool, StoreError>;

    /// Gives up a run that was not carried through: the job stays due, for whoever claims it next. `false` as in
    /// [`finish`](Self::finish).
    fn release(&mut self, permit: &Permit<action::Update, resource::System>, run: &Run) -> Result<bool, StoreError>;

    /// All jobs, by their names.
    fn list(&mut self) -> Result<Vec<(String, JobState)>, StoreError>;

    /// A job by its name.
    fn find(&mut self, name: &str) -> Result<Option<JobState>, StoreError>;
}
