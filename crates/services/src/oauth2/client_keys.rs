//! The keys by which what a client signed is verified: those that are registered, or fetched from where they are (`oauth2.md` 14.14).

use super::client_key_cache::KnownKeys;
use crate::{Context, OAuthError};
use doorward_domain::Instant;
use doorward_domain::identity_providers::{KEY_SET_MAX, KeySet};
use doorward_domain::oauth2::{KeySource, OAuthErrorCode, fresh_for};
use doorward_ports::fetch::{ContentType, Request};
use std::sync::Arc;

/// Whether one of the keys of a client fits. For one that is not known they are fetched anew, once.
///
/// Errors: `temporarily_unavailable` (they cannot be fetched, and none are remembered).
pub(super) async fn any(ctx: &Context, source: &KeySource, fits: impl Fn(&KeySet) -> bool) -> Result<bool, OAuthError> {
    match source {
        KeySource::Jwks(text) => Ok(fits(&KeySet::parse(text.as_bytes()).map_err(OAuthError::internal)?)),
        KeySource::JwksUri(url) => {
            let now = ctx.clock.now();
            Ok(fits(&*at(ctx, url, false, now).await?) || fits(&*at(ctx, url, true, now).await?))
        }
    }
}

async fn at(ctx: &Context, url: &str, again: bool, now: Instant) -> Result<Arc<KeySet>, OAuthError> {
    let cache = ctx.upstreams.client_keys();
    let known = cache.find(url);
    let known = match known {
        Some(known) if known.suffices(again, now) => known,
        known => {
            let known = match fetch(ctx, url, again, now).await {
                Ok(fetched) => fetched,
                Err(reason) => {
                    tracing::info!(%reason, "the keys of a client could not be fetched");
                    KnownKeys::failed(known, again, now)
                }
            };
            cache.keep(url, known.clone());
            known
        }
    };
    if known.is_usable(now) {
        return Ok(known.keys);
    }
    // Not `invalid_client`: for that, clients throw good grants away.
    let text = "the keys of the client could not be fetched; try again soon";
    Err(OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, text))
}

async fn fetch(ctx: &Context, url: &str, again: bool, now: Instant) -> Result<KnownKeys, String> {
    let request = Request::get(url, KEY_SET_MAX).expecting(ContentType::Any);
    let answer = ctx.upstreams.fetch(request).await.map_err(|error| error.detail)?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    let keys = KeySet::parse(answer.body.expose()).map_err(|defect| defect.to_string())?;
    if keys.exposed > 0 {
        let exposed = keys.exposed;
        tracing::error!(exposed, "a client has published private keys, which are not taken");
    }
    let fresh_for = fresh_for(answer.header("cache-control"), answer.header("expires"), now);
    Ok(KnownKeys::fetched(keys, fresh_for, again, now))
}
