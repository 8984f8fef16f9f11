//! `doorward ctl user`.

use crate::ask::{confirm, new_password};
use crate::desk::{Act, Desk, Paged};
use crate::failure::usage;
use crate::options::Yes;
use crate::print::{Column, further, moment, names, plain, print_done, print_list, print_one, usual};
use crate::role;
use crate::words::{needed, shown, text};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 11] = [
    usual("username", |row| plain(row, "username")),
    usual("email", |row| plain(row, "email")),
    usual("status", |row| plain(row, "status")),
    usual("roles", |row| names(row, "roles")),
    usual("last-seen", |row| moment(row, "last_seen_at")),
    further("name", |row| plain(row, "name")),
    further("id", |row| plain(row, "id")),
    further("login-type", |row| plain(row, "login_type")),
    further("service-account", |row| plain(row, "is_service_account")),
    further("created", |row| moment(row, "created_at")),
    further("updated", |row| moment(row, "updated_at")),
];

/// Users of the server.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List users
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  doorward ctl user list\n  doorward ctl user list 'status:suspended'\n  \
                      doorward ctl user list --columns username,id --no-header\n  doorward ctl user list -o json | jq -r '.[].email'"
    )]
    List {
        /// What to look for, in the search language of the server, such as `status:active role:auditor` or part of a name
        #[arg(default_value = "")]
        query: String,
        /// So many at most
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Show a user
    Show {
        /// Name or id; `me` is yourself
        user: String,
    },
    /// Make a user
    #[command(after_help = "Examples:\n  doorward ctl user create --email ann@example.com --username ann\n  \
                      printf %s \"$PASSWORD\" | doorward ctl user create --email ann@example.com --username ann --password-stdin\n  \
                      doorward ctl user create --username robot --service-account")]
    Create(Create),
    /// Change name, user name or roles of a user
    #[command(after_help = "Examples:\n  doorward ctl user edit ann --name 'Ann Example'\n  \
                      doorward ctl user edit ann --role auditor --role user-admin\n  doorward ctl user edit ann --no-roles")]
    Edit(Edit),
    /// Set a new password for a user
    SetPassword {
        /// Name or id
        user: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Keep a user out, without deleting anything; all sessions, tokens and grants end
    Suspend {
        /// Name or id
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Let a user in again
    Activate {
        /// Name or id
        user: String,
    },
    /// Delete a user
    #[command(visible_alias = "rm")]
    Delete {
        /// Name or id
        user: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// What a new user is made of.
#[derive(Args, Debug)]
pub struct Create {
    /// User name: letters and digits in groups joined by single hyphens, at most 32
    #[arg(long)]
    username: String,
    /// Mail address, unique
    #[arg(long, required_unless_present = "service_account")]
    email: Option<String>,
    /// Real name
    #[arg(long)]
    name: Option<String>,
    /// Organization to belong to, by name or id; may be repeated. The default one without any
    #[arg(long = "org", value_name = "ORG")]
    organizations: Vec<String>,
    /// Site role; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How the user signs in: password, oidc, github or none
    #[arg(long, value_name = "TYPE", conflicts_with = "service_account")]
    login_type: Option<String>,
    /// A user that is no person: without address and password
    #[arg(long, conflicts_with_all = ["email", "password_stdin"])]
    service_account: bool,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// What changes of a user.
#[derive(Args, Debug)]
pub struct Edit {
    /// Name or id
    user: String,
    /// New user name
    #[arg(long)]
    username: Option<String>,
    /// New real name
    #[arg(long)]
    name: Option<String>,
    /// All site roles that the user is to have; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Take all site roles away
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        match self {
            Self::List { query, limit } => {
                let list = Paged { parts: &["users"], query: &[("q", &query)], member: "users", by_id: true };
                print_list(&desk.output, &COLUMNS, &desk.pages(&list, limit)?)
            }
            Self::Show { user } => print_one(&desk.output, &COLUMNS, &desk.one(&["users", &user], &[])?),
            Self::Create(create) => create.act(desk),
            Self::Edit(edit) => edit.act(desk),
            Self::SetPassword { user, password_stdin } => {
                let password = new_password(password_stdin)?;
                desk.put(&["users", &user, "password"], &json!({ "password": password.expose() }))?;
                print_done(&desk.output, &format!("The password of {user} is changed."), &json!({}))
            }
            Self::Suspend { user, yes } => {
                if !confirm(&format!("Suspend {}?", shown(&user)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                let user = desk.put(&["users", &user, "status", "suspend"], &json!({}))?;
                print_done(&desk.output, &format!("{} is suspended.", needed(&user, "username")?), &user)
            }
            Self::Activate { user } => {
                let user = desk.put(&["users", &user, "status", "activate"], &json!({}))?;
                print_done(&desk.output, &format!("{} is active.", needed(&user, "username")?), &user)
            }
            Self::Delete { user, yes } => {
                // Who mistypes a name is told before anything is asked.
                let found = desk.one(&["users", &user], &[])?;
                let name = text(&found, "username");
                if !confirm(&format!("Delete the user {}?", shown(name)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                let answer = desk.delete(&["users", text(&found, "id")])?;
                print_done(&desk.output, &format!("Deleted {name}."), &answer)
            }
        }
    }
}

impl Create {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let mut body = Map::new();
        body.insert("username".to_owned(), self.username.into());
        let login_type = self.login_type.as_deref().unwrap_or("password");
        if self.service_account {
            body.insert("service_account".to_owned(), true.into());
        } else {
            body.insert("login_type".to_owned(), login_type.into());
            if login_type == "password" {
                body.insert("password".to_owned(), new_password(self.password_stdin)?.into_exposed().into());
            }
        }
        for (member, value) in [("email", self.email), ("name", self.name)] {
            if let Some(value) = value {
                body.insert(member.to_owned(), value.into());
            }
        }
        let organizations = if self.organizations.is_empty() { vec!["default".to_owned()] } else { self.organizations };
        let ids =
            organizations.iter().map(|name| Ok(Value::from(needed(&desk.get(&["organizations", name], &[])?, "id")?)));
        body.insert("organization_ids".to_owned(), Value::Array(ids.collect::<anyhow::Result<_>>()?));
        if !self.roles.is_empty() {
            body.insert("roles".to_owned(), self.roles.into());
        }
        let made = desk.post(&["users"], &Value::Object(body))?;
        print_done(&desk.output, &format!("Created {} ({}).", needed(&made, "username")?, needed(&made, "id")?), &made)
    }
}

impl Edit {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let roles = (self.no_roles || !self.roles.is_empty()).then_some(self.roles);
        if roles.is_none() && self.username.is_none() && self.name.is_none() {
            return Err(usage("nothing is to change: say --username, --name, --role or --no-roles"));
        }
        role::must_be(desk, None, roles.as_deref().unwrap_or_default())?;
        let mut user = desk.one(&["users", &self.user], &[])?;
        let id = text(&user, "id").to_owned();
        let renames = self.username.is_some() || self.name.is_some();
        if renames {
            let username = self.username.unwrap_or_else(|| text(&user, "username").to_owned());
            let name = self.name.unwrap_or_else(|| text(&user, "name").to_owned());
            user = desk.put(&["users", &id, "profile"], &json!({ "username": username, "name": name }))?;
        }
        if let Some(roles) = roles {
            let set = desk.put(&["users", &id, "roles"], &json!({ "roles": roles }));
            user = if renames { set.context("the names were changed, and the roles were not")? } else { set? };
        }
        print_done(&desk.output, &format!("Changed {}.", needed(&user, "username")?), &user)
    }
}
