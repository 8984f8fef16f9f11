//! `/api/v2`: JSON in and out, errors in the API's body (`identity.md` 1.2). A cookie alone changes nothing.

use crate::kit::call::Call;
use crate::kit::caller::{self, Authenticate, CookieProof};
use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::error::{self, Failure};
use crate::kit::headers;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use doorward_services::{Error, Principal};

/// The REST API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api;

impl Convention for Api {
    fn mounted_at(&self) -> Option<&'static str> {
        Some("/api/v2")
    }

    fn territory(&self) -> Option<&'static str> {
        Some("/api")
    }

    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, _asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        error::api_error(refusal.status, &refusal.message, &refusal.detail)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        error::api(asked.site, asked.request.uri().path(), &error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        headers::guard(headers, site);
        headers::for_programs(headers, site);
        headers::not_stored(headers);
    }

    fn family(&self) -> Family {
        Family::Api
    }

    fn statuses(&self, limit: Limit) -> &'static [u16] {
        match limit {
            Limit::Off => &[404, 405, 500, 503],
            Limit::Api | Limit::Login | Limit::OAuth2 | Limit::Files | Limit::Client => {
                &[400, 401, 403, 404, 405, 409, 412, 413, 415, 428, 429, 500, 503]
            }
        }
    }
}

impl Authenticate for Api {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        caller::authenticate(call, CookieProof::Header).await
    }
}
