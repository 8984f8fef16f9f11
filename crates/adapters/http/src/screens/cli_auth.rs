//! A key for a command line whose user signs in here, in the browser: `coder login` opens `/cli-auth`.

use super::{OUT_OF_DATE, person, sign_out_token, signed_in, stale_for_programs};
use crate::call::{Call, Outcome};
use crate::csrf::{self, Purpose};
use crate::error::Failure;
use crate::pages::headers::{FormAction, render};
use crate::pages::views::{Brand, CliAuth};
use actix_web::http::StatusCode;
use doorward_services::users::UserRef;
use doorward_services::{Principal, sessions};
use serde::Deserialize;
use utoipa::ToSchema;

/// Explains what a command line asks for, to the signed-in user. Nothing is made yet.
#[utoipa::path(
    get, path = "/cli-auth", tag = "pages", operation_id = "cli_auth_form",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> Outcome {
    let actor = signed_in(&call.request, who)?;
    page(&call, &actor, StatusCode::OK, None)
}

/// The form that makes a key for a command line.
#[derive(Deserialize, ToSchema)]
#[schema(as = CliAuthForm)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the form is read by name")]
pub(crate) struct CliAuthForm {
    csrf_token: String,
}

/// Makes a key for a command line, as `POST /api/v2/users/me/keys` does, and shows it this once.
#[utoipa::path(
    post, path = "/cli-auth", tag = "pages", operation_id = "cli_auth",
    request_body(content = CliAuthForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn make(mut call: Call, who: Result<Principal, Failure>) -> Outcome {
    let form = call.form()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::CliAuth, "", form.text("csrf_token").as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, None);
    }
    let issued = sessions::create_key(call.context(), &actor, &UserRef::Me).await?;
    page(&call, &actor, StatusCode::OK, Some(issued.token.expose()))
}

fn page(call: &Call, actor: &Principal, status: StatusCode, key: Option<&str>) -> Outcome {
    let page = CliAuth {
        brand: Brand::of(&call.site),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::CliAuth, ""),
        sign_out_token: &sign_out_token(call, actor),
        user: person(&actor.account()?.user),
        notice: (!status.is_success()).then_some(OUT_OF_DATE),
        key,
    };
    Ok(render(status, &page, &FormAction::own()))
}
