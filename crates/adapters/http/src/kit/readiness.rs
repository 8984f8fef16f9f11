//! Whether the database takes changes, asked no more often than it is worth.

use doorward_services::{Context, Error, Outage, maintenance};
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// For so long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// Longest wait for the database; whoever asks waits no longer than some seconds either.
const PATIENCE: Duration = Duration::from_secs(5);

/// For so long a disk counts as full on which something found no room. The row that is written here fits into a page that is there.
const FULL_FOR: Duration = Duration::from_secs(30);

/// Remembers the last answer, and lets one caller at a time find out.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), Defect>)>>,
    /// When something found no room.
    full_at: std::sync::Mutex<Option<Instant>>,
}

/// Why the server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Its database cannot serve.
    Outage(Outage),
    /// Something that does not pass by itself; the log says what.
    Broken,
}

impl Readiness {
    /// Notes why something was not done.
    pub(crate) fn note(&self, outage: Outage) {
        if outage == Outage::Full {
            *self.full_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Tries to write a row, unless it is known that there is no room for others.
    pub(crate) async fn look(&self, context: &Context) -> Result<(), Defect> {
        let full_at = *self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.is_some_and(|at| at.elapsed() < FULL_FOR) {
            return Err(Defect::Outage(Outage::Full));
        }
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return answer;
        }
        let answer = match tokio::time::timeout(PATIENCE, maintenance::ready(context)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Error::Unavailable { outage, cause })) => {
                tracing::warn!(outage = outage.as_str(), %cause, "not ready");
                Err(Defect::Outage(outage))
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "not ready");
                Err(Defect::Broken)
            }
            Err(_elapsed) => {
                tracing::warn!(outage = Outage::Silent.as_str(), "not ready");
                Err(Defect::Outage(Outage::Silent))
            }
        };
        *last = Some((Instant::now(), answer));
        answer
    }
}
