//! Errors as SCIM clients read them (RFC 7644 3.12). No address below `/scim` is served yet, but programs that look for one
//! are told so in their own words.

use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use crate::kit::{answer, error, headers};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use doorward_services::Error;
use serde::Serialize;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/scim+json; charset=utf-8");

/// Provisioning of users and groups by other systems.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scim;

impl Convention for Scim {
    fn territory(&self) -> Option<&'static str> {
        Some("/scim")
    }

    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, _asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        body(refusal.status, &refusal.sentence)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        of(&error, &error::api(asked.site, asked.request.uri().path(), &error))
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        headers::guard(headers, site);
        headers::for_programs(headers, site);
        headers::not_stored(headers);
    }

    fn family(&self) -> Family {
        Family::Api
    }
}

#[derive(Serialize)]
struct Body<'a> {
    schemas: [&'static str; 1],
    /// As a text, which RFC 7644 asks for.
    status: &'a str,
    detail: &'a str,
}

/// An error with this status.
fn body(status: StatusCode, detail: &str) -> HttpResponse {
    let body = Body { schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: status.as_str(), detail };
    let mut response = answer::json(status, &body);
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    response
}

/// The same error as this answer of the API, with its headers.
fn of(failed: &Error, api: &HttpResponse) -> HttpResponse {
    let outage = if let Error::Unavailable { outage, .. } = failed { Some(outage.to_string()) } else { None };
    let detail = outage.unwrap_or_else(|| failed.to_string());
    let mut response = body(api.status(), &detail);
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = api.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use crate::testing::send;
    use actix_web::http::Method;
    use actix_web::test::TestRequest;
    use doorward_ports::mocks::MockRepositories;

    #[actix_web::test]
    async fn what_is_not_there_below_scim_is_an_error_of_scim() {
        for path in ["/scim", "/scim/nope", "/scim/v2/nope", "/scim/v2/Users/1"] {
            for method in [Method::GET, Method::POST] {
                let answer = send(MockRepositories::default(), TestRequest::with_uri(path).method(method)).await;
                let found = (answer.status.as_u16(), answer.header("content-type"));
                assert_eq!(found, (404, "application/scim+json; charset=utf-8"), "{path}");
                assert_eq!(
                    answer.json()["schemas"],
                    serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
                );
                assert_eq!(
                    (&answer.json()["status"], &answer.json()["detail"]),
                    (&"404".into(), &"Route not found.".into())
                );
            }
        }
        let unreadable = send(MockRepositories::default(), TestRequest::get().uri("/scim/v2/%00")).await;
        assert_eq!((unreadable.status.as_u16(), &unreadable.json()["status"]), (400, &"400".into()));
    }
}
