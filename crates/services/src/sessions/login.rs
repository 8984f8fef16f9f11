//! Login with a password, and logout.

use super::devices;
use super::issue::{IssuedKey, KeySpec};
use super::refusal::inactive;
use super::seen;
use super::throttling::Guard;
use crate::Principal;
use crate::audit::{Audited, Diff, Snapshot};
use crate::context::Context;
use crate::deed::{Deed, Done, Recorded};
use crate::error::Error;
use crate::factors::ticket::Asking;
use crate::origin::Origin;
use crate::users::fields::{Fields, trimmed};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::factors::Proof;
use doorward_domain::roles::{ScopeName, System};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_domain::{Instant, Secret};
use doorward_ports::StoreError;
use std::sync::Arc;
use time::Duration;

/// What is given to sign in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Mail address of the account.
    pub email: String,
    /// Its password.
    pub password: Secret<String>,
}

/// A user who has signed in, and the key of the new session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session.
    pub session: IssuedKey,
}

/// The ways to sign in that are on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthMethods {
    /// With a password.
    pub password: bool,
    /// With GitHub.
    pub github: bool,
    /// With a provider of OpenID Connect; the first one is meant where there is room for one only.
    pub oidc: bool,
}

/// The ways to sign in that are on offer. Anyone may ask.
#[must_use]
pub fn auth_methods(ctx: &Context) -> AuthMethods {
    AuthMethods {
        password: ctx.settings.sessions.password_login,
        github: ctx.settings.github.is_on(),
        oidc: !ctx.settings.oidc.providers.is_empty(),
    }
}

/// Signs in with a password (`identity.md` 2.6).
///
/// An unknown address and a wrong password cost the same time and give the same answer. Failures are counted by
/// account and by address, and slow further tries down.
///
/// Needs no permission. Errors: `Invalid` (`email`, `password`), `TooManyAttempts`, `Unauthenticated` (a wrong
/// address or password, or the user is suspended), `Refused` (passwords are switched off, or the user signs in by
/// other means), `SecondFactor` (all is right, and the user has or must have a second factor: it goes on with
/// [`second_step`](super::second_step())).
pub async fn login(ctx: &Context, command: Login, origin: &Arc<Origin>) -> Result<SignedIn, Error> {
    let Login { email, password } = command;
    let mut fields = Fields::default();
    let email = fields.email("email", trimmed(&email));
    let email = fields.required_secret("password", &password).done_with(email)?;

    let (now, ip) = (ctx.clock.now(), origin.ip.clone());
    let (guard, look, user) = ctx
        .read(move |repos| {
            let user = repos.users().find_by_email(email.as_str())?.filter(|user| !user.is_system);
            let guard = Guard::load(repos, user.as_ref(), &email, &ip, now)?;
            let look = guard.look(repos, now)?;
            Ok::<_, Error>((guard, look, user))
        })
        .await?;
    let caller = Principal::anonymous(Arc::clone(origin));
    if !look.ahead.is_empty() {
        let ahead = look.ahead.clone();
        ctx.act(&caller, move |deed| {
            ahead.mend(deed.repos, now)?;
            Ok::<_, Error>(deed.unrecorded("a wait that the clock made too long is set right", ()))
        })
        .await?;
    }
    if let Some(refusal) = look.refusal {
        return Err(refusal);
    }

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let is_right = ctx.verify_password(password, hash).await?;

    let verified = match user {
        Some(user) if is_right => Verified::Right(user),
        user => Verified::Wrong(user),
    };
    let settings = ctx.settings.sessions;
    let asking = Asking { ring: ctx.keys.ring(), mfa: ctx.settings.mfa };
    let attempt = Attempt { guard, lifetime: settings.lifetime.get(), password_login: settings.password_login };
    // A refusal leaves a trace, so it is an `Ok` of the closure.
    ctx.act(&caller, move |deed| attempt.decide(deed, verified, &asking)).await?
}

/// Proves that whoever asks knows the password of this user: as a sign-in does, and with the same limits.
///
/// Errors: `TooManyAttempts`, `Unauthenticated` (another password), `Refused` (passwords are switched off).
pub(crate) async fn confirm_password(
    ctx: &Context,
    user: User,
    password: Secret<String>,
    origin: &Arc<Origin>,
) -> Result<(), Error> {
    if !ctx.settings.sessions.password_login {
        return Err(Error::Refused("Password authentication is disabled.".to_owned()));
    }
    let Some(email) = user.email.clone() else { return Err(Error::invalid("This account has no password.")) };
    let (now, ip, known) = (ctx.clock.now(), origin.ip.clone(), user.clone());
    let (guard, refusal) = ctx
        .read(move |repos| {
            let guard = Guard::load(repos, Some(&known), &email, &ip, now)?;
            let refusal = guard.look(repos, now)?.refusal;
            Ok::<_, Error>((guard, refusal))
        })
        .await?;
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let is_right = ctx.verify_password(password, user.password_hash.clone()).await?;
    let attempt = Attempt { guard, lifetime: Duration::ZERO, password_login: true };
    let caller = Principal::anonymous(Arc::clone(origin));
    ctx.act(&caller, move |deed| attempt.confirm(deed, &user, is_right)).await?
}

/// Signs out: ends the key in use, and the keys for apps on their own subdomain; an app ends its own only.
///
/// Needs no permission. Errors: `Refused` (a caller without an account).
pub async fn logout(ctx: &Context, actor: &Principal) -> Result<(), Error> {
    let (key, is_app) = (Arc::clone(&actor.account()?.key), actor.app().is_some());
    ctx.act(actor, move |deed| {
        let because = System::because("whoever holds a key may end it");
        deed.ends_sessions();
        deed.repos.api_keys().delete(&because.permit(), &key.id)?;
        if !is_app {
            deed.repos.api_keys().delete_of_scope(&because.permit(), key.user_id, ScopeName::APPLICATION_CONNECT)?;
        }
        Ok(deed.entry().noted(AuditAction::Logout, 200, &*key, Diff::default())?.answer(()))
    })
    .await
}

/// How the password compares.
#[derive(Clone)]
enum Verified {
    Right(User),
    Wrong(Option<User>),
}

/// One try to sign in, in the transaction that ends it.
#[derive(Clone)]
struct Attempt {
    guard: Guard,
    lifetime: Duration,
    password_login: bool,
}

/// The audit record of a try to sign in is about a key that is not there; its id is that of the user. Unknown users leave a
/// record too: it tells an operator of guessing, and costs the same.
struct NoKey<'a>(Option<&'a User>);

impl Audited for NoKey<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::ApiKey
    }

    fn id(&self) -> String {
        self.0.map(|user| user.id.to_string()).unwrap_or_default()
    }

    fn target(&self) -> String {
        self.0.map(|user| user.username.to_string()).unwrap_or_default()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}

/// What becomes of a try: the outer error undoes it, the inner one is its answer.
pub(super) type Decided = Result<Done<Result<SignedIn, Error>>, Error>;

impl Attempt {
    fn decide(self, deed: &mut Deed<'_>, verified: Verified, asking: &Asking) -> Decided {
        // Of many tries at once, all were let in before the first failed. Looking again keeps the count, and as it is
        // done for right and wrong passwords alike, it tells nothing.
        let look = self.guard.look(deed.repos, deed.now)?;
        look.ahead.mend(deed.repos, deed.now)?;
        if let Some(refusal) = look.refusal {
            return Ok(deed.unrecorded("the failures that led to it are recorded", Err(refusal)));
        }
        let user = match verified {
            Verified::Wrong(user) => return self.fail(deed, user.as_ref()),
            // Meanwhile the user may have been deleted, or given another password; from here on nobody can do that.
            Verified::Right(checked) => match deed.repos.users().find_for_update(checked.id)? {
                Some(user) if !user.deleted && user.password_hash == checked.password_hash => user,
                _ => return self.fail(deed, Some(&checked)),
            },
        };
        if !self.password_login {
            return refuse(deed, &user, 403, Error::Refused("Password authentication is disabled.".to_owned()));
        }
        if user.login_type != LoginType::Password {
            let refusal = Error::Refused(format!(
                "Incorrect login type, attempting to use \"{}\" but user is of login type \"{}\"",
                LoginType::Password,
                user.login_type
            ));
            return refuse(deed, &user, 403, refusal);
        }
        if user.status == UserStatus::Suspended {
            return refuse(deed, &user, 401, inactive(user.status));
        }
        // Nothing of the failures is forgotten, and no place remembered, before the second factor was right too.
        if let Some(challenge) = asking.ask(deed, &user)? {
            return Ok(deed.unrecorded("it goes on with a second factor", Err(Error::SecondFactor(challenge))));
        }
        open(deed, &self.guard, user, self.lifetime, None)
    }

    /// The same for a user who is signed in: of many tries at once, all were let in before the first failed.
    fn confirm(self, deed: &mut Deed<'_>, user: &User, is_right: bool) -> Result<Done<Result<(), Error>>, Error> {
        let look = self.guard.look(deed.repos, deed.now)?;
        if let Some(refusal) = look.refusal {
            return Ok(deed.unrecorded("the failures that led to it are recorded", Err(refusal)));
        }
        let now = deed.repos.users().find_for_update(user.id)?;
        let is_same = now.is_some_and(|now| !now.deleted && now.password_hash == user.password_hash);
        if is_right && is_same {
            return Ok(deed.unrecorded("what it is asked for is recorded", Ok(())));
        }
        Ok(self.fail(deed, Some(user))?.map(|told| told.map(drop)))
    }

    fn fail(self, deed: &mut Deed<'_>, user: Option<&User>) -> Decided {
        self.guard.record_failure(deed.repos, deed.now)?;
        let message = "Incorrect email or password.".to_owned();
        let refusal = Error::Unauthenticated { message, detail: String::new() };
        Ok(record(deed, user, 401)?.answer(Err(refusal)))
    }
}

/// Makes the session of a user who has proved who they are, beside the password by what `proof` says.
pub(super) fn open(
    deed: &mut Deed<'_>,
    guard: &Guard,
    user: User,
    lifetime: Duration,
    proof: Option<fn(ApiKeyId, Instant) -> Proof>,
) -> Decided {
    guard.pass(deed.repos, user.id, deed.now)?;
    let user = if user.status == UserStatus::Dormant { seen(deed, &user)? } else { user };
    let spec = KeySpec::session(user.id, lifetime, &deed.by.origin.ip);
    let session = IssuedKey::new(deed.random(), deed.now, spec)?;
    let permit = System::because("the user has proved who they are").permit();
    deed.repos.api_keys().insert(&permit, &session.key)?;
    if let Some(proof) = proof {
        deed.repos.factors().upsert_proof(&permit, &proof(session.key.id.clone(), deed.now))?;
    }
    devices::began(deed, &session.key)?;
    devices::signed_in(deed, &user)?;
    let entry = deed.entry().of_user(Some(user.id));
    let recorded = entry.noted(AuditAction::Login, 201, &session.key, Diff::default())?;
    Ok(recorded.answer(Ok(SignedIn { user, session })))
}

/// The password is right, and yet the user may not sign in with it.
fn refuse(deed: &mut Deed<'_>, user: &User, status: u16, refusal: Error) -> Decided {
    Ok(record(deed, Some(user), status)?.answer(Err(refusal)))
}

/// Records a sign-in that is refused; the user, if it is known whose it would be.
pub(crate) fn record(deed: &mut Deed<'_>, user: Option<&User>, status: u16) -> Result<Recorded, StoreError> {
    let entry = deed.entry().of_user(user.map(|user| user.id));
    entry.noted(AuditAction::Login, status, &NoKey(user), Diff::default())
}
