//! SCIM 2.0 (RFC 7644; `enterprise-identity.md` 3): directories that provision users and groups.

mod bulk;
mod discovery;
mod groups;
mod tokens;
mod users;
mod within;

use crate::conventions::scim::{document, told};
use crate::conventions::{Api, Scim};
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::routes::Routes;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use doorward_domain::scim::{
    EntityTags, ErrorMessage, Preconditions, Projection, ResourceType, ScimError, ScimType, SearchRequest,
    read_document,
};
use doorward_services::scim::{Refusal, Shown};
use serde_json::Value;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Scim);
    discovery::routes(&mut r);
    users::routes(&mut r);
    groups::routes(&mut r);
    bulk::routes(&mut r);
    tokens::routes(&mut routes.of(&Api));
}

/// The answer to a request that is refused.
fn refused(refusal: Refusal) -> Failure {
    match (refusal.message(), refusal) {
        (_, Refusal::Other(error)) => error.into(),
        (Some(message), _) => told(&message).into(),
        (None, refusal) => told(&ErrorMessage::new(500, None, refusal.to_string())).into(),
    }
}

fn bad(error: &ScimError) -> Failure {
    told(&ErrorMessage::from(error)).into()
}

/// The body, which must be a JSON document; its content type does not matter.
fn body(call: &mut Call) -> Result<Value, Failure> {
    let limit = call.site.settings.server.body_limit;
    body_of(call, limit)
}

/// The same, of at most so many bytes.
fn body_of(call: &mut Call, limit: usize) -> Result<Value, Failure> {
    let bytes = call.bytes(limit)?;
    read_document(&bytes).map_err(|error| bad(&error))
}

/// A parameter of the query.
fn parameters(call: &Call) -> Result<SearchRequest, Failure> {
    let mut query = call.query();
    let mut number = |name: &'static str| match query.text(name).map(|text| text.parse::<i64>()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(bad(&ScimError::new(ScimType::InvalidValue, format!("{name}: must be a whole number")))),
    };
    let (start_index, count) = (number("startIndex")?, number("count")?);
    let asked = SearchRequest {
        attributes: query.text("attributes"),
        excluded_attributes: query.text("excludedAttributes"),
        filter: query.text("filter"),
        sort_by: query.text("sortBy"),
        sort_order: query.text("sortOrder"),
        start_index,
        count,
    };
    // Some directories send parameters of their own.
    query.done_loosely()?;
    Ok(asked)
}

/// Which attributes are asked for.
fn projection(call: &Call, kind: &'static ResourceType) -> Result<Projection, Failure> {
    let asked = parameters(call)?;
    let (attributes, excluded) = (asked.attributes.as_deref(), asked.excluded_attributes.as_deref());
    Projection::read(kind, attributes, excluded).map_err(|error| bad(&error))
}

/// The versions that a header names.
fn tags(call: &Call, name: &HeaderName) -> Result<Option<EntityTags>, Failure> {
    let lines: Vec<_> =
        call.request.headers().get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let read = lines.join(", ").parse::<EntityTags>();
    read.map(Some).map_err(|error| bad(&ScimError::new(error.kind, format!("{name}: {}", error.detail))))
}

/// What the request wants of the version of the resource.
fn conditions(call: &Call) -> Result<Preconditions, Failure> {
    let (matches, none_match) = (tags(call, &header::IF_MATCH)?, tags(call, &header::IF_NONE_MATCH)?);
    Ok(Preconditions { matches, none_match })
}

/// A resource with its version and address.
fn resource(status: StatusCode, shown: &Shown) -> HttpResponse {
    let mut response = document(status, &shown.resource);
    let headers = response.headers_mut();
    answer::set_header(headers, header::ETAG, &shown.version.to_string());
    let place = if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION };
    answer::set_header(headers, place, &shown.location);
    response
}

/// What has become of a resource; without a body if it is not shown.
fn changed(shown: &Shown) -> HttpResponse {
    if !shown.resource.fields().is_empty() {
        return resource(StatusCode::OK, shown);
    }
    let mut response = answer::no_content();
    answer::set_header(response.headers_mut(), header::ETAG, &shown.version.to_string());
    response
}

/// A resource; 304 to who has this version of it already (RFC 7644 3.14), 412 to who wants another one.
fn unless_known(conditions: &Preconditions, shown: &Shown) -> HandlerResult {
    if !conditions.is_expected(&shown.version) {
        return Err(refused(Refusal::Stale));
    }
    if conditions.is_known(&shown.version) {
        let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
        answer::set_header(response.headers_mut(), header::ETAG, &shown.version.to_string());
        return Ok(response);
    }
    Ok(resource(StatusCode::OK, shown))
}
