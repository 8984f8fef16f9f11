//! The OpenAPI document, and the viewer of it.

use crate::answer;
use crate::call::{Call, Outcome};
use crate::error::{ApiError, OAuthBody};
use crate::gate::{Area, Limit};
use crate::routes::{Access, Entry, table};
use crate::{
    audit, authcheck, deployment, groups, members, oauth2, organizations, quotas, roles, screens, sessions, status,
    templates, users, workspaces,
};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use doorward_domain::wire;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{OpenApi, ToSchema as _};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward",
        description = "OAuth 2.1 authorization server with users, groups and role-based access control; wire-compatible with Coder's API."
    ),
    paths(
        status::greeting,
        status::build_info,
        status::health,
        status::ready,
        authcheck::check,
        users::first_exists,
        users::create_first,
        users::validate_password,
        users::list,
        users::create,
        users::find,
        users::oidc_claims,
        users::delete,
        users::suspend,
        users::activate,
        users::roles,
        users::update_roles,
        users::update_profile,
        users::change_password,
        users::appearance,
        users::update_appearance,
        users::login_type,
        users::organizations,
        users::organization,
        groups::list,
        groups::list_of_organization,
        groups::find,
        groups::find_by_name,
        groups::create,
        groups::update,
        groups::pages::members,
        groups::pages::members_by_name,
        groups::pages::page,
        groups::delete,
        organizations::list,
        organizations::create,
        organizations::find,
        organizations::update,
        organizations::delete,
        members::list,
        members::find,
        members::page,
        members::add,
        members::remove,
        members::update_roles,
        roles::list_site,
        roles::list_organization,
        roles::create,
        roles::update,
        roles::delete,
        sessions::login,
        sessions::logout,
        sessions::auth_methods,
        sessions::keys::create_key,
        sessions::keys::find_key,
        sessions::keys::delete_key,
        sessions::keys::expire_key,
        sessions::keys::create_token,
        sessions::keys::list_tokens,
        sessions::keys::find_token,
        sessions::keys::token_config,
        templates::list,
        templates::find,
        templates::update,
        templates::delete,
        templates::acl::show_acl,
        templates::acl::update_acl,
        templates::acl::available,
        templates::list_in,
        templates::create,
        templates::find_by_name,
        workspaces::create,
        workspaces::create_in,
        workspaces::list,
        workspaces::find,
        workspaces::builds,
        workspaces::build,
        workspaces::set_dormant,
        quotas::find,
        quotas::find_in_default,
        oauth2::apps::list,
        oauth2::apps::create,
        oauth2::apps::find,
        oauth2::apps::update,
        oauth2::apps::delete,
        oauth2::apps::list_secrets,
        oauth2::apps::create_secret,
        oauth2::apps::delete_secret,
        oauth2::authorize::ask,
        oauth2::authorize::allow,
        oauth2::tokens::exchange,
        oauth2::tokens::withdraw,
        oauth2::tokens::revoke,
        oauth2::tokens::introspect,
        oauth2::documents::authorization_server,
        oauth2::documents::authorization_server_below,
        oauth2::documents::protected_resource,
        oauth2::documents::protected_resource_below,
        sessions::keys::scopes,
        deployment::experiments,
        deployment::available_experiments,
        deployment::update_check,
        deployment::regions,
        deployment::app_host,
        deployment::ssh,
        deployment::csp_reports,
        oauth2::settings::show,
        oauth2::settings::update,
        audit::list,
        audit::generate,
        screens::home::show,
        screens::setup::show,
        screens::setup::submit,
        screens::sign_in::show,
        screens::sign_in::submit,
        screens::sign_in::sign_out,
        screens::cli_auth::show,
        screens::cli_auth::make,
        screens::applications::list,
        screens::applications::revoke,
        openapi,
        viewer,
        viewer_file,
    ),
    components(schemas(ApiError, OAuthBody)),
    tags(
        (name = "oauth2", description = "The authorization server"),
        (name = "oauth2 apps", description = "Registered apps and their secrets"),
        (name = "sessions", description = "Signing in and out"),
        (name = "keys", description = "Session keys and API tokens"),
        (name = "users", description = "Accounts"),
        (name = "organizations", description = "Organizations"),
        (name = "members", description = "Members of organizations, and their roles"),
        (name = "roles", description = "Roles that can be given, and custom roles"),
        (name = "authorization", description = "What the caller may do"),
        (name = "groups", description = "Groups of users within an organization"),
        (name = "templates", description = "Templates and who may use them"),
        (name = "workspaces", description = "Workspaces and builds, as far as access and quotas need them"),
        (name = "quotas", description = "What users spend and may spend"),
        (name = "audit", description = "The audit log"),
        (name = "deployment", description = "What clients ask about the deployment and is always the same"),
        (name = "status", description = "Version and health"),
        (name = "documentation", description = "This document"),
        (name = "pages", description = "Pages for people"),
    )
)]
struct Document;

/// Names of the security schemes in the document.
const SESSION: &str = "sessionToken";
const BEARER: &str = "bearer";
const CLIENT: &str = "client";

/// The OpenAPI 3.1 document of everything that is served.
#[must_use]
pub fn openapi_json() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// What each handler says about itself, and what the route table says about each route: whom it lets in, and which
/// errors its area can answer.
fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    for entry in table() {
        let path = documented_path(entry.endpoint.path);
        let Some(item) = document.paths.paths.get_mut(&*path) else { continue };
        let operation = match entry.endpoint.method {
            Method::GET => &mut item.get,
            Method::POST => &mut item.post,
            Method::PUT => &mut item.put,
            Method::PATCH => &mut item.patch,
            Method::DELETE => &mut item.delete,
            _ => continue,
        };
        if let Some(operation) = operation {
            describe(operation, &entry);
        }
    }
    let components = document.components.get_or_insert_default();
    let session = ApiKey::Header(ApiKeyValue::new(wire::SESSION_HEADER));
    components.security_schemes.insert(SESSION.to_owned(), RefOr::T(SecurityScheme::ApiKey(session)));
    components
        .security_schemes
        .insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))));
    components
        .security_schemes
        .insert(CLIENT.to_owned(), RefOr::T(SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))));
    components.responses.extend(shared_responses().into_iter().map(|(name, response)| (name, RefOr::T(response))));
    document
}

/// The path of a route as OpenAPI spells it: without the pattern of a parameter.
fn documented_path(path: &'static str) -> Cow<'static, str> {
    if path.contains(":.*") { Cow::Owned(path.replace(":.*", "")) } else { Cow::Borrowed(path) }
}

fn describe(operation: &mut Operation, entry: &Entry) {
    let requirement = |name: &str| SecurityRequirement::new(name, std::iter::empty::<&str>());
    operation.security = match (entry.access, entry.endpoint.area) {
        (Access::SignedIn, _) | (Access::Recognized, Area::Consent | Area::OAuth2) => {
            Some(vec![requirement(SESSION), requirement(BEARER)])
        }
        (Access::Public, Area::OAuth2) => Some(vec![requirement(CLIENT), SecurityRequirement::default()]),
        (Access::Public | Access::Recognized, _) => None,
    };
    let statuses: &[u16] = match (entry.endpoint.area, entry.endpoint.limit) {
        (Area::Document, _) => &[405],
        (_, Limit::Off) => &[404, 405, 500, 503],
        (_, Limit::Api | Limit::Login | Limit::OAuth2 | Limit::Client) => {
            &[400, 401, 403, 404, 405, 409, 413, 428, 429, 500, 503]
        }
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
    let family = match entry.endpoint.area {
        Area::Api | Area::Scim | Area::Document => "Api",
        Area::OAuth2 => "OAuth2",
        Area::Consent | Area::Page => "Page",
    };
    for status in statuses {
        let response = RefOr::Ref(Ref::from_response_name(format!("{family}{status}")));
        operation.responses.responses.entry(status.to_string()).or_insert(response);
    }
}

/// The errors that every endpoint of an area can answer, each described once.
fn shared_responses() -> BTreeMap<String, Response> {
    const STATUSES: [(u16, &str); 11] = [
        (400, "The request is malformed or breaks a rule."),
        (401, "No credential, or one that is not accepted."),
        (403, "The caller may not do this."),
        (404, "This does not exist, or the caller may not see it."),
        (405, "This path does not know this method."),
        (409, "The state of the server does not allow this now."),
        (413, "The body is too large."),
        (428, "Only owners may bypass rate limits."),
        (429, "Too many requests. `Retry-After` says how long to wait."),
        (500, "An error inside the server."),
        (503, "The server is overloaded. `Retry-After` says how long to wait."),
    ];
    let mut responses = BTreeMap::new();
    for (status, description) in STATUSES {
        for family in ["Api", "OAuth2", "Page"] {
            let builder = ResponseBuilder::new().description(description);
            let json = |name: Cow<'static, str>| {
                ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name(name)))).build()
            };
            let response = match (family, status) {
                ("Api", _) => builder.content("application/json", json(ApiError::name())),
                ("OAuth2", _) => builder.content("application/json", json(OAuthBody::name())),
                // The plain text is that of a CSRF refusal; the authorization endpoint answers scripts in JSON.
                _ => builder
                    .content("text/html", ContentBuilder::new().build())
                    .content("text/plain", ContentBuilder::new().build())
                    .content("application/json", json(OAuthBody::name())),
            };
            responses.insert(format!("{family}{status}"), response.build());
        }
    }
    responses
}

/// This document.
#[utoipa::path(
    get, path = "/api/v2/openapi.json", tag = "documentation",
    responses((status = 200, body = serde_json::Value)),
)]
pub(crate) async fn openapi(call: Call) -> Outcome {
    Ok(answer::bytes(StatusCode::OK, answer::JSON, call.site.openapi()))
}

/// Content security policy of the viewer: its own files and nothing else, but for the styles that it sets on elements.
const VIEWER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Shows this document to people.
#[utoipa::path(
    get, path = "/docs", tag = "documentation",
    responses((status = 200, body = String, content_type = "text/html")),
)]
pub(crate) async fn viewer(call: Call) -> Outcome {
    const PAGE: &str = include_str!("docs/viewer.html");
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let page = match call.site.base() {
        "" => Bytes::from_static(PAGE.as_bytes()),
        base => PAGE.replace("=\"/", &format!("=\"{base}/")).into(),
    };
    let mut response = answer::bytes(StatusCode::OK, html, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, VIEWER_POLICY);
    Ok(response)
}

/// The files of the viewer.
#[utoipa::path(
    get, path = "/docs/{file}", tag = "documentation",
    params(("file" = String, Path, description = "Name of the file")),
    responses((status = 200, description = "The file")),
)]
pub(crate) async fn viewer_file(call: Call) -> Outcome {
    let file = match &*call.segment("file") {
        "start.js" => Some((Bytes::from_static(include_bytes!("docs/start.js")), "text/javascript; charset=utf-8")),
        name => vendored(name),
    };
    let Some((body, content_type)) = file else { return Ok(screens::not_found(&call)) };
    let mut response = answer::bytes(StatusCode::OK, HeaderValue::from_static(content_type), body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}

/// A file of Swagger UI, which comes in a crate.
fn vendored(name: &str) -> Option<(Bytes, &'static str)> {
    let content_type = match name {
        "swagger-ui.css" => "text/css; charset=utf-8",
        "swagger-ui-bundle.js" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    let config = std::sync::Arc::new(utoipa_swagger_ui::Config::from("/api/v2/openapi.json"));
    let file = utoipa_swagger_ui::serve(name, config).ok().flatten()?;
    Some((Bytes::from(file.bytes.into_owned()), content_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_served_is_documented_and_the_reverse() {
        let served: BTreeSet<(String, String)> = table()
            .iter()
            .map(|entry| (documented_path(entry.endpoint.path).into_owned(), entry.endpoint.method.to_string()))
            .collect();
        let document: serde_json::Value = serde_json::from_str(&openapi_json()).unwrap();
        let documented: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        assert_eq!(served, documented);
        assert_eq!(served.len(), table().len(), "a route is registered twice");
    }

    #[test]
    fn every_operation_has_a_name_and_says_what_it_answers() {
        let document: serde_json::Value = serde_json::from_str(&openapi_json()).unwrap();
        let mut names = BTreeSet::new();
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
        {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is there twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
            for response in operation["responses"].as_object().unwrap().values() {
                assert!(
                    response.get("$ref").is_some() || !response["description"].as_str().unwrap().is_empty(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = openapi_json();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let references = text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next());
        for pointer in references {
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
