//! The start page.

use super::{person, sign_out_token, signed_in};
use crate::answer::redirect;
use crate::call::{Call, Outcome};
use crate::csrf::{self, Purpose};
use crate::error::Failure;
use crate::pages::headers::{FormAction, render};
use crate::pages::paths;
use crate::pages::views::{Brand, Home};
use crate::users::role_display_name;
use actix_web::http::StatusCode;
use doorward_services::{Principal, users};

/// Shows the account of the signed-in user; leads to set-up or sign-in if there is none.
#[utoipa::path(
    get, path = "/", tag = "pages", operation_id = "home",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "To set-up or sign-in"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> Outcome {
    if who.is_err() && !users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::SETUP));
    }
    let actor = signed_in(&call.request, who)?;
    let user = &actor.account()?.user;
    let roles: Vec<String> = user.roles.iter().map(|role| role_display_name(role)).collect();
    let page = Home {
        brand: Brand::of(&call.site),
        sign_out_token: &sign_out_token(&call, &actor),
        api_token: &csrf::issue(&call.site, &actor, Purpose::Api, ""),
        user: person(user),
        roles: roles.iter().map(String::as_str).collect(),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}
