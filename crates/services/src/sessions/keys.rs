//! Session keys for the command line, and any key by its id (`identity.md` 2.7).

use super::hold::with_key_owner;
use super::in_person::Deed;
use super::issue::{IssuedKey, KeySpec, SCOPE_ALL};
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context};
use crate::error::Error;
use crate::users::reference::resolve;
use crate::users::{UserRef, access};
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::UserId;
use doorward_domain::roles::scope::covers;
use doorward_domain::roles::{Action, AllowEntry, Scope, ScopeName, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_ports::Repositories;

/// Makes a session key for the command line, without limits and with the default lifetime of tokens.
pub async fn create_key(ctx: &Context, actor: &Actor, user: &UserRef) -> Result<IssuedKey, Error> {
    check_reach(actor, &[SCOPE_ALL.to_owned()], None)?;
    let (asking, reference) = (actor.clone(), user.clone());
    let trail = Trail::of(ctx, actor);
    let lifetime = ctx.settings.sessions.token_lifetime_default;
    // Random text is made before the store is entered; whose key it is, is known only inside.
    let issued = IssuedKey::new(ctx, trail.now, KeySpec::session(UserId::NIL, lifetime, &actor.origin.ip))?;
    ctx.store
        .write(move |repos| {
            with_key_owner(repos, &asking, &reference, |repos, actor, user| {
                let issued = IssuedKey { key: ApiKey { user_id: user.id, ..issued.key }, ..issued };
                let permit = access::permit::<action::Create, resource::ApiKey>(actor, &access::keys_of(user.id))?;
                repos.api_keys().insert(&permit, &issued.key)?;
                trail.key(repos, AuditAction::Create, 201, &issued.key, Diff::created(&issued.key))?;
                Ok(issued)
            })
        })
        .await
}

/// Shows a key of a user.
pub async fn find_key(ctx: &Context, actor: &Actor, user: &UserRef, id: &str) -> Result<ApiKey, Error> {
    let (actor, reference, id) = (actor.clone(), user.clone(), parse_id(id)?);
    ctx.store.read(move |repos| readable_key(repos, &actor, &reference, &id)).await
}

/// Deletes a key of a user, and the grant whose access token it is.
pub async fn delete_key(ctx: &Context, actor: &Actor, user: &UserRef, id: &str) -> Result<(), Error> {
    let (asking, reference, id) = (actor.clone(), user.clone(), parse_id(id)?);
    let trail = Trail::of(ctx, actor);
    ctx.store
        .write(move |repos| {
            let key = readable_key(repos, &asking, &reference, &id)?;
            if key.id != asking.key.id {
                asking.in_person(Deed::EndKey)?;
            }
            let permit = asking.subject.permit::<action::Delete, resource::ApiKey>(&access::key(&key))?;
            if !repos.api_keys().delete(&permit, &key.id)? {
                return Err(Error::NotFound);
            }
            trail.key(repos, AuditAction::Delete, 204, &key, Diff::deleted(&key))?;
            Ok(())
        })
        .await
}

/// Ends the life of a key of a user now. One that has ended already stays as it is. An access token of a grant is deleted
/// with its grant, which would renew it.
pub async fn expire_key(ctx: &Context, actor: &Actor, user: &UserRef, id: &str) -> Result<(), Error> {
    let (asking, reference, id) = (actor.clone(), user.clone(), parse_id(id)?);
    let trail = Trail::of(ctx, actor);
    ctx.store
        .write(move |repos| {
            let key = readable_key(repos, &asking, &reference, &id)?;
            if key.id != asking.key.id {
                asking.in_person(Deed::EndKey)?;
            }
            let permit = asking.subject.permit::<action::Update, resource::ApiKey>(&access::key(&key))?;
            if key.oauth2.as_ref().is_some_and(|binding| binding.grant_id.is_some()) {
                let permit = asking.subject.permit::<action::Delete, resource::ApiKey>(&access::key(&key))?;
                if !repos.api_keys().delete(&permit, &key.id)? {
                    return Err(Error::NotFound);
                }
                return Ok(trail.key(repos, AuditAction::Delete, 204, &key, Diff::deleted(&key))?);
            }
            if !repos.api_keys().expire(&permit, &key.id, trail.now)? {
                return Err(Error::NotFound);
            }
            if key.is_expired(trail.now) {
                return Ok(());
            }
            let diff = Diff::default().moment("expires_at", Some(key.expires_at), Some(trail.now));
            trail.key(repos, AuditAction::Write, 204, &key, diff)?;
            Ok(())
        })
        .await
}

/// A text that cannot be the id of a key names no key.
fn parse_id(text: &str) -> Result<ApiKeyId, Error> {
    ApiKeyId::new(text).or(Err(Error::NotFound))
}

fn readable_key(
    repos: &mut dyn Repositories,
    actor: &Actor,
    reference: &UserRef,
    id: &ApiKeyId,
) -> Result<ApiKey, Error> {
    let user = resolve(repos, actor, reference)?;
    let key = repos.api_keys().find(id)?.filter(|key| key.user_id == user.id).ok_or(Error::NotFound)?;
    access::may(actor, Action::Read, &access::key(&key))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(key)
}

/// Nobody makes a key that may do more than the key in hand, or limits would be worth nothing.
pub(crate) fn check_reach(actor: &Actor, scopes: &[String], objects: Option<&[AllowEntry]>) -> Result<(), Error> {
    let held: Vec<ScopeName> = scopes_of(&actor.key);
    let covered = |name: &String| ScopeName::parse(name).is_ok_and(|asked| covers(&held, &asked));
    if !scopes.iter().all(covered) {
        return Err(Error::Refused("A key cannot make another one with more scopes than its own.".to_owned()));
    }
    if !reaches(&actor.key, objects) {
        return Err(Error::Refused("A key cannot make another one for more objects than its own.".to_owned()));
    }
    Ok(())
}

/// Whether a key reaches every object of an allow list; of none, every object.
pub(crate) fn reaches(key: &ApiKey, objects: Option<&[AllowEntry]>) -> bool {
    let reach = |objects: Option<&[AllowEntry]>| match objects {
        Some(list) => Scope::all().cut(list),
        None => Scope::all(),
    };
    key.allow_list.is_none() || reach(key.allow_list.as_deref()).covers(&reach(objects))
}

/// What a key lets its holder do: what one of its scopes permits, on the objects of its allow list.
pub(super) fn scope_of(key: &ApiKey) -> Scope {
    let names = scopes_of(key);
    let scope = if names.iter().any(ScopeName::is_all) { Scope::all() } else { Scope::from_names(&names) };
    match &key.allow_list {
        Some(list) => scope.cut(list),
        None => scope,
    }
}

/// The scopes of a key. A name that means nothing permits nothing.
fn scopes_of(key: &ApiKey) -> Vec<ScopeName> {
    key.scopes.iter().filter_map(|name| ScopeName::parse(name).ok()).collect()
}
