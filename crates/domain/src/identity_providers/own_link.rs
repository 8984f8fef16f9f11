//! Linking by somebody who is signed in.

use crate::Instant;
use crate::ids::UserId;
use time::Duration;

/// How long ago somebody may have authenticated who links their account.
const AUTHENTICATION_AGE: Duration = Duration::minutes(10);

/// Why somebody cannot link their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnLinkError {
    /// Whoever sits at an open session is not always its owner.
    #[error("You have to sign in again first.")]
    AuthenticationTooOld,
    /// The person of the provider has another account here. Whose, is not said.
    #[error("This sign-in is linked to another account.")]
    LinkedToOther,
    /// The account is linked to another person of this provider.
    #[error("Your account is linked to another sign-in of this provider. Ask an administrator.")]
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
    if now - authenticated_at >= AUTHENTICATION_AGE {
        return Err(OwnLinkError::AuthenticationTooOld);
    }
    if linked.is_some_and(|linked| linked != user) {
        return Err(OwnLinkError::LinkedToOther);
    }
    if has_other_link { Err(OwnLinkError::HasOther) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
