//! Reading from a server how things are, as far as a file speaks of them.

use crate::apply::file::{self, Wanted};
use crate::apply::plan::app_of;
use crate::apply::state::{Fields, Group, GroupSync, Mapping, MemberSync, Organization, Role, RoleSync, State};
use crate::desk::{Desk, Paged};
use crate::http::STRANGE;
use crate::permissions;
use crate::words::{needed, rows, text, texts};
use anyhow::ensure;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names by their ids.
type Names = BTreeMap<String, String>;

/// Looks.
pub(crate) fn observe(desk: &Desk, wanted: &Wanted) -> anyhow::Result<State> {
    let me = desk.one(&["users", "me"], &[])?;
    let mut state = State { me: needed(&me, "username")?.to_lowercase(), ..State::default() };
    for organization in &desk.list(&["organizations"], &[])? {
        let name = needed(organization, "name")?.to_owned();
        let mut fields = Fields::new();
        for field in ["display_name", "description", "icon"] {
            fields.insert(field.to_owned(), text(organization, field).into());
        }
        let roles: BTreeSet<String> = texts(organization, "default_org_member_roles").into_iter().collect();
        fields.insert("default_org_member_roles".to_owned(), roles.into_iter().collect::<Vec<_>>().into());
        let known = Organization { id: needed(organization, "id")?.to_owned(), fields, ..Organization::default() };
        state.organizations.insert(name, known);
    }
    for wanted in &wanted.organizations {
        if let Some(actual) = state.organizations.get_mut(&wanted.name) {
            look_into(desk, wanted, actual)?;
        }
    }
    if wanted.sync.organizations.is_some() {
        let names = state.organizations.iter().map(|(name, known)| (known.id.clone(), name.clone())).collect();
        let settings = settings(desk, &["settings", "idpsync", "organization"])?;
        state.member_sync = Some(MemberSync {
            field: text(&settings, "field").to_owned(),
            mapping: mapping(&settings, &names),
            assign_default: flag(&settings, "organization_assign_default"),
        });
    }
    if wanted.apps.is_some() {
        for app in &desk.list(&["oauth2-provider", "apps"], &[])? {
            let known = app_of(app);
            let name = text(app, "name").to_owned();
            // One that registered itself may call itself as it likes, and never stands for one of ours.
            if state.apps.get(&name).is_none_or(|other| other.registered_itself) {
                state.apps.insert(name, known);
            } else if !known.registered_itself {
                anyhow::bail!(
                    "several apps are called `{}`: give them names of their own first",
                    crate::words::shown(&name)
                );
            }
        }
        state.apps.retain(|_, app| !app.registered_itself);
    }
    Ok(state)
}

fn look_into(desk: &Desk, wanted: &file::Organization, actual: &mut Organization) -> anyhow::Result<()> {
    let id = actual.id.clone();
    if wanted.roles.is_some() {
        let listed = desk.list(&["organizations", &id, "members", "roles"], &[])?;
        actual.roles = listed.iter().filter(|role| !flag(role, "built_in")).map(role_of).collect();
    }
    let speaks_of_members = wanted.groups.iter().flatten().any(|group| group.members.is_some());
    if wanted.members.is_some() || speaks_of_members {
        let list =
            Paged { parts: &["organizations", &id, "paginated-members"], query: &[], member: "members", by_id: false };
        actual.members = desk.pages(&list, None)?.iter().map(member_of).collect();
    }
    if wanted.groups.is_some() || wanted.sync.groups.is_some() {
        look_at_groups(desk, wanted, actual)?;
    }
    if wanted.sync.groups.is_some() {
        let names = actual.groups.iter().map(|(name, group)| (group.id.clone(), name.clone())).collect();
        let settings = settings(desk, &["organizations", &id, "settings", "idpsync", "groups"])?;
        actual.group_sync = Some(GroupSync {
            field: text(&settings, "field").to_owned(),
            mapping: mapping(&settings, &names),
            regex_filter: text(&settings, "regex_filter").to_owned(),
            auto_create_missing_groups: flag(&settings, "auto_create_missing_groups"),
        });
    }
    if wanted.sync.roles.is_some() {
        let settings = settings(desk, &["organizations", &id, "settings", "idpsync", "roles"])?;
        let mapping = mapping(&settings, &Names::new());
        actual.role_sync = Some(RoleSync { field: text(&settings, "field").to_owned(), mapping });
    }
    Ok(())
}

/// Settings of a sync, which name the claim, or an empty one.
fn settings(desk: &Desk, parts: &[&str]) -> anyhow::Result<Value> {
    let found = desk.get(parts, &[])?;
    ensure!(found.get("field").is_some_and(Value::is_string), "{} {STRANGE}", desk.place);
    Ok(found)
}

fn look_at_groups(desk: &Desk, wanted: &file::Organization, actual: &mut Organization) -> anyhow::Result<()> {
    let list =
        Paged { parts: &["organizations", &actual.id, "paginated-groups"], query: &[], member: "groups", by_id: true };
    for group in desk.pages(&list, None)? {
        let name = text(&group, "name").to_owned();
        let id = text(&group, "id").to_owned();
        let mut fields = Fields::new();
        for field in ["display_name", "avatar_url"] {
            fields.insert(field.to_owned(), text(&group, field).into());
        }
        fields.insert("quota_allowance".to_owned(), group.get("quota_allowance").cloned().unwrap_or_default());
        let everyone = id == actual.id;
        let is_asked_for = wanted.groups.iter().flatten().any(|wanted| wanted.name == name && wanted.members.is_some());
        let mut members = BTreeSet::new();
        if is_asked_for && !everyone {
            let list = Paged { parts: &["groups", &id, "members"], query: &[], member: "users", by_id: true };
            members = desk.pages(&list, None)?.iter().map(|user| text(user, "username").to_lowercase()).collect();
        }
        let of_provider = text(&group, "source") == "oidc";
        actual.groups.insert(name, Group { id, fields, members, everyone, of_provider });
    }
    Ok(())
}

fn role_of(found: &Value) -> (String, Role) {
    let role = Role {
        display_name: text(found, "display_name").to_owned(),
        permissions: permissions::write_all(found, "organization_permissions").into_iter().collect(),
        own: permissions::write_all(found, "organization_member_permissions").into_iter().collect(),
    };
    (text(found, "name").to_owned(), role)
}

fn member_of(found: &Value) -> (String, BTreeSet<String>) {
    let roles = rows(found, "roles").iter().map(|role| text(role, "name").to_owned()).collect();
    (text(found, "username").to_lowercase(), roles)
}

fn flag(value: &Value, member: &str) -> bool {
    value.get(member).and_then(Value::as_bool).unwrap_or(false)
}

/// A mapping of the API with names in the place of ids; what is no id of a known one stays.
fn mapping(settings: &Value, names: &Names) -> Mapping {
    let listed = settings.get("mapping").and_then(Value::as_object);
    let entry = |(given, gets): (&String, &Value)| {
        let gets = gets.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
        (given.clone(), gets.map(|id| names.get(id).cloned().unwrap_or_else(|| id.to_owned())).collect())
    };
    listed.map(|listed| listed.iter().map(entry).collect()).unwrap_or_default()
}
