//! Re-authorization under row locks: the caller inside the transaction that writes about accounts, roles and memberships.
//!
//! Who asks was found out before the transaction began, and may have lost their rights since. Every such write looks once
//! more: it gets the caller as of now, whom nobody changes until the transaction ends. So of two who end each other's
//! accounts, or take each other's roles, one comes first, and the other is refused.
//!
//! Rows are locked in one order, so that nobody waits in a circle: definitions of roles, users by id, organizations,
//! custom roles, memberships.

use crate::deed::Deed;
use crate::error::Error;
use crate::principal::{Account, Principal};
use crate::sessions::{custom_role_names, subject_of};
use doorward_domain::ids::UserId;
use doorward_domain::users::User;
use doorward_ports::Repositories;
use doorward_ports::sessions::KeyOwner;
use std::ops::Deref;
use std::sync::Arc;

/// The caller with the account, the roles and the memberships of this moment, all of which stay until the transaction
/// ends. What writes about them asks for this and not for an [`Principal`].
#[derive(Debug)]
pub(crate) struct Held(Principal);

impl Deref for Held {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// Does `work` for the caller as of now.
pub(crate) fn with_caller<T>(
    deed: &mut Deed<'_>,
    work: impl FnOnce(&mut Deed<'_>, &Held) -> Result<T, Error>,
) -> Result<T, Error> {
    if let Some(me) = deed.by.user_id() {
        still_there(deed.repos.users().find_for_share(me)?)?;
    }
    as_of_now(deed, work)
}

/// Does `work` for the caller as of now, with a user who stays as found too, unless that one was deleted.
pub(crate) fn with_caller_and<T>(
    deed: &mut Deed<'_>,
    id: UserId,
    work: impl FnOnce(&mut Deed<'_>, &Held, User) -> Result<T, Error>,
) -> Result<T, Error> {
    let users = deed.repos.users();
    // Everybody locks the lower id first, so that two cannot wait for each other.
    let user = match deed.by.user_id() {
        None => users.find_for_update(id)?,
        Some(me) if me == id => {
            let user = users.find_for_update(id)?;
            still_there(user.clone())?;
            user
        }
        Some(me) if id < me => {
            let user = users.find_for_update(id)?;
            still_there(users.find_for_share(me)?)?;
            user
        }
        Some(me) => {
            let me = users.find_for_share(me)?;
            let user = users.find_for_update(id)?;
            still_there(me)?;
            user
        }
    };
    as_of_now(deed, |deed, actor| {
        let user = user.filter(|user| !user.deleted && !user.is_system).ok_or(Error::UserNotFound)?;
        work(deed, actor, user)
    })
}

/// Does `work` for the caller as of now, who is held or kept already. Callers without an account have fixed rights.
pub(crate) fn as_of_now<T>(
    deed: &mut Deed<'_>,
    work: impl FnOnce(&mut Deed<'_>, &Held) -> Result<T, Error>,
) -> Result<T, Error> {
    let before = deed.by;
    let held = match before.as_account() {
        Some(account) => Held(reread(deed.repos, before, account)?),
        None => Held(before.clone()),
    };
    let is_same = held.subject.roles() == before.subject.roles();
    match work(deed, &held) {
        Err(refusal) if !is_same && is_about_rights(&refusal) => Err(overtaken()),
        done => done,
    }
}

/// The principal with the roles, the memberships and the key of this moment.
///
/// Errors: `Unauthenticated` (the key is gone, or has another secret).
pub(crate) fn reread(repos: &mut dyn Repositories, before: &Principal, account: &Account) -> Result<Principal, Error> {
    let owner = repos.api_keys().find_owner(&account.key.id)?;
    // In constant time, by the type.
    let is_same = |now: &KeyOwner| now.user.id == account.user.id && now.key.secret_digest == account.key.secret_digest;
    let owner = owner.filter(is_same).ok_or_else(crate::sessions::unknown_key)?;
    let names = custom_role_names(&owner);
    let custom = if names.is_empty() { Vec::new() } else { repos.roles().find_custom(&names)? };
    let subject = subject_of(&owner, custom);
    let KeyOwner { key, user, memberships, .. } = owner;
    let account = Account { user: Arc::new(user), memberships: memberships.into(), key: Arc::new(key) };
    let now = Principal::of_account(subject, account, Arc::clone(&before.origin));
    Ok(Principal { acted_by: before.acted_by.clone(), ..now })
}

fn still_there(me: Option<User>) -> Result<(), Error> {
    if me.is_some_and(|me| me.may_act()) { Ok(()) } else { Err(overtaken()) }
}

/// The rights with which the request came in are not those of now.
fn overtaken() -> Error {
    Error::conflict("Your own account or roles have just been changed. Try again.")
}

/// Whether a refusal may come of a right that is gone.
const fn is_about_rights(refusal: &Error) -> bool {
    match refusal {
        Error::NotFound
        | Error::UserNotFound
        | Error::OrganizationNotFound(_)
        | Error::NoSuch(_)
        | Error::Forbidden(_)
        | Error::Refused(_)
        | Error::Invalid { .. } => true,
        Error::Unauthenticated { .. }
        | Error::SecondFactor(_)
        | Error::Conflict { .. }
        | Error::Precondition(_)
        | Error::WrongState(_)
        | Error::TooManyAttempts { .. }
        | Error::Unavailable { .. }
        | Error::Upstream(_)
        | Error::Internal(_) => false,
    }
}
