//! Carrying changes out, one after the other.

use crate::apply::change::{Change, Edit};
use crate::apply::state::{Fields, Mapping, Role, State};
use crate::desk::Desk;
use crate::permissions;
use crate::words::needed;
use anyhow::Context as _;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many members are moved by one request.
const AT_ONCE: usize = 500;

/// Whoever carries changes out. It learns the ids of what it makes.
pub(crate) struct Worker<'a> {
    desk: &'a Desk,
    organizations: BTreeMap<String, String>,
    /// By organization and name.
    groups: BTreeMap<(String, String), String>,
    apps: BTreeMap<String, String>,
    users: BTreeMap<String, String>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(desk: &'a Desk, state: &State) -> Self {
        let organizations = state.organizations.iter().map(|(name, known)| (name.clone(), known.id.clone())).collect();
        let groups = state.organizations.iter().flat_map(|(organization, known)| {
            known.groups.iter().map(|(name, group)| ((organization.clone(), name.clone()), group.id.clone()))
        });
        let apps = state.apps.iter().map(|(name, app)| (name.clone(), app.id.clone())).collect();
        Self { desk, organizations, groups: groups.collect(), apps, users: BTreeMap::new() }
    }

    /// Carries one change out.
    pub(crate) fn carry_out(&mut self, change: &Change) -> anyhow::Result<()> {
        let desk = self.desk;
        match change {
            Change::MakeOrganization { name, fields } => {
                let made = desk.post(&["organizations"], &named(name, fields))?;
                self.organizations.insert(name.clone(), needed(&made, "id")?.to_owned());
            }
            Change::EditOrganization { name, edits } => {
                desk.patch(&["organizations", self.organization(name)?], &edited(edits).into())?;
            }
            Change::MakeRole { organization, name, role } => {
                desk.post(
                    &["organizations", self.organization(organization)?, "members", "roles"],
                    &body(name, role)?,
                )?;
            }
            Change::EditRole { organization, name, to, .. } => {
                desk.put(&["organizations", self.organization(organization)?, "members", "roles"], &body(name, to)?)?;
            }
            Change::DeleteRole { organization, name } => {
                desk.delete(&["organizations", self.organization(organization)?, "members", "roles", name])?;
            }
            Change::MakeGroup { organization, name, fields } => {
                let parts = ["organizations", self.organization(organization)?, "groups"];
                let made = desk.post(&parts, &named(name, fields))?;
                self.groups.insert((organization.clone(), name.clone()), needed(&made, "id")?.to_owned());
            }
            Change::EditGroup { organization, name, edits } => {
                desk.patch(&["groups", self.group(organization, name)?], &edited(edits).into())?;
            }
            Change::DeleteGroup { organization, name } => {
                desk.delete(&["groups", self.group(organization, name)?])?;
            }
            Change::MoveMembers { organization, group, add, remove } => {
                self.move_members(organization, group, add, remove)?;
            }
            Change::AddMember { organization, user } => {
                desk.post(&["organizations", self.organization(organization)?, "members", user], &json!({}))?;
            }
            Change::SetRoles { organization, user, to, .. } => {
                let parts = ["organizations", self.organization(organization)?, "members", user, "roles"];
                desk.put(&parts, &json!({ "roles": to }))?;
            }
            Change::RemoveMember { organization, user } => {
                desk.delete(&["organizations", self.organization(organization)?, "members", user])?;
            }
            Change::SetGroupSync { organization, to, .. } => {
                let id = |name: &str| self.group(organization, name).map(str::to_owned);
                let filter = Some(&to.regex_filter).filter(|filter| !filter.is_empty());
                let body = json!({
                    "field": to.field, "mapping": mapped(&to.mapping, id)?, "regex_filter": filter,
                    "auto_create_missing_groups": to.auto_create_missing_groups,
                });
                let organization = self.organization(organization)?;
                desk.patch(&["organizations", organization, "settings", "idpsync", "groups"], &body)?;
            }
            Change::SetRoleSync { organization, to, .. } => {
                let body = json!({ "field": to.field, "mapping": to.mapping });
                let organization = self.organization(organization)?;
                desk.patch(&["organizations", organization, "settings", "idpsync", "roles"], &body)?;
            }
            Change::SetMemberSync { to, .. } => {
                let id = |name: &str| self.organization(name).map(str::to_owned);
                let body = json!({
                    "field": to.field, "mapping": mapped(&to.mapping, id)?,
                    "organization_assign_default": to.assign_default,
                });
                desk.patch(&["settings", "idpsync", "organization"], &body)?;
            }
            Change::MakeApp { name, fields } => {
                let made = desk.post(&["oauth2-provider", "apps"], &named(name, fields))?;
                self.apps.insert(name.clone(), needed(&made, "id")?.to_owned());
            }
            Change::EditApp { name, app, edits } => {
                let mut body = edited(edits);
                body.insert("name".to_owned(), name.as_str().into());
                // A change without it takes it away.
                let icon = app.fields.get("icon").cloned().unwrap_or_default();
                body.entry("icon").or_insert(icon);
                desk.put(&["oauth2-provider", "apps", self.app(name)?], &body.into())?;
            }
            Change::DeleteApp { name } => {
                desk.delete(&["oauth2-provider", "apps", self.app(name)?])?;
            }
        }
        Ok(())
    }

    /// A group that is moved in parts is told in parts; each is whole.
    fn move_members(
        &mut self,
        organization: &str,
        group: &str,
        add: &BTreeSet<String>,
        remove: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        for (member, users) in [("add_users", add), ("remove_users", remove)] {
            let ids = users.iter().map(|user| self.user(user)).collect::<anyhow::Result<Vec<_>>>()?;
            for part in ids.chunks(AT_ONCE) {
                self.desk.patch(&["groups", self.group(organization, group)?], &json!({ member: part }))?;
            }
        }
        Ok(())
    }

    fn organization(&self, name: &str) -> anyhow::Result<&str> {
        self.organizations.get(name).map(String::as_str).with_context(|| format!("there is no organization {name}"))
    }

    fn group(&self, organization: &str, name: &str) -> anyhow::Result<&str> {
        let found = self.groups.get(&(organization.to_owned(), name.to_owned()));
        found.map(String::as_str).with_context(|| format!("there is no group {name} of {organization}"))
    }

    fn app(&self, name: &str) -> anyhow::Result<&str> {
        self.apps.get(name).map(String::as_str).with_context(|| format!("there is no app {name}"))
    }

    fn user(&mut self, name: &str) -> anyhow::Result<String> {
        if let Some(known) = self.users.get(name) {
            return Ok(known.clone());
        }
        let id = self.desk.user_id(name)?;
        self.users.insert(name.to_owned(), id.clone());
        Ok(id)
    }
}

fn named(name: &str, fields: &Fields) -> Value {
    let mut body: Map<String, Value> = fields.iter().map(|(field, value)| (field.clone(), value.clone())).collect();
    body.insert("name".to_owned(), name.into());
    body.into()
}

fn edited(edits: &[Edit]) -> Map<String, Value> {
    edits.iter().map(|edit| (edit.field.clone(), edit.to.clone())).collect()
}

fn body(name: &str, role: &Role) -> anyhow::Result<Value> {
    let all = |written: &BTreeSet<String>| {
        written.iter().map(|one| permissions::parse(one)).collect::<anyhow::Result<Vec<_>>>()
    };
    Ok(json!({
        "name": name,
        "display_name": role.display_name,
        "organization_permissions": all(&role.permissions)?,
        "organization_member_permissions": all(&role.own)?,
    }))
}

/// A mapping with ids in the place of names. An id that nothing has any more was there before, and stays.
fn mapped(mapping: &Mapping, id: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<Value> {
    let mut out = Map::new();
    for (given, names) in mapping {
        let of = |name: &String| if uuid::Uuid::try_parse(name).is_ok() { Ok(name.clone()) } else { id(name) };
        let ids = names.iter().map(of).collect::<anyhow::Result<Vec<_>>>()?;
        out.insert(given.clone(), ids.into());
    }
    Ok(out.into())
}
