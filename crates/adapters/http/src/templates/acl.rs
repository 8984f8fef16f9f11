//! The access lists of templates (`enterprise-identity.md` 1.2 to 1.4).

use crate::conventions::Api;
use crate::groups::GroupObject;
use crate::kit::answer::{self, Message, message};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::users::ReducedUserObject;
use crate::users::UserObject;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles::Action;
use doorward_domain::templates::TemplateRole;
use doorward_services::intent::Intent;
use doorward_services::templates::{Available, Listed, TemplateAcl};
use doorward_services::{Principal, templates};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_show_acl, show_acl).needs_first(Feature::TemplateRbac);
    r.user(__path_update_acl, update_acl).needs_first(Feature::TemplateRbac);
    r.user(__path_available, available).needs_first(Feature::TemplateRbac);
}

/// The access lists of a template. Note that `group` is singular.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateACL)]
pub(crate) struct AclObject {
    users: Vec<TemplateUser>,
    group: Vec<TemplateGroup>,
}

/// A user on an access list.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateUser)]
pub(crate) struct TemplateUser {
    #[serde(flatten)]
    user: UserObject,
    /// `admin` or `use`; empty for an odd list of actions.
    role: &'static str,
}

/// A group on an access list, with all of its members.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateGroup)]
pub(crate) struct TemplateGroup {
    #[serde(flatten)]
    group: GroupObject,
    /// `admin` or `use`; empty for an odd list of actions.
    role: &'static str,
}

fn word(role: Option<TemplateRole>) -> &'static str {
    role.map_or("", TemplateRole::as_str)
}

impl From<TemplateAcl> for AclObject {
    fn from(acl: TemplateAcl) -> Self {
        let user = |Listed { who, role }| TemplateUser { user: UserObject::from(who), role: word(role) };
        let group = |Listed { who, role }| TemplateGroup { group: GroupObject::from(who), role: word(role) };
        Self { users: acl.users.into_iter().map(user).collect(), group: acl.groups.into_iter().map(group).collect() }
    }
}

/// Shows the access lists to those who may change the template.
#[utoipa::path(
    get, path = "/api/v2/templates/{template}/acl", tag = "templates",
    params(("template" = Uuid, Path, description = "Id")),
    responses((status = 200, body = AclObject)),
)]
pub(crate) async fn show_acl(call: Call, actor: Principal) -> HandlerResult {
    let acl = templates::acl(call.context(), &actor, call.id("template")?).await?;
    let members: usize = acl.groups.iter().map(|group| group.who.members.len()).sum();
    Ok(answer::list(acl.users.len() + acl.groups.len() + members, || AclObject::from(acl)).await)
}

/// Entries to be set or removed; all others stay.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateTemplateACL)]
pub(crate) struct UpdateAcl {
    /// From the id of a user to `admin`, `use` or, to remove the entry, nothing.
    user_perms: BTreeMap<String, String>,
    /// From the id of a group to `admin`, `use` or, to remove the entry, nothing. The id of the organization stands for all
    /// of its members.
    group_perms: BTreeMap<String, String>,
}

/// Changes the access lists.
#[utoipa::path(
    patch, path = "/api/v2/templates/{template}/acl", tag = "templates",
    params(("template" = Uuid, Path, description = "Id")),
    request_body = UpdateAcl,
    responses((status = 200, body = Message)),
)]
pub(crate) async fn update_acl(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("template")?;
    let body: UpdateAcl = call.json_for(&actor, Intent::Template(id, Action::Update)).await?;
    let command = templates::UpdateTemplateAcl { users: body.user_perms, groups: body.group_perms };
    templates::update_acl(call.context(), &actor, id, command).await?;
    Ok(message("Successfully updated template ACL list."))
}

/// Who could be put on the access lists.
#[derive(Serialize, ToSchema)]
#[schema(as = ACLAvailable)]
pub(crate) struct AvailableObject {
    users: Vec<ReducedUserObject>,
    groups: Vec<GroupObject>,
}

impl From<Available> for AvailableObject {
    fn from(available: Available) -> Self {
        Self {
            users: available.users.into_iter().map(ReducedUserObject::from).collect(),
            groups: available.groups.into_iter().map(GroupObject::from).collect(),
        }
    }
}

/// Lists who could be put on the access lists, to those who may change them.
#[utoipa::path(
    get, path = "/api/v2/templates/{template}/acl/available", tag = "templates",
    params(
        ("template" = Uuid, Path, description = "Id"),
        ("q" = Option<String>, Query, description = "Search for users: free words and `key:value` terms"),
        ("after_id" = Option<Uuid>, Query, description = "Only users after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many users; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many users are left out at the start"),
    ),
    responses((status = 200, body = AvailableObject)),
)]
pub(crate) async fn available(call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("template")?;
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let available = templates::available(call.context(), &actor, id, &text, page).await?;
    let members: usize = available.groups.iter().map(|group| group.members.len()).sum();
    let items = available.users.len() + available.groups.len() + members;
    Ok(answer::list(items, || AvailableObject::from(available)).await)
}
