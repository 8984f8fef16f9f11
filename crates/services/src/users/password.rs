//! Passwords of users: checking one against the password policy, and changing one.

use super::access;
use super::caller::with_caller_and;
use super::fields::{Fields, strong_password};
use super::reference::{UserRef, resolve_live};
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::factors::second_factor_shown;
use crate::sessions::in_person::InPerson;
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::roles::{Action, action, resource};
use doorward_domain::users::{LoginType, User, check_password};

/// What is asked of a new password.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The new password.
    pub password: Secret<String>,
    /// The present one; needed for one's own account, and checked whenever it is given.
    pub old_password: Option<Secret<String>>,
}

/// Whether a password keeps the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordCheck {
    /// Whether it does.
    pub valid: bool,
    /// If not, why.
    pub details: String,
}

/// Checks a password against the rule, without doing anything with it.
///
/// Needs nothing. Errors: `Invalid` (`password` is empty).
pub fn validate_password(password: &Secret<String>) -> Result<PasswordCheck, Error> {
    Fields::default().required_secret("password", password).done()?;
    Ok(match check_password(password.expose()) {
        Ok(()) => PasswordCheck { valid: true, details: String::new() },
        Err(broken) => PasswordCheck { valid: false, details: broken.to_string() },
    })
}

/// Changes a password and ends all sessions, keys and grants of the user, the one in use among them.
///
/// Needs `user:read` and `user:update_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be
/// changed), `Forbidden` (only the scope is too short), `Refused` (an app; the second factor was not shown within ten minutes), `Invalid` (`password`, `old_password`; the
/// user has no password to sign in with).
pub async fn change_password(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: ChangePassword,
) -> Result<(), Error> {
    let ChangePassword { password, old_password } = command;
    // An empty one is as good as none.
    let old_password = old_password.filter(|old| !old.expose().is_empty());

    let user = find_changeable(ctx, actor, user).await?;
    actor.in_person(InPerson::SetPassword)?;
    if user.login_type != LoginType::Password {
        return Err(without_password());
    }
    if actor.is(user.id) {
        second_factor_shown(ctx, actor).await?;
    }
    let mut fields = Fields::default().required_secret("password", &password);
    if old_password.is_none() && actor.is(user.id) {
        fields.keep::<()>(Err(refused("Old password is required.", "old_password", "required")))?;
    }
    fields.keep(strong_password(&password))?;
    fields.done()?;
    let was_verified = old_password.is_some();
    let is_current = match old_password {
        Some(old) => {
            let repeats = old.expose() == password.expose();
            if !ctx.verify_password(old, user.password_hash.clone()).await? {
                return Err(wrong_old_password());
            }
            repeats
        }
        None => ctx.verify_password(password.clone(), user.password_hash.clone()).await?,
    };
    if is_current {
        return Err(refused("New password cannot match old password.", "password", "must differ from the present one"));
    }
    let hash = ctx.hash_password(password).await?;

    ctx.act(actor, move |deed| {
        with_caller_and(deed, user.id, |deed, actor, now| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(user.id))?;
            // Meanwhile the user may have been converted to another way to sign in, and the password be gone.
            if now.login_type != LoginType::Password {
                return Err(without_password());
            }
            // Or somebody else may have changed it.
            if was_verified && now.password_hash != user.password_hash {
                return Err(wrong_old_password());
            }
            if !deed.repos.users().update_password(&permit, user.id, &hash, deed.now)? {
                return Err(Error::UserNotFound);
            }
            Ok(deed.entry().noted(AuditAction::Write, 204, &now, new_password())?.answer(()))
        })
    })
    .await
}

/// Whether the caller may change the password of a user at all. What may not be changed is not found.
///
/// Needs `user:read` and `user:update_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be
/// changed), `Forbidden` (only the scope is too short).
pub async fn may_change_password(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    find_changeable(ctx, actor, user).await.map(drop)
}

async fn find_changeable(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<User, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        access::may(look.by, Action::UpdatePersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(user)
    })
    .await
}

/// The change that a record shows of a new password, also when its hash is not at hand.
pub(super) fn new_password() -> Diff {
    Diff::default().secret("hashed_password")
}

fn without_password() -> Error {
    Error::invalid("Users without password login type cannot change their password.")
}

fn wrong_old_password() -> Error {
    refused("Old password is incorrect.", "old_password", "Old password is incorrect.")
}

fn refused(message: &str, field: &'static str, detail: &str) -> Error {
    Error::invalid_fields(message, vec![FieldError::new(field, detail)])
}
