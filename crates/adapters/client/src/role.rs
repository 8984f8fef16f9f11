//! `doorward ctl role`.

use crate::ask::confirm;
use crate::desk::{Act, Desk};
use crate::failure::usage;
use crate::options::Yes;
use crate::permissions;
use crate::print::{Column, further, plain, print_done, print_list, print_one, usual};
use crate::words::{shown, text};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 8] = [
    usual("name", |row| plain(row, "name")),
    usual("display-name", |row| plain(row, "display_name")),
    usual("built-in", |row| plain(row, "built_in")),
    usual("assignable", |row| plain(row, "assignable")),
    further("site", |row| permissions::write_all(row, "site_permissions").join(" ")),
    further("organization", |row| permissions::write_all(row, "organization_permissions").join(" ")),
    further("own", |row| permissions::write_all(row, "user_permissions").join(" ")),
    further("own-in-organization", |row| permissions::write_all(row, "organization_member_permissions").join(" ")),
];

/// Roles of the site, which are built in, and of organizations, which can be made.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the roles of the site, or of an organization
    #[command(visible_alias = "ls")]
    List {
        /// Those of this organization, by name or id
        #[arg(long)]
        org: Option<String>,
    },
    /// Show a role with all that it grants
    Show {
        /// Name
        role: String,
        /// The organization whose role it is, by name or id
        #[arg(long)]
        org: Option<String>,
    },
    /// Make a custom role of an organization
    #[command(after_help = "Examples:\n  \
                      doorward ctl role create deployer --org acme --permission template:read --permission workspace:create\n  \
                      doorward ctl role create reader --org acme --permission template:read --own workspace:read")]
    Create(Definition),
    /// Change a custom role: what is given takes the place of what is there
    #[command(
        after_help = "Example:\n  doorward ctl role edit deployer --org acme --permission template:read --permission template:use"
    )]
    Edit(Definition),
    /// Delete a custom role, and take it from all who have it
    #[command(visible_alias = "rm")]
    Delete {
        /// Name
        role: String,
        /// The organization whose role it is, by name or id
        #[arg(long, default_value = "default")]
        org: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// A custom role.
#[derive(Args, Debug)]
pub struct Definition {
    /// Name
    role: String,
    /// The organization whose role it is, by name or id
    #[arg(long, default_value = "default")]
    org: String,
    /// What people see
    #[arg(long)]
    display_name: Option<String>,
    /// What it grants in the organization, as `resource:action`; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Option<Vec<String>>,
    /// What it grants on what a member owns in the organization; may be repeated
    #[arg(long = "own", value_name = "PERMISSION")]
    own: Option<Vec<String>>,
}

impl Definition {
    /// The body of the API: what is not given is that of `before`.
    fn body(&self, before: Option<&Value>) -> anyhow::Result<Value> {
        let parsed = |given: &Option<Vec<String>>, member: &str| match given {
            Some(given) => given.iter().map(|written| permissions::parse(written)).collect::<anyhow::Result<_>>(),
            None => Ok(before.map(|role| crate::words::rows(role, member)).unwrap_or_default()),
        };
        let display_name = self.display_name.clone();
        let display_name =
            display_name.or_else(|| before.map(|role| text(role, "display_name").to_owned())).unwrap_or_default();
        Ok(json!({
            "name": self.role,
            "display_name": display_name,
            "organization_permissions": parsed(&self.permissions, "organization_permissions")?,
            "organization_member_permissions": parsed(&self.own, "organization_member_permissions")?,
        }))
    }
}

/// The roles of the site or of an organization.
fn list(desk: &Desk, org: Option<&str>) -> anyhow::Result<Vec<Value>> {
    match org {
        Some(org) => desk.list(&["organizations", org, "members", "roles"], &[]),
        None => desk.list(&["users", "roles"], &[]),
    }
}

fn find(desk: &Desk, org: Option<&str>, name: &str) -> anyhow::Result<Value> {
    let found = list(desk, org)?.into_iter().find(|role| text(role, "name") == name);
    found.ok_or_else(|| unknown(org, name))
}

/// Refuses names that no role has, before anything is done.
pub(crate) fn must_be(desk: &Desk, org: Option<&str>, names: &[String]) -> anyhow::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let known = list(desk, org)?;
    let missing = names.iter().find(|name| !known.iter().any(|role| text(role, "name") == **name));
    missing.map_or(Ok(()), |name| Err(unknown(org, name)))
}

fn unknown(org: Option<&str>, name: &str) -> anyhow::Error {
    let place = org.map_or_else(|| "the site".to_owned(), |org| format!("the organization {}", shown(org)));
    anyhow!("there is no role `{}` of {place}", shown(name))
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List { org } => print_list(output, &COLUMNS, &list(desk, org.as_deref())?),
            Self::Show { role, org } => print_one(output, &COLUMNS, &find(desk, org.as_deref(), &role)?),
            Self::Create(definition) => {
                let parts = ["organizations", &definition.org, "members", "roles"];
                let made = desk.post(&parts, &definition.body(None)?)?;
                print_done(output, &format!("Created the role {} of {}.", definition.role, definition.org), &made)
            }
            Self::Edit(definition) => {
                if definition.display_name.is_none() && definition.permissions.is_none() && definition.own.is_none() {
                    return Err(usage("nothing is to change: say --display-name, --permission or --own"));
                }
                let before = find(desk, Some(&definition.org), &definition.role)?;
                let parts = ["organizations", &definition.org, "members", "roles"];
                let changed = desk.put(&parts, &definition.body(Some(&before))?)?;
                print_done(output, &format!("Changed the role {} of {}.", definition.role, definition.org), &changed)
            }
            Self::Delete { role, org, yes } => {
                let question =
                    format!("Delete the role {} of {}, and take it from all who have it?", shown(&role), shown(&org));
                if !confirm(&question, yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                desk.delete(&["organizations", &org, "members", "roles", &role])?;
                print_done(output, &format!("Deleted the role {role} of {org}."), &json!({}))
            }
        }
    }
}
