//! One-time passcodes, for those who have forgotten their password (`identity.md` 2.6).
//!
//! Nobody learns by them who has an account here: who asks gets the same answer, after the same work, whatever the address.

use crate::audit::Diff;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError};
use crate::notices::Told;
use crate::origin::Origin;
use crate::principal::Principal;
use crate::sessions::{Guard, name_key};
use crate::users::fields::{Fields, strong_password, trimmed};
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::UserId;
use doorward_domain::notifications::{Audience, Matter, Method, PasscodeSeed, find, ids};
use doorward_domain::passcodes::{PASSCODE, Passcode, digest_of, passcode_of};
use doorward_domain::roles::System;
use doorward_domain::sessions::ThrottlePolicy;
use doorward_domain::users::{LoginType, User, UserStatus};
use std::sync::Arc;
use time::Duration;

/// Length of the random text of which a passcode is made.
const NONCE: usize = 32;
/// How often somebody may ask for the same address: three times at once, then after a minute, two, four, up to an hour.
const ASKED: ThrottlePolicy =
    ThrottlePolicy { free: 3, first_wait: Duration::MINUTE, longest_wait: Duration::HOUR, memory: Duration::hours(2) };

/// What is given for a new password.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    /// The address of the account.
    pub email: String,
    /// The new password.
    pub password: Secret<String>,
    /// The passcode.
    pub passcode: Secret<String>,
}

/// Whether a passcode that somebody asks for can reach anybody. Anyone may ask.
pub async fn can_reset(ctx: &Context) -> Result<bool, Error> {
    if !ctx.settings.sessions.password_login || ctx.outlets.available(&ctx.settings).is_empty() {
        return Ok(false);
    }
    let chosen = ctx.read(|repos| Ok::<_, Error>(repos.notifications().list_methods()?)).await?;
    let chosen = chosen.into_iter().find(|(id, _)| *id == ids::ONE_TIME_PASSCODE).map(|(_, method)| method);
    let usual = ctx.outlets.usual(&ctx.settings);
    let way = find(ids::ONE_TIME_PASSCODE).and_then(|template| template.way(chosen, usual));
    Ok(way.is_some_and(|way| way != Method::Inbox && ctx.outlets.can(way, &ctx.settings)))
}

/// The passcode that was made of this; `None` when the key of the server is gone, and the passcode has expired with it.
pub(crate) fn passcode_of_seed(ctx: &Context, user: UserId, seed: &PasscodeSeed) -> Option<Secret<String>> {
    let parts = [user.0.as_bytes().as_slice(), seed.nonce.as_bytes()];
    let text = ctx.keys.ring().forms().text_of(seed.key.parse().ok()?, PASSCODE, &parts)?;
    Some(passcode_of(&text))
}

/// Sends a passcode to the user with this address, if there is one who signs in with a password.
///
/// Needs no permission. Whether there is such a user is not told. Errors: `Invalid` (`email`), `Refused` (passwords are switched
/// off).
pub async fn request(ctx: &Context, email: &str, origin: &Arc<Origin>) -> Result<(), Error> {
    let mut fields = Fields::default();
    let email = fields.email("email", trimmed(email));
    let email = fields.done_with(email)?;
    if !ctx.settings.sessions.password_login {
        return Err(Error::Refused("Password authentication is disabled.".to_owned()));
    }
    let lifetime = ctx.settings.sessions.passcode_lifetime.get();
    let (ring, now) = (ctx.keys.ring(), ctx.clock.now());
    let key = ring.forms().signing_id(now);
    let nonce = ctx.alphanumeric(NONCE).into_exposed();
    let seed = PasscodeSeed { key: key.to_string(), nonce };
    let keeper = ctx.clone();
    let caller = Principal::anonymous(Arc::clone(origin));
    let throttle = name_key("passcode", &email);
    ctx.act(&caller, move |deed| {
        // For nobody too, so that all addresses cost the same.
        let user = deed.repos.users().find_by_email(email.as_str())?;
        let names = [throttle.clone()];
        let wait = deed.repos.throttles().find(&names)?.first().map_or(Duration::ZERO, |known| known.wait(ASKED, now));
        let permit = System::because("somebody asks for a passcode").permit();
        if wait.is_positive() {
            return Ok(deed.unrecorded("it was asked for a moment ago", ()));
        }
        deed.repos.throttles().record_failure(&permit, &[(throttle, ASKED)], now)?;
        let user = user.filter(|user| !user.is_system && user.login_type == LoginType::Password);
        let Some(user) = user.filter(|user| user.status != UserStatus::Suspended) else {
            return Ok(deed.unrecorded("nobody has such an account", ()));
        };
        let code = passcode_of_seed(&keeper, user.id, &seed).unwrap_or_else(|| Secret::from(""));
        let expires_at = deed.now + lifetime;
        let passcode =
            Passcode { user_id: user.id, digest: digest_of(code.expose()), created_at: deed.now, expires_at };
        let permit = System::because("the user has forgotten the password").permit();
        deed.repos.passcodes().upsert(&permit, &passcode)?;
        let matter = Matter { passcode: Some(seed), ..Matter::default() }.about(user.id);
        let told = Told::new(ids::ONE_TIME_PASSCODE, Audience::User(user.id), matter);
        deed.notify(Told { expires_at: Some(expires_at), ..told });
        let diff = Diff::default().moment("one_time_passcode_expires_at", None, Some(expires_at));
        let entry = deed.entry().of_user(None);
        Ok(entry.noted(AuditAction::RequestPasswordReset, 204, &user, diff)?.answer(()))
    })
    .await
}

/// Changes the password of the user with this address, who proves by the passcode to be that user, and ends all sessions, keys and
/// grants of the user.
///
/// Needs the passcode. Errors: `Invalid` (`email`, `password`, `one_time_passcode`; another passcode or address, which is not told
/// apart; the password of now), `TooManyAttempts`, `Refused` (passwords are switched off).
pub async fn reset_password(ctx: &Context, command: ResetPassword, origin: &Arc<Origin>) -> Result<(), Error> {
    let ResetPassword { email, password, passcode } = command;
    let mut fields = Fields::default();
    let email = fields.email("email", trimmed(&email));
    let mut fields = fields.required_secret("password", &password).required_secret("one_time_passcode", &passcode);
    if !password.expose().is_empty() {
        fields.keep(strong_password(&password))?;
    }
    let email = fields.done_with(email)?;
    if !ctx.settings.sessions.password_login {
        return Err(Error::Refused("Password authentication is disabled.".to_owned()));
    }
    let (now, ip) = (ctx.clock.now(), origin.ip.clone());
    let (guard, refusal, user, stored) = ctx
        .read(move |repos| {
            let user = repos.users().find_by_email(email.as_str())?.filter(|user| !user.is_system);
            let guard = Guard::load(repos, user.as_ref(), &email, &ip, now)?;
            let refusal = guard.look(repos, now)?.refusal;
            let stored = repos.passcodes().find(user.as_ref().map_or(UserId::NIL, |user| user.id))?;
            Ok::<_, Error>((guard, refusal, user, stored))
        })
        .await?;
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    // The work is the same whoever asks: one comparison of passwords, and one hash.
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let is_current = ctx.verify_password(password.clone(), hash).await?;
    let hash = ctx.hash_password(password).await?;
    let presented = digest_of(passcode.expose());
    let may = |user: &User| user.login_type == LoginType::Password && user.status != UserStatus::Suspended;
    let proven = stored.filter(|stored| stored.is(&presented, now)).zip(user.clone().filter(may));
    let caller = Principal::anonymous(Arc::clone(origin));
    // A refusal leaves a trace, so it is an `Ok` of the closure.
    ctx.act(&caller, move |deed| {
        let Some((passcode, user)) = proven else {
            return Ok::<_, Error>(failed(deed, &guard, user.as_ref())?.answer(Err(wrong())));
        };
        if is_current {
            let told = FieldError::new("password", "must differ from the present one");
            let refusal = Error::invalid_fields("New password cannot match old password.", vec![told]);
            return Ok(deed.unrecorded("nothing changed", Err(refusal)));
        }
        // From here on nobody else changes the user.
        let known = deed.repos.users().find_for_update(user.id)?.filter(|now| !now.deleted && may(now));
        let permit = System::because("the passcode is right").permit();
        let is_first = deed.repos.passcodes().consume(&permit, &passcode)?;
        let Some(user) = known.filter(|_| is_first) else {
            return Ok(failed(deed, &guard, Some(&user))?.answer(Err(wrong())));
        };
        deed.repos.users().update_password(&permit, user.id, &hash, deed.now)?;
        // Who has the code reads the mail of the address to which it was sent: the one of the account, unless that has changed since.
        if let Some(email) = user.email.as_ref().filter(|_| user.updated_at <= passcode.created_at) {
            let permit = System::because("the passcode came by mail").permit();
            deed.repos.openid().update_verified_email(&permit, user.id, Some(email.as_str()))?;
        }
        guard.forgive(deed.repos)?;
        let entry = deed.entry().of_user(Some(user.id));
        let diff = Diff::default().secret("hashed_password");
        Ok(entry.noted(AuditAction::Write, 204, &user, diff)?.answer(Ok(())))
    })
    .await?
}

/// One refusal for a passcode that is wrong, one that is too old, and an address that nobody has.
fn wrong() -> Error {
    Error::invalid("Incorrect email or one-time-passcode.")
}

/// Counts and records a passcode that is not right.
fn failed(deed: &mut Deed<'_>, guard: &Guard, user: Option<&User>) -> Result<crate::deed::Recorded, Error> {
    guard.record_failure(deed.repos, deed.now)?;
    Ok(crate::sessions::refused_sign_in(deed, user, 400)?)
}
