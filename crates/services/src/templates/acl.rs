//! The access lists of templates (`enterprise-identity.md` 1.2 to 1.4).

use super::access;
use super::write::held;
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::groups::{self, GroupView, MemberScope};
use crate::users::UserView;
use doorward_domain::groups::GroupFilter;
use doorward_domain::ids::{GroupId, OrganizationId, TemplateId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{
    Acl, Action, Denied, ListFilter, OWNER, Object, ResourceType, Scope, Subject, action, resource,
};
use doorward_domain::templates::{Template, TemplateRole, role_of, set_roles};
use doorward_domain::users::{ReducedUser, UserStatus, parse_user_query};
use doorward_ports::Repositories;
use doorward_ports::groups::GroupPage;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Somebody on an access list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// Who.
    pub who: T,
    /// As what; `None` when the stored actions are those of no role.
    pub role: Option<TemplateRole>,
}

/// The access lists of a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TemplateAcl {
    /// Users, by lower-cased name.
    pub users: Vec<Listed<UserView>>,
    /// Groups with all of their members, by lower-cased name.
    pub groups: Vec<Listed<GroupView>>,
}

/// What is asked of the access lists: ids with the names of roles, where an empty name removes the entry.
#[derive(Clone, Debug, Default)]
pub struct UpdateTemplateAcl {
    /// By user.
    pub users: BTreeMap<String, String>,
    /// By group.
    pub groups: BTreeMap<String, String>,
}

/// Who could be listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Available {
    /// Users of the deployment.
    pub users: Vec<ReducedUser>,
    /// Groups of the template's organization with all of their members.
    pub groups: Vec<GroupView>,
}

/// Shows the access lists to those who may change the template, through a credential that reaches all users. Deleted and
/// suspended users and deleted groups are left out.
///
/// Needs `template:update`. Errors: `NotFound` (missing or not readable), `Forbidden`.
pub async fn acl(ctx: &Context, actor: &Principal, id: TemplateId) -> Result<TemplateAcl, Error> {
    ctx.look(actor, move |look| {
        let found = look.repos.templates().find(id)?;
        let template = access::readable(look.by, found)?;
        look.by.subject.check(Action::Update, &access::object(&template))?;
        may_show_users(look.by)?;
        let users = users(look.repos, &template.user_acl)?;
        Ok(TemplateAcl { users, groups: groups(look.repos, &template.group_acl)? })
    })
    .await
}

fn users(repos: &mut dyn Repositories, acl: &Acl) -> Result<Vec<Listed<UserView>>, Error> {
    let ids: Vec<UserId> = ids(acl);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut users = repos.users().list_by_id(&ids)?;
    users.retain(|user| !user.deleted && !user.is_system && user.status != UserStatus::Suspended);
    let listed = |who: UserView| Listed { role: role_of(acl, who.user.id.0).flatten(), who };
    Ok(UserView::load_all(users, repos)?.into_iter().map(listed).collect())
}

fn groups(repos: &mut dyn Repositories, acl: &Acl) -> Result<Vec<Listed<GroupView>>, Error> {
    let views = groups::views_by_id(repos, &ids::<GroupId>(acl), &MemberScope::All)?;
    let listed = |view: GroupView| Listed { role: role_of(acl, view.group.id.0).flatten(), who: view };
    Ok(views.into_iter().map(listed).collect())
}

/// Who is on a list; what is no UUID is nobody.
fn ids<T: From<Uuid>>(acl: &Acl) -> Vec<T> {
    acl.iter().filter_map(|(id, _)| id.as_uuid()).map(T::from).collect()
}

/// Changes the access lists: entries that are named are set or removed, all others stay. Everything is checked first.
///
/// Needs `template:update`. Errors: `NotFound` (missing or not readable), `Forbidden`, `Invalid` (`user_perms`,
/// `group_perms`), `Refused` (the service account of the app that asks).
pub async fn update_acl(
    ctx: &Context,
    actor: &Principal,
    id: TemplateId,
    command: UpdateTemplateAcl,
) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let old = held(deed.repos, deed.by, id)?;
        let permit = deed.by.permit::<action::Update, resource::Template>(&access::object(&old))?;
        let mut errors = Vec::new();
        let users = entries::<UserId>("user_perms", &command.users, &mut errors);
        let groups = entries::<GroupId>("group_perms", &command.groups, &mut errors);
        check_users(deed.repos, old.organization_id, &users, &mut errors)?;
        check_groups(deed.repos, old.organization_id, &groups, &mut errors)?;
        if !errors.is_empty() {
            return Err(Error::invalid_fields("Invalid request to update template metadata!", errors));
        }
        deed.by.not_for_own_account(deed.repos, users.iter().map(|(user, _)| *user))?;
        let mut new = Template { updated_at: deed.now, ..old.clone() };
        set_roles(&mut new.user_acl, users.into_iter().map(|(user, role)| (user.0, role)));
        set_roles(&mut new.group_acl, groups.into_iter().map(|(group, role)| (group.0, role)));
        if !deed.repos.templates().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        Ok(deed.changed(&old, &new)?.answer(()))
    })
    .await
}

type Entry<T> = (T, Option<TemplateRole>);

/// What was asked for, as far as it can be understood.
fn entries<T: From<Uuid>>(
    field: &'static str,
    asked: &BTreeMap<String, String>,
    errors: &mut Vec<FieldError>,
) -> Vec<Entry<T>> {
    let mut entries = Vec::new();
    for (key, role) in asked {
        let id = Uuid::parse_str(key).map_err(|error| format!("{key:?} is not a valid UUID: {error}"));
        let role = if role.is_empty() { Ok(None) } else { role.parse::<TemplateRole>().map(Some) };
        match (id, role) {
            (Ok(id), Ok(role)) => entries.push((T::from(id), role)),
            (id, role) => {
                errors.extend(role.err().map(|error| FieldError::new(field, format!("{key}: {error}"))));
                errors.extend(id.err().map(|detail| FieldError::new(field, detail)));
            }
        }
    }
    entries
}

/// Users must exist, and belong to the organization if they are to get something.
fn check_users(
    repos: &mut dyn Repositories,
    organization: OrganizationId,
    entries: &[Entry<UserId>],
    errors: &mut Vec<FieldError>,
) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<UserId> = entries.iter().map(|(id, _)| *id).collect();
    let users = repos.users().list_by_id(&ids)?;
    let known: BTreeSet<UserId> =
        users.iter().filter(|user| !user.deleted && !user.is_system).map(|user| user.id).collect();
    let members: BTreeSet<UserId> = repos.groups().members_for_key_share(organization, &ids)?.into_iter().collect();
    for (id, role) in entries {
        if !known.contains(id) {
            errors.push(FieldError::new("user_perms", format!("Failed to find user with ID {:?}.", id.to_string())));
        } else if role.is_some() && !members.contains(id) {
            let detail = format!("User {:?} is not a member of the organization of the template.", id.to_string());
            errors.push(FieldError::new("user_perms", detail));
        }
    }
    Ok(())
}

/// Groups must exist, and belong to the organization if they are to get something. Everyone has the id of its
/// organization.
fn check_groups(
    repos: &mut dyn Repositories,
    organization: OrganizationId,
    entries: &[Entry<GroupId>],
    errors: &mut Vec<FieldError>,
) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<GroupId> = entries.iter().map(|(id, _)| *id).collect();
    let found = repos.groups().list_by_id(&ids)?;
    let homes: BTreeMap<GroupId, OrganizationId> =
        found.into_iter().map(|found| (found.group.id, found.group.organization_id)).collect();
    for (id, role) in entries {
        let id_text = id.to_string();
        match homes.get(id) {
            None => {
                errors.push(FieldError::new("group_perms", format!("Failed to find group with ID {id_text:?}.")));
            }
            Some(home) if role.is_some() && *home != organization => {
                let detail = format!("Group {id_text:?} does not belong to the organization of the template.");
                errors.push(FieldError::new("group_perms", detail));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Lists who could be put on the access lists, whatever the caller may read otherwise, through a credential that reaches
/// all users. Only those who may change the template see it; for all others there is nothing here. The query narrows the
/// users.
///
/// Needs `template:update`. Errors: `Invalid` (the query), `NotFound` (missing, or not allowed), `Forbidden` (only the
/// scope is too short, or the credential does not reach all users).
pub async fn available(
    ctx: &Context,
    actor: &Principal,
    id: TemplateId,
    query: &str,
    page: Page,
) -> Result<Available, Error> {
    let filter = parse_user_query(query).map_err(|errors| Error::bad_query("Invalid user search query.", errors))?;
    ctx.look(actor, move |look| {
        let found = look.repos.templates().find(id)?;
        let template = access::readable(look.by, found)?;
        look.by
            .subject
            .check(Action::Update, &access::object(&template))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        may_show_users(look.by)?;
        let users = look.repos.users().list(&filter, &everything(ResourceType::User), page)?;
        let of_template = GroupFilter { organization: Some(template.organization_id), ..GroupFilter::default() };
        let all_groups = everything(ResourceType::Group);
        let groups = look.repos.groups().list(&of_template, &all_groups, &GroupPage::default())?;
        Ok(Available {
            users: users.users.into_iter().map(ReducedUser::from).collect(),
            groups: groups::views(look.repos, &groups, &MemberScope::All)?,
        })
    })
    .await
}

/// All there are, for those who choose whom to list, whatever they may read otherwise.
fn everything(kind: ResourceType) -> ListFilter {
    reader_of_everything(Scope::all()).list_filter(Action::Read, kind)
}

/// Users are shown here whatever the caller may read otherwise, but not by a credential that is not meant to show any:
/// its scope and its allow list hold all the same.
fn may_show_users(actor: &Principal) -> Result<(), Denied> {
    let Some(scope) = actor.subject.scope() else { return Ok(()) };
    reader_of_everything(scope.clone()).check(Action::Read, &Object::of::<resource::User>())
}

fn reader_of_everything(scope: Scope) -> Subject {
    Subject::for_user(Uuid::nil()).site_roles([OWNER]).scope(scope).build()
}
