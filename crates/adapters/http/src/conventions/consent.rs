//! The authorization endpoint: pages for people, errors of RFC 6749 for programs, never cached, closed to other sites.

use super::{oauth2, page};
use crate::kit::accept::{Wish, wish};
use crate::kit::call::Call;
use crate::kit::caller::{self, Authenticate, CookieProof};
use crate::kit::convention::{Asked, Audience, Convention, Credential, Family};
use crate::kit::error::Failure;
use crate::kit::headers;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use doorward_services::{Error, OAuthError, Principal};

/// The authorization server, as people meet it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consent;

impl Convention for Consent {
    fn limit(&self) -> Limit {
        Limit::OAuth2
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        if refusal.is_for_programs && wish(asked.request) != Wish::Page {
            return oauth2::refused(refusal);
        }
        page::refused(asked, refusal)
    }

    fn undecodable(&self, text: &'static str) -> Failure {
        oauth2::undecodable(text)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        page::failed(asked, &error)
    }

    fn failed_oauth(&self, asked: &Asked<'_>, error: &OAuthError) -> HttpResponse {
        page::failed_oauth(asked, error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        headers::guard(headers, site);
        headers::never_stored(headers);
    }

    fn family(&self) -> Family {
        Family::Page
    }

    fn credential(&self, audience: Audience) -> Credential {
        match audience {
            Audience::Public => Credential::None,
            Audience::SignedIn | Audience::Recognized => Credential::Account,
        }
    }
}

impl Authenticate for Consent {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        caller::authenticate(call, CookieProof::Form).await
    }
}
