//! Linking and unlinking by somebody who is signed in.

use crate::Instant;
use crate::ids::UserId;
use crate::user_links::UserLink;
use crate::users::LoginType;
use time::Duration;

/// How long ago somebody may have authenticated who links their account.
const AUTHENTICATION_AGE: Duration = Duration::minutes(10);

/// Why somebody cannot link their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnLinkError {
    /// Whoever sits at an open session is not always its owner.
    #[error("You have to sign in again first: this is done within ten minutes of it.")]
    AuthenticationTooOld,
    /// The person of the provider has another account here. Whose, is not said.
    #[error("This account of the provider is linked to another user of this server.")]
    LinkedToOther,
    /// The account is linked to another person of this provider.
    #[error("You are linked to another account of this provider. Remove that link first.")]
    HasOther,
}

/// Checks that the user may be linked to a person of a provider. `linked` is the account that is linked to this person, and
/// `has_other_link` whether the user is linked to another person at this issuer.
///
/// ```
/// use doorward_domain::identity_providers::{OwnLinkError, check_own_link};
/// use doorward_domain::ids::UserId;
/// use time::{Duration, macros::datetime};
/// let now = datetime!(2026-03-01 12:00 UTC);
/// let ann = UserId(uuid::Uuid::from_u128(1));
/// assert_eq!(check_own_link(ann, now - Duration::MINUTE, None, false, now), Ok(()));
/// let old = now - Duration::HOUR;
/// assert_eq!(check_own_link(ann, old, None, false, now), Err(OwnLinkError::AuthenticationTooOld));
/// ```
pub fn check_own_link(
    user: UserId,
    authenticated_at: Instant,
    linked: Option<UserId>,
    has_other_link: bool,
    now: Instant,
) -> Result<(), OwnLinkError> {
    if !is_fresh(authenticated_at, now) {
        return Err(OwnLinkError::AuthenticationTooOld);
    }
    if linked.is_some_and(|linked| linked != user) {
        return Err(OwnLinkError::LinkedToOther);
    }
    if has_other_link { Err(OwnLinkError::HasOther) } else { Ok(()) }
}

/// Whether somebody who authenticated then may link accounts now.
#[must_use]
pub fn is_fresh(authenticated_at: Instant, now: Instant) -> bool {
    now - authenticated_at < AUTHENTICATION_AGE
}

/// The user would have no way to sign in any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "This is the only way to sign in to this account. Link another account at a provider first, or there would be none."
)]
pub struct LastWayError;

/// How a user signs in when a link is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Remaining {
    /// The login type of the account from then on.
    pub login_type: LoginType,
    /// The link that name, address and memberships follow from then on, if it is another one than before.
    pub main: Option<UserLink>,
}

/// What remains when a user of this login type loses a link. `others` are the other links of the user, oldest first, at providers of
/// the settings; `has_password` says whether the user has a password that lets in.
pub fn check_unlink(login_type: LoginType, has_password: bool, others: &[UserLink]) -> Result<Remaining, LastWayError> {
    if login_type == LoginType::Password && has_password {
        return Ok(Remaining { login_type, main: None });
    }
    // Of the same kind, if there is one: then nothing about the account changes.
    let is_same = |link: &&UserLink| link.login_type == login_type;
    let by_rank = |is_main: bool| move |link: &&UserLink| is_same(link) && link.is_main == is_main;
    let main = others.iter().find(by_rank(true)).or_else(|| others.iter().find(by_rank(false)));
    let next = main.or_else(|| others.first()).ok_or(LastWayError)?;
    // An account with a password whose sign-in by password is switched off stays what it is.
    let login_type = if login_type == LoginType::Password { login_type } else { next.login_type };
    let becomes_main = login_type == next.login_type && !next.is_main;
    Ok(Remaining { login_type, main: becomes_main.then(|| UserLink { is_main: true, ..next.clone() }) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: Instant = datetime!(2026-03-01 12:00 UTC);
    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    #[test]
    fn who_links_has_authenticated_within_ten_minutes() {
        let ago = |seconds| NOW - Duration::seconds(seconds);
        assert_eq!(check_own_link(ANN, ago(599), None, false, NOW), Ok(()));
        assert_eq!(check_own_link(ANN, ago(600), None, false, NOW), Err(OwnLinkError::AuthenticationTooOld));
    }

    #[test]
    fn a_person_of_a_provider_has_one_account_and_an_account_one_person() {
        assert_eq!(check_own_link(ANN, NOW, Some(ANN), false, NOW), Ok(()));
        assert_eq!(check_own_link(ANN, NOW, Some(BOB), false, NOW), Err(OwnLinkError::LinkedToOther));
        assert_eq!(check_own_link(ANN, NOW, None, true, NOW), Err(OwnLinkError::HasOther));
    }

    fn link(login_type: LoginType, subject: &str, is_main: bool) -> UserLink {
        UserLink {
            user_id: ANN,
            login_type,
            provider: String::new(),
            issuer: String::new(),
            subject: subject.to_owned(),
            is_main,
            email_verified: true,
            claims: Map::new(),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn the_last_way_to_sign_in_stays() {
        for login_type in [LoginType::Oidc, LoginType::Github] {
            assert_eq!(check_unlink(login_type, false, &[]), Err(LastWayError));
            // A hash that was left behind lets nobody in.
            assert_eq!(check_unlink(login_type, true, &[]), Err(LastWayError));
        }
        assert_eq!(check_unlink(LoginType::Password, false, &[]), Err(LastWayError));
        let kept = Remaining { login_type: LoginType::Password, main: None };
        assert_eq!(check_unlink(LoginType::Password, true, &[]), Ok(kept));
    }

    #[test]
    fn the_login_type_follows_what_is_left() {
        let (oidc, github) = (link(LoginType::Oidc, "1", false), link(LoginType::Github, "2", false));
        let left = check_unlink(LoginType::Oidc, false, &[github.clone(), oidc.clone()]).unwrap();
        assert_eq!((left.login_type, left.main.unwrap().subject.as_str()), (LoginType::Oidc, "1"));
        let left = check_unlink(LoginType::Oidc, false, std::slice::from_ref(&github)).unwrap();
        assert_eq!((left.login_type, left.main.map(|main| main.is_main)), (LoginType::Github, Some(true)));
        let main = link(LoginType::Oidc, "3", true);
        let left = check_unlink(LoginType::Oidc, false, &[oidc.clone(), main]).unwrap();
        assert_eq!((left.login_type, left.main), (LoginType::Oidc, None), "another one is followed already");
        let left = check_unlink(LoginType::Password, false, &[oidc]).unwrap();
        assert_eq!((left.login_type, left.main), (LoginType::Password, None));
    }
}
