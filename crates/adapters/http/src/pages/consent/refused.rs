//! What the browser shows when an authorization request is not put before its user, and the client cannot be told.

use crate::conventions::page::problem;
use crate::kit::accept::{Wish, wish};
use crate::kit::call::Call;
use crate::kit::error::{self, Failure};
use actix_web::HttpResponse;
use actix_web::http::header::WWW_AUTHENTICATE;
use actix_web::http::{Method, StatusCode};
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::OAuthError;

/// Who asks is not known: a person reads a page, a program JSON. A challenge would make the browser ask its user for a
/// password that is the client's.
pub(super) fn bad_client(call: &Call, error: &OAuthError) -> Failure {
    let mut response = error::oauth(error);
    if error.code == OAuthErrorCode::UnauthorizedClient {
        return blocked(call, response).into();
    }
    if wish(&call.request) == Wish::Page && error.code == OAuthErrorCode::InvalidClientMetadata {
        let explanation = format!(
            "The application that sent you here describes itself in a way that this server does not accept. Nothing was shared with \
             it. Please tell whoever runs the application: {}.",
            error.description
        );
        return problem(call, response.status(), "Unknown application", &explanation).into();
    }
    if wish(&call.request) == Wish::Page {
        let explanation = "The application that sent you here is not known to this server: it was removed, or its link is \
                           wrong. Nothing was shared with it. Please tell whoever runs the application.";
        return problem(call, response.status(), "Unknown application", explanation).into();
    }
    response.headers_mut().remove(WWW_AUTHENTICATE);
    response.into()
}

/// An owner does not want this client, or nothing to be sent there.
fn blocked(call: &Call, mut response: HttpResponse) -> HttpResponse {
    if wish(&call.request) == Wish::Page {
        let explanation = "An administrator of this server has blocked it. Nothing was shared with it.";
        return problem(call, StatusCode::FORBIDDEN, "This application is blocked", explanation);
    }
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// What was asked for is not known here, so nobody is there to be told: a person reads a page, a program JSON.
pub(super) fn bad_request(call: &Call, error: &OAuthError) -> Failure {
    if wish(&call.request) != Wish::Page || error.code != OAuthErrorCode::InvalidRequestUri {
        return error::oauth(error).into();
    }
    let explanation = "The request of the application that sent you here was used already, is too old, or was opened in \
                       another browser. Nothing was shared with it. Go back to the application and begin again.";
    problem(call, StatusCode::BAD_REQUEST, "This request is over", explanation).into()
}

/// Nothing is sent to a redirect URI that is not registered: a person reads a page, a script reads JSON.
pub(super) fn bad_redirect_uri(call: &Call, error: &OAuthError) -> HttpResponse {
    let is_post = call.request.method() == Method::POST;
    match wish(&call.request) {
        Wish::Any if is_post => return error::oauth(error),
        Wish::Json => return error::oauth(error),
        Wish::Page | Wish::Any => {}
    }
    if matches!(error.code, OAuthErrorCode::InvalidRequestObject | OAuthErrorCode::RequestNotSupported) {
        let explanation = "The application sent you here with a signed request that is not accepted, and it is not clear \
                           where you came from. Nothing was shared with it. Please tell whoever runs the application.";
        return problem(call, StatusCode::BAD_REQUEST, "This request cannot be trusted", explanation);
    }
    if error.code == OAuthErrorCode::ServerError {
        let explanation = "The address to return to that is registered for the application is one that this server sends \
                           nothing to. Nothing was shared with it. Please tell the administrator of this server.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return problem(call, status, "The application cannot be used", explanation);
    }
    let explanation = "The application sent you here with an address to return to that is not registered for it. \
                       Nothing was shared with it. Please tell whoever runs the application.";
    problem(call, StatusCode::BAD_REQUEST, "This request cannot be trusted", explanation)
}
