//! What the metrics show beside the requests. Nothing of it asks the database.

use crate::wiring::Parts;
use doorward_domain::Instant;
use doorward_http::Gauge;
use doorward_ports::WorkMode;
use doorward_ports::notifications::Backlog;
use doorward_services::jobs::{JobTally, RunOutcome, Tally};
use doorward_services::oauth2::DeviceEvent;
use doorward_services::{Context, Error, maintenance, notifications, outbox};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the metrics show beside the requests.
pub(super) fn gauges(
    parts: &Parts,
    counted: &Arc<Counted>,
    jobs: &Tally,
    fetched: &doorward_outbound::Tally,
) -> Vec<Gauge> {
    type Read = fn(&doorward_storage::PoolStatus) -> usize;
    type Remembered = fn(&doorward_services::SubjectCache) -> u64;
    #[expect(clippy::cast_precision_loss, reason = "a gauge is approximate beyond 2^52")]
    let number = |value: usize| value as f64;
    let mut gauges = Vec::new();
    let pool: [(&'static str, &'static str, Read); 5] = [
        ("database_connections_max", "Most connections that may be open at once.", |status| status.max),
        ("database_connections_open", "Open connections.", |status| status.open),
        ("database_connections_idle", "Open connections that nobody uses.", |status| status.idle),
        (
            "database_connections_abandoned",
            "Connections given up because the database fell silent, until the operating system ends them.",
            |status| status.abandoned,
        ),
        ("database_waiting", "Calls that wait for a connection, or for the one that writes.", |status| status.waiting),
    ];
    for (name, help, read) in pool {
        let handle = parts.opened.pool.clone();
        gauges.push(Gauge::new(name, help, move || number(read(&handle.status()))));
    }
    let hasher = Arc::clone(&parts.hasher);
    gauges.push(Gauge::new("password_hashing_waiting", "Passwords that wait to be hashed.", move || {
        number(hasher.waiting())
    }));
    let count = move |value: u64| number(usize::try_from(value).unwrap_or(usize::MAX));
    let remembered: [(&'static str, &'static str, Remembered); 3] = [
        (
            "subject_cache_trusted",
            "1 while remembered subjects are used, 0 while every request asks the database.",
            |cache| u64::from(cache.is_trusted()),
        ),
        ("subject_cache_hits_total", "Times that a subject or token was remembered.", |cache| cache.hits()),
        ("subject_cache_misses_total", "Times that a subject or token was read.", |cache| cache.misses()),
    ];
    for (name, help, read) in remembered {
        let cache = parts.context.cache.clone();
        gauges.push(Gauge::new(name, help, move || count(read(&cache))));
    }
    let changes = parts.opened.changes();
    gauges.push(Gauge::new(
        "subject_cache_flushes_total",
        "Times that everything remembered was forgotten.",
        move || count(changes.flushes()),
    ));
    let calls: [(&'static str, &'static str, WorkMode); 3] = [
        ("store_reads_total", "Reading calls of the database.", WorkMode::Read),
        ("store_writes_total", "Transactions that may write.", WorkMode::Write),
        ("store_single_writes_total", "Writing calls without a transaction.", WorkMode::AtOnce),
    ];
    for (name, help, mode) in calls {
        let store = parts.opened.store.clone();
        gauges.push(Gauge::new(name, help, move || count(store.calls(mode))));
    }
    let grants = Arc::clone(counted);
    gauges.push(Gauge::new("oauth2_grants", "Live OAuth2 grants, counted now and then.", move || {
        count(grants.grants.load(Ordering::Relaxed))
    }));
    let devices: [(&'static str, &'static str, DeviceEvent); 6] = [
        ("device_codes_started_total", "Devices that got codes.", DeviceEvent::Started),
        ("device_codes_approved_total", "Devices that somebody approved.", DeviceEvent::Approved),
        (
            "device_codes_approved_elsewhere_total",
            "Devices that somebody in another network approved.",
            DeviceEvent::ApprovedElsewhere,
        ),
        ("device_codes_denied_total", "Devices that somebody said they did not start.", DeviceEvent::Denied),
        ("device_codes_wrong_total", "Codes that no device waits with.", DeviceEvent::WrongCode),
        ("device_codes_paused_total", "Codes not looked at, for there were too many wrong ones.", DeviceEvent::Paused),
    ];
    for (name, help, event) in devices {
        let tally = parts.context.devices.clone();
        gauges.push(Gauge::new(name, help, move || count(tally.number(event))));
    }
    let outbox = Arc::clone(counted);
    let help = "Events that wait to be handled, counted now and then.";
    gauges.push(Gauge::labelled("outbox_rows", help, &["topic"], move || {
        let rows = outbox.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().map(|(topic, rows)| (vec![topic.clone()], count(*rows))).collect()
    }));
    let told = Arc::clone(counted);
    let help = "What people are to be told: notices, deliveries on their way, and those that were given up; counted now and then.";
    gauges.push(Gauge::labelled("notification_rows", help, &["kind"], move || {
        let backlog = *told.notifications.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = [("notices", backlog.notices), ("deliveries", backlog.deliveries), ("dead", backlog.dead)];
        rows.map(|(kind, rows)| (vec![kind.to_owned()], count(rows))).to_vec()
    }));
    let runs = jobs.clone();
    gauges.push(Gauge::labelled("job_runs_total", "Runs of jobs on this server.", &["job", "outcome"], move || {
        let of_job = |(name, tally): (&'static str, JobTally)| {
            let number = move |outcome: RunOutcome| {
                (vec![name.to_owned(), outcome.as_str().to_owned()], count(tally.runs(outcome)))
            };
            RunOutcome::ALL.map(number)
        };
        runs.jobs().into_iter().flat_map(of_job).collect()
    }));
    let successes = jobs.clone();
    let help = "When this server last carried a job through, in seconds since 1970.";
    gauges.push(Gauge::labelled("job_last_success_timestamp_seconds", help, &["job"], move || {
        let seconds = |at: Instant| count(u64::try_from(at.unix_timestamp()).unwrap_or(0));
        let last =
            |(name, tally): (&'static str, JobTally)| Some((vec![name.to_owned()], seconds(tally.last_success?)));
        successes.jobs().into_iter().filter_map(last).collect()
    }));
    let requests = fetched.clone();
    let help = "Requests of this server to other servers, by how they ended.";
    gauges.push(Gauge::labelled("fetches_total", help, &["outcome"], move || {
        let outcomes = requests.outcomes().into_iter();
        outcomes.map(|(outcome, ended)| (vec![outcome.as_str().to_owned()], count(ended.requests))).collect()
    }));
    let times = fetched.clone();
    let help = "Time that requests of this server to other servers took together.";
    gauges.push(Gauge::labelled("fetch_seconds_total", help, &["outcome"], move || {
        let outcomes = times.outcomes().into_iter();
        outcomes.map(|(outcome, ended)| (vec![outcome.as_str().to_owned()], ended.took.as_secs_f64())).collect()
    }));
    gauges
}

/// What is counted now and then, and not at every look.
#[derive(Debug, Default)]
pub(super) struct Counted {
    grants: AtomicU64,
    outbox: Mutex<Vec<(String, u64)>>,
    notifications: Mutex<Backlog>,
}

impl Counted {
    /// Counts anew. What cannot be counted keeps its number.
    pub(super) async fn renew(&self, context: &Context) -> Result<(), Error> {
        self.grants.store(maintenance::count_grants(context).await?, Ordering::Relaxed);
        let rows = outbox::count(context).await?;
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = rows;
        let backlog = notifications::count(context).await?;
        *self.notifications.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
        Ok(())
    }
}
