//! Conventions: what a family of addresses has in common, as one value.

use crate::kit::error::{self, Failure};
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};
use doorward_services::{Error, OAuthError};
use std::fmt::Debug;
use uuid::Uuid;

/// How the endpoints of a family answer, and what they have in common besides. A route names its convention where it is
/// registered; no path is looked at for it. How the family finds out who asks is told by
/// [`Authenticate`](crate::kit::caller::Authenticate).
pub(crate) trait Convention: Debug + Send + Sync {
    /// What the paths of all its routes begin with, if the router is to look at them together only.
    fn mounted_at(&self) -> Option<&'static str> {
        None
    }

    /// Below this path, what no route takes is refused in this form too. Pages have the rest.
    fn territory(&self) -> Option<&'static str> {
        None
    }

    /// The limit that counts requests to a route that names none.
    fn limit(&self) -> Limit;

    /// Whether its requests are served as leanly as can be: without an id, and without a span in the log.
    fn is_lean(&self) -> bool {
        false
    }

    /// Whether scripts of any site may read the answers, and so browsers ask first (`OPTIONS`).
    fn has_preflight(&self) -> bool {
        false
    }

    /// The answer to a request that no handler was asked about.
    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse;

    /// What a path or query is that cannot be decoded.
    fn undecodable(&self, text: &'static str) -> Failure {
        Error::invalid(text).into()
    }

    /// The answer to a request that failed.
    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse;

    /// The answer to a request that the authorization server refuses.
    fn failed_oauth(&self, _asked: &Asked<'_>, error: &OAuthError) -> HttpResponse {
        error::oauth(error)
    }

    /// Sets the headers of any answer.
    fn dress(&self, headers: &mut HeaderMap, site: &Site);

    /// Suits an answer to what the sender of the request would like to read, where one thing has several names.
    fn suit(&self, _request: &HttpRequest, _headers: &mut HeaderMap) {}

    /// Which of the shared errors of the OpenAPI document it answers.
    fn family(&self) -> Family;

    /// The errors that any of its routes with this limit may answer.
    fn statuses(&self, limit: Limit) -> &'static [u16] {
        match limit {
            Limit::Off => &[404, 405, 500, 503],
            Limit::Api | Limit::Login | Limit::OAuth2 | Limit::Files | Limit::Client => {
                &[400, 401, 403, 404, 405, 409, 413, 415, 428, 429, 500, 503]
            }
        }
    }

    /// The credential that the OpenAPI document names for a route.
    fn credential(&self, audience: Audience) -> Credential {
        match audience {
            Audience::SignedIn => Credential::Account,
            Audience::Public | Audience::Recognized => Credential::None,
        }
    }
}

/// What a convention may want to know of a request to answer it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) site: &'a Site,
    pub(crate) request: &'a HttpRequest,
    /// The id under which the log has it.
    pub(crate) id: Option<Uuid>,
}

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anyone.
    Public,
    /// Who is signed in.
    SignedIn,
    /// Anyone, and the handler wants to know who.
    Recognized,
}

/// What a caller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// A session or an access token.
    Account,
    /// The secret of an OAuth2 client, if it has one.
    Client,
    /// The key of a directory that provisions users.
    Directory,
    /// The token of a workspace proxy.
    Proxy,
}

/// Errors of one form, in the OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Api,
    OAuth2,
    Page,
    Scim,
}

impl Family {
    pub(crate) const ALL: [Self; 4] = [Self::Api, Self::OAuth2, Self::Page, Self::Scim];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "Api",
            Self::OAuth2 => "OAuth2",
            Self::Page => "Page",
            Self::Scim => "Scim",
        }
    }
}
