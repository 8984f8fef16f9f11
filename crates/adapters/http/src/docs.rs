//! The OpenAPI document, and the viewer of it.

use crate::conventions::{Api, Page, page};
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::{ApiError, HandlerResult, OAuthBody};
use crate::kit::limits::Limit;
use crate::kit::openapi;
use crate::kit::routes::{Entry, Routes};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use utoipa::OpenApi;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.public(__path_viewer, viewer);
    r.public(__path_viewer_file, viewer_file).limit(Limit::Off);
    let mut r = routes.of(&Api);
    r.public(__path_document, document);
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward",
        description = "OAuth 2.1 authorization server with users, groups and role-based access control; wire-compatible with Coder's API."
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
        (name = "scim tokens", description = "Tokens of the directories of organizations"),
        (name = "scim", description = "Directories that provision users, by SCIM 2.0 (RFC 7644)"),
        (name = "provisioner daemons", description = "Programs that carry out builds elsewhere"),
        (name = "provisioner keys", description = "What provisioner daemons come in with"),
        (name = "audit", description = "The audit log"),
        (name = "licenses", description = "Licences"),
        (name = "entitlements", description = "What licences give"),
        (name = "deployment", description = "What clients ask about the deployment and is always the same"),
        (name = "status", description = "Version and health"),
        (name = "documentation", description = "This document"),
        (name = "pages", description = "Pages for people"),
    )
)]
struct Described;

/// The OpenAPI 3.1 document of these routes.
pub(crate) fn openapi_json(table: &[Entry]) -> String {
    let mut text = openapi::complete(Described::openapi(), table).to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This document.
#[utoipa::path(
    get, path = "/api/v2/openapi.json", tag = "documentation", operation_id = "openapi",
    responses((status = 200, body = serde_json::Value)),
)]
pub(crate) async fn document(call: Call) -> HandlerResult {
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
pub(crate) async fn viewer(call: Call) -> HandlerResult {
    const PAGE: &str = include_str!("docs/viewer.html");
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let page = match call.site.base() {
        "" => Bytes::from_static(PAGE.as_bytes()),
        base => PAGE.replace("=\"/", &format!("=\"{base}/")).into(),
    };
    let mut response = answer::bytes(StatusCode::OK, html, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, VIEWER_POLICY);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The files of the viewer.
#[utoipa::path(
    get, path = "/docs/{file}", tag = "documentation",
    params(("file" = String, Path, description = "Name of the file")),
    responses((status = 200, description = "The file")),
)]
pub(crate) async fn viewer_file(call: Call) -> HandlerResult {
    let file = match &*call.segment("file") {
        "start.js" => Some((Bytes::from_static(include_bytes!("docs/start.js")), "text/javascript; charset=utf-8")),
        "viewer.css" => Some((Bytes::from_static(include_bytes!("docs/viewer.css")), "text/css; charset=utf-8")),
        name => vendored(name),
    };
    let Some((body, content_type)) = file else { return Ok(page::not_found(&call)) };
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
