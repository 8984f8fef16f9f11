//! `/scim`: bodies and errors as RFC 7644 has them, and a key of its own in the place of sessions. While SCIM is switched off nothing
//! is there, and the ordinary body of the API says which setting would change that.

use crate::kit::accept::prefers;
use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::convention::{Asked, Audience, Convention, Credential, Family};
use crate::kit::error::Failure;
use crate::kit::extract::credential;
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use crate::kit::{answer, error, headers};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use doorward_domain::scim::{ErrorMessage, ScimType};
use doorward_domain::wire;
use doorward_services::scim::{self, Place};
use doorward_services::{Error, Principal};
use serde::Serialize;

/// The media type of SCIM (RFC 7644 8.1).
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

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        let context = &asked.site.context;
        if !scim::is_on(context, &Place::Deployment) && !context.settings.scim.organization_directories {
            return switched_off(&Place::Deployment);
        }
        told(&ErrorMessage::new(refusal.status.as_u16(), None, &*refusal.sentence))
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        of(&error, &error::api(asked.site, asked.request.uri().path(), &error))
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        headers::guard(headers, site);
        headers::for_programs(headers, site);
        headers::not_stored(headers);
    }

    /// The same document goes by two media types (RFC 7644 3.1).
    fn suit(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        let is_ours = headers.get(header::CONTENT_TYPE) == Some(&CONTENT_TYPE);
        if is_ours && prefers(request, "application/json", "application/scim+json") {
            headers.insert(header::CONTENT_TYPE, answer::JSON);
        }
    }

    fn family(&self) -> Family {
        Family::Scim
    }

    fn credential(&self, audience: Audience) -> Credential {
        match audience {
            Audience::SignedIn => Credential::Directory,
            Audience::Public | Audience::Recognized => Credential::None,
        }
    }
}

impl Authenticate for Scim {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        must_be_on(call)?;
        let presented = credential::authorization(&call.request).unwrap_or_default();
        Ok(scim::authenticate(call.context(), &place(call), &presented, &call.origin).await?)
    }
}

/// Whose directory the path names.
pub(crate) fn place(call: &Call) -> Place {
    // No segment is empty.
    if call.segment("organization").is_empty() { Place::Deployment } else { Place::Organization(call.organization()) }
}

/// Answers 404 while there is no such directory.
pub(crate) fn must_be_on(call: &Call) -> Result<(), Failure> {
    let place = place(call);
    if scim::is_on(call.context(), &place) { Ok(()) } else { Err(switched_off(&place).into()) }
}

fn switched_off(place: &Place) -> HttpResponse {
    let detail = match place {
        Place::Deployment => "Its administrator switches it on by the setting scim.key.",
        Place::Organization(_) => "Its administrator switches it on by the setting scim.organization_directories.",
    };
    error::api_error(StatusCode::NOT_FOUND, "SCIM is switched off on this server.", detail)
}

/// An answer with a document of SCIM.
pub(crate) fn document<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> HttpResponse {
    let mut response = answer::json(status, value);
    if response.status() == status {
        response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    }
    response
}

/// The answer that is this error.
pub(crate) fn told(message: &ErrorMessage) -> HttpResponse {
    let status = message.status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
    document(status.unwrap_or(StatusCode::BAD_REQUEST), message)
}

/// The same error as this answer of the API, with its headers.
fn of(failed: &Error, api: &HttpResponse) -> HttpResponse {
    let mut kind = None;
    let detail = if let Error::Unavailable { outage, .. } = failed {
        outage.to_string()
    } else if let Error::Invalid { message, detail, fields } = failed {
        kind = Some(ScimType::InvalidValue);
        let fields = fields.iter().map(|field| format!("{}: {}", field.field, field.detail));
        let told = [message.clone(), detail.clone()].into_iter().chain(fields).filter(|text| !text.is_empty());
        told.collect::<Vec<_>>().join(" ")
    } else if let Error::Unauthenticated { message, detail } = failed {
        format!("{message} {detail}")
    } else {
        failed.to_string()
    };
    let mut response = told(&ErrorMessage::new(api.status().as_u16(), kind, detail));
    if let Some(value) = api.headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, value.clone());
    }
    if matches!(failed, Error::Unauthenticated { .. }) {
        // Not the challenge of the API, which leads to an authorization server: keys for provisioning come from the settings.
        let challenge = format!("Bearer realm=\"{}\"", wire::REALM);
        answer::set_header(response.headers_mut(), header::WWW_AUTHENTICATE, &challenge);
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
    async fn while_scim_is_off_the_setting_is_named_in_the_ordinary_body() {
        let paths = ["/scim", "/scim/nope", "/scim/v2/nope", "/scim/v2/Users/1", "/scim/v2/ServiceProviderConfig"];
        for path in paths {
            for method in [Method::GET, Method::POST] {
                let answer = send(MockRepositories::default(), TestRequest::with_uri(path).method(method)).await;
                let found = (answer.status.as_u16(), answer.header("content-type"));
                assert_eq!(found, (404, "application/json; charset=utf-8"), "{path}");
                assert!(answer.json()["detail"].as_str().unwrap().contains("scim.key"), "{path}");
            }
        }
    }
}
