//! Authentication of requests by session or token (`identity.md` 2.3).

use super::reach::{max_lifetime, scope_of};
use super::refusal::{inactive, signed_out, unbound, unknown_key};
use super::seen;
use crate::cache::{Age, CachedKey};
use crate::context::Context;
use crate::error::Error;
use crate::origin::Origin;
use crate::principal::{Account, Principal};
use crate::settings::Settings;
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::{App, KeyThumbprint};
use doorward_domain::roles::{CustomRole, CustomRoles, RoleName, Subject, System};
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken};
use doorward_domain::users::{User, UserStatus};
use doorward_domain::wire::SESSION_COOKIE;
use doorward_domain::{Digest, Instant};
use doorward_ports::Repositories;
use doorward_ports::sessions::KeyOwner;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use time::format_description::well_known::Rfc3339;

/// Finds out who presents this token, and what it may be used for.
///
/// Usually no trip to the store, for the subject is remembered while nothing changes, or one; and another one when the
/// use of the key has to be written down: about once an hour. A database that takes no changes, or has no room for any, is no
/// reason to refuse: then nothing is noted, a session does not slide, and a dormant user stays dormant.
///
/// Needs no permission. Errors: `Unauthenticated` (the token is missing, malformed, unknown, expired or for another
/// audience; its app may not use this server any more; or its user may not act).
pub async fn authenticate(ctx: &Context, token_text: &str, origin: &Arc<Origin>) -> Result<Principal, Error> {
    enter(ctx, token_text, origin, Audience::ThisServer, None).await
}

/// [`authenticate`], for the one endpoint that takes tokens for other audiences too: whoever issued a token says whose it is.
pub async fn authenticate_for_any(ctx: &Context, token_text: &str, origin: &Arc<Origin>) -> Result<Principal, Error> {
    enter(ctx, token_text, origin, Audience::Any, None).await
}

/// The same for an access token that is bound to a key, which whoever presents it has just proved to have (RFC 9449 7). The others take none
/// that is bound, and this takes no other.
pub async fn authenticate_proven(
    ctx: &Context,
    token_text: &str,
    origin: &Arc<Origin>,
    audience: Audience,
    jkt: &KeyThumbprint,
) -> Result<Principal, Error> {
    enter(ctx, token_text, origin, audience, Some(jkt)).await
}

/// For whom a token may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// This server alone.
    ThisServer,
    /// Others too.
    Any,
}

async fn enter(
    ctx: &Context,
    token_text: &str,
    origin: &Arc<Origin>,
    audience: Audience,
    jkt: Option<&KeyThumbprint>,
) -> Result<Principal, Error> {
    if token_text.is_empty() {
        return Err(signed_out(format!("Cookie \"{SESSION_COOKIE}\" or query parameter must be provided.")));
    }
    let token =
        ApiToken::parse(token_text).map_err(|defect| signed_out(format!("Invalid API key format: {defect}")))?;
    let (now, settings) = (ctx.clock.now(), ctx.settings.sessions);

    // What is remembered lets in and never refuses: a key may just have got a new secret, or longer life, elsewhere.
    let asked = Asked { token: &token, audience, jkt, now };
    let remembered = |age| ctx.cache.subject(age, &token.id).filter(|known| may_enter(ctx, known, &asked).is_ok());
    let found = remembered(ctx.cache.age());
    ctx.cache.count(found.is_some());
    let known = match found {
        Some(known) => known,
        None => match read(ctx, &asked).await {
            Err(Error::Unavailable { outage, cause }) => {
                ctx.cache.note(Some(outage));
                let stale = remembered(ctx.cache.age());
                stale.ok_or(Error::Unavailable { outage, cause })?
            }
            read => read?,
        },
    };
    let CachedKey { key, user, memberships, subject, noted } = &*known;
    if key.is_unused() {
        ctx.cache.note_use(&key.id, key.secret_digest, noted);
    }
    let account = Account { user: Arc::clone(user), memberships: Arc::clone(memberships), key: Arc::clone(key) };
    let mut principal = Principal::of_account(subject.clone(), account, Arc::clone(origin));

    // While the database is away or takes no changes nothing can be written down.
    let can_write = ctx.cache.age() == Age::Fresh && ctx.cache.takes_notes();
    let mut refresh = can_write.then(|| key.use_at(now, settings.refresh, max_lifetime(settings, user))).flatten();
    if refresh.is_some() || (can_write && user.status == UserStatus::Dormant) {
        let (as_read, before) = (Arc::clone(key), User::clone(user));
        let after = ctx
            .act(&principal, move |deed| {
                // The user first: whoever ends all keys of a user writes in this order too. Of many requests of a dormant
                // user at once, one wakes them.
                let is_dormant = before.status == UserStatus::Dormant;
                let before = if is_dormant { hold_living(deed.repos, before.id)? } else { before };
                let seen = seen(deed, &before)?;
                if let Some(refresh) = refresh {
                    let permit = System::because("the key is being used").permit();
                    deed.repos.api_keys().refresh(&permit, &as_read, refresh, &deed.by.origin.ip, deed.now)?;
                }
                Ok::<_, Error>(deed.unrecorded("that somebody was here is no change", seen))
            })
            .await;
        match after {
            Ok(after) => principal.renew(|account| account.user = Arc::new(after)),
            // That a use is noted is worth no answer: what can be read is read, and all else fails by itself.
            Err(Error::Unavailable { .. }) => {
                ctx.cache.takes_no_notes();
                refresh = None;
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(refresh) = refresh {
        let used = ApiKey { last_used: refresh.last_used, expires_at: refresh.expires_at, ..ApiKey::clone(key) };
        principal.renew(|account| account.key = Arc::new(used));
    }
    Ok(principal)
}

/// Those of these tokens that belong to a key that has not expired, in their order. One trip to the store, however many
/// they are; that their users may act is still to be seen.
///
/// Needs no permission. Errors: none but those of the store.
pub async fn only_living<'a>(ctx: &Context, texts: Vec<&'a str>) -> Result<Vec<&'a str>, Error> {
    let tokens: Vec<(&str, ApiToken)> =
        texts.into_iter().filter_map(|text| Some((text, ApiToken::parse(text).ok()?))).collect();
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, now): (Vec<ApiKeyId>, _) = (tokens.iter().map(|(_, token)| token.id.clone()).collect(), ctx.clock.now());
    let found = ctx.read(move |repos| Ok::<_, Error>(repos.api_keys().find_digests(&ids, now)?)).await?;
    let digests: HashMap<ApiKeyId, Digest> = found.into_iter().collect();
    // Compared in constant time, by the type.
    let lives = |token: &ApiToken| digests.get(&token.id).is_some_and(|digest| *digest == token.digest());
    Ok(tokens.into_iter().filter(|(_, token)| lives(token)).map(|(text, _)| text).collect())
}

/// The user, who stays as found, if they may still act.
fn hold_living(repos: &mut dyn Repositories, id: UserId) -> Result<User, Error> {
    let user = repos.users().find_for_update(id)?.filter(|user| !user.deleted).ok_or_else(unknown_key)?;
    if user.may_act() { Ok(user) } else { Err(inactive(user.status)) }
}

/// Asks the store whose token it is, and remembers who may enter.
async fn read(ctx: &Context, asked: &Asked<'_>) -> Result<Arc<CachedKey>, Error> {
    let reading = ctx.cache.reading();
    let token = asked.token;
    let (id, digest, settings) = (token.id.clone(), token.digest(), Arc::clone(&ctx.settings));
    let (owner, custom) = ctx
        .read(move |repos| {
            let mut owner = repos.api_keys().find_owner(&id)?.ok_or_else(unknown_key)?;
            // In constant time, by the type.
            if owner.key.secret_digest != digest {
                return Err(unknown_key());
            }
            apply_limits(&settings, &mut owner)?;
            let names = custom_role_names(&owner);
            let custom = if names.is_empty() { Vec::new() } else { repos.roles().find_custom(&names)? };
            Ok((owner, custom))
        })
        .await?;
    let known = Arc::new(CachedKey {
        subject: subject_of(&owner, custom),
        key: Arc::new(owner.key.clone()),
        user: Arc::new(owner.user.clone()),
        memberships: owner.memberships.clone().into(),
        noted: AtomicBool::new(false),
    });
    may_enter(ctx, &known, asked)?;
    ctx.cache.keep_subject(reading, &owner, &known);
    Ok(known)
}

/// A token of an app can do no more than the app may at this moment, whatever it could when it was issued. What is remembered
/// of it is forgotten when the app changes.
fn apply_limits(settings: &Settings, owner: &mut KeyOwner) -> Result<(), Error> {
    let (Some(app), Some(binding)) = (&owner.app, &owner.key.oauth2) else { return Ok(()) };
    let server = settings.resource();
    let bound = binding.audience.as_ref().unwrap_or(&server);
    if !App::limits_permit(app.resources.as_deref(), bound, settings.oauth2.resources.as_deref(), &server) {
        return Err(Error::Unauthenticated {
            message: "The application may not use this server any more.".to_owned(),
            detail: format!("Its tokens may not be bound to \"{bound}\" any more."),
        });
    }
    owner.key.scopes = std::mem::take(&mut owner.key.scopes).within(app.scopes.as_ref());
    Ok(())
}

/// What is presented, and how.
struct Asked<'a> {
    token: &'a ApiToken,
    audience: Audience,
    /// The key that was proved.
    jkt: Option<&'a KeyThumbprint>,
    now: Instant,
}

/// Whether this key lets in whoever presents this token now.
fn may_enter(ctx: &Context, known: &CachedKey, asked: &Asked<'_>) -> Result<(), Error> {
    let CachedKey { key, user, .. } = known;
    // In constant time, by the type.
    if key.secret_digest != asked.token.digest() {
        return Err(unknown_key());
    }
    if key.jkt() != asked.jkt {
        return Err(unbound(key.jkt().is_some(), asked.jkt.is_some()));
    }
    if key.is_expired(asked.now) {
        return Err(expired(key));
    }
    if asked.audience == Audience::ThisServer {
        check_audience(ctx, key)?;
    }
    if user.deleted {
        return Err(unknown_key());
    }
    if user.may_act() { Ok(()) } else { Err(inactive(user.status)) }
}

/// A key that is bound to a resource is good for that resource only (RFC 8707 2).
fn check_audience(ctx: &Context, key: &ApiKey) -> Result<(), Error> {
    let Some(audience) = key.oauth2.as_ref().and_then(|binding| binding.audience.as_ref()) else { return Ok(()) };
    // Paths of this server are resources of its own, each with its document (RFC 9728 3.1).
    if audience.is_within(&ctx.settings.resource()) {
        return Ok(());
    }
    Err(Error::Unauthenticated {
        message: "The audience of the token is another server.".to_owned(),
        detail: format!("The token was issued for the audience \"{audience}\", which is not this server."),
    })
}

fn expired(key: &ApiKey) -> Error {
    let time = key.expires_at.format(&Rfc3339).unwrap_or_else(|_unformattable| key.expires_at.to_string());
    signed_out(format!("API key expired at \"{time}\"."))
}

/// The subject of a request: implied, default and stored roles, groups, and the scope of the key (`rbac.md` 5). Names that are
/// not among `custom` and not built in grant nothing.
pub(crate) fn subject_of(owner: &KeyOwner, custom: Vec<CustomRole>) -> Subject {
    let KeyOwner { key, user, memberships, default_roles, groups, app: _ } = owner;
    let custom: CustomRoles = custom.into_iter().collect();
    let mut builder = Subject::for_user(user.id.0).site_roles(&user.roles).groups(groups.iter().map(|group| group.0));
    for membership in memberships {
        builder = builder.membership(membership.organization_id.0, &membership.roles);
    }
    builder.named(default_roles.iter().cloned()).custom_roles(&custom).scope(scope_of(key)).build()
}

/// The roles that are not built in, and have to be looked up.
pub(crate) fn custom_role_names(owner: &KeyOwner) -> Vec<RoleName> {
    let organizations =
        owner.memberships.iter().flat_map(|membership| membership.roles.in_organization(membership.organization_id.0));
    owner.user.roles.on_site().chain(organizations).filter(|name| !name.is_built_in()).collect()
}
