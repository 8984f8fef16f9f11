//! The command line against a server: signing in, looking after what is there, and files that say how it shall be.
//!
//! It speaks HTTP with a server as any other client does, and knows neither its database nor its settings. What one is signed in by is
//! kept in a file of the user. Nothing secret is taken from arguments, which others on the machine can read, or shown in errors.
#![forbid(unsafe_code)]

mod app;
mod apply;
mod ask;
mod audit;
mod browser;
mod can;
mod desk;
mod failure;
mod group;
mod http;
mod login;
mod loopback;
#[cfg(test)]
mod mock;
mod oauth;
mod options;
mod org;
mod permissions;
mod place;
mod print;
mod role;
mod session;
mod token;
mod user;
mod vault;
mod words;

pub use desk::Surroundings;

use clap::{Args, Subcommand};
use desk::{Act, Desk};
use options::{At, Output};
use std::process::ExitCode;
use words::shown_lines;

/// What was asked cannot be asked so, or a question has no answer; and what `apply --dry-run` says of differences.
const BAD_INPUT: u8 = 2;
/// Something failed, or was refused.
const FAILED: u8 = 1;

/// Commands about oneself, and about the server as a whole.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Sign in to a server
    #[command(
        long_about = "Signs in to a server, and keeps what it is signed in by in a file that only you can read \
                      (~/.config/doorward/credentials.json, or below XDG_CONFIG_HOME or DOORWARD_CONFIG_DIR).\n\n\
                      Where the server lets apps register themselves, or with --client-id, a browser opens, and you allow this command line \
                      what it asks for (OAuth 2.1 with PKCE); such a sign-in renews itself. An app may not change roles, apps, tokens and \
                      passwords in your name. Elsewhere, and with --key, the browser shows a key of your account that you paste here; it may \
                      do all that you may.\n\n\
                      In scripts no sign-in is needed: DOORWARD_URL and DOORWARD_TOKEN in the environment name a server and a token.",
        after_help = "Examples:\n  doorward login https://door.example.com\n  \
                      doorward login door.example.com --key                   as administrators do\n  \
                      doorward login door.example.com --device --client-id ID on a machine without a browser\n  \
                      doorward login door.example.com --token-stdin < token   with an API token"
    )]
    Login(login::Login),
    /// Sign out of a server, and end the session or the tokens there
    Logout(login::Logout),
    /// Show who you are signed in as
    Whoami(login::Whoami),
    /// Ask whether somebody may do something, and why; exit status 1 if not, 2 if there is no answer
    #[command(
        long_about = "Asks the server whether somebody may do something, and with --why what decides it. The exit status is 0 if it is \
                      allowed, 1 if it is not, and 2 if there is no answer.\n\n\
                      Things are named TYPE (any of them), TYPE/NAME or TYPE/ORG/NAME: user/ann, template/dev, template/acme/dev, \
                      group/acme/eng, workspace/ann/box, organization/acme, or an id in the place of the name.",
        after_help = "Examples:\n  doorward can me create organization\n  doorward can me update template/dev --why\n  \
                      doorward can bob use template/acme/dev --why\n  doorward can me create template --org acme"
    )]
    Can(can::Can),
    /// Make organizations, groups, roles, apps and sync settings as a file says
    #[command(
        long_about = apply::ABOUT,
        after_help = apply::EXAMPLES
    )]
    Apply(apply::Apply),
}

/// Commands against a server.
#[derive(Debug, Subcommand)]
pub enum Ctl {
    /// About oneself, and about the server as a whole
    #[command(flatten)]
    Verb(Verb),
    /// List, make and change users
    User(Noun<user::Command>),
    /// List, make and change organizations, and who belongs to them
    Org(Noun<org::Command>),
    /// List, make and change groups and their members
    Group(Noun<group::Command>),
    /// List roles, and make custom ones
    Role(Noun<role::Command>),
    /// List, register and change OAuth2 apps and their secrets
    App(Noun<app::Command>),
    /// List, make and delete API tokens
    Token(Noun<token::Command>),
    /// List and end sessions
    Session(Noun<session::Command>),
    /// Read the audit log
    Audit(Noun<audit::Command>),
}

/// Something that a server has, and what can be done with it.
#[derive(Args, Debug)]
pub struct Noun<C: Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

/// Does it, as whoever is signed in.
fn act<C: Subcommand + Act>(noun: Noun<C>, around: &Surroundings) -> anyhow::Result<ExitCode> {
    noun.command.act(&Desk::open(&noun.at, &noun.output, around)?)
}

impl Verb {
    /// Carries the command out, and says what went wrong on standard error.
    #[must_use]
    pub fn run(self, around: &Surroundings) -> ExitCode {
        let errors = match &self {
            Self::Can(_) => Some(BAD_INPUT),
            Self::Apply(apply) if apply.is_dry() => Some(FAILED),
            Self::Login(_) | Self::Logout(_) | Self::Whoami(_) | Self::Apply(_) => None,
        };
        let done = match self {
            Self::Login(login) => login.run(around),
            Self::Logout(logout) => logout.run(around),
            Self::Whoami(whoami) => whoami.run(around),
            Self::Can(can) => can.run(around),
            Self::Apply(apply) => apply.run(around),
        };
        finish(done, errors)
    }
}

impl Ctl {
    /// Carries the command out, and says what went wrong on standard error.
    #[must_use]
    pub fn run(self, around: &Surroundings) -> ExitCode {
        let done = match self {
            Self::Verb(verb) => return verb.run(around),
            Self::User(noun) => act(noun, around),
            Self::Org(noun) => act(noun, around),
            Self::Group(noun) => act(noun, around),
            Self::Role(noun) => act(noun, around),
            Self::App(noun) => act(noun, around),
            Self::Token(noun) => act(noun, around),
            Self::Session(noun) => act(noun, around),
            Self::Audit(noun) => act(noun, around),
        };
        finish(done, None)
    }
}

/// The exit status: 2 for wrong use, else 1 for what failed; or one for all errors, where the other is an answer.
fn finish(done: anyhow::Result<ExitCode>, errors: Option<u8>) -> ExitCode {
    done.unwrap_or_else(|error| {
        eprintln!("doorward: {}", shown_lines(&format!("{error:#}")));
        let status = errors.unwrap_or(if error.is::<failure::Usage>() { BAD_INPUT } else { FAILED });
        ExitCode::from(status)
    })
}
