//! Revalidation: what an app may is looked at when a code is redeemed and when a grant is refreshed, not only when the user
//! consents. What was taken from the app, or from the resource, meanwhile is not issued any more.

use crate::oauth2::policy::ClientPolicy;
use crate::{OAuthError, Settings};
use doorward_domain::Instant;
use doorward_domain::oauth2::{App, Authorization, Scopes};

/// The granted scopes that the app may still have. Refuses a resource that its tokens may not be bound to any more, and
/// scopes of which nothing is left.
pub(in crate::oauth2) fn scopes_left(
    settings: &Settings,
    policy: &ClientPolicy,
    app: &App,
    granted: &Authorization,
) -> Result<Scopes, OAuthError> {
    // Without a resource, tokens are for this server.
    let server = settings.resource();
    let bound = granted.resource.as_ref().unwrap_or(&server);
    if !app.may_target(bound, settings.oauth2.resources.as_deref(), &server) {
        return Err(OAuthError::taken_away(format!("this app may not use the resource {bound} any more")));
    }
    let left = left(policy, app, granted);
    if left.is_empty() && !granted.scopes.is_empty() {
        return Err(gone(&granted.scopes));
    }
    Ok(left)
}

/// Refuses scopes of a code when the app may not have all of them any more, naming those.
pub(super) fn all_scopes_left(policy: &ClientPolicy, app: &App, granted: &Authorization) -> Result<(), OAuthError> {
    let left = left(policy, app, granted);
    let taken: Scopes = granted.scopes.iter().filter(|scope| !left.covers(scope)).cloned().collect();
    if taken.is_empty() { Ok(()) } else { Err(gone(&taken)) }
}

/// Refuses what was allowed at this time for a resource of which its user would be told another thing today: what it says of the user has
/// become more since, or what one of its scopes is about.
pub(super) fn said_since(
    policy: &ClientPolicy,
    granted: &Authorization,
    allowed_at: Instant,
) -> Result<(), OAuthError> {
    let Some(server) = policy.resource(granted.resource.as_ref()) else { return Ok(()) };
    stronger_since(policy, granted, allowed_at)?;
    let (now, then) =
        (server.told_to(&granted.scopes, None).count(), server.told_to(&granted.scopes, Some(allowed_at)));
    if server.said_at(allowed_at, &granted.scopes) && then.count() == now {
        return Ok(());
    }
    Err(OAuthError::taken_away("what people are told of the resource was changed since they were asked".to_owned()))
}

/// Refuses what was allowed at this time for a resource that wants a stronger sign-in since.
pub(super) fn stronger_since(
    policy: &ClientPolicy,
    granted: &Authorization,
    allowed_at: Instant,
) -> Result<(), OAuthError> {
    match policy.resource(granted.resource.as_ref()) {
        Some(server) if !server.took_sign_in(allowed_at) => {
            Err(OAuthError::taken_away("the resource wants a stronger sign-in since".to_owned()))
        }
        Some(_) | None => Ok(()),
    }
}

/// What neither the app nor the resource has lost.
fn left(policy: &ClientPolicy, app: &App, granted: &Authorization) -> Scopes {
    policy.resources.left(granted.resource.as_ref(), granted.scopes.clone().within(app.allowed_scopes.as_ref()))
}

pub(super) fn gone(scopes: &Scopes) -> OAuthError {
    OAuthError::taken_away(format!("this app may not have these scopes any more: {scopes}"))
}
