//! `doorward doctor --client`: what a client does before anybody signs in, step by step, and what would keep it from connecting.

mod kinds;
mod mcp;
mod relying_party;
mod steps;
mod visit;

use super::{Finding, show};
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use clap::Args;
use doorward_domain::Secret;
use kinds::Client;
use std::convert::Infallible;
use std::process::ExitCode;
use url::Url;
use visit::Visitor;

/// What is asked of the command.
#[derive(Args, Debug)]
pub(in crate::cli) struct Options {
    /// Do what this client does, and say what would keep it from connecting
    #[arg(long, value_enum, value_name = "CLIENT")]
    client: Option<Client>,
    /// The deployment that the client connects to, or an MCP server that it protects; this one, if there is none
    #[arg(requires = "client", value_name = "URL")]
    url: Option<String>,
    /// The app that was registered for the client
    #[arg(long, requires = "client", value_name = "ID")]
    client_id: Option<String>,
    /// The redirect URI that the client sends; its usual one, if there is none
    #[arg(long, requires = "client_id", value_name = "URI")]
    redirect_uri: Option<String>,
    /// The secret of the app, to see whether it is taken
    #[arg(long, env = "DOORWARD_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = hidden)]
    client_secret: Option<Secret<String>>,
}

/// The app by which the client is known, if somebody has registered one for it.
struct Registered {
    id: String,
    redirect_uri: Option<String>,
    secret: Option<Secret<String>>,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn hidden(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::from(text))
}

impl Options {
    /// Whether a client is to be played.
    pub(super) const fn names_a_client(&self) -> bool {
        self.client.is_some()
    }

    pub(super) fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let client = self.client.context("no client is named")?;
        let url = match self.url {
            Some(text) => text,
            None => settings.listen.access_url(&settings.listen.listen)?.to_string(),
        };
        let url = Url::parse(&url).with_context(|| format!("`{url}` is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            bail!("{url} is neither http nor https");
        }
        let secret = self.client_secret.filter(|secret| !secret.expose().is_empty());
        let registered = self.client_id.map(|id| Registered { id, redirect_uri: self.redirect_uri, secret });
        let visitor = Visitor::new(settings)?;
        let mut steps = steps::Steps::new(client, &visitor, registered);
        if client.is_mcp() {
            mcp::play(&mut steps, &url);
        } else {
            relying_party::play(&mut steps, &url);
        }
        let mut findings = steps.into_findings();
        let broken = findings.iter().filter(|finding| matches!(finding, Finding::Bad(_))).count();
        let (name, page) = (client.name(), client.page());
        findings.push(match broken {
            0 => {
                Finding::Good(format!("nothing here keeps {name} from connecting; docs/connect/{page}.md has the rest"))
            }
            n => Finding::Bad(format!("{name} does not connect: see the {n} above, and docs/connect/{page}.md")),
        });
        show(&findings)
    }
}
