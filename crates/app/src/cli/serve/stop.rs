//! How the server is told to stop, and that it does.
//!
//! SIGTERM and the first SIGINT let requests in flight finish; a second one of either ends the process at once. SIGHUP does
//! nothing but say so. A thread of its own listens, so that neither a start that waits for its database nor anything else
//! that blocks holds a signal up.

use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use doorward_http::Closing;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is left to be done after the last answer may take so long.
const WIND_DOWN: Duration = Duration::from_secs(5);
/// The server itself ends requests at the end of its time; only what even that does not end is ended here.
const GRACE: Duration = Duration::from_millis(500);
/// Exit status of a process that was ended while requests were in flight.
const CUT_SHORT: i32 = 1;
/// Exit status after a second signal, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// Listens for signals.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<Mutex<Phase>>);

#[derive(Debug, Default)]
enum Phase {
    /// Nobody is served yet.
    #[default]
    Starting,
    Serving(ServerHandle, Closing),
    Stopping,
}

impl Stop {
    /// Begins to listen. After the stop was asked for, the process ends within `timeout`, whatever is blocked.
    pub(super) fn listen(timeout: Duration) -> anyhow::Result<Self> {
        let stop = Self::default();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot listen for signals")?;
        let streams = {
            let _inside = runtime.enter();
            let open = |kind| signal(kind).context("cannot listen for signals");
            [open(SignalKind::terminate())?, open(SignalKind::interrupt())?, open(SignalKind::hangup())?]
        };
        let told = stop.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(told.obey(streams, timeout)))
            .context("cannot listen for signals")?;
        Ok(stop)
    }

    /// From now on there is a server to be stopped.
    pub(super) fn serving(&self, handle: ServerHandle, closing: Closing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Phase::Serving(handle, closing);
    }

    async fn obey(self, streams: [Signal; 3], timeout: Duration) {
        let [mut terminate, mut interrupt, mut hangup] = streams;
        loop {
            tokio::select! {
                _ = terminate.recv() => self.stop(timeout),
                _ = interrupt.recv() => self.stop(timeout),
                _ = hangup.recv() => tracing::info!("SIGHUP changes nothing: settings are read at the start"),
            }
        }
    }

    fn stop(&self, timeout: Duration) {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *phase, Phase::Stopping) {
            Phase::Starting => {
                tracing::info!("stopped before anybody was served");
                process::exit(0);
            }
            Phase::Serving(server, closing) => {
                tracing::info!("stopping; requests in flight may take {timeout:?}");
                closing.begin();
                // The order is given at once; nobody waits here for it to be carried out.
                drop(server.stop(true));
                end_after(timeout + GRACE, CUT_SHORT, "the time for stopping is over, and something is still blocked");
            }
            Phase::Stopping => {
                tracing::warn!("told to stop a second time: ending at once");
                process::exit(INTERRUPTED);
            }
        }
    }
}

/// Everybody was answered: what is left ends soon, or with the process.
pub(super) fn wind_down() {
    end_after(WIND_DOWN, 0, "something is still blocked, and nobody waits for it");
}

fn end_after(patience: Duration, status: i32, why: &'static str) {
    let end = move || {
        thread::sleep(patience);
        tracing::warn!("{why}: ending");
        process::exit(status);
    };
    if let Err(error) = thread::Builder::new().name("end".to_owned()).spawn(end) {
        tracing::warn!(%error, "nothing sees to the end of the process");
    }
}
