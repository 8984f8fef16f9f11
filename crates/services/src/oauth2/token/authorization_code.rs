//! Authorization code grant (RFC 6749 4.1.3) with PKCE (RFC 7636), resource indicators (RFC 8707) and replay detection.

use super::still_allowed::{all_scopes_left, said_since, scopes_left};
use super::{Common, TokenSet};
use crate::audit::{Audited, Diff, Snapshot};
use crate::deed::{Deed, Done};
use crate::oauth2::client::{PresentedSecret, touch_secret, unknown_client};
use crate::oauth2::dpop::check_required;
use crate::openid::issue;
use crate::sessions::random_token;
use crate::settings::OAuth2Settings;
use crate::{Context, OAuthError};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, AppSecretId, GrantId, UserId};
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, ClientType, CodeError, DerivationKey, ExchangedTokens, Grant, KeyThumbprint,
    OAuthErrorCode, OpaqueToken, Redemption, RedirectUri, Resource, Scopes, is_of_document,
};
use doorward_domain::roles::{System, action, resource};
use doorward_domain::sessions::{ApiKey, ApiToken, NewAccessToken};
use doorward_domain::users::User;
use doorward_domain::{Instant, Secret};
use doorward_ports::oauth2::{Redeeming, RedeemingQuery};
use std::sync::Arc;
use time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) code: Secret<String>,
    pub(super) redirect_uri: Option<String>,
    pub(super) code_verifier: Option<Secret<String>>,
}

enum Verdict {
    Granted { scopes: Scopes, subject: Option<Box<issue::Subject>>, resource: Option<Resource>, refreshes: bool },
    Replayed,
}

/// The tokens of a new grant, made before the transaction.
#[derive(Clone)]
pub(super) struct NewTokens {
    grant_id: GrantId,
    pub(super) access: ApiToken,
    pub(super) refresh: OpaqueToken,
}

impl NewTokens {
    pub(super) fn make(ctx: &Context, now: Instant) -> Result<Self, OAuthError> {
        let refresh_random = ctx.alphanumeric(DerivationKey::RANDOM_LEN);
        let refresh_prefix = ctx.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed();
        Ok(Self {
            grant_id: ctx.random.id(now),
            access: random_token(&*ctx.random).map_err(OAuthError::internal)?,
            refresh: ctx.keys.ring().refresh_tokens().first(refresh_prefix, &refresh_random, now),
        })
    }
}

/// To whom a grant is given, and what it lets the app do.
pub(super) struct Granted<'a> {
    pub(super) app: &'a App,
    pub(super) user_id: UserId,
    pub(super) authorization: Authorization,
    pub(super) secret_id: Option<AppSecretId>,
    /// Whether the client proved itself by a key.
    pub(super) by_key: bool,
    pub(super) is_device: bool,
    /// The key that the client has proved to have.
    pub(super) jkt: Option<KeyThumbprint>,
}

impl Granted<'_> {
    /// For how long the refresh token is good; that of an app which gets none, for as long as the access token.
    fn refresh_lifetime(&self, settings: &OAuth2Settings) -> Duration {
        let lifetime = match (self.app.refresh_tokens, self.is_device) {
            (false, _) => settings.access_token_lifetime,
            (true, true) => settings.device.refresh_token_lifetime,
            (true, false) => settings.refresh_token_lifetime,
        };
        lifetime.get()
    }
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
        Verdict::Replayed => Err(OAuthError::invalid_grant("the code was redeemed before")),
    }
}

/// The order of `oauth2.md` 11. Ending the grant of a replayed code must stay, so it is an `Ok`.
fn decide(
    ctx: &Context,
    deed: &mut Deed<'_>,
    common: &Common,
    request: &Request,
    tokens: &NewTokens,
) -> Result<Done<Verdict>, OAuthError> {
    let now = common.now;
    let presented = OpaqueToken::parse(request.code.expose());
    let query = RedeemingQuery {
        app_id: common.client.app_id,
        secret_prefix: common.client.secret_prefix().map(str::to_owned),
        code_prefix: presented.as_ref().map_or("", OpaqueToken::prefix).to_owned(),
    };
    let Redeeming { app, secret, code, user } = deed.repos.codes().find_redeeming(&query)?;
    let app = app.ok_or_else(unknown_client)?;
    let code = code.filter(|code| presented.as_ref().is_ok_and(|presented| code.digest == presented.digest()));
    if app.client_type == ClientType::Confidential && matches!(common.client.secret, PresentedSecret::Absent) {
        return Err(OAuthError::missing("client_secret"));
    }
    let unregistered = request.redirect_uri.as_deref().filter(|uri| app.redirect_uri(Some(uri)).is_err());
    // Asked for with it, it was registered, and has been taken from the app since.
    let is_of_code = || code.as_ref().is_some_and(|code| code.redirect_uri.as_deref() == unregistered);
    if unregistered.is_some() && !is_of_code() {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "redirect_uri is not one of the registered ones"));
    }
    let proof = common.client.prove_by(&app, |_| Ok(secret))?;
    if let Some((id, last_used_at)) = proof {
        touch_secret(deed.repos, id, last_used_at, now)?;
    }
    let secret_id = proof.map(|(id, _)| id);
    let presented = presented.map_err(|error| OAuthError::invalid_grant(error.to_string()))?;
    let code = code.ok_or_else(|| OAuthError::invalid_grant("no such code"))?;
    let redemption = Redemption {
        redirect_uri: request.redirect_uri.as_deref(),
        verifier: request.code_verifier.as_ref().map(|verifier| verifier.expose().as_str()),
        jkt: common.jkt.as_ref(),
        resource: common.resource.as_ref(),
        require_resource: ctx.settings.oauth2.require_resource_at_exchange,
    };
    let sent_to = code.redirect_uri.as_ref().or(code.implied_redirect_uri.as_ref());
    if let Some(uri) = sent_to {
        common.policy.check_redirect(&RedirectUri::from_storage(uri.clone()))?;
    }
    match code.check(&app, &redemption, now) {
        Ok(()) => {}
        Err(CodeError::Redeemed) => return replayed(ctx, deed, &code),
        Err(error @ (CodeError::RedirectUriGone | CodeError::ChallengeMissing)) => {
            return Err(OAuthError::taken_away(error.to_string()));
        }
        Err(error) => {
            return Err(OAuthError::of_grant(error.oauth_code(), error.to_string()));
        }
    }
    if let Some(gone) = code.authorization.scopes.unknown().next() {
        return Err(OAuthError::invalid_grant(format!("the scope {gone} of the code is unknown")));
    }
    scopes_left(&ctx.settings, &common.policy, &app, &code.authorization)?;
    all_scopes_left(&common.policy, &app, &code.authorization)?;
    said_since(&common.policy, &code.authorization, code.created_at)?;
    check_required(&common.policy, &app, code.authorization.resource.as_ref(), common.jkt.as_ref())?;
    let user = user.filter(User::may_act).ok_or_else(|| OAuthError::invalid_grant("the user may not act"))?;
    let used_up = System::because("a client redeems its code").permit();
    if !deed.repos.codes().redeem(&used_up, code.id, tokens.grant_id, now)? {
        // Two redeem at once and the other won: the same as a replay, seen a moment earlier.
        let Some(code) = deed.repos.codes().find_by_prefix(presented.prefix())? else {
            return Err(OAuthError::invalid_grant("the code is gone"));
        };
        return replayed(ctx, deed, &code);
    }
    if ctx.settings.oauth2.single_grant_per_app {
        let replaced = System::because("a new grant replaces the earlier one of the same user and app").permit();
        deed.repos.grants().delete_of_user_and_app(&replaced, code.user_id, app.id)?;
    }
    let permit = System::because("the user consented").permit::<action::Create, resource::Oauth2AppCodeToken>();
    let (authorization, resource) = (code.authorization.clone(), code.authorization.resource.clone());
    let by_key = common.client.has_key();
    let granted = Granted {
        app: &app,
        user_id: code.user_id,
        authorization,
        secret_id,
        by_key,
        is_device: false,
        jkt: common.jkt.clone(),
    };
    let (grant, key) = new_grant(ctx, granted, tokens, &common.by.origin.ip, now);
    deed.repos.grants().insert(&permit, &grant, &key)?;
    let scopes = code.authorization.scopes;
    let subject = if issue::is_asked_for(&ctx.settings, &scopes) {
        let identity = deed.repos.openid().find_of_code(code.id)?;
        issue::redeem(deed.repos, &ctx.settings.oidc, (identity, grant.id), &user, app.id, &scopes)?
    } else {
        None
    };
    let granted = Verdict::Granted { scopes, subject: subject.map(Box::new), resource, refreshes: app.refresh_tokens };
    Ok(deed.unrecorded("tokens are not recorded when they are issued", granted))
}

/// A grant, and the key that is its access token.
pub(super) fn new_grant(
    ctx: &Context,
    granted: Granted<'_>,
    tokens: &NewTokens,
    ip: &str,
    now: Instant,
) -> (Grant, ApiKey) {
    let access_expires_at = now + ctx.settings.oauth2.access_token_lifetime.get();
    let refresh_expires_at = now + granted.refresh_lifetime(&ctx.settings.oauth2);
    let Granted { app, user_id, authorization, secret_id, by_key, is_device, jkt } = granted;
    let grant = Grant {
        id: tokens.grant_id,
        app_id: app.id,
        user_id,
        secret_id,
        // One that an owner registered with keys may be registered with a secret one day. Documents say what they like.
        by_key: by_key && (app.client_type == ClientType::Public || is_of_document(app.id)),
        jkt: jkt.clone(),
        authorization: authorization.clone(),
        access_key_id: tokens.access.id.clone(),
        access_expires_at,
        refresh_prefix: tokens.refresh.prefix().to_owned(),
        refresh_digest: tokens.refresh.digest(),
        refresh_expires_at,
        exchanged: ExchangedTokens::default(),
        generation: 0,
        created_at: now,
        app_revision: app.revision,
        is_device,
    };
    let key = ApiKey::access_token(NewAccessToken {
        id: tokens.access.id.clone(),
        secret_digest: tokens.access.digest(),
        user_id,
        app_id: app.id,
        secret_id,
        grant: Some((tokens.grant_id, refresh_expires_at)),
        authorization,
        jkt,
        ip: ip.to_owned(),
        issued_at: now,
        expires_at: access_expires_at,
    });
    (grant, key)
}

/// A redeemed code comes again: somebody else may have it, so what came of it ends (RFC 6749 4.1.2).
fn replayed(ctx: &Context, deed: &mut Deed<'_>, code: &AuthorizationCode) -> Result<Done<Verdict>, OAuthError> {
    let redeemed = code.redeemed.filter(|_| ctx.settings.oauth2.revoke_on_code_replay);
    let Some((_, grant)) = redeemed else { return Ok(deed.unrecorded("it ends nothing", Verdict::Replayed)) };
    let permit = System::because("a code was presented again").permit();
    if !deed.repos.grants().delete(&permit, grant)? {
        return Ok(deed.unrecorded("its grant had ended", Verdict::Replayed));
    }
    let ended = EndedGrant { id: grant, app: code.app_id };
    let entry = deed.entry().of_user(Some(code.user_id));
    let recorded = entry.noted(AuditAction::AuthorizationCodeReplay, 400, &ended, Diff::default())?;
    Ok(recorded.answer(Verdict::Replayed))
}

/// A grant of which no more is known than this.
struct EndedGrant {
    id: GrantId,
    app: AppId,
}

impl Audited for EndedGrant {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderGrant
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.app.to_string()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}
