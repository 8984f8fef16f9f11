//! `doorward ctl token`.

use crate::ask::confirm;
use crate::desk::{Act, Desk};
use crate::failure::usage;
use crate::options::Yes;
use crate::print::{Column, further, moment, plain, print_done, print_list, print_one, usual};
use crate::words::{needed, shown, texts};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::Duration;

const COLUMNS: [Column; 9] = [
    usual("name", |row| plain(row, "token_name")),
    usual("id", |row| plain(row, "id")),
    usual("owner", owner),
    usual("scopes", scopes),
    usual("last-used", |row| moment(row, "last_used")),
    usual("expires", |row| moment(row, "expires_at")),
    further("allow-list", |row| texts(row, "allow_list").join(" ")),
    further("created", |row| moment(row, "created_at")),
    further("user-id", |row| plain(row, "user_id")),
];

fn owner(row: &Value) -> String {
    let name = plain(row, "username");
    if name.is_empty() { plain(row, "user_id") } else { name }
}

fn scopes(row: &Value) -> String {
    let scopes = texts(row, "scopes");
    if scopes.is_empty() { plain(row, "scope") } else { scopes.join(" ") }
}

/// API tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tokens
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  doorward ctl token list\n  doorward ctl token list --all --expired"
    )]
    List {
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
        /// Those of everybody whose tokens you may see
        #[arg(long, conflicts_with = "user")]
        all: bool,
        /// Those too that are over
        #[arg(long)]
        expired: bool,
    },
    /// Show a token; never its secret
    Show {
        /// Name
        token: String,
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
    },
    /// Make a token, and print it this once
    #[command(after_help = "Examples:\n  doorward ctl token create --name ci --lifetime 5d\n  \
                      doorward ctl token create --name reader --scope template:read --allow 'template:*'")]
    Create(Create),
    /// End a token now; it is still listed
    Expire {
        /// Id, or the name of one of yours
        token: String,
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
    },
    /// Delete a token
    #[command(visible_alias = "rm")]
    Delete {
        /// Id, or the name of one of yours
        token: String,
        /// Whose, by name or id
        #[arg(long, default_value = "me")]
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// A new token.
#[derive(Args, Debug)]
pub struct Create {
    /// Whose, by name or id
    #[arg(long, default_value = "me")]
    user: String,
    /// Name; the server makes one up without it
    #[arg(long)]
    name: Option<String>,
    /// For how long it is good, such as 12h or 5d; what is usual there without it
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    lifetime: Option<Duration>,
    /// Scope that limits it; may be repeated
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Vec<String>,
    /// Object that it is limited to, as `type:id` with `*` in either place; may be repeated
    #[arg(long = "allow", value_name = "TYPE:ID")]
    allow: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// The id of a key that is named by its id or its name.
fn id(desk: &Desk, user: &str, token: &str) -> anyhow::Result<String> {
    match desk.get(&["users", user, "keys", "tokens", token], &[]) {
        Ok(found) => Ok(needed(&found, "id")?.to_owned()),
        Err(error) if crate::failure::status_of(&error) == Some(404) => Ok(token.to_owned()),
        Err(error) => Err(error),
    }
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List { user, all, expired } => {
                let mut query = Vec::new();
                query.extend(all.then_some(("include_all", "true")));
                query.extend(expired.then_some(("include_expired", "true")));
                print_list(output, &COLUMNS, &desk.list(&["users", &user, "keys", "tokens"], &query)?)
            }
            Self::Show { token, user } => {
                print_one(output, &COLUMNS, &desk.one(&["users", &user, "keys", "tokens", &token], &[])?)
            }
            Self::Create(create) => create.act(desk),
            Self::Expire { token, user } => {
                let id = id(desk, &user, &token)?;
                desk.put(&["users", &user, "keys", &id, "expire"], &json!({}))?;
                print_done(output, &format!("The token {token} is over."), &json!({}))
            }
            Self::Delete { token, user, yes } => {
                let id = id(desk, &user, &token)?;
                if !confirm(&format!("Delete the token {}?", shown(&token)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                desk.delete(&["users", &user, "keys", &id])?;
                print_done(output, &format!("Deleted the token {token}."), &json!({}))
            }
        }
    }
}

impl Create {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let mut body = Map::new();
        if let Some(name) = self.name {
            body.insert("token_name".to_owned(), name.into());
        }
        if let Some(lifetime) = self.lifetime {
            let nanoseconds =
                i64::try_from(lifetime.as_nanos()).or(Err(usage("so long a lifetime cannot be asked for")))?;
            body.insert("lifetime".to_owned(), nanoseconds.into());
        }
        for (member, list) in [("scopes", self.scopes), ("allow_list", self.allow)] {
            if !list.is_empty() {
                body.insert(member.to_owned(), list.into());
            }
        }
        let made = desk.post(&["users", &self.user, "keys", "tokens"], &body.into())?;
        print_done(&desk.output, needed(&made, "key")?, &made)
    }
}
