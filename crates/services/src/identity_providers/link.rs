//! Linking while signed in (`identity.md` 2.10): the user proves who they are, then the provider says which account is theirs there.
//!
//! Two people could be tricked here: one into linking an account of the attacker to their own, and one into linking their account to
//! that of the attacker, who would then be signed in with. So it ends well only in the browser that has kept what was agreed upon, and that
//! still has the session in which it was.

use super::account::admit;
use super::flow::{LINK, new_state};
use super::identity::Identified;
use super::link_requests::sign;
use super::links::{NewLink, find_link, insert_link, note_link};
use super::ways::{Way, way_of};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::factors::second_factor_shown;
use crate::origin::Origin;
use crate::sessions::in_person::InPerson;
use crate::sessions::{authenticate, confirm_password};
use crate::users::caller::with_caller_and;
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::identity_providers::{LINK_REQUEST_LIFETIME, LinkRequest, OwnLinkError, check_own_link, is_fresh};
use doorward_domain::roles::{Action, action, resource};
use doorward_domain::user_links::FederatedSession;
use doorward_domain::users::{LoginType, User};
use doorward_domain::{Instant, Secret};
use std::sync::Arc;

/// So many sessions of a browser are looked at.
const SESSIONS_MAX: usize = 8;

/// What is asked.
#[derive(Clone, Debug)]
pub struct AskedLink {
    /// The name of the provider, as it was sent; `github` for GitHub.
    pub provider: String,
    /// The present password, of users who have one.
    pub password: Secret<String>,
    /// The id of the deployment.
    pub deployment: String,
}

/// How it goes on: the browser keeps the token, and opens the address of the provider's callback with the state as
/// `oidc_merge_state`.
#[derive(Clone, Debug)]
pub struct Linking {
    /// The state.
    pub state: Secret<String>,
    /// Until when it holds.
    pub expires_at: Instant,
    /// The provider by its name.
    pub provider: String,
    /// Where it goes on.
    pub way: Way,
    /// For a cookie.
    pub token: Secret<String>,
}

/// Begins to link an account at a provider to one's own user: proves who it is, by the password where the user has one, and else by a
/// sign-in through a provider of the last ten minutes. Nothing is changed yet.
///
/// Needs `user:update_personal` on oneself, and the proof. Errors: `UserNotFound` (missing or not readable), `NotFound` (not to be
/// changed), `Forbidden` (only the scope is too short), `Refused` (an app; somebody else's user; the sign-in or the second factor is too long ago),
/// `Invalid` (`provider`, `password`), `Unauthenticated` (a wrong password), `TooManyAttempts`.
pub async fn begin_link(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    asked: AskedLink,
    origin: &Arc<Origin>,
) -> Result<Linking, Error> {
    let AskedLink { provider, password, deployment } = asked;
    let way = way_of(ctx, &provider)
        .ok_or_else(|| Error::invalid_field("provider", "is the name of no identity provider of this server"))?;
    let (key, reference) = (Arc::clone(&actor.account()?.key), user.clone());
    let key_id = key.id.clone();
    let (user, session) = ctx
        .look(actor, move |look| {
            let user = resolve_live(look.repos, look.by, &reference)?;
            access::may(look.by, Action::UpdatePersonal, &access::user(user.id))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            let session = look.repos.federated_sessions().find(&key_id)?.map(|(session, _)| session);
            Ok::<_, Error>((user, session))
        })
        .await?;
    actor.in_person(InPerson::LinkAccount)?;
    if actor.user_id() != Some(user.id) {
        return Err(Error::Refused("Only the user can link an account to themselves.".to_owned()));
    }
    let user_id = user.id;
    second_factor_shown(ctx, actor).await?;
    prove(ctx, user, session.as_ref(), password, origin).await?;
    // What is signed has whole seconds.
    let now = ctx.clock.now();
    let issued_at = now.replace_nanosecond(0).unwrap_or(now);
    let state = new_state(ctx, LINK);
    let request = LinkRequest {
        deployment,
        state: state.expose().clone(),
        user: user_id,
        session: key.id.clone(),
        provider,
        issued_at,
        expires_at: issued_at + LINK_REQUEST_LIFETIME,
    };
    let token = sign(ctx, &request);
    Ok(Linking { state, expires_at: request.expires_at, provider: request.provider, way, token })
}

/// Whether this user proves who they are by the password when they link an account; all others by a sign-in of the last ten minutes.
#[must_use]
pub fn proves_by_password(ctx: &Context, user: &User) -> bool {
    user.login_type == LoginType::Password && ctx.settings.sessions.password_login
}

/// Has the caller prove who they are, by the password where the user has one, and else by a sign-in through a provider of the last ten
/// minutes: whoever sits at an open session is not always its owner.
///
/// Errors: `Refused` (the sign-in is too long ago), `Invalid` (`password`), `Unauthenticated` (a wrong password), `TooManyAttempts`.
pub(crate) async fn prove(
    ctx: &Context,
    user: User,
    session: Option<&FederatedSession>,
    password: Secret<String>,
    origin: &Arc<Origin>,
) -> Result<(), Error> {
    if proves_by_password(ctx, &user) {
        Fields::default().required_secret("password", &password).done()?;
        return confirm_password(ctx, user, password, origin).await;
    }
    let now = ctx.clock.now();
    if session.is_some_and(|session| is_fresh(session.auth_time, now)) {
        Ok(())
    } else {
        Err(told(OwnLinkError::AuthenticationTooOld))
    }
}

fn told(refusal: OwnLinkError) -> Error {
    let is_about_links = matches!(refusal, OwnLinkError::LinkedToOther | OwnLinkError::HasOther);
    if is_about_links { Error::conflict(refusal.to_string()) } else { Error::Refused(refusal.to_string()) }
}

/// Ends: the user signs in with the account at the provider, too.
pub(super) async fn link(
    ctx: &Context,
    person: Identified,
    request: LinkRequest,
    sessions: &[Secret<String>],
    origin: &Arc<Origin>,
) -> Result<(), Error> {
    let actor = session_of(ctx, &request, sessions, origin).await?;
    // It would be a way in that is none.
    admit(ctx, &person)?;
    ctx.act(&actor, move |deed| {
        with_caller_and(deed, request.user, |deed, actor, user| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(user.id))?;
            let linked = find_link(deed.repos, &person)?.map(|link| link.user_id);
            let links = deed.repos.user_links().list_of_user(user.id)?;
            let has_other =
                links.iter().any(|link| person.issuers.contains(&link.issuer) && link.subject != person.subject);
            check_own_link(user.id, request.issued_at, linked, has_other, deed.now).map_err(told)?;
            if linked.is_some() {
                return Ok(deed.unrecorded("it is linked already", ()));
            }
            // Nothing about the account follows it, so nothing is said of its mail address.
            let new = NewLink { user_id: user.id, is_main: false, email_verified: false };
            insert_link(deed, &permit, &person, &new)?;
            Ok(note_link(deed, &person, &user, "user")?.answer(()))
        })
    })
    .await
}

/// The user, in the session in which it was asked for.
async fn session_of(
    ctx: &Context,
    request: &LinkRequest,
    sessions: &[Secret<String>],
    origin: &Arc<Origin>,
) -> Result<Principal, Error> {
    let prefix = format!("{}-", request.session.as_str());
    for token in sessions.iter().filter(|token| token.expose().starts_with(&prefix)).take(SESSIONS_MAX) {
        match authenticate(ctx, token.expose(), origin).await {
            Ok(principal) if principal.user_id() == Some(request.user) => return Ok(principal),
            Ok(_) | Err(Error::Unauthenticated { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unauthenticated {
        message:
            "The session in which you asked for the link is not that of this browser any more. Please begin again."
                .to_owned(),
        detail: String::new(),
    })
}

#[cfg(test)]
mod tests;
