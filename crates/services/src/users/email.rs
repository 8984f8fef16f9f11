//! Mail addresses of users: changing one.

use super::access;
use super::caller::with_caller_and;
use super::fields::{Fields, trimmed};
use super::reference::{UserRef, UserView, resolve_live};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::factors::second_factor_shown;
use crate::identity_providers::{owned_name::refuse_email, prove};
use crate::notifications::accounts::email_changed;
use crate::origin::Origin;
use crate::sessions::in_person::InPerson;
use doorward_domain::Secret;
use doorward_domain::roles::{Action, OWNER, System, action, resource};
use doorward_domain::user_links::FederatedSession;
use doorward_domain::users::User;
use std::sync::Arc;

/// What is asked of a mail address.
#[derive(Clone, Debug)]
pub struct ChangeEmail {
    /// The new address.
    pub email: String,
    /// The present password, of users who have one and change their own address.
    pub password: Secret<String>,
}

/// Changes the mail address of a user. Who changes their own proves who they are, by the password where they have one, and else by a
/// sign-in through a provider of the last ten minutes. Both addresses are told; nobody vouches for the new one yet, and a passcode that
/// went to the old one is of no use any more.
///
/// Needs `user:read` and `user:update_personal`, and `user:update` if the user is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `NotFound` (not to be changed), `Forbidden`, `Refused` (an app; the address of an owner by somebody who is none; the sign-in is
/// too long ago, or the second factor), `Invalid` (`email`, `password`; a service account; an address that follows an identity provider or a directory),
/// `Conflict` (`email`), `Unauthenticated` (a wrong password), `TooManyAttempts`.
pub async fn change_email(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: ChangeEmail,
    origin: &Arc<Origin>,
) -> Result<UserView, Error> {
    let ChangeEmail { email, password } = command;
    let (user, session) = find_changeable(ctx, actor, user).await?;
    let mut fields = Fields::default();
    let email = fields.email("email", trimmed(&email));
    let email = fields.done_with(email)?;
    let (id, settings) = (user.id, Arc::clone(&ctx.settings));
    if actor.is(id) {
        second_factor_shown(ctx, actor).await?;
        prove(ctx, user, session.as_ref(), password, origin).await?;
    }
    ctx.act(actor, move |deed| {
        with_caller_and(deed, id, |deed, actor, old| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))?;
            check(actor, &old)?;
            refuse_email(deed.repos, &settings, &old)?;
            if old.email.as_ref() == Some(&email) {
                let view = UserView::load(old, deed.repos)?;
                return Ok(deed.unrecorded("nothing changed", view));
            }
            if deed.repos.users().find_by_email(email.as_str())?.is_some_and(|other| other.id != id) {
                return Err(Error::taken("A user with this email already exists.", "email"));
            }
            let new = User { email: Some(email), updated_at: deed.now, ..old.clone() };
            let User { email: Some(email), name, avatar_url, .. } = &new else { return Err(Error::UserNotFound) };
            if !deed.repos.users().update_contact(&permit, id, email, name, avatar_url, deed.now)? {
                return Err(Error::UserNotFound);
            }
            let because = System::because("the address has changed");
            deed.repos.openid().update_verified_email(&because.permit(), id, None)?;
            if let Some(passcode) = deed.repos.passcodes().find(id)? {
                deed.repos.passcodes().consume(&because.permit(), &passcode)?;
            }
            email_changed(deed, &old, &new);
            let recorded = deed.changed(&old, &new)?;
            Ok(recorded.answer(UserView::load(new, deed.repos)?))
        })
    })
    .await
}

/// Whether the caller may change the mail address of a user at all, as far as that does not depend on the address.
///
/// Needs and errors: as of [`change_email`].
pub async fn may_change_email(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    find_changeable(ctx, actor, user).await.map(drop)
}

async fn find_changeable(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
) -> Result<(User, Option<FederatedSession>), Error> {
    let reference = user.clone();
    let found = ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        access::may(look.by, Action::UpdatePersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        check(look.by, &user)?;
        let key = look.by.as_account().map(|account| account.key.id.clone());
        let session = match key {
            Some(key) => look.repos.federated_sessions().find(&key)?.map(|(session, _)| session),
            None => None,
        };
        Ok::<_, Error>((user, session))
    });
    let found = found.await?;
    actor.in_person(InPerson::ChangeAddress)?;
    Ok(found)
}

/// What is asked of who changes the address of whom. A passcode goes to the address, so whoever sets it could become the user.
fn check(actor: &Principal, user: &User) -> Result<(), Error> {
    if !actor.is(user.id) {
        access::may(actor, Action::Update, &access::user(user.id))?;
        let is_owner = actor.as_account().is_none_or(|account| account.user.roles.contains(OWNER));
        if user.roles.contains(OWNER) && !is_owner {
            return Err(Error::Refused("Only an owner can change the mail address of an owner.".to_owned()));
        }
    }
    if user.is_service_account() {
        return Err(Error::invalid("A service account has no mail address."));
    }
    Ok(())
}
