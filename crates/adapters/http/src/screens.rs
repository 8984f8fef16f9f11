//! The handlers of the pages for people.

pub(crate) mod applications;
pub(crate) mod cli_auth;
pub(crate) mod home;
pub(crate) mod setup;
pub(crate) mod sign_in;

use crate::accept::{Wish, wish};
use crate::answer::redirect;
use crate::call::{Call, Outcome};
use crate::caller::STALE_FORM;
use crate::csrf::{self, Purpose};
use crate::error::{self, Failure};
use crate::pages::headers::{FormAction, render};
use crate::pages::paths;
use crate::pages::views::{Brand, ErrorPage, Link, Person};
use crate::sessions::set_cookie;
use crate::site::Site;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::users::User;
use doorward_services::{Error, OAuthError, Principal};
use std::borrow::Cow;
use uuid::Uuid;

/// Why somebody is asked to sign in. Only this text is shown, whatever a link says.
const SIGN_IN_FIRST: &str = "Sign in to continue.";

/// The user, as pages show them.
pub(crate) fn person(user: &User) -> Person<'_> {
    Person { username: &user.username, email: &user.email, name: &user.name }
}

/// Path and query of a request, as it was sent.
pub(crate) fn path_and_query(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// Sends the browser to the sign-in page, from where it comes back to this very request.
pub(crate) fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    sign_in_for(path_and_query(request))
}

fn sign_in_for(target: &str) -> HttpResponse {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("message", SIGN_IN_FIRST)
        .append_pair("redirect", target)
        .finish();
    redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", paths::LOGIN))
}

/// The user who is signed in, or the way to the sign-in page.
pub(crate) fn signed_in(request: &HttpRequest, who: Result<Principal, Failure>) -> Result<Principal, Failure> {
    who.map_err(|failure| match failure {
        Failure::Answer(_) => sign_in_first(request).into(),
        Failure::Api(_) | Failure::OAuth(_) | Failure::Spent(_) => failure,
    })
}

/// A place of our own to go to. Browsers ignore control characters and take `\` for `/`, so those are refused.
fn own_target(text: &str) -> &str {
    let is_own = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if is_own { text } else { paths::HOME }
}

/// A page with a form before there is a session: `page` gets the token for the form, whose cookie goes with the answer.
fn with_token(call: &Call, purpose: Purpose, page: impl FnOnce(&str) -> HttpResponse) -> Outcome {
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

/// A page that says what went wrong.
pub(crate) fn error_page(
    site: &Site,
    id: Option<Uuid>,
    status: StatusCode,
    title: &str,
    explanation: &str,
) -> HttpResponse {
    let id = id.map(|id| id.to_string());
    let page = ErrorPage {
        brand: Brand::of(site),
        status: status.as_u16(),
        title,
        explanation,
        request_id: id.as_deref(),
        back: Some(Link { href: paths::HOME, text: "To the start page" }),
    };
    render(status, &page, &FormAction::own())
}

/// What went wrong: a page for people, JSON for a program that asks for it.
pub(crate) fn problem(call: &Call, status: StatusCode, title: &str, explanation: &str) -> HttpResponse {
    if wish(&call.request) == Wish::Json {
        return error::api_error(status, title, explanation);
    }
    error_page(&call.site, call.origin.request_id, status, title, explanation)
}

/// The page for what is not there.
pub(crate) fn not_found(call: &Call) -> HttpResponse {
    let explanation = "Nothing is at this address. It may have been mistyped.";
    problem(call, StatusCode::NOT_FOUND, "Page not found", explanation)
}

/// Why a page is shown again instead of doing what its form asked for.
const OUT_OF_DATE: &str = "This page was out of date, so nothing was done. Please try again.";

/// What a program is told whose form lacks its token, in plain text (`oauth2.md` 7); a person is shown the form anew.
pub(crate) fn stale_for_programs(call: &Call) -> Result<(), Failure> {
    if wish(&call.request) == Wish::Page {
        return Ok(());
    }
    Err(crate::answer::text(StatusCode::BAD_REQUEST, STALE_FORM).into())
}

/// The page for a request that the authorization server refuses.
pub(crate) fn refused(site: &Site, error: &OAuthError, id: Option<Uuid>) -> HttpResponse {
    // Status, log and headers are those of the answer to a program.
    let program = error::oauth(error);
    let explanation = format!("{}. Please go back to where you came from and try again.", capital(&error.description));
    let mut response = error_page(site, id, program.status(), "This did not work", &explanation);
    if let Some(value) = program.headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, value.clone());
    }
    response
}

/// A text with a capital at its beginning.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(char::to_uppercase).into_iter().flatten().chain(chars).collect()
}

/// The page for a request that failed.
pub(crate) fn failure(site: &Site, request: &HttpRequest, failed: &Error, id: Option<Uuid>) -> HttpResponse {
    let api = error::api(site, request.uri().path(), failed);
    let (title, explanation): (&str, Cow<'_, str>) = match failed {
        Error::Unauthenticated { .. } => return sign_in_first(request),
        Error::NotFound | Error::NoSuch(_) | Error::UserNotFound | Error::OrganizationNotFound(_) => {
            ("Not found", "This does not exist, or you may not see it.".into())
        }
        Error::Forbidden(_) => ("Not allowed", "Your account has no permission to do this.".into()),
        Error::Refused(message) | Error::Precondition(message) => ("Not allowed", message.into()),
        Error::Invalid { message, .. } | Error::Conflict { message, .. } => ("This did not work", message.into()),
        Error::TooManyAttempts { .. } => ("Too many attempts", "Please wait a moment and try again.".into()),
        Error::Unavailable { outage, .. } => {
            ("Busy", format!("The server cannot answer now: {outage}. Please try again in a moment.").into())
        }
        Error::Internal(_) => (
            "Something went wrong",
            "The server could not do this. Its administrator finds the cause in the log.".into(),
        ),
    };
    let mut response = error_page(site, id, api.status(), title, &explanation);
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = api.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_our_own_are_targets() {
        for own in ["/", "/oauth2/authorize?client_id=1&x=%2F", "/a//b"] {
            assert_eq!(own_target(own), own);
        }
        for other in
            ["", "a", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", "/a b", "/ä"]
        {
            assert_eq!(own_target(other), "/", "{other}");
        }
    }
}
