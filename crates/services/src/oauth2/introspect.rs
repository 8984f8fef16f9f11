//! Introspection (RFC 7662): a resource server asks what a token is.

use super::client::{ClientAuthentication, PresentedClient, PresentedSecret, is_touch_due, note_use, touch_secret};
use super::scopes;
use super::token::still_allowed::scopes_left;
use crate::cache::{Age, KnownClient, KnownToken};
use crate::{Context, OAuthError, Origin, Principal, Settings};
use doorward_domain::ids::{AppId, AppSecretId, UserId};
use doorward_domain::oauth2::{App, ClientType, Grant, OAuthErrorCode, OpaqueToken, Resource};
use doorward_domain::roles::System;
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::Repositories;
use doorward_ports::oauth2::{ClientCredentials, Introspection, TokenFacts};
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
    /// Names of its scopes.
    pub scopes: Vec<String>,
    /// The resource it is bound to; `None` means this server.
    pub audience: Option<Resource>,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it stops working.
    pub expires_at: Instant,
    /// `Bearer` for access tokens, nothing for refresh tokens.
    pub token_type: Option<&'static str>,
}

/// Says what a token is; `None` when it is expired, revoked, unknown or none of the caller's business.
///
/// The caller must be a confidential client. It may know the tokens issued to it and those bound to a resource that it
/// serves.
pub async fn introspect(ctx: &Context, request: IntrospectRequest) -> Result<Option<ActiveToken>, OAuthError> {
    let client = request.client.present()?;
    let now = ctx.clock.now();
    let token = request.token.filter(|token| !token.expose().is_empty());
    let access = token.as_ref().and_then(|token| ApiToken::parse(token.expose()).ok());
    // The one statement answers for every well-formed question; the steps say what is wrong with the others.
    if let (Some(credentials), PresentedSecret::Given(_), None) =
        (client.credentials(), &client.secret, request.repeated)
        && token.is_some()
    {
        let nobody = || ApiKeyId::new("0000000000").map(|id| (id, Digest::of([])));
        let (key, digest) =
            access.as_ref().map_or_else(nobody, |token| Ok((token.id.clone(), token.digest()))).map_err(|error| {
                OAuthError::new(OAuthErrorCode::ServerError, "the server cannot answer now").because(error.to_string())
            })?;
        let app_id = credentials.app_id;
        let recall = |age| access.as_ref().and_then(|_| remembered(ctx, age, &credentials, &key, digest, now));
        let found = recall(ctx.cache.age());
        ctx.cache.count(found.is_some());
        let looked = match found {
            Some((answer, token)) => Some((answer, Some(token))),
            None => match look(ctx, credentials.clone(), key.clone(), digest, now).await {
                Err(error) => {
                    ctx.cache.note(error.outage);
                    let (answer, token) = recall(ctx.cache.age()).ok_or(error)?;
                    Some((answer, Some(token)))
                }
                looked => looked?,
            },
        };
        if let Some((answer, known)) = looked {
            note_use(ctx, answer.secret_id, answer.secret_last_used_at, now).await?;
            if access.is_some() {
                let business = |app: AppId, audience: Option<&Resource>| {
                    app == app_id
                        || audience.is_some_and(|bound| answer.caller_resources.iter().any(|r| r.is_same_as(bound)))
                };
                let token = answer
                    .token
                    .filter(|token| business(token.app_id, token.audience.as_ref()) && is_for_its_app(ctx, token));
                if let (Some(TokenFacts { unused: true, .. }), Some(known)) = (&token, &known) {
                    ctx.cache.note_use(&known.id, known.digest, &known.noted);
                }
                return Ok(token.map(|token| ActiveToken {
                    client_id: token.app_id,
                    user_id: token.user_id,
                    username: token.username,
                    scopes: scopes::remaining(token.app_scopes.as_deref(), &token.scopes),
                    audience: token.audience,
                    issued_at: token.issued_at,
                    expires_at: token.expires_at,
                    token_type: Some("Bearer"),
                }));
            }
        }
    }
    let steps = Steps { settings: Arc::clone(&ctx.settings), client, token, repeated: request.repeated, now };
    let noting = steps.clone();
    let noted = ctx
        .act(&Principal::anonymous(Origin::unknown()), move |deed| {
            let (secret, known, answer) = noting.look(deed.repos)?;
            if let Some((id, last_used_at)) = secret {
                touch_secret(deed.repos, id, last_used_at, deed.now)?;
            }
            if let Some(used) = known {
                let permit = System::because("a client asks about its refresh token").permit();
                deed.repos.api_keys().mark_used(&permit, &[used])?;
            }
            Ok(deed.unrecorded("a question changes nothing", answer))
        })
        .await;
    match noted {
        Err(OAuthError { outage: Some(outage), .. }) if !outage.takes_changes() => {}
        noted => return noted,
    }
    // Nothing can be noted now. That the pair was seen is kept until it can be: by then an older refresh token is theft.
    let (_, known, answer) = ctx.read(move |repos| steps.look(repos)).await?;
    if let Some((id, digest)) = known {
        ctx.cache.note_use(&id, digest, &AtomicBool::new(false));
    }
    Ok(answer)
}

/// A question that no one statement answers.
#[derive(Clone)]
struct Steps {
    settings: Arc<Settings>,
    client: PresentedClient,
    token: Option<Secret<String>>,
    repeated: Option<&'static str>,
    now: Instant,
}

/// An access token that was not used yet.
type Unused = (ApiKeyId, Digest);
/// The secret with its last use, the access token that goes with the refresh token, and the answer.
type Found = (Option<(AppSecretId, Option<Instant>)>, Option<Unused>, Option<ActiveToken>);

impl Steps {
    /// Looks at everything in order, and writes nothing.
    fn look(&self, repos: &mut dyn Repositories) -> Result<Found, OAuthError> {
        let app = self.client.find_app(repos)?;
        if let Some(name) = self.repeated {
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")));
        }
        if app.client_type == ClientType::Public {
            return Err(OAuthError::invalid_client("a public client may not introspect"));
        }
        let secret = self.client.prove(&app, repos)?;
        let token = self.token.as_ref().ok_or_else(|| OAuthError::missing("token"))?;
        let Ok(token) = OpaqueToken::parse(token.expose()) else { return Ok((secret, None, None)) };
        let (known, answer) = refresh_token(&self.settings, repos, &app, &token, self.now)?;
        Ok((secret, known, answer))
    }
}

/// Whether the app may still use the resource that its token is bound to; without one, tokens are for this server.
fn is_for_its_app(ctx: &Context, token: &TokenFacts) -> bool {
    let server = ctx.settings.resource();
    let bound = token.audience.as_ref().unwrap_or(&server);
    App::limits_permit(token.app_resources.as_deref(), bound, ctx.settings.oauth2.resources.as_deref(), &server)
}

/// What is remembered of a caller and a live token. A secret whose use has to be written down is read again.
fn remembered(
    ctx: &Context,
    age: Age,
    credentials: &ClientCredentials,
    key: &ApiKeyId,
    digest: Digest,
    now: Instant,
) -> Option<(Introspection, Arc<KnownToken>)> {
    let (prefix, secret) = credentials.secret.as_ref()?;
    let client = ctx.cache.client(age, &(credentials.app_id, prefix.clone()))?;
    let token = ctx.cache.token(age, key)?;
    // Digests are compared in constant time, by the type.
    let proven = client.digest == *secret && token.digest == digest;
    let fresh = !is_touch_due(client.last_used_at, now) && token.facts.expires_at > now;
    if !proven || !fresh {
        return None;
    }
    let answer = Introspection {
        secret_id: client.secret_id,
        secret_last_used_at: client.last_used_at,
        caller_resources: client.resources.clone(),
        token: Some(token.facts.clone()),
    };
    Some((answer, token))
}

/// An answer, and what is remembered of its token.
type Looked = (Introspection, Option<Arc<KnownToken>>);

/// Asks the store, and remembers a good caller and a live token.
async fn look(
    ctx: &Context,
    credentials: ClientCredentials,
    key: ApiKeyId,
    digest: Digest,
    now: Instant,
) -> Result<Option<Looked>, OAuthError> {
    let reading = ctx.cache.reading();
    let (asked, id) = (credentials.clone(), key.clone());
    let answer =
        ctx.read(move |repos| Ok::<_, OAuthError>(repos.grants().introspect_access(&asked, &id, digest, now)?)).await?;
    let Some(answer) = answer else { return Ok(None) };
    let known = answer
        .token
        .clone()
        .map(|facts| Arc::new(KnownToken { id: key.clone(), digest, facts, noted: AtomicBool::new(false) }));
    if let Some((prefix, secret)) = credentials.secret {
        let client = KnownClient {
            digest: secret,
            secret_id: answer.secret_id,
            last_used_at: answer.secret_last_used_at,
            resources: answer.caller_resources.clone(),
        };
        ctx.cache.keep_client(reading, (credentials.app_id, prefix), client);
        if let Some(known) = &known {
            ctx.cache.keep_token(reading, known);
        }
    }
    Ok(Some((answer, known)))
}

/// A refresh token is the business of its own client only.
fn refresh_token(
    settings: &Settings,
    repos: &mut dyn Repositories,
    app: &App,
    token: &OpaqueToken,
    now: Instant,
) -> Result<(Option<Unused>, Option<ActiveToken>), OAuthError> {
    let is_live = |grant: &Grant| {
        grant.app_id == app.id && grant.refresh_digest == token.digest() && grant.refresh_expires_at > now
    };
    let Some(grant) = repos.grants().find_by_prefix(token.prefix())?.filter(is_live) else { return Ok((None, None)) };
    // What was taken from the app since, a refresh would not give either.
    let Ok(scopes) = scopes_left(settings, app, grant.audience.as_ref(), &grant.scopes) else {
        return Ok((None, None));
    };
    // Whoever asks about it has got it.
    let unused = repos.api_keys().find(&grant.access_key_id)?.filter(ApiKey::is_unused);
    let user = repos.users().find(grant.user_id)?.filter(doorward_domain::users::User::may_act);
    let answer = user.map(|user| ActiveToken {
        client_id: grant.app_id,
        user_id: user.id,
        username: user.username.into_string(),
        scopes,
        audience: grant.audience,
        issued_at: grant.created_at,
        expires_at: grant.refresh_expires_at,
        token_type: None,
    });
    Ok((unused.map(|key| (key.id, key.secret_digest)), answer))
}
