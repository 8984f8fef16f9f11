//! What clients read before they know anything else (RFC 8414, RFC 9728). The documents are written once; which of two is
//! sent depends on whether clients may register themselves.

use crate::conventions::Document;
use crate::kit::answer::{self, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use doorward_services::oauth2::metadata;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Document::WellKnown);
    r.plain(__path_authorization_server, authorization_server).busy();
    r.plain(__path_protected_resource, protected_resource);
    r.plain(__path_authorization_server_below, authorization_server_below).takes_the_rest();
    r.plain(__path_protected_resource_below, protected_resource_below).takes_the_rest();
}

/// The metadata of the authorization server.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "oauth2",
    responses((status = 200, body = serde_json::Value, description = "RFC 8414 section 2")),
)]
pub(crate) async fn authorization_server(call: Call) -> HandlerResult {
    Ok(document(call.site.authorization_server().await))
}

/// The same, where clients look that insert a path (RFC 8414 section 3.1).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server/{path}", tag = "oauth2",
    params(("path" = String, Path, description = "Any path")),
    responses((status = 200, body = serde_json::Value, description = "RFC 8414 section 2")),
)]
pub(crate) async fn authorization_server_below(call: Call) -> HandlerResult {
    Ok(document(call.site.authorization_server().await))
}

/// The metadata of this server as a protected resource.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "oauth2",
    responses((status = 200, body = serde_json::Value, description = "RFC 9728 section 2")),
)]
pub(crate) async fn protected_resource(call: Call) -> HandlerResult {
    Ok(document(&call.site.protected_resource))
}

/// The metadata of a path of this server as a protected resource (RFC 9728 section 3.1).
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource/{path}", tag = "oauth2",
    params(("path" = String, Path, description = "Any path")),
    responses((status = 200, body = serde_json::Value, description = "RFC 9728 section 2")),
)]
pub(crate) async fn protected_resource_below(call: Call) -> HandlerResult {
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

/// The part of an inserted path that lies below the access URL, which may have a path itself. Without the path of the
/// access URL in front, all of it does: so ask clients that append to the address of the server.
fn below(site: &Site, inserted: &str) -> String {
    let rest = match inserted.strip_prefix(site.base()) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        Some(_) | None => inserted,
    };
    if rest == "/" { String::new() } else { rest.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::kit::site::Site;
    use crate::testing::{at, context, send_at, settings};
    use actix_web::test::TestRequest;
    use doorward_ports::mocks::MockRepositories;

    /// The `resource` of the document at this path of a server with this access URL.
    async fn resource_at(access_url: &str, path: &str) -> String {
        let answer = send_at(access_url, MockRepositories::default(), TestRequest::get().uri(path)).await;
        answer.json()["resource"].as_str().unwrap().to_owned()
    }

    #[actix_web::test]
    async fn a_challenge_names_the_document_of_the_path_that_was_asked_wherever_the_server_is() {
        for base in ["", "/doorward", "/api", "/api/v2", "/api/v2/users", "/oauth2/"] {
            let access_url = format!("https://door.example{base}");
            let issuer = access_url.trim_end_matches('/');
            let context = at(&access_url, context(MockRepositories::default()));
            let site = Site::new(context, settings(), crate::openapi_json);
            let site = site.unwrap();
            for path in ["/api/v2/users/me", "/api", "/api/", "/api/v2/users", "/apis", "/oauth2/tokens", "/"] {
                let challenge = site.challenge(path);
                let (_, url) = challenge.split_once("resource_metadata=\"").unwrap();
                let document = url.trim_end_matches('"').strip_prefix(issuer).unwrap();
                let asked = format!("{issuer}{}", if path == "/" { "" } else { path });
                // A proxy takes the path of the access URL off. The same is served at the root of the host (RFC 9728 3.1).
                assert_eq!(resource_at(&access_url, document).await, asked, "{access_url} {path}");
            }
        }
    }

    #[actix_web::test]
    async fn the_document_of_the_server_is_found_with_and_without_its_path() {
        for (access_url, path, resource) in [
            ("https://door.example", "", "https://door.example"),
            ("https://door.example", "/", "https://door.example"),
            ("https://door.example/api", "", "https://door.example/api"),
            ("https://door.example/api", "/api", "https://door.example/api"),
            ("https://door.example/api", "/api/", "https://door.example/api"),
            ("https://door.example/door", "/api/v2/users/me", "https://door.example/door/api/v2/users/me"),
            ("https://door.example/door", "/doors", "https://door.example/door/doors"),
        ] {
            let path = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource_at(access_url, &path).await, resource, "{access_url} {path}");
        }
    }
}
