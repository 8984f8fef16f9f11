//! Authenticator apps and recovery codes of those who are signed in.

use super::codes::{self, NewTotp};
use super::look::others;
use super::proofs::{has_factor, must_be_fresh, proof_of};
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use crate::users::caller::{Held, with_caller_and};
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::factors::Totp;
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::users::{LoginType, User};
use std::sync::Arc;

/// Does `work` for the caller's own user, who stays as found.
pub(super) fn for_oneself<T>(
    deed: &mut Deed<'_>,
    reference: &UserRef,
    work: impl FnOnce(&mut Deed<'_>, &Held, User) -> Result<T, Error>,
) -> Result<T, Error> {
    let id = resolve_live(deed.repos, deed.by, reference)?.id;
    if !deed.by.is(id) {
        return Err(others());
    }
    with_caller_and(deed, id, |deed, actor, user| {
        let _may: Permit<action::UpdatePersonal, resource::User> = access::permit(actor, &access::user(id))?;
        actor.in_person(InPerson::ChangeFactors)?;
        work(deed, actor, user)
    })
}

/// Notes that the second factor was shown in the session in use.
fn note_shown(deed: &mut Deed<'_>, actor: &Principal) -> Result<(), Error> {
    let key = Arc::clone(&actor.account()?.key);
    // An API token is no session: nobody knows who holds it.
    if key.login_type != LoginType::Token {
        let proof = proof_of(deed.repos, &key)?.with_code(deed.now);
        let permit = System::because("the user has shown the second factor").permit();
        deed.repos.factors().upsert_proof(&permit, &proof)?;
    }
    Ok(())
}

/// Begins to set an authenticator app up, in the place of the one in use, if there is one. Nothing changes before its first code.
///
/// Needs `user:update_personal` on oneself, and a second factor or, of those who have none, a sign-in of the last ten minutes. Errors:
/// `UserNotFound`, `Forbidden`, `Refused` (an app, an API token, somebody else's user, the proof is too old), `Invalid` (the user does not
/// sign in with a password).
pub async fn begin_totp(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<NewTotp, Error> {
    let (reference, sealer) = (user.clone(), ctx.keys.sealer()?);
    let issuer = ctx.settings.totp_issuer();
    ctx.act(actor, move |deed| {
        for_oneself(deed, &reference, |deed, actor, user| {
            must_be_fresh(deed.repos, actor, deed.now)?;
            if user.login_type != LoginType::Password {
                let text = "You sign in at an identity provider, which asks for second factors itself.";
                return Err(Error::invalid(text));
            }
            let begun = codes::begin(deed, &*sealer, &user, &issuer)?;
            Ok(deed.unrecorded("nothing changes before the first code", begun))
        })
    })
    .await
}

/// Takes the app into use that is being set up, and answers recovery codes. Those of before are over.
///
/// Needs `user:update_personal` on oneself, and a code of the app. Errors: `UserNotFound`, `Forbidden`, `Refused` (an app, somebody else's
/// user), `Invalid` (`code`; nothing is being set up), `Unauthenticated` (a wrong code), `TooManyAttempts`, `Conflict`.
pub async fn confirm_totp(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    code: Secret<String>,
) -> Result<Vec<Secret<String>>, Error> {
    Fields::default().required_secret("code", &code).done()?;
    let (reference, sealer) = (user.clone(), ctx.keys.sealer()?);
    ctx.act(actor, move |deed| {
        for_oneself(deed, &reference, |deed, actor, user| {
            let totp = deed.repos.factors().find_totp(user.id)?;
            let had = totp.as_ref().is_some_and(Totp::is_active);
            match codes::confirm(deed, &*sealer, totp.as_ref(), user.id, &code)? {
                Err(refusal) => Ok(deed.unrecorded("nothing changed", Err(refusal))),
                Ok(recovery) => {
                    note_shown(deed, actor)?;
                    Ok(deed.entry().noted(AuditAction::Write, 200, &user, set_up(had))?.answer(Ok(recovery)))
                }
            }
        })
    })
    .await?
}

/// What the audit log says of an app that is taken into use.
pub(crate) fn set_up(had: bool) -> Diff {
    Diff::default().field("second_factor", had, true).secret("totp_secret").secret("recovery_codes")
}

/// Shows the second factor in the session in use, by a code.
///
/// Needs `user:update_personal` on oneself. Errors: `UserNotFound`, `Forbidden`, `Refused` (an app, somebody else's user, no more codes
/// are taken), `Invalid` (`code`; there is no app), `Unauthenticated` (a wrong code), `TooManyAttempts`.
pub async fn show_totp(ctx: &Context, actor: &Principal, user: &UserRef, code: Secret<String>) -> Result<(), Error> {
    Fields::default().required_secret("code", &code).done()?;
    let (reference, sealer) = (user.clone(), ctx.keys.sealer()?);
    ctx.act(actor, move |deed| {
        for_oneself(deed, &reference, |deed, actor, user| {
            let totp = deed.repos.factors().find_totp(user.id)?.filter(Totp::is_active);
            let totp = totp.ok_or_else(none)?;
            let taken = codes::take_code(deed, &*sealer, &totp, &code)?;
            if taken.is_ok() {
                note_shown(deed, actor)?;
            }
            Ok(deed.unrecorded("what it is shown for is recorded", taken))
        })
    })
    .await?
}

/// Makes new recovery codes; those of before are over.
///
/// Needs `user:update_personal` on oneself, and a second factor of the last ten minutes. Errors: `UserNotFound`, `Forbidden`, `Refused` (an
/// app, an API token, somebody else's user, the proof is too old), `Invalid` (there is no app).
pub async fn renew_recovery_codes(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
) -> Result<Vec<Secret<String>>, Error> {
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        for_oneself(deed, &reference, |deed, actor, user| {
            must_be_fresh(deed.repos, actor, deed.now)?;
            if !has_factor(deed.repos, user.id)? {
                return Err(none());
            }
            let made = codes::new_recovery_codes(deed, user.id)?;
            let diff = Diff::default().secret("recovery_codes");
            Ok(deed.entry().noted(AuditAction::Write, 200, &user, diff)?.answer(made))
        })
    })
    .await
}

fn none() -> Error {
    Error::invalid("You have no authenticator app.")
}
