//! Groups within groups.

use super::objects::BareGroupObject;
use crate::conventions::Api;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_services::Principal;
use doorward_services::groups::{self, GroupRef};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).needs_first(Feature::TemplateRbac);
    r.user(__path_nest, nest).needs_first(Feature::TemplateRbac);
    r.user(__path_part, part).needs_first(Feature::TemplateRbac);
}

/// Lists the groups directly in a group that the caller may read, by name.
#[utoipa::path(
    get, path = "/api/v2/groups/{group}/groups", tag = "groups", operation_id = "list_nested_groups",
    params(("group" = Uuid, Path, description = "Id")),
    responses((status = 200, body = [BareGroupObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let group = GroupRef::Id(call.id("group")?);
    let nested = groups::nested(call.context(), &actor, &group).await?;
    Ok(ok(&nested.into_iter().map(BareGroupObject::from).collect::<Vec<_>>()))
}

/// Puts a group into another of its organization: its members are members of the other from then on.
#[utoipa::path(
    put, path = "/api/v2/groups/{group}/groups/{child}", tag = "groups", operation_id = "nest_group",
    params(
        ("group" = Uuid, Path, description = "Id of the outer group"),
        ("child" = Uuid, Path, description = "Id of the inner group"),
    ),
    responses((status = 204, description = "It lies there")),
)]
pub(crate) async fn nest(call: Call, actor: Principal) -> HandlerResult {
    groups::nest(call.context(), &actor, call.id("group")?, call.id("child")?).await?;
    Ok(no_content())
}

/// Takes a group out of another.
#[utoipa::path(
    delete, path = "/api/v2/groups/{group}/groups/{child}", tag = "groups", operation_id = "part_group",
    params(
        ("group" = Uuid, Path, description = "Id of the outer group"),
        ("child" = Uuid, Path, description = "Id of the inner group"),
    ),
    responses((status = 204, description = "It lies there no longer")),
)]
pub(crate) async fn part(call: Call, actor: Principal) -> HandlerResult {
    groups::part(call.context(), &actor, call.id("group")?, call.id("child")?).await?;
    Ok(no_content())
}
