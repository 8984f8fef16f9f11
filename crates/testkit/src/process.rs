//! The real `doorward` binary, run as an operator would run it: a process with settings in its environment.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use doorward_testkit::process::Server;
//!
//! let server = Server::builder("target/debug/doorward").setting("oauth2.access_token_lifetime", "5s").start()?;
//! println!("{} says:\n{}", server.url(), server.log());
//! assert!(server.stop()?.success());
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// What the server says when it takes requests; the base URL follows.
const READY: &str = "listening on ";

/// What it says before that when it serves metrics; their address follows.
const METRICS: &str = "metrics on ";

/// Where the metrics of servers are, by their base URL.
static METRICS_OF: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Where the metrics are of the server with this base URL, if it serves any: `http://host:port`.
#[must_use]
pub fn metrics_of(url: &str) -> Option<String> {
    METRICS_OF.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
}

/// Remembers where the metrics of the server are that just started. An earlier server may have had the same port, so
/// that one without metrics must forget what that one said.
fn tell_metrics(url: &str, metrics: Option<String>) {
    let mut known = METRICS_OF.lock().unwrap_or_else(PoisonError::into_inner);
    match metrics {
        Some(metrics) => known.insert(url.to_owned(), metrics),
        None => known.remove(url),
    };
}

/// How long a start may take: migrations on a busy machine included.
const START: Duration = Duration::from_mins(1);

/// How long a graceful stop may take.
const STOP: Duration = Duration::from_secs(20);

/// Settings of a server that is to be started.
#[derive(Debug)]
pub struct Builder {
    binary: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    data_dir: Option<PathBuf>,
}

impl Builder {
    /// Sets a setting by its dotted name, as `session.lifetime`.
    #[must_use]
    pub fn setting(self, name: &str, value: &str) -> Self {
        let key = format!("DOORWARD__{}", name.to_uppercase().replace('.', "__"));
        self.env(&key, value)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Uses this database instead of the embedded one.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        self.setting("database.url", url)
    }

    /// Uses this data directory, as for a second start; it stays. Otherwise a new one, removed afterwards.
    #[must_use]
    pub fn data_dir(mut self, folder: &Path) -> Self {
        self.data_dir = Some(folder.to_path_buf());
        self
    }

    /// Adds an argument to the command line, which is `serve` without any.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts the server and waits until it takes requests.
    ///
    /// # Errors
    /// When it cannot be started, ends, or says nothing for too long; with its log.
    pub fn start(self) -> anyhow::Result<Server> {
        let temp = tempfile::Builder::new().prefix("doorward-").tempdir()?;
        let data_dir = self.data_dir.unwrap_or_else(|| temp.path().join("data"));
        let mut command = Command::new(&self.binary);
        for (key, _) in env::vars_os().filter(|(key, _)| key.as_encoded_bytes().starts_with(b"DOORWARD_")) {
            command.env_remove(key);
        }
        command.env("DOORWARD__SERVER__LISTEN", "127.0.0.1:0").env("DOORWARD__DATA_DIR", &data_dir);
        command.args(&self.arguments).envs(&self.environment).current_dir(temp.path());
        // A group of its own: Ctrl-C ends the test, and the test (or the watchdog) ends the server.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().with_context(|| format!("starting {}", self.binary.display()))?;
        let log = Arc::new(Log::default());
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let log = Arc::clone(&log);
            thread::spawn(move || log.fill_from(stream));
        }
        let watchdog = Watchdog::over(&child)?;
        let mut server = Server { child, watchdog, log, url: String::new(), data_dir, _temp: temp };
        server.url = server.wait_until_ready()?;
        let log = server.log();
        let metrics = log.lines().find_map(|line| url_after(line, METRICS));
        tell_metrics(&server.url, metrics.map(|metrics| metrics.trim_end_matches("/metrics").to_owned()));
        Ok(server)
    }
}

/// A running server. Killed when this value is dropped, and also when the test process is killed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    watchdog: Watchdog,
    log: Arc<Log>,
    url: String,
    data_dir: PathBuf,
    _temp: TempDir,
}

impl Server {
    /// A server of this binary; in the tests of its own package that is `env!("CARGO_BIN_EXE_doorward")`.
    #[must_use]
    pub fn builder(binary: impl Into<PathBuf>) -> Builder {
        Builder { binary: binary.into(), arguments: Vec::new(), environment: BTreeMap::new(), data_dir: None }
    }

    /// The base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`, for a bare TCP connection.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.split_once("://").map_or(&self.url, |(_, address)| address)
    }

    /// Where the server keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until a line with `text` is in the log, and returns that line.
    ///
    /// # Errors
    /// When it does not come in time; with the log.
    pub fn wait_for_log(&self, text: &str, patience: Duration) -> anyhow::Result<String> {
        let line = self.log.wait_for(text, Instant::now() + patience);
        line.with_context(|| format!("the server did not say `{text}`; it said:\n{}", self.log()))
    }

    /// Asks it to stop (SIGTERM) and waits for it.
    ///
    /// # Errors
    /// When it does not stop in time; it is killed then.
    pub fn stop(self) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time; it is killed then.
    pub fn wait(mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("the server does not stop within {STOP:?}; it said:\n{}", self.log())
    }

    /// Ends it at once (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal by its name, as `HUP`.
    ///
    /// # Errors
    /// When there is no such signal or process.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        // The shell's own `kill`: the program is missing on small systems.
        let script = ["-c", "kill -s \"$1\" \"$2\"", "kill", name, &self.id().to_string()];
        let status = Command::new("/bin/sh").args(script).status()?;
        anyhow::ensure!(status.success(), "sending {name} to process {}: {status}", self.id());
        Ok(())
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<String> {
        let deadline = Instant::now() + START;
        loop {
            let soon = Instant::now() + Duration::from_millis(100);
            if let Some(url) = self.log.wait_for(READY, soon).as_deref().and_then(base_url) {
                return Ok(url);
            }
            if let Some(status) = self.child.try_wait()? {
                // Its last words may still be on the way.
                thread::sleep(Duration::from_millis(50));
                bail!("the server ended with {status} instead of starting; it said:\n{}", self.log());
            }
            if Instant::now() > deadline {
                bail!("the server did not say `{READY}<url>` within {START:?}; it said:\n{}", self.log());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.watchdog.dismiss();
        let _ = self.child.wait();
    }
}

/// The URL after [`READY`] in a line of text or JSON, colours aside.
fn base_url(line: &str) -> Option<String> {
    url_after(line, READY)
}

fn url_after(line: &str, words: &str) -> Option<String> {
    let (_, rest) = line.split_once(words)?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ":/.[]-_".contains(c))).unwrap_or(rest.len());
    let url = rest.get(..end)?.trim_end_matches(['/', '.']);
    url.starts_with("http").then(|| url.to_owned())
}

/// A shell that waits for this process's end of a pipe to close, which also happens when this process is killed, and
/// then kills the server.
#[derive(Debug)]
struct Watchdog(Child);

impl Watchdog {
    fn over(child: &Child) -> anyhow::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "cat >/dev/null; kill -9 \"$1\"", "doorward-testkit-watchdog", &child.id().to_string()]);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        shell.spawn().map(Self).context("starting the shell that kills the server afterwards")
    }

    fn dismiss(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Log {
    fn fill_from(&self, stream: impl Read) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            self.grown.notify_all();
            line.clear();
        }
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    fn wait_for(&self, text: &str, deadline: Instant) -> Option<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(text)) {
                return Some(line.clone());
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = self.grown.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{base_url, metrics_of, tell_metrics};

    #[test]
    fn the_url_is_read_out_of_text_and_json() {
        for line in [
            "listening on http://127.0.0.1:4711",
            "2026-01-01T00:00:00Z  INFO doorward: listening on http://127.0.0.1:4711 (sqlite)",
            r#"{"level":"INFO","fields":{"message":"listening on http://127.0.0.1:4711"}}"#,
            "\u{1b}[32mINFO\u{1b}[0m listening on http://127.0.0.1:4711/\u{1b}[0m",
        ] {
            assert_eq!(base_url(line).as_deref(), Some("http://127.0.0.1:4711"), "{line}");
        }
        assert_eq!(base_url("listening on a socket"), None);
    }

    #[test]
    fn a_server_without_metrics_on_the_port_of_an_earlier_one_has_none() {
        let url = "http://127.0.0.1:1";
        tell_metrics(url, Some("http://127.0.0.1:2".to_owned()));
        assert_eq!(metrics_of(url).as_deref(), Some("http://127.0.0.1:2"));
        tell_metrics(url, None);
        assert_eq!(metrics_of(url), None);
    }
}
