//! The command line.

mod access;
mod app;
mod dev;
mod doctor;
mod files;
mod healthcheck;
mod keys;
mod license;
mod manual;
mod notifications;
mod provisioner;
mod serve;
mod user;

use crate::settings::Settings;
use crate::{logging, wiring};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use doorward_client::{Ctl, Surroundings, Verb};
use doorward_crypto::{SystemClock, SystemRandom};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The input of a command cannot be used; distinct from 1, which says that a thing failed.
const BAD_INPUT: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "doorward",
    version,
    about = "The door-keeper of a developer platform: OAuth 2.1 for MCP clients, users, groups, roles, access checks.",
    long_about = "Doorward is an OAuth 2.1 authorization server ready for MCP clients, with users, organizations, groups, \
                  roles and access checks, wire-compatible with the enterprise API of Coder 2.24.\n\n\
                  Without a command it serves. Without settings it listens on 127.0.0.1:3000 and keeps its data in an \
                  embedded database below ./data; the first start prints a link under which you set it up.",
    after_help = "Examples:\n  doorward                                        serve with the defaults\n  \
                  DOORWARD__SERVER__LISTEN=0.0.0.0:8080 doorward  the same on another address\n  \
                  doorward --config /etc/doorward.toml serve      settings from a file\n  \
                  doorward config                                 every setting, its meaning and its value\n  \
                  doorward doctor                                 find out why it does not work\n  \
                  doorward login https://door.example.com         sign in to a server, for what follows\n  \
                  doorward ctl user list                          the users of that server"
)]
struct Cli {
    /// Settings file (TOML); what it leaves out keeps its default. See `doorward config`.
    #[arg(long, short, global = true, env = "DOORWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the pages (the default command)
    Serve,
    /// Bring the database to the version of this binary
    Migrate {
        /// Only say what would be done; exit status 1 if anything would
        #[arg(long)]
        check: bool,
    },
    #[command(flatten)]
    Remote(Verb),
    /// Look after a server that you are signed in to: users, organizations, groups, roles, apps, tokens, audit log
    #[command(
        subcommand,
        long_about = "Looks after a server, on this machine or elsewhere, over its API and with the rights of whoever is signed in \
                      (`doorward login`). What stands beside `ctl`, such as `doorward user`, acts on the database of the settings \
                      instead, with the rights of whoever runs the server.",
        after_help = "Examples:\n  doorward login https://door.example.com\n  doorward ctl user list 'status:suspended'\n  \
                      doorward ctl org add-member acme ann bob\n  doorward ctl group edit eng --org acme --add carol\n  \
                      doorward ctl --help"
    )]
    Ctl(Ctl),
    /// Make users and reset passwords, in the database of this server
    #[command(subcommand)]
    User(user::Command),
    /// Register OAuth2 apps, in the database of this server
    #[command(subcommand)]
    App(app::Command),
    /// List and replace the keys of the server
    #[command(subcommand)]
    Keys(keys::Command),
    /// Sign licences, and look into them
    #[command(subcommand)]
    License(license::Command),
    /// Run a provisioner daemon, which carries out jobs of a server
    #[command(subcommand)]
    Provisioner(provisioner::Command),
    /// See what could not be delivered, and have it tried again
    #[command(subcommand)]
    Notifications(notifications::Command),
    /// Answer access questions offline
    #[command(subcommand)]
    Access(access::Command),
    /// Try Doorward out at scale
    #[command(subcommand)]
    Dev(dev::Command),
    /// Print the effective settings with their comments, secrets hidden
    Config,
    /// Print the OpenAPI document of everything that is served
    Openapi,
    /// Look for what is wrong with the settings, the database and the surroundings, or keeps a client from connecting
    Doctor(doctor::Options),
    /// Ask the server on this machine whether it is well; exit status 1 if not
    Healthcheck,
    /// Print what makes a shell complete these commands
    Completions(manual::Completions),
    /// Print a page of the manual, or write all of them
    Man(manual::Man),
}

/// How a command prints what it made.
#[derive(Clone, Copy, Debug, Args)]
struct Output {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("doorward: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = || Settings::load(cli.config.as_deref());
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let settings = settings()?;
            logging::start(&settings.log)?;
            serve::run(&settings)
        }
        Command::Migrate { check } => wiring::migrate(&settings()?, check),
        Command::Remote(verb) => Ok(verb.run(&surroundings())),
        Command::Ctl(command) => Ok(command.run(&surroundings())),
        Command::Completions(completions) => completions.run(Cli::command()),
        Command::Man(man) => man.run(Cli::command()),
        Command::User(command) => {
            wiring::with_context(&settings()?, matches!(command, user::Command::Create(_)), |ctx| command.run(ctx))
        }
        Command::App(command) => {
            wiring::with_context(&settings()?, matches!(command, app::Command::Create(_)), |ctx| command.run(ctx))
        }
        Command::Keys(command) => wiring::with_context(&settings()?, false, |ctx| command.run(ctx)),
        Command::Notifications(command) => wiring::with_context(&settings()?, false, |ctx| command.run(ctx)),
        Command::License(command) => command.run(settings),
        Command::Provisioner(command) => command.run(settings),
        Command::Access(command) => command.run(),
        Command::Dev(command) => command.run(&settings()?),
        Command::Config => print(&settings()?.to_toml()?),
        Command::Openapi => print(&doorward_http::openapi_json()),
        Command::Doctor(options) => doctor::run(&settings()?, options),
        Command::Healthcheck => healthcheck::run(&settings()?),
    }
}

/// What commands against a server need; of the settings none counts.
fn surroundings() -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom::default()),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// Prints to standard output; a reader that went away is no error worth a word.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => written.map(|()| ExitCode::SUCCESS).context("cannot write to standard output"),
    }
}
