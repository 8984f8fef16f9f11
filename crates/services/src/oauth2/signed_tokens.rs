//! Access tokens that are signed (RFC 9068), for resources that are registered so.
//!
//! Each stands for an access token of the usual kind, whose row is there as always: what ends that ends this. Its secret is given to
//! nobody; the signed token has the id of the row and a mark of the secret, so that after a refresh the one before is known as such.

use super::client_documents;
use crate::keys::signing_ring;
use crate::openid::issue::{claims_of_user, sign};
use crate::{Context, Error};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::identity_providers::{Claims, Compact, TokenHeader};
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{ACCESS_TOKEN, ResourceServer, TokenFormat};
use doorward_domain::openid::{ClaimName, Identity};
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::{Digest, Instant, Secret};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 16 * 1024;
/// By what access tokens of ours may be signed.
const ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa];

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
    server: ResourceServer,
    identity: Option<Identity>,
    told: Map<String, Value>,
}

/// The signed token in the place of this access token, which is bound to a resource; `None` if the resource takes the usual kind.
pub(super) async fn in_place_of(ctx: &Context, access: &Secret<String>) -> Result<Option<SignedToken>, Error> {
    let Ok(access) = ApiToken::parse(access.expose()) else { return Ok(None) };
    let (settings, id) = (Arc::clone(&ctx.settings), access.id.clone());
    let facts = ctx
        .read(move |repos| {
            let Some(key) = repos.api_keys().find(&id)? else { return Ok::<_, Error>(None) };
            let Some(audience) = key.oauth2.as_ref().and_then(|binding| binding.audience.clone()) else {
                return Ok(None);
            };
            let server = repos.resource_servers().find_same(&audience)?;
            let Some(server) = server.filter(|server| server.rules.token_format == TokenFormat::Jwt) else {
                return Ok(None);
            };
            let grant = key.oauth2.as_ref().and_then(|binding| binding.grant_id);
            let identity = match grant {
                Some(grant) => repos.openid().find_of_grant(grant)?,
                None => None,
            };
            let wanted = ClaimName::ALL.iter().copied();
            let wanted = wanted.filter(|claim| server.rules.told().any(|scope| scope == claim.scope())).collect();
            let told = match repos.users().find(key.user_id)? {
                Some(user) => claims_of_user(repos, &settings.oidc, &user, &wanted)?,
                None => Map::new(),
            };
            Ok(Some(Facts { key, server, identity, told }))
        })
        .await?;
    let Some(facts) = facts else { return Ok(None) };
    let Some(app) = facts.key.oauth2.as_ref().map(|binding| binding.app_id) else { return Ok(None) };
    let client_id = client_documents::client_id(ctx, app).await?;
    let usual = ctx.settings.oauth2.jwt_access_token_lifetime.get();
    let expires_at = (ctx.clock.now() + facts.server.rules.lifetime(usual)).min(facts.key.expires_at);
    let mark = mark(&access.digest());
    let token = sign(ctx, facts.server.rules.jwt_alg, Some(ACCESS_TOKEN), |_, issued_at| {
        claims(ctx.settings.issuer(), &client_id, facts, &mark, (issued_at, expires_at))
    })
    .await?;
    Ok(Some(SignedToken { token, expires_at }))
}

fn claims(
    issuer: &str,
    client_id: &str,
    facts: Facts,
    mark: &str,
    (issued_at, expires_at): (Instant, Instant),
) -> Map<String, Value> {
    let Facts { key, server, identity, told } = facts;
    // What is said of the user never takes the place of what the protocol needs.
    let mut claims = told;
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    set("iss", issuer.into());
    set("aud", server.identifier.as_str().into());
    set("sub", key.user_id.to_string().into());
    set("client_id", client_id.into());
    set("iat", issued_at.unix_timestamp().into());
    set("exp", expires_at.unix_timestamp().into());
    set("jti", format!("{}.{mark}", key.id.as_str()).into());
    set("scope", key.scopes.to_string().into());
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
    if text.len() > TOKEN_MAX {
        return Ok(None);
    }
    let Ok(compact) = Compact::parse(text) else { return Ok(None) };
    let Ok(header) = TokenHeader::parse(&compact.header, &ALGORITHMS) else { return Ok(None) };
    let Ok(claims) = Claims::parse(&compact.payload) else { return Ok(None) };
    let ring = signing_ring(ctx).await?;
    let key = header.key_id.as_deref().and_then(|id| ring.find(id));
    let is_ours = header.check_access_token().is_ok()
        && key.is_some_and(|key| {
            key.algorithm == header.algorithm && compact.is_signed_by(&key.public, header.algorithm)
        })
        && claims.text("iss") == Ok(Some(ctx.settings.issuer()));
    let expires_at = claims.instant("exp").ok().flatten().filter(|at| *at > ctx.clock.now());
    let id = claims.text("jti").ok().flatten().and_then(|jti| jti.split_once('.'));
    let (true, Some(expires_at), Some((id, marked))) = (is_ours, expires_at, id) else { return Ok(None) };
    let Ok(id) = ApiKeyId::new(id) else { return Ok(None) };
    let found = ctx.read(move |repos| Ok::<_, Error>(repos.api_keys().find(&id)?)).await?;
    let live = found.filter(|key| mark(&key.secret_digest) == marked);
    Ok(live.map(|key| PresentedToken { key: key.id, digest: key.secret_digest, expires_at }))
}

/// Whether a token could be a signed one.
pub(super) fn is_meant(text: &str) -> bool {
    text.matches('.').count() == 2
}
