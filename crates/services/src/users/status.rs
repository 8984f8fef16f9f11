//! Account lifecycle: suspending, activating and deleting users.

use super::access;
use super::caller::with_caller_and;
use super::reference::{UserRef, UserView, resolve_live};
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::{Deed, Recorded};
use crate::error::Error;
use crate::notifications::accounts::{account_changed, account_deleted};
use doorward_domain::audit::AuditAction;
use doorward_domain::roles::{OWNER, action, resource};
use doorward_domain::users::{User, UserStatus};
use doorward_ports::StoreError;

/// Suspends a user: ends all sessions, keys and grants, and refuses new ones.
///
/// Needs `user:read` and `user:update`. Errors: `UserNotFound` (missing or not readable), `Invalid` (oneself; an owner),
/// `Forbidden`.
pub async fn suspend(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<UserView, Error> {
    change_status(ctx, actor, user, UserStatus::Suspended).await
}

/// Activates a user, who may sign in again.
///
/// Needs `user:read` and `user:update`. Errors: `UserNotFound` (missing or not readable), `Forbidden`.
pub async fn activate(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<UserView, Error> {
    change_status(ctx, actor, user, UserStatus::Active).await
}

/// Deletes a user without workspaces: frees name and address, ends all sessions, keys and grants, and leaves organizations
/// and groups. The last active owner stays.
///
/// Needs `user:read` and `user:delete`. Errors: `UserNotFound` (missing or not readable), `Refused` (oneself),
/// `Forbidden`, `Precondition` (the user has workspaces), `Conflict` (the last active owner).
pub async fn delete(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        if deed.by.is(id) {
            return Err(Error::Refused("You cannot delete yourself!".to_owned()));
        }
        // Nobody gives the user a workspace from here on.
        with_caller_and(deed, id, |deed, actor, user| {
            let permit = access::permit::<action::Delete, resource::User>(actor, &access::user(id))?;
            if deed.repos.workspaces().count_of_owner(id)? > 0 {
                let message = "You cannot delete a user that owns workspaces. Delete their workspaces and try again!";
                return Err(Error::Precondition(message.to_owned()));
            }
            deed.ends_sessions();
            if !deed.repos.users().delete(&permit, id, deed.now)? {
                return Err(Error::UserNotFound);
            }
            account_deleted(deed, &user);
            Ok(ended(deed, &user)?.answer(()))
        })
    })
    .await
}

async fn change_status(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    status: UserStatus,
) -> Result<UserView, Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        if status == UserStatus::Suspended && deed.by.is(id) {
            return Err(Error::invalid("You cannot suspend yourself."));
        }
        with_caller_and(deed, id, |deed, actor, user| {
            let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
            if status == UserStatus::Suspended && user.roles.contains(OWNER) {
                return Err(Error::invalid(format!(
                    "You cannot suspend a user with the \"{OWNER}\" role. You must remove the role first."
                )));
            }
            if user.status == status {
                let view = UserView::load(user, deed.repos)?;
                return Ok(deed.unrecorded("nothing changed", view));
            }
            deed.ends_sessions();
            if !deed.repos.users().update_status(&permit, id, status, deed.now)? {
                return Err(Error::UserNotFound);
            }
            let changed = User { status, updated_at: deed.now, ..user.clone() };
            account_changed(deed, &user, &changed);
            let recorded = deed.changed(&user, &changed)?;
            Ok(recorded.answer(UserView::load(changed, deed.repos)?))
        })
    })
    .await
}

/// Records that a user was deleted. Of a deleted user everything else stays as it is.
pub(crate) fn ended(deed: &mut Deed<'_>, user: &User) -> Result<Recorded, StoreError> {
    let diff = Diff::default().field("deleted", false, true);
    deed.entry().noted(AuditAction::Delete, 200, user, diff)
}
