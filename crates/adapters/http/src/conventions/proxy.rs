//! Addresses of the API for workspace proxies: as the rest of the API, and a token of their own in the place of sessions.

use super::Api;
use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::convention::{Asked, Audience, Convention, Credential, Family};
use crate::kit::error::Failure;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap};
use doorward_domain::wire;
use doorward_services::{Error, Principal, workspace_proxies};

/// What workspace proxies ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxy;

impl Convention for Proxy {
    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        Api.refuse(asked, refusal)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        let is_about_token = matches!(error, Error::Unauthenticated { .. });
        let mut response = Api.failed(asked, error);
        if is_about_token {
            // Not the challenge of the API, which leads to an authorization server: tokens of proxies come from an owner.
            response.headers_mut().remove(header::WWW_AUTHENTICATE);
        }
        response
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        Api.dress(headers, site);
    }

    fn family(&self) -> Family {
        Family::Api
    }

    fn credential(&self, audience: Audience) -> Credential {
        match audience {
            Audience::SignedIn => Credential::Proxy,
            Audience::Public | Audience::Recognized => Credential::None,
        }
    }
}

impl Authenticate for Proxy {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        let presented = call.request.headers().get(wire::PROXY_TOKEN_HEADER);
        let presented = presented.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(workspace_proxies::authenticate(call.context(), presented.unwrap_or_default().trim(), &call.origin).await?)
    }
}
