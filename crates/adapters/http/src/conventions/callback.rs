//! Addresses of the API at which browsers arrive by themselves: answers are pages for them, and JSON for everybody else.

use super::{Api, Page};
use crate::kit::accept::{Wish, wish};
use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::error::Failure;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use doorward_services::{Error, Principal};

/// Where identity providers send browsers back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callback;

/// How whoever asks is answered.
fn family_of(asked: &Asked<'_>) -> &'static dyn Convention {
    if wish(asked.request) == Wish::Page { &Page } else { &Api }
}

impl Convention for Callback {
    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        family_of(asked).refuse(asked, refusal)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        family_of(asked).failed(asked, error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        Page.dress(headers, site);
    }

    fn family(&self) -> Family {
        Family::Page
    }
}

impl Authenticate for Callback {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        Page.authenticate(call).await
    }
}
