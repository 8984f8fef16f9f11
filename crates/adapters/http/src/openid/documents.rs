//! What apps read before they know anything else (OpenID Connect Discovery 1.0, RFC 7517).

use crate::conventions::Document;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json;
use crate::kit::routes::Routes;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::Digest;
use doorward_services::{Error, openid};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Document::WellKnown);
    r.plain(__path_configuration, configuration);
    r.plain(__path_configuration_below, configuration_below).takes_the_rest();
    let mut r = routes.of(&Document::Named);
    r.plain(__path_keys, keys);
}

/// The metadata of the provider.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "openid", operation_id = "openid_configuration",
    responses((status = 200, body = serde_json::Value, description = "The document of the authorization server"), (status = 404)),
)]
pub(crate) async fn configuration(call: Call) -> HandlerResult {
    document(&call).await
}

/// The same, where clients look that insert a path (RFC 8414 section 5).
#[utoipa::path(
    get, path = "/.well-known/openid-configuration/{path}", tag = "openid", operation_id = "openid_configuration_below",
    params(("path" = String, Path, description = "Any path")),
    responses((status = 200, body = serde_json::Value, description = "The document of the authorization server"), (status = 404)),
)]
pub(crate) async fn configuration_below(call: Call) -> HandlerResult {
    document(&call).await
}

async fn document(call: &Call) -> HandlerResult {
    if !call.context().settings.oidc.enabled {
        return Err(Error::NotFound.into());
    }
    let mut response = answer::bytes(StatusCode::OK, answer::JSON, call.site.authorization_server().await.clone());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}

/// The keys with which this server signs.
#[utoipa::path(
    get, path = "/oauth2/jwks", tag = "openid", operation_id = "published_keys",
    responses(
        (status = 200, body = serde_json::Value, description = "RFC 7517 section 5"),
        (status = 304, description = "The keys are those that the client has"),
        (status = 404),
    ),
)]
pub(crate) async fn keys(call: Call) -> HandlerResult {
    let keys = openid::documents::published_keys(call.context()).await?;
    let body = json::to_bytes(&keys).map_err(|error| Error::Internal(error.into()))?;
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Digest::of(&body).as_bytes()));
    let known = call.request.headers().get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known = known.is_some_and(|known| {
        let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|known| known == tag || known == "*")
    });
    let mut response = if is_known {
        HttpResponse::new(StatusCode::NOT_MODIFIED)
    } else {
        answer::bytes(StatusCode::OK, answer::JSON, body.into())
    };
    answer::set_header(response.headers_mut(), header::ETAG, &tag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}
