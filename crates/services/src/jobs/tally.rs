//! What became of runs, for the metrics of this server.

use doorward_domain::Instant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunOutcome {
    /// It was carried through.
    Success,
    /// It failed, or panicked.
    Failure,
    /// Its lease was lost.
    Lost,
    /// The server stopped, and gave it up.
    Stopped,
}

impl RunOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Lost, Self::Stopped];

    /// One word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

/// What became of the runs of one job on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobTally {
    runs: BTreeMap<RunOutcome, u64>,
    /// When the last run ended that was carried through, by the clock of this server.
    pub last_success: Option<Instant>,
}

impl JobTally {
    /// How many runs ended like this.
    #[must_use]
    pub fn runs(&self, outcome: RunOutcome) -> u64 {
        self.runs.get(&outcome).copied().unwrap_or(0)
    }
}

/// What became of runs on this server, by the name of the job. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<&'static str, JobTally>>>);

impl Tally {
    /// Makes a job known, before its first run.
    pub(super) fn know(&self, job: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(job).or_default();
    }

    /// Counts a run.
    pub(super) fn count(&self, job: &'static str, outcome: RunOutcome, now: Instant) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = jobs.entry(job).or_default();
        *tally.runs.entry(outcome).or_default() += 1;
        if outcome == RunOutcome::Success {
            tally.last_success = Some(now);
        }
    }

    /// All jobs of this server.
    #[must_use]
    pub fn jobs(&self) -> BTreeMap<&'static str, JobTally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
