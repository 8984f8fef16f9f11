//! A session with a daemon from its first byte to its last.

use crate::drpc::call::Service;
use crate::drpc::transport;
use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::session::{self, Ended, Outgoing, read, say_last, tick, write};
use crate::yamux::core::Side;
use crate::yamux::stream::Shared;
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use tokio::sync::watch;
use tokio::time::timeout;

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
    let session = Shared::new(Side::Server, limits.clone());
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
    let ended = session::ended(&session, ended);
    if let Ended::Failed(fault) = &ended
        && fault.is_theirs()
    {
        session.core().go_away(1);
        say_last(&session, outgoing, &limits).await;
    }
    ended
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

#[cfg(test)]
mod tests;
