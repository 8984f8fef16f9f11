//! Counts for the metrics: how requests ended, and how long they took.

use doorward_ports::fetch::FailureClass;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FetchOutcome {
    /// There is an answer.
    Success,
    /// There is none.
    Failure(FailureClass),
}

impl FetchOutcome {
    /// One word, for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(class) => class.as_str(),
        }
    }
}

/// Requests that ended in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many. Requests that shared one are one.
    pub requests: u64,
    /// How long they took together.
    pub took: Duration,
}

/// Counts since the start. A clone shows the same.
#[derive(Clone, Debug)]
pub struct Tally(Arc<Mutex<BTreeMap<FetchOutcome, Counted>>>);

/// All outcomes, so that a metric is there before the first request.
impl Default for Tally {
    fn default() -> Self {
        let outcomes = FailureClass::ALL.into_iter().map(FetchOutcome::Failure).chain([FetchOutcome::Success]);
        Self(Arc::new(Mutex::new(outcomes.map(|outcome| (outcome, Counted::default())).collect())))
    }
}

impl Tally {
    pub(crate) fn count(&self, outcome: FetchOutcome, took: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counts.entry(outcome).or_default();
        counted.requests += 1;
        counted.took += took;
    }

    /// All outcomes with their counts.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<FetchOutcome, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
