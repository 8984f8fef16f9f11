//! `doorward can`: may somebody do something, and why.

use crate::desk::{Desk, Surroundings};
use crate::failure::{status_of, usage};
use crate::options::{At, Format, Output};
use crate::print::{print, print_json};
use crate::words::{rows, shown, text, texts};
use anyhow::bail;
use clap::Args;
use doorward_domain::roles::{Action, ResourceType};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

/// The word under which the one question is asked.
const KEY: &str = "question";

/// `doorward can`.
#[derive(Args, Debug)]
pub struct Can {
    /// Who: `me`, or the name or id of a user
    user: String,
    /// What, such as read, update, delete, use, create
    action: String,
    /// With what: TYPE, TYPE/NAME or TYPE/ORG/NAME
    object: String,
    /// The organization in which something is, where no single thing is named
    #[arg(long)]
    org: Option<String>,
    /// Whose it is, by name or id, where no single thing is named
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Say why
    #[arg(long)]
    why: bool,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

impl Can {
    /// Allowed is 0, denied 1; that there is no answer is told by the caller.
    pub(crate) fn run(self, around: &Surroundings) -> anyhow::Result<ExitCode> {
        let desk = Desk::open(&self.at, &self.output, around)?;
        let object = self.object(&desk)?;
        let answer = self.answer(&desk, &object)?;
        let Some(allowed) = answer.get("allowed").and_then(Value::as_bool) else {
            bail!("the server gives no answer");
        };
        match self.output.format {
            Format::Json => print_json(&answer)?,
            Format::Table => print(&self.told(allowed, &answer))?,
        };
        Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Asks about oneself by what every server has, and about others by what is for those who may know.
    fn answer(&self, desk: &Desk, object: &Value) -> anyhow::Result<Value> {
        let own = self.user == "me" || {
            let me = desk.one(&["users", "me"], &[])?;
            [text(&me, "id"), text(&me, "username")].contains(&self.user.as_str())
        };
        if own {
            let body = json!({ "checks": { KEY: { "action": self.action, "object": object } } });
            let parts = ["authcheck"];
            let answers = desk.ask(crate::http::Method::Post, &parts, &[("explain", "true")], Some(&body))?;
            return Ok(answers.get(KEY).cloned().unwrap_or_default());
        }
        let subject = json!({ "user": desk.user_id(&self.user)? });
        let body = json!({ "subject": subject, "action": self.action, "object": object });
        match desk.post(&["authcheck", "explain"], &body) {
            Err(error) if [Some(404), Some(405)].contains(&status_of(&error)) => {
                bail!("{} does not say what others may do; ask about yourself, as `me`", desk.place)
            }
            answer => answer,
        }
    }

    /// What is asked about, as the API names it.
    fn object(&self, desk: &Desk) -> anyhow::Result<Value> {
        let mut parts = self.object.splitn(3, '/');
        let kind = parts.next().unwrap_or_default();
        let names: Vec<&str> = parts.collect();
        let mut object = Map::new();
        object.insert("resource_type".to_owned(), kind.into());
        if kind.is_empty() || names.contains(&"") {
            return Err(usage("what is asked about is written TYPE, TYPE/NAME or TYPE/ORG/NAME, such as template/dev"));
        }
        // A server has an answer to what is mistyped too, and to an owner it is yes.
        if ResourceType::parse(kind).is_none() {
            return Err(usage(format!("`{}` is no type of things, such as template or organization", shown(kind))));
        }
        if Action::parse(&self.action).is_none() {
            return Err(usage(format!("`{}` is no action, such as read, update or use", shown(&self.action))));
        }
        if !names.is_empty() && (self.org.is_some() || self.owner.is_some()) {
            return Err(usage("--org and --owner are for questions about a type, not about a single thing"));
        }
        if let Some(org) = &self.org {
            let org = desk.one(&["organizations", org], &[])?;
            object.insert("organization_id".to_owned(), text(&org, "id").into());
        }
        if let Some(owner) = &self.owner {
            object.insert("owner_id".to_owned(), desk.user_id(owner)?.into());
        }
        if names.is_empty() {
            return Ok(object.into());
        }
        if let [id] = names.as_slice()
            && uuid::Uuid::try_parse(id).is_ok()
            && kind != "organization"
        {
            object.insert("resource_id".to_owned(), (*id).into());
            return Ok(object.into());
        }
        let found = match (kind, names.as_slice()) {
            ("user", [name]) => desk.one(&["users", name], &[])?,
            ("template", [name]) => desk.one(&["organizations", "default", "templates", name], &[])?,
            ("template", [org, name]) => desk.one(&["organizations", org, "templates", name], &[])?,
            ("group", [name]) => {
                desk.one(&["organizations", "default", "groups", name], &[("exclude_members", "true")])?
            }
            ("group", [org, name]) => {
                desk.one(&["organizations", org, "groups", name], &[("exclude_members", "true")])?
            }
            ("workspace", [name]) => desk.one(&["users", &self.user, "workspace", name], &[])?,
            ("workspace", [owner, name]) => desk.one(&["users", owner, "workspace", name], &[])?,
            ("organization", [name]) => {
                let found = desk.one(&["organizations", name], &[])?;
                object.insert("organization_id".to_owned(), text(&found, "id").into());
                return Ok(object.into());
            }
            _ => {
                return Err(usage(format!(
                    "a single thing is a user, group, template, workspace or organization; about `{}` ask without a name, perhaps with --org \
                     or --owner",
                    shown(kind)
                )));
            }
        };
        object.insert("resource_id".to_owned(), text(&found, "id").into());
        Ok(object.into())
    }

    fn told(&self, allowed: bool, answer: &Value) -> String {
        let who = if self.user == "me" { "You" } else { self.user.as_str() };
        let not = if allowed { "" } else { " not" };
        let mut out = format!("{} may{not} {} {}.\n", shown(who), shown(&self.action), shown(&self.object));
        if !self.why {
            return out;
        }
        let because = answer.get("because").unwrap_or(&Value::Null);
        // Writing to a text cannot fail.
        let _ = writeln!(out, "Because {}{}.", shown(text(because, "text")), by(because));
        let scopes = texts(because, "scopes");
        if !scopes.is_empty() {
            let _ = writeln!(out, "The token has these scopes only: {}.", shown(&scopes.join(", ")));
        }
        let further = because.get("also").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for also in further {
            let _ = writeln!(out, "Without that: {}{}.", shown(level(text(also, "level"))), by(also));
        }
        for step in rows(answer, "chain") {
            let heard =
                if step.get("heard").and_then(Value::as_bool).unwrap_or(true) { "" } else { ", which does not count" };
            let says = match text(&step, "says") {
                "allow" => "allows it",
                "deny" => "denies it",
                _ => continue,
            };
            let _ = writeln!(out, "{} {says}{}{heard}.", shown(&capital(level(text(&step, "level")))), by(&step));
        }
        let change = answer.get("change").unwrap_or(&Value::Null);
        for first in rows(change, "first") {
            let _ = writeln!(out, "In any case it takes this: {}.", shown(&change_words(&first)));
        }
        let ways = rows(change, "ways");
        let together = text(change, "needs") == "all" && ways.len() > 1;
        for way in &ways {
            let whether = if together { "Together with the others" } else { "By itself" };
            let _ = writeln!(out, "{whether} this would change it: {}.", shown(&change_words(way)));
        }
        out
    }
}

/// Where rules stand, in words.
fn level(level: &str) -> &str {
    match level {
        "site" => "a role of the site",
        "organization" => "a role in the organization",
        "user" => "what one may do with one's own",
        "access_list" => "an access list",
        "scope" => "what the token is for",
        other => other,
    }
}

/// What would change an answer, in words.
fn change_words(change: &Value) -> String {
    let (role, organization) = (text(change, "role"), text(change, "organization_id"));
    let (group, scope) = (text(change, "group_id"), text(change, "scope"));
    let what = match text(change, "kind") {
        "activate" => "activate the account".to_owned(),
        "suspend" => "suspend the account".to_owned(),
        "add_scope" => format!("the scope {scope}"),
        "give_site_role" => format!("give the role {role} of the site"),
        "take_site_role" => format!("take the role {role} of the site"),
        "add_member" => format!("make the user a member of the organization {organization}"),
        "remove_member" => format!("take the user out of the organization {organization}"),
        "give_organization_role" => format!("give the role {role} in the organization {organization}"),
        "take_organization_role" => format!("take the role {role} in the organization {organization}"),
        "take_default_role" => format!("take the role {role} from all members of the organization {organization}"),
        "add_to_group" => format!("add the user to the group {group}"),
        "remove_from_group" => format!("remove the user from the group {group}"),
        "add_to_access_list" => "an entry of the user on the access list".to_owned(),
        "remove_from_access_list" if group.is_empty() => "remove the entry of the user from the access list".to_owned(),
        "remove_from_access_list" => format!("remove the entry of the group {group} from the access list"),
        "remove_everyone_from_access_list" => "remove the entry of all members from the access list".to_owned(),
        other => other.replace('_', " "),
    };
    if change.get("member_first").and_then(Value::as_bool).unwrap_or_default() {
        return format!("make the user a member of the organization {organization}, and then: {what}");
    }
    what
}

/// As at the beginning of a sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The roles and entries that decided.
fn by(because: &Value) -> String {
    let roles = because.get("roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let role = |role: &Value| match text(role, "organization_id") {
        "" => text(role, "name").to_owned(),
        organization => format!("{} of the organization {organization}", text(role, "name")),
    };
    let mut named: Vec<String> = roles.iter().map(|found| format!("role {}", role(found))).collect();
    let entry = |entry: &Value| format!("the entry of the {} {}", text(entry, "kind"), text(entry, "id"));
    named.extend(because.get("access_list").filter(|entry| entry.is_object()).map(entry));
    let entries = because.get("access_lists").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    named.extend(entries.iter().map(entry));
    if named.is_empty() { String::new() } else { format!(" ({})", shown(&named.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_told_in_words() {
        let can = Can {
            user: "bob".to_owned(),
            action: "use".to_owned(),
            object: "template/dev".to_owned(),
            org: None,
            owner: None,
            why: true,
            at: At::default(),
            output: Output::default(),
        };
        let answer = json!({
            "allowed": false,
            "because": {"code": "nothing_allows", "text": "no permission allows it"},
            "chain": [
                {"level": "scope", "says": "allow", "heard": true},
                {"level": "site", "says": "silent", "heard": true},
                {"level": "organization", "says": "deny", "heard": false, "roles": [{"name": "x"}]},
            ],
            "change": {"needs": "any", "first": [{"kind": "activate"}], "ways": [
                {"kind": "add_to_group", "group_id": "g"}, {"kind": "give_site_role", "role": "template-admin"},
                {"kind": "add_to_group", "group_id": "g", "organization_id": "o", "member_first": true},
            ]},
        });
        let told = can.told(false, &answer);
        assert_eq!(
            told,
            "bob may not use template/dev.\nBecause no permission allows it.\nWhat the token is for allows it.\n\
             A role in the organization denies it (role x), which does not count.\n\
             In any case it takes this: activate the account.\n\
             By itself this would change it: add the user to the group g.\n\
             By itself this would change it: give the role template-admin of the site.\n\
             By itself this would change it: make the user a member of the organization o, and then: add the user to the \
             group g.\n"
        );
    }

    #[test]
    fn nothing_of_an_answer_moves_the_cursor() {
        let can = Can {
            user: "me".to_owned(),
            action: "use".to_owned(),
            object: "template".to_owned(),
            org: None,
            owner: None,
            why: true,
            at: At::default(),
            output: Output::default(),
        };
        let evil = "x\u{9b}2J\u{1b}";
        let role = json!([{"name": evil, "organization_id": evil}]);
        let answer = json!({
            "because": {"text": evil, "roles": role, "scopes": [evil], "also": [{"level": evil, "roles": role}]},
            "chain": [{"level": evil, "says": "allow", "roles": role}],
            "change": {"needs": evil, "first": [{"kind": evil}], "ways": [{"kind": evil}, {"kind": "add_scope", "scope": evil}]},
        });
        let told = can.told(true, &answer);
        assert!(!told.contains(['\u{9b}', '\u{1b}']) && told.lines().count() == 8, "{told:?}");
    }

    #[test]
    fn who_decided_is_named() {
        let because = json!({"roles": [{"name": "owner"}, {"name": "deployer", "organization_id": "o"}],
            "access_list": {"kind": "group", "id": "g", "action": "use"}});
        assert_eq!(by(&because), " (role owner, role deployer of the organization o, the entry of the group g)");
        assert_eq!(by(&Value::Null), "");
    }
}
