//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0).

use super::account::hint_place;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use std::sync::Arc;

/// The longest ID token that a browser is sent to its provider with, in bytes.
const HINT_MAX: usize = 2048;

/// Where a browser goes to sign out at its provider.
#[derive(Clone, Debug)]
pub struct SignOutThere {
    /// What people know the provider as.
    pub name: String,
    /// The address there; it holds the ID token of the session.
    pub location: Secret<String>,
}

/// Where to sign out at the provider through which the session in use began; `None` if it began here, the settings do not want that, or the
/// provider cannot do it. To be asked before the session ends.
///
/// Needs no permission: it is about the session in use. Errors: `Refused` (a caller without an account).
pub async fn sign_out_there(ctx: &Context, actor: &Principal) -> Result<Option<SignOutThere>, Error> {
    if !ctx.settings.oidc.providers.iter().any(|provider| provider.upstream_logout) {
        return Ok(None);
    }
    let key = Arc::clone(&actor.account()?.key);
    let found = ctx.look(actor, move |look| Ok::<_, Error>(look.repos.federated_sessions().find(&key.id)?)).await?;
    let Some((session, hint)) = found else { return Ok(None) };
    let provider = ctx.settings.oidc.provider(&session.provider).filter(|provider| provider.upstream_logout);
    let Some(provider) = provider else { return Ok(None) };
    // A provider that is away keeps nobody here.
    let Ok(discovery) = ctx.upstreams.discovery(provider, ctx.clock.now()).await else { return Ok(None) };
    let opened = hint.and_then(|sealed| ctx.keys.sealer().ok()?.open(&hint_place(&session.key_id), &sealed).ok());
    let hint = opened.and_then(|bytes| String::from_utf8(bytes.into_exposed()).ok());
    // It stands in a header, and in an address: proxies take neither when they are long. The id of the client is there in any case.
    let hint = hint.filter(|hint| hint.len() <= HINT_MAX);
    let (back, state) = (format!("{}/login", ctx.settings.issuer()), ctx.alphanumeric(32));
    let location = discovery.end_session_url(provider, hint.as_deref(), &back, state.expose());
    Ok(location
        .map(|location| SignOutThere { name: provider.shown_name().to_owned(), location: Secret::new(location) }))
}
