//! The calls of one stream, one after another.

use crate::drpc::call::{Call, Message, Service};
use crate::drpc::frame::{Id, Kind};
use crate::drpc::packet::{Packet, PacketReader};
use crate::fault::Fault;
use crate::yamux::stream::Stream;
use bytes::Bytes;
use std::future::pending;
use std::pin::Pin;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// Messages of a request that wait for the call to take them; then no more are read.
const WAITING: usize = 1;

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + 'a>>;

/// A stream with its calls.
struct Transport<'a, S> {
    stream: &'a Stream,
    service: &'a S,
    stopping: watch::Receiver<bool>,
    /// The call that is carried out.
    running: Option<Running<'a>>,
    /// Takes the messages of its request, until there are no more.
    messages: Option<mpsc::Sender<Message>>,
    /// The number of the newest call.
    newest: u64,
    /// Whether its caller has said that there are no more messages.
    is_sent: bool,
}

/// What happens next.
enum Step {
    Packet(Option<Packet>),
    Ended(Result<(), Fault>),
}

/// Carries out the calls of a stream, until it ends. What its packets break ends the stream and no other.
pub(crate) async fn serve<S: Service>(
    stream: Stream,
    service: &S,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Fault> {
    let limits = stream.limits();
    let mut reader = PacketReader::new(limits.message, stream.budget());
    let mut input = Bytes::new();
    let mut transport = Transport {
        stream: &stream,
        service,
        stopping: stopping.clone(),
        running: None,
        messages: None,
        newest: 0,
        is_sent: false,
    };
    loop {
        let step = if let Some(running) = transport.running.as_mut() {
            tokio::select! {
                biased;
                ended = running => Step::Ended(ended),
                packet = next(&stream, &mut reader, &mut input, transport.messages.as_ref()) => Step::Packet(packet?),
            }
        } else {
            tokio::select! {
                packet = next(&stream, &mut reader, &mut input, None) => Step::Packet(packet?),
                // Nobody wants anything of it.
                () = sleep(limits.patience) => return Ok(()),
                _stopping = stopping.wait_for(|is_stopping| *is_stopping) => return Ok(()),
            }
        };
        match step {
            Step::Packet(None) => return Ok(()),
            Step::Packet(Some(packet)) => transport.receive(packet)?,
            Step::Ended(ended) => {
                transport.end();
                ended?;
            }
        }
    }
}

/// The next packet, once there is room for the message that it may be; `None` after the last one. Loses nothing when it is dropped
/// while it waits.
async fn next(
    stream: &Stream,
    reader: &mut PacketReader,
    input: &mut Bytes,
    messages: Option<&mpsc::Sender<Message>>,
) -> Result<Option<Packet>, Fault> {
    if let Some(messages) = messages
        && messages.reserve().await.is_err()
    {
        // The call takes no more messages, and is about to end.
        return pending().await;
    }
    loop {
        if let Some(packet) = reader.take(input)? {
            return Ok(Some(packet));
        }
        match stream.read().await? {
            Some(more) => *input = more,
            None => return Ok(None),
        }
    }
}

impl<S: Service> Transport<'_, S> {
    fn end(&mut self) {
        self.running = None;
        self.messages = None;
    }

    fn receive(&mut self, packet: Packet) -> Result<(), Fault> {
        let Packet { kind, id, data, hold } = packet;
        let is_newest = id.stream == self.newest;
        match kind {
            Kind::OtherControl => {}
            Kind::Metadata if id.stream > self.newest => {}
            Kind::Metadata => return Err(Fault::Packet("metadata come before their call")),
            Kind::Invoke if id.stream > self.newest => self.begin(id.stream, &data),
            Kind::Invoke => return Err(Fault::Packet("a call has the number of one before")),
            _ if !is_newest => return Err(Fault::Packet("it belongs to no call")),
            Kind::Message if self.is_sent => return Err(Fault::Packet("a message after the last one")),
            Kind::Message => {
                // A call that has ended, or wants no more, takes none.
                if let Some(messages) = &self.messages {
                    let _unwanted = messages.try_send(Message::new(data, hold));
                }
            }
            Kind::CloseSend => {
                self.is_sent = true;
                self.messages = None;
            }
            Kind::Error | Kind::Cancel | Kind::Close => {
                self.is_sent = true;
                self.end();
            }
        }
        Ok(())
    }

    /// Begins a call. One that is still carried out is not wanted any more.
    fn begin(&mut self, stream: u64, path: &[u8]) {
        let (sender, messages) = mpsc::channel(WAITING);
        let limits = self.stream.limits();
        let mut call = Call {
            stream: self.stream,
            last: Id { stream, message: 0 },
            messages,
            stopping: self.stopping.clone(),
            longest: limits.message,
            patience: limits.patience,
            sending: limits.sending,
        };
        let (service, path) = (self.service, String::from_utf8_lossy(path).into_owned());
        self.newest = stream;
        self.is_sent = false;
        self.messages = Some(sender);
        self.running = Some(Box::pin(async move {
            let outcome = service.call(&path, &mut call).await;
            call.end(outcome).await
        }));
    }
}
