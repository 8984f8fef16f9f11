//! Token introspection (RFC 7662): a resource server asks what a token is.

use super::client::{ClientAuthentication, PresentedClient, PresentedSecret, is_touch_due, note_use, touch_secret};
use super::client_assertions::{self, Place};
use super::policy::{self, ClientPolicy};
use super::signed_tokens;
use super::token::still_allowed::scopes_left;
use crate::cache::{Age, CachedClient, CachedToken};
use crate::{Context, OAuthError, Origin, Principal, Settings, keys};
use doorward_domain::ids::{AppId, AppSecretId, UserId};
use doorward_domain::oauth2::{
    App, Authorization, ClientType, Grant, KeyThumbprint, OAuthErrorCode, OpaqueToken, Resource,
};
use doorward_domain::roles::System;
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::Repositories;
use doorward_ports::oauth2::{Introspection, IntrospectionQuery, TokenFacts};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A request to the introspection endpoint.
#[derive(Clone, Debug, Default)]
pub struct IntrospectRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// `token`.
    pub token: Option<Secret<String>>,
    /// A parameter that may come once and came twice.
    pub repeated: Option<&'static str>,
}

/// What a live token is (RFC 7662 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveToken {
    /// The app it was issued to.
    pub client_id: AppId,
    /// The user as whom it acts.
    pub user_id: UserId,
    /// The name of that user.
    pub username: String,
    /// What it is good for at this moment.
    pub authorization: Authorization,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it stops working.
    pub expires_at: Instant,
    /// `Bearer` or `DPoP` for access tokens, nothing for refresh tokens.
    pub token_type: Option<&'static str>,
    /// The key that whoever brings it must prove to have.
    pub jkt: Option<KeyThumbprint>,
}

/// Says what a token is; `None` when it is expired, revoked, unknown or none of the caller's business.
///
/// The caller must be a confidential client. It may know the tokens issued to it and those bound to a resource that it
/// serves.
///
/// Needs the secret of a confidential client, and no permission. Errors: `invalid_client` (unknown or public client, or a wrong
/// secret), `invalid_request` (`token` or `client_id` is missing, or a parameter was given twice), `server_error`,
/// `temporarily_unavailable`.
pub async fn introspect(ctx: &Context, request: IntrospectRequest) -> Result<Option<ActiveToken>, OAuthError> {
    let client = client_assertions::present(ctx, &request.client, Place::Other).await?;
    let (policy, now) = (policy::of_client(ctx).await?, ctx.clock.now());
    let token = request.token.filter(|token| !token.expose().is_empty());
    let text = token.as_ref().map(|token| token.expose().as_str());
    let signed = match text.filter(|text| signed_tokens::is_meant(text)) {
        Some(text) => signed_tokens::read(ctx, text).await.map_err(keys::for_token)?,
        None => None,
    };
    // A signed token does not live as long as what it stands for.
    let ends_at = signed.as_ref().map(|signed| signed.expires_at);
    let until = |token: ActiveToken| {
        let expires_at = ends_at.map_or(token.expires_at, |ends_at| ends_at.min(token.expires_at));
        ActiveToken { expires_at, ..token }
    };
    let access = signed.map(|signed| (signed.key, signed.digest)).or_else(|| {
        let token = ApiToken::parse(text?).ok()?;
        let digest = token.digest();
        Some((token.id, digest))
    });
    // The one statement answers for every well-formed question; the steps say what is wrong with the others.
    if let (Some(credentials), PresentedSecret::Given(_), Some(_), None) =
        (client.credentials(), &client.secret, &token, request.repeated)
    {
        let query = IntrospectionQuery { client: credentials, token: access.clone(), now };
        if let Some(found) = find(ctx, &query).await? {
            note_use(ctx, found.answer.secret_id, found.answer.secret_last_used_at, now).await?;
            if query.token.is_some() {
                return Ok(found.told_to(ctx, &policy, query.client.app_id).map(until));
            }
        }
    }
    let settings = Arc::clone(&ctx.settings);
    let steps = Steps { settings, policy, client, token, access, repeated: request.repeated, now };
    Ok(by_steps(ctx, steps).await?.map(until))
}

/// What one statement found, or the cache, and the part of it that is remembered of the token.
struct Found {
    answer: Introspection,
    known: Option<Arc<CachedToken>>,
}

impl Found {
    /// What the calling app may know of the token.
    fn told_to(self, ctx: &Context, policy: &ClientPolicy, app: AppId) -> Option<ActiveToken> {
        let Introspection { caller_resources, token, .. } = self.answer;
        let token = token?;
        let bound = token.authorization.resource.as_ref();
        let serves = || {
            bound.is_some_and(|bound| {
                caller_resources.iter().any(|resource| resource.is_same_as(bound))
                    || policy.resources.lets_introspect(app, bound)
            })
        };
        if (token.app_id != app && !serves()) || !is_for_its_app(ctx, &token) {
            return None;
        }
        if let Some(known) = self.known.filter(|_| token.unused) {
            ctx.cache.note_use(&known.id, known.digest, &known.noted);
        }
        let Authorization { scopes, resource } = token.authorization;
        Some(ActiveToken {
            client_id: token.app_id,
            user_id: token.user_id,
            username: token.username,
            authorization: Authorization {
                scopes: policy.resources.left(resource.as_ref(), scopes.within(token.app.scopes.as_ref())),
                resource,
            },
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            token_type: Some(token_type(token.jkt.as_ref())),
            jkt: token.jkt,
        })
    }
}

fn token_type(jkt: Option<&KeyThumbprint>) -> &'static str {
    if jkt.is_some() { "DPoP" } else { "Bearer" }
}

/// Asks the cache, then the store. While the database is away, what is remembered is good for longer.
async fn find(ctx: &Context, query: &IntrospectionQuery) -> Result<Option<Found>, OAuthError> {
    let found = remembered(ctx, ctx.cache.age(), query);
    ctx.cache.count(found.is_some());
    if found.is_some() {
        return Ok(found);
    }
    match look(ctx, query).await {
        Err(error) => {
            ctx.cache.note(error.outage);
            remembered(ctx, ctx.cache.age(), query).map(Some).ok_or(error)
        }
        looked => looked,
    }
}

/// Looks step by step. That a token was seen is noted, if the database takes changes.
async fn by_steps(ctx: &Context, steps: Steps) -> Result<Option<ActiveToken>, OAuthError> {
    let noting = steps.clone();
    let noted = ctx
        .act(&Principal::anonymous(Origin::unknown()), move |deed| {
            let seen = noting.look(deed.repos)?;
            if let Some((id, last_used_at)) = seen.secret {
                touch_secret(deed.repos, id, last_used_at, deed.now)?;
            }
            if let Some(used) = seen.unused {
                let permit = System::because("a client asks about its refresh token").permit();
                deed.repos.api_keys().mark_used(&permit, &[used])?;
            }
            Ok(deed.unrecorded("a question changes nothing", seen.token))
        })
        .await;
    match noted {
        Err(OAuthError { outage: Some(outage), .. }) if !outage.takes_changes() => {}
        noted => return noted,
    }
    // Nothing can be noted now. That the pair was seen is kept until it can be: by then an older refresh token is theft.
    let seen = ctx.read(move |repos| steps.look(repos)).await?;
    if let Some((id, digest)) = seen.unused {
        ctx.cache.note_use(&id, digest, &AtomicBool::new(false));
    }
    Ok(seen.token)
}

/// A question that no one statement answers.
#[derive(Clone)]
struct Steps {
    settings: Arc<Settings>,
    policy: Arc<ClientPolicy>,
    client: PresentedClient,
    token: Option<Secret<String>>,
    /// The access token that it is, or stands for.
    access: Option<(ApiKeyId, Digest)>,
    repeated: Option<&'static str>,
    now: Instant,
}

/// What the steps have seen.
struct Seen {
    /// The secret with which the client proved itself, and when it was used before.
    secret: Option<(AppSecretId, Option<Instant>)>,
    /// The access token that goes with the refresh token, if it was not used yet.
    unused: Option<(ApiKeyId, Digest)>,
    /// The answer.
    token: Option<ActiveToken>,
}

impl Steps {
    /// Looks at everything in order, and writes nothing.
    fn look(&self, repos: &mut dyn Repositories) -> Result<Seen, OAuthError> {
        let app = self.client.find_app(repos)?;
        if let Some(name) = self.repeated {
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")));
        }
        if app.client_type == ClientType::Public {
            return Err(OAuthError::invalid_client("a public client may not introspect"));
        }
        let secret = self.client.prove(&app, repos)?;
        let token = self.token.as_ref().ok_or_else(|| OAuthError::missing("token"))?;
        match (OpaqueToken::parse(token.expose()), &self.access) {
            (Ok(token), _) => Ok(Seen { secret, ..refresh_token(self, repos, &app, &token)? }),
            // The one statement answers who has a secret.
            (_, Some(access)) if self.client.has_key() => self.access_token(repos, &app, access),
            _ => Ok(Seen { secret, unused: None, token: None }),
        }
    }
}

/// Whether the app may still use the resource that its token is bound to; without one, tokens are for this server.
fn is_for_its_app(ctx: &Context, token: &TokenFacts) -> bool {
    let server = ctx.settings.resource();
    let bound = token.authorization.resource.as_ref().unwrap_or(&server);
    App::limits_permit(token.app.resources.as_deref(), bound, ctx.settings.oauth2.resources.as_deref(), &server)
}

/// What is remembered of a caller and a live token. A secret whose use has to be written down is read again.
fn remembered(ctx: &Context, age: Age, query: &IntrospectionQuery) -> Option<Found> {
    let (key, digest) = query.token.as_ref()?;
    let (prefix, secret) = query.client.secret.as_ref()?;
    let client = ctx.cache.client(age, &(query.client.app_id, prefix.clone()))?;
    let known = ctx.cache.token(age, key)?;
    // Digests are compared in constant time, by the type.
    let proven = client.digest == *secret && known.digest == *digest;
    let fresh = !is_touch_due(client.last_used_at, query.now) && known.facts.expires_at > query.now;
    if !proven || !fresh {
        return None;
    }
    let answer = Introspection {
        secret_id: client.secret_id,
        secret_last_used_at: client.last_used_at,
        caller_resources: client.resources.clone(),
        token: Some(known.facts.clone()),
    };
    Some(Found { answer, known: Some(known) })
}

/// Asks the store, and remembers a good caller and a live token.
async fn look(ctx: &Context, query: &IntrospectionQuery) -> Result<Option<Found>, OAuthError> {
    let reading = ctx.cache.reading();
    let asked = query.clone();
    let answer = ctx.read(move |repos| Ok::<_, OAuthError>(repos.grants().introspect_access(&asked)?)).await?;
    let Some(answer) = answer else { return Ok(None) };
    let known = answer.token.clone().zip(query.token.clone());
    let known =
        known.map(|(facts, (id, digest))| Arc::new(CachedToken { id, digest, facts, noted: AtomicBool::new(false) }));
    if let Some((prefix, secret)) = &query.client.secret {
        let client = CachedClient {
            digest: *secret,
            secret_id: answer.secret_id,
            last_used_at: answer.secret_last_used_at,
            resources: answer.caller_resources.clone(),
        };
        ctx.cache.keep_client(reading, (query.client.app_id, prefix.clone()), client);
        if let Some(known) = &known {
            ctx.cache.keep_token(reading, known);
        }
    }
    Ok(Some(Found { answer, known }))
}

impl Steps {
    /// An access token is the business of its own client, and of those that serve the resource to which it is bound.
    fn access_token(
        &self,
        repos: &mut dyn Repositories,
        app: &App,
        (id, digest): &(ApiKeyId, Digest),
    ) -> Result<Seen, OAuthError> {
        let nothing = Seen { secret: None, unused: None, token: None };
        let is_live = |key: &ApiKey| key.secret_digest == *digest && !key.is_expired(self.now);
        let Some(key) = repos.api_keys().find(id)?.filter(is_live) else { return Ok(nothing) };
        let Some(binding) = key.oauth2.clone() else { return Ok(nothing) };
        let is_its = |bound: &Resource| {
            app.resources.iter().any(|resource| resource.is_same_as(bound))
                || self.policy.resources.lets_introspect(app.id, bound)
        };
        if binding.app_id != app.id && !binding.audience.as_ref().is_some_and(is_its) {
            return Ok(nothing);
        }
        let Some(issued_to) = repos.apps().find(binding.app_id)? else { return Ok(nothing) };
        let server = self.settings.resource();
        let bound = binding.audience.as_ref().unwrap_or(&server);
        let own = issued_to.allowed_resources.as_deref();
        if !App::limits_permit(own, bound, self.settings.oauth2.resources.as_deref(), &server) {
            return Ok(nothing);
        }
        let Some(user) = repos.users().find(key.user_id)?.filter(doorward_domain::users::User::may_act) else {
            return Ok(nothing);
        };
        let unused = key.is_unused().then(|| (key.id.clone(), key.secret_digest));
        let scopes = key.scopes.within(issued_to.allowed_scopes.as_ref());
        let scopes = self.policy.resources.left(binding.audience.as_ref(), scopes);
        let token = ActiveToken {
            client_id: issued_to.id,
            user_id: user.id,
            username: user.username.into_string(),
            authorization: Authorization { scopes, resource: binding.audience },
            issued_at: key.created_at,
            expires_at: key.expires_at,
            token_type: Some(token_type(binding.jkt.as_ref())),
            jkt: binding.jkt,
        };
        Ok(Seen { unused, token: Some(token), ..nothing })
    }
}

/// A refresh token is the business of its own client only.
fn refresh_token(
    steps: &Steps,
    repos: &mut dyn Repositories,
    app: &App,
    token: &OpaqueToken,
) -> Result<Seen, OAuthError> {
    let nothing = Seen { secret: None, unused: None, token: None };
    let is_live = |grant: &Grant| {
        grant.app_id == app.id && grant.refresh_digest == token.digest() && grant.refresh_expires_at > steps.now
    };
    let Some(grant) = repos.grants().find_by_prefix(token.prefix())?.filter(is_live) else { return Ok(nothing) };
    // What was taken from the app since, a refresh would not give either.
    let Ok(scopes) = scopes_left(&steps.settings, &steps.policy, app, &grant.authorization) else { return Ok(nothing) };
    // Whoever asks about it has got it.
    let unused = repos.api_keys().find(&grant.access_key_id)?.filter(ApiKey::is_unused);
    let user = repos.users().find(grant.user_id)?.filter(doorward_domain::users::User::may_act);
    let token = user.map(|user| ActiveToken {
        jkt: None,
        client_id: grant.app_id,
        user_id: user.id,
        username: user.username.into_string(),
        authorization: Authorization { scopes, resource: grant.authorization.resource },
        issued_at: grant.created_at,
        expires_at: grant.refresh_expires_at,
        token_type: None,
    });
    Ok(Seen { unused: unused.map(|key| (key.id, key.secret_digest)), token, ..nothing })
}
