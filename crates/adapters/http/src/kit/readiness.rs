//! Whether the database takes changes, asked no more often than it is worth.

use doorward_services::{Context, Error, Outage, maintenance};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// For so long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// Longest wait for the database; whoever asks waits no longer than some seconds either.
const PATIENCE: Duration = Duration::from_secs(5);

/// Remembers the last answer, and lets one caller at a time find out.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Result<(), Defect>)>>);

/// Why the server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Its database cannot serve.
    Outage(Outage),
    /// Something that does not pass by itself; the log says what.
    Broken,
}

impl Readiness {
    /// Tries to write a row.
    pub(crate) async fn look(&self, context: &Context) -> Result<(), Defect> {
        let mut last = self.0.lock().await;
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
