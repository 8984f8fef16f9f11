//! The keys by which what a client signed is verified: those that are registered, or fetched from where they are (`oauth2.md` 14.14).
//!
//! What was fetched is remembered here and kept in the database for the other servers, which need not ask then.

use super::client_key_cache::KnownKeys;
use crate::{Context, Error, OAuthError, Principal};
use doorward_domain::Instant;
use doorward_domain::identity_providers::{KEY_SET_MAX, KeySet};
use doorward_domain::oauth2::{KeySource, OAuthErrorCode, StoredKeySet, fresh_for};
use doorward_domain::roles::System;
use doorward_ports::fetch::{ContentType, Request};
use std::sync::Arc;

const WHY: &str = "other servers need not ask for the keys of a client";

/// Whether one of the keys of a client fits. For one that is not known they are fetched anew, once.
///
/// Errors: `temporarily_unavailable` (they cannot be fetched, and none are remembered).
pub(super) async fn any(ctx: &Context, source: &KeySource, fits: impl Fn(&KeySet) -> bool) -> Result<bool, OAuthError> {
    let url = match source {
        KeySource::Jwks(text) => return Ok(fits(&KeySet::parse(text.as_bytes()).map_err(OAuthError::internal)?)),
        KeySource::JwksUri(url) => url,
    };
    let now = ctx.clock.now();
    let mut known = current(ctx, url, now).await;
    if fits(&*usable(&known, now)?) {
        return Ok(true);
    }
    if known.suffices(true, now) {
        return Ok(false);
    }
    // Another server may have asked since.
    if let Some(newer) = newer_than(ctx, url, Some(&known)).await {
        ctx.upstreams.client_keys().keep(url, newer.clone());
        if fits(&newer.keys) {
            return Ok(true);
        }
        if newer.suffices(true, now) {
            return Ok(false);
        }
        known = newer;
    }
    Ok(fits(&*usable(&fetched(ctx, url, Some(known), true, now).await, now)?))
}

fn usable(known: &KnownKeys, now: Instant) -> Result<Arc<KeySet>, OAuthError> {
    if known.is_usable(now) {
        return Ok(Arc::clone(&known.keys));
    }
    // Not `invalid_client`: for that, clients throw good grants away.
    let text = "the keys of the client could not be fetched; try again soon";
    Err(OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, text))
}

/// What is known of the keys now, after they were fetched if that had to be. Shortly before it has to be, nobody waits for it.
async fn current(ctx: &Context, url: &str, now: Instant) -> KnownKeys {
    let cache = ctx.upstreams.client_keys();
    let known = cache.find(url);
    if let Some(known) = known.as_ref().filter(|known| known.suffices(false, now)) {
        if known.is_due(now) && cache.begins(url) {
            let (ctx, url) = (ctx.clone(), url.to_owned());
            tokio::spawn(async move { renew(&ctx, &url, now).await });
        }
        return known.clone();
    }
    match newer_than(ctx, url, known.as_ref()).await {
        Some(newer) if newer.suffices(false, now) => {
            cache.keep(url, newer.clone());
            newer
        }
        newer => fetched(ctx, url, newer.or(known), false, now).await,
    }
}

/// Fetches keys ahead of time, unless another server has.
async fn renew(ctx: &Context, url: &str, now: Instant) {
    let cache = ctx.upstreams.client_keys();
    let known = cache.find(url);
    match newer_than(ctx, url, known.as_ref()).await {
        Some(newer) if !newer.is_due(now) => cache.keep(url, newer),
        newer => drop(fetched(ctx, url, newer.or(known), false, now).await),
    }
    cache.ended(url);
}

/// The keys after they were fetched, or could not be; remembered here, and kept for the other servers.
async fn fetched(ctx: &Context, url: &str, known: Option<KnownKeys>, again: bool, now: Instant) -> KnownKeys {
    let known = match fetch(ctx, url, again, now).await {
        Ok((fetched, stored)) => {
            if let Err(error) = keep(ctx, stored).await {
                tracing::info!(%error, "the keys of a client are remembered by this server only");
            }
            fetched
        }
        Err(reason) => {
            tracing::info!(%reason, "the keys of a client could not be fetched");
            KnownKeys::failed(known, again, now)
        }
    };
    ctx.upstreams.client_keys().keep(url, known.clone());
    known
}

/// What another server has fetched after what is known here. Without the database, nothing.
async fn newer_than(ctx: &Context, url: &str, known: Option<&KnownKeys>) -> Option<KnownKeys> {
    let at = url.to_owned();
    let stored = match ctx.read(move |repos| Ok::<_, Error>(repos.client_keys().find(&at)?)).await {
        Ok(stored) => stored?,
        Err(error) => {
            tracing::info!(%error, "what other servers know of the keys of a client cannot be read");
            return None;
        }
    };
    KnownKeys::stored(&stored).filter(|stored| stored.is_newer_than(known))
}

async fn keep(ctx: &Context, stored: StoredKeySet) -> Result<(), Error> {
    ctx.act(&Principal::system(WHY), move |deed| {
        deed.repos.client_keys().upsert(&System::because(WHY).permit(), &stored)?;
        Ok::<_, Error>(deed.unrecorded("a copy of what a client publishes is no change", ()))
    })
    .await
}

async fn fetch(ctx: &Context, url: &str, again: bool, now: Instant) -> Result<(KnownKeys, StoredKeySet), String> {
    let request = Request::get(url, KEY_SET_MAX).expecting(ContentType::Any);
    let answer = ctx.upstreams.fetch(request).await.map_err(|error| error.detail)?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    let keys = KeySet::parse(answer.body.expose()).map_err(|defect| defect.to_string())?;
    let exposed = keys.exposed;
    if exposed > 0 {
        tracing::error!(exposed, "a client has published private keys, which are not taken");
    }
    let fresh_for = fresh_for(answer.header("cache-control"), answer.header("expires"), now);
    let known = KnownKeys::fetched(keys, fresh_for, again, now);
    // In the place of what was kept before, in which a key may stand that has become known to others since.
    let kept = KeySet::public_part(answer.body.expose()).map_err(|defect| defect.to_string())?;
    let stored = known.to_stored(url, kept.into_bytes());
    Ok((known, stored))
}
