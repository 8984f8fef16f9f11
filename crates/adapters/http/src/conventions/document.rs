//! Documents, open to any site, which never ask who reads them and are served as leanly as can be: those of `/.well-known`, and those that
//! these name.

use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::cors;
use crate::kit::error;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use doorward_services::Error;

/// What anybody may read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Document {
    /// What clients read before they know anything else.
    WellKnown,
    /// What stands elsewhere, and may not be there.
    Named,
}

impl Convention for Document {
    fn territory(&self) -> Option<&'static str> {
        match self {
            Self::WellKnown => Some("/.well-known"),
            Self::Named => None,
        }
    }

    fn limit(&self) -> Limit {
        Limit::Off
    }

    fn is_lean(&self) -> bool {
        true
    }

    fn has_preflight(&self) -> bool {
        true
    }

    fn refuse(&self, _asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        error::api_error(refusal.status, &refusal.message, &refusal.detail)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        error::api(asked.site, asked.request.uri().path(), &error)
    }

    fn dress(&self, headers: &mut HeaderMap, _site: &Site) {
        cors::allow(headers);
    }

    fn family(&self) -> Family {
        Family::Api
    }

    fn statuses(&self, _limit: Limit) -> &'static [u16] {
        match self {
            Self::WellKnown => &[405],
            Self::Named => &[404, 405, 503],
        }
    }
}
