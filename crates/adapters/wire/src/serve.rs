//! A session from its first byte to its last.

use crate::drpc::call::Service;
use crate::drpc::transport;
use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::yamux::stream::Shared;
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// Where the bytes of a session go.
pub trait Outgoing {
    /// Takes bytes, when the other side has taken enough of those before. Errors: when it takes no more.
    fn send(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), TransportError>>;
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The other side left.
    Left,
    /// This side was told to end it.
    Stopped,
    /// Something was wrong.
    Failed(Fault),
}

/// Serves a session, until the other side leaves, something goes wrong, or `stop` is there. In the last case calls that wait are told,
/// and those that do something have [`Limits::grace`].
///
/// The bytes come as they come: how they are cut means nothing.
pub async fn serve<I, O, S>(
    incoming: I,
    outgoing: &mut O,
    service: &S,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended
where
    I: Stream<Item = Result<Bytes, TransportError>>,
    O: Outgoing,
    S: Service,
{
    let session = Shared::new(limits.clone());
    let (stopping, told) = watch::channel(false);
    let mut incoming = pin!(incoming);
    let ended = {
        let stopped = async {
            stop.await;
            session.core().go_away(0);
            // Nobody may be listening.
            let _unheard = stopping.send(true);
            // What has not ended by then is cut off.
            let _cut = timeout(limits.grace, poll_fn(|cx| session.core().poll_idle(cx))).await;
        };
        tokio::select! {
            read = read(&session, incoming.as_mut()) => read.map_or_else(Ended::Failed, |()| Ended::Left),
            Err(fault) = write(&session, outgoing, &limits) => Ended::Failed(fault),
            Err(fault) = tick(&session) => Ended::Failed(fault),
            Err(fault) = calls(&session, service, &told) => Ended::Failed(fault),
            () = stopped => Ended::Stopped,
        }
    };
    if let Ended::Failed(fault) = &ended
        && fault.is_theirs()
    {
        session.core().go_away(1);
        say_last(&session, outgoing, &limits).await;
    }
    ended
}

/// Takes what comes, as fast as it can be dealt with.
async fn read<I>(session: &Shared, mut incoming: Pin<&mut I>) -> Result<(), Fault>
where
    I: Stream<Item = Result<Bytes, TransportError>>,
{
    while let Some(chunk) = incoming.next().await {
        let mut chunk = chunk?;
        while !chunk.is_empty() {
            poll_fn(|cx| session.core().poll_room(cx)).await;
            session.core().receive(&mut chunk, Instant::now())?;
        }
    }
    Ok(())
}

async fn write<O: Outgoing>(session: &Shared, outgoing: &mut O, limits: &Limits) -> Result<Infallible, Fault> {
    loop {
        let bytes = poll_fn(|cx| session.core().poll_send(cx)).await;
        timeout(limits.write, outgoing.send(bytes)).await.map_err(|_elapsed| Fault::Stuck)??;
    }
}

async fn tick(session: &Shared) -> Result<Infallible, Fault> {
    loop {
        let next = session.core().tick(Instant::now())?;
        sleep_until(next).await;
    }
}

/// Carries out the calls of all streams at once.
async fn calls<S: Service>(session: &Shared, service: &S, told: &watch::Receiver<bool>) -> Result<Infallible, Fault> {
    let mut streams = FuturesUnordered::new();
    loop {
        tokio::select! {
            stream = session.opened() => streams.push(transport::serve(stream, service, told.clone())),
            // A stream that went wrong ends alone.
            Some(_ended) = streams.next(), if !streams.is_empty() => {}
        }
    }
}

/// Sends what is left to be said, as far as it can be.
async fn say_last<O: Outgoing>(session: &Shared, outgoing: &mut O, limits: &Limits) {
    loop {
        let bytes = session.core().take_control();
        if bytes.is_empty() {
            return;
        }
        match timeout(limits.write, outgoing.send(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
