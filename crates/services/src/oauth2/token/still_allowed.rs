//! What an app may is looked at when a code is redeemed and when a grant is refreshed, not only when the user consents: what
//! was taken from the app meanwhile is not issued any more.

use crate::oauth2::scopes;
use crate::{OAuthError, Settings};
use doorward_domain::oauth2::{App, Resource};

/// The granted scopes that the app may still have. Refuses a resource that its tokens may not be bound to any more, and
/// scopes of which nothing is left.
pub(in crate::oauth2) fn scopes_left(
    settings: &Settings,
    app: &App,
    audience: Option<&Resource>,
    granted: &[String],
) -> Result<Vec<String>, OAuthError> {
    // Without a resource, tokens are for this server.
    let server = settings.resource();
    let bound = audience.unwrap_or(&server);
    if !app.may_target(bound, settings.oauth2.resources.as_deref(), &server) {
        return Err(OAuthError::taken_away(format!("this app may not use the resource {bound} any more")));
    }
    let left = scopes::remaining(app.allowed_scopes.as_deref(), granted);
    if left.is_empty() && !granted.is_empty() {
        return Err(gone(granted));
    }
    Ok(left)
}

/// Refuses scopes of a code when the app may not have all of them any more, naming those.
pub(super) fn all_scopes_left(app: &App, granted: &[String]) -> Result<(), OAuthError> {
    let left = scopes::remaining(app.allowed_scopes.as_deref(), granted);
    let taken: Vec<String> = granted.iter().filter(|name| !scopes::covers(&left, name)).cloned().collect();
    if taken.is_empty() { Ok(()) } else { Err(gone(&taken)) }
}

pub(super) fn gone(names: &[String]) -> OAuthError {
    OAuthError::taken_away(format!("this app may not have these scopes any more: {}", names.join(" ")))
}
