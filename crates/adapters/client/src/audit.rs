//! `doorward ctl audit`.

use crate::desk::{Act, Desk, Paged};
use crate::print::{Column, further, moment, plain, print_list, usual};
use crate::words::text;
use clap::Subcommand;
use serde_json::Value;
use std::process::ExitCode;

const COLUMNS: [Column; 12] = [
    usual("time", |row| moment(row, "time")),
    usual("user", user),
    usual("action", |row| plain(row, "action")),
    usual("type", |row| plain(row, "resource_type")),
    usual("target", |row| plain(row, "resource_target")),
    usual("status", |row| plain(row, "status_code")),
    usual("ip", |row| plain(row, "ip")),
    further("changes", changes),
    further("org", |row| row.get("organization").map(|org| text(org, "name").to_owned()).unwrap_or_default()),
    further("request-id", |row| plain(row, "request_id")),
    further("user-agent", |row| plain(row, "user_agent")),
    further("id", |row| plain(row, "id")),
];

fn user(row: &Value) -> String {
    row.get("user").map(|user| text(user, "username").to_owned()).unwrap_or_default()
}

/// The names of the fields that changed.
fn changes(row: &Value) -> String {
    let diff = row.get("diff").and_then(Value::as_object);
    diff.map(|diff| diff.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what was done, newest first
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  doorward ctl audit list --limit 20\n  \
                      doorward ctl audit list 'action:delete resource_type:user date_from:2026-01-01'\n  \
                      doorward ctl audit list username:ann --columns time,action,target,changes"
    )]
    List {
        /// What to look for, in the search language of the server
        #[arg(default_value = "")]
        query: String,
        /// So many at most; 0 for all
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
    },
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let Self::List { query, limit } = self;
        let list = Paged { parts: &["audit"], query: &[("q", &query)], member: "audit_logs", by_id: false };
        print_list(&desk.output, &COLUMNS, &desk.pages(&list, (limit > 0).then_some(limit))?)
    }
}
