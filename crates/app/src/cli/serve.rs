//! `doorward serve`.

use crate::settings::Settings;
use crate::wiring::{self, Parts};
use anyhow::Context as _;
use doorward_services::{Context, maintenance};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let listen = &settings.server.listen;
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on `{listen}` (server.listen)"))?;
    let address = listener.local_addr().context("cannot tell the address")?;
    let access_url = wiring::access_url(settings, &address.to_string())?;
    actix_web::rt::System::new().block_on(async {
        let Parts { context, opened, hasher } = wiring::connect(settings, access_url.clone()).await?;
        let first_start = !doorward_services::users::first_exists(&context).await?;
        let pool = opened.pool.clone();
        let http = doorward_http::HttpSettings {
            workers: settings.server.workers,
            body_limit: settings.server.body_limit,
            trusted_proxies: settings.server.trusted_proxies.clone(),
            secure_cookies: wiring::secure_cookies(settings, &access_url),
            rate_limit_api: settings.rate_limit.api,
            rate_limit_login: settings.rate_limit.login,
            shutdown_timeout: settings.server.shutdown_timeout.unsigned_abs(),
            pool_status: Arc::new(move || pool.status()),
            hashing_waiting: Arc::new(move || hasher.waiting()),
        };
        let server = doorward_http::run(listener, http, context.clone()).context("cannot start the server")?;
        tracing::info!(database = %crate::settings::without_password(&settings.database_url()), "ready");
        println!("listening on http://{address}");
        if first_start {
            println!(
                "There are no users yet. Open {}/setup to make the first one, who becomes the owner.",
                context.settings.issuer()
            );
        }
        let cleaning =
            actix_web::rt::spawn(clean(context, settings.cleanup.interval.unsigned_abs(), settings.cleanup.batch));
        let ended = server.await.context("the server failed");
        cleaning.abort();
        tracing::info!("stopped");
        ended
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Removes dead rows in small batches for as long as the server runs: full batches follow each other with a breath in
/// between, so that requests never wait for the cleaning.
async fn clean(context: Context, interval: Duration, batch: u32) {
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
    }
}
