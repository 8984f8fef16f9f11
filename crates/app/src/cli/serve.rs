//! `doorward serve`.

mod gauges;
mod stop;

use crate::settings::Settings;
use crate::wiring::{self, Parts};
use anyhow::Context as _;
use backon::{ExponentialBuilder, Retryable as _};
use doorward_http::{HttpSettings, Servers};
use doorward_outbound::Outbound;
use doorward_services::jobs::{LeaseTerms, Runner};
use doorward_services::replicas::Presence;
use doorward_services::{Context, background, entitlements, keys, maintenance, workspace_proxies};
use gauges::Counted;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use stop::Stop;
use url::Url;

/// Pauses between tries to reach the database at the start.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let stop = Stop::listen(settings.server.shutdown_timeout.std())?;
    let listener = bind(&settings.listen.listen, "server.listen")?;
    let metrics = &settings.metrics;
    let metrics = metrics.enabled.then(|| bind(&metrics.listen, "metrics.listen")).transpose()?;
    let address = listener.local_addr().context("cannot tell the address")?;
    let access_url = settings.listen.access_url(&address.to_string())?;
    let outbound = wiring::outbound(settings)?;
    let claim = wiring::claim(settings)?;
    actix_web::rt::System::new().block_on(async {
        let (listener, parts) = connect(settings, &access_url, &outbound, listener, address).await?;
        let context = parts.context.clone();
        let watch = parts.opened.watch_changes().context("cannot watch for changes in the database")?;
        let owner_wanted = crate::owner::is_wanted(settings, &context).await?;
        let counted = Arc::new(Counted::default());
        counted.renew(&context).await?;
        let jobs = background::jobs(settings.cleanup.interval.get(), settings.cleanup.batch, Vec::new());
        let jobs = Runner::start(&context, jobs, LeaseTerms::DEFAULT);
        let secure = access_url.scheme() == "https";
        let http = HttpSettings {
            server: settings.server.clone(),
            rate_limit: settings.rate_limit,
            compatibility: settings.compatibility.clone(),
            cookies: settings.cookies,
            // One for each connection and each password at once, as many again for connections on which the database has
            // fallen silent, and a few to spare: more could only wait.
            blocking_threads: parts.opened.pool.status().max * 2 + parts.hasher.concurrency() + 2,
            hsts: secure.then_some(Duration::from_hours(365 * 24)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            deployment_id: context.server.deployment_id.to_string(),
            options: settings.options()?,
            gauges: gauges::gauges(&parts, &counted, &jobs.tally(), &outbound.tally()),
        };
        if let Some(metrics) = &metrics {
            println!("metrics on http://{}/metrics", metrics.local_addr().context("cannot tell the address")?);
        }
        let servers = doorward_http::run(listener, metrics, http, context.clone());
        let Servers { site, metrics, closing } = servers.context("cannot start the server")?;
        stop.serving(site.handle(), closing);
        tracing::info!(database = %settings.database_url(), "ready");
        println!("listening on http://{address}");
        if owner_wanted {
            println!("{}", crate::owner::invitation(&context));
        }
        let noting = actix_web::rt::spawn(write_first_uses(context.clone()));
        let counting = actix_web::rt::spawn(count(context.clone(), settings.cleanup.interval.std(), counted));
        let renewing_keys = actix_web::rt::spawn(renew_keys(context.clone()));
        let licensing = actix_web::rt::spawn(entitlements::watch(context.clone()));
        let metrics = metrics.map(actix_web::rt::spawn);
        let presence = Presence::start(&context);
        let asking_proxies = actix_web::rt::spawn(ask_proxies(context.clone()));
        let ended = site.await.context("the server failed");
        stop::wind_down();
        counting.abort();
        renewing_keys.abort();
        licensing.abort();
        asking_proxies.abort();
        noting.abort();
        tokio::join!(presence.stop(), jobs.stop());
        if let Err(error) = maintenance::write_first_uses(&context).await {
            tracing::warn!(%error, "the last first uses of access tokens were not written");
        }
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        drop(watch);
        tracing::info!("stopped");
        ended
    })?;
    drop(claim);
    Ok(ExitCode::SUCCESS)
}

fn bind(address: &str, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on `{address}` ({setting})"))
}

/// Opens the database, and waits for one that is away, or that takes no changes while some are to be made: it may be started
/// later than this server, or be failing over.
/// Meanwhile nobody can connect here, which a proxy understands better than a connection that is not answered.
async fn connect(
    settings: &Settings,
    access_url: &Url,
    outbound: &Outbound,
    listener: TcpListener,
    address: SocketAddr,
) -> anyhow::Result<(TcpListener, Parts)> {
    let upstreams = wiring::upstreams(settings, outbound.clone())?;
    let outlets = wiring::outlets(settings)?;
    let open = || wiring::connect(settings, access_url.clone(), upstreams.clone(), outlets.clone());
    let away = match open().await {
        Ok(parts) => return Ok((listener, parts)),
        Err(error) if wiring::is_passing(&error) => error,
        Err(error) => return Err(error),
    };
    drop(listener);
    tracing::warn!(error = %format!("{away:#}"), "the database cannot be used yet; waiting for it");
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter();
    let parts = open
        .retry(pauses)
        .when(wiring::is_passing)
        .notify(|error, pause| {
            tracing::warn!(error = %format!("{error:#}"), "the database cannot be used yet; trying again in {pause:?}");
        })
        .await?;
    Ok((bind(&address.to_string(), "server.listen")?, parts))
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

/// Reads the keys of the server anew when another one has replaced some, and now and then in any case, for as long as the server
/// runs. A new key signs later than the next look, see [`doorward_domain::keys::LEAD`].
async fn renew_keys(context: Context) {
    const EVERY: Duration = Duration::from_secs(1);
    /// So many looks for a change are followed by a reading without one.
    const LOOKS: u32 = 30;
    loop {
        for _ in 0..LOOKS {
            actix_web::rt::time::sleep(EVERY).await;
            if let Err(error) = keys::reload_if_changed(&context).await {
                tracing::debug!(%error, "cannot read the keys of the server now");
            }
        }
        if let Err(error) = keys::reload(&context).await {
            tracing::warn!(error = %format!("{:#}", anyhow::Error::from(error)), "the keys of the server cannot be read anew");
        }
    }
}

/// Asks workspace proxies how they do, for as long as the server runs: each server remembers what it has seen itself.
async fn ask_proxies(context: Context) {
    workspace_proxies::watch(&context).await;
}

/// Counts what the metrics of this server show, for as long as it runs: each server shows its own numbers, so this is no job
/// that one of them does.
async fn count(context: Context, interval: Duration, counted: Arc<Counted>) {
    loop {
        actix_web::rt::time::sleep(interval).await;
        if let Err(error) = counted.renew(&context).await {
            tracing::debug!(%error, "cannot count for the metrics now");
        }
    }
}
