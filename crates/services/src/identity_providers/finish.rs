//! What the provider sent back.

use super::account::enter;
use super::conversions;
use super::convert::convert;
use super::exchange::{Endpoints, Proofs, exchange};
use super::flow::{ANEW, Errand, Flow};
use super::identity::{of_github, of_oidc};
use super::link::link;
use super::link_requests;
use super::upstream::NOT_ACCEPTED;
use super::ways::{GITHUB, Way, provider};
use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{
    Callback, Conversion, LinkRequest, MaxAge, ProviderError, check_response_issuer,
};
use std::sync::Arc;
use time::Duration;

/// How long a visitor may take at the provider.
pub const FLOW_LIFETIME: Duration = Duration::minutes(10);

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
    /// What the browser has kept of users who are about to sign in otherwise, or to link an account.
    pub agreed: Vec<Secret<String>>,
    /// The sessions that the browser has.
    pub sessions: Vec<Secret<String>>,
}

/// A sign-in that worked.
#[derive(Debug)]
pub struct Finished {
    /// The session that the browser has afterwards.
    pub session: SessionThen,
}

/// What becomes of the session of the browser.
#[derive(Debug)]
pub enum SessionThen {
    /// A new one, with this key.
    New(Secret<String>),
    /// None: after a conversion everybody signs in anew.
    None,
    /// The one of before, to whose user an account was linked.
    Kept,
}

/// What the visitor was sent to the provider for.
enum Purpose {
    SignIn,
    Convert(Conversion),
    Link(LinkRequest),
}

impl Purpose {
    /// What the state says, and what the browser has kept of it.
    fn read(ctx: &Context, state: &str, agreed: &[Secret<String>], provider: &str) -> Result<Self, Error> {
        Ok(match Errand::of_state(state) {
            Errand::Convert => Self::Convert(conversions::read(ctx, agreed, state)?),
            Errand::Link => Self::Link(link_requests::read(ctx, agreed, state, provider)?),
            Errand::SignIn => Self::SignIn,
        })
    }

    /// Which deployment has agreed to it; `None` for a sign-in, to which nobody must agree.
    fn deployment(&self) -> Option<&str> {
        match self {
            Self::SignIn => None,
            Self::Convert(conversion) => Some(&conversion.deployment),
            Self::Link(request) => Some(&request.deployment),
        }
    }
}

/// Ends a sign-in: gets the tokens, believes them or not, finds or makes the account, and makes a session. Or it converts the account
/// of a user, or links another account to it.
///
/// Needs no permission; a user who links an account needs `user:update_personal`. Errors: `Invalid` (no such provider, or what it sent is
/// not accepted), `Unauthenticated` (the state is not that of this browser; the session in which a link was asked for is gone), `Refused`
/// (the account may not come in, or is somebody else's), `Conflict` (no user name is free; the account is linked to another user),
/// `Upstream` (the provider does not answer).
pub async fn finish(ctx: &Context, arrival: Arrival, origin: &Arc<Origin>) -> Result<Finished, Error> {
    let Arrival { way, callback, states, deployment, agreed, sessions } = arrival;
    let provider = provider(ctx, &way)?;
    let (state, issuer, answer) = match callback {
        Callback::Start { .. } => return Err(Error::invalid("The answer of the identity provider has no code.")),
        Callback::Code { code, state, issuer } => (state, issuer, Ok(Secret::new(code))),
        // What a stranger made up is not shown as the word of the provider.
        Callback::Failed { state, issuer, error } => (state.unwrap_or_default(), issuer, Err(error)),
    };
    check_state(&states, &state)?;
    let endpoints = Endpoints::find(ctx, provider).await?;
    // Errors too are of the provider only if they say so (RFC 9207 2.4).
    if let (Endpoints::Oidc(discovery), Some(provider)) = (&endpoints, provider) {
        check_response_issuer(issuer.as_deref(), provider, discovery.always_sends_issuer)
            .map_err(|defect| Error::invalid_because(NOT_ACCEPTED, format!("{defect}.")))?;
    }
    let code = answer.map_err(failed)?;
    let name = provider.map_or(GITHUB, |provider| &provider.name);
    let purpose = Purpose::read(ctx, &state, &agreed, name)?;
    if purpose.deployment().is_some_and(|agreed| agreed != deployment) {
        return Err(Error::Refused("This belongs to another server.".to_owned()));
    }
    let flow = Flow::new(ctx, name, &state)?;
    let client = endpoints.client(ctx, &way, provider)?;
    let verifier = provider.is_none_or(|provider| provider.pkce).then(|| flow.verifier());
    let proofs = Proofs { verifier, assertion: endpoints.assertion(ctx, provider)? };
    let tokens = exchange(ctx, provider, &client, &code, proofs).await?;
    let person = match (&endpoints, provider) {
        (Endpoints::Oidc(discovery), Some(provider)) => {
            let asked_at = ctx.clock.now() - FLOW_LIFETIME;
            let max_age = state.starts_with(ANEW).then_some(MaxAge { asked_at, allowed: Duration::ZERO });
            of_oidc(ctx, provider, discovery, &tokens, (&flow, max_age)).await?
        }
        _ => of_github(ctx, &tokens).await?,
    };
    let session = match purpose {
        Purpose::SignIn => SessionThen::New(enter(ctx, person, origin).await?),
        Purpose::Convert(conversion) => {
            convert(ctx, person, conversion, origin).await?;
            SessionThen::None
        }
        Purpose::Link(request) => {
            link(ctx, person, request, &sessions, origin).await?;
            SessionThen::Kept
        }
    };
    Ok(Finished { session })
}

/// What a visitor is told who did not want to, or was not let in there.
pub const CANCELLED: &str = "You cancelled, or the identity provider did not let you in.";

/// What the visitor is told of an error that the provider answers, and in small print what the provider says of it.
fn failed(error: ProviderError) -> Error {
    let message =
        if error.code == "access_denied" { CANCELLED } else { "The identity provider could not do this for you." };
    let mut detail = format!("the identity provider says {}.", error.code);
    for more in [error.description, error.more].into_iter().filter(|more| !more.is_empty()) {
        detail.push(' ');
        detail.push_str(&more);
    }
    Error::invalid_because(message, detail)
}

/// Whether the browser that comes is the one that was sent (RFC 6749 10.12).
fn check_state(states: &[Secret<String>], state: &str) -> Result<(), Error> {
    let refuse = |message: &str| Error::Unauthenticated { message: message.to_owned(), detail: String::new() };
    if states.is_empty() {
        return Err(refuse("This browser has not begun a sign-in, or it took too long. Please try again."));
    }
    let is_one = states.iter().any(|known| conversions::is_state(known.expose(), state));
    if is_one { Ok(()) } else { Err(refuse("This sign-in was begun in another window. Please try again.")) }
}
