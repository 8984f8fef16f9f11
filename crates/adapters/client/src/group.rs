//! `doorward ctl group`.

use crate::ask::confirm;
use crate::desk::{Act, Desk, Paged};
use crate::failure::usage;
use crate::options::Yes;
use crate::org::must_belong;
use crate::print::{Column, further, plain, print_done, print_list, print_one, usual};
use crate::words::{needed, shown, text};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 8] = [
    usual("name", |row| plain(row, "name")),
    usual("display-name", |row| plain(row, "display_name")),
    usual("org", |row| plain(row, "organization_name")),
    usual("members", |row| plain(row, "total_member_count")),
    usual("quota", |row| plain(row, "quota_allowance")),
    usual("source", |row| plain(row, "source")),
    further("id", |row| plain(row, "id")),
    further("avatar-url", |row| plain(row, "avatar_url")),
];

const MEMBERS: [Column; 5] = [
    usual("username", |row| plain(row, "username")),
    usual("email", |row| plain(row, "email")),
    usual("status", |row| plain(row, "status")),
    further("name", |row| plain(row, "name")),
    further("id", |row| plain(row, "id")),
];

/// Groups of an organization.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List groups
    #[command(visible_alias = "ls")]
    List {
        /// Those of this organization only, by name or id
        #[arg(long)]
        org: Option<String>,
        /// Those with this member only, by name or id
        #[arg(long, value_name = "USER")]
        member: Option<String>,
    },
    /// Show a group
    Show(Which),
    /// List the members of a group
    Members {
        #[command(flatten)]
        which: Which,
        /// What to look for, such as part of a name
        #[arg(long, default_value = "")]
        query: String,
        /// So many at most
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Make a group
    #[command(
        after_help = "Example:\n  doorward ctl group create eng --org acme --display-name Engineers --quota 10 --add ann --add bob"
    )]
    Create {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        fields: Fields,
        /// User to add; may be repeated
        #[arg(long, value_name = "USER")]
        add: Vec<String>,
    },
    /// Change a group and its members
    #[command(after_help = "Example:\n  doorward ctl group edit eng --org acme --add carol --remove bob")]
    Edit {
        #[command(flatten)]
        which: Which,
        /// New name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// User to add; may be repeated
        #[arg(long, value_name = "USER")]
        add: Vec<String>,
        /// User to remove; may be repeated
        #[arg(long, value_name = "USER")]
        remove: Vec<String>,
    },
    /// Delete a group
    #[command(visible_alias = "rm")]
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        yes: Yes,
    },
}

/// A group.
#[derive(Args, Debug)]
pub struct Which {
    /// Name, or id
    group: String,
    /// The organization of a group that is named, by name or id
    #[arg(long, default_value = "default")]
    org: String,
}

/// What a group is made of.
#[derive(Args, Debug)]
pub struct Fields {
    /// What people see
    #[arg(long)]
    display_name: Option<String>,
    /// URL or path of a picture
    #[arg(long, value_name = "URL")]
    avatar_url: Option<String>,
    /// Credits that it adds to the budget of each member
    #[arg(long, value_name = "CREDITS", allow_negative_numbers = true)]
    quota: Option<i64>,
}

impl Which {
    /// The group, with none of its members.
    fn find(&self, desk: &Desk) -> anyhow::Result<Value> {
        let without = [("exclude_members", "true")];
        if uuid::Uuid::try_parse(&self.group).is_ok() {
            return desk.one(&["groups", &self.group], &without);
        }
        desk.one(&["organizations", &self.org, "groups", &self.group], &without)
    }
}

impl Fields {
    fn into_body(self, name: Option<String>) -> Map<String, Value> {
        let named = [
            ("name", name.map(Value::from)),
            ("display_name", self.display_name.map(Value::from)),
            ("avatar_url", self.avatar_url.map(Value::from)),
            ("quota_allowance", self.quota.map(Value::from)),
        ];
        named.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
    }
}

/// The ids of users, which are asked for by name.
fn ids(desk: &Desk, users: &[String]) -> anyhow::Result<Vec<String>> {
    users.iter().map(|user| desk.user_id(user)).collect()
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List { org, member } => {
                let mut query = Vec::new();
                query.extend(org.as_deref().map(|org| ("organization", org)));
                query.extend(member.as_deref().map(|member| ("has_member", member)));
                print_list(output, &COLUMNS, &desk.list(&["groups"], &query)?)
            }
            Self::Show(which) => print_one(output, &COLUMNS, &which.find(desk)?),
            Self::Members { which, query, limit } => {
                let group = which.find(desk)?;
                let parts = ["groups", text(&group, "id"), "members"];
                let list = Paged { parts: &parts, query: &[("q", &query)], member: "users", by_id: true };
                print_list(output, &MEMBERS, &desk.pages(&list, limit)?)
            }
            Self::Create { which, fields, add } => {
                for user in &add {
                    must_belong(desk, &which.org, user)?;
                }
                let members = ids(desk, &add)?;
                let body = fields.into_body(Some(which.group));
                let mut made = desk.post(&["organizations", &which.org, "groups"], &body.into())?;
                if !members.is_empty() {
                    let id = needed(&made, "id")?.to_owned();
                    let added = desk.patch(&["groups", &id], &json!({ "add_users": members }));
                    made = added.with_context(|| {
                        format!("the group {} was made, and nobody is in it", shown(text(&made, "name")))
                    })?;
                }
                print_done(output, &format!("Created {} ({}).", needed(&made, "name")?, needed(&made, "id")?), &made)
            }
            Self::Edit { which, name, fields, add, remove } => {
                let mut body = fields.into_body(name);
                for (member, users) in [("add_users", &add), ("remove_users", &remove)] {
                    if !users.is_empty() {
                        body.insert(member.to_owned(), ids(desk, users)?.into());
                    }
                }
                if body.is_empty() {
                    return Err(usage("nothing is to change; `--help` names what can"));
                }
                let group = which.find(desk)?;
                let changed = desk.patch(&["groups", text(&group, "id")], &body.into())?;
                print_done(output, &format!("Changed {}.", needed(&changed, "name")?), &changed)
            }
            Self::Delete { which, yes } => {
                let group = which.find(desk)?;
                let name = text(&group, "name");
                if !confirm(&format!("Delete the group {}?", shown(name)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                let answer = desk.delete(&["groups", text(&group, "id")])?;
                print_done(output, &format!("Deleted {name}."), &answer)
            }
        }
    }
}
