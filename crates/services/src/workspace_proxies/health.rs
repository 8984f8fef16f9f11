//! Asking proxies how they do. Each server asks for itself, and remembers what it has seen.
//!
//! A proxy says itself where it is, so it is asked as any address that a stranger chose: an inner one only if the operator has
//! listed it in `fetch.allow_hosts`. What went wrong on the way is told in words that say nothing of inner hosts, for everybody may read
//! it.

use crate::{Context, Error};
use doorward_domain::Instant;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::workspace_proxies::{Health, HealthStatus, REPORT_BYTES_MAX, WorkspaceProxy};
use doorward_ports::bus::Event;
use doorward_ports::fetch::{FailureClass, FetchError, Request};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The topic of the bus on which servers are told to ask proxies now.
pub(super) const TOPIC: &str = "workspace_proxy";

/// So many proxies are asked at once.
const AT_ONCE: usize = 5;
/// For so long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a wake-up: others that come with it are about the same.
const GATHER: Duration = Duration::from_millis(100);

/// What this server has seen of its proxies. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct ProxyHealth(Arc<Mutex<HashMap<WorkspaceProxyId, Seen>>>);

struct Seen {
    health: Health,
    /// Where it was when it was asked.
    url: String,
}

impl ProxyHealth {
    /// How a proxy does, as far as this server knows.
    pub(super) fn of(&self, proxy: &WorkspaceProxy, now: Instant) -> Health {
        if proxy.deleted {
            return Health::UNKNOWN;
        }
        if proxy.url.is_empty() {
            return Health::quiet(HealthStatus::Unregistered, now);
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.get(&proxy.id).filter(|seen| seen.url == proxy.url);
        seen.map_or(Health::UNKNOWN, |seen| seen.health.clone())
    }

    /// Keeps what was seen of these proxies, and forgets all others. Where nothing new was seen, what was seen before stays.
    fn keep(&self, seen: Vec<(WorkspaceProxy, Option<Health>)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *all);
        all.extend(seen.into_iter().filter_map(|(proxy, health)| {
            let seen = match health {
                Some(health) => Seen { health, url: proxy.url },
                None => before.remove(&proxy.id)?,
            };
            Some((proxy.id, seen))
        }));
    }
}

impl fmt::Debug for ProxyHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyHealth(..)")
    }
}

/// Has all servers ask now.
pub(super) fn wake(ctx: &Context) {
    match Event::new(TOPIC, "") {
        Ok(event) => ctx.bus.publish(event),
        Err(error) => tracing::debug!(%error, "nobody is woken up; proxies are asked at the next turn"),
    }
}

/// Asks proxies again and again, for as long as it is polled.
pub async fn watch(ctx: &Context) {
    let mut wakes = ctx.bus.subscribe(TOPIC);
    loop {
        if let Err(error) = check(ctx).await {
            tracing::debug!(%error, "cannot ask workspace proxies now");
        }
        tokio::select! {
            () = tokio::time::sleep(ctx.settings.workspace_proxies.health_interval.std()) => {}
            _heard = wakes.next() => {
                tokio::time::sleep(GATHER).await;
                wakes.skip();
            }
        }
    }
}

/// Asks all proxies once.
pub async fn check(ctx: &Context) -> Result<(), Error> {
    let proxies = ctx.read(|repos| Ok::<_, Error>(repos.workspace_proxies().list()?)).await?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for proxy in proxies.into_iter().filter(|proxy| !proxy.url.is_empty()) {
        let (ctx, places) = (ctx.clone(), Arc::clone(&places));
        asked.spawn(async move {
            // It is never closed.
            let _place = places.acquire().await;
            let health = ask(&ctx, &proxy.url).await;
            (proxy, health)
        });
    }
    ctx.proxy_health.keep(asked.join_all().await);
    Ok(())
}

/// What a proxy says of itself; `None` if it was not asked, for too much is under way.
async fn ask(ctx: &Context, url: &str) -> Option<Health> {
    let url = format!("{}/healthz-report", url.trim_end_matches('/'));
    let request = Request::get(&url, REPORT_BYTES_MAX).any_status();
    let answer = match tokio::time::timeout(PATIENCE, ctx.upstreams.fetch(request)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(FetchError::new(FailureClass::Timeout, "it took too long")),
    };
    let now = ctx.clock.now();
    match answer {
        Ok(answer) => Some(Health::answered(answer.status, answer.body.expose(), now)),
        Err(error) if error.class == FailureClass::Busy => None,
        Err(error) => {
            tracing::debug!(class = error.class.as_str(), detail = error.detail, "a workspace proxy does not answer");
            let (status, words) = words(error.class);
            Some(Health::bad(status, words, now))
        }
    }
}

/// What everybody may know of a failure.
const fn words(class: FailureClass) -> (HealthStatus, &'static str) {
    match class {
        FailureClass::Request => (HealthStatus::Unreachable, "The proxy cannot be asked: its access URL is not https."),
        FailureClass::ForbiddenAddress => (
            HealthStatus::Unreachable,
            "The proxy cannot be asked: its access URL does not lead to a public address. An operator can allow its host by the \
             setting fetch.allow_hosts.",
        ),
        FailureClass::Dns => (HealthStatus::Unreachable, "The host name of the proxy does not resolve."),
        FailureClass::Tls => (HealthStatus::Unreachable, "The proxy has no certificate that is trusted."),
        FailureClass::Timeout => (HealthStatus::Unreachable, "The proxy did not answer in time."),
        FailureClass::Connection | FailureClass::Parse | FailureClass::Busy => {
            (HealthStatus::Unreachable, "The proxy could not be reached.")
        }
        FailureClass::Status | FailureClass::Size | FailureClass::ContentType => (
            HealthStatus::Unhealthy,
            "The proxy answers with something else than a report.\nLook whether its access URL leads to it.",
        ),
    }
}
