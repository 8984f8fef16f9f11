//! `refresh_token` (RFC 6749 6) with rotation that survives races and lost answers (`decisions.md`).

use super::client_credentials::internal;
use super::{Common, TokenSet};
use crate::audit::{Diff, Trail};
use crate::oauth2::client::{is_touch_due, touch_secret};
use crate::oauth2::scopes;
use crate::{Context, OAuthError};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::oauth2::{Grant, OAuthErrorCode, OpaqueToken, PresentedRefresh, RefreshPlan};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::sessions::{ApiKeyId, ApiToken};
use doorward_domain::{Instant, Secret};
use doorward_ports::Repositories;
use doorward_ports::oauth2::{ClientCredentials, Rotated, Rotation};

/// How often a lost race is looked at again; each round needs another refresh to have won in between.
const ROUNDS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) token: Secret<String>,
}

/// What came of a look at the presented token.
enum Verdict {
    Granted {
        key: ApiKeyId,
        expires_at: Instant,
        scopes: Vec<String>,
    },
    /// Another refresh of the same token won in between.
    Raced,
    Stolen,
}

pub(super) async fn refresh(ctx: &Context, common: Common, request: Request) -> Result<TokenSet, OAuthError> {
    let now = common.now;
    let Ok(presented) = OpaqueToken::parse(request.token.expose()) else {
        let client = common.client;
        ctx.store
            .write(move |repos| {
                let app = client.find_app(repos)?;
                client.authenticate(&app, repos, now).map(drop)
            })
            .await?;
        return Err(OAuthError::invalid_grant("the refresh token is malformed"));
    };
    let successor = ctx.derivation.successor(&presented);
    let oauth2 = &ctx.settings.oauth2;
    // The key's digest covers the secret part only, so any id will do to compute it.
    let next_access = doorward_domain::Digest::of(successor.access_secret.expose());
    let rotation = |client: ClientCredentials| Rotation {
        client,
        prefix: presented.prefix().to_owned(),
        presented: presented.digest(),
        next: successor.refresh.digest(),
        next_access,
        now,
        refresh_expires_at: now + oauth2.refresh_token_lifetime,
        access_expires_at: now + oauth2.access_token_lifetime,
        access_lifetime_seconds: oauth2.access_token_lifetime.whole_seconds(),
    };
    let token_set = |key: ApiKeyId, expires_at: Instant, scopes: Vec<String>| -> Result<TokenSet, OAuthError> {
        let access = ApiToken::new(key, successor.access_secret.clone()).map_err(internal)?;
        Ok(TokenSet::new(access.to_wire(), Some(successor.refresh.to_wire()), expires_at, scopes, now))
    };

    let rotation = common.client.credentials().map(rotation);
    if let (Some(rotation), None, None) = (rotation.clone(), &common.resource, &common.scopes) {
        let expires_at = rotation.access_expires_at;
        let rotated = ctx.store.write_once(move |repos| Ok::<_, OAuthError>(rotate(repos, &rotation)?)).await?;
        if let Some(rotated) = rotated {
            touch(ctx, &rotated, now).await?;
            return token_set(rotated.access_key_id, expires_at, rotated.scopes);
        }
    }

    let Some(rotation) = rotation else {
        let client = common.client;
        ctx.store.read(move |repos| client.find_app(repos).map(drop)).await?;
        return Err(OAuthError::invalid_client("the client secret is malformed"));
    };
    let issued = ctx.derivation.has_issued(&presented);
    for _ in 0..ROUNDS {
        let (ctx_ids, common, rotation) = (ctx.clone(), common.clone(), rotation.clone());
        let verdict = ctx.store.write(move |repos| decide(&ctx_ids, repos, &common, &rotation, issued)).await?;
        match verdict {
            Verdict::Granted { key, expires_at, scopes } => return token_set(key, expires_at, scopes),
            Verdict::Raced => {}
            Verdict::Stolen => {
                return Err(OAuthError::invalid_grant("reuse of an exchanged refresh token; the grant is revoked"));
            }
        }
    }
    Err(OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, "try again")
        .because("lost the race for a grant again and again"))
}

/// Looks at everything step by step. Ending a stolen grant must stay, so it is an `Ok`.
fn decide(
    ctx: &Context,
    repos: &mut dyn Repositories,
    common: &Common,
    rotation: &Rotation,
    issued: bool,
) -> Result<Verdict, OAuthError> {
    let now = common.now;
    let app = common.client.find_app(repos)?;
    common.client.authenticate(&app, repos, now)?;
    let Some(grant) = repos.grants().find_by_prefix(&rotation.prefix)? else {
        return Err(OAuthError::invalid_grant("no grant has this refresh token"));
    };
    let presented = PresentedRefresh {
        app_id: app.id,
        digest: rotation.presented,
        issued,
        resource: common.resource.as_ref(),
        scopes: common.scopes.as_deref(),
    };
    let plan = grant
        .plan_refresh(&presented, scopes::covers, ctx.settings.oauth2.refresh_policy(), now)
        .map_err(|error| OAuthError::of_grant(error.oauth_code(), error.to_string()))?;
    match plan {
        RefreshPlan::Unknown => Err(OAuthError::invalid_grant("no grant has this refresh token")),
        RefreshPlan::Theft => {
            end_stolen(repos, &grant, Trail::from(ctx, Some(grant.user_id), &common.origin))?;
            Ok(Verdict::Stolen)
        }
        RefreshPlan::Repeat | RefreshPlan::Rotate { .. } if !may_act(repos, &grant)? => {
            Err(OAuthError::invalid_grant("the user of the grant may not act"))
        }
        RefreshPlan::Repeat => {
            // What the token handed out before can do, whatever is asked now.
            let key = repos.api_keys().find(&grant.access_key_id)?;
            let scopes = key.map_or(grant.scopes, |key| key.scopes);
            Ok(Verdict::Granted { key: grant.access_key_id, expires_at: grant.access_expires_at, scopes })
        }
        RefreshPlan::Rotate { scopes } => {
            let Some(rotated) = rotate(repos, rotation)? else { return Ok(Verdict::Raced) };
            if scopes != rotated.scopes {
                repos.grants().narrow_access(&token_permit(), &rotated.access_key_id, &scopes)?;
            }
            Ok(Verdict::Granted { key: rotated.access_key_id, expires_at: rotation.access_expires_at, scopes })
        }
    }
}

fn may_act(repos: &mut dyn Repositories, grant: &Grant) -> Result<bool, OAuthError> {
    Ok(repos.users().find(grant.user_id)?.is_some_and(|user| user.may_act()))
}

fn rotate(repos: &mut dyn Repositories, rotation: &Rotation) -> Result<Option<Rotated>, doorward_ports::StoreError> {
    repos.grants().rotate(&token_permit(), rotation)
}

fn token_permit() -> Permit<action::Create, resource::Oauth2AppCodeToken> {
    System::because("the user consented to the grant").permit()
}

/// Somebody presents a token that was exchanged long ago: the thief or the robbed. Both lose the grant.
fn end_stolen(repos: &mut dyn Repositories, grant: &Grant, trail: Trail) -> Result<(), OAuthError> {
    let permit = System::because("an exchanged refresh token was used again").permit();
    if repos.grants().delete(&permit, grant.id)? {
        let thing = (AuditResource::Oauth2ProviderGrant, grant.id.to_string(), grant.app_id.to_string());
        let trail = trail.with(serde_json::json!({ "generation": grant.generation }));
        trail.write(repos, AuditAction::RefreshTokenReuse, 400, thing, Diff::default())?;
    }
    Ok(())
}

async fn touch(ctx: &Context, rotated: &Rotated, now: Instant) -> Result<(), OAuthError> {
    if let Some((secret, last_used_at)) = rotated.secret
        && is_touch_due(last_used_at, now)
    {
        ctx.store.write(move |repos| Ok::<_, OAuthError>(touch_secret(repos, secret, last_used_at, now)?)).await?;
    }
    Ok(())
}
