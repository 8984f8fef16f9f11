//! Giving jobs to a daemon.
//!
//! A job that was taken out of the queue for a daemon must come to an end, whatever happens to the call in that moment, which may be
//! dropped at any time. So waiting is a task of its own, which the call only tells to give up; and what it has got is failed when it is
//! dropped before the daemon has it.

use super::told::told;
use super::translate::acquired;
use actix_web::web;
use doorward_domain::ids::ProvisionerJobId;
use doorward_services::provisioner_jobs::{self, Acquired, Left};
use doorward_services::provisioners::serving::Connected;
use doorward_services::{Context, Error};
use doorward_wire::messages::provisionerd::AcquiredJob;
use doorward_wire::messages::write;
use doorward_wire::{Call, End, Limits, Status};
use futures_util::FutureExt as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How the job of a daemon ends whose message is too long.
const TOO_LARGE: &str =
    "The job is larger than 4 MiB with the files of the template, which is more than a provisioner daemon takes.";

/// Gives jobs to one daemon, one at a time.
#[derive(Clone)]
pub(super) struct Acquiring {
    context: Context,
    connected: Connected,
    /// Longest message, in bytes.
    longest: usize,
    /// Daemons do one job at a time; one that asks for more at once would have this side hold all of them.
    turn: Arc<Semaphore>,
    /// Whether the daemon has asked for a job over this connection: the first time, one may be left that was lost with the last.
    is_settled: Arc<AtomicBool>,
}

/// A job that is on its way to its daemon. When it is dropped before, the job has failed.
struct Delivery {
    id: ProvisionerJobId,
    message: web::Bytes,
    acquiring: Option<Acquiring>,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(Acquiring { context, connected, .. }) = self.acquiring.take() {
            let id = self.id;
            actix_web::rt::spawn(async move {
                tracing::info!(job = %id, "the connection broke before the daemon had its job");
                if let Err(error) = provisioner_jobs::disconnected(&context, &connected.principal, id).await {
                    tracing::warn!(%error, job = %id, "cannot note that a daemon did not get its job; it is given up later");
                }
            });
        }
    }
}

impl Acquiring {
    pub(super) fn new(context: Context, connected: Connected, limits: &Limits) -> Self {
        Self {
            context,
            connected,
            longest: limits.message,
            turn: Arc::new(Semaphore::new(1)),
            is_settled: Arc::default(),
        }
    }

    /// Gives a job, or an empty one when the daemon does not want one any more. When the server stops, nothing is said: the daemon asks
    /// elsewhere.
    pub(super) async fn acquire(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let (give_up, mut delivered) = self.begin();
        let delivery = tokio::select! {
            biased;
            delivery = &mut delivered => delivery,
            told = call.next_unless_stopping() => {
                drop(give_up);
                let delivery = delivered.await;
                if told.is_err() && matches!(delivery, Ok(Ok(None))) {
                    return Ok(End::Closed);
                }
                delivery
            }
        };
        match delivery {
            Ok(Ok(delivery)) => deliver(call, delivery).await.map(|()| End::Closed),
            // Nothing is said but that it is over, and the daemon asks again.
            Ok(Err(())) | Err(_) => Ok(End::Closed),
        }
    }

    /// The same, until `enough`, without listening to the daemon.
    pub(super) async fn acquire_until(
        &self,
        call: &mut Call<'_>,
        enough: impl Future<Output = ()>,
    ) -> Result<(), Status> {
        let (give_up, mut delivered) = self.begin();
        let delivery = tokio::select! {
            biased;
            delivery = &mut delivered => delivery,
            () = enough => {
                drop(give_up);
                delivered.await
            }
        };
        match delivery {
            Ok(Ok(delivery)) => deliver(call, delivery).await,
            Ok(Err(())) | Err(_) => Err(Status::error("the server gives no job now")),
        }
    }

    /// Begins to wait. It goes on until there is a job, or what is answered first is dropped.
    fn begin(&self) -> (oneshot::Sender<()>, oneshot::Receiver<Result<Option<Delivery>, ()>>) {
        let (give_up, told) = oneshot::channel::<()>();
        let (sender, answer) = oneshot::channel();
        let acquiring = self.clone();
        actix_web::rt::spawn(async move {
            // That the call is gone is word enough.
            let is_enough = told.map(drop).shared();
            let turn = tokio::select! {
                biased;
                () = is_enough.clone() => None,
                turn = Arc::clone(&acquiring.turn).acquire_owned() => turn.ok(),
            };
            let outcome = match turn {
                Some(turn) => acquiring.wait(turn, is_enough).await,
                None => Ok(None),
            };
            // A delivery that nobody waits for any more is dropped, and so failed.
            drop(sender.send(outcome));
        });
        (give_up, answer)
    }

    async fn wait(
        &self,
        turn: OwnedSemaphorePermit,
        given_up: impl Future<Output = ()> + Clone,
    ) -> Result<Option<Delivery>, ()> {
        let by = &self.connected.principal;
        self.settle(given_up.clone()).await;
        let provisioners = &self.connected.daemon.provisioners;
        let acquired = match provisioner_jobs::acquire(&self.context, by, provisioners, given_up).await {
            Ok(Some(acquired)) => acquired,
            Ok(None) => return Ok(None),
            Err(error) => {
                tracing::warn!(%error, daemon = %self.connected.daemon.id, "no job can be given to a provisioner daemon");
                return Err(());
            }
        };
        let id = acquired.job.id;
        tracing::info!(job = %id, daemon = %self.connected.daemon.id, kind = acquired.job.kind.as_str(), "a provisioner daemon has got a job");
        match self.message(acquired).await {
            Ok(message) => Ok(Some(Delivery { id, message, acquiring: Some(self.clone()), _turn: turn })),
            Err(why) => {
                tracing::warn!(job = %id, why, "a job cannot be given to its daemon");
                let failed = provisioner_jobs::fail(&self.context, by, id, why, String::new(), Left::default()).await;
                if let Err(error) = failed {
                    tracing::warn!(%error, job = %id, "cannot note that a job failed; it is given up later");
                }
                Err(())
            }
        }
    }

    /// Sees to what was given to the daemon over a connection that broke, before it gets anything else.
    async fn settle(&self, given_up: impl Future<Output = ()>) {
        let mut given_up = pin!(given_up);
        while !self.is_settled.load(Ordering::Relaxed) {
            let later = match provisioner_jobs::end_unheard(&self.context, &self.connected.principal).await {
                Ok(Some(later)) => later,
                Ok(None) => {
                    self.is_settled.store(true, Ordering::Relaxed);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, daemon = %self.connected.daemon.id, "cannot see whether a job was lost; it is given up later");
                    return;
                }
            };
            tokio::select! {
                biased;
                () = &mut given_up => return,
                () = tokio::time::sleep(later) => {}
            }
        }
    }

    /// The job as it is sent. Errors: why it cannot be.
    async fn message(&self, acquired: Acquired) -> Result<web::Bytes, String> {
        let size = usize::try_from(acquired.file.size).unwrap_or(usize::MAX);
        if size > self.longest {
            return Err(TOO_LARGE.to_owned());
        }
        let archive = self.archive(acquired.job.id, size).await;
        let archive = archive.map_err(|error| format!("The files of the template cannot be read: {}", told(error)))?;
        let message = write::<AcquiredJob>(&acquired::job(acquired, archive));
        if message.len() > self.longest { Err(TOO_LARGE.to_owned()) } else { Ok(message) }
    }

    async fn archive(&self, id: ProvisionerJobId, size: usize) -> Result<Vec<u8>, Error> {
        let mut archive = Vec::with_capacity(size);
        for position in 0.. {
            let by = &self.connected.principal;
            let Some(piece) = provisioner_jobs::source(&self.context, by, id, position).await? else { break };
            archive.extend_from_slice(&piece);
            if archive.len() >= size {
                break;
            }
        }
        Ok(archive)
    }
}

/// Sends a job, or says that there is none.
async fn deliver(call: &mut Call<'_>, delivery: Option<Delivery>) -> Result<(), Status> {
    let Some(mut delivery) = delivery else {
        return call.send(&write(&AcquiredJob::default())).await;
    };
    call.send(&delivery.message).await?;
    // The daemon has it.
    delivery.acquiring = None;
    Ok(())
}
