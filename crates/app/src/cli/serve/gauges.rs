//! What the metrics show beside the requests. Nothing of it asks the database.

use crate::wiring::Parts;
use doorward_http::Gauge;
use doorward_ports::WorkMode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the metrics show beside the requests. The number of grants is counted now and then, not at every look.
pub(super) fn gauges(parts: &Parts, grants: &Arc<AtomicU64>) -> Vec<Gauge> {
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
        let store = parts.context.store.clone();
        gauges.push(Gauge::new(name, help, move || count(store.calls(mode))));
    }
    let grants = Arc::clone(grants);
    gauges.push(Gauge::new("oauth2_grants", "Live OAuth2 grants, counted at every cleaning.", move || {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is approximate beyond 2^52")]
        let count = grants.load(Ordering::Relaxed) as f64;
        count
    }));
    gauges
}
