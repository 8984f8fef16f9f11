//! What clients read before they know anything else (RFC 8414, RFC 9728). The documents never change while the server
//! runs, so they are written once.

use crate::answer::{self, ok};
use crate::call::{Call, Outcome};
use crate::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use doorward_services::oauth2::metadata;

/// The metadata of the authorization server.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "oauth2",
    responses((status = 200, body = serde_json::Value, description = "RFC 8414 section 2")),
)]
pub(crate) async fn authorization_server(call: Call) -> Outcome {
    Ok(document(&call.site.authorization_server))
}

/// The same, where clients look that insert a path (RFC 8414 section 3.1).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server/{path}", tag = "oauth2",
    params(("path" = String, Path, description = "Any path")),
    responses((status = 200, body = serde_json::Value, description = "RFC 8414 section 2")),
)]
pub(crate) async fn authorization_server_below(call: Call) -> Outcome {
    Ok(document(&call.site.authorization_server))
}

/// The metadata of this server as a protected resource.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "oauth2",
    responses((status = 200, body = serde_json::Value, description = "RFC 9728 section 2")),
)]
pub(crate) async fn protected_resource(call: Call) -> Outcome {
    Ok(document(&call.site.protected_resource))
}

/// The metadata of a path of this server as a protected resource (RFC 9728 section 3.1).
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource/{path}", tag = "oauth2",
    params(("path" = String, Path, description = "Any path")),
    responses((status = 200, body = serde_json::Value, description = "RFC 9728 section 2")),
)]
pub(crate) async fn protected_resource_below(call: Call) -> Outcome {
    // As the client wrote it: the document must name the very identifier from which the client made the URL.
    let raw = call.request.uri().path();
    let inserted = raw.split_once("/.well-known/oauth-protected-resource").map_or("", |(_, rest)| rest);
    let below = below(&call.site, inserted);
    if below.is_empty() {
        return Ok(document(&call.site.protected_resource));
    }
    let mut response = ok(&metadata::protected_resource(&call.context().settings, &below));
    response.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    Ok(response)
}

const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

fn document(body: &Bytes) -> HttpResponse {
    let mut response = answer::bytes(StatusCode::OK, answer::JSON, body.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    response
}

/// The part of an inserted path that lies below the access URL, which may have a path itself.
fn below(site: &Site, inserted: &str) -> String {
    let own = site.context.settings.access_url.path().trim_end_matches('/');
    match inserted.strip_prefix(own) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            if rest == "/" {
                String::new()
            } else {
                rest.to_owned()
            }
        }
        Some(_) | None => inserted.to_owned(),
    }
}
