//! Signing out at the provider too (OpenID Connect RP-Initiated Logout 1.0).

use super::account::hint_place;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use std::sync::Arc;

/// Where a browser goes to sign out at its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOutThere {
    /// What people know the provider as.
    pub name: String,
    /// The address there; it holds the ID token of the session.
    pub location: String,
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
    let (back, state) = (format!("{}/login", ctx.settings.issuer()), ctx.alphanumeric(32));
    let location = discovery.end_session_url(provider, hint.as_deref(), &back, state.expose());
    Ok(location.map(|location| SignOutThere { name: provider.shown_name().to_owned(), location }))
}
