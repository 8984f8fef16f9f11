//! `doorward ctl org`.

use crate::ask::confirm;
use crate::desk::{Act, Desk, Paged};
use crate::failure::{each, status_of, usage};
use crate::options::Yes;
use crate::print::{Column, further, moment, names, plain, print_done, print_list, print_one, usual};
use crate::role;
use crate::words::{needed, shown, text, texts};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 8] = [
    usual("name", |row| plain(row, "name")),
    usual("display-name", |row| plain(row, "display_name")),
    usual("default", |row| plain(row, "is_default")),
    usual("id", |row| plain(row, "id")),
    further("description", |row| plain(row, "description")),
    further("icon", |row| plain(row, "icon")),
    further("member-roles", |row| texts(row, "default_org_member_roles").join(" ")),
    further("created", |row| moment(row, "created_at")),
];

const MEMBERS: [Column; 8] = [
    usual("username", |row| plain(row, "username")),
    usual("email", |row| plain(row, "email")),
    usual("roles", |row| names(row, "roles")),
    usual("status", |row| plain(row, "status")),
    further("site-roles", |row| names(row, "global_roles")),
    further("name", |row| plain(row, "name")),
    further("user-id", |row| plain(row, "user_id")),
    further("since", |row| moment(row, "created_at")),
];

/// Organizations, and who belongs to them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List organizations
    #[command(visible_alias = "ls")]
    List,
    /// Show an organization
    Show {
        /// Name or id; `default` is the default one
        org: String,
    },
    /// Make an organization
    #[command(after_help = "Example:\n  doorward ctl org create acme --display-name 'Acme Ltd'")]
    Create {
        /// Name: lower case letters, digits and hyphens
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change an organization
    #[command(after_help = "Example:\n  doorward ctl org edit acme --description 'All of Acme'")]
    Edit {
        /// Name or id
        org: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete an organization that is empty
    #[command(visible_alias = "rm")]
    Delete {
        /// Name or id
        org: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// List the members of an organization
    #[command(after_help = "Example:\n  doorward ctl org members acme --columns username,roles")]
    Members {
        /// Name or id
        org: String,
        /// What to look for, such as part of a name
        #[arg(default_value = "")]
        query: String,
        /// So many at most
        #[arg(long, value_name = "NUMBER")]
        limit: Option<usize>,
    },
    /// Make users members of an organization; who belongs to it already stays, and gets the roles
    #[command(after_help = "Example:\n  doorward ctl org add-member acme ann bob --role organization-auditor")]
    AddMember {
        /// Name or id
        org: String,
        /// Names or ids
        #[arg(required = true)]
        users: Vec<String>,
        /// Roles that they are to have in it; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Set the roles of a member in an organization
    #[command(after_help = "Examples:\n  doorward ctl org set-roles acme ann organization-admin deployer\n  \
                      doorward ctl org set-roles acme ann       none but those of every member")]
    SetRoles {
        /// Name or id of the organization
        org: String,
        /// Name or id of the user
        user: String,
        /// All roles that the member is to have
        roles: Vec<String>,
    },
    /// Take users out of an organization, its groups and its access lists
    RemoveMember {
        /// Name or id
        org: String,
        /// Names or ids
        #[arg(required = true)]
        users: Vec<String>,
        #[command(flatten)]
        yes: Yes,
    },
}

/// What an organization is made of.
#[derive(Args, Debug)]
pub struct Fields {
    /// What people see
    #[arg(long)]
    display_name: Option<String>,
    /// Free text
    #[arg(long)]
    description: Option<String>,
    /// URL or path of an icon
    #[arg(long)]
    icon: Option<String>,
    /// Built-in role that every member is to have; may be repeated
    #[arg(long = "member-role", value_name = "ROLE")]
    member_roles: Option<Vec<String>>,
}

impl Fields {
    fn into_body(self, name: Option<String>) -> Map<String, Value> {
        let named = [
            ("name", name.map(Value::from)),
            ("display_name", self.display_name.map(Value::from)),
            ("description", self.description.map(Value::from)),
            ("icon", self.icon.map(Value::from)),
            ("default_org_member_roles", self.member_roles.map(Value::from)),
        ];
        named.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
    }
}

/// Whether somebody belongs to an organization.
fn belongs(desk: &Desk, org: &str, user: &str) -> anyhow::Result<bool> {
    match desk.get(&["organizations", org, "members", user], &[]) {
        Ok(found) => needed(&found, "user_id").map(|_| true),
        Err(error) if status_of(&error) == Some(404) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses who does not belong to an organization.
pub(crate) fn must_belong(desk: &Desk, org: &str, user: &str) -> anyhow::Result<()> {
    if !belongs(desk, org, user)? {
        bail!("{} is no member of {}, or one of them is not there (404)", shown(user), shown(org));
    }
    Ok(())
}

/// Adds those who do not belong to it yet. What is mistyped is told before anything is done.
fn add(desk: &Desk, org: &str, users: &[String], roles: &[String]) -> anyhow::Result<()> {
    role::must_be(desk, Some(org), roles)?;
    for user in users {
        desk.user_id(user).with_context(|| format!("nobody was added, because of {}", shown(user)))?;
    }
    each(users, |user| {
        if !belongs(desk, org, user)? {
            desk.post(&["organizations", org, "members", user], &json!({}))?;
        }
        if !roles.is_empty() {
            let set = desk.put(&["organizations", org, "members", user, "roles"], &json!({ "roles": roles }));
            set.with_context(|| format!("{} is a member of {}, and has not got the roles", shown(user), shown(org)))?;
        }
        Ok(())
    })
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List => print_list(output, &COLUMNS, &desk.list(&["organizations"], &[])?),
            Self::Show { org } => print_one(output, &COLUMNS, &desk.one(&["organizations", &org], &[])?),
            Self::Create { name, fields } => {
                let made = desk.post(&["organizations"], &fields.into_body(Some(name)).into())?;
                print_done(output, &format!("Created {} ({}).", needed(&made, "name")?, needed(&made, "id")?), &made)
            }
            Self::Edit { org, name, fields } => {
                let body = fields.into_body(name);
                if body.is_empty() {
                    return Err(usage("nothing is to change; `--help` names what can"));
                }
                let changed = desk.patch(&["organizations", &org], &body.into())?;
                print_done(output, &format!("Changed {}.", needed(&changed, "name")?), &changed)
            }
            Self::Delete { org, yes } => {
                let found = desk.one(&["organizations", &org], &[])?;
                let name = text(&found, "name");
                if !confirm(&format!("Delete the organization {}?", shown(name)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                let answer = desk.delete(&["organizations", text(&found, "id")])?;
                print_done(output, &format!("Deleted {name}."), &answer)
            }
            Self::Members { org, query, limit } => {
                let parts = ["organizations", &org, "paginated-members"];
                let list = Paged { parts: &parts, query: &[("q", &query)], member: "members", by_id: false };
                print_list(output, &MEMBERS, &desk.pages(&list, limit)?)
            }
            Self::AddMember { org, users, roles } => {
                add(desk, &org, &users, &roles)?;
                print_done(output, &format!("Added {} to {org}.", users.join(", ")), &json!({}))
            }
            Self::SetRoles { org, user, roles } => {
                let set = desk.put(&["organizations", &org, "members", &user, "roles"], &json!({ "roles": roles }))?;
                let told = if roles.is_empty() { "no roles of its own".to_owned() } else { roles.join(", ") };
                print_done(output, &format!("{user} has {told} in {org}."), &set)
            }
            Self::RemoveMember { org, users, yes } => {
                // Who mistypes a name is told before anything is asked.
                for user in &users {
                    must_belong(desk, &org, user)?;
                }
                let listed = users.join(", ");
                if !confirm(&format!("Take {} out of {}?", shown(&listed), shown(&org)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                each(&users, |user| desk.delete(&["organizations", &org, "members", user]).map(drop))?;
                print_done(output, &format!("Took {listed} out of {org}."), &json!({}))
            }
        }
    }
}
