//! What inputs are put into.

use bytes::Bytes;
use doorward_wire::messages::provisionerd::{
    AcquiredJob, CommitQuotaRequest, CompletedJob, FailedJob, JobReference, UpdateJobRequest, UpdateJobResponse,
    UploadFileRequest,
};
use doorward_wire::messages::read;
use doorward_wire::{Call, Client, End, Limits, Outgoing, Service, Status, TransportError, connect, serve};
use futures_util::StreamExt as _;
use futures_util::stream::{iter, pending};
use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// No session takes longer, by the clock that stands still otherwise.
const LONGEST: Duration = Duration::from_hours(2);

/// Where an input goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The bytes of a message.
    Message,
    /// What a daemon says on a stream, in frames that are whole.
    Packets,
    /// What a daemon sends to a server.
    Session,
    /// What a server sends to a daemon.
    Daemon,
}

impl Layer {
    pub(crate) const ALL: [Self; 4] = [Self::Message, Self::Packets, Self::Session, Self::Daemon];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Packets => "packets",
            Self::Session => "session",
            Self::Daemon => "daemon",
        }
    }
}

/// Runs inputs, with a clock that stands still while something can go on.
pub(crate) struct Targets(Runtime);

impl Targets {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        Self(runtime)
    }

    /// Puts the input in and answers what became of it, as a number. Panics when a session does not end. `how` says how the bytes are
    /// cut, and whether silence or the end follows them.
    pub(crate) fn run(&self, layer: Layer, bytes: &[u8], how: u64) -> u64 {
        let mut outcome = DefaultHasher::new();
        match layer {
            Layer::Message => message(bytes, &mut outcome),
            Layer::Packets => {
                let mut framed = Vec::with_capacity(bytes.len() + 64);
                frame(&mut framed, 1, 1, 1, 0, &[]);
                // Each within the window.
                for piece in bytes.chunks(100 * 1024) {
                    frame(&mut framed, 0, 0, 1, u32::try_from(piece.len()).unwrap(), piece);
                }
                self.0.block_on(server(&framed, how, &mut outcome));
            }
            Layer::Session => self.0.block_on(server(bytes, how, &mut outcome)),
            Layer::Daemon => self.0.block_on(daemon(bytes, how, &mut outcome)),
        }
        outcome.finish()
    }
}

/// Appends a frame of yamux.
pub(crate) fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u16, stream: u32, length: u32, data: &[u8]) {
    bytes.extend([0, kind]);
    bytes.extend(flags.to_be_bytes());
    bytes.extend(stream.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
}

/// A packet of DRPC in one frame, of the first call.
pub(crate) fn packet(control: u8, message: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![control, 1, message];
    let mut length = data.len();
    while length > 0x7f {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend(data);
    bytes
}

/// What is wrong, without numbers and names that differ from input to input.
fn kind_of(text: &str) -> String {
    text.split(':').next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn message(bytes: &[u8], outcome: &mut DefaultHasher) {
    fn note<M>(read: Result<M, String>, outcome: &mut DefaultHasher) {
        match read {
            Ok(_) => true.hash(outcome),
            Err(error) => error.rsplit(':').next().unwrap_or_default().hash(outcome),
        }
    }
    note(read::<AcquiredJob>(bytes), outcome);
    note(read::<UpdateJobRequest>(bytes), outcome);
    note(read::<UpdateJobResponse>(bytes), outcome);
    note(read::<CompletedJob>(bytes), outcome);
    note(read::<FailedJob>(bytes), outcome);
    note(read::<CommitQuotaRequest>(bytes), outcome);
    note(read::<UploadFileRequest>(bytes), outcome);
    note(read::<JobReference>(bytes), outcome);
}

/// Reads all that is said, as a server does.
#[derive(Default)]
struct Reads(RefCell<Vec<String>>);

impl Service for Reads {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        let method = path.rsplit('/').next().unwrap_or_default();
        let broken = |error: String| Status::error(error);
        if method == "AcquireJobWithCancel" {
            let told = call.next_unless_stopping().await;
            self.0.borrow_mut().push(format!("{:?}", told.map(|message| message.is_some())));
            return Ok(End::Closed);
        }
        while let Some(message) = call.next().await {
            let _job = read::<JobReference>(&message).map_err(broken)?;
            match method {
                "UpdateJob" => drop(read::<UpdateJobRequest>(&message).map_err(broken)?),
                "CommitQuota" => drop(read::<CommitQuotaRequest>(&message).map_err(broken)?),
                "FailJob" => drop(read::<FailedJob>(&message).map_err(broken)?),
                "CompleteJob" => drop(read::<CompletedJob>(&message).map_err(broken)?),
                "UploadFile" => drop(read::<UploadFileRequest>(&message).map_err(broken)?),
                "AcquireJob" => {}
                _ => return Err(Status::error("no such call")),
            }
            call.send(&message).await?;
        }
        self.0.borrow_mut().push(method.to_owned());
        Ok(End::Sent)
    }
}

/// Notes which kinds of frames are sent, in whatever order, and loses them.
#[derive(Clone, Default)]
struct Nowhere(Rc<Cell<u64>>);

impl Outgoing for Nowhere {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        let mut hasher = DefaultHasher::new();
        bytes.get(..4).hash(&mut hasher);
        self.0.set(self.0.get() | 1 << (hasher.finish() % 64));
        Ok(())
    }
}

/// The bytes, cut into pieces.
fn pieces(bytes: &[u8], how: u64) -> impl Iterator<Item = Result<Bytes, TransportError>> {
    let cut = match how % 5 {
        0 => 1,
        1 => 7,
        2 => 13,
        3 => 300,
        _ => 1 << 20,
    };
    bytes.chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece)))
}

async fn server(bytes: &[u8], how: u64, outcome: &mut DefaultHasher) {
    let (reads, mut nowhere) = (Reads::default(), Nowhere::default());
    let bytes = iter(pieces(bytes, how));
    let stop = std::future::pending();
    let ended = if how.is_multiple_of(2) {
        timeout(LONGEST, serve(bytes, &mut nowhere, &reads, Limits::default(), stop)).await
    } else {
        timeout(LONGEST, serve(bytes.chain(pending()), &mut nowhere, &reads, Limits::default(), stop)).await
    };
    kind_of(&format!("{:?}", ended.unwrap())).hash(outcome);
    let mut through = reads.0.take();
    through.truncate(4);
    through.hash(outcome);
    nowhere.0.get().hash(outcome);
}

async fn daemon(bytes: &[u8], how: u64, outcome: &mut DefaultHasher) {
    let (client, session) = connect(
        iter(pieces(bytes, how)).chain(pending()),
        Nowhere::default(),
        Limits::default(),
        std::future::pending(),
    );
    let session = async {
        // The calls are there before the first answer is.
        tokio::task::yield_now().await;
        session.await
    };
    let all = async { tokio::join!(session, acquire(&client), update(&client)) };
    let (ended, acquired, updated) = timeout(LONGEST, all).await.unwrap();
    (kind_of(&format!("{ended:?}")), acquired, updated).hash(outcome);
}

async fn acquire(client: &Client) -> String {
    let mut conversation = match client.begin("/provisionerd.ProvisionerDaemon/AcquireJobWithCancel").await {
        Ok(conversation) => conversation,
        Err(error) => return kind_of(&error.to_string()),
    };
    match conversation.next().await {
        Ok(Some(message)) => read::<AcquiredJob>(&message).is_ok().to_string(),
        Ok(None) => "nothing".to_owned(),
        Err(error) => kind_of(&error.to_string()),
    }
}

async fn update(client: &Client) -> String {
    match client.call("/provisionerd.ProvisionerDaemon/UpdateJob", &[]).await {
        Ok(message) => read::<UpdateJobResponse>(&message).is_ok().to_string(),
        Err(error) => kind_of(&error.to_string()),
    }
}
