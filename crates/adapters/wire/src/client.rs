//! The side of a daemon: it opens a stream for each call.

use crate::budget::Budget;
use crate::drpc::call::Message;
use crate::drpc::frame::{Id, Kind, encode, encoded_most};
use crate::drpc::packet::{Packet, PacketReader};
use crate::drpc::status::Status;
use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::session::{self, Ended, Outgoing, read, say_last, tick, write};
use crate::yamux::core::Side;
use crate::yamux::stream::{Shared, Stream as Yamux};
use bytes::Bytes;
use futures_util::Stream;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use thiserror::Error;
use tokio::time::timeout;

/// The number that every call has: each has a stream of its own, on which it is the first.
const FIRST: u64 = 1;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The other side refused it.
    #[error("{0}")]
    Refused(Status),
    /// The call broke. Nobody knows whether it was carried out.
    #[error("{0}")]
    Lost(#[from] Fault),
}

/// Makes calls. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Client {
    session: Shared,
    limits: Limits,
}

/// A session of a daemon: the future carries it until the other side leaves, something goes wrong, or `stop` is there; then what is
/// still to be said has [`Limits::grace`]. When it has ended, or is dropped, all calls have ended too.
///
/// The bytes come as they come: how they are cut means nothing.
pub fn connect<I, O>(
    incoming: I,
    outgoing: O,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> (Client, impl Future<Output = Ended>)
where
    I: Stream<Item = Result<Bytes, TransportError>>,
    O: Outgoing,
{
    let session = Shared::new(Side::Daemon, limits.clone());
    let client = Client { session: session.clone(), limits: limits.clone() };
    (client, carry(Ending(session), incoming, outgoing, limits, stop))
}

/// Ends all calls when it is dropped.
struct Ending(Shared);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.core().end(Fault::Ended);
    }
}

async fn carry<I, O>(
    ending: Ending,
    incoming: I,
    mut outgoing: O,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Ended
where
    I: Stream<Item = Result<Bytes, TransportError>>,
    O: Outgoing,
{
    let session = &ending.0;
    let incoming = pin!(incoming);
    let ended = {
        let stopped = async {
            stop.await;
            session.core().go_away(0);
            // What has not been said by then is not said.
            let _cut = timeout(limits.grace, poll_fn(|cx| session.core().poll_idle(cx))).await;
        };
        tokio::select! {
            read = read(session, incoming) => read.map_or_else(Ended::Failed, |()| Ended::Left),
            Err(fault) = write(session, &mut outgoing, &limits) => Ended::Failed(fault),
            Err(fault) = tick(session) => Ended::Failed(fault),
            () = stopped => Ended::Stopped,
        }
    };
    let ended = session::ended(session, ended);
    if let Ended::Failed(fault) = &ended {
        if fault.is_theirs() {
            session.core().go_away(1);
            say_last(session, &mut outgoing, &limits).await;
        }
        session.core().end(fault.clone());
    }
    ended
}

impl Client {
    /// Makes a call of one request and one answer. Errors: [`CallError`].
    pub async fn call(&self, path: &str, request: &[u8]) -> Result<Message, CallError> {
        let mut conversation = self.begin(path).await?;
        conversation.send(request).await?;
        conversation.done().await?;
        let answer = conversation.next().await?;
        answer.ok_or_else(|| CallError::Refused(Status::error("the call ended without an answer")))
    }

    /// Begins a call of many messages. Errors: [`CallError::Lost`].
    pub async fn begin(&self, path: &str) -> Result<Conversation, CallError> {
        let stream = self.session.open()?;
        let budget: Arc<Budget> = stream.budget();
        let mut conversation = Conversation {
            reader: PacketReader::new(self.limits.message, budget),
            input: Bytes::new(),
            last: Id { stream: FIRST, message: 0 },
            limits: self.limits.clone(),
            is_over: false,
            stream,
        };
        conversation.packet(Kind::Invoke, path.as_bytes()).await?;
        Ok(conversation)
    }

    /// Whether no more calls can be made.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.session.core().is_over()
    }
}

/// A call of many messages. When it is dropped, the other side knows that nobody waits for it any more.
#[derive(Debug)]
pub struct Conversation {
    stream: Yamux,
    reader: PacketReader,
    /// What came and was not looked at.
    input: Bytes,
    /// The number of the last packet that was sent.
    last: Id,
    limits: Limits,
    is_over: bool,
}

impl Conversation {
    /// Sends a message. Errors: [`CallError::Lost`]; [`CallError::Refused`] when it is too long, and nothing was sent.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), CallError> {
        let longest = self.limits.message;
        if message.len() > longest {
            return Err(CallError::Refused(Status::error(format!("the message is longer than {longest} bytes"))));
        }
        self.packet(Kind::Message, message).await
    }

    /// Says that there are no more messages. Errors: [`CallError::Lost`].
    pub async fn done(&mut self) -> Result<(), CallError> {
        self.packet(Kind::CloseSend, &[]).await
    }

    /// The next message of the other side, however long that takes; `None` after the last one. Loses nothing when it is dropped while
    /// it waits. Errors: [`CallError`].
    pub async fn next(&mut self) -> Result<Option<Message>, CallError> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            let Some(packet) = self.reader.take(&mut self.input)? else {
                match self.stream.read().await? {
                    Some(more) => self.input = more,
                    // Whoever ends a call says so before it ends the stream.
                    None => return Err(CallError::Lost(Fault::Reset)),
                }
                continue;
            };
            let Packet { kind, id, data, hold } = packet;
            if id.stream != FIRST {
                return Err(CallError::Lost(Fault::Packet("it belongs to no call")));
            }
            match kind {
                Kind::Message => return Ok(Some(Message::new(data, hold))),
                Kind::Error => {
                    self.is_over = true;
                    return Err(CallError::Refused(Status::decode(&data)));
                }
                Kind::Close | Kind::CloseSend => self.is_over = true,
                Kind::Cancel => return Err(CallError::Lost(Fault::Reset)),
                Kind::Metadata | Kind::OtherControl => {}
                Kind::Invoke => return Err(CallError::Lost(Fault::Packet("the other side calls"))),
            }
        }
    }

    async fn packet(&mut self, kind: Kind, data: &[u8]) -> Result<(), CallError> {
        let budget = self.stream.budget();
        let mut hold = budget.hold();
        if !hold.add(encoded_most(data.len())) {
            return Err(CallError::Lost(Fault::Full(budget.most())));
        }
        self.last.message = self.last.message.saturating_add(1);
        Ok(self.stream.write(encode(kind, self.last, data), hold, self.limits.sending).await?)
    }
}

#[cfg(test)]
mod tests;
