//! What a route needs of the licences, and what those who may see it are warned of.

use super::Endpoint;
use crate::kit::call::Call;
use crate::kit::error::{Failure, api_error};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use doorward_domain::entitlements::{Entitlements, Feature};
use doorward_domain::roles::{Object, action, resource};
use doorward_services::Principal;
use std::sync::Arc;

const WARNING: HeaderName = HeaderName::from_static("x-coder-entitlements-warning");

/// When it is looked whether a feature may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before it is asked who sends the request.
    First,
    /// Once somebody is signed in.
    SignedIn,
}

/// A feature without which nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) feature: Feature,
    pub(crate) at: Moment,
}

/// Refuses a request for a feature that no licence gives, if this is the moment to look. The body is that of the API, whatever the
/// convention: who may not use a feature is told so in words, not in its language.
pub(crate) fn check(endpoint: &Endpoint, moment: Moment, call: &Call) -> Result<(), Failure> {
    let Some(needed) = endpoint.needs.filter(|needed| needed.at == moment) else { return Ok(()) };
    let (licensing, now) = (&call.context().licensing, call.now());
    if licensing.allows(needed.feature, now) {
        return Ok(());
    }
    Err(api_error(StatusCode::FORBIDDEN, &licensing.current(now).refusal(needed.feature), "").into())
}

/// What this caller is warned of: those who may read the configuration of the deployment.
pub(crate) fn warnings(call: &Call, actor: &Principal) -> Option<Arc<Entitlements>> {
    let (licensing, now) = (&call.context().licensing, call.now());
    if !licensing.warns(now) {
        return None;
    }
    let configuration = Object::of::<resource::DeploymentConfig>();
    let may_know = actor.permit::<action::Read, resource::DeploymentConfig>(&configuration).is_ok();
    may_know.then(|| licensing.current(now))
}

/// Adds a header line for each warning.
pub(crate) fn warn(response: &mut HttpResponse, entitlements: &Entitlements) {
    for warning in &entitlements.warnings {
        if let Ok(value) = HeaderValue::from_str(warning) {
            response.headers_mut().append(WARNING, value);
        }
    }
}
