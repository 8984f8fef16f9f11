//! `doorward doctor`: what is wrong, and what to do about it.

mod asking;
mod clients;
mod jobs;
mod mail;

use super::print;
use crate::settings::Settings;
use crate::wiring;
use doorward_domain::keys::CryptoKey;
use doorward_ports::Sealer as _;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::process::ExitCode;

enum Finding {
    Good(String),
    Worth(String),
    Bad(String),
}

pub(super) use clients::Options;

pub(super) fn run(settings: &Settings, options: Options) -> anyhow::Result<ExitCode> {
    if options.names_a_client() { options.run(settings) } else { look(settings) }
}

fn look(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut findings = vec![Finding::Good("the settings are valid".to_owned())];
    findings.push(address(&settings.listen.listen, "server.listen"));
    if settings.metrics.enabled {
        findings.push(address(&settings.metrics.listen, "metrics.listen"));
    }
    findings.push(access_url(settings));
    if settings.database.url.is_empty() {
        findings.push(data_dir(settings));
    }
    let (found, is_up_to_date) = database(settings);
    findings.extend(found);
    findings.extend(keys(settings, is_up_to_date));
    // Nobody can tell who this is before the database is up to date.
    if !settings.listen.access_url.is_empty() || is_up_to_date {
        let deployment = if is_up_to_date { wiring::deployment_id(settings)? } else { None };
        let found = reached(settings, deployment.as_deref());
        // The last word is about who answers.
        let serves = matches!(found.last(), Some(Finding::Good(_)));
        findings.extend(found);
        if is_up_to_date {
            findings.extend(jobs::look(settings, serves));
        }
    }
    findings.extend(mail::look(settings));
    show(&findings)
}

/// Prints what was found; the status of the command says whether something is broken.
fn show(findings: &[Finding]) -> anyhow::Result<ExitCode> {
    let line = |finding: &Finding| {
        let (mark, words) = match finding {
            Finding::Good(words) => ("ok   ", words),
            Finding::Worth(words) => ("note ", words),
            Finding::Bad(words) => ("FAIL ", words),
        };
        format!("{mark} {words}")
    };
    print(&(findings.iter().map(line).collect::<Vec<_>>().join("\n") + "\n"))?;
    let broken = findings.iter().any(|finding| matches!(finding, Finding::Bad(_)));
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn address(listen: &str, setting: &str) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) => Finding::Good(format!("the address {listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Finding::Worth(format!("something listens on {listen} already; that is fine if it is Doorward"))
        }
        Err(error) => Finding::Bad(format!("cannot listen on {listen}: {error} ({setting})")),
    }
}

fn access_url(settings: &Settings) -> Finding {
    match settings.listen.access_url(&settings.listen.listen) {
        Ok(url) if url.scheme() == "https" => Finding::Good(format!("the access URL is {url}")),
        Ok(url) if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) => {
            Finding::Worth(format!("the access URL is {url}: only this machine can use it (server.access_url)"))
        }
        Ok(url) => {
            Finding::Worth(format!("the access URL {url} is not https: OAuth 2.1 asks for it (server.access_url)"))
        }
        Err(error) => Finding::Bad(format!("{error:#}")),
    }
}

/// Looks whether the folder can be written, by a file without a name, of which nothing stays.
fn data_dir(settings: &Settings) -> Finding {
    let dir = &settings.data.data_dir;
    let shown = dir.display();
    let absolute = std::path::absolute(dir).unwrap_or_else(|_unknown| dir.clone());
    let nearest = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(std::path::Path::new("/"));
    match (tempfile::tempfile_in(nearest), nearest == absolute) {
        (Ok(_), true) => Finding::Good(format!("the folder {shown} can be written")),
        (Ok(_), false) => Finding::Worth(format!("the folder {shown} will be made at the first start (data_dir)")),
        (Err(error), true) => Finding::Bad(format!("the folder {shown} cannot be written: {error} (data_dir)")),
        (Err(error), false) => Finding::Bad(format!("the folder {shown} cannot be made: {error} (data_dir)")),
    }
}

/// Asks whoever answers under the access URL whether it is this server: one of the same deployment.
fn reached(settings: &Settings, deployment: Option<&str>) -> Vec<Finding> {
    let Ok(url) = settings.listen.access_url(&settings.listen.listen) else { return Vec::new() };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let addresses: Vec<SocketAddr> = match (host.as_str(), url.port_or_known_default().unwrap_or(80)).to_socket_addrs()
    {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            return vec![Finding::Bad(format!("the name `{host}` does not resolve: {error} (server.access_url)"))];
        }
    };
    let ips: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let mut findings = vec![Finding::Good(format!("`{host}` is {}", ips.join(", ")))];
    if url.scheme() == "https" && settings.server.trusted_proxies.is_empty() {
        findings.push(Finding::Worth(
            "the access URL is https and no proxy is trusted: all users behind the proxy have its address and share its \
             limits (server.trusted_proxies)"
                .to_owned(),
        ));
    }
    findings.push(asking::who_answers(settings, &url, deployment));
    findings
}

/// Whether the keys of the server are sealed, and can be opened.
fn keys(settings: &Settings, is_up_to_date: bool) -> Vec<Finding> {
    let sealer = match settings.secrets.seal_keys() {
        Ok(sealer) => sealer,
        Err(error) => return vec![Finding::Bad(format!("{error:#}"))],
    };
    let stored = match if is_up_to_date { wiring::crypto_keys(settings) } else { Ok(Vec::new()) } {
        Ok(stored) => stored,
        Err(error) => return vec![Finding::Bad(format!("the keys of the server cannot be read: {error:#}"))],
    };
    let closed = |key: &CryptoKey| {
        let error = sealer.open(&key.place(), key.stored.expose()).err()?;
        Some(Finding::Bad(format!("the key {} for {} cannot be opened: {error}", key.id, key.purpose)))
    };
    let closed: Vec<Finding> = stored.iter().filter_map(closed).collect();
    if !closed.is_empty() {
        return closed;
    }
    let wanted = sealer.seals_with();
    let others = stored.iter().filter(|key| sealer.sealed_with(key.stored.expose()) != wanted).count();
    vec![match (&wanted, others) {
        (None, _) => Finding::Worth(
            "the keys of the server are stored as they are: whoever reads the database, or a backup, has them \
             (secrets.seal_keys)"
                .to_owned(),
        ),
        (Some(name), 0) => Finding::Good(format!("the keys of the server are sealed with the seal key {name}")),
        (Some(name), n) => {
            Finding::Worth(format!("{n} keys of the server will be sealed with the seal key {name} at the next start"))
        }
    }]
}

/// What is to be said of the database, and whether it is up to date.
fn database(settings: &Settings) -> (Vec<Finding>, bool) {
    let url = settings.database_url();
    match wiring::pending_migrations(settings) {
        Err(error) => (vec![Finding::Bad(format!("the database {url} cannot be used: {error:#}"))], false),
        Ok(pending) => {
            let is_up_to_date = pending.is_empty();
            let migrations = match pending.len() {
                0 => Finding::Good("no migration is outstanding".to_owned()),
                n if !wiring::may_migrate(settings).unwrap_or(true) => Finding::Bad(format!(
                    "{n} migrations are outstanding, and the role of the database URL may not make tables: GRANT CREATE ON \
                     SCHEMA public TO it, or make it the owner of the database"
                )),
                n if settings.storage.auto_migrate => {
                    Finding::Worth(format!("{n} migrations will run at the next start"))
                }
                n => Finding::Bad(format!("{n} migrations are outstanding; run `doorward migrate`")),
            };
            let words = if settings.database.url.is_empty() && !settings.data.data_dir.join("doorward.db").exists() {
                format!("the database {url} will be made at the first start")
            } else {
                format!("the database {url} answers")
            };
            (vec![Finding::Good(words), migrations], is_up_to_date)
        }
    }
}
