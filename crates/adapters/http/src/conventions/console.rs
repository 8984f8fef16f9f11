//! The console: pages for people who are signed in; whoever is not is sent to do so, and comes back.

use super::page::{Page, sign_in_first};
use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::error::Failure;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use doorward_services::{Error, OAuthError, Principal};

/// Pages that are for nobody who is not signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console;

impl Convention for Console {
    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        Page.refuse(asked, refusal)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        Page.failed(asked, error)
    }

    fn failed_oauth(&self, asked: &Asked<'_>, error: &OAuthError) -> HttpResponse {
        Page.failed_oauth(asked, error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        Page.dress(headers, site);
    }

    fn family(&self) -> Family {
        Family::Page
    }
}

impl Authenticate for Console {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        Page.authenticate(call).await.map_err(|failure| match failure {
            Failure::Answer(_) => sign_in_first(&call.request).into(),
            Failure::Api(_) | Failure::OAuth(_) | Failure::Spent(_) => failure,
        })
    }
}
