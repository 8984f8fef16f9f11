//! A server says that it lives, as long as it does.

use super::TOPIC;
use crate::{Context, Error, Principal};
use doorward_domain::replicas::{FRESH, Heartbeat, Replica, SYNC_EVERY, dial_error};
use doorward_domain::roles::{System, action, resource};
use doorward_ports::bus::{Event, Heard, Subscription};
use doorward_ports::fetch::Request;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// For so long a peer may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer of a peer that is read, in bytes.
const ANSWER_MAX: usize = 1024;
/// Pause after a wake-up: others that come with it are about the same.
const GATHER: Duration = Duration::from_millis(100);
/// For so long the end waits for what is under way, and then for the database.
const END: Duration = Duration::from_secs(2);

const WHY: &str = "a server says that it lives";

/// That this server lives. Dropping it leaves the row as a crash would: others find out within [`FRESH`].
#[derive(Debug)]
pub struct Presence {
    ctx: Context,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Presence {
    /// Begins to say so, and to look for others. Within a Tokio runtime. A database that is away, or takes no changes, holds nobody
    /// up: it is tried again.
    #[must_use]
    pub fn start(ctx: &Context) -> Self {
        let (stop, stopped) = watch::channel(false);
        let keeper = Keeper { ctx: ctx.clone(), error: String::new(), others: 0 };
        Self { ctx: ctx.clone(), stop, task: tokio::spawn(keeper.keep(stopped)) }
    }

    /// Says that this server has ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(END, &mut self.task).await.is_err() {
            self.task.abort();
        }
        match tokio::time::timeout(END, farewell(&self.ctx)).await {
            Ok(Ok(())) => tell(&self.ctx),
            Ok(Err(error)) => tracing::warn!(%error, "others learn of the end of this server a moment later"),
            Err(_elapsed) => {
                tracing::warn!("the database does not answer; others learn of the end of this server a moment later");
            }
        }
    }
}

/// Writes down that this server has ended.
async fn farewell(ctx: &Context) -> Result<(), Error> {
    let own = ctx.server.replica_id;
    ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::System>();
        deed.repos.replicas().stop(&permit, None, own)?;
        Ok(deed.unrecorded("servers come and go, and nobody did it", ()))
    })
    .await
}

/// Tells all servers that something about this one has changed.
fn tell(ctx: &Context) {
    match Event::new(TOPIC, &ctx.server.replica_id.to_string()) {
        Ok(event) => ctx.bus.publish(event),
        Err(error) => tracing::debug!(%error, "others are not told; they find out at their next look"),
    }
}

/// Keeps the row of this server.
struct Keeper {
    ctx: Context,
    /// What it complained of last.
    error: String,
    /// How many others it knows of.
    others: usize,
}

impl Keeper {
    async fn keep(mut self, mut stop: watch::Receiver<bool>) {
        let mut wakes = self.ctx.bus.subscribe(TOPIC);
        let mut is_known = false;
        while !*stop.borrow() {
            match self.sync().await {
                Ok(changed) if changed || !is_known => {
                    is_known = true;
                    tell(&self.ctx);
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "cannot write down that this server lives"),
            }
            tokio::select! {
                () = tokio::time::sleep(SYNC_EVERY.unsigned_abs()) => {}
                () = woken(&mut wakes, &self.ctx) => {}
                _stopping = stop.changed() => {}
            }
        }
    }

    /// Looks for others, asks those of this region whether they answer, and writes down that this server lives; whether it has
    /// something else to complain of than before.
    async fn sync(&mut self) -> Result<bool, Error> {
        let (own, region) = (self.ctx.server.replica_id, self.ctx.settings.replicas.region_id);
        let (database_latency, live) = self
            .ctx
            .read(|repos| {
                let asked = Instant::now();
                repos.maintenance().ping()?;
                let latency = asked.elapsed();
                Ok::<_, Error>((latency, repos.replicas().list_live(FRESH)?))
            })
            .await?;
        let peers: Vec<Replica> = live.into_iter().filter(|replica| replica.is_peer_of(own)).collect();
        if peers.len() != self.others {
            tracing::info!(others = peers.len(), "servers of this deployment that can be reached beside this one");
            self.others = peers.len();
        }
        let near = peers.into_iter().filter(|peer| peer.region_id == region).collect();
        let error = dial_error(&self.dial(near).await);
        let beat = Heartbeat {
            id: own,
            proxy_id: None,
            hostname: self.ctx.server.hostname.clone(),
            region_id: region,
            relay_address: self.ctx.settings.replicas.relay_address().to_owned(),
            version: self.ctx.server.version.clone(),
            error: error.clone(),
            database_latency: database_latency.try_into().unwrap_or(time::Duration::MAX),
        };
        self.ctx
            .act(&Principal::system(WHY), move |deed| {
                let permit = System::because(WHY).permit::<action::Update, resource::System>();
                deed.repos.replicas().beat(&permit, &beat)?;
                Ok::<_, Error>(deed.unrecorded("that a server lives is no deed", ()))
            })
            .await?;
        let is_changed = error != self.error;
        if is_changed && !error.is_empty() {
            tracing::warn!(error, "another server of this deployment cannot be reached (replicas.relay_url)");
        }
        self.error = error;
        Ok(is_changed)
    }

    /// Asks all of them at once; answers who cannot be reached, and why, in the order of their names.
    async fn dial(&self, peers: Vec<Replica>) -> Vec<String> {
        let mut dials = JoinSet::new();
        for peer in peers {
            let ctx = self.ctx.clone();
            dials.spawn(async move {
                let url = format!("{}/derp/latency-check", peer.relay_address);
                let request = Request::get(&url, ANSWER_MAX).any_status().chosen_by_peer();
                let why = match tokio::time::timeout(PATIENCE, ctx.upstreams.fetch(request)).await {
                    Ok(Ok(answer)) if answer.status == 200 => return None,
                    Ok(Ok(answer)) => format!("it answers {}", answer.status),
                    Ok(Err(error)) => error.detail,
                    Err(_elapsed) => format!("no answer within {} s", PATIENCE.as_secs()),
                };
                Some(format!("{} at {}: {why}", peer.hostname, peer.relay_address))
            });
        }
        let mut failures: Vec<String> = dials.join_all().await.into_iter().flatten().collect();
        failures.sort();
        failures
    }
}

/// Waits until another server tells something.
async fn woken(wakes: &mut Subscription, ctx: &Context) {
    let own = ctx.server.replica_id.to_string();
    while let Heard::Event(id) = wakes.next().await {
        if id != own {
            break;
        }
    }
    tokio::time::sleep(GATHER).await;
    wakes.skip();
}
