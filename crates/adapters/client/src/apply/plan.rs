//! Which changes make a server as a file says: pure, and in an order in which each can be done.

use crate::apply::change::{Change, Edit};
use crate::apply::file::{self, Wanted};
use crate::apply::state::{App, Fields, Group, GroupSync, Mapping, MemberSync, Organization, Role, RoleSync, State};
use crate::words::shown;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What there is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    /// What is there, is not in the file, and stays.
    pub(crate) left: Vec<String>,
}

/// Members of an app that cannot be changed once it is made.
const FIXED: [&str; 1] = ["public"];

/// Finds the changes; or names all that cannot be.
///
/// With `prune`, what is not in a list of the file is taken away. Organizations never are, nor what an identity provider or an app
/// itself has made.
pub(crate) fn plan(wanted: &Wanted, actual: &State, prune: bool) -> Result<Plan, Vec<String>> {
    let mut steps = Steps { me: actual.me.clone(), ..Steps::default() };
    for organization in &wanted.organizations {
        steps.organization(organization, actual, prune);
    }
    steps.member_sync(wanted, actual);
    steps.apps(wanted, actual, prune);
    if !steps.defects.is_empty() {
        return Err(steps.defects);
    }
    // First what others need, last what others needed.
    let stages = [
        steps.organizations,
        steps.roles,
        steps.groups,
        steps.members,
        steps.moves,
        steps.syncs,
        steps.apps,
        steps.leavers,
        steps.removals,
    ];
    Ok(Plan { changes: stages.into_iter().flatten().collect(), left: steps.left })
}

#[derive(Default)]
struct Steps {
    /// Whoever applies the file, who can change neither their own roles in an organization nor leave it.
    me: String,
    organizations: Vec<Change>,
    roles: Vec<Change>,
    groups: Vec<Change>,
    members: Vec<Change>,
    moves: Vec<Change>,
    syncs: Vec<Change>,
    apps: Vec<Change>,
    leavers: Vec<Change>,
    removals: Vec<Change>,
    left: Vec<String>,
    defects: Vec<String>,
}

impl Steps {
    fn organization(&mut self, wanted: &file::Organization, state: &State, prune: bool) {
        let name = &wanted.name;
        let actual = state.organizations.get(name);
        let fields = organization_fields(wanted);
        match actual {
            None => self.organizations.push(Change::MakeOrganization { name: name.clone(), fields }),
            Some(actual) => {
                let edits = edits(&fields, &actual.fields);
                if !edits.is_empty() {
                    self.organizations.push(Change::EditOrganization { name: name.clone(), edits });
                }
            }
        }
        let new = Organization { members: state.first_members(), ..Organization::default() };
        let actual = actual.unwrap_or(&new);
        self.roles(wanted, actual, prune);
        self.members(wanted, actual, prune);
        self.groups(wanted, actual, prune);
        self.group_sync(wanted, actual, prune);
        self.role_sync(wanted, actual, prune);
    }

    fn roles(&mut self, wanted: &file::Organization, actual: &Organization, prune: bool) {
        let Some(roles) = &wanted.roles else { return };
        let organization = &wanted.name;
        for role in roles {
            let before = actual.roles.get(&role.name);
            // What is absent stays, and is nothing in a new one.
            let stays = before.cloned().unwrap_or_default();
            let to = Role {
                display_name: role.display_name.clone().unwrap_or(stays.display_name),
                permissions: role.permissions.clone().unwrap_or(stays.permissions),
                own: role.own.clone().unwrap_or(stays.own),
            };
            let (organization, name) = (organization.clone(), role.name.clone());
            match before {
                None => self.roles.push(Change::MakeRole { organization, name, role: to }),
                Some(from) if *from != to => {
                    self.roles.push(Change::EditRole { organization, name, from: from.clone(), to });
                }
                Some(_) => {}
            }
        }
        for name in unlisted_roles(wanted, actual) {
            if prune {
                self.removals.push(Change::DeleteRole { organization: organization.clone(), name: name.clone() });
            } else {
                self.left.push(format!("the role {} of {}", shown(name), shown(organization)));
            }
        }
    }

    fn members(&mut self, wanted: &file::Organization, actual: &Organization, prune: bool) {
        let Some(members) = &wanted.members else { return };
        let organization = &wanted.name;
        let going: BTreeSet<&String> = if prune { unlisted_roles(wanted, actual).collect() } else { BTreeSet::new() };
        for (user, roles) in members {
            for role in roles.iter().filter(|role| going.contains(role)) {
                self.defects.push(format!(
                    "{} is to have the role {} in {}, which is not among its roles and would be deleted",
                    shown(user),
                    shown(role),
                    shown(organization)
                ));
            }
            let from = actual.members.get(user);
            if from.is_none() {
                self.members.push(Change::AddMember { organization: organization.clone(), user: user.clone() });
            }
            let mut from = from.cloned().unwrap_or_default();
            if *user == self.me {
                // Those that are deleted go without that.
                from.retain(|role| !going.contains(role));
            }
            if from != *roles && *user == self.me {
                self.defects.push(format!(
                    "{} applies the file, and nobody changes their own roles: in {} they are {}. Let somebody else apply it, or leave {0} out of its members",
                    shown(user),
                    shown(organization),
                    if from.is_empty() { "none".into() } else { shown(&joined(&from)).into_owned() }
                ));
            } else if from != *roles {
                let (organization, user) = (organization.clone(), user.clone());
                self.members.push(Change::SetRoles { organization, user, from, to: roles.clone() });
            }
        }
        for user in actual.members.keys().filter(|user| !members.contains_key(*user)) {
            if *user == self.me {
                self.left.push(format!("the member {} of {}, who applies the file", shown(user), shown(organization)));
            } else if prune {
                self.leavers.push(Change::RemoveMember { organization: organization.clone(), user: user.clone() });
            } else {
                self.left.push(format!("the member {} of {}", shown(user), shown(organization)));
            }
        }
    }

    fn groups(&mut self, wanted: &file::Organization, actual: &Organization, prune: bool) {
        let Some(groups) = &wanted.groups else { return };
        let organization = &wanted.name;
        for group in groups {
            let fields = group_fields(group);
            let before = actual.groups.get(&group.name);
            match before {
                None => {
                    let (organization, name) = (organization.clone(), group.name.clone());
                    self.groups.push(Change::MakeGroup { organization, name, fields });
                }
                Some(before) => {
                    let edits = edits(&fields, &before.fields);
                    if !edits.is_empty() {
                        let (organization, name) = (organization.clone(), group.name.clone());
                        self.groups.push(Change::EditGroup { organization, name, edits });
                    }
                }
            }
            self.group_members(wanted, actual, group, before, prune);
        }
        for (name, group) in &actual.groups {
            if groups.iter().any(|wanted| wanted.name == *name) || group.everyone || group.of_provider {
                continue;
            }
            if prune {
                self.removals.push(Change::DeleteGroup { organization: organization.clone(), name: name.clone() });
            } else {
                self.left.push(format!("the group {} of {}", shown(name), shown(organization)));
            }
        }
    }

    fn group_members(
        &mut self,
        wanted: &file::Organization,
        actual: &Organization,
        group: &file::Group,
        before: Option<&Group>,
        prune: bool,
    ) {
        let Some(members) = &group.members else { return };
        let (organization, name) = (&wanted.name, &group.name);
        if before.is_some_and(|before| before.everyone) {
            self.defects.push(format!(
                "the group {} of {} is that of all its members",
                shown(name),
                shown(organization)
            ));
            return;
        }
        let belongs = |user: &String| match &wanted.members {
            Some(listed) if listed.contains_key(user) => true,
            Some(_) if prune && *user != self.me => false,
            _ => actual.members.contains_key(user),
        };
        for user in members.iter().filter(|user| !belongs(user)) {
            self.defects.push(format!(
                "{} is to be in the group {}, and no member of {}: list {0} under its members",
                shown(user),
                shown(name),
                shown(organization)
            ));
        }
        let none = BTreeSet::new();
        let there = before.map_or(&none, |before| &before.members);
        let (add, extra) = (members - there, there - members);
        let remove = if prune { extra } else { self.stay(&extra, name, organization) };
        if !add.is_empty() || !remove.is_empty() {
            let (organization, group) = (organization.clone(), name.clone());
            self.moves.push(Change::MoveMembers { organization, group, add, remove });
        }
    }

    /// Notes who stays in a group; nobody is removed.
    fn stay(&mut self, users: &BTreeSet<String>, group: &str, organization: &str) -> BTreeSet<String> {
        let who = |user: &String| format!("{} in the group {} of {}", shown(user), shown(group), shown(organization));
        self.left.extend(users.iter().map(who));
        BTreeSet::new()
    }

    fn group_sync(&mut self, wanted: &file::Organization, actual: &Organization, prune: bool) {
        let Some(sync) = &wanted.sync.groups else { return };
        let from = actual.group_sync.clone().unwrap_or_default();
        let to = GroupSync {
            field: sync.field.clone().unwrap_or_else(|| from.field.clone()),
            mapping: sync.mapping.clone().unwrap_or_else(|| from.mapping.clone()),
            regex_filter: sync.regex_filter.clone().unwrap_or_else(|| from.regex_filter.clone()),
            auto_create_missing_groups: sync.auto_create_missing_groups.unwrap_or(from.auto_create_missing_groups),
        };
        let listed = wanted.groups.as_ref();
        let is_listed = |name: &str| listed.is_some_and(|groups| groups.iter().any(|group| group.name == name));
        let stays = |name: &str| {
            is_listed(name)
                || actual
                    .groups
                    .get(name)
                    .is_some_and(|group| listed.is_none() || !prune || group.everyone || group.of_provider)
        };
        if sync.mapping.is_some() {
            self.mapped(&to.mapping, stays, &format!("the group sync of {}", shown(&wanted.name)), "group");
        }
        if from != to {
            self.syncs.push(Change::SetGroupSync { organization: wanted.name.clone(), from, to });
        }
    }

    fn role_sync(&mut self, wanted: &file::Organization, actual: &Organization, prune: bool) {
        let Some(sync) = &wanted.sync.roles else { return };
        let from = actual.role_sync.clone().unwrap_or_default();
        let to = RoleSync {
            field: sync.field.clone().unwrap_or_else(|| from.field.clone()),
            mapping: sync.mapping.clone().unwrap_or_else(|| from.mapping.clone()),
        };
        let going: BTreeSet<&String> = if prune { unlisted_roles(wanted, actual).collect() } else { BTreeSet::new() };
        if sync.mapping.is_some() {
            // Which built-in roles there are the server knows.
            let stays = |name: &str| !going.iter().any(|role| *role == name);
            self.mapped(&to.mapping, stays, &format!("the role sync of {}", shown(&wanted.name)), "role");
        }
        if from != to {
            self.syncs.push(Change::SetRoleSync { organization: wanted.name.clone(), from, to });
        }
    }

    fn member_sync(&mut self, wanted: &Wanted, actual: &State) {
        let Some(sync) = &wanted.sync.organizations else { return };
        let from = actual.member_sync.clone().unwrap_or_default();
        let to = MemberSync {
            field: sync.field.clone().unwrap_or_else(|| from.field.clone()),
            mapping: sync.mapping.clone().unwrap_or_else(|| from.mapping.clone()),
            assign_default: sync.assign_default.unwrap_or(from.assign_default),
        };
        let stays = |name: &str| {
            actual.organizations.contains_key(name) || wanted.organizations.iter().any(|wanted| wanted.name == name)
        };
        if sync.mapping.is_some() {
            self.mapped(&to.mapping, stays, "the organization sync", "organization");
        }
        if from != to {
            self.syncs.push(Change::SetMemberSync { from, to });
        }
    }

    /// What a mapping names is there afterwards.
    fn mapped(&mut self, mapping: &Mapping, stays: impl Fn(&str) -> bool, whose: &str, what: &str) {
        for (value, names) in mapping {
            for name in names.iter().filter(|name| !stays(name)) {
                self.defects.push(format!(
                    "{whose} gives the {what} {} for {}, which is not there",
                    shown(name),
                    shown(value)
                ));
            }
        }
    }

    fn apps(&mut self, wanted: &Wanted, actual: &State, prune: bool) {
        let Some(apps) = &wanted.apps else { return };
        for app in apps {
            let name = app.name.clone();
            let fields = app_fields(app);
            let Some(before) = actual.apps.get(&name) else {
                self.apps.push(Change::MakeApp { name, fields });
                continue;
            };
            let edits = edits(&fields, &before.fields);
            for edit in edits.iter().filter(|edit| FIXED.contains(&edit.field.as_str())) {
                self.defects.push(format!(
                    "`{}` of the app {} cannot be changed once it is made",
                    edit.field,
                    shown(&name)
                ));
            }
            if !edits.is_empty() {
                self.apps.push(Change::EditApp { name, app: before.clone(), edits });
            }
        }
        for (name, app) in &actual.apps {
            if app.registered_itself || apps.iter().any(|wanted| wanted.name == *name) {
                continue;
            }
            if prune {
                self.removals.push(Change::DeleteApp { name: name.clone() });
            } else {
                self.left.push(format!("the app {}", shown(name)));
            }
        }
    }
}

/// Custom roles that are there, and not in the list of the file, if there is one.
fn unlisted_roles<'a>(wanted: &'a file::Organization, actual: &'a Organization) -> impl Iterator<Item = &'a String> {
    let listed = wanted.roles.as_ref();
    let is_listed = move |name: &String| listed.is_none_or(|roles| roles.iter().any(|role| role.name == *name));
    actual.roles.keys().filter(move |name| !is_listed(name))
}

/// The values that are to become others.
fn edits(wanted: &Fields, actual: &Fields) -> Vec<Edit> {
    let changed = wanted.iter().filter_map(|(field, to)| {
        let from = actual.get(field).cloned().unwrap_or_default();
        (from != *to).then(|| Edit { field: field.clone(), from, to: to.clone() })
    });
    changed.collect()
}

fn present(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Fields {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn organization_fields(wanted: &file::Organization) -> Fields {
    // Without a display name an organization is shown by its name.
    let display_name =
        wanted.display_name.as_ref().map(|shown| if shown.is_empty() { wanted.name.clone() } else { shown.clone() });
    present([
        ("display_name", display_name.map(Value::from)),
        ("description", wanted.description.clone().map(Value::from)),
        ("icon", wanted.icon.clone().map(Value::from)),
        ("default_org_member_roles", wanted.member_roles.as_ref().map(list)),
    ])
}

fn group_fields(wanted: &file::Group) -> Fields {
    present([
        ("display_name", wanted.display_name.clone().map(Value::from)),
        ("avatar_url", wanted.avatar_url.clone().map(Value::from)),
        ("quota_allowance", wanted.quota.map(Value::from)),
    ])
}

fn app_fields(wanted: &file::App) -> Fields {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(wanted) else { return BTreeMap::new() };
    fields.remove("name");
    fields.into_iter().collect()
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn list(names: &BTreeSet<String>) -> Value {
    names.iter().map(|name| Value::from(name.as_str())).collect()
}

/// An app as it is, with what a file may say of it.
pub(crate) fn app_of(found: &Value) -> App {
    let sorted = |name: &str| -> Value {
        let texts: BTreeSet<String> = crate::words::texts(found, name).into_iter().collect();
        list(&texts)
    };
    let flag = |name: &str| Value::from(found.get(name).and_then(Value::as_bool).unwrap_or(false));
    let text = |name: &str| Value::from(crate::words::text(found, name));
    let mut fields = Fields::new();
    for name in ["scopes", "allowed_resources", "resources", "post_logout_redirect_uris"] {
        fields.insert(name.to_owned(), sorted(name));
    }
    for name in ["public", "require_pkce", "device_flow", "trusted", "claims_in_id_token", "end_with_session"] {
        fields.insert(name.to_owned(), flag(name));
    }
    for name in
        ["display_name", "redirect_match", "backchannel_logout_uri", "homepage_uri", "policy_uri", "terms_uri", "icon"]
    {
        fields.insert(name.to_owned(), text(name));
    }
    fields.insert("redirect_uris".to_owned(), crate::words::texts(found, "redirect_uris").into());
    let has_account = found.get("service_account_id").is_some_and(|id| !id.is_null());
    fields.insert("service_account".to_owned(), has_account.into());
    App {
        id: crate::words::text(found, "id").to_owned(),
        fields,
        registered_itself: found.get("dynamically_registered").and_then(Value::as_bool).unwrap_or(false),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
