//! Removing second factors: one's own, and those of somebody who has lost them.

use super::codes::forgive;
use super::proofs::must_be_fresh;
use super::totp::for_oneself;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::users::caller::with_caller_and;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::audit::AuditAction;
use doorward_domain::roles::{OWNER, Permit, ScopeName, System, action, resource};
use doorward_domain::users::User;

/// Removes one's own authenticator app, and the recovery codes with it.
///
/// Needs `user:update_personal` on oneself, and a second factor of the last ten minutes. Errors: `UserNotFound`, `Forbidden`, `Refused` (an
/// app, an API token, somebody else's user, the proof is too old), `Invalid` (there is none).
pub async fn remove_totp(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        for_oneself(deed, &reference, |deed, actor, user| {
            must_be_fresh(deed.repos, actor, deed.now)?;
            if !forget(deed, &user)? {
                return Err(Error::invalid("You have no authenticator app."));
            }
            Ok(deed.entry().noted(AuditAction::Write, 204, &user, gone())?.answer(()))
        })
    })
    .await
}

/// Removes all second factors and recovery codes of a user, and ends the sessions: for those who have lost them.
///
/// Needs `user:update`, and a second factor of the caller or, of those who have none, a sign-in of the last ten minutes. Errors:
/// `UserNotFound` (missing or not readable), `Forbidden`, `Refused` (an app, an API token, an owner by somebody who is none, the proof is too
/// old), `Invalid` (there are none).
pub async fn remove_all(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, user| {
            let _may: Permit<action::Update, resource::User> = access::permit(actor, &access::user(id))?;
            let is_owner = actor.as_account().is_none_or(|account| account.user.roles.contains(OWNER));
            if user.roles.contains(OWNER) && !is_owner {
                return Err(Error::Refused("Only an owner can remove the second factors of an owner.".to_owned()));
            }
            must_be_fresh(deed.repos, actor, deed.now)?;
            if !forget(deed, &user)? {
                return Err(Error::invalid("This user has no second factors."));
            }
            let because = System::because("whoever has signed in with a factor that is lost must do so again");
            deed.ends_sessions();
            deed.repos.sessions().delete_of_user(&because.permit(), id, None)?;
            deed.repos.api_keys().delete_of_scope(&because.permit(), id, ScopeName::APPLICATION_CONNECT)?;
            Ok(deed.entry().noted(AuditAction::Write, 204, &user, gone())?.answer(()))
        })
    })
    .await
}

fn forget(deed: &mut Deed<'_>, user: &User) -> Result<bool, Error> {
    forgive(deed, user.id)?;
    let permit = System::because("whoever asks was authorized").permit();
    Ok(deed.repos.factors().delete(&permit, user.id)?)
}

fn gone() -> Diff {
    Diff::default().field("second_factor", true, false).secret("totp_secret").secret("recovery_codes")
}
