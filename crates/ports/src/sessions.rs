//! Sessions, API tokens and access tokens; failed sign-ins.

use crate::StoreError;
use doorward_domain::ids::{AppId, GroupId, UserId};
use doorward_domain::oauth2::{Resource, Scopes};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{ListFilter, Permit, RoleName, ScopeName, action, resource};
use doorward_domain::sessions::{Acquaintance, ApiKey, ApiKeyId, KeyRefresh, Throttle, ThrottlePolicy};
use doorward_domain::users::{LoginType, User};
use doorward_domain::{Digest, Instant};
use time::Duration;

/// All that a request needs to know about the one who sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyOwner {
    /// The key.
    pub key: ApiKey,
    /// Its user.
    pub user: User,
    /// The memberships of the user.
    pub memberships: Vec<Membership>,
    /// The roles that the organizations of the user give to each of their members, besides those of the memberships.
    pub default_roles: Vec<RoleName>,
    /// The explicit groups of the user.
    pub groups: Vec<GroupId>,
    /// What the app of the key may have at this moment; `None` when the key belongs to no app.
    pub app: Option<AppLimits>,
}

/// What an app may have, see [`App`](doorward_domain::oauth2::App).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppLimits {
    /// Scopes it may ask for; `None` means any.
    pub scopes: Option<Scopes>,
    /// Resources its tokens may be bound to; `None` means what the server allows.
    pub resources: Option<Vec<Resource>>,
}

/// Stores keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ApiKeyRepository {
    /// The key with its user, memberships and groups. Expired keys and keys of suspended users are found; keys of
    /// deleted users are not.
    fn find_owner(&mut self, id: &ApiKeyId) -> Result<Option<KeyOwner>, StoreError>;
    /// The key of this id.
    fn find(&mut self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// Of these keys those that exist and have not expired, each with the digest of its secret.
    fn find_digests(&mut self, ids: &[ApiKeyId], now: Instant) -> Result<Vec<(ApiKeyId, Digest)>, StoreError>;
    /// The API token of this user with this name.
    fn find_token(&mut self, user: UserId, name: &str) -> Result<Option<ApiKey>, StoreError>;
    /// Keys of a login type with the names of their users, of one user or (`None`) of all, oldest first.
    fn list(&mut self, login_type: LoginType, user: Option<UserId>) -> Result<Vec<(ApiKey, String)>, StoreError>;
    /// Adds a key. May answer `Conflict::TokenName` or `Conflict::Random`.
    fn insert(&mut self, permit: &Permit<action::Create, resource::ApiKey>, key: &ApiKey) -> Result<(), StoreError>;
    /// Writes that a key was used, from which address; `key` is the key as it was read. Nothing happens when it is gone,
    /// has another secret by now, or lives shorter than it did, for then its new life is not to be touched, nor when it
    /// already lives longer, nor when
    /// its end was moved forward meanwhile ([`expire`](Self::expire)).
    fn refresh(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        key: &ApiKey,
        refresh: KeyRefresh,
        ip: &str,
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Writes that access tokens that came of a refresh were used, by id and digest of the secret; those that have another
    /// secret by now, or are gone, stay as they are. Waits for nobody: a key that somebody else is writing is left out.
    fn mark_used(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        uses: &[(ApiKeyId, Digest)],
    ) -> Result<(), StoreError>;
    /// Shortens the API tokens of a user that would live longer from now on to just that. A token whose use is being
    /// [written](Self::refresh) at the same moment keeps the shorter life. Answers how many they are.
    fn shorten_tokens(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        user: UserId,
        longest: Duration,
        now: Instant,
    ) -> Result<usize, StoreError>;
    /// Ends the life of a key now, unless it has ended already. The key stays, to be looked at. `false` when there is none. If it is the
    /// key of a session, apps are told of its end, and the grants of those that end with it go, see
    /// [`LogoutRepository`](crate::openid::LogoutRepository).
    fn expire(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        id: &ApiKeyId,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Deletes a key, and the grant whose access token it is. `false` when there was none. The end of a session is told as in
    /// [`expire`](Self::expire).
    fn delete(&mut self, permit: &Permit<action::Delete, resource::ApiKey>, id: &ApiKeyId) -> Result<bool, StoreError>;
    /// Deletes the sessions and API tokens of a user that carry this scope and no other.
    fn delete_of_scope(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        user: UserId,
        scope: ScopeName,
    ) -> Result<usize, StoreError>;
}

/// How many sessions are counted at most, beyond the offset of a page.
pub const SESSIONS_COUNT_MAX: u32 = 10_000;

/// Which sessions are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Those of this user; `None` means of all.
    pub user: Option<UserId>,
    /// Those behind the session with this key, which began earlier.
    pub after: Option<ApiKeyId>,
    /// At most so many.
    pub limit: u32,
    /// So many are left out at the start.
    pub offset: u32,
}

/// A session with what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Its key.
    pub key: ApiKey,
    /// Name of its user.
    pub username: String,
    /// What kind of program it began in, such as `Firefox on Linux`; `None` when that is not known.
    pub device: Option<String>,
    /// The identity provider at which it began; `None` when it began at none.
    pub provider: Option<String>,
    /// Apps that were told by it who their user is, and still have a grant, by name.
    pub apps: Vec<(AppId, String)>,
}

/// One page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions of the page, newest first.
    pub sessions: Vec<ListedSession>,
    /// How many match behind `after`, before limit and offset, but at most [`SESSIONS_COUNT_MAX`] more than the offset.
    pub count: u64,
}

/// Sessions as others look at them and end them: keys that are neither API tokens nor access tokens of apps.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait SessionRepository {
    /// The sessions that match, are visible and have not expired, newest first (beginning, then key). `None` when the session of
    /// `after` is gone: nobody knows what stood behind it.
    fn list(
        &mut self,
        filter: &SessionFilter,
        visible: &ListFilter,
        now: Instant,
    ) -> Result<Option<SessionPage>, StoreError>;
    /// Writes in what kind of program a session began.
    fn describe(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        key: &ApiKey,
        device: &str,
    ) -> Result<(), StoreError>;
    /// Ends the sessions of a user but this one, and answers how many they were. Apps are told as in
    /// [`ApiKeyRepository::expire`].
    fn delete_of_user(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        user: UserId,
        except: Option<ApiKeyId>,
    ) -> Result<usize, StoreError>;
    /// Ends the sessions of all users but this one, and answers how many they were. Those that begin meanwhile may stay. Apps are told
    /// as in [`ApiKeyRepository::expire`].
    fn delete_all(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        except: Option<ApiKeyId>,
    ) -> Result<usize, StoreError>;
}

/// Remembers failed sign-ins, and from where users sign in, for all replicas.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ThrottleRepository {
    /// What is remembered under these keys, in their order; nothing is a default value.
    fn find(&mut self, keys: &[String]) -> Result<Vec<Throttle>, StoreError>;
    /// Counts one more failure under each key.
    fn record_failure(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        keys: &[(String, ThrottlePolicy)],
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Moves the last failures under these keys that are later than `now` back to `now`.
    fn bring_back(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        keys: &[String],
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Forgets a key.
    fn clear(&mut self, permit: &Permit<action::Update, resource::System>, key: &str) -> Result<(), StoreError>;
    /// Whether this user has signed in from this place at this instant or later.
    fn knows_place(&mut self, user: UserId, place: &str, since: Instant) -> Result<bool, StoreError>;
    /// Remembers the device from which a user signs in, and says whether it was known. Of many devices the first ones are
    /// forgotten, see [`DEVICES_MAX`](doorward_domain::sessions::DEVICES_MAX).
    fn remember_device(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        user: UserId,
        device: &Digest,
        now: Instant,
    ) -> Result<Acquaintance, StoreError>;
    /// Remembers that a user has signed in from a place.
    fn remember_place(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        user: UserId,
        place: &str,
        now: Instant,
    ) -> Result<(), StoreError>;
}
