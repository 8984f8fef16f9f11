//! Refresh token grant (RFC 6749 6): rotation with reuse detection (RFC 9700 4.14.2) that survives concurrent requests and
//! lost responses (`decisions.md`).

use super::still_allowed::{gone, scopes_left, stronger_since};
use super::{Common, TokenSet};
use crate::audit::Diff;
use crate::deed::{Deed, Done};
use crate::keys;
use crate::oauth2::client::note_use;
use crate::oauth2::dpop::check_required;
use crate::oauth2::scopes;
use crate::openid::issue;
use crate::{Context, OAuthError};
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::GrantId;
use doorward_domain::oauth2::{
    App, Grant, OAuthErrorCode, OpaqueToken, PresentedRefresh, RefreshPlan, Resource, Scopes, Successor,
};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::Repositories;
use doorward_ports::oauth2::{ClientCredentials, Renewal, Rotated, Rotation};
use serde_json::Map;
use std::sync::Arc;

/// How often a lost race is looked at again; each round needs another refresh to have won in between.
const ROUNDS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) token: Secret<String>,
}

/// What came of a look at the presented token.
enum Verdict {
    Granted {
        grant: GrantId,
        key: ApiKeyId,
        /// Digest of the live refresh token.
        live: Digest,
        expires_at: Instant,
        scopes: Scopes,
        /// The resource to which it is bound.
        resource: Option<Resource>,
    },
    /// Another refresh of the same token won in between.
    Raced,
    Stolen,
}

pub(super) async fn refresh(ctx: &Context, common: Common, request: Request) -> Result<TokenSet, OAuthError> {
    let now = common.now;
    let Ok(presented) = OpaqueToken::parse(request.token.expose()) else {
        let client = common.client;
        ctx.act(&common.by, move |deed| {
            let app = client.find_app(deed.repos)?;
            client.authenticate(&app, deed.repos, deed.now)?;
            Ok::<_, OAuthError>(deed.unrecorded("nothing comes of it", ()))
        })
        .await?;
        return Err(OAuthError::invalid_grant("the refresh token is malformed"));
    };
    let keys = keys::ring_for(ctx, &presented, now).await?;
    let successor = keys.refresh_tokens().successor(&presented, now);
    let oauth2 = &ctx.settings.oauth2;
    // The key's digest covers the secret part only, so any id will do to compute it.
    let next_access = Digest::of(successor.access_secret.expose());
    let rotation = |client: ClientCredentials| Rotation {
        client,
        prefix: presented.prefix().to_owned(),
        presented: presented.digest(),
        next: successor.refresh.digest(),
        next_access,
        now,
        refresh_expires_at: now + oauth2.refresh_token_lifetime.get(),
        device_refresh_expires_at: now + oauth2.device.refresh_token_lifetime.get(),
        access_expires_at: now + oauth2.access_token_lifetime.get(),
        access_lifetime_seconds: oauth2.access_token_lifetime.get().whole_seconds(),
        resources: oauth2.resources.clone(),
        bound_to: common.jkt.clone(),
        jkt: common.jkt.clone(),
    };
    let token_set = |pair: &Successor, key: ApiKeyId, expires_at: Instant, scopes: Scopes| -> Result<_, OAuthError> {
        let access = ApiToken::new(key, pair.access_secret.clone()).map_err(OAuthError::internal)?;
        Ok(TokenSet::new(access.to_wire(), Some(pair.refresh.to_wire()), expires_at, scopes, now))
    };

    let rotation = common.client.credentials().map(rotation);
    // The one statement does not look at when the grant was given, nor at what its resource asks for.
    let resources = &common.policy.resources;
    let is_plain = !resources.want_sign_ins() && (common.jkt.is_some() || !resources.want_keys());
    let at_once = rotation.clone().filter(|_| is_plain);
    if let (Some(rotation), None, None) = (at_once, &common.resource, &common.scopes) {
        let expires_at = rotation.access_expires_at;
        let rotated = ctx.at_once(move |once| Ok::<_, OAuthError>(once.rotate(&token_permit(), &rotation)?)).await?;
        if let Some(rotated) = rotated {
            touch(ctx, &rotated, now).await?;
            let subject = subject(ctx, rotated.grant_id, &rotated.scopes).await?;
            let tokens = token_set(&successor, rotated.access_key_id, expires_at, rotated.scopes)?;
            let tokens = tokens.signed(ctx, &common.policy, rotated.resource.as_ref()).await?;
            return tokens.telling_of(ctx, subject).await;
        }
    }

    let Some(rotation) = rotation else {
        let client = common.client;
        ctx.read(move |repos| client.find_app(repos).map(drop)).await?;
        return Err(OAuthError::invalid_client("the client secret is malformed"));
    };
    let issued = keys.refresh_tokens().has_issued(&presented, now);
    for _ in 0..ROUNDS {
        let (in_store, by) = (ctx.clone(), common.by.clone());
        let (common, rotation, policy) = (common.clone(), rotation.clone(), Arc::clone(&common.policy));
        let verdict = ctx.act(&by, move |deed| decide(&in_store, deed, &common, &rotation, issued)).await?;
        match verdict {
            Verdict::Granted { grant, key, live, expires_at, scopes, resource } => {
                // Of a token that was exchanged several times over, the pairs in between do not work any more.
                let pair = live_pair(ctx, &presented, &live, now).await?;
                let subject = subject(ctx, grant, &scopes).await?;
                let tokens = token_set(&pair, key, expires_at, scopes)?;
                let tokens = tokens.signed(ctx, &policy, resource.as_ref()).await?;
                return tokens.telling_of(ctx, subject).await;
            }
            Verdict::Raced => {}
            Verdict::Stolen => {
                return Err(OAuthError::invalid_grant("reuse of an exchanged refresh token; the grant is revoked"));
            }
        }
    }
    Err(OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, "try again")
        .because("lost the race for a grant again and again"))
}

/// About whom the ID token is that comes with tokens of these scopes, if one does.
async fn subject(ctx: &Context, grant: GrantId, scopes: &Scopes) -> Result<Option<issue::Subject>, OAuthError> {
    if !issue::is_asked_for(&ctx.settings, scopes) {
        return Ok(None);
    }
    issue::of_grant(ctx, grant, scopes).await.map_err(keys::for_token)
}

/// The live pair, which comes after `presented`. If it was made with a key that this server has not heard of, the keys are read
/// anew.
async fn live_pair(
    ctx: &Context,
    presented: &OpaqueToken,
    live: &Digest,
    now: Instant,
) -> Result<Successor, OAuthError> {
    let find = || ctx.keys.ring().refresh_tokens().live_after(presented, live, now);
    if let Some(pair) = find() {
        return Ok(pair);
    }
    keys::reload_for_token(ctx).await?;
    find().ok_or_else(|| OAuthError::invalid_grant("no grant has this refresh token"))
}

/// Looks at everything step by step. Ending a stolen grant must stay, so it is an `Ok`.
fn decide(
    ctx: &Context,
    deed: &mut Deed<'_>,
    common: &Common,
    rotation: &Rotation,
    issued: bool,
) -> Result<Done<Verdict>, OAuthError> {
    let (now, repos) = (common.now, &mut *deed.repos);
    let app = common.client.find_app(repos)?;
    common.client.authenticate(&app, repos, now)?;
    let Some(grant) = repos.grants().find_by_prefix(&rotation.prefix)? else {
        return Err(OAuthError::invalid_grant("no grant has this refresh token"));
    };
    if grant.by_key && !common.client.has_key() {
        return Err(OAuthError::invalid_client("the grant was given to a client that proved itself by a key"));
    }
    let live = grant.refresh_digest;
    let key = if live == rotation.presented { None } else { repos.api_keys().find(&grant.access_key_id)? };
    // What is noted here and not yet written counts as well.
    let is_unused = |key: &ApiKey| key.is_unused() && !ctx.cache.is_use_noted(&key.id, key.secret_digest);
    let pair_unused = key.as_ref().is_some_and(is_unused);
    let allowed = stronger_since(&common.policy, &grant.authorization, grant.created_at)
        .and_then(|()| scopes_left(&ctx.settings, &common.policy, &app, &grant.authorization));
    let mut grant = grant;
    if let Ok(scopes) = &allowed {
        grant.authorization.scopes.clone_from(scopes);
    }
    let asked_again = scopes::asked_again(&grant.authorization.scopes, common.scopes.clone())?;
    let presented = PresentedRefresh {
        app_id: app.id,
        client_type: app.client_type,
        jkt: common.jkt.as_ref(),
        digest: rotation.presented,
        issued,
        resource: common.resource.as_ref(),
        scopes: asked_again.as_ref(),
    };
    let plan = grant
        .plan_refresh(
            &presented,
            pair_unused,
            ctx.settings.oauth2.refresh_policy(app.client_type, grant.jkt.is_some()),
            now,
        )
        .map_err(|error| OAuthError::of_grant(error.oauth_code(), error.to_string()))?;
    if matches!(plan, RefreshPlan::Repeat { .. } | RefreshPlan::Rotate { .. }) {
        check_required(&common.policy, &app, grant.authorization.resource.as_ref(), common.jkt.as_ref())?;
    }
    let verdict = match plan {
        RefreshPlan::Unknown => return Err(OAuthError::invalid_grant("no grant has this refresh token")),
        RefreshPlan::Theft => return end_stolen(deed, &grant),
        RefreshPlan::Repeat { .. } | RefreshPlan::Rotate { .. } if !may_act(repos, &grant)? => {
            return Err(OAuthError::invalid_grant("the user of the grant may not act"));
        }
        RefreshPlan::Repeat { renew } => {
            reconcile(repos, &app, &grant, &allowed?)?;
            repeat(ctx, repos, &app, grant, key, renew, common)?
        }
        RefreshPlan::Rotate { scopes } => {
            reconcile(repos, &app, &grant, &allowed?)?;
            // Looked at above, by more than text.
            let checked = Rotation { resources: None, bound_to: grant.jkt.clone(), ..rotation.clone() };
            let Some(rotated) = rotate(repos, &checked)? else {
                return Ok(deed.unrecorded("another refresh was first", Verdict::Raced));
            };
            if scopes != rotated.scopes {
                repos.grants().narrow_access(&token_permit(), &rotated.access_key_id, &scopes)?;
            }
            let (key, expires_at) = (rotated.access_key_id, rotation.access_expires_at);
            let resource = grant.authorization.resource;
            Verdict::Granted { grant: grant.id, key, live: rotation.next, expires_at, scopes, resource }
        }
    };
    Ok(deed.unrecorded("tokens are not recorded when they are issued", verdict))
}

/// Hands out the live pair once more. Its access token can do what it could, so who asks for less than that is refused:
/// narrowing it would take rights from whoever raced and got it first, and nothing is lost, for the new refresh token, or
/// the question as it was asked before, still gives one. Who asks for more is told what it can do.
fn repeat(
    ctx: &Context,
    repos: &mut dyn Repositories,
    app: &App,
    grant: Grant,
    key: Option<ApiKey>,
    renew: bool,
    common: &Common,
) -> Result<Verdict, OAuthError> {
    let now = common.now;
    let resource = grant.authorization.resource.clone();
    let (live, lifetime) = (grant.refresh_digest, ctx.settings.oauth2.access_token_lifetime.get());
    // What the token handed out before can do.
    let (carried, mut expires_at) =
        key.map_or((grant.authorization.scopes, grant.access_expires_at), |key| (key.scopes, key.expires_at));
    let scopes = carried.clone().within(app.allowed_scopes.as_ref());
    if scopes.is_empty() && !carried.is_empty() {
        return Err(gone(&carried));
    }
    if let Some(asked) = &common.scopes
        && let Some(more) = scopes.iter().find(|scope| !asked.covers(scope))
    {
        let text = format!(
            "this refresh token was already exchanged for an access token that may do more: {more}. \
             Use the refresh token that came with it, or ask for the same scope again"
        );
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, text));
    }
    if scopes != carried {
        repos.grants().narrow_access(&token_permit(), &grant.access_key_id, &scopes)?;
    }
    if renew {
        expires_at = now + lifetime;
        let renewal = Renewal {
            grant_id: grant.id,
            live,
            now,
            access_expires_at: expires_at,
            access_lifetime_seconds: lifetime.whole_seconds(),
        };
        if !repos.grants().renew_access(&token_permit(), &renewal)? {
            return Ok(Verdict::Raced);
        }
    }
    Ok(Verdict::Granted { grant: grant.id, key: grant.access_key_id, live, expires_at, scopes, resource })
}

/// Writes what is left of a grant when its app was changed since that was looked at.
fn reconcile(repos: &mut dyn Repositories, app: &App, grant: &Grant, left: &Scopes) -> Result<(), OAuthError> {
    if grant.app_revision != app.revision {
        let permit = System::because("its app was changed").permit();
        repos.grants().reconcile(&permit, grant.id, left, app.revision)?;
    }
    Ok(())
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
fn end_stolen(deed: &mut Deed<'_>, grant: &Grant) -> Result<Done<Verdict>, OAuthError> {
    let permit = System::because("an exchanged refresh token was used again").permit();
    if !deed.repos.grants().delete(&permit, grant.id)? {
        return Ok(deed.unrecorded("it had ended", Verdict::Stolen));
    }
    let about = Map::from_iter([("generation".to_owned(), grant.generation.into())]);
    let entry = deed.entry().of_user(Some(grant.user_id)).with(about);
    Ok(entry.noted(AuditAction::RefreshTokenReuse, 400, grant, Diff::default())?.answer(Verdict::Stolen))
}

async fn touch(ctx: &Context, rotated: &Rotated, now: Instant) -> Result<(), OAuthError> {
    match rotated.secret {
        Some((secret, last_used_at)) => note_use(ctx, secret, last_used_at, now).await,
        None => Ok(()),
    }
}
