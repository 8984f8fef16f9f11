//! `doorward doctor`: what is wrong, and what to do about it.

use super::print;
use crate::settings::{Settings, without_password};
use crate::wiring;
use std::net::TcpListener;
use std::process::ExitCode;

enum Finding {
    Good(String),
    Worth(String),
    Bad(String),
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut findings = vec![Finding::Good("the settings are valid".to_owned())];
    findings.push(address(settings));
    findings.push(access_url(settings));
    if settings.database.url.is_empty() {
        findings.push(data_dir(settings));
    }
    findings.extend(database(settings));
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

fn address(settings: &Settings) -> Finding {
    let listen = &settings.server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => Finding::Good(format!("the address {listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Finding::Worth(format!("something listens on {listen} already; that is fine if it is Doorward"))
        }
        Err(error) => Finding::Bad(format!("cannot listen on {listen}: {error} (server.listen)")),
    }
}

fn access_url(settings: &Settings) -> Finding {
    match wiring::access_url(settings, &settings.server.listen) {
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

fn data_dir(settings: &Settings) -> Finding {
    let dir = &settings.data_dir;
    let probe = dir.join(".doctor");
    let tried = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::Good(format!("the folder {} can be written", dir.display())),
        Err(error) => Finding::Bad(format!("the folder {} cannot be written: {error} (data_dir)", dir.display())),
    }
}

fn database(settings: &Settings) -> Vec<Finding> {
    let url = without_password(&settings.database_url());
    match wiring::pending_migrations(settings) {
        Err(error) => vec![Finding::Bad(format!("the database {url} cannot be used: {error:#}"))],
        Ok(pending) => {
            let migrations = match pending.len() {
                0 => Finding::Good("no migration is outstanding".to_owned()),
                n if settings.database.auto_migrate => {
                    Finding::Worth(format!("{n} migrations will run at the next start"))
                }
                n => Finding::Bad(format!("{n} migrations are outstanding; run `doorward migrate`")),
            };
            vec![Finding::Good(format!("the database {url} answers")), migrations]
        }
    }
}
