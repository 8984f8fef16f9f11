//! `doorward provisioner`: a provisioner daemon, for a server here or elsewhere. It needs no database.

use super::files::read_text;
use crate::settings::Settings;
use crate::{logging, wiring};
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use clap::{Args, Subcommand};
use doorward_crypto::{SystemClock, SystemRandom};
use doorward_domain::Secret;
use doorward_domain::names::hidden_in_name;
use doorward_domain::provisioners::{DAEMON_NAME_MAX, ProvisionerType};
use doorward_outbound::Outbound;
use doorward_ports::Fetch as _;
use doorward_ports::fetch::{FetchError, Request};
use doorward_provisioner::{Answer, Credential, Network, NetworkError, Options, Poll, Stops, Stream};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Longest answer of the server that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// What the server calls the host of a daemon at most, in characters.
const HOSTNAME_MAX: usize = 64;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect to a server, and carry out its jobs until told to stop
    #[command(
        long_about = "Connects to a server, and carries out its jobs, one at a time, until it is told to stop.\n\n\
                      The provisioner is `echo`: it makes nothing, and says and does what stands in the file doorward.toml of a \
                      template (docs/operations.md). The server may be Doorward, or another one that speaks the same protocol. \
                      Of the settings only `log` and `fetch` count.\n\n\
                      A lost connection is opened again. On SIGTERM or SIGINT the daemon takes no more jobs, finishes the one that \
                      it has, and leaves; on a second one it gives that job up.",
        after_help = "Examples:\n  \
                      doorward provisioner start --url https://door.example.com --key-file /run/secrets/provisioner-key\n  \
                      CODER_PROVISIONER_DAEMON_KEY=... doorward provisioner start --url https://door.example.com\n  \
                      CODER_SESSION_TOKEN=... doorward provisioner start --url http://localhost:3000 --organization acme --tag gpu=yes"
    )]
    Start(Start),
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The server, where people reach it
    #[arg(long, value_name = "URL", env = "CODER_URL")]
    url: Url,
    /// A file with a provisioner key
    #[arg(long, value_name = "FILE", env = "CODER_PROVISIONER_DAEMON_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// A provisioner key. Others on this machine can read arguments: better in the environment, or --key-file
    #[arg(long, value_name = "KEY", env = "CODER_PROVISIONER_DAEMON_KEY", hide_env_values = true, value_parser = secret)]
    key: Option<Secret<String>>,
    /// A file with the key that all daemons share
    #[arg(long, value_name = "FILE", env = "CODER_PROVISIONER_DAEMON_PSK_FILE")]
    psk_file: Option<PathBuf>,
    /// The key that all daemons share. Better in the environment, or --psk-file
    #[arg(long, value_name = "KEY", env = "CODER_PROVISIONER_DAEMON_PSK", hide_env_values = true, value_parser = secret)]
    psk: Option<Secret<String>>,
    /// A file with a session token or an API key of a user, where there is neither of the keys above
    #[arg(long, value_name = "FILE", env = "CODER_SESSION_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// A session token or an API key of a user. Better in the environment, or --token-file
    #[arg(long, value_name = "TOKEN", env = "CODER_SESSION_TOKEN", hide_env_values = true, value_parser = secret)]
    token: Option<Secret<String>>,
    /// Id or name of the organization; with a provisioner key it is that of the key
    #[arg(long, short = 'O', visible_alias = "org", env = "CODER_ORGANIZATION", default_value = "default")]
    organization: String,
    /// What the daemon is called; the name of this machine without it
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_NAME")]
    name: Option<String>,
    /// A tag, as `name=value`; may be repeated. A provisioner key says itself which there are
    #[arg(long = "tag", short, value_name = "NAME=VALUE", env = "CODER_PROVISIONERD_TAGS", value_delimiter = ',', value_parser = tag)]
    tags: Vec<(String, String)>,
    /// Jobs of which templates it takes: echo, or terraform for templates that were pushed as such and hold a doorward.toml; may be
    /// repeated
    #[arg(long = "provisioner", value_name = "TYPE", default_values = ["echo", "terraform"], value_parser = provisioner)]
    provisioners: Vec<ProvisionerType>,
    /// Pause before a job is asked for again when the server had none to give
    #[arg(long, value_name = "DURATION", env = "CODER_PROVISIONERD_POLL_INTERVAL", default_value = "1s", value_parser = duration)]
    poll_interval: Duration,
    /// A random part of this is added to the pause
    #[arg(long, value_name = "DURATION", env = "CODER_PROVISIONERD_POLL_JITTER", default_value = "100ms", value_parser = duration)]
    poll_jitter: Duration,
}

#[expect(clippy::unnecessary_wraps, reason = "parsers of arguments have this shape")]
fn secret(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::from(text))
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a tag is written as `name=value`")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn provisioner(text: &str) -> Result<ProvisionerType, String> {
    text.parse().map_err(|_unknown| "a daemon provisions with `terraform` or `echo`".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > Duration::from_hours(1) {
        return Err("an hour at most".to_owned());
    }
    Ok(duration)
}

impl Command {
    pub(super) fn run(self, settings: impl Fn() -> anyhow::Result<Settings>) -> anyhow::Result<ExitCode> {
        let Self::Start(start) = self;
        let settings = settings()?;
        logging::start(&settings.log)?;
        let build_version = settings.compatibility.build_version(env!("CARGO_PKG_VERSION"));
        start.run(build_version, wiring::outbound(&settings)?)
    }
}

impl Start {
    fn run(self, build_version: String, outbound: Outbound) -> anyhow::Result<ExitCode> {
        let options = self.options(build_version)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot run")?;
        runtime.block_on(async {
            let stops = Stops::default();
            let mut signals = [SignalKind::terminate(), SignalKind::interrupt()]
                .into_iter()
                .map(|kind| signal(kind).context("cannot listen for signals"))
                .collect::<anyhow::Result<Vec<_>>>()?;
            let heard = stops.clone();
            let listening = async {
                let [terminate, interrupt] = signals.as_mut_slice() else { return };
                loop {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    tracing::info!("told to stop: a job that is carried out is finished, and given up when told again");
                    heard.stop();
                }
            };
            let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::default()));
            tokio::select! {
                ended = doorward_provisioner::run(&options, Arc::new(Reached(outbound)), clock, random, stops) => ended?,
                () = listening => {}
            }
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        })
    }

    fn options(self, build_version: String) -> anyhow::Result<Options> {
        if !["http", "https"].contains(&self.url.scheme()) || self.url.host().is_none() {
            bail!("`{}` is no http or https URL (--url)", self.url);
        }
        let name = self.name.unwrap_or_else(|| wiring::hostname().chars().take(HOSTNAME_MAX).collect());
        if name.len() > DAEMON_NAME_MAX || hidden_in_name(&name).is_some() {
            bail!("a name has at most {DAEMON_NAME_MAX} bytes and none that do not show (--name)");
        }
        let key = read_secret(self.key, self.key_file, "--key")?;
        let psk = read_secret(self.psk, self.psk_file, "--psk")?;
        let credential = match (key, psk) {
            (Some(_), Some(_)) => bail!("a daemon comes in by --key or by --psk, not by both"),
            (Some(_), None) if !self.tags.is_empty() => {
                bail!("a daemon with a provisioner key has the tags of the key, and may name none (--tag)")
            }
            (Some(key), None) => Credential::Key(key),
            (None, Some(psk)) => Credential::Shared(psk),
            (None, None) => match read_secret(self.token, self.token_file, "--token")? {
                Some(token) => Credential::Session(token),
                None => bail!(
                    "a daemon comes in by a provisioner key (--key-file, or CODER_PROVISIONER_DAEMON_KEY in the environment), by the key \
                     that all share (--psk-file, CODER_PROVISIONER_DAEMON_PSK), or by a session (--token-file, CODER_SESSION_TOKEN)"
                ),
            },
        };
        if self.url.scheme() == "http" && !is_own(&self.url) {
            tracing::warn!("{} is not https: whoever is on the way can read the key of this daemon", self.url);
        }
        let poll = Poll { interval: self.poll_interval, jitter: self.poll_jitter };
        let tags: BTreeMap<_, _> = self.tags.into_iter().collect();
        let provisioners = self.provisioners.into_iter().collect();
        Ok(Options {
            url: self.url,
            credential,
            organization: self.organization,
            name,
            tags,
            provisioners,
            build_version,
            poll,
        })
    }
}

/// Whether the URL leads to this machine.
fn is_own(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A secret that was given, or that of a file; empty ones are none.
fn read_secret(
    given: Option<Secret<String>>,
    file: Option<PathBuf>,
    option: &str,
) -> anyhow::Result<Option<Secret<String>>> {
    let given = given.filter(|secret| !secret.expose().is_empty());
    match (given, file.filter(|file| !file.as_os_str().is_empty())) {
        (Some(_), Some(_)) => bail!("{option} and {option}-file are both there"),
        (Some(secret), None) => Ok(Some(secret)),
        (None, Some(file)) => {
            let text = read_text(&file)?;
            let text = text.trim();
            if text.is_empty() {
                bail!("the file {} is empty ({option}-file)", file.display());
            }
            Ok(Some(Secret::from(text)))
        }
        (None, None) => Ok(None),
    }
}

/// The server, over the way out that all of the product has.
struct Reached(Outbound);

#[async_trait]
impl Network for Reached {
    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, NetworkError> {
        let connection = self.0.connect(url.as_str()).await.map_err(told)?;
        Ok(Box::new(connection))
    }

    async fn get(&self, url: &Url, headers: Vec<(&'static str, Secret<String>)>) -> Result<Answer, NetworkError> {
        let mut request = Request::get(url.as_str(), ANSWER_MAX).any_status();
        request = if url.scheme() == "http" { request.chosen_by_peer() } else { request.chosen_by_operator() };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = self.0.fetch(request).await.map_err(told)?;
        Ok(Answer { status: answer.status, body: answer.body.into_exposed() })
    }
}

fn told(error: FetchError) -> NetworkError {
    NetworkError(error.detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        start: Start,
    }

    fn options(arguments: &[&str]) -> anyhow::Result<Options> {
        let all = ["x", "--url", "https://door.example.com"].iter().chain(arguments);
        Cli::try_parse_from(all)?.start.options("v2.24.4".to_owned())
    }

    #[test]
    fn a_daemon_has_one_credential() {
        assert!(matches!(options(&["--key", "a"]).unwrap().credential, Credential::Key(_)));
        assert!(matches!(options(&["--key", "a", "--token", "b"]).unwrap().credential, Credential::Key(_)));
        assert!(matches!(options(&["--psk", "a", "--tag", "a=b=c"]).unwrap().credential, Credential::Shared(_)));
        let by_session = options(&["--token", "a", "-O", "acme", "-t", "a=1,b=2", "--name", "n"]).unwrap();
        assert_eq!(
            (by_session.organization.as_str(), by_session.tags.len(), by_session.name.as_str()),
            ("acme", 2, "n")
        );
        for (arguments, why) in [
            (&[][..], "comes in by a provisioner key"),
            (&["--key", "a", "--psk", "b"], "not by both"),
            (&["--key", "a", "--tag", "a=b"], "tags of the key"),
            (&["--key", "a", "--key-file", "b"], "both there"),
            (&["--psk", "a", "--tag", "b"], "name=value"),
            (&["--psk", "a", "--provisioner", "ansible"], "terraform"),
            (&["--psk", "a", "--poll-interval", "2h"], "an hour"),
            (&["--psk", "a", "--name", "\n"], "do not show"),
        ] {
            let error = options(arguments).unwrap_err().to_string();
            assert!(error.contains(why), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_key_is_read_out_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert!(options(&["--key-file", path]).unwrap_err().to_string().contains("is empty"));
        std::fs::write(&file, "secret\n").unwrap();
        let Credential::Key(key) = options(&["--key-file", path]).unwrap().credential else { panic!("no key") };
        assert_eq!(key.expose(), "secret");
        assert!(options(&["--key-file", "/does/not/exist"]).unwrap_err().to_string().contains("cannot read"));
    }
}
