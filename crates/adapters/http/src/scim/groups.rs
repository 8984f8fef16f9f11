//! `/scim/v2/Groups`.

use super::within::both;
use super::{bad, body, changed, conditions, parameters, projection, refused, resource, unless_known};
use crate::conventions::Scim;
use crate::conventions::scim::document;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use doorward_domain::scim::{GROUP, SearchRequest};
use doorward_services::{Principal, scim};

pub(super) fn routes(r: &mut Room<'_, Scim>) {
    both(r, __path_search_groups, search_groups, 0);
    both(r, __path_list_groups, list_groups, 0);
    both(r, __path_create_group, create_group, 0);
    both(r, __path_find_group, find_group, 0);
    both(r, __path_replace_group, replace_group, 0);
    both(r, __path_patch_group, patch_group, 0);
    both(r, __path_delete_group, delete_group, 0);
}

/// Lists groups.
#[utoipa::path(
    get, path = "/scim/v2/Groups", tag = "scim",
    params(
        ("filter" = Option<String>, Query, description = "A filter (RFC 7644 3.4.2.2)"),
        ("startIndex" = Option<i64>, Query, description = "The place of the first group, counted from 1"),
        ("count" = Option<i64>, Query, description = "At most so many; 0 asks for their number"),
        ("sortBy" = Option<String>, Query, description = "An attribute"),
        ("sortOrder" = Option<String>, Query, description = "`ascending` or `descending`"),
        ("attributes" = Option<String>, Query, description = "Only these attributes, separated by commas"),
        ("excludedAttributes" = Option<String>, Query, description = "All attributes but these"),
    ),
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn list_groups(call: Call, by: Principal) -> HandlerResult {
    let asked = parameters(&call)?;
    let page = scim::list_groups(call.context(), &by, &asked).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &page))
}

/// Lists groups, with the parameters in the body.
#[utoipa::path(
    post, path = "/scim/v2/Groups/.search", tag = "scim",
    request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn search_groups(mut call: Call, by: Principal) -> HandlerResult {
    let asked = SearchRequest::read(&body(&mut call)?).map_err(|error| bad(&error))?;
    let page = scim::list_groups(call.context(), &by, &asked).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &page))
}

/// Makes a group.
#[utoipa::path(
    post, path = "/scim/v2/Groups", tag = "scim",
    request_body = serde_json::Value,
    responses((status = 201, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn create_group(mut call: Call, by: Principal) -> HandlerResult {
    let shown = projection(&call, &GROUP)?;
    let group = body(&mut call)?;
    let made = scim::create_group(call.context(), &by, &group, &shown).await.map_err(refused)?;
    Ok(resource(StatusCode::CREATED, &made))
}

/// Shows a group.
#[utoipa::path(
    get, path = "/scim/v2/Groups/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the group")),
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 304, description = "`If-None-Match` names its version"),
    ),
)]
pub(crate) async fn find_group(call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions) = (projection(&call, &GROUP)?, conditions(&call)?);
    let found = scim::find_group(call.context(), &by, &call.segment("id"), &shown).await.map_err(refused)?;
    unless_known(&conditions, &found)
}

/// Replaces a group.
#[utoipa::path(
    put, path = "/scim/v2/Groups/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the group")),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn replace_group(mut call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions, group) = (projection(&call, &GROUP)?, conditions(&call)?, body(&mut call)?);
    let id = call.segment("id").into_owned();
    let new = scim::replace_group(call.context(), &by, &id, &group, conditions, &shown).await.map_err(refused)?;
    Ok(resource(StatusCode::OK, &new))
}

/// Changes a group.
#[utoipa::path(
    patch, path = "/scim/v2/Groups/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the group")),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 204, description = "Changed; the group has more than 1000 members, and no attributes were asked for"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn patch_group(mut call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions, patch) = (projection(&call, &GROUP)?, conditions(&call)?, body(&mut call)?);
    let id = call.segment("id").into_owned();
    let new = scim::patch_group(call.context(), &by, &id, &patch, conditions, &shown).await.map_err(refused)?;
    Ok(changed(&new))
}

/// Deletes a group.
#[utoipa::path(
    delete, path = "/scim/v2/Groups/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the group")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn delete_group(call: Call, by: Principal) -> HandlerResult {
    let conditions = conditions(&call)?;
    scim::delete_group(call.context(), &by, &call.segment("id"), conditions).await.map_err(refused)?;
    Ok(answer::no_content())
}
