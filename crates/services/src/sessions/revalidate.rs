//! Revalidation of the caller under row locks (`SELECT .. FOR NO KEY UPDATE`).
//!
//! The caller was authenticated before the transaction began, and may have lost their rights since. What makes keys checks
//! again, inside, with both users locked until the transaction ends: else a password could be changed, or a user
//! suspended, and a key made at the same moment would survive that.

use super::in_person::InPerson;
use super::refusal::{inactive, unknown_key};
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::principal::{Account, Principal};
use crate::users::UserRef;
use crate::users::caller::{Held, as_of_now, reread};
use crate::users::reference::resolve_live;
use doorward_domain::ids::UserId;
use doorward_domain::users::User;
use doorward_ports::Repositories;

/// Refuses the caller whose key was ended or got another secret, or who may not act any more. To be called in a writing
/// transaction, in which the caller then stays as found, and as answered.
pub(crate) fn still_valid(repos: &mut dyn Repositories, actor: &Principal) -> Result<User, Error> {
    let Account { user, key: presented, .. } = actor.account()?;
    let user = repos.users().find_for_update(user.id)?.filter(|user| !user.deleted).ok_or_else(unknown_key)?;
    if !user.may_act() {
        return Err(inactive(user.status));
    }
    let key = repos.api_keys().find(&presented.id)?;
    // In constant time, by the type.
    let is_same = key.is_some_and(|key| key.user_id == user.id && key.secret_digest == presented.secret_digest);
    if is_same { Ok(user) } else { Err(unknown_key()) }
}

/// Whether the caller may still do what they might, for connections that stay: the key has not ended and has the same secret, its user may
/// act, and has the same roles and groups. Who has others begins anew.
///
/// Needs nothing. Errors: none of its own.
pub async fn lives(ctx: &Context, actor: &Principal) -> Result<bool, Error> {
    ctx.look(actor, |look| {
        let before = look.by;
        let now = match reread(look.repos, before, before.account()?) {
            Err(Error::Unauthenticated { .. }) => return Ok(false),
            now => now?,
        };
        let Account { user, key, .. } = now.account()?;
        let (had, has) = (&before.subject, &now.subject);
        let is_same = had.roles() == has.roles() && had.groups() == has.groups();
        Ok(is_same && key.expires_at > look.now && user.may_act())
    })
    .await
}

/// Does the same, and answers a user who stays as found too, if it was not deleted.
fn lock_user(repos: &mut dyn Repositories, actor: &Principal, id: UserId) -> Result<User, Error> {
    // Everybody holds the lower id first, so that two cannot wait for each other.
    let user = if actor.is(id) {
        Some(still_valid(repos, actor)?)
    } else if Some(id) < actor.user_id() {
        let user = repos.users().find_for_update(id)?;
        still_valid(repos, actor)?;
        user
    } else {
        still_valid(repos, actor)?;
        repos.users().find_for_update(id)?
    };
    user.filter(|user| !user.deleted && !user.is_system).ok_or(Error::UserNotFound)
}

/// Does `work` for the caller as of now, with the user who is to get a key. Apps make no keys.
pub(super) fn with_key_owner<T>(
    deed: &mut Deed<'_>,
    reference: &UserRef,
    work: impl FnOnce(&mut Deed<'_>, &Held, User) -> Result<T, Error>,
) -> Result<T, Error> {
    deed.by.in_person(InPerson::MakeKey)?;
    let id = resolve_live(deed.repos, deed.by, reference)?.id;
    let user = lock_user(deed.repos, deed.by, id)?;
    if !user.may_act() {
        return Err(Error::invalid(format!("User \"{}\" is {} and cannot get keys.", user.username, user.status)));
    }
    as_of_now(deed, |deed, actor| work(deed, actor, user))
}
