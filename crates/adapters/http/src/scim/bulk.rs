//! `/scim/v2/Bulk`, and the search among all resources.

use super::within::both;
use super::{bad, body, body_of, refused};
use crate::conventions::Scim;
use crate::conventions::scim::document;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use doorward_domain::scim::SearchRequest;
use doorward_services::{Principal, scim};

pub(super) fn routes(r: &mut Room<'_, Scim>) {
    both(r, __path_bulk, bulk, scim::BULK_BYTES_MAX as usize);
    both(r, __path_search, search, 0);
}

/// Does several operations, each by itself.
#[utoipa::path(
    post, path = "/scim/v2/Bulk", tag = "scim",
    request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn bulk(mut call: Call, by: Principal) -> HandlerResult {
    let limit = call.context().settings.scim.bulk_bytes_max as usize;
    let request = body_of(&mut call, limit)?;
    let done = scim::bulk(call.context(), &by, &request).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &done))
}

/// Lists users and groups.
#[utoipa::path(
    post, path = "/scim/v2/.search", tag = "scim",
    request_body = serde_json::Value,
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn search(mut call: Call, by: Principal) -> HandlerResult {
    let asked = SearchRequest::read(&body(&mut call)?).map_err(|error| bad(&error))?;
    let page = scim::list_all(call.context(), &by, &asked).await.map_err(refused)?;
    Ok(document(StatusCode::OK, &page))
}
