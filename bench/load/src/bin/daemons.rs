//! daemons: provisioner daemons in numbers, by the client of `doorward-wire`, against servers on loopback.

#[path = "../http.rs"]
#[allow(dead_code)]
mod http;
#[path = "../process.rs"]
#[allow(dead_code)]
mod process;

use bytes::Bytes;
use doorward_wire::messages::provisionerd::{
    AcquiredJob, CompletedJob, CompletedTemplateImport, CompletedType, Empty, FailedJob, FailedType,
};
use doorward_wire::messages::{read, write};
use doorward_wire::{Client, Limits, Outgoing, TransportError};
use futures_util::stream::{SplitSink, unfold};
use futures_util::{SinkExt, StreamExt};
use http::Conn;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

const USAGE: &str = "\
daemons idle     --base URL --psk KEY [--daemons 1000] [--seconds 60]
                 connects daemons that wait for jobs: memory of the server above what it had, and its CPU
daemons delivery --base URL [--base URL] --psk KEY --session TOKEN --file ID [--daemons 100] [--jobs 1000] [--pause-ms 10]
                 posts jobs one by one while all daemons wait at the first server: time until one has it, posted at each server
daemons claim    --base URL [--base URL] --psk KEY --session TOKEN --file ID [--daemons 50] [--jobs 10000]
                 [--posters 8] [--finish complete|fail]
                 queues jobs, then connects daemons, which share the servers, and counts how often each job was given
JSON goes to stdout, a line to stderr. The servers take daemons by a shared key (`provisioners.psk`).";

type Outcome<T> = Result<T, String>;
type Socket = WebSocketStream<TcpStream>;

struct Arguments {
    bases: Vec<SocketAddr>,
    psk: String,
    session: String,
    file: String,
    daemons: usize,
    seconds: u64,
    jobs: usize,
    pause: Duration,
    posters: usize,
    complete: bool,
}

fn address(base: &str) -> Outcome<SocketAddr> {
    let address: SocketAddr =
        base.strip_prefix("http://").unwrap_or(base).parse().map_err(|e| format!("{base}: {e}"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err(format!("{base} is not loopback")) }
}

fn arguments(verb: &str, mut words: impl Iterator<Item = String>) -> Outcome<Arguments> {
    let (daemons, jobs) = match verb {
        "idle" => (1_000, 0),
        "delivery" => (100, 1_000),
        "claim" => (50, 10_000),
        _ => return Err(format!("unknown verb {verb:?}")),
    };
    let mut a = Arguments {
        bases: vec![],
        psk: String::new(),
        session: String::new(),
        file: String::new(),
        daemons,
        seconds: 60,
        jobs,
        pause: Duration::from_millis(10),
        posters: 8,
        complete: true,
    };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|_| format!("not a number: {value}"));
        match flag.as_str() {
            "--base" => a.bases.push(address(&value)?),
            "--psk" => a.psk = value,
            "--session" => a.session = value,
            "--file" => a.file = value,
            "--daemons" => a.daemons = number()?,
            "--seconds" => a.seconds = number()? as u64,
            "--jobs" => a.jobs = number()?,
            "--pause-ms" => a.pause = Duration::from_millis(number()? as u64),
            "--posters" => a.posters = number()?.max(1),
            "--finish" => a.complete = value == "complete",
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    if a.bases.is_empty() || a.psk.is_empty() {
        return Err("--base and --psk are needed".into());
    }
    Ok(a)
}

struct Out(SplitSink<Socket, Message>);

impl Outgoing for Out {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.0.send(Message::binary(bytes)).await.map_err(|e| TransportError(e.to_string()))
    }
}

/// Connects a daemon, whose session goes on as a local task.
async fn dial(a: &Arguments, base: SocketAddr, name: String) -> Outcome<Client> {
    let url = format!(
        "ws://{base}/api/v2/organizations/default/provisionerdaemons/serve?provisioner=echo&version=1.18&name={name}&tag=scope=organization"
    );
    let header = |name: &'static str, value: &str| (name.parse().expect("a header"), value.parse().expect("a value"));
    let (psk, psk_value) = header("coder-provisioner-daemon-psk", &a.psk);
    let (version, version_value) = header("x-coder-build-version", "v2.24.4");
    let stream = TcpStream::connect(base).await.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    let builder = ClientBuilder::new().uri(&url).map_err(|e| e.to_string())?;
    let builder = builder.add_header(psk, psk_value).and_then(|b| b.add_header(version, version_value));
    let (socket, _) =
        builder.map_err(|e| e.to_string())?.connect_on(stream).await.map_err(|e| format!("{name}: {e}"))?;
    let (out, messages) = socket.split();
    let incoming = unfold(messages, async |mut messages| {
        loop {
            let bytes = match messages.next().await? {
                Ok(message) if message.is_binary() => Ok(Bytes::from(message.into_payload())),
                Ok(message) if message.is_close() => return None,
                Ok(_) => continue,
                Err(e) => Err(TransportError(e.to_string())),
            };
            return Some((bytes, messages));
        }
    });
    let (client, session) = doorward_wire::connect(incoming, Out(out), Limits::default(), std::future::pending());
    tokio::task::spawn_local(async move {
        let ended = session.await;
        eprintln!("{name}: the session ended: {ended:?}");
    });
    Ok(client)
}

/// Connects so many daemons, in turn to each of the servers.
async fn dial_all(a: &Arguments, bases: &[SocketAddr], tag: &str) -> Outcome<Vec<Client>> {
    let mut clients = Vec::new();
    let mut left = (0..a.daemons).map(|n| (n, bases[n % bases.len()])).peekable();
    while left.peek().is_some() {
        let some = left.by_ref().take(16).map(|(n, base)| dial(a, base, format!("{tag}-{n}")));
        for client in futures_util::future::join_all(some).await {
            clients.push(client?);
        }
    }
    Ok(clients)
}

fn path(method: &str) -> String {
    format!("/provisionerd.ProvisionerDaemon/{method}")
}

/// Waits for a job, as daemons do. `None` when the server has none to give any more.
async fn acquire(client: &Client) -> Outcome<Option<AcquiredJob>> {
    let mut call = client.begin(&path("AcquireJobWithCancel")).await.map_err(|e| e.to_string())?;
    let Some(message) = call.next().await.map_err(|e| e.to_string())? else { return Ok(None) };
    let job: AcquiredJob = read(&message)?;
    Ok(Some(job).filter(|job| !job.job_id.is_empty()))
}

async fn finish(client: &Client, job_id: String, complete: bool) -> Outcome<()> {
    let sent = if complete {
        let r#type = Some(CompletedType::TemplateImport(CompletedTemplateImport::default()));
        client.call(&path("CompleteJob"), &write(&CompletedJob { job_id, r#type })).await
    } else {
        let r#type = Some(FailedType::TemplateImport(Empty {}));
        let failed = FailedJob { job_id, error: "measured".into(), r#type, error_code: String::new() };
        client.call(&path("FailJob"), &write(&failed)).await
    };
    sent.map(drop).map_err(|e| e.to_string())
}

/// Posts the import of a version and answers the id of its job.
async fn post(a: &Arguments, base: SocketAddr, conn: &mut Conn) -> Outcome<String> {
    let body = json!({ "storage_method": "file", "file_id": a.file, "provisioner": "echo" }).to_string();
    let request = format!(
        "POST /api/v2/organizations/default/templateversions HTTP/1.1\r\nHost: {base}\r\nCoder-Session-Token: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        a.session,
        body.len()
    );
    let reply = conn.send(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let value: Value = serde_json::from_slice(conn.body()).unwrap_or(Value::Null);
    match value.pointer("/job/id").and_then(Value::as_str) {
        Some(id) if reply.status == 201 => Ok(id.to_string()),
        _ => Err(format!("not posted: {} {value}", reply.status)),
    }
}

fn memory_mib(pids: &[u32]) -> f64 {
    process::usage(pids).rss_kib as f64 / 1024.0
}

async fn idle(a: &Arguments) -> Outcome<Value> {
    let port = a.bases[0].port();
    let tree = process::behind(port);
    if tree.is_empty() {
        return Err(format!("no process listens on port {port}"));
    }
    // one is there before, so that what a server does once does not count for a thousand
    let first = dial(a, a.bases[0], "first".into()).await?;
    tokio::task::spawn_local(async move { drop(acquire(&first).await) });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = memory_mib(&tree);
    let idle_cpu = cpu_percent(&tree, Duration::from_secs(a.seconds.min(10))).await;
    let began = Instant::now();
    let clients = dial_all(a, &a.bases[..1], "idle").await?;
    let took = began.elapsed().as_secs_f64();
    for client in clients.clone() {
        tokio::task::spawn_local(async move { drop(acquire(&client).await) });
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = memory_mib(&tree);
    let cpu = cpu_percent(&tree, Duration::from_secs(a.seconds)).await;
    let later = memory_mib(&tree);
    let lost = clients.iter().filter(|client| client.is_over()).count();
    eprintln!(
        "{} idle daemons, connected in {took:.1} s: resident {before:.1} MiB before, {after:.1} after, {later:.1} {} s later \
         (+{:.1}); CPU {cpu:.2} % of a core (before {idle_cpu:.2} %); {lost} lost",
        clients.len(),
        a.seconds,
        later.max(after) - before
    );
    Ok(json!({ "daemons": clients.len(), "connected_s": took, "rss_mib_before": before, "rss_mib_after": after,
               "rss_mib_later": later, "rss_mib_above": later.max(after) - before, "cpu_percent": cpu, "cpu_percent_before": idle_cpu, "lost": lost }))
}

async fn cpu_percent(pids: &[u32], over: Duration) -> f64 {
    let (before, began) = (process::usage(pids).cpu_s, Instant::now());
    tokio::time::sleep(over).await;
    (process::usage(pids).cpu_s - before) / began.elapsed().as_secs_f64() * 100.0
}

/// The value below which so many of a hundred are.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(((sorted.len() as f64 * percent / 100.0).ceil() as usize).saturating_sub(1).min(last))
        .copied()
        .unwrap_or(f64::NAN)
}

async fn delivery(a: &Arguments) -> Outcome<Value> {
    let clients = dial_all(a, &a.bases[..1], "waiting").await?;
    let (sender, mut delivered) = mpsc::unbounded_channel();
    for client in clients {
        let (sender, complete) = (sender.clone(), a.complete);
        tokio::task::spawn_local(async move {
            loop {
                match acquire(&client).await {
                    Ok(Some(job)) => {
                        // whoever reads it may be gone
                        _ = sender.send((job.job_id.clone(), Instant::now()));
                        if let Err(e) = finish(&client, job.job_id, complete).await {
                            eprintln!("not finished: {e}");
                        }
                    }
                    Ok(None) => {}
                    Err(e) => return eprintln!("a daemon is gone: {e}"),
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut conns: Vec<Conn> = a.bases.iter().map(|base| Conn::new(*base)).collect();
    let mut times: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); a.bases.len()];
    for n in 0..a.jobs {
        let which = n % a.bases.len();
        let began = Instant::now();
        let id = post(a, a.bases[which], &mut conns[which]).await?;
        let posted = Instant::now();
        let got = tokio::time::timeout(Duration::from_secs(35), delivered.recv()).await;
        let (job, at) = got.map_err(|_| format!("job {id} did not come"))?.ok_or("all daemons are gone")?;
        if job != id {
            return Err(format!("posted {id}, got {job}"));
        }
        times[which].0.push((at - began).as_secs_f64() * 1e3);
        times[which].1.push(at.saturating_duration_since(posted).as_secs_f64() * 1e3);
        tokio::time::sleep(a.pause).await;
    }
    let mut rows = Vec::new();
    for (which, (whole, after)) in times.iter_mut().enumerate() {
        whole.sort_by(f64::total_cmp);
        after.sort_by(f64::total_cmp);
        let place = if which == 0 { "the server where they wait" } else { "another server" };
        let row = json!({ "posted_at": place, "jobs": whole.len(), "daemons": a.daemons,
            "from_request_ms": { "p50": percentile(whole, 50.0), "p99": percentile(whole, 99.0), "max": whole.last() },
            "from_answer_ms": { "p50": percentile(after, 50.0), "p99": percentile(after, 99.0), "max": after.last() } });
        eprintln!(
            "posted at {place:<26} {:>5} jobs: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms from the request; p50 {:.2}, p99 {:.2} from its answer",
            whole.len(),
            percentile(whole, 50.0),
            percentile(whole, 99.0),
            percentile(whole, 100.0),
            percentile(after, 50.0),
            percentile(after, 99.0)
        );
        rows.push(row);
    }
    Ok(Value::Array(rows))
}

async fn claim(a: &Rc<Arguments>) -> Outcome<Value> {
    let began = Instant::now();
    let left = Rc::new(Cell::new(a.jobs));
    let mut posters = Vec::new();
    for n in 0..a.posters {
        let (a, left) = (a.clone(), left.clone());
        posters.push(tokio::task::spawn_local(async move {
            let base = a.bases[n % a.bases.len()];
            let (mut conn, mut ids) = (Conn::new(base), Vec::new());
            while let Some(rest) = left.get().checked_sub(1) {
                left.set(rest);
                ids.push(post(&a, base, &mut conn).await?);
            }
            Ok::<_, String>(ids)
        }));
    }
    let mut given: HashMap<String, u32> = HashMap::new();
    for poster in posters {
        given.extend(poster.await.map_err(|e| e.to_string())??.into_iter().map(|id| (id, 0)));
    }
    let posting = began.elapsed().as_secs_f64();
    eprintln!("queued {} jobs in {posting:.1} s ({:.0}/s)", given.len(), given.len() as f64 / posting);

    let clients = dial_all(a, &a.bases, "claiming").await?;
    let (sender, mut got) = mpsc::unbounded_channel();
    let began = Instant::now();
    let mut workers = Vec::new();
    for client in clients {
        let (sender, complete) = (sender.clone(), a.complete);
        workers.push(tokio::task::spawn_local(async move {
            let mut errors = 0;
            loop {
                match acquire(&client).await {
                    Ok(Some(job)) => {
                        _ = sender.send((job.job_id.clone(), Instant::now()));
                        errors += u32::from(finish(&client, job.job_id, complete).await.is_err());
                        _ = sender.send((String::new(), Instant::now()));
                    }
                    Ok(None) => {}
                    Err(_) => return errors,
                }
            }
        }));
    }
    drop(sender);
    let (mut claimed, mut finished, mut unknown, mut last) = (0, 0, 0, began);
    while finished < given.len() {
        let Ok(Some((id, at))) = tokio::time::timeout(Duration::from_secs(40), got.recv()).await else { break };
        if id.is_empty() {
            finished += 1;
            last = at;
        } else {
            claimed += 1;
            match given.get_mut(&id) {
                Some(times) => *times += 1,
                None => unknown += 1,
            }
        }
    }
    // whoever would get one twice has some time to
    if let Ok(Some(more)) = tokio::time::timeout(Duration::from_secs(2), got.recv()).await {
        return Err(format!("given after all were done: {more:?}"));
    }
    let seconds = (last - began).as_secs_f64();
    let never = given.values().filter(|times| **times == 0).count();
    let twice = given.values().filter(|times| **times > 1).count();
    eprintln!(
        "{claimed} of {} jobs claimed and ended by {} daemons over {} servers in {seconds:.2} s: {:.0}/s; \
         {never} never given, {twice} more than once, {unknown} of others",
        given.len(),
        a.daemons,
        a.bases.len(),
        claimed as f64 / seconds
    );
    for worker in &workers {
        worker.abort();
    }
    Ok(
        json!({ "jobs": given.len(), "daemons": a.daemons, "servers": a.bases.len(), "posted_per_s": given.len() as f64 / posting,
               "claimed": claimed, "seconds": seconds, "claims_per_s": claimed as f64 / seconds, "never": never, "twice": twice, "unknown": unknown }),
    )
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let result = arguments(&verb, words).and_then(|a| {
        let a = Rc::new(a);
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            match verb.as_str() {
                "idle" => idle(&a).await,
                "delivery" => delivery(&a).await,
                _ => claim(&a).await,
            }
        })
    });
    match result {
        Ok(value) => {
            println!("{value:#}");
            // not a word of the sessions that end with this process
            std::process::exit(0)
        }
        Err(e) => {
            eprintln!("daemons: {e}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}
