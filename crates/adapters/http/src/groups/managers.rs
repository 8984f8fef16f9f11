//! Who looks after the members of groups.

use crate::conventions::Api;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::users::ReducedUserObject;
use doorward_domain::entitlements::Feature;
use doorward_services::Principal;
use doorward_services::groups::{self, GroupRef};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).needs_first(Feature::TemplateRbac);
    r.user(__path_add, add).needs_first(Feature::TemplateRbac);
    r.user(__path_remove, remove).needs_first(Feature::TemplateRbac);
}

/// Lists the managers of a group, by user name, to those who may see its members; others see themselves only.
#[utoipa::path(
    get, path = "/api/v2/groups/{group}/managers", tag = "groups", operation_id = "list_group_managers",
    params(("group" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [ReducedUserObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let group = GroupRef::Id(call.id("group")?);
    let managers = groups::managers(call.context(), &actor, &group).await?;
    Ok(ok(&managers.into_iter().map(ReducedUserObject::from).collect::<Vec<_>>()))
}

/// Lets a member of the organization add and remove members of a group, but for themselves, without being an administrator.
#[utoipa::path(
    put, path = "/api/v2/groups/{group}/managers/{user}", tag = "groups", operation_id = "add_group_manager",
    params(
        ("group" = Uuid, Path, description = "Id"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    responses((status = 204, description = "The user is one")),
)]
pub(crate) async fn add(call: Call, actor: Principal) -> HandlerResult {
    groups::add_manager(call.context(), &actor, call.id("group")?, &call.user()).await?;
    Ok(no_content())
}

/// Ends that a user looks after the members of a group.
#[utoipa::path(
    delete, path = "/api/v2/groups/{group}/managers/{user}", tag = "groups", operation_id = "remove_group_manager",
    params(
        ("group" = Uuid, Path, description = "Id"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    responses((status = 204, description = "The user is one no longer")),
)]
pub(crate) async fn remove(call: Call, actor: Principal) -> HandlerResult {
    groups::remove_manager(call.context(), &actor, call.id("group")?, &call.user()).await?;
    Ok(no_content())
}
