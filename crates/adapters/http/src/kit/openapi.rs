//! The OpenAPI document, as far as it follows from the route table: what each handler says about itself, whom a route lets
//! in, and which errors its convention can answer.

use crate::kit::convention::{Credential, Family};
use crate::kit::error::{ApiError, OAuthBody};
use crate::kit::routes::Entry;
use actix_web::http::StatusCode;
use doorward_domain::wire;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::ToSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// Names of the security schemes in the document.
const SESSION: &str = "sessionToken";
const BEARER: &str = "bearer";
const CLIENT: &str = "client";
const DIRECTORY: &str = "directory";
const PROXY: &str = "workspaceProxy";

/// The document of these routes; `document` says what is about none of them.
pub(crate) fn complete(mut document: OpenApi, table: &[Entry]) -> OpenApi {
    let components = document.components.get_or_insert_default();
    for entry in table {
        let mut schemas = Vec::new();
        (entry.documentation.schemas)(&mut schemas);
        components.schemas.extend(schemas);
        let mut operation = (entry.documentation.operation)();
        describe(&mut operation, entry);
        let methods = (entry.documentation.methods)();
        document.paths.add_path_operation(entry.documentation.path, methods, operation);
    }
    let session = ApiKey::Header(ApiKeyValue::new(wire::SESSION_HEADER));
    let proxy = ApiKey::Header(ApiKeyValue::new(wire::PROXY_TOKEN_HEADER));
    for (name, scheme) in [
        (SESSION, SecurityScheme::ApiKey(session)),
        (BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
        (CLIENT, SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
        (DIRECTORY, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
        (PROXY, SecurityScheme::ApiKey(proxy)),
    ] {
        components.security_schemes.insert(name.to_owned(), RefOr::T(scheme));
    }
    components.responses.extend(shared_responses().into_iter().map(|(name, response)| (name, RefOr::T(response))));
    document
}

fn describe(operation: &mut Operation, entry: &Entry) {
    let requirement = |name: &str| SecurityRequirement::new(name, std::iter::empty::<&str>());
    let (convention, limit) = (entry.endpoint.convention, entry.endpoint.limit);
    operation.security = match convention.credential(entry.audience) {
        Credential::None => None,
        Credential::Account => Some(vec![requirement(SESSION), requirement(BEARER)]),
        Credential::Client => Some(vec![requirement(CLIENT), SecurityRequirement::default()]),
        Credential::Directory => Some(vec![requirement(DIRECTORY)]),
        Credential::Proxy => Some(vec![requirement(PROXY)]),
    };
    if let (Some(tag), Some(name)) = (operation.tags.as_ref().and_then(|tags| tags.first()), &operation.operation_id) {
        operation.operation_id = Some(format!("{}_{name}", tag.replace(' ', "_")));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let reason = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            reason.unwrap_or_default().clone_into(&mut response.description);
        }
    }
    let family = convention.family().name();
    for status in convention.statuses(limit) {
        let response = RefOr::Ref(Ref::from_response_name(format!("{family}{status}")));
        operation.responses.responses.entry(status.to_string()).or_insert(response);
    }
}

/// The errors that endpoints of a family can answer, each described once.
fn shared_responses() -> BTreeMap<String, Response> {
    const STATUSES: [(u16, &str); 13] = [
        (400, "The request is malformed or breaks a rule."),
        (401, "No credential, or one that is not accepted."),
        (403, "The caller may not do this."),
        (404, "This does not exist, or the caller may not see it."),
        (405, "This path does not know this method."),
        (409, "The state of the server does not allow this now."),
        (412, "Something is not as it would have to be, such as a job that is not over, or is."),
        (413, "The body is too large."),
        (415, "The body has a `Content-Encoding`."),
        (428, "Only owners may bypass rate limits."),
        (429, "Too many requests. `Retry-After` says how long to wait."),
        (500, "An error inside the server."),
        (503, "The server is overloaded. `Retry-After` says how long to wait."),
    ];
    let mut responses = BTreeMap::new();
    for (status, description) in STATUSES {
        for family in Family::ALL {
            let builder = ResponseBuilder::new().description(description);
            let json = |name: Cow<'static, str>| {
                ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(name)))).build()
            };
            let response = match family {
                Family::Api => builder.content("application/json", json(ApiError::name())),
                Family::OAuth2 => builder.content("application/json", json(OAuthBody::name())),
                // While SCIM is switched off, 404 has the body of the API.
                Family::Scim => builder.content("application/scim+json", ContentBuilder::new().build()),
                // The plain text is that of a CSRF refusal; the authorization endpoint answers scripts in JSON.
                Family::Page => builder
                    .content("text/html", ContentBuilder::new().build())
                    .content("text/plain", ContentBuilder::new().build())
                    .content("application/json", json(OAuthBody::name())),
            };
            responses.insert(format!("{}{status}", family.name()), response.build());
        }
    }
    responses
}
