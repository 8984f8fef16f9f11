//! Signing in with a password, and signing out.

use super::issue::{IssuedKey, KeySpec, SCOPE_APPLICATION_CONNECT};
use super::throttling::Guard;
use super::{inactive, seen};
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context, Origin};
use crate::error::Error;
use crate::users::fields::{Fields, trimmed};
use doorward_domain::Secret;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::roles::System;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;

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
}

/// The ways to sign in that are on offer. Anyone may ask.
#[must_use]
pub fn auth_methods(ctx: &Context) -> AuthMethods {
    AuthMethods { password: ctx.settings.sessions.password_login }
}

/// Signs in with a password (`identity.md` 2.6).
///
/// An unknown address and a wrong password cost the same time and give the same answer. Failures are counted by
/// account and by address, and slow further tries down.
pub async fn login(ctx: &Context, command: Login, origin: &Origin) -> Result<SignedIn, Error> {
    let Login { email, password } = command;
    let email = trimmed(&email);
    Fields::default().email("email", &email).required_secret("password", &password).done()?;

    let (now, ip) = (ctx.clock.now(), origin.ip.clone());
    let (guard, look, user) = ctx
        .store
        .read(move |repos| {
            let user = repos.users().find_by_email(&email)?.filter(|user| !user.is_system);
            let guard = Guard::load(repos, user.as_ref(), &email, &ip, now)?;
            let look = guard.look(repos, now)?;
            Ok::<_, Error>((guard, look, user))
        })
        .await?;
    if !look.ahead.is_empty() {
        let ahead = look.ahead.clone();
        ctx.store.write(move |repos| ahead.mend(repos, now)).await?;
    }
    if let Some(refusal) = look.refusal {
        return Err(refusal);
    }

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let is_right = ctx.verify_password(password, hash).await?;

    let user_id = user.as_ref().map(|user| user.id);
    let entry = Entry { trail: Trail::from(ctx, user_id, origin), woken: Trail::from(ctx, user_id, origin), guard };
    let lifetime = ctx.settings.sessions.lifetime;
    let verified = match user {
        Some(user) if is_right => {
            let session = IssuedKey::new(ctx, entry.trail.now, KeySpec::session(user.id, lifetime, &origin.ip))?;
            Verified::Right(user, Box::new(session))
        }
        Some(user) => Verified::Wrong(Some(user)),
        None => Verified::Wrong(None),
    };
    let password_login = ctx.settings.sessions.password_login;
    // A refusal leaves a trace, so it is an `Ok` of the closure.
    ctx.store.write(move |repos| Ok::<_, Error>(entry.decide(repos, verified, password_login)?)).await?
}

/// Signs out: ends the key in use, and the keys for apps on their own subdomain; an app ends its own only.
pub async fn logout(ctx: &Context, actor: &Actor) -> Result<(), Error> {
    let (key, is_app, trail) = (Arc::clone(&actor.key), actor.app().is_some(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let because = System::because("whoever holds a key may end it");
            repos.api_keys().delete(&because.permit(), &key.id)?;
            if !is_app {
                repos.api_keys().delete_of_scope(&because.permit(), key.user_id, SCOPE_APPLICATION_CONNECT)?;
            }
            trail.key(repos, AuditAction::Logout, 200, &key, Diff::default())?;
            Ok(())
        })
        .await
}

/// How the password compares.
#[derive(Clone)]
enum Verified {
    Right(User, Box<IssuedKey>),
    Wrong(Option<User>),
}

/// One try to sign in, in the transaction that ends it.
#[derive(Clone)]
struct Entry {
    guard: Guard,
    trail: Trail,
    /// Of the activation of a dormant user.
    woken: Trail,
}

impl Entry {
    fn decide(
        self,
        repos: &mut dyn Repositories,
        verified: Verified,
        password_login: bool,
    ) -> Result<Result<SignedIn, Error>, StoreError> {
        // Of many tries at once, all were let in before the first failed. Looking again keeps the count, and as it is
        // done for right and wrong passwords alike, it tells nothing.
        let look = self.guard.look(repos, self.trail.now)?;
        look.ahead.mend(repos, self.trail.now)?;
        if let Some(refusal) = look.refusal {
            return Ok(Err(refusal));
        }
        let (user, session) = match verified {
            Verified::Wrong(user) => return self.fail(repos, user.as_ref()),
            // Meanwhile the user may have been deleted, or given another password; from here on nobody can do that.
            Verified::Right(checked, session) => match repos.users().hold(checked.id)? {
                Some(user) if !user.deleted && user.password_hash == checked.password_hash => (user, session),
                _ => return self.fail(repos, Some(&checked)),
            },
        };
        if !password_login {
            let refusal = Error::Refused("Password authentication is disabled.".to_owned());
            return self.refuse(repos, &user, 403, refusal);
        }
        if user.login_type != LoginType::Password {
            let refusal = Error::Refused(format!(
                "Incorrect login type, attempting to use \"{}\" but user is of login type \"{}\"",
                LoginType::Password,
                user.login_type
            ));
            return self.refuse(repos, &user, 403, refusal);
        }
        if user.status == UserStatus::Suspended {
            return self.refuse(repos, &user, 401, inactive(user.status));
        }
        let now = self.trail.now;
        self.guard.pass(repos, user.id, now)?;
        let user = if user.status == UserStatus::Dormant { seen(repos, user, now, self.woken)? } else { user };
        let permit = System::because("the password is right").permit();
        repos.api_keys().insert(&permit, &session.key)?;
        self.trail.key(repos, AuditAction::Login, 201, &session.key, Diff::default())?;
        Ok(Ok(SignedIn { user, session: *session }))
    }

    fn fail(self, repos: &mut dyn Repositories, user: Option<&User>) -> Result<Result<SignedIn, Error>, StoreError> {
        self.guard.record_failure(repos, self.trail.now)?;
        // Unknown users leave a record too: it tells an operator of guessing, and costs the same.
        let (id, name) = user.map(|user| (user.id.to_string(), user.username.clone())).unwrap_or_default();
        self.trail.write(repos, AuditAction::Login, 401, (AuditResource::ApiKey, id, name), Diff::default())?;
        let message = "Incorrect email or password.".to_owned();
        Ok(Err(Error::Unauthenticated { message, detail: String::new() }))
    }

    /// The password is right, and yet the user may not sign in with it.
    fn refuse(
        self,
        repos: &mut dyn Repositories,
        user: &User,
        status: u16,
        refusal: Error,
    ) -> Result<Result<SignedIn, Error>, StoreError> {
        let key = (AuditResource::ApiKey, user.id.to_string(), user.username.clone());
        self.trail.write(repos, AuditAction::Login, status, key, Diff::default())?;
        Ok(Err(refusal))
    }
}
