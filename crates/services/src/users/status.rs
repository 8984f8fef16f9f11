//! Suspending, activating and deleting users.

use super::access;
use super::caller::with_caller_and;
use super::reference::{UserRef, UserView, resolve_live};
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context};
use crate::error::Error;
use doorward_domain::audit::AuditAction;
use doorward_domain::roles::{OWNER, action, resource};
use doorward_domain::users::{User, UserStatus};

/// Suspends a user: ends all sessions, keys and grants, and refuses new ones.
pub async fn suspend(ctx: &Context, actor: &Actor, user: &UserRef) -> Result<UserView, Error> {
    change_status(ctx, actor, user, UserStatus::Suspended).await
}

/// Activates a user, who may sign in again.
pub async fn activate(ctx: &Context, actor: &Actor, user: &UserRef) -> Result<UserView, Error> {
    change_status(ctx, actor, user, UserStatus::Active).await
}

/// Deletes a user without workspaces: frees name and address, ends all sessions, keys and grants, and leaves organizations
/// and groups. The last active owner stays.
pub async fn delete(ctx: &Context, actor: &Actor, user: &UserRef) -> Result<(), Error> {
    let (actor, reference, trail) = (actor.clone(), user.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let id = resolve_live(repos, &actor, &reference)?.id;
            if actor.is(id) {
                return Err(Error::Refused("You cannot delete yourself!".to_owned()));
            }
            // Nobody gives the user a workspace from here on.
            with_caller_and(repos, &actor, id, |repos, actor, user| {
                let permit = access::permit::<action::Delete, resource::User>(actor, &access::user(id))?;
                if repos.workspaces().count_of_owner(id)? > 0 {
                    let message =
                        "You cannot delete a user that owns workspaces. Delete their workspaces and try again!";
                    return Err(Error::Precondition(message.to_owned()));
                }
                if !repos.users().delete(&permit, id, trail.now)? {
                    return Err(Error::UserNotFound);
                }
                trail.user(repos, AuditAction::Delete, &user, Diff::default().field("deleted", false, true))?;
                Ok(())
            })
        })
        .await
}

async fn change_status(ctx: &Context, actor: &Actor, user: &UserRef, status: UserStatus) -> Result<UserView, Error> {
    let (actor, reference, trail) = (actor.clone(), user.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let id = resolve_live(repos, &actor, &reference)?.id;
            if status == UserStatus::Suspended && actor.is(id) {
                return Err(Error::invalid("You cannot suspend yourself."));
            }
            with_caller_and(repos, &actor, id, |repos, actor, user| {
                let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
                if status == UserStatus::Suspended && user.roles.iter().any(|role| role == OWNER) {
                    return Err(Error::invalid(format!(
                        "You cannot suspend a user with the \"{OWNER}\" role. You must remove the role first."
                    )));
                }
                if user.status == status {
                    return UserView::load(user, repos);
                }
                if !repos.users().update_status(&permit, id, status, trail.now)? {
                    return Err(Error::UserNotFound);
                }
                let diff = Diff::default().field("status", user.status.as_str(), status.as_str());
                let user = User { status, updated_at: trail.now, ..user };
                trail.user(repos, AuditAction::Write, &user, diff)?;
                UserView::load(user, repos)
            })
        })
        .await
}
