//! Whether the background jobs run.

use super::Finding;
use crate::settings::Settings;
use crate::wiring;
use doorward_ports::jobs::JobState;
use doorward_services::background;
use doorward_services::jobs::Job;
use std::collections::BTreeMap;
use time::Duration;
use time::format_description::well_known::Rfc3339;

/// What is to be said of the jobs that are stored; before the first start there are none. `serves` tells whether this server
/// answers under its access URL.
pub(super) fn look(settings: &Settings, serves: bool) -> Vec<Finding> {
    let stored: BTreeMap<String, JobState> = match wiring::jobs(settings) {
        Ok(stored) => stored.into_iter().collect(),
        Err(error) => return vec![Finding::Bad(format!("the background jobs cannot be read: {error:#}"))],
    };
    let jobs = background::jobs(settings.cleanup.interval.get(), settings.cleanup.batch, Vec::new());
    let known: Vec<_> = jobs.iter().filter_map(|job| Some((&**job, stored.get(job.name())?))).collect();
    let mut findings: Vec<_> = known.iter().flat_map(|(job, state)| judge(*job, state, serves)).collect();
    if findings.is_empty() && !known.is_empty() {
        let names: Vec<_> = known.iter().map(|(job, _)| job.name()).collect();
        findings.push(Finding::Good(format!("the background jobs run as planned ({})", names.join(", "))));
    }
    findings
}

/// What is wrong with one of them.
fn judge(job: &dyn Job, state: &JobState, serves: bool) -> Vec<Finding> {
    let name = job.name();
    let mut findings = Vec::new();
    if let Some(error) = &state.last_error {
        let at = state.last_finished_at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
        findings.push(Finding::Bad(format!(
            "the background job {name} failed when it last ran, {at}: {error}; remove the cause, and it is done at its next \
             turn; the log of the servers has more at job={name}"
        )));
    }
    if job.schedule().is_overdue(state.unclaimed_for) {
        let waits = format!("the background job {name} is due for {} and nobody runs it", roughly(state.unclaimed_for));
        findings.push(if serves {
            Finding::Bad(format!(
                "{waits}, although Doorward runs: look for job={name} in its log, and start it anew if that says nothing"
            ))
        } else {
            Finding::Worth(format!("{waits}; that is fine if Doorward does not run: it is done at the next start"))
        });
    }
    findings
}

/// In the largest unit of which there are two.
fn roughly(time: Duration) -> String {
    let units = [(time.whole_days(), "days"), (time.whole_hours(), "hours"), (time.whole_minutes(), "minutes")];
    let found = units.into_iter().find(|(amount, _)| *amount >= 2);
    let (amount, unit) = found.unwrap_or((time.whole_seconds(), "seconds"));
    format!("{amount} {unit}")
}
