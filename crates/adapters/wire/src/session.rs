//! What both sides of a session do alike.

use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::yamux::stream::Shared;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use tokio::time::{Instant, sleep, sleep_until, timeout};

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

/// Takes what comes, as fast as it can be dealt with.
pub(crate) async fn read<I>(session: &Shared, mut incoming: Pin<&mut I>) -> Result<(), Fault>
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

pub(crate) async fn write<O: Outgoing>(
    session: &Shared,
    outgoing: &mut O,
    limits: &Limits,
) -> Result<Infallible, Fault> {
    loop {
        let bytes = poll_fn(|cx| session.core().poll_send(cx)).await;
        let sent = timeout(limits.write, outgoing.send(bytes)).await.map_err(|_elapsed| Fault::Stuck)?;
        if let Err(error) = sent {
            // Who has left may have said something before; its end is read soon after that.
            sleep(limits.grace).await;
            return Err(error.into());
        }
    }
}

/// How a session ended that came to its end like this. Once this side was told to end it, the other side may leave first.
pub(crate) fn ended(session: &Shared, ended: Ended) -> Ended {
    let is_away = matches!(ended, Ended::Left | Ended::Failed(Fault::Transport(_)));
    if is_away && session.core().is_leaving() { Ended::Stopped } else { ended }
}

pub(crate) async fn tick(session: &Shared) -> Result<Infallible, Fault> {
    loop {
        let next = session.core().tick(Instant::now())?;
        sleep_until(next).await;
    }
}

/// Sends what is left to be said, as far as it can be.
pub(crate) async fn say_last<O: Outgoing>(session: &Shared, outgoing: &mut O, limits: &Limits) {
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
