//! `/oauth2`: the endpoints for clients. Errors of RFC 6749 5.2, never cached, open to scripts of any site.

use super::page;
use crate::kit::accept::{Wish, wish};
use crate::kit::call::Call;
use crate::kit::caller::{self, Authenticate, CookieProof};
use crate::kit::convention::{Asked, Audience, Convention, Credential, Family};
use crate::kit::error::{self, Failure};
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use crate::kit::{cors, headers};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::{Error, OAuthError, Principal};

/// The authorization server, as OAuth2 clients meet it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OAuth2;

impl Convention for OAuth2 {
    fn territory(&self) -> Option<&'static str> {
        Some("/oauth2")
    }

    fn limit(&self) -> Limit {
        Limit::Client
    }

    fn has_preflight(&self) -> bool {
        true
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        // Whoever has typed an address that is none, or opened one that is for programs.
        let is_lost = matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        if is_lost && asked.request.method().is_safe() && wish(asked.request) == Wish::Page {
            return page::refused(asked, refusal);
        }
        refused(refusal)
    }

    fn undecodable(&self, text: &'static str) -> Failure {
        undecodable(text)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        if let Error::Internal(cause) = &error {
            let told = OAuthError::new(OAuthErrorCode::ServerError, "the server cannot answer now");
            return error::oauth(&told.because(cause.to_string()));
        }
        if let Error::Unavailable { outage, cause } = error {
            return error::oauth(&OAuthError::unavailable(outage, cause));
        }
        error::api(asked.site, asked.request.uri().path(), &error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        cors::allow(headers);
        headers::guard(headers, site);
        headers::for_programs(headers, site);
        headers::never_stored(headers);
    }

    fn family(&self) -> Family {
        Family::OAuth2
    }

    fn credential(&self, audience: Audience) -> Credential {
        match audience {
            Audience::Public => Credential::Client,
            Audience::SignedIn | Audience::Recognized => Credential::Account,
        }
    }
}

impl Authenticate for OAuth2 {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        caller::authenticate(call, CookieProof::Form).await
    }
}

/// A refusal in the form of RFC 6749 5.2.
pub(super) fn refused(refusal: &Refusal<'_>) -> HttpResponse {
    error::oauth_body(refusal.status, &OAuthError::new(refusal.code, refusal.sentence.to_string()))
}

/// What a path or query is that cannot be decoded.
pub(super) fn undecodable(text: &'static str) -> Failure {
    OAuthError::new(OAuthErrorCode::InvalidRequest, text).into()
}
