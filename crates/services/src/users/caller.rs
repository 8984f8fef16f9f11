//! The caller inside the transaction that writes about accounts, roles and memberships.
//!
//! Who asks was found out before the transaction began, and may have lost their rights since. Every such write looks once
//! more: it gets the caller as of now, whom nobody changes until the transaction ends. So of two who end each other's
//! accounts, or take each other's roles, one comes first, and the other is refused.
//!
//! Rows are locked in one order, so that nobody waits in a circle: definitions of roles, users by id, organizations,
//! custom roles, memberships.

use crate::context::Actor;
use crate::error::Error;
use crate::sessions::{custom_role_names, subject_of};
use doorward_domain::ids::UserId;
use doorward_domain::users::User;
use doorward_ports::Repositories;
use std::ops::Deref;
use std::sync::Arc;

/// The caller with the account, the roles and the memberships of this moment, all of which stay until the transaction
/// ends. What writes about them asks for this and not for an [`Actor`].
#[derive(Debug)]
pub(crate) struct Held(Actor);

impl Deref for Held {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

/// Does `work` for the caller as of now.
pub(crate) fn with_caller<T>(
    repos: &mut dyn Repositories,
    actor: &Actor,
    work: impl FnOnce(&mut dyn Repositories, &Held) -> Result<T, Error>,
) -> Result<T, Error> {
    let me = repos.users().keep(actor.user.id)?;
    still_there(me)?;
    as_of_now(repos, actor, work)
}

/// Does `work` for the caller as of now, with a user who stays as found too, unless that one was deleted.
pub(crate) fn with_caller_and<T>(
    repos: &mut dyn Repositories,
    actor: &Actor,
    id: UserId,
    work: impl FnOnce(&mut dyn Repositories, &Held, User) -> Result<T, Error>,
) -> Result<T, Error> {
    // Everybody locks the lower id first, so that two cannot wait for each other.
    let (me, user) = if actor.is(id) {
        let me = repos.users().hold(id)?;
        (me.clone(), me)
    } else if id < actor.user.id {
        let user = repos.users().hold(id)?;
        (repos.users().keep(actor.user.id)?, user)
    } else {
        (repos.users().keep(actor.user.id)?, repos.users().hold(id)?)
    };
    still_there(me)?;
    as_of_now(repos, actor, |repos, actor| {
        let user = user.filter(|user| !user.deleted && !user.is_system).ok_or(Error::UserNotFound)?;
        work(repos, actor, user)
    })
}

/// Does `work` for the caller as of now, who is held or kept already.
pub(crate) fn as_of_now<T>(
    repos: &mut dyn Repositories,
    actor: &Actor,
    work: impl FnOnce(&mut dyn Repositories, &Held) -> Result<T, Error>,
) -> Result<T, Error> {
    // In constant time, by the type.
    let owner = repos.api_keys().find_owner(&actor.key.id)?;
    let owner = owner.filter(|now| now.user.id == actor.user.id && now.key.secret_digest == actor.key.secret_digest);
    let owner = owner.ok_or_else(crate::sessions::unknown_key)?;
    let names = custom_role_names(&owner);
    let custom = if names.is_empty() { Vec::new() } else { repos.roles().find_custom(&names)? };
    let subject = subject_of(&owner, custom);
    let is_same = subject.roles() == actor.subject.roles();
    let held = Held(Actor {
        subject,
        user: Arc::new(owner.user),
        memberships: owner.memberships.into(),
        key: Arc::new(owner.key),
        origin: actor.origin.clone(),
    });
    match work(repos, &held) {
        Err(refusal) if !is_same && is_about_rights(&refusal) => Err(overtaken()),
        done => done,
    }
}

fn still_there(me: Option<User>) -> Result<(), Error> {
    if me.is_some_and(|me| me.may_act()) { Ok(()) } else { Err(overtaken()) }
}

/// The rights with which the request came in are not those of now.
fn overtaken() -> Error {
    let message = "Your own account or roles have just been changed. Try again.".to_owned();
    Error::Conflict { message, fields: Vec::new() }
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
        | Error::Conflict { .. }
        | Error::Precondition(_)
        | Error::TooManyAttempts { .. }
        | Error::Unavailable { .. }
        | Error::Internal(_) => false,
    }
}
