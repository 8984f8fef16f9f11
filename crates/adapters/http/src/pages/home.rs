//! The start page.

use super::{sign_out_token, signed_in};
use crate::conventions::Page;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::routes::Routes;
use crate::users::role_display_name;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_services::appearance::of_pages;
use doorward_services::{Principal, users};

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Page).recognized(__path_show, show);
}

/// The account of the signed-in user.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub(crate) struct Home<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) sign_out_token: &'a str,
    /// For calls of the API by scripts of this page, should there be any.
    pub(crate) api_token: &'a str,
    pub(crate) user: Person<'a>,
    /// Display names of the site roles; empty reads `Member`.
    pub(crate) roles: Vec<&'a str>,
}

only_logo!(Home);

/// Shows the account of the signed-in user; leads to set-up or sign-in if there is none.
#[utoipa::path(
    get, path = paths::HOME, tag = "pages", operation_id = "home",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "To set-up or sign-in"),
    ),
)]
pub(crate) async fn show(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    if who.is_err() && !users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::SETUP));
    }
    let actor = signed_in(&call.request, who)?;
    let user = &actor.account()?.user;
    let roles: Vec<String> = user.roles.iter().map(|role| role_display_name(role)).collect();
    let look = of_pages(call.context()).await;
    let page = Home {
        brand: Brand::of(&call.site, &look),
        sign_out_token: &sign_out_token(&call, &actor),
        api_token: &csrf::issue(&call.site, &actor, Purpose::Api, ""),
        user: Person::of(user),
        roles: roles.iter().map(String::as_str).collect(),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}
