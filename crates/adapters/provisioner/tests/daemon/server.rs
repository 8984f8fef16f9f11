//! The server, which has the jobs that a test gives it and remembers what it is told.

use async_trait::async_trait;
use doorward_domain::provisioners::ProvisionerType;
use doorward_domain::{Instant, Secret};
use doorward_ports::{Clock, Random};
use doorward_provisioner::{Answer, Credential, Network, NetworkError, Options, Poll, RunError, Stops, Stream, run};
use doorward_wire::messages::provisioner::{Metadata, RichParameterValue, VariableValue, WorkspaceTransition};
use doorward_wire::messages::provisionerd::{
    AcquiredJob, AcquiredTemplateImport, AcquiredType, AcquiredWorkspaceBuild, CommitQuotaRequest, CommitQuotaResponse,
    CompletedJob, Empty, FailedJob, Log, UpdateJobRequest, UpdateJobResponse,
};
use doorward_wire::messages::{read, write};
use doorward_wire::{Call, End, Limits, Outgoing, Service, Status, TransportError, serve};
use futures_util::stream::unfold;
use futures_util::{SinkExt as _, StreamExt as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_websockets::{Message, ServerBuilder};
use url::Url;

/// So long may a test wait, by a clock that runs while all wait.
const PATIENCE: Duration = Duration::from_mins(20);

/// What a server knows.
pub(crate) struct Known {
    pub(crate) jobs: VecDeque<AcquiredJob>,
    pub(crate) updates: Vec<(tokio::time::Instant, UpdateJobRequest)>,
    pub(crate) committed: Vec<CommitQuotaRequest>,
    pub(crate) completed: Vec<CompletedJob>,
    pub(crate) failed: Vec<FailedJob>,
    /// How often somebody asked for a job, and how often one did not want it any more.
    pub(crate) asked: usize,
    pub(crate) given_up: usize,
    pub(crate) connections: usize,
    /// What is answered.
    pub(crate) budget: i32,
    pub(crate) is_canceled: bool,
    /// Calls of these methods are refused with this.
    pub(crate) refused: BTreeMap<&'static str, &'static str>,
    /// A job is there in the moment in which nobody wants one any more.
    pub(crate) late: Option<AcquiredJob>,
    /// Instead of opening the WebSocket.
    pub(crate) status: Option<u16>,
    pub(crate) key_status: u16,
}

/// A server, and the daemon that runs against it.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) known: Rc<RefCell<Known>>,
    changed: Rc<Notify>,
    /// Cuts the present connections off.
    cut: watch::Sender<u32>,
    pub(crate) stops: Stops,
    /// What it answers to who asks about the key.
    pub(crate) key_status: Arc<Mutex<u16>>,
}

struct Calls(Server);

impl Service for Calls {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        let server = &self.0;
        let method = path.strip_prefix("/provisionerd.ProvisionerDaemon/").unwrap();
        if method == "AcquireJobWithCancel" {
            return server.acquire(call).await;
        }
        let request = call.expect().await?;
        if let Some(text) = server.known.borrow().refused.get(method) {
            return Err(Status::error(*text));
        }
        let answer = {
            let mut known = server.known.borrow_mut();
            match method {
                "UpdateJob" => {
                    let update: UpdateJobRequest = read(&request).unwrap();
                    let mut variable_values = update.user_variable_values.clone();
                    let missing = update.template_variables.iter().filter(|variable| {
                        variable.required && !variable_values.iter().any(|value| value.name == variable.name)
                    });
                    let missing: Vec<_> = missing.map(|variable| variable.name.clone()).collect();
                    if !missing.is_empty() {
                        return Err(Status::error(format!("required template variables need values: {missing:?}")));
                    }
                    for variable in &update.template_variables {
                        if !variable_values.iter().any(|value| value.name == variable.name) {
                            let (name, value) = (variable.name.clone(), variable.default_value.clone());
                            variable_values.push(VariableValue { name, value, sensitive: variable.sensitive });
                        }
                    }
                    known.updates.push((tokio::time::Instant::now(), update));
                    write(&UpdateJobResponse { canceled: known.is_canceled, variable_values })
                }
                "CommitQuota" => {
                    let asked: CommitQuotaRequest = read(&request).unwrap();
                    let ok = known.budget < 0 || asked.daily_cost <= known.budget;
                    let answer = CommitQuotaResponse { ok, credits_consumed: asked.daily_cost, budget: known.budget };
                    known.committed.push(asked);
                    write(&answer)
                }
                "CompleteJob" => {
                    known.completed.push(read(&request).unwrap());
                    write(&Empty {})
                }
                "FailJob" => {
                    known.failed.push(read(&request).unwrap());
                    write(&Empty {})
                }
                other => panic!("{other}"),
            }
        };
        server.changed.notify_waiters();
        call.send(&answer).await?;
        Ok(End::Sent)
    }
}

impl Server {
    async fn acquire(&self, call: &mut Call<'_>) -> Result<End, Status> {
        self.known.borrow_mut().asked += 1;
        self.changed.notify_waiters();
        loop {
            let job = self.known.borrow_mut().jobs.pop_front();
            if let Some(job) = job {
                call.send(&write(&job)).await?;
                return Ok(End::Closed);
            }
            tokio::select! {
                given_up = call.next() => {
                    assert_eq!(given_up.as_deref(), Some(&[][..]));
                    self.known.borrow_mut().given_up += 1;
                    let late = self.known.borrow_mut().late.take().unwrap_or_default();
                    call.send(&write(&late)).await?;
                    return Ok(End::Closed);
                }
                () = self.changed.notified() => {}
            }
        }
    }

    /// Gives a job to whoever asks.
    pub(crate) fn post(&self, job: AcquiredJob) {
        self.known.borrow_mut().jobs.push_back(job);
        self.changed.notify_waiters();
    }

    /// Cuts all connections off.
    pub(crate) fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }

    /// Waits until something is known.
    pub(crate) async fn until(&self, is_so: impl Fn(&Known) -> bool) {
        let waited = timeout(PATIENCE, async {
            while !is_so(&self.known.borrow()) {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep(Duration::from_millis(50)) => {}
                }
            }
        });
        assert!(waited.await.is_ok(), "it does not come about; failed: {:?}", self.known.borrow().failed);
    }

    /// The lines of the log, with their stages.
    pub(crate) fn log(&self) -> Vec<(String, String)> {
        let known = self.known.borrow();
        let lines = known.updates.iter().flat_map(|(_, update)| update.logs.clone());
        lines.map(|Log { stage, output, .. }| (stage, output)).collect()
    }

    async fn talk(self, stream: DuplexStream) {
        let status = self.known.borrow().status;
        self.known.borrow_mut().connections += 1;
        self.changed.notify_waiters();
        if let Some(status) = status {
            let mut stream = stream;
            let mut request = [0; 4096];
            let _length = stream.read(&mut request).await;
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            let _gone = stream.write_all(answer.as_bytes()).await;
            return;
        }
        let mut cut = self.cut.subscribe();
        let (_request, socket) = ServerBuilder::new().accept(stream).await.unwrap();
        let (sink, source) = socket.split();
        let incoming = unfold(source, async |mut source| {
            loop {
                let message = source.next().await?.ok()?;
                if message.is_binary() {
                    return Some((Ok(message.into_payload().into()), source));
                }
                if message.is_close() {
                    return None;
                }
            }
        });
        let (mut out, calls) = (Out(sink), Calls(self.clone()));
        tokio::select! {
            _ended = serve(incoming, &mut out, &calls, Limits::default(), std::future::pending()) => {}
            _cut = cut.changed() => {}
        }
    }
}

struct Out<S>(S);

impl<S: futures_util::Sink<Message, Error = tokio_websockets::Error> + Unpin> Outgoing for Out<S> {
    async fn send(&mut self, bytes: bytes::Bytes) -> Result<(), TransportError> {
        self.0.send(Message::binary(bytes)).await.map_err(|error| TransportError(error.to_string()))
    }
}

/// Connects to the server in memory.
struct InMemory {
    connections: mpsc::UnboundedSender<DuplexStream>,
    key_status: Arc<Mutex<u16>>,
    status: Arc<Mutex<u16>>,
}

#[async_trait]
impl Network for InMemory {
    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, NetworkError> {
        assert_eq!(url.path(), "/api/v2/organizations/default/provisionerdaemons/serve");
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.connections.send(theirs).map_err(|error| NetworkError(error.to_string()))?;
        Ok(Box::new(ours))
    }

    async fn get(&self, url: &Url, headers: Vec<(&'static str, Secret<String>)>) -> Result<Answer, NetworkError> {
        assert_eq!((headers[0].0, headers[0].1.expose().as_str()), ("coder-provisioner-daemon-key", "key"));
        let is_key = url.path().ends_with("/provisionerkeys/own");
        let status = *if is_key { &self.key_status } else { &self.status }.lock().unwrap();
        Ok(Answer { status, body: br#"{"message":"So it is.","name":"rack","tags":{}}"#.to_vec() })
    }
}

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Instant {
        Instant::from_unix_timestamp(1_800_000_000).unwrap()
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (n, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = number.get(7_usize.wrapping_sub(n)).copied().unwrap_or(0);
        }
    }
}

fn options() -> Options {
    Options {
        url: "http://door.example.com".parse().unwrap(),
        credential: Credential::Key(Secret::from("key")),
        organization: "default".to_owned(),
        name: "rack".to_owned(),
        tags: BTreeMap::new(),
        provisioners: BTreeSet::from([ProvisionerType::Echo]),
        build_version: "v2.24.4+test".to_owned(),
        poll: Poll { interval: Duration::from_secs(1), jitter: Duration::from_millis(100) },
    }
}

/// The running daemon.
pub(crate) type Running = JoinHandle<Result<(), RunError>>;

/// Runs a daemon, and a test of it. A daemon that the test leaves is stopped.
pub(crate) fn with_daemon<F: AsyncFnOnce(Server, &mut Running)>(change: impl FnOnce(&mut Known), test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut known = Known {
        jobs: VecDeque::new(),
        updates: Vec::new(),
        committed: Vec::new(),
        completed: Vec::new(),
        failed: Vec::new(),
        asked: 0,
        given_up: 0,
        connections: 0,
        budget: -1,
        is_canceled: false,
        refused: BTreeMap::new(),
        late: None,
        status: None,
        key_status: 200,
    };
    change(&mut known);
    let (connections, mut connected) = mpsc::unbounded_channel();
    let key_status = Arc::new(Mutex::new(known.key_status));
    let network = InMemory {
        connections,
        key_status: Arc::clone(&key_status),
        status: Arc::new(Mutex::new(known.status.unwrap_or(200))),
    };
    let server = Server {
        known: Rc::new(RefCell::new(known)),
        changed: Rc::new(Notify::new()),
        cut: watch::Sender::new(0),
        stops: Stops::default(),
        key_status,
    };
    LocalSet::new().block_on(&runtime, async {
        let accepting = server.clone();
        spawn_local(async move {
            while let Some(stream) = connected.recv().await {
                spawn_local(accepting.clone().talk(stream));
            }
        });
        let stops = server.stops.clone();
        let mut running = spawn_local(async move {
            let (network, random) = (Arc::new(network), Arc::new(Counting::default()));
            Box::pin(run(&options(), network, Arc::new(StandingClock), random, stops)).await
        });
        test(server, &mut running).await;
        running.abort();
    });
}

pub(crate) const JOB: &str = "11111111-2222-3333-4444-555555555555";

/// The archive of a template with this description.
pub(crate) fn archive(file: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [("doorward.toml", file), ("README.md", "# Read me")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A job with this template.
pub(crate) fn job(file: &str, kind: AcquiredType) -> AcquiredJob {
    AcquiredJob {
        job_id: JOB.to_owned(),
        user_name: "ann".to_owned(),
        provisioner: "echo".to_owned(),
        template_source_archive: archive(file),
        r#type: Some(kind),
        ..AcquiredJob::default()
    }
}

pub(crate) fn import(file: &str, variables: &[(&str, &str)]) -> AcquiredJob {
    let value = |(name, value): &(&str, &str)| VariableValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        sensitive: true,
    };
    let user_variable_values = variables.iter().map(value).collect();
    job(file, AcquiredType::TemplateImport(AcquiredTemplateImport { metadata: None, user_variable_values }))
}

pub(crate) fn build(
    file: &str,
    transition: WorkspaceTransition,
    parameters: &[(&str, &str)],
    state: Vec<u8>,
) -> AcquiredJob {
    let value =
        |(name, value): &(&str, &str)| RichParameterValue { name: (*name).to_owned(), value: (*value).to_owned() };
    let metadata = Metadata {
        workspace_transition: transition.into(),
        workspace_name: "w".to_owned(),
        workspace_owner: "ann".to_owned(),
        ..Metadata::default()
    };
    let build = AcquiredWorkspaceBuild {
        workspace_name: "w".to_owned(),
        rich_parameter_values: parameters.iter().map(value).collect(),
        metadata: Some(metadata),
        state,
        ..AcquiredWorkspaceBuild::default()
    };
    job(file, AcquiredType::WorkspaceBuild(build))
}
