//! `doorward ctl audit`.

use crate::desk::{Act, Desk, Paged};
use crate::failure::status_of;
use crate::print::{Column, further, moment, plain, print_list, usual};
use crate::words::{Terminal, text};
use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
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
    /// Write all that is found, newest first, as it comes
    #[command(after_help = "Examples:\n  doorward ctl audit export --format csv --out audit.csv\n  \
                      doorward ctl audit export 'date_from:2026-01-01' | jq -r .description")]
    Export {
        /// What to look for, in the search language of the server
        #[arg(default_value = "")]
        query: String,
        /// As what: jsonl, an entry of the API on each line, or csv
        #[arg(long = "format", value_name = "FORMAT", value_enum, default_value_t)]
        written: Written,
        /// The file, which only you can read; standard output without it. It is there when it is whole
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// As what the log is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Written {
    /// JSON, an entry on each line
    #[default]
    Jsonl,
    /// A table, for spreadsheets
    Csv,
}

/// Writes to standard output, or to a file that appears when it is whole.
fn export(desk: &Desk, query: &str, written: Written, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let (format, media_type) = match written {
        Written::Jsonl => ("jsonl", "application/jsonl"),
        Written::Csv => ("csv", "text/csv"),
    };
    let query = [("q", query), ("format", format)];
    let explain = |error: anyhow::Error| {
        if status_of(&error) == Some(404) {
            return error.context(format!("{} does not write its log out", desk.place));
        }
        error
    };
    let Some(path) = out else {
        let stdout = io::stdout().lock();
        // A file or a program is given what was written; a terminal would do what it says.
        let mut out: Box<dyn io::Write> =
            if stdout.is_terminal() { Box::new(Terminal::new(stdout)) } else { Box::new(stdout) };
        desk.download(&["audit", "export"], &query, media_type, &mut out).map_err(explain)?;
        return Ok(ExitCode::SUCCESS);
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder);
    let mut file = file.with_context(|| format!("cannot write into {}", folder.display()))?;
    desk.download(&["audit", "export"], &query, media_type, &mut file).map_err(explain)?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let (query, limit) = match self {
            Self::List { query, limit } => (query, limit),
            Self::Export { query, written, out } => return export(desk, &query, written, out.as_deref()),
        };
        let list = Paged { parts: &["audit"], query: &[("q", &query)], member: "audit_logs", by_id: false };
        print_list(&desk.output, &COLUMNS, &desk.pages(&list, (limit > 0).then_some(limit))?)
    }
}
