//! Calls that outlive connections.

use crate::network::Network;
use crate::options::Options;
use crate::socket::{DialError, Out, dial};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use doorward_wire::{CallError, Client, Ended, Limits, Message, Outgoing, Status, TransportError, connect};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// What all paths begin with.
const SERVICE: &str = "/provisionerd.ProvisionerDaemon/";
/// How long an attempt at a call may take.
const ATTEMPT: Duration = Duration::from_mins(2);
/// First and longest pause between attempts at a call.
const CALLING: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// First and longest pause between attempts at a connection.
const DIALLING: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));
/// A connection that lasted as long was a good one.
const LASTED: Duration = Duration::from_secs(10);

/// Pauses that grow, without an end.
pub(crate) fn pauses((first, longest): (Duration, Duration)) -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).with_jitter();
    builder.without_max_times().build()
}

/// Pauses between attempts at the server.
pub(crate) fn dialling() -> impl Iterator<Item = Duration> {
    pauses(DIALLING)
}

/// The connection of a daemon, whichever it is at the moment.
#[derive(Debug)]
pub(crate) struct Link(watch::Sender<Option<Client>>);

impl Default for Link {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Link {
    /// Makes calls by the present connection, or by the next one.
    pub(crate) async fn client(&self) -> Client {
        let mut clients = self.0.subscribe();
        loop {
            if let Some(client) = clients.borrow_and_update().clone().filter(|client| !client.is_over()) {
                return client;
            }
            // An error cannot be: the sender is `self`.
            let _changed = clients.changed().await;
        }
    }

    /// Makes a call, over as many connections as it takes. So it may be carried out more than once. Errors: the server refuses it.
    pub(crate) async fn call(&self, method: &str, request: &[u8]) -> Result<Message, Status> {
        let path = path(method);
        let mut pauses = pauses(CALLING);
        loop {
            let client = self.client().await;
            match timeout(ATTEMPT, client.call(&path, request)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(CallError::Refused(status))) => return Err(status),
                Ok(Err(CallError::Lost(fault))) => tracing::debug!(method, %fault, "a call broke, and is made again"),
                Err(_elapsed) => tracing::debug!(method, "a call was not answered in time, and is made again"),
            }
            sleep(pauses.next().unwrap_or(CALLING.1)).await;
        }
    }

    /// Keeps a connection until the daemon is to leave. Errors: the server refuses it for good.
    pub(crate) async fn keep(
        &self,
        network: &dyn Network,
        options: &Options,
        mut leave: watch::Receiver<bool>,
    ) -> Result<(), DialError> {
        let mut pauses = dialling();
        loop {
            let begun = Instant::now();
            let dialled = tokio::select! {
                dialled = dial(network, options) => dialled,
                () = told(&mut leave) => return Ok(()),
            };
            let why = match dialled {
                Ok((incoming, out)) => {
                    tracing::info!("connected to {} as {}", options.url, options.name);
                    let mut out = out;
                    let (client, session) = connect(incoming, Borrowed(&mut out), Limits::default(), told(&mut leave));
                    self.0.send_replace(Some(client));
                    let ended = session.await;
                    self.0.send_replace(None);
                    out.close().await;
                    match ended {
                        Ended::Stopped => return Ok(()),
                        Ended::Left => "the server has closed it".to_owned(),
                        Ended::Failed(fault) => fault.to_string(),
                    }
                }
                Err(refused @ DialError::Refused(_)) => return Err(refused),
                Err(DialError::Failed(why)) => why,
            };
            if begun.elapsed() >= LASTED {
                pauses = dialling();
            }
            let pause = pauses.next().unwrap_or(DIALLING.1);
            tracing::warn!("not connected to {}: {why}; trying again in {pause:.1?}", options.url);
            tokio::select! {
                () = sleep(pause) => {}
                () = told(&mut leave) => return Ok(()),
            }
        }
    }
}

pub(crate) fn path(method: &str) -> String {
    format!("{SERVICE}{method}")
}

/// Waits until the daemon is to leave.
async fn told(leave: &mut watch::Receiver<bool>) {
    // Whoever could tell is gone: then it is time too.
    let _gone = leave.wait_for(|leaves| *leaves).await;
}

/// Lends the way out to a session.
struct Borrowed<'a>(&'a mut Out);

impl Outgoing for Borrowed<'_> {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.0.send(bytes).await
    }
}
