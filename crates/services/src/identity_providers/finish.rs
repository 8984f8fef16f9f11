//! What the provider sent back.

use super::account::enter;
use super::conversions::read;
use super::convert::convert;
use super::exchange::{Endpoints, exchange};
use super::flow::{CONVERT, Flow};
use super::identity::{of_github, of_oidc};
use super::ways::{GITHUB, Way, provider};
use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{Callback, check_response_issuer};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// A visitor who comes back from a provider.
#[derive(Debug)]
pub struct Arrival {
    /// Through which address.
    pub way: Way,
    /// The parameters.
    pub callback: Callback,
    /// The states that the browser has kept: its cookies of that name.
    pub states: Vec<Secret<String>>,
    /// The id of the deployment.
    pub deployment: String,
    /// What the browser has kept of users who are about to sign in otherwise.
    pub conversions: Vec<Secret<String>>,
}

/// A sign-in that worked.
#[derive(Debug)]
pub struct Finished {
    /// The key of the new session; `None` after a conversion, when everybody signs in anew.
    pub session: Option<Secret<String>>,
}

/// Ends a sign-in: gets the tokens, believes them or not, finds or makes the account, and makes a session.
///
/// Needs no permission. Errors: `Invalid` (no such provider, or what it sent is not accepted), `Unauthenticated` (the state is not that
/// of this browser), `Refused` (the account may not come in, or is somebody else's), `Conflict` (no user name is free),
/// `Upstream` (the provider does not answer).
pub async fn finish(ctx: &Context, arrival: Arrival, origin: &Arc<Origin>) -> Result<Finished, Error> {
    let Arrival { way, callback, states, deployment, conversions } = arrival;
    let provider = provider(ctx, &way)?;
    let (code, state, issuer) = match callback {
        Callback::Start { .. } => return Err(Error::invalid("The answer of the identity provider has no code.")),
        Callback::Code { code, state, issuer } => (Secret::new(code), state, issuer),
        Callback::Failed { state, error, .. } => {
            // What a stranger made up is not shown as the word of the provider.
            check_state(&states, state.as_deref().unwrap_or_default())?;
            let mut message = format!("The identity provider refused this sign-in ({}).", error.code);
            for more in [error.description, error.more].into_iter().filter(|more| !more.is_empty()) {
                message.push(' ');
                message.push_str(&more);
            }
            return Err(Error::invalid(message));
        }
    };
    check_state(&states, &state)?;
    let is_conversion = state.starts_with(CONVERT);
    let conversion = is_conversion.then(|| read(ctx, &conversions, &state)).transpose()?;
    let name = provider.map_or(GITHUB, |provider| &provider.name);
    let flow = Flow::new(ctx, name, &state)?;
    let endpoints = Endpoints::find(ctx, provider).await?;
    if let (Endpoints::Oidc(discovery), Some(provider)) = (&endpoints, provider) {
        check_response_issuer(issuer.as_deref(), provider, discovery.always_sends_issuer)
            .map_err(|defect| Error::invalid(format!("This sign-in is not accepted: {defect}.")))?;
    }
    let client = endpoints.client(ctx, &way, provider)?;
    let verifier = provider.is_none_or(|provider| provider.pkce).then(|| flow.verifier());
    let tokens = exchange(ctx, name, &client, &code, verifier).await?;
    let person = match (&endpoints, provider) {
        (Endpoints::Oidc(discovery), Some(provider)) => of_oidc(ctx, provider, discovery, &tokens, &flow).await?,
        _ => of_github(ctx, &tokens).await?,
    };
    if let Some(conversion) = conversion {
        if conversion.deployment != deployment {
            return Err(Error::Refused("This belongs to another server.".to_owned()));
        }
        convert(ctx, person, conversion, origin).await?;
        return Ok(Finished { session: None });
    }
    let session = enter(ctx, person, origin).await?;
    Ok(Finished { session: Some(session) })
}

/// Whether the browser that comes is the one that was sent (RFC 6749 10.12).
fn check_state(states: &[Secret<String>], state: &str) -> Result<(), Error> {
    let refuse = |message: &str| Error::Unauthenticated { message: message.to_owned(), detail: String::new() };
    if states.is_empty() {
        return Err(refuse("This browser has not begun a sign-in, or it took too long. Please try again."));
    }
    let is_one = states.iter().any(|known| known.expose().as_bytes().ct_eq(state.as_bytes()).into());
    if is_one { Ok(()) } else { Err(refuse("This sign-in was begun in another window. Please try again.")) }
}
