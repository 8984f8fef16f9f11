//! `doorward serve`.

use crate::settings::Settings;
use crate::wiring::{self, Parts};
use anyhow::Context as _;
use doorward_http::{Gauge, HttpSettings, Network};
use doorward_ports::WorkMode;
use doorward_services::{Context, maintenance};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let listen = &settings.server.listen;
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on `{listen}` (server.listen)"))?;
    let address = listener.local_addr().context("cannot tell the address")?;
    let access_url = wiring::access_url(settings, &address.to_string())?;
    let trusted_proxies: Vec<Network> = settings
        .server
        .trusted_proxies
        .iter()
        .map(|text| text.parse().context("the setting `server.trusted_proxies`"))
        .collect::<anyhow::Result<_>>()?;
    actix_web::rt::System::new().block_on(async {
        let parts = wiring::connect(settings, access_url.clone()).await?;
        let context = parts.context.clone();
        let watch = parts.opened.watch_changes().context("cannot watch for changes in the database")?;
        let owner_wanted = crate::owner::is_wanted(settings, &context).await?;
        let grants = Arc::new(AtomicU64::new(maintenance::count_grants(&context).await?));
        let secure = access_url.scheme() == "https";
        let http = HttpSettings {
            workers: settings.server.workers,
            // One for each connection and each password at once, and a few to spare: more could only wait.
            blocking_threads: parts.opened.pool.status().max + parts.hasher.concurrency() + 2,
            body_limit: settings.server.body_limit,
            trusted_proxies,
            secure_cookies: wiring::secure_cookies(settings, &access_url),
            hsts: secure.then_some(Duration::from_hours(365 * 24)),
            rate_limit_api: settings.rate_limit.api,
            rate_limit_login: settings.rate_limit.login,
            shutdown_timeout: settings.server.shutdown_timeout.unsigned_abs(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            compatibility: settings.compatibility.version.clone(),
            deployment_id: parts.deployment_id.to_string(),
            gauges: gauges(&parts, &grants),
            ..HttpSettings::default()
        };
        let server = doorward_http::run(listener, http, context.clone()).context("cannot start the server")?;
        tracing::info!(database = %crate::settings::without_password(&settings.database_url()), "ready");
        println!("listening on http://{address}");
        if owner_wanted {
            println!("{}", crate::owner::invitation(&context));
        }
        let noting = actix_web::rt::spawn(write_first_uses(context.clone()));
        let cleaning = actix_web::rt::spawn(clean(
            context.clone(),
            settings.cleanup.interval.unsigned_abs(),
            settings.cleanup.batch,
            grants,
        ));
        let ended = server.await.context("the server failed");
        cleaning.abort();
        noting.abort();
        if let Err(error) = maintenance::write_first_uses(&context).await {
            tracing::warn!(%error, "the last first uses of access tokens were not written");
        }
        drop(watch);
        tracing::info!("stopped");
        ended
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What `/metrics` shows beside the requests. The number of grants is counted now and then, not at every look.
fn gauges(parts: &Parts, grants: &Arc<AtomicU64>) -> Vec<Gauge> {
    type Read = fn(&doorward_storage::PoolStatus) -> usize;
    type Remembered = fn(&doorward_services::SubjectCache) -> u64;
    #[expect(clippy::cast_precision_loss, reason = "a gauge is approximate beyond 2^52")]
    let number = |value: usize| value as f64;
    let mut gauges = Vec::new();
    let pool: [(&'static str, &'static str, Read); 4] = [
        ("database_connections_max", "Most connections that may be open at once.", |status| status.max),
        ("database_connections_open", "Open connections.", |status| status.open),
        ("database_connections_idle", "Open connections that nobody uses.", |status| status.idle),
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
        ("store_single_writes_total", "Writing calls without a transaction.", WorkMode::WriteOnce),
    ];
    for (name, help, mode) in calls {
        let store = parts.context.store.clone();
        gauges.push(Gauge::new(name, help, move || count(store.calls(mode))));
    }
    let grants = Arc::clone(grants);
    gauges.push(Gauge::new("grants", "Live OAuth2 grants, counted at every cleaning.", move || {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is approximate beyond 2^52")]
        let count = grants.load(Ordering::Relaxed) as f64;
        count
    }));
    gauges
}

/// Writes first uses of access tokens, many at once, for as long as the server runs.
async fn write_first_uses(context: Context) {
    /// The grace of exchanged refresh tokens is much longer.
    const EVERY: Duration = Duration::from_secs(1);
    loop {
        actix_web::rt::time::sleep(EVERY).await;
        if let Err(error) = maintenance::write_first_uses(&context).await {
            tracing::debug!(%error, "cannot write first uses of access tokens now");
        }
    }
}

/// Removes dead rows in small batches for as long as the server runs: full batches follow each other with a breath in
/// between, so that requests never wait for the cleaning.
async fn clean(context: Context, interval: Duration, batch: u32, grants: Arc<AtomicU64>) {
    const BREATH: Duration = Duration::from_millis(200);
    loop {
        actix_web::rt::time::sleep(interval).await;
        loop {
            match maintenance::purge(&context, batch).await {
                Ok(purged) => {
                    if purged.total() > 0 {
                        tracing::debug!(?purged, "removed dead rows");
                    }
                    if purged.total() < usize::try_from(batch).unwrap_or(usize::MAX) {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot remove dead rows now");
                    break;
                }
            }
            actix_web::rt::time::sleep(BREATH).await;
        }
        if let Err(error) = maintenance::renew_counts(&context).await {
            tracing::debug!(%error, "cannot renew the counts now");
        }
        match maintenance::count_grants(&context).await {
            Ok(count) => grants.store(count, Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "cannot count the grants now"),
        }
    }
}
