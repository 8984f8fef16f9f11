//! The server-rendered pages, each with its view and its handlers: set-up, sign-in, consent, account.
//!
//! A handler fills the struct of a template and hands it to [`render`](crate::kit::html::headers::render). Every page works
//! without JavaScript and asks nothing of another host, except the icon of an application.

mod access;
mod app_face;
pub(crate) mod applications;
pub(crate) mod cli_auth;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod end_session;
pub(crate) mod factors;
mod form_post;
pub(crate) mod home;
pub(crate) mod links;
pub(crate) mod reset_password;
pub(crate) mod second_step;
pub(crate) mod setup;
pub(crate) mod sign_in;
mod target;

#[cfg(test)]
mod tests;

use crate::conventions::page::sign_in_first;
use crate::kit::accept::{Wish, wish};
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::caller::STALE_FORM;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::routes::Routes;
use crate::sessions::set_cookie;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use doorward_services::Principal;

pub(crate) fn routes(routes: &mut Routes) {
    consent::routes(routes);
    device::routes(routes);
    end_session::routes(routes);
    home::routes(routes);
    setup::routes(routes);
    sign_in::routes(routes);
    second_step::routes(routes);
    factors::routes(routes);
    reset_password::routes(routes);
    cli_auth::routes(routes);
    applications::routes(routes);
    links::routes(routes);
}

/// The user who is signed in, or the way to the sign-in page.
pub(crate) fn signed_in(request: &HttpRequest, who: Result<Principal, Failure>) -> Result<Principal, Failure> {
    who.map_err(|failure| match failure {
        Failure::Answer(_) => sign_in_first(request).into(),
        Failure::Api(_) | Failure::OAuth(_) | Failure::Spent(_) => failure,
    })
}

/// A page with a form before there is a session: `page` gets the token for the form, whose cookie goes with the answer.
fn with_token(call: &Call, purpose: Purpose, page: impl FnOnce(&str) -> HttpResponse) -> HandlerResult {
    let token = csrf::issue_anonymous(&call.site, &call.request, purpose);
    let mut response = page(&token.field);
    if let Some(cookie) = &token.cookie {
        set_cookie(&mut response, cookie)?;
    }
    Ok(response)
}

/// The token of the form that signs this user out.
pub(crate) fn sign_out_token(call: &Call, actor: &Principal) -> String {
    csrf::issue(&call.site, actor, Purpose::SignOut, "")
}

/// A detail of the API as a sentence: with a capital and a full stop.
pub(crate) fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let capital = chars.next().map(char::to_uppercase).into_iter().flatten();
    let stop = (!detail.ends_with(['.', ':', '!', '?'])).then_some('.');
    capital.chain(chars).chain(stop).collect()
}

/// Why a page is shown again instead of doing what its form asked for.
pub(crate) const OUT_OF_DATE: &str = "This page was out of date, so nothing was done. Please try again.";

/// What a program is told whose form lacks its token, in plain text (`oauth2.md` 7); a person is shown the form anew.
pub(crate) fn stale_for_programs(call: &Call) -> Result<(), Failure> {
    if wish(&call.request) == Wish::Page {
        return Ok(());
    }
    Err(answer::text(StatusCode::BAD_REQUEST, STALE_FORM).into())
}
