//! Accounts at identity providers, and the sessions that began there.

use crate::StoreError;
use doorward_domain::idp_sync::SyncClaims;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::{FederatedSession, Upstream, UserLink};

/// Some of what providers said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimsPage {
    /// The claims of one sign-in each.
    pub claims: Vec<SyncClaims>,
    /// Whether there are more behind them.
    pub is_full: bool,
}

/// Stores which accounts at identity providers belong to which users.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait UserLinkRepository {
    /// The link of this account, under one of the spellings of its issuer: the first of them that has one. Deleted users have none.
    fn find(&mut self, issuers: &[String], subject: &str) -> Result<Option<UserLink>, StoreError>;
    /// What providers of [`LoginType::Oidc`](doorward_domain::users::LoginType::Oidc) said at the last sign-ins of all users, or of the
    /// members of an organization: the last sign-in first, leaving out the first `offset` and then what is longer than `longest`
    /// characters. `limit` counts what is left out for its length too.
    fn list_claims(
        &mut self,
        organization: Option<OrganizationId>,
        longest: u32,
        offset: u32,
        limit: u32,
    ) -> Result<ClaimsPage, StoreError>;
    /// The links of a user, oldest first.
    fn list_of_user(&mut self, user: UserId) -> Result<Vec<UserLink>, StoreError>;
    /// Adds a link. Answers `Conflict::UserLink` if the account belongs to somebody already.
    fn insert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<(), StoreError>;
    /// Replaces what the provider said of the account, whether it is followed, and the time of the last sign-in. `false` when it is
    /// no longer linked to this user.
    fn update(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<bool, StoreError>;
    /// Removes the link of this account to this user. `false` when there is none.
    fn delete(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        issuer: &str,
        subject: &str,
    ) -> Result<bool, StoreError>;
}

/// What is known of a session, and the ID token it began with as it is sealed.
pub type KnownSession = (FederatedSession, Option<Vec<u8>>);

/// Stores what is known of sessions that began at an identity provider. It goes with their keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait FederatedSessionRepository {
    /// What is known of a session, and the ID token it began with as it is sealed.
    fn find(&mut self, key: &ApiKeyId) -> Result<Option<KnownSession>, StoreError>;
    /// The keys of the sessions that began at this provider, under whichever spelling of its issuer, with this account or session, with
    /// their users.
    fn list_keys(&mut self, issuers: &[String], upstream: &Upstream) -> Result<Vec<(ApiKeyId, UserId)>, StoreError>;
    /// Adds what is known of a session whose key is stored already.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn insert<'a>(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        session: &FederatedSession,
        id_token: Option<&'a [u8]>,
    ) -> Result<(), StoreError>;
}
