//! Tokens for apps, which proxies ask for on behalf of browsers.

use crate::conventions::{Proxy, page};
use crate::kit::answer::{created, redirect};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Room;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use doorward_domain::Secret;
use doorward_domain::entitlements::Feature;
use doorward_domain::workspace_proxies::AppRequest;
use doorward_services::workspace_proxies::{AppAnswer, issue_app_token};
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) fn routes(r: &mut Room<'_, Proxy>) {
    r.user(__path_issue_token, issue_token).needs_first(Feature::WorkspaceProxy).no_store();
}

/// Which app a browser asks a proxy for.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = WorkspaceAppRequest)]
pub(crate) struct AppRequestBody {
    /// `path` or `subdomain`; there are no terminals here.
    #[schema(required)]
    access_method: String,
    /// What stands before the path that the app sees.
    base_path: String,
    /// What stands before the name of the app in the host.
    app_prefix: String,
    /// The owner of the workspace.
    #[schema(required)]
    username_or_id: String,
    #[schema(required)]
    workspace_name_or_id: String,
    /// Empty for the only one.
    agent_name_or_id: String,
    /// Such as `code`, `8080`, or `8443s` for a port that speaks TLS.
    #[schema(required)]
    app_slug_or_port: String,
}

/// For whom a proxy asks, and for what. Proxies say besides where the browser is to come back to, which is not needed here.
#[derive(Deserialize, ToSchema)]
#[schema(as = IssueSignedAppTokenRequest)]
pub(crate) struct IssueBody {
    #[serde(default)]
    #[schema(required)]
    app_request: AppRequestBody,
    /// The session of the person; empty when the browser has none.
    #[schema(value_type = Option<String>)]
    session_token: Option<Secret<String>>,
}

/// A token for an app.
#[derive(Serialize, ToSchema)]
#[schema(as = IssueSignedAppTokenResponse)]
pub(crate) struct IssuedToken<'a> {
    /// A JSON Web Signature (HS512), good for a minute.
    signed_token_str: &'a str,
}

/// Issues a token for an app to the person whose session a proxy passes on. Any other answer is for the browser: the proxy sends it on as
/// it is.
#[utoipa::path(
    post, path = "/api/v2/workspaceproxies/me/issue-signed-app-token", tag = "workspace proxies",
    request_body = IssueBody,
    responses(
        (status = 201, body = IssuedToken),
        (status = 303, description = "The person has to sign in first"),
        (status = 404, body = String, content_type = "text/html", description = "No such app, or not for this person"),
        (status = 501, body = String, content_type = "text/html", description = "Nothing that a proxy can relay"),
        (status = 503, body = String, content_type = "text/html", description = "The workspace does not run"),
    ),
)]
pub(crate) async fn issue_token(mut call: Call, proxy: Principal) -> HandlerResult {
    let body: IssueBody = call.json_of_anybody("the proxy has shown its token")?;
    let request = app_request(body.app_request)?;
    let session = body.session_token.unwrap_or_else(|| Secret::new(String::new()));
    let answer = issue_app_token(call.context(), &proxy, request, &session).await?;
    Ok(match answer {
        AppAnswer::Token(token) => created(&IssuedToken { signed_token_str: token.expose() }),
        AppAnswer::SignIn => sign_in(&call),
        AppAnswer::NoSuchApp => {
            let explanation = "This application does not exist, or you may not reach it.";
            page::error_page(&call.asked(), StatusCode::NOT_FOUND, "Not found", explanation)
        }
        AppAnswer::NotRunning => {
            let explanation = "The workspace of this application does not run. Start it, and try again.";
            page::error_page(&call.asked(), StatusCode::SERVICE_UNAVAILABLE, "Not running", explanation)
        }
        AppAnswer::NotRelayed(why) => {
            page::error_page(&call.asked(), StatusCode::NOT_IMPLEMENTED, "Not reachable in this way", why)
        }
    })
}

fn app_request(body: AppRequestBody) -> Result<AppRequest, Error> {
    let access_method = body.access_method.parse();
    let access_method = access_method
        .map_err(|_unknown| Error::invalid_field("app_request.access_method", "must be path, subdomain or terminal"))?;
    Ok(AppRequest {
        access_method,
        base_path: body.base_path,
        app_prefix: body.app_prefix,
        username_or_id: body.username_or_id,
        workspace_name_or_id: body.workspace_name_or_id,
        agent_name_or_id: body.agent_name_or_id,
        app_slug_or_port: body.app_slug_or_port,
    })
}

/// Sends the browser, which stands at the proxy, to the sign-in page of this server.
fn sign_in(call: &Call) -> HttpResponse {
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("message", page::SIGN_IN_FIRST).finish();
    let location = format!("{}{}?{query}", call.context().settings.issuer(), page::paths::LOGIN);
    redirect(StatusCode::SEE_OTHER, &location)
}
