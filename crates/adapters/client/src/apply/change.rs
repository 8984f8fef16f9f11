//! A difference between a file and a server, and how it is told.

use crate::apply::state::{App, Fields, GroupSync, Mapping, MemberSync, Role, RoleSync};
use crate::words::shown;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is to be done, in one request or a few of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    MakeOrganization { name: String, fields: Fields },
    EditOrganization { name: String, edits: Vec<Edit> },
    MakeRole { organization: String, name: String, role: Role },
    EditRole { organization: String, name: String, from: Role, to: Role },
    MakeGroup { organization: String, name: String, fields: Fields },
    EditGroup { organization: String, name: String, edits: Vec<Edit> },
    AddMember { organization: String, user: String },
    SetRoles { organization: String, user: String, from: BTreeSet<String>, to: BTreeSet<String> },
    MoveMembers { organization: String, group: String, add: BTreeSet<String>, remove: BTreeSet<String> },
    SetGroupSync { organization: String, from: GroupSync, to: GroupSync },
    SetRoleSync { organization: String, from: RoleSync, to: RoleSync },
    SetMemberSync { from: MemberSync, to: MemberSync },
    MakeApp { name: String, fields: Fields },
    EditApp { name: String, app: App, edits: Vec<Edit> },
    RemoveMember { organization: String, user: String },
    DeleteGroup { organization: String, name: String },
    DeleteRole { organization: String, name: String },
    DeleteApp { name: String },
}

/// A value that becomes another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    pub(crate) field: String,
    pub(crate) from: Value,
    pub(crate) to: Value,
}

impl Change {
    /// Whether something is made, changed or taken away: `+`, `~` and `-`.
    pub(crate) fn sign(&self) -> char {
        match self {
            Self::MakeOrganization { .. }
            | Self::MakeRole { .. }
            | Self::MakeGroup { .. }
            | Self::AddMember { .. }
            | Self::MakeApp { .. } => '+',
            Self::MoveMembers { add, remove, .. } => match (add.is_empty(), remove.is_empty()) {
                (false, true) => '+',
                (true, false) => '-',
                _ => '~',
            },
            Self::EditOrganization { .. }
            | Self::EditRole { .. }
            | Self::EditGroup { .. }
            | Self::SetRoles { .. }
            | Self::SetGroupSync { .. }
            | Self::SetRoleSync { .. }
            | Self::SetMemberSync { .. }
            | Self::EditApp { .. } => '~',
            Self::RemoveMember { .. } | Self::DeleteGroup { .. } | Self::DeleteRole { .. } | Self::DeleteApp { .. } => {
                '-'
            }
        }
    }

    /// Whether only somebody in person may do it, and no app in their name.
    pub(crate) const fn is_in_person(&self) -> bool {
        matches!(
            self,
            Self::MakeRole { .. }
                | Self::EditRole { .. }
                | Self::DeleteRole { .. }
                | Self::SetRoles { .. }
                | Self::MakeApp { .. }
                | Self::EditApp { .. }
                | Self::DeleteApp { .. }
        )
    }

    /// In words, on one line.
    pub(crate) fn words(&self) -> String {
        let words = match self {
            Self::MakeOrganization { name, fields } => format!("make the organization {name}{}", with(fields)),
            Self::EditOrganization { name, edits } => format!("change the organization {name}: {}", edited(edits)),
            Self::MakeRole { organization, name, role } => {
                format!("make the role {name} of {organization}, which grants {}", granted(role))
            }
            Self::EditRole { organization, name, from, to } => {
                format!("change the role {name} of {organization}: {}", role_edits(from, to))
            }
            Self::MakeGroup { organization, name, fields } => {
                format!("make the group {name} of {organization}{}", with(fields))
            }
            Self::EditGroup { organization, name, edits } => {
                format!("change the group {name} of {organization}: {}", edited(edits))
            }
            Self::AddMember { organization, user } => format!("make {user} a member of {organization}"),
            Self::SetRoles { organization, user, from, to } => {
                format!("{user} {} in {organization}", moved(from, to, "gets the roles", "loses the roles"))
            }
            Self::MoveMembers { organization, group, add, remove } => {
                let mut said = Vec::new();
                if !add.is_empty() {
                    said.push(format!("add {}", some(add)));
                }
                if !remove.is_empty() {
                    said.push(format!("remove {}", some(remove)));
                }
                format!("members of the group {group} of {organization}: {}", said.join("; "))
            }
            Self::SetGroupSync { organization, from, to } => {
                let edits = [
                    value("field", &from.field, &to.field),
                    value("regex_filter", &from.regex_filter, &to.regex_filter),
                    value(
                        "auto_create_missing_groups",
                        &from.auto_create_missing_groups,
                        &to.auto_create_missing_groups,
                    ),
                ];
                format!(
                    "groups of {organization} follow identity providers: {}",
                    synced(edits, &from.mapping, &to.mapping)
                )
            }
            Self::SetRoleSync { organization, from, to } => {
                let edits = [value("field", &from.field, &to.field)];
                format!(
                    "roles in {organization} follow identity providers: {}",
                    synced(edits, &from.mapping, &to.mapping)
                )
            }
            Self::SetMemberSync { from, to } => {
                let edits = [
                    value("field", &from.field, &to.field),
                    value("assign_default", &from.assign_default, &to.assign_default),
                ];
                format!(
                    "members of organizations follow identity providers: {}",
                    synced(edits, &from.mapping, &to.mapping)
                )
            }
            Self::MakeApp { name, fields } => format!("register the app {name}{}", with(fields)),
            Self::EditApp { name, edits, .. } => format!("change the app {name}: {}", edited(edits)),
            Self::RemoveMember { organization, user } => {
                format!("take {user} out of {organization}, its groups and its access lists")
            }
            Self::DeleteGroup { organization, name } => format!("delete the group {name} of {organization}"),
            Self::DeleteRole { organization, name } => {
                format!("delete the role {name} of {organization}, also for all who have it")
            }
            Self::DeleteApp { name } => format!("delete the app {name}, with all that it was allowed"),
        };
        shown(&words).into_owned()
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let action = match self.sign() {
            '+' => "add",
            '-' => "remove",
            _ => "change",
        };
        json!({ "action": action, "words": self.words() })
    }
}

/// How many names are told, before it is said how many more there are.
const SOME: usize = 20;

fn some(names: &BTreeSet<String>) -> String {
    let told: Vec<&str> = names.iter().take(SOME).map(String::as_str).collect();
    let more = names.len().saturating_sub(SOME);
    if more == 0 { told.join(", ") } else { format!("{} and {more} more", told.join(", ")) }
}

fn with(fields: &Fields) -> String {
    let told: Vec<String> =
        fields.iter().map(|(field, value)| format!("{} {}", plainly(field), written(value))).collect();
    if told.is_empty() { String::new() } else { format!(", with {}", told.join(", ")) }
}

fn edited(edits: &[Edit]) -> String {
    let told =
        edits.iter().map(|edit| format!("{} {} -> {}", plainly(&edit.field), written(&edit.from), written(&edit.to)));
    told.collect::<Vec<_>>().join("; ")
}

/// The name of a field as people write it.
fn plainly(field: &str) -> String {
    field.replace('_', " ")
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(list) if list.is_empty() => "nothing".to_owned(),
        Value::Array(list) => {
            let texts: Vec<String> =
                list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
            texts.join(" ")
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => value.to_string(),
    }
}

/// What a role grants.
fn granted(role: &Role) -> String {
    let own = role.own.iter().map(|permission| format!("{permission} on what is one's own"));
    let all: BTreeSet<String> = role.permissions.iter().cloned().chain(own).collect();
    if all.is_empty() { "nothing".to_owned() } else { some(&all) }
}

fn role_edits(from: &Role, to: &Role) -> String {
    let mut said = Vec::new();
    if from.display_name != to.display_name {
        said.push(format!("display name {:?} -> {:?}", from.display_name, to.display_name));
    }
    if from.permissions != to.permissions {
        said.push(moved(&from.permissions, &to.permissions, "gains", "loses"));
    }
    if from.own != to.own {
        said.push(format!("on what is one's own {}", moved(&from.own, &to.own, "gains", "loses")));
    }
    said.join("; ")
}

/// What comes and what goes.
fn moved(from: &BTreeSet<String>, to: &BTreeSet<String>, gains: &str, loses: &str) -> String {
    let mut said = Vec::new();
    let (gained, lost) = (to - from, from - to);
    if !gained.is_empty() {
        said.push(format!("{gains} {}", some(&gained)));
    }
    if !lost.is_empty() {
        said.push(format!("{loses} {}", some(&lost)));
    }
    said.join(", ")
}

/// A value that becomes another, if it does.
fn value<T: PartialEq + std::fmt::Debug>(field: &str, from: &T, to: &T) -> Option<String> {
    (from != to).then(|| format!("{} {from:?} -> {to:?}", plainly(field)))
}

fn synced<const N: usize>(edits: [Option<String>; N], from: &Mapping, to: &Mapping) -> String {
    let values: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let mapped = values.into_iter().filter_map(|value| match (from.get(value), to.get(value)) {
        (before, after) if before == after => None,
        (_, None) => Some(format!("the value {value} is mapped no more")),
        // That is not the same as none: a value that is not mapped may be a name itself.
        (_, Some(after)) if after.is_empty() => Some(format!("the value {value} gives nothing")),
        (before, Some(after)) => {
            let before = before.cloned().unwrap_or_default();
            Some(format!("the value {value} {}", moved(&before, after, "gives", "no longer gives")))
        }
    });
    edits.into_iter().flatten().chain(mapped).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn differences_are_told_in_words() {
        let role = |permissions: &[&str]| Role { permissions: set(permissions), ..Role::default() };
        let edit = |field: &str, from: Value, to: Value| Edit { field: field.to_owned(), from, to };
        let (organization, name) = ("acme".to_owned(), "eng".to_owned());
        let mapping = |names: &[&str]| Mapping::from([("engineers".to_owned(), set(names))]);
        for (change, sign, words) in [
            (
                Change::MakeGroup {
                    organization: organization.clone(),
                    name: name.clone(),
                    fields: Fields::from([("quota_allowance".to_owned(), json!(4))]),
                },
                '+',
                "make the group eng of acme, with quota allowance 4",
            ),
            (
                Change::EditGroup {
                    organization: organization.clone(),
                    name: name.clone(),
                    edits: vec![edit("display_name", json!(""), json!("Eng\u{202e}"))],
                },
                '~',
                "change the group eng of acme: display name \"\" -> \"Eng\\u{202e}\"",
            ),
            (
                Change::EditRole {
                    organization: organization.clone(),
                    name: name.clone(),
                    from: role(&["a:read", "b:read"]),
                    to: role(&["b:read", "c:read"]),
                },
                '~',
                "change the role eng of acme: gains c:read, loses a:read",
            ),
            (
                Change::MoveMembers {
                    organization: organization.clone(),
                    group: name.clone(),
                    add: set(&["ann"]),
                    remove: set(&["bob", "carol"]),
                },
                '~',
                "members of the group eng of acme: add ann; remove bob, carol",
            ),
            (
                Change::SetGroupSync {
                    organization: organization.clone(),
                    from: GroupSync::default(),
                    to: GroupSync { field: "groups".to_owned(), mapping: mapping(&["eng"]), ..GroupSync::default() },
                },
                '~',
                "groups of acme follow identity providers: field \"\" -> \"groups\"; the value engineers gives eng",
            ),
            (
                Change::SetRoles { organization, user: "ann".to_owned(), from: set(&["x"]), to: set(&[]) },
                '~',
                "ann loses the roles x in acme",
            ),
        ] {
            assert_eq!((change.sign(), change.words().as_str()), (sign, words));
        }
    }

    #[test]
    fn many_names_are_cut_short() {
        let many: BTreeSet<String> = (0..100).map(|n| format!("u{n:03}")).collect();
        assert!(some(&many).ends_with("u019 and 80 more"));
    }
}
