//! `doorward ctl session`.

use crate::ask::confirm;
use crate::desk::{Act, Desk, Paged};
use crate::failure::status_of;
use crate::options::Yes;
use crate::print::{Column, further, moment, plain, print_done, print_list, usual};
use crate::words::{count, rows, shown, text};
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 11] = [
    usual("id", |row| plain(row, "id")),
    usual("user", |row| plain(row, "username")),
    usual("device", |row| plain(row, "device")),
    usual("ip", |row| plain(row, "ip")),
    usual("last-used", |row| moment(row, "last_used")),
    usual("expires", |row| moment(row, "expires_at")),
    usual("current", |row| plain(row, "current")),
    further("login-type", |row| plain(row, "login_type")),
    further("provider", |row| plain(row, "provider")),
    further("created", |row| moment(row, "created_at")),
    further("apps", apps),
];

/// The names of the apps that were told by a session who the user is.
fn apps(row: &Value) -> String {
    let apps = rows(row, "apps");
    let names: Vec<&str> = apps.iter().map(|app| text(app, "name")).collect();
    names.join(" ")
}

/// Sessions: where somebody is signed in, in a browser or on a command line.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List sessions, newest first
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  doorward ctl session list\n  doorward ctl session list --user ann\n  \
                      doorward ctl session list --all --limit 50"
    )]
    List {
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
        /// Those of everybody whose sessions you may see
        #[arg(long, conflicts_with = "user")]
        all: bool,
        /// So many at most
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// End a session
    #[command(visible_aliases = ["delete", "rm"])]
    End {
        /// Id
        session: String,
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// End all sessions of a user, or of everybody
    #[command(
        after_help = "Examples:\n  doorward ctl session end-all --except-current\n  doorward ctl session end-all --user ann\n  \
                      doorward ctl session end-all --everybody"
    )]
    EndAll {
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
        /// Those of everybody
        #[arg(long, conflicts_with = "user")]
        everybody: bool,
        /// Keep the session that this command uses
        #[arg(long)]
        except_current: bool,
        #[command(flatten)]
        yes: Yes,
    },
}

/// Servers of before know no sessions.
fn explain(error: anyhow::Error, desk: &Desk) -> anyhow::Error {
    if status_of(&error) == Some(404) {
        return error.context(format!("{} does not tell of sessions, or there is no such user or session", desk.place));
    }
    error
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { user, all, limit } => {
                let of_user = ["users", &user, "sessions"];
                let parts: &[&str] = if all { &["sessions"] } else { &of_user };
                let list = Paged { parts, query: &[], member: "sessions", by_id: true };
                let found = desk.pages(&list, limit).map_err(|error| explain(error, desk))?;
                print_list(&desk.output, &COLUMNS, &found)
            }
            Self::End { session, user, yes } => {
                if !confirm(&format!("End the session {}?", shown(&session)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                desk.delete(&["users", &user, "sessions", &session]).map_err(|error| explain(error, desk))?;
                print_done(&desk.output, &format!("The session {session} has ended."), &json!({}))
            }
            Self::EndAll { user, everybody, except_current, yes } => {
                let whose = if everybody { "everybody".to_owned() } else { user.clone() };
                if !confirm(&format!("End all sessions of {}?", shown(&whose)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                let of_user = ["users", &user, "sessions"];
                let parts: &[&str] = if everybody { &["sessions"] } else { &of_user };
                let query: &[(&str, &str)] = if except_current { &[("except_current", "true")] } else { &[] };
                let answer =
                    desk.ask(crate::http::Method::Delete, parts, query, None).map_err(|error| explain(error, desk))?;
                let ended =
                    answer.get("ended").and_then(Value::as_u64).context("the server does not say how many ended")?;
                let ended = usize::try_from(ended).unwrap_or(usize::MAX);
                let has = if ended == 1 { "has" } else { "have" };
                print_done(&desk.output, &format!("{} {has} ended.", count(ended, "session")), &answer)
            }
        }
    }
}
