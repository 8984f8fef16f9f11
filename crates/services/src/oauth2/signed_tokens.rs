//! Access tokens that are signed (RFC 9068), for resources that are registered so.
//!
//! Each stands for an access token of the usual kind, whose row is there as always: what ends that ends this. Its secret is given to
//! nobody; the signed token has the id of the row and a mark of the secret, so that after a refresh the one before is known as such.

use super::client_documents::client_id_of;
use crate::keys::read_own;
use crate::openid::issue::{in_token, sign};
use crate::{Context, Error};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::jws::TokenHeader;
use doorward_domain::oauth2::{ACCESS_TOKEN, OidcScope, ResourceServer, Scopes};
use doorward_domain::openid::{ClaimName, Identity};
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::{Digest, Instant, Secret};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use time::Duration;

/// A signed access token that was just made.
#[derive(Debug)]
pub(super) struct SignedToken {
    pub(super) token: Secret<String>,
    pub(super) expires_at: Instant,
}

/// A signed access token that came back, and stands for a row that is there.
#[derive(Clone, Debug)]
pub(super) struct PresentedToken {
    pub(super) key: ApiKeyId,
    pub(super) digest: Digest,
    pub(super) expires_at: Instant,
}

/// What a signed token is made of.
struct Facts {
    key: ApiKey,
    client_id: String,
    identity: Option<Identity>,
    told: Map<String, Value>,
}

/// The signed token in the place of this access token, which is bound to this resource; `None` if what it stands for has just ended.
pub(super) async fn in_place_of(
    ctx: &Context,
    server: &Arc<ResourceServer>,
    access: &Secret<String>,
    scopes: &Scopes,
) -> Result<Option<SignedToken>, Error> {
    let Ok(access) = ApiToken::parse(access.expose()) else { return Ok(None) };
    let (settings, at) = (Arc::clone(&ctx.settings), Arc::clone(server));
    let (id, digest) = (access.id.clone(), access.digest());
    let facts = ctx
        .read(move |repos| {
            let key = repos.api_keys().find(&id)?.filter(|key| key.secret_digest == digest);
            let Some((key, binding)) = key.and_then(|key| key.oauth2.clone().map(|binding| (key, binding))) else {
                return Ok::<_, Error>(None);
            };
            let identity = match binding.grant_id {
                Some(grant) => repos.openid().find_of_grant(grant)?,
                None => None,
            };
            let grant = match binding.grant_id {
                Some(grant) if !at.rules.claims.is_empty() => repos.grants().find(grant)?,
                Some(_) | None => None,
            };
            let allowed = grant.as_ref().map_or(&key.scopes, |grant| &grant.authorization.scopes);
            let wanted = claims_told(&at, allowed, grant.as_ref().map(|grant| grant.created_at));
            let told = match if wanted.is_empty() { None } else { repos.users().find(key.user_id)? } {
                Some(user) => in_token(repos, &settings.oidc, &user, &wanted)?,
                None => Map::new(),
            };
            Ok(Some(Facts { client_id: client_id_of(repos, binding.app_id)?, key, identity, told }))
        })
        .await?;
    let Some(facts) = facts else { return Ok(None) };
    let lifetime = server.rules.lifetime(ctx.settings.oauth2.jwt_access_token_lifetime.get());
    let life = life(&facts.key, lifetime, ctx.clock.now());
    let token = sign(ctx, server.rules.jwt_alg, Some(ACCESS_TOKEN), |_, _| {
        claims(ctx.settings.issuer(), server, scopes, facts, life)
    })
    .await?;
    Ok(Some(SignedToken { token, expires_at: life.1 }))
}

fn claims_told(server: &ResourceServer, scopes: &Scopes, allowed_at: Option<Instant>) -> BTreeSet<ClaimName> {
    let told: Vec<OidcScope> = server.told_to(scopes, allowed_at).collect();
    ClaimName::ALL.iter().copied().filter(|claim| told.contains(&claim.scope())).collect()
}

/// When a signed token begins and ends. One that is handed out once more is the same, unless it has ended meanwhile.
fn life(key: &ApiKey, lifetime: Duration, now: Instant) -> (Instant, Instant) {
    let began = if now < key.created_at + lifetime { key.created_at } else { now };
    (began, (began + lifetime).min(key.expires_at))
}

fn claims(
    issuer: &str,
    server: &ResourceServer,
    scopes: &Scopes,
    facts: Facts,
    (issued_at, expires_at): (Instant, Instant),
) -> Map<String, Value> {
    let Facts { key, client_id, identity, told } = facts;
    // What is said of the user never takes the place of what the protocol needs.
    let mut claims = told;
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    set("iss", issuer.into());
    set("aud", server.identifier.as_str().into());
    set("sub", key.user_id.to_string().into());
    set("client_id", client_id.into());
    set("iat", issued_at.unix_timestamp().into());
    set("exp", expires_at.unix_timestamp().into());
    set("jti", format!("{}.{}", key.id.as_str(), mark(&key.secret_digest)).into());
    set("scope", scopes.to_string().into());
    if let Some(jkt) = key.jkt() {
        set("cnf", json!({ "jkt": jkt.as_str() }));
    }
    if let Some(identity) = identity {
        set("auth_time", identity.sign_in.auth_time.unix_timestamp().into());
        set("acr", identity.sign_in.acr.into());
        if !identity.sign_in.amr.is_empty() {
            set("amr", json!(identity.sign_in.amr));
        }
    }
    claims
}

/// A mark of a secret, from which nothing of it can be told.
fn mark(digest: &Digest) -> String {
    let twice = Digest::of(digest.as_bytes());
    let first: &[u8] = twice.as_bytes().first_chunk::<12>().map_or(&[], |first| first.as_slice());
    URL_SAFE_NO_PAD.encode(first)
}

/// Reads a signed access token of ours. `None` if it is none, has expired, or its row has gone or has another secret by now.
pub(super) async fn read(ctx: &Context, text: &str) -> Result<Option<PresentedToken>, Error> {
    let Some(claims) = read_own(ctx, text, TokenHeader::check_access_token).await? else { return Ok(None) };
    let expires_at = claims.instant("exp").ok().flatten().filter(|at| *at > ctx.clock.now());
    let id = claims.text("jti").ok().flatten().and_then(|jti| jti.split_once('.'));
    let (Some(expires_at), Some((id, marked))) = (expires_at, id) else { return Ok(None) };
    let Ok(id) = ApiKeyId::new(id) else { return Ok(None) };
    let found = ctx.read(move |repos| Ok::<_, Error>(repos.api_keys().find(&id)?)).await?;
    let live = found.filter(|key| mark(&key.secret_digest) == marked);
    Ok(live.map(|key| PresentedToken { key: key.id, digest: key.secret_digest, expires_at }))
}

/// Whether a token could be a signed one.
pub(super) fn is_meant(text: &str) -> bool {
    text.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ANN, NOW, key};

    #[test]
    fn a_token_that_is_handed_out_again_is_the_same_until_it_has_ended() {
        let key = ApiKey { created_at: NOW, expires_at: NOW + Duration::HOUR, ..key(ANN) };
        let minutes = |began, ended| (NOW + Duration::minutes(began), NOW + Duration::minutes(ended));
        let life = |after| life(&key, Duration::minutes(10), NOW + Duration::minutes(after));
        assert_eq!([life(0), life(9)], [minutes(0, 10); 2]);
        assert_eq!([life(10), life(30)], [minutes(10, 20), minutes(30, 40)]);
        assert_eq!(life(55), minutes(55, 60), "nor does it outlive what it stands for");
    }

    #[test]
    fn a_mark_tells_secrets_apart_and_nothing_of_them() {
        let (one, other) = (Digest::of("one"), Digest::of("other"));
        assert_ne!(mark(&one), mark(&other));
        assert_eq!(mark(&one).len(), 16);
    }
}
