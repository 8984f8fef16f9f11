//! A key for a command line whose user signs in here, in the browser: `coder login` opens `/cli-auth`.

use super::{OUT_OF_DATE, sign_out_token, signed_in, stale_for_programs};
use crate::conventions::Page;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_services::appearance::of_pages;
use doorward_services::users::UserRef;
use doorward_services::{Principal, sessions};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.recognized(__path_show, show);
    r.recognized(__path_make, make).limit(Limit::Login);
}

/// Makes a key for a command line. POSTs to [`paths::CLI_AUTH`]: `csrf_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "cli_auth.html")]
pub(crate) struct CliAuth<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// Why nothing has been done.
    pub(crate) notice: Option<&'a str>,
    /// The key, once it is made.
    pub(crate) key: Option<&'a str>,
}

only_logo!(CliAuth);

/// Explains what a command line asks for, to the signed-in user. Nothing is made yet.
#[utoipa::path(
    get, path = paths::CLI_AUTH, tag = "pages", operation_id = "cli_auth_form",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let actor = signed_in(&call.request, who)?;
    page(&call, &actor, StatusCode::OK, None).await
}

/// The form that makes a key for a command line.
#[derive(Deserialize, ToSchema)]
#[schema(as = CliAuthForm)]
pub(crate) struct CliAuthForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
}

/// Makes a key for a command line, as `POST /api/v2/users/me/keys` does, and shows it this once.
#[utoipa::path(
    post, path = paths::CLI_AUTH, tag = "pages", operation_id = "cli_auth",
    request_body(content = CliAuthForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn make(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: CliAuthForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::CliAuth, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, None).await;
    }
    let issued = sessions::create_key(call.context(), &actor, &UserRef::Me).await?;
    page(&call, &actor, StatusCode::OK, Some(issued.token.expose())).await
}

async fn page(call: &Call, actor: &Principal, status: StatusCode, key: Option<&str>) -> HandlerResult {
    let look = of_pages(call.context()).await;
    let page = CliAuth {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::CliAuth, ""),
        sign_out_token: &sign_out_token(call, actor),
        user: Person::of(&actor.account()?.user),
        notice: (!status.is_success()).then_some(OUT_OF_DATE),
        key,
    };
    Ok(render(status, &page, &FormAction::own()))
}
