//! What the server says about itself (RFC 7644 4). Anyone may ask for the first of these documents; the others need the key.

use super::within::{Within, both};
use crate::conventions::Scim;
use crate::conventions::scim::{document, must_be_on, place, told};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use doorward_domain::entitlements::Feature;
use doorward_domain::scim::{ErrorMessage, ListResponse, RESOURCE_TYPES, ResourceType, SCHEMAS, Schema};
use doorward_services::Principal;
use doorward_services::scim::{self, Place};

pub(super) fn routes(r: &mut Room<'_, Scim>) {
    let within = Within::new(&__path_configuration);
    r.public(__path_configuration, configuration).for_any_site().needs_first(Feature::Scim);
    r.public(within, configuration).for_any_site().needs_first(Feature::Scim);
    both(r, __path_list_schemas, list_schemas, 0);
    both(r, __path_find_schema, find_schema, 0);
    both(r, __path_list_resource_types, list_resource_types, 0);
    both(r, __path_find_resource_type, find_resource_type, 0);
    both(r, __path_me, me, 0);
}

/// The address below which SCIM is served to this directory.
fn base(call: &Call, by: &Principal) -> String {
    scim::base(&call.context().settings, by.directory())
}

/// These documents cannot be filtered (RFC 7644 4).
fn unfiltered(call: &Call) -> Result<(), Failure> {
    let mut query = call.query();
    let filter = query.text("filter");
    query.done_loosely()?;
    if filter.is_none() {
        return Ok(());
    }
    Err(told(&ErrorMessage::new(403, None, "this list cannot be filtered")).into())
}

fn nothing(call: &Call, what: &str, name: &str) -> Failure {
    let detail = format!("there is no {what} `{}`", call.segment(name));
    told(&ErrorMessage::new(404, None, detail)).into()
}

/// What the server supports.
#[utoipa::path(
    get, path = "/scim/v2/ServiceProviderConfig", tag = "scim",
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn configuration(call: Call) -> HandlerResult {
    must_be_on(&call)?;
    let capabilities = call.context().settings.scim.capabilities();
    let base = match place(&call) {
        Place::Deployment => scim::base(&call.context().settings, None),
        // Whether there is such an organization is nobody's business who has not proved to be its directory.
        Place::Organization(_) => {
            format!("{}/organizations/{}", scim::base(&call.context().settings, None), call.segment("organization"))
        }
    };
    Ok(document(StatusCode::OK, &capabilities.document(&base)))
}

/// Lists schemas.
#[utoipa::path(
    get, path = "/scim/v2/Schemas", tag = "scim",
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn list_schemas(call: Call, by: Principal) -> HandlerResult {
    unfiltered(&call)?;
    let base = base(&call, &by);
    let all = SCHEMAS.iter().map(|schema| schema.document(&base)).collect();
    Ok(document(StatusCode::OK, &ListResponse::whole(all)))
}

/// Shows a schema.
#[utoipa::path(
    get, path = "/scim/v2/Schemas/{urn}", tag = "scim",
    params(("urn" = String, Path, description = "URN of the schema")),
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn find_schema(call: Call, by: Principal) -> HandlerResult {
    let schema = Schema::named(&call.segment("urn")).ok_or_else(|| nothing(&call, "schema", "urn"))?;
    Ok(document(StatusCode::OK, &schema.document(&base(&call, &by))))
}

/// Lists kinds of resources.
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes", tag = "scim",
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn list_resource_types(call: Call, by: Principal) -> HandlerResult {
    unfiltered(&call)?;
    let base = base(&call, &by);
    let all = RESOURCE_TYPES.iter().map(|kind| kind.document(&base)).collect();
    Ok(document(StatusCode::OK, &ListResponse::whole(all)))
}

/// Shows a kind of resource.
#[utoipa::path(
    get, path = "/scim/v2/ResourceTypes/{type}", tag = "scim",
    params(("type" = String, Path, description = "`User` or `Group`")),
    responses((status = 200, body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn find_resource_type(call: Call, by: Principal) -> HandlerResult {
    let kind = ResourceType::named(&call.segment("type")).ok_or_else(|| nothing(&call, "resource type", "type"))?;
    Ok(document(StatusCode::OK, &kind.document(&base(&call, &by))))
}

/// Answers 501, for a directory is no user (RFC 7644 3.11).
#[utoipa::path(
    get, path = "/scim/v2/Me", tag = "scim",
    responses((status = 501, description = "Always", body = serde_json::Value, content_type = "application/scim+json")),
)]
pub(crate) async fn me(_call: Call, _by: Principal) -> HandlerResult {
    Ok(told(&ErrorMessage::new(501, None, "a directory is no user")))
}
