//! Codes inside a transaction that holds the user. A refusal leaves a trace, so it is an `Ok` within the `Ok`.

use crate::deed::Deed;
use crate::error::Error;
use doorward_domain::factors::{
    PENDING_FOR, PendingTotp, RECOVERY_CODE_BYTES, RECOVERY_CODES, TOTP_SECRET_BYTES, Totp, TotpSecret, recovery_code,
    recovery_digest,
};
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::sessions::ThrottlePolicy;
use doorward_domain::users::User;
use doorward_domain::{Digest, Secret};
use doorward_ports::{Sealer, StoreError};
use time::Duration;

/// What an authenticator app is set up with; only its owner gets to see it.
#[derive(Clone, Debug)]
pub struct NewTotp {
    /// The secret, to be typed in.
    pub secret: Secret<String>,
    /// The same as the app reads it of a QR code.
    pub url: Secret<String>,
}

/// What became of a code, see the head of this module.
pub(crate) type Taken<T> = Result<Result<T, Error>, Error>;

/// Where the secret of a user is sealed: it opens for no other.
fn place(user: UserId) -> String {
    format!("factors/totp/{user}")
}

fn throttle(user: UserId) -> String {
    format!("factor:{user}")
}

fn permit() -> Permit<action::UpdatePersonal, resource::User> {
    System::because("the user proves who they are").permit()
}

fn sealing(error: doorward_ports::crypto::SealError) -> Error {
    Error::Internal(error.into())
}

fn wrong() -> Error {
    Error::Unauthenticated { message: "The code is wrong.".to_owned(), detail: String::new() }
}

/// Whether a code may be tried; failures in the future, because the clock was set back, count as of now.
fn wait(deed: &mut Deed<'_>, user: UserId) -> Result<Option<Error>, StoreError> {
    let names = [throttle(user)];
    let Some(known) = deed.repos.throttles().find(&names)?.into_iter().next() else { return Ok(None) };
    if known.is_ahead(deed.now) {
        let permit = System::because("the clock was set back").permit();
        deed.repos.throttles().bring_back(&permit, &names, deed.now)?;
    }
    let retry_after = known.wait(ThrottlePolicy::ACCOUNT, deed.now);
    Ok((retry_after > Duration::ZERO).then_some(Error::TooManyAttempts { retry_after }))
}

fn count_failure(deed: &mut Deed<'_>, user: UserId) -> Result<(), StoreError> {
    let permit = System::because("a wrong code is remembered").permit();
    deed.repos.throttles().record_failure(&permit, &[(throttle(user), ThrottlePolicy::ACCOUNT)], deed.now)
}

/// Forgets that codes were wrong.
pub(crate) fn forgive(deed: &mut Deed<'_>, user: UserId) -> Result<(), StoreError> {
    let permit = System::because("the user has proved who they are").permit();
    deed.repos.throttles().clear(&permit, &throttle(user))
}

/// Takes a code of the app in use. It works once.
pub(crate) fn take_code(deed: &mut Deed<'_>, sealer: &dyn Sealer, totp: &Totp, typed: &Secret<String>) -> Taken<()> {
    let user = totp.user_id;
    if let Some(refusal) = wait(deed, user)? {
        return Ok(Err(refusal));
    }
    if totp.locked_at.is_some() {
        let text =
            "Too many codes were wrong. Use a recovery code, or ask an administrator to remove your second factor.";
        return Ok(Err(Error::Refused(text.to_owned())));
    }
    let Some(stored) = &totp.sealed else { return Ok(Err(wrong())) };
    let secret = open(sealer, user, stored)?;
    let step = secret.step_of_code(typed.expose(), deed.now);
    let is_used = match step {
        None => false,
        Some(step) => {
            let is_old = sealer.sealed_with(stored.expose()) != sealer.seals_with();
            let resealed = is_old.then(|| sealer.seal(&place(user), &secret.to_stored())).transpose();
            deed.repos.factors().use_step(&permit(), user, step, resealed.map_err(sealing)?)?
        }
    };
    if is_used {
        forgive(deed, user)?;
        return Ok(Ok(()));
    }
    count_failure(deed, user)?;
    let failures = totp.failures.and_one(deed.now);
    let locked_at = failures.are_too_many().then_some(deed.now);
    deed.repos.factors().update_failures(&permit(), user, failures, locked_at)?;
    Ok(Err(wrong()))
}

/// Takes a recovery code. It works once.
pub(crate) fn take_recovery_code(deed: &mut Deed<'_>, user: UserId, typed: &Secret<String>) -> Taken<()> {
    if let Some(refusal) = wait(deed, user)? {
        return Ok(Err(refusal));
    }
    if deed.repos.factors().use_recovery_code(&permit(), user, &recovery_digest(typed.expose()))? {
        forgive(deed, user)?;
        return Ok(Ok(()));
    }
    count_failure(deed, user)?;
    Ok(Err(wrong()))
}

/// Begins to set an app up.
pub(crate) fn begin(deed: &mut Deed<'_>, sealer: &dyn Sealer, user: &User, issuer: &str) -> Result<NewTotp, Error> {
    let mut random = [0; TOTP_SECRET_BYTES];
    deed.random().fill(&mut random);
    let secret = TotpSecret::new(random);
    let stored = sealer.seal(&place(user.id), &secret.to_stored()).map_err(sealing)?;
    let pending = PendingTotp { sealed: Secret::new(stored), expires_at: deed.now + PENDING_FOR };
    deed.repos.factors().begin_totp(&permit(), user.id, &pending)?;
    Ok(NewTotp { secret: secret.text(), url: secret.url(issuer, user.username.as_str()) })
}

/// Takes the app into use that is being set up, by its first code, and makes recovery codes.
pub(crate) fn confirm(
    deed: &mut Deed<'_>,
    sealer: &dyn Sealer,
    totp: Option<&Totp>,
    user: UserId,
    typed: &Secret<String>,
) -> Taken<Vec<Secret<String>>> {
    if let Some(refusal) = wait(deed, user)? {
        return Ok(Err(refusal));
    }
    let pending = totp.and_then(|totp| totp.pending.as_ref()).filter(|pending| deed.now < pending.expires_at);
    let Some(pending) = pending else {
        return Ok(Err(Error::invalid(
            "No authenticator app is being set up, or it took too long. Please begin again.",
        )));
    };
    let Some(step) = open(sealer, user, &pending.sealed)?.step_of_code(typed.expose(), deed.now) else {
        count_failure(deed, user)?;
        return Ok(Err(wrong()));
    };
    if !deed.repos.factors().confirm_totp(&permit(), user, pending, step, deed.now)? {
        return Ok(Err(Error::conflict("Another authenticator app is being set up at this moment.")));
    }
    forgive(deed, user)?;
    Ok(Ok(new_recovery_codes(deed, user)?))
}

/// Makes recovery codes in the place of those of before.
pub(crate) fn new_recovery_codes(deed: &mut Deed<'_>, user: UserId) -> Result<Vec<Secret<String>>, StoreError> {
    let random = deed.random();
    let code = || {
        let mut bytes = [0; RECOVERY_CODE_BYTES];
        random.fill(&mut bytes);
        recovery_code(&bytes)
    };
    let codes: Vec<Secret<String>> = std::iter::repeat_with(code).take(RECOVERY_CODES).collect();
    let digests: Vec<Digest> = codes.iter().map(|code| recovery_digest(code.expose())).collect();
    deed.repos.factors().replace_recovery_codes(&permit(), user, &digests)?;
    Ok(codes)
}

fn open(sealer: &dyn Sealer, user: UserId, stored: &Secret<Vec<u8>>) -> Result<TotpSecret, Error> {
    let bytes = sealer.open(&place(user), stored.expose()).map_err(sealing)?;
    TotpSecret::from_stored(bytes.expose()).ok_or_else(|| Error::Internal("a stored secret has another length".into()))
}
