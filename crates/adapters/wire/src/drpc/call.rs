//! A call, for whoever carries it out.

use crate::budget::Hold;
use crate::drpc::frame::{Id, Kind, encode, encoded_most};
use crate::drpc::status::Status;
use crate::fault::Fault;
use crate::yamux::stream::Stream;
use bytes::Bytes;
use std::ops::Deref;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Carries out calls.
pub trait Service {
    /// Carries out the call of this path. It is dropped when nobody waits for it any more.
    fn call(&self, path: &str, call: &mut Call<'_>) -> impl Future<Output = Result<End, Status>>;
}

/// How a call ends that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This side has sent all.
    Sent,
    /// Nobody may send any more.
    Closed,
}

/// The session is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

/// A message of a request.
#[derive(Debug)]
pub struct Message {
    data: Bytes,
    /// Its bytes count for the session until this is dropped.
    _hold: Hold,
}

impl Message {
    pub(crate) const fn new(data: Bytes, hold: Hold) -> Self {
        Self { data, _hold: hold }
    }
}

impl Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.data
    }
}

/// A call that is carried out.
#[derive(Debug)]
pub struct Call<'a> {
    pub(crate) stream: &'a Stream,
    /// The number of the last packet that was sent.
    pub(crate) last: Id,
    pub(crate) messages: mpsc::Receiver<Message>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) longest: usize,
    pub(crate) patience: Duration,
    pub(crate) sending: Duration,
}

impl Call<'_> {
    /// The next message of the request, however long that takes; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// The next message of the request, which is due.
    pub async fn expect(&mut self) -> Result<Message, Status> {
        match timeout(self.patience, self.messages.recv()).await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Status::error("a message is missing in the request")),
            Err(_elapsed) => Err(Status::error("the next message of the request did not come in time")),
        }
    }

    /// Sends a message. Errors: when it is too long, when the session holds so much that it has no room, or when it cannot be sent any
    /// more.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Status> {
        if message.len() > self.longest {
            return Err(Status::error(format!("the answer is longer than {} bytes", self.longest)));
        }
        self.packet(Kind::Message, message).await.map_err(|fault| Status::error(fault.to_string()))
    }

    /// The next message of the request, however long that takes, or `None` when there are no more. Errors: [`Stopping`] when the
    /// session is to end before.
    pub async fn next_unless_stopping(&mut self) -> Result<Option<Message>, Stopping> {
        tokio::select! {
            message = self.messages.recv() => Ok(message),
            // An error says that nobody can tell any more, which is the end of the session.
            _stopping = self.stopping.wait_for(|is_stopping| *is_stopping) => Err(Stopping),
        }
    }

    /// Ends the call.
    pub(crate) async fn end(&mut self, outcome: Result<End, Status>) -> Result<(), Fault> {
        match outcome {
            Ok(End::Sent) => self.packet(Kind::CloseSend, &[]).await,
            Ok(End::Closed) => self.packet(Kind::Close, &[]).await,
            Err(status) => self.packet(Kind::Error, &status.encode()).await,
        }
    }

    async fn packet(&mut self, kind: Kind, data: &[u8]) -> Result<(), Fault> {
        let budget = self.stream.budget();
        let mut hold = budget.hold();
        // Before the packet is made: what waits to be sent is held as much as what waits to be taken.
        if !hold.add(encoded_most(data.len())) {
            return Err(Fault::Full(budget.most()));
        }
        self.last.message = self.last.message.saturating_add(1);
        self.stream.write(encode(kind, self.last, data), hold, self.sending).await
    }
}
