//! The second step of a sign-in with a password: the second factor, or setting one up.

use super::login::{SignedIn, open, record};
use super::refusal::inactive;
use super::throttling::Guard;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::error::Error;
use crate::factors::codes;
use crate::factors::codes::NewTotp;
use crate::factors::ticket::{Stage, Ticket};
use crate::factors::totp::set_up;
use crate::origin::Origin;
use crate::users::fields::Fields;
use doorward_domain::audit::AuditAction;
use doorward_domain::factors::{Proof, Totp};
use doorward_domain::keys::KeyRing;
use doorward_domain::roles::System;
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_domain::{Instant, Secret};
use doorward_ports::Sealer;
use std::sync::Arc;
use time::Duration;

/// What is given beside the password.
#[derive(Clone, Debug)]
pub struct SecondStep {
    /// The token of the answer to the right password.
    pub token: Secret<String>,
    /// `totp`, `recovery`, or `enroll`, which begins to set an authenticator app up.
    pub method: String,
    /// The code.
    pub code: Secret<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum Stepped {
    /// The user sets up this app, and shows its first code next.
    Enrolling(NewTotp),
    /// The user has signed in.
    SignedIn {
        /// The user, and the session.
        signed_in: Box<SignedIn>,
        /// New recovery codes, if an app was set up.
        recovery_codes: Vec<Secret<String>>,
    },
}

/// Goes on with a sign-in whose password was right.
///
/// Needs no permission but the token. Errors: `Invalid` (`token`, `method`, `code`; nothing is being set up), `Unauthenticated` (a wrong code;
/// the token is over, used or none of this server; the user is suspended), `TooManyAttempts`, `Refused` (passwords are switched off, or no more
/// codes are taken), `SecondFactor` (the recovery code was right: it goes on with setting another app up), `Conflict`.
pub async fn second_step(ctx: &Context, command: SecondStep, origin: &Arc<Origin>) -> Result<Stepped, Error> {
    let SecondStep { token, method, code } = command;
    let mut fields = Fields::default().required_secret("token", &token);
    let method = fields.keep(parse(&method))?;
    if method.is_some_and(|method| method != Method::Enroll) {
        fields = fields.required_secret("code", &code);
    }
    let method = fields.done_with(method)?;
    let Some(ticket) = Ticket::parse(&token) else { return Err(over()) };
    let step = Step {
        ticket,
        method,
        code,
        ring: ctx.keys.ring(),
        sealer: ctx.keys.sealer()?,
        issuer: ctx.settings.totp_issuer(),
        lifetime: ctx.settings.sessions.lifetime.get(),
        password_login: ctx.settings.sessions.password_login,
    };
    let caller = Principal::anonymous(Arc::clone(origin));
    // A refusal leaves a trace, so it is an `Ok` of the closure.
    ctx.act(&caller, move |deed| step.decide(deed)).await?
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Totp,
    Recovery,
    Enroll,
}

fn parse(text: &str) -> Result<Method, Error> {
    match text {
        "totp" => Ok(Method::Totp),
        "recovery" => Ok(Method::Recovery),
        "enroll" => Ok(Method::Enroll),
        _ => Err(Error::invalid_field("method", "must be `totp`, `recovery` or `enroll`")),
    }
}

/// One refusal for what is too old, used already, of another password, and none of this server.
fn over() -> Error {
    Error::Unauthenticated {
        message: "This sign-in took too long, or is over. Please sign in again.".to_owned(),
        detail: String::new(),
    }
}

/// One try, in the transaction that ends it.
#[derive(Clone)]
struct Step {
    ticket: Ticket,
    method: Method,
    code: Secret<String>,
    ring: Arc<KeyRing>,
    sealer: Arc<dyn Sealer>,
    issuer: String,
    lifetime: Duration,
    password_login: bool,
}

type Ended = Result<Done<Result<Stepped, Error>>, Error>;

impl Step {
    fn decide(self, deed: &mut Deed<'_>) -> Ended {
        let no = |deed: &Deed<'_>| Ok(deed.unrecorded("the token is good for nothing", Err(over())));
        // From here on nobody changes the user, and no two codes are looked at at once.
        let user = deed.repos.users().find_for_update(self.ticket.user)?;
        let user =
            user.filter(|user| !user.deleted && !user.is_system && self.ticket.is_good(&self.ring, user, deed.now));
        let Some(user) = user else { return no(deed) };
        if user.login_type != LoginType::Password {
            return no(deed);
        }
        if !self.password_login {
            let refusal = Error::Refused("Password authentication is disabled.".to_owned());
            return refused(deed, &user, 403, refusal);
        }
        if user.status == UserStatus::Suspended {
            return refused(deed, &user, 401, inactive(user.status));
        }
        let totp = deed.repos.factors().find_totp(user.id)?;
        let is_active = totp.as_ref().is_some_and(Totp::is_active);
        match (self.ticket.stage, self.method, &totp) {
            (Stage::Factor, Method::Totp, Some(totp)) if is_active => {
                let taken = codes::take_code(deed, &*self.sealer, totp, &self.code)?;
                self.end(deed, user, taken.map(|()| Vec::new()), Proof::by_code)
            }
            (Stage::Factor, Method::Recovery, Some(_)) if is_active => self.recover(deed, &user),
            // Who has given the password alone sets up a first app, and takes the place of none.
            (Stage::Enroll, _, _) if is_active => no(deed),
            (Stage::Enroll | Stage::Recovered, Method::Enroll, _) => {
                let begun = codes::begin(deed, &*self.sealer, &user, &self.issuer)?;
                Ok(deed.unrecorded("nothing changes before the first code", Ok(Stepped::Enrolling(begun))))
            }
            (Stage::Enroll, Method::Totp, totp) => self.enroll(deed, user, totp.as_ref(), Proof::by_code),
            (Stage::Recovered, Method::Totp, totp) => self.enroll(deed, user, totp.as_ref(), Proof::by_recovery),
            (Stage::Factor, Method::Enroll | Method::Totp | Method::Recovery, _)
            | (Stage::Enroll | Stage::Recovered, Method::Recovery, _) => {
                let refusal =
                    Error::invalid_field("method", "is not one of those that the answer to the password named");
                Ok(deed.unrecorded("nothing was tried", Err(refusal)))
            }
        }
    }

    /// A recovery code: it goes on with another app.
    fn recover(self, deed: &mut Deed<'_>, user: &User) -> Ended {
        if let Err(refusal) = codes::take_recovery_code(deed, user.id, &self.code)? {
            return failed(deed, user, refusal);
        }
        self.use_up(deed)?;
        let challenge = Ticket::issue(&self.ring, deed.random(), user, Stage::Recovered, deed.now);
        let left = deed.repos.factors().count_recovery_codes(user.id)?;
        let diff = Diff::default().secret("recovery_codes").field("recovery_codes_left", left + 1, left);
        let entry = deed.entry().of_user(Some(user.id));
        Ok(entry.noted(AuditAction::Write, 200, user, diff)?.answer(Err(Error::SecondFactor(challenge))))
    }

    fn enroll(
        self,
        deed: &mut Deed<'_>,
        user: User,
        totp: Option<&Totp>,
        proof: fn(ApiKeyId, Instant) -> Proof,
    ) -> Ended {
        let had = totp.is_some_and(Totp::is_active);
        let confirmed = codes::confirm(deed, &*self.sealer, totp, user.id, &self.code)?;
        if confirmed.is_ok() {
            let entry = deed.entry().of_user(Some(user.id));
            let _receipt = entry.noted(AuditAction::Write, 200, &user, set_up(had))?;
        }
        self.end(deed, user, confirmed, proof)
    }

    /// Opens the session if all is right.
    fn end(
        self,
        deed: &mut Deed<'_>,
        user: User,
        taken: Result<Vec<Secret<String>>, Error>,
        proof: fn(ApiKeyId, Instant) -> Proof,
    ) -> Ended {
        let recovery_codes = match taken {
            Ok(codes) => codes,
            Err(refusal) => return failed(deed, &user, refusal),
        };
        self.use_up(deed)?;
        let Some(email) = user.email.clone() else { return failed(deed, &user, over()) };
        let ip = deed.by.origin.ip.clone();
        let guard = Guard::load(deed.repos, Some(&user), &email, &ip, deed.now)?;
        let done = open(deed, &guard, user, self.lifetime, Some(proof))?;
        Ok(done.map(|opened| opened.map(|opened| Stepped::SignedIn { signed_in: Box::new(opened), recovery_codes })))
    }

    /// Uses the token. When it was used before, all of this is undone: another app would be taken into use otherwise.
    fn use_up(&self, deed: &mut Deed<'_>) -> Result<(), Error> {
        let permit = System::because("a sign-in succeeds once").permit();
        if deed.repos.replays().insert(&permit, &self.ticket.seen(deed.now))? { Ok(()) } else { Err(over()) }
    }
}

fn refused(deed: &mut Deed<'_>, user: &User, status: u16, refusal: Error) -> Ended {
    Ok(record(deed, Some(user), status)?.answer(Err(refusal)))
}

fn failed(deed: &mut Deed<'_>, user: &User, refusal: Error) -> Ended {
    // What only says that it is asked in the wrong way, or at the wrong time, is no failed sign-in.
    if !matches!(refusal, Error::Unauthenticated { .. }) {
        return Ok(deed.unrecorded("the failures that led to it are recorded", Err(refusal)));
    }
    Ok(record(deed, Some(user), 401)?.answer(Err(refusal)))
}
