//! Logos of apps, which are served from here: no browser of a user asks another host for one.

use crate::conventions::Document;
use crate::kit::answer::{self, set_header};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::ids::AppId;
use doorward_domain::openid::LogoMark;
use doorward_services::Error;
use doorward_services::oauth2::app_rules;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Document::Named);
    // Each is read from the database.
    r.plain(__path_show, show).limit(Limit::Api);
}

/// Where a logo is served; another one has another address.
pub(crate) fn logo_path(app: AppId, logo: &LogoMark) -> String {
    format!("/oauth2/apps/{app}/logo?v={}", logo.version)
}

/// The logo of an app.
#[utoipa::path(
    get, path = "/oauth2/apps/{app}/logo", tag = "oauth2 apps", operation_id = "app_logo",
    params(("app" = uuid::Uuid, Path, description = "Id of the app")),
    responses(
        (status = 200, description = "A PNG, JPEG, WebP or GIF"),
        (status = 404),
        (status = 429, description = "Too many requests. `Retry-After` says how long to wait."),
    ),
)]
pub(crate) async fn show(call: Call) -> HandlerResult {
    // What is no id is the id of no app.
    let app: AppId = call.segment("app").parse().map_err(|_no_id| Error::NotFound)?;
    let logo = app_rules::logo(call.context(), app).await?;
    let kind = HeaderValue::from_static(logo.kind.as_str());
    let mut response = answer::bytes(StatusCode::OK, kind, logo.bytes.into());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Whatever it were: nothing in it runs, and nothing is loaded.
    set_header(headers, header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    Ok(response)
}
