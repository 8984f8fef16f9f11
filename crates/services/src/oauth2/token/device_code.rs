//! Device code grant (RFC 8628 3.4): the device asks until the person has decided, and gets tokens once.

use super::authorization_code::{Granted, NewTokens, new_grant};
use super::still_allowed::{all_scopes_left, said_since, scopes_left};
use super::{Common, TokenSet};
use crate::deed::{Deed, Done};
use crate::oauth2::dpop::check_required;
use crate::openid::issue;
use crate::{Context, OAuthError};
use doorward_domain::Secret;
use doorward_domain::oauth2::{OAuthErrorCode, OpaqueToken, Poll, Resource, Scopes};
use doorward_domain::roles::{Permit, System, action, resource};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) device_code: Secret<String>,
}

/// What came of a question. All but tokens are errors to the device, and yet what was noted must stay.
enum Verdict {
    Granted { scopes: Scopes, subject: Option<Box<issue::Subject>>, resource: Option<Resource>, refreshes: bool },
    Pending,
    SlowDown,
}

pub(super) async fn redeem(ctx: &Context, common: Common, request: Request) -> Result<TokenSet, OAuthError> {
    let now = common.now;
    let tokens = NewTokens::make(ctx, now)?;
    let (access, refresh) = (tokens.access.to_wire(), tokens.refresh.to_wire());
    let expires_at = now + ctx.settings.oauth2.access_token_lifetime.get();
    let (in_store, by) = (ctx.clone(), common.by.clone());
    let policy = Arc::clone(&common.policy);
    match ctx.act(&by, move |deed| decide(&in_store, deed, &common, &request, &tokens)).await? {
        Verdict::Granted { scopes, subject, resource, refreshes } => {
            let tokens = TokenSet::new(access, refreshes.then_some(refresh), expires_at, scopes, now);
            let tokens = tokens.signed(ctx, &policy, resource.as_ref()).await?;
            tokens.telling_of(ctx, subject.map(|subject| *subject)).await
        }
        Verdict::Pending => Err(OAuthError::new(OAuthErrorCode::AuthorizationPending, "the user has not decided yet")),
        Verdict::SlowDown => {
            Err(OAuthError::new(OAuthErrorCode::SlowDown, "wait five seconds longer between two questions"))
        }
    }
}

fn decide(
    ctx: &Context,
    deed: &mut Deed<'_>,
    common: &Common,
    request: &Request,
    tokens: &NewTokens,
) -> Result<Done<Verdict>, OAuthError> {
    let now = common.now;
    let app = common.client.find_app(deed.repos)?;
    let secret_id = common.client.authenticate(&app, deed.repos, now)?;
    if !(app.device_flow && ctx.settings.oauth2.device.enabled) {
        return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "this app may not use the device grant"));
    }
    let unknown = || OAuthError::invalid_grant("no such device code");
    let presented = OpaqueToken::parse(request.device_code.expose()).map_err(|_malformed| unknown())?;
    let asked = deed.repos.device_authorizations().find_for_update(presented.prefix())?;
    let asked = asked.filter(|asked| asked.digest == presented.digest()).ok_or_else(unknown)?;
    let poll = asked.poll(app.id, now).map_err(|error| OAuthError::of_grant(error.oauth_code(), error.to_string()))?;
    let (user_id, interval) = match poll {
        Poll::Approved(user) => (Some(user), asked.interval),
        Poll::Pending => (None, asked.interval),
        Poll::SlowDown(interval) => (None, interval),
    };
    let Some(user_id) = user_id else {
        let permit = System::because("a device asks what has become of its code").permit();
        deed.repos.device_authorizations().note_poll(&permit, asked.id, interval, now)?;
        let verdict = if poll == Poll::Pending { Verdict::Pending } else { Verdict::SlowDown };
        return Ok(deed.unrecorded("a question of a device is not recorded", verdict));
    };
    if let Some(bound) = common.resource.as_ref()
        && !asked.authorization.resource.as_ref().is_some_and(|resource| resource.is_same_as(bound))
    {
        let text = "resource is not the one of the device authorization request";
        return Err(OAuthError::new(OAuthErrorCode::InvalidTarget, text));
    }
    scopes_left(&ctx.settings, &common.policy, &app, &asked.authorization)?;
    all_scopes_left(&common.policy, &app, &asked.authorization)?;
    said_since(&common.policy, &asked.authorization, asked.created_at)?;
    check_required(&common.policy, &app, asked.authorization.resource.as_ref(), common.jkt.as_ref())?;
    let user = deed.repos.users().find(user_id)?.filter(doorward_domain::users::User::may_act);
    let user = user.ok_or_else(|| OAuthError::invalid_grant("the user may not act"))?;
    let is_openid = issue::is_asked_for(&ctx.settings, &asked.authorization.scopes);
    let identity = if is_openid { deed.repos.openid().find_of_device(asked.id)? } else { None };
    let used_up = System::because("a device redeems its code").permit();
    if !deed.repos.device_authorizations().consume(&used_up, asked.id, user_id)? {
        return Err(unknown());
    }
    if ctx.settings.oauth2.single_grant_per_app {
        let replaced = System::because("a new grant replaces the earlier one of the same user and app").permit();
        deed.repos.grants().delete_of_user_and_app(&replaced, user_id, app.id)?;
    }
    let permit: Permit<action::Create, resource::Oauth2AppCodeToken> =
        System::because("the user let the device act").permit();
    let (scopes, resource) = (asked.authorization.scopes.clone(), asked.authorization.resource.clone());
    let by_key = common.client.has_key();
    let (authorization, jkt) = (asked.authorization, common.jkt.clone());
    let granted = Granted { app: &app, user_id, authorization, secret_id, by_key, is_device: true, jkt };
    let (grant, key) = new_grant(ctx, granted, tokens, &common.by.origin.ip, now);
    deed.repos.grants().insert(&permit, &grant, &key)?;
    let subject = issue::redeem(deed.repos, &ctx.settings.oidc, (identity, grant.id), &user, app.id, &scopes)?;
    let granted = Verdict::Granted { scopes, subject: subject.map(Box::new), resource, refreshes: app.refresh_tokens };
    Ok(deed.unrecorded("tokens are not recorded when they are issued", granted))
}
