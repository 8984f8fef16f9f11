//! `/scim/v2/Users`.

use super::within::both;
use super::{bad, body, conditions, parameters, projection, refused, resource, unless_known};
use crate::conventions::Scim;
use crate::conventions::scim::document;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use doorward_domain::scim::{SearchRequest, USER};
use doorward_services::{Principal, scim};

pub(super) fn routes(r: &mut Room<'_, Scim>) {
    both(r, __path_search_users, search_users, 0);
    both(r, __path_list_users, list_users, 0);
    both(r, __path_create_user, create_user, 0);
    both(r, __path_find_user, find_user, 0);
    both(r, __path_replace_user, replace_user, 0);
    both(r, __path_patch_user, patch_user, 0);
    both(r, __path_delete_user, delete_user, 0);
}

/// Lists users.
#[utoipa::path(
    get, path = "/scim/v2/Users", tag = "scim",
    params(
        ("filter" = Option<String>, Query, description = "A filter (RFC 7644 3.4.2.2)"),
        ("startIndex" = Option<i64>, Query, description = "The place of the first user, counted from 1"),
        ("count" = Option<i64>, Query, description = "At most so many; 0 asks for their number"),
        ("sortBy" = Option<String>, Query, description = "An attribute"),
        ("sortOrder" = Option<String>, Query, description = "`ascending` or `descending`"),
        ("attributes" = Option<String>, Query, description = "Only these attributes, separated by commas"),
        ("excludedAttributes" = Option<String>, Query, description = "All attributes but these"),
    ),
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn list_users(call: Call, by: Principal) -> HandlerResult {
    let asked = parameters(&call)?;
    let page = scim::list_users(call.context(), &by, &asked).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &page))
}

/// Lists users, with the parameters in the body.
#[utoipa::path(
    post, path = "/scim/v2/Users/.search", tag = "scim",
    request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn search_users(mut call: Call, by: Principal) -> HandlerResult {
    let asked = SearchRequest::read(&body(&mut call)?).map_err(|error| bad(&error))?;
    let page = scim::list_users(call.context(), &by, &asked).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &page))
}

/// Makes a user.
#[utoipa::path(
    post, path = "/scim/v2/Users", tag = "scim",
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "The user was there, and `scim.post_existing` is \"return\"", body = serde_json::Value, content_type = "application/scim+json"),
        (status = 201, body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn create_user(mut call: Call, by: Principal) -> HandlerResult {
    let shown = projection(&call, &USER)?;
    let user = body(&mut call)?;
    let created = scim::create_user(call.context(), &by, &user, &shown).await.map_err(refused)?;
    let status = if created.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(resource(status, &created.shown))
}

/// Shows a user.
#[utoipa::path(
    get, path = "/scim/v2/Users/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 304, description = "`If-None-Match` names its version"),
    ),
)]
pub(crate) async fn find_user(call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions) = (projection(&call, &USER)?, conditions(&call)?);
    let found = scim::find_user(call.context(), &by, &call.segment("id"), &shown).await.map_err(refused)?;
    unless_known(&conditions, &found)
}

/// Replaces a user.
#[utoipa::path(
    put, path = "/scim/v2/Users/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the user")),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn replace_user(mut call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions, user) = (projection(&call, &USER)?, conditions(&call)?, body(&mut call)?);
    let id = call.segment("id").into_owned();
    let new = scim::replace_user(call.context(), &by, &id, &user, conditions, &shown).await.map_err(refused)?;
    Ok(resource(StatusCode::OK, &new))
}

/// Changes a user.
#[utoipa::path(
    patch, path = "/scim/v2/Users/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the user")),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/scim+json"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn patch_user(mut call: Call, by: Principal) -> HandlerResult {
    let (shown, conditions, patch) = (projection(&call, &USER)?, conditions(&call)?, body(&mut call)?);
    let id = call.segment("id").into_owned();
    let new = scim::patch_user(call.context(), &by, &id, &patch, conditions, &shown).await.map_err(refused)?;
    Ok(resource(StatusCode::OK, &new))
}

/// Deletes the account of a user.
#[utoipa::path(
    delete, path = "/scim/v2/Users/{id}", tag = "scim",
    params(("id" = String, Path, description = "Id of the user")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 412, description = "`If-Match` names another version, or `If-None-Match` this one", body = serde_json::Value, content_type = "application/scim+json"),
    ),
)]
pub(crate) async fn delete_user(call: Call, by: Principal) -> HandlerResult {
    let conditions = conditions(&call)?;
    scim::delete_user(call.context(), &by, &call.segment("id"), conditions).await.map_err(refused)?;
    Ok(answer::no_content())
}
