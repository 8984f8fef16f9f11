//! Accounts at identity providers, and the sessions that began there.

use crate::StoreError;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::{FederatedSession, Upstream, UserLink};

/// Stores which accounts at identity providers belong to which users.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait UserLinkRepository {
    /// The link of this account. Deleted users have none.
    fn find(&mut self, issuer: &str, subject: &str) -> Result<Option<UserLink>, StoreError>;
    /// The links of a user, oldest first.
    fn list_of_user(&mut self, user: UserId) -> Result<Vec<UserLink>, StoreError>;
    /// Adds a link. Answers `Conflict::UserLink` if the account belongs to somebody already.
    fn insert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<(), StoreError>;
    /// Replaces what the provider said of the account, and the time of the last sign-in. `false` when it is no longer linked to
    /// this user.
    fn update(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<bool, StoreError>;
    /// Takes an account from a user. `false` when there was no such link.
    fn delete(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        issuer: &str,
    ) -> Result<bool, StoreError>;
}

/// Stores what is known of sessions that began at an identity provider. It goes with their keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait FederatedSessionRepository {
    /// What is known of a session, and the ID token it began with as it is sealed.
    fn find(&mut self, key: &ApiKeyId) -> Result<Option<(FederatedSession, Option<Vec<u8>>)>, StoreError>;
    /// The keys of the sessions that began at this provider with this account or session, with their users.
    fn list_keys(&mut self, issuer: &str, upstream: &Upstream) -> Result<Vec<(ApiKeyId, UserId)>, StoreError>;
    /// Adds what is known of a session whose key is stored already.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn insert<'a>(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        session: &FederatedSession,
        id_token: Option<&'a [u8]>,
    ) -> Result<(), StoreError>;
}
