//! What a user has for a second factor.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::Instant;
use doorward_domain::factors::Totp;
use doorward_domain::roles::Action;

/// What a user has for a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Since when there is an authenticator app; `None` if there is none.
    pub totp_since: Option<Instant>,
    /// Whether so many of its codes were wrong that no more are taken.
    pub is_locked: bool,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
    /// Whether the user must have a second factor.
    pub is_required: bool,
}

/// Whether the caller may change the second factors of a user as their own, as far as that does not depend on what is sent.
///
/// Needs `user:update_personal` on oneself. Errors: `UserNotFound`, `NotFound`, `Forbidden`, `Refused` (somebody else's user, an app).
pub async fn may_change(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        if !look.by.is(user.id) {
            return Err(others());
        }
        access::may(look.by, Action::UpdatePersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        look.by.in_person(InPerson::ChangeFactors)
    })
    .await
}

/// Factors of somebody else are set up by nobody.
pub(super) fn others() -> Error {
    Error::Refused("Only the user can do this with their own second factors.".to_owned())
}

/// What a user has for a second factor.
///
/// Needs `user:read` and `user:read_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be seen), `Forbidden`
/// (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<Standing, Error> {
    let (reference, mfa) = (user.clone(), ctx.settings.mfa);
    ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        access::may(look.by, Action::ReadPersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let totp = look.repos.factors().find_totp(user.id)?.filter(Totp::is_active);
        let recovery_codes = look.repos.factors().count_recovery_codes(user.id)?;
        Ok(Standing {
            totp_since: totp.as_ref().and_then(|totp| totp.confirmed_at),
            is_locked: totp.is_some_and(|totp| totp.locked_at.is_some()),
            recovery_codes,
            is_required: mfa.covers(&user),
        })
    })
    .await
}
