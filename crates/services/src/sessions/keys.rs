//! Session keys for the command line, and any key by its id (`identity.md` 2.7).

use super::in_person::InPerson;
use super::issue::{IssuedKey, KeySpec};
use super::reach::check_reach;
use super::revalidate::with_key_owner;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::error::Error;
use crate::factors::proof_of;
use crate::principal::Principal;
use crate::users::reference::resolve;
use crate::users::{UserRef, access};
use doorward_domain::Instant;
use doorward_domain::factors::Proof;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{Action, System, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::LoginType;
use doorward_ports::Repositories;

/// Makes a session key for the command line, without limits and with the default lifetime of tokens.
///
/// Needs `api_key:create` on those of the user, and `user:read` if that is somebody else. Errors: `UserNotFound`
/// (missing, deleted, part of the server, or not readable), `Forbidden`, `Refused` (asked by an app, by a caller
/// without an account, or with a key that is limited itself), `Invalid` (the user may not act), `Conflict` (roles of
/// the caller were just changed), `Unauthenticated` (the key of the caller has just ended).
pub async fn create_key(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<IssuedKey, Error> {
    check_reach(actor, &Scopes::all(), None)?;
    let reference = user.clone();
    let lifetime = ctx.settings.sessions.token_lifetime_default.get();
    ctx.act(actor, move |deed| {
        with_key_owner(deed, &reference, |deed, actor, user| {
            let spec = KeySpec::session(user.id, lifetime, &actor.origin.ip);
            let issued = IssuedKey::new(deed.random(), deed.now, spec)?;
            let permit = access::permit::<action::Create, resource::ApiKey>(actor, &access::keys_of(user.id))?;
            deed.repos.api_keys().insert(&permit, &issued.key)?;
            let proof = proof_of_new(deed.repos, actor, &issued.key)?;
            let because = System::because("a key is worth no more than what has made it");
            deed.repos.factors().upsert_proof(&because.permit(), &proof)?;
            Ok(deed.made(&issued.key)?.answer(issued))
        })
    })
    .await
}

/// What a session is worth that another key has made: as much as that, and it is as old as that, for nobody has signed in. Of API tokens, and of
/// others than the user, nobody knows when the user last signed in.
fn proof_of_new(repos: &mut dyn Repositories, actor: &Principal, new: &ApiKey) -> Result<Proof, Error> {
    let maker = &actor.account()?.key;
    let known = if maker.user_id == new.user_id && maker.login_type != LoginType::Token {
        proof_of(repos, maker)?
    } else {
        let (auth_time, acr) = (Instant::UNIX_EPOCH, Proof::PASSWORD.to_owned());
        Proof { key_id: new.id.clone(), auth_time, factor_at: None, amr: Vec::new(), acr }
    };
    Ok(Proof { key_id: new.id.clone(), ..known })
}

/// Shows a key of a user.
///
/// Needs `api_key:read`, and `user:read` if the user is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `NotFound` (missing, of another user, or not readable), `Forbidden` (only the scope is too short).
pub async fn find_key(ctx: &Context, actor: &Principal, user: &UserRef, id: &str) -> Result<ApiKey, Error> {
    let (reference, id) = (user.clone(), parse_id(id)?);
    ctx.look(actor, move |look| readable_key(look.repos, look.by, &reference, &id)).await
}

/// Deletes a key of a user, and the grant whose access token it is.
///
/// Needs `api_key:read` and `api_key:delete`, and `user:read` if the user is somebody else. Errors: `UserNotFound`
/// (missing or not readable), `NotFound` (missing, of another user, or not readable), `Forbidden`, `Refused` (asked
/// by an app about a key other than its own).
pub async fn delete_key(ctx: &Context, actor: &Principal, user: &UserRef, id: &str) -> Result<(), Error> {
    let (reference, id) = (user.clone(), parse_id(id)?);
    ctx.act(actor, move |deed| {
        let key = readable_key(deed.repos, deed.by, &reference, &id)?;
        may_end(deed.by, &key)?;
        end(deed, &key)
    })
    .await
}

/// Ends the life of a key of a user now. One that has ended already stays as it is. An access token of a grant is deleted
/// with its grant, which would renew it.
///
/// Needs `api_key:read` and `api_key:update`, for an access token of a grant also `api_key:delete`, and `user:read`
/// if the user is somebody else. Errors: `UserNotFound` (missing or not readable), `NotFound` (missing, of another
/// user, or not readable), `Forbidden`, `Refused` (asked by an app about a key other than its own).
pub async fn expire_key(ctx: &Context, actor: &Principal, user: &UserRef, id: &str) -> Result<(), Error> {
    let (reference, id) = (user.clone(), parse_id(id)?);
    ctx.act(actor, move |deed| {
        let key = readable_key(deed.repos, deed.by, &reference, &id)?;
        may_end(deed.by, &key)?;
        let permit = deed.by.permit::<action::Update, resource::ApiKey>(&access::key(&key))?;
        if key.oauth2.as_ref().is_some_and(|binding| binding.grant_id.is_some()) {
            return end(deed, &key);
        }
        deed.ends_sessions();
        if !deed.repos.api_keys().expire(&permit, &key.id, deed.now)? {
            return Err(Error::NotFound);
        }
        if key.is_expired(deed.now) {
            return Ok(deed.unrecorded("it had ended already", ()));
        }
        let ended = ApiKey { expires_at: deed.now, ..key.clone() };
        Ok(deed.entry().answering(204).changed(&key, &ended)?.answer(()))
    })
    .await
}

/// An app ends no other key than its own.
pub(super) fn may_end(actor: &Principal, key: &ApiKey) -> Result<(), Error> {
    let is_own = actor.as_account().is_some_and(|account| account.key.id == key.id);
    if is_own { Ok(()) } else { actor.in_person(InPerson::EndKey) }
}

fn end(deed: &mut Deed<'_>, key: &ApiKey) -> Result<Done<()>, Error> {
    let permit = deed.by.permit::<action::Delete, resource::ApiKey>(&access::key(key))?;
    deed.ends_sessions();
    if !deed.repos.api_keys().delete(&permit, &key.id)? {
        return Err(Error::NotFound);
    }
    Ok(deed.ended(key)?.answer(()))
}

/// A text that cannot be the id of a key names no key.
pub(super) fn parse_id(text: &str) -> Result<ApiKeyId, Error> {
    ApiKeyId::new(text).or(Err(Error::NotFound))
}

pub(super) fn readable_key(
    repos: &mut dyn Repositories,
    actor: &Principal,
    reference: &UserRef,
    id: &ApiKeyId,
) -> Result<ApiKey, Error> {
    let user = resolve(repos, actor, reference)?;
    let key = repos.api_keys().find(id)?.filter(|key| key.user_id == user.id).ok_or(Error::NotFound)?;
    access::may(actor, Action::Read, &access::key(&key))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(key)
}
