//! Sending a visitor to a provider.

use super::conversions;
use super::exchange::Endpoints;
use super::flow::{ANEW, Flow, LINK, new_state};
use super::link_requests;
use super::ways::{GITHUB, Way, provider};
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::identity_providers::Provider;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};

/// What asks a provider for a new proof (OpenID Connect Core 1.0, 3.1.2.1).
const TO_PROVE_ANEW: [(&str, &str); 2] = [("prompt", "login"), ("max_age", "0")];

/// Where the visitor goes, and what the browser must bring back.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The address at the provider.
    pub location: Secret<String>,
    /// The state, for a cookie.
    pub state: Secret<String>,
}

/// How a sign-in begins.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// The state of a user who is about to sign in otherwise, see `convert-login`, or to link an account.
    pub merge_state: Option<Secret<String>>,
    /// What the browser has kept of that.
    pub agreed: Vec<Secret<String>>,
    /// Whether the visitor is to authenticate anew, whatever session they have at the provider.
    pub anew: bool,
}

/// Begins a sign-in.
///
/// Needs no permission. Errors: `Invalid` (no such provider, a strange `merge_state`), `Upstream` (the provider does not answer).
pub async fn begin(ctx: &Context, way: &Way, beginning: Beginning) -> Result<Begun, Error> {
    let provider = provider(ctx, way)?;
    let name = provider.map_or(GITHUB, |provider| &provider.name);
    let Beginning { merge_state, agreed, anew } = beginning;
    // GitHub knows no such wish.
    let anew = anew && provider.is_some();
    let state = match merge_state {
        // Only the browser whose user has agreed to it: a state that a stranger chose would be known to the stranger.
        Some(state) if state.expose().starts_with(LINK) => {
            link_requests::read(ctx, &agreed, state.expose(), name)?;
            state
        }
        Some(state) => {
            conversions::read(ctx, &agreed, state.expose())?;
            state
        }
        None if anew => new_state(ctx, ANEW),
        None => new_state(ctx, ""),
    };
    let anew = state.expose().starts_with(ANEW);
    let flow = Flow::new(ctx, name, state.expose())?;
    let endpoints = Endpoints::find(ctx, provider).await?;
    let client = endpoints.client(ctx, way, provider)?;
    let verifier = PkceCodeVerifier::new(flow.verifier().expose().clone());
    let mut request = client.authorize_url(|| CsrfToken::new(state.expose().clone()));
    if let Some(provider) = provider {
        request = for_provider(request, provider, &flow, anew);
    } else {
        let asks_memberships = ctx.settings.github.rules().asks_memberships();
        let scopes = ["read:user", "user:email"].into_iter().chain(asks_memberships.then_some("read:org"));
        request = request.add_scopes(scopes.map(|scope| Scope::new(scope.to_owned())));
    }
    if provider.is_none_or(|provider| provider.pkce) {
        request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    let (location, _state) = request.url();
    Ok(Begun { location: Secret::new(location.into()), state })
}

fn for_provider<'r>(
    request: oauth2::AuthorizationRequest<'r>,
    provider: &Provider,
    flow: &Flow<'_>,
    anew: bool,
) -> oauth2::AuthorizationRequest<'r> {
    let request = request.add_scopes(provider.scopes.iter().cloned().map(Scope::new));
    let request = request.add_extra_param("nonce", flow.nonce().expose().clone());
    let own: &[(&str, &str)] = if anew { &TO_PROVE_ANEW } else { &[] };
    let sent: Vec<&str> = own.iter().map(|(name, _)| *name).collect();
    let request = own.iter().fold(request, |request, (name, value)| request.add_extra_param(*name, *value));
    let extra = provider.extra_parameters(&sent);
    extra.fold(request, |request, (name, value)| request.add_extra_param(name.to_owned(), value.to_owned()))
}
