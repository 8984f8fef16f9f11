//! Groups (`identity.md` 6).

pub(crate) mod managers;
pub(crate) mod nesting;
pub(crate) mod objects;
pub(crate) mod pages;
mod writer;

pub(crate) use objects::GroupObject;

use crate::conventions::Api;
use crate::kit::answer::{Message, created, message};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::query::StrictQuery;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_domain::ids::GroupId;
use doorward_services::Principal;
use doorward_services::groups::{self, GroupQuery, GroupRef};
use serde::Deserialize;
use utoipa::ToSchema;
use writer::GroupWriter;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).needs_first(Feature::TemplateRbac);
    r.user(__path_find, find).needs_first(Feature::TemplateRbac);
    r.user(__path_update, update).needs_first(Feature::TemplateRbac);
    r.user(__path_delete, delete).needs_first(Feature::TemplateRbac);
    r.user(__path_list_of_organization, list_of_organization).needs(Feature::TemplateRbac);
    r.user(__path_create, create).needs(Feature::TemplateRbac);
    r.user(__path_find_by_name, find_by_name).needs(Feature::TemplateRbac);
    pages::routes(routes);
    nesting::routes(routes);
    managers::routes(routes);
}

/// Lists the groups that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/groups", tag = "groups", operation_id = "list_groups",
    params(
        ("organization" = Option<String>, Query, description = "Id or name of an organization"),
        ("has_member" = Option<String>, Query, description = "Id or name of a user; finds the groups of all members too"),
        ("group_ids" = Option<String>, Query, description = "Ids of groups, separated by commas"),
        ("after_id" = Option<Uuid>, Query, description = "Only groups after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = [GroupObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let organization = query.text("organization");
    let wanted = GroupQuery { organization, ..read(&mut query) };
    query.done()?;
    Ok(groups::list(call.context(), &actor, None, wanted, GroupWriter::list()).await?.answer())
}

/// Lists the groups of an organization that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/groups", tag = "groups", operation_id = "list_organization_groups",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("has_member" = Option<String>, Query, description = "Id or name of a user; finds the group of all members too"),
        ("group_ids" = Option<String>, Query, description = "Ids of groups, separated by commas"),
        ("after_id" = Option<Uuid>, Query, description = "Only groups after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = [GroupObject])),
)]
pub(crate) async fn list_of_organization(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let wanted = read(&mut query);
    query.done()?;
    let organization = call.organization();
    Ok(groups::list(call.context(), &actor, Some(&organization), wanted, GroupWriter::list()).await?.answer())
}

/// What both lists may be asked.
fn read(query: &mut StrictQuery) -> GroupQuery {
    GroupQuery {
        organization: None,
        has_member: query.text("has_member"),
        ids: query.list::<GroupId>("group_ids", "UUID"),
        page: query.page(),
    }
}

/// Shows a group.
#[utoipa::path(
    get, path = "/api/v2/groups/{group}", tag = "groups", operation_id = "find_group",
    params(
        ("group" = Uuid, Path, description = "Id"),
        ("exclude_members" = Option<bool>, Query, description = "Without the members; their number is told all the same"),
    ),
    responses((status = 200, body = GroupObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    show(&call, &actor, &GroupRef::Id(call.id("group")?)).await
}

/// Shows a group by its name.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/groups/{groupName}", tag = "groups", operation_id = "find_group_by_name",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("groupName" = String, Path, description = "Name, letter case matters"),
        ("exclude_members" = Option<bool>, Query, description = "Without the members; their number is told all the same"),
    ),
    responses((status = 200, body = GroupObject)),
)]
pub(crate) async fn find_by_name(call: Call, actor: Principal) -> HandlerResult {
    show(&call, &actor, &named(&call)).await
}

async fn show(call: &Call, actor: &Principal, group: &GroupRef) -> HandlerResult {
    let mut query = call.query();
    let with_members = !query.flag("exclude_members");
    query.done_loosely()?;
    Ok(groups::find(call.context(), actor, group, with_members, GroupWriter::single()).await?.answer())
}

/// The group that the path names by its organization and its name.
fn named(call: &Call) -> GroupRef {
    GroupRef::Name(call.organization(), call.segment("groupName").into_owned())
}

/// A group to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateGroupRequest)]
pub(crate) struct CreateGroup {
    #[schema(required)]
    name: String,
    display_name: String,
    avatar_url: String,
    /// May be negative.
    #[schema(value_type = i32)]
    quota_allowance: i64,
}

/// Makes a group.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/groups", tag = "groups", operation_id = "create_group",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = CreateGroup,
    responses((status = 201, body = GroupObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let organization = call.organization();
    let may = async |call: &Call| groups::may_create(call.context(), &actor, &organization).await;
    let body: CreateGroup = call.json_after(may).await?;
    let command = groups::CreateGroup {
        name: body.name,
        display_name: body.display_name,
        avatar_url: body.avatar_url,
        quota_allowance: body.quota_allowance,
    };
    let group = groups::create(call.context(), &actor, &organization, command).await?;
    Ok(created(&GroupObject::from(group)))
}

/// A change of a group; what is absent stays.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchGroupRequest)]
pub(crate) struct UpdateGroup {
    name: Option<String>,
    /// Empty clears it.
    display_name: Option<String>,
    /// Empty clears it.
    avatar_url: Option<String>,
    #[schema(value_type = Option<i32>)]
    quota_allowance: Option<i64>,
    /// Ids of users who were not put into the group yet.
    add_users: Vec<String>,
    /// Ids of users; none who is a member only by a group within this one.
    remove_users: Vec<String>,
}

/// Changes a group and its members: all of it or nothing. Who manages the group may change its members, and nothing else.
#[utoipa::path(
    patch, path = "/api/v2/groups/{group}", tag = "groups", operation_id = "update_group",
    params(("group" = Uuid, Path, description = "Id")),
    request_body = UpdateGroup,
    responses((status = 200, body = GroupObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("group")?;
    let may = async |call: &Call| groups::may_update(call.context(), &actor, id).await;
    let body: UpdateGroup = call.json_after(may).await?;
    let command = groups::UpdateGroup {
        name: body.name,
        display_name: body.display_name,
        avatar_url: body.avatar_url,
        quota_allowance: body.quota_allowance,
        add_users: body.add_users,
        passes_members: false,
        remove_users: body.remove_users,
    };
    groups::update(call.context(), &actor, id, command).await?;
    // In another trip, outside the transaction: others want to write while many members are read.
    let group = GroupRef::Id(id);
    Ok(groups::find(call.context(), &actor, &group, true, GroupWriter::single()).await?.answer())
}

/// Deletes a group.
#[utoipa::path(
    delete, path = "/api/v2/groups/{group}", tag = "groups", operation_id = "delete_group",
    params(("group" = Uuid, Path, description = "Id")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    groups::delete(call.context(), &actor, call.id("group")?).await?;
    Ok(message("Successfully deleted group!"))
}
