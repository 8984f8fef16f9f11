//! Groups and members in pages.

use super::named;
use super::objects::{GroupMembersObject, GroupsObject};
use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_services::Principal;
use doorward_services::groups::{self, GroupRef};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_members, members).needs_first(Feature::TemplateRbac);
    r.user(__path_members_by_name, members_by_name).needs(Feature::TemplateRbac);
    r.user(__path_page, page).needs(Feature::TemplateRbac);
}

/// Lists members of a group that the caller may read, by user name.
#[utoipa::path(
    get, path = "/api/v2/groups/{group}/members", tag = "groups", operation_id = "list_group_members",
    params(
        ("group" = Uuid, Path, description = "Id"),
        ("q" = Option<String>, Query, description = "Search: free words and `key:value` terms, as in lists of users"),
        ("after_id" = Option<Uuid>, Query, description = "Only users after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = GroupMembersObject)),
)]
pub(crate) async fn members(call: Call, actor: Principal) -> HandlerResult {
    list_members(&call, &actor, &GroupRef::Id(call.id("group")?)).await
}

/// Lists members of a group, which is named by its name, that the caller may read, by user name.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/groups/{groupName}/members", tag = "groups",
    operation_id = "list_group_members_by_name",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("groupName" = String, Path, description = "Name, letter case matters"),
        ("q" = Option<String>, Query, description = "Search: free words and `key:value` terms, as in lists of users"),
        ("after_id" = Option<Uuid>, Query, description = "Only users after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = GroupMembersObject)),
)]
pub(crate) async fn members_by_name(call: Call, actor: Principal) -> HandlerResult {
    list_members(&call, &actor, &named(&call)).await
}

async fn list_members(call: &Call, actor: &Principal, group: &GroupRef) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = groups::members(call.context(), actor, group, &text, page).await?;
    Ok(ok(&GroupMembersObject::from(found)))
}

/// Lists groups of an organization by name, without their members, to those who may read all of them.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/paginated-groups", tag = "groups", operation_id = "page_groups",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Part of the name or the display name"),
        ("after_id" = Option<Uuid>, Query, description = "Only groups after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = GroupsObject)),
)]
pub(crate) async fn page(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = groups::page(call.context(), &actor, &call.organization(), &text, page).await?;
    Ok(ok(&GroupsObject::from(found)))
}
