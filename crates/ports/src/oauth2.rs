//! OAuth2 apps, codes and grants.
//!
//! Some methods here are coarse on purpose: issuing, rotating and introspecting are what a busy server does all day,
//! and one statement that does the whole is several times faster than the steps. Each says which conditions it checks
//! by itself; when one does not hold it answers `None` and the use case finds out why, step by step.

use crate::StoreError;
use crate::sessions::AppLimits;
use doorward_domain::ids::{AppId, AppSecretId, CodeId, DeviceAuthorizationId, GrantId, UserId};
use doorward_domain::oauth2::{
    App, AppSecret, Authorization, AuthorizationCode, DeviceAuthorization, DeviceDecision, Grant, KeyThumbprint,
    PushedRequest, Resource, Scopes, StoredKeySet,
};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::User;
use doorward_domain::{Digest, Instant};

/// A client as it presents itself, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// `client_id`.
    pub app_id: AppId,
    /// Prefix and digest of the secret; `None` for a client without one.
    pub secret: Option<(String, Digest)>,
    /// Whether it has proved itself by one of its keys, which was looked at before.
    pub by_key: bool,
}

/// What a request to redeem a code names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedeemingQuery {
    /// `client_id`.
    pub app_id: AppId,
    /// Prefix of the secret, if one came.
    pub secret_prefix: Option<String>,
    /// Prefix of the code.
    pub code_prefix: String,
}

/// What is there of that. Nothing of it is checked.
#[derive(Clone, Debug, Default)]
pub struct Redeeming {
    /// The app with the id. Without it nothing else is looked for.
    pub app: Option<App>,
    /// The secret with the prefix, whosever it is.
    pub secret: Option<AppSecret>,
    /// The code with the prefix, redeemed and expired ones included, whosever it is.
    pub code: Option<AuthorizationCode>,
    /// The user of the code.
    pub user: Option<User>,
}

/// Stores apps and their secrets.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait AppRepository {
    /// The app with this id.
    fn find(&mut self, id: AppId) -> Result<Option<App>, StoreError>;
    /// The app with this id and a row lock (`FOR NO KEY UPDATE`) until the transaction ends: nobody else changes or deletes it.
    /// To be called before it is changed by what was found.
    fn find_for_update(&mut self, id: AppId) -> Result<Option<App>, StoreError>;
    /// All apps, by name and id.
    fn list(&mut self) -> Result<Vec<App>, StoreError>;
    /// Apps that hold a live grant of this user, by name and id.
    fn list_granted_by(&mut self, user: UserId, now: Instant) -> Result<Vec<App>, StoreError>;
    /// Adds an app.
    fn insert(&mut self, permit: &Permit<action::Create, resource::Oauth2App>, app: &App) -> Result<(), StoreError>;
    /// Replaces all but id and time of registration, and counts the revision. `false` when there is no such app.
    fn update(&mut self, permit: &Permit<action::Update, resource::Oauth2App>, app: &App) -> Result<bool, StoreError>;
    /// Deletes an app with its secrets, codes, grants and keys.
    fn delete(&mut self, permit: &Permit<action::Delete, resource::Oauth2App>, id: AppId) -> Result<bool, StoreError>;

    /// The secret with this id.
    fn find_secret(&mut self, id: AppSecretId) -> Result<Option<AppSecret>, StoreError>;
    /// The secret with this prefix.
    fn find_secret_by_prefix(&mut self, prefix: &str) -> Result<Option<AppSecret>, StoreError>;
    /// The secrets of an app, by time of creation and id.
    fn list_secrets(&mut self, app: AppId) -> Result<Vec<AppSecret>, StoreError>;
    /// Adds a secret. May answer `Conflict::Random`.
    fn insert_secret(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppSecret>,
        secret: &AppSecret,
    ) -> Result<(), StoreError>;
    /// Deletes a secret with the grants and keys that were obtained with it.
    fn delete_secret(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppSecret>,
        id: AppSecretId,
    ) -> Result<bool, StoreError>;
    /// Writes when a client last authenticated with a secret.
    fn touch_secret(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppSecret>,
        id: AppSecretId,
        now: Instant,
    ) -> Result<(), StoreError>;
}

/// Stores authorization codes.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait CodeRepository {
    /// The code with this prefix, redeemed and expired ones included.
    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<AuthorizationCode>, StoreError>;
    /// All that a request to redeem a code names, in one statement.
    fn find_redeeming(&mut self, query: &RedeemingQuery) -> Result<Redeeming, StoreError>;
    /// Adds a code. May answer `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError>;
    /// Adds a code and deletes the earlier ones of the same app and user that were not redeemed.
    /// May answer `Conflict::Random`.
    fn replace(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError>;
    /// Deletes the codes of a user for an app, and what devices were allowed for it and have not fetched.
    fn delete_of_user_and_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<(), StoreError>;
    /// Marks a code as redeemed for a grant. `false` when it is gone or was redeemed before: of two at once, one wins.
    fn redeem(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: CodeId,
        grant: GrantId,
        now: Instant,
    ) -> Result<bool, StoreError>;
}

/// How many device codes are live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveDeviceCodes {
    /// In all.
    pub all: u64,
    /// Those of one app and one address on which nobody has decided.
    pub pending: u64,
}

/// Stores what devices ask for.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait DeviceAuthorizationRepository {
    /// The one with this prefix of the device code, with a row lock (`FOR NO KEY UPDATE`) until the transaction ends: of several
    /// polls at once each is told of after the one before. Expired ones included.
    fn find_for_update(&mut self, prefix: &str) -> Result<Option<DeviceAuthorization>, StoreError>;
    /// The one with any of these digests of the user code, expired and decided ones included.
    fn find_by_user_code(&mut self, any_of: &[Digest]) -> Result<Option<DeviceAuthorization>, StoreError>;
    /// How many are live, looked at by app and address of the device. Nobody else counts until the transaction ends: of several who ask
    /// at once, no more are let in than there is room for.
    fn count_live(&mut self, app: AppId, ip: &str, now: Instant) -> Result<LiveDeviceCodes, StoreError>;
    /// Adds one. May answer `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        asked: &DeviceAuthorization,
    ) -> Result<(), StoreError>;
    /// Writes that the device asked now, and how long it is to wait from now on.
    fn note_poll(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        interval: i32,
        now: Instant,
    ) -> Result<(), StoreError>;
    /// Writes what a person decided. `false` when it is gone, has expired or was decided before: of two at once, one wins.
    fn decide(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        decision: DeviceDecision,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Removes one that this user has approved. `false` when there is none: of two at once, one wins.
    fn consume(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        user: UserId,
    ) -> Result<bool, StoreError>;
}

/// Stores authorization requests that clients have pushed (RFC 9126).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PushedRequestRepository {
    /// The request with this digest of its `request_uri`; expired ones included.
    fn find(&mut self, digest: &Digest) -> Result<Option<PushedRequest>, StoreError>;
    /// How many are live.
    fn count_live(&mut self, now: Instant) -> Result<u64, StoreError>;
    /// Adds one.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        request: &PushedRequest,
    ) -> Result<(), StoreError>;
    /// Writes that this browser has come with a request, which lives on until `until`. `false` when it is gone, has expired, or another
    /// one was first: of two at once, one is.
    fn open(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        digest: &Digest,
        browser: &Digest,
        now: Instant,
        until: Instant,
    ) -> Result<bool, StoreError>;
    /// Removes one. `false` when it is gone: of two at once, one removes it.
    fn consume(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        digest: &Digest,
        now: Instant,
    ) -> Result<bool, StoreError>;
}

/// Stores the sets of keys of clients that were fetched, so that servers need not each ask for them.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ClientKeyRepository {
    /// The set that was fetched from this URL.
    fn find(&mut self, url: &str) -> Result<Option<StoredKeySet>, StoreError>;
    /// Keeps a set in the place of the one before, unless that was fetched later.
    fn upsert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        set: &StoredKeySet,
    ) -> Result<(), StoreError>;
}

/// What the app's service account is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientToken {
    /// Who asks.
    pub client: ClientCredentials,
    /// Id of the new key.
    pub key_id: ApiKeyId,
    /// Digest of its secret.
    pub key_digest: Digest,
    /// Scopes of the key.
    pub scopes: Scopes,
    /// Address of the client.
    pub ip: String,
    /// When it is issued.
    pub now: Instant,
    /// When it stops working.
    pub expires_at: Instant,
    /// The key to which it is bound.
    pub jkt: Option<KeyThumbprint>,
}

/// A refresh token is exchanged for its successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Who asks.
    pub client: ClientCredentials,
    /// Prefix of the presented token.
    pub prefix: String,
    /// Digest of the presented token's secret.
    pub presented: Digest,
    /// Digest of its successor's secret.
    pub next: Digest,
    /// Digest of the next access token's secret.
    pub next_access: Digest,
    /// When the exchange happens.
    pub now: Instant,
    /// When the next refresh token stops being good.
    pub refresh_expires_at: Instant,
    /// The same where the grant is of a device.
    pub device_refresh_expires_at: Instant,
    /// When the next access token stops working.
    pub access_expires_at: Instant,
    /// Seconds from `now` to `access_expires_at`.
    pub access_lifetime_seconds: i64,
    /// Resources that grants may be bound to; `None` means any, or that this was checked.
    pub resources: Option<Vec<Resource>>,
    /// The key to which the grant must be bound; `None`: to none.
    pub bound_to: Option<KeyThumbprint>,
    /// The key to which it, and the next access token, are bound from now on.
    pub jkt: Option<KeyThumbprint>,
}

/// The live access token of a grant is handed out again, and begins its life anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The grant.
    pub grant_id: GrantId,
    /// Digest of its live refresh token, which must still be it.
    pub live: Digest,
    /// When that happens.
    pub now: Instant,
    /// When the access token stops working.
    pub access_expires_at: Instant,
    /// Seconds from `now` to `access_expires_at`.
    pub access_lifetime_seconds: i64,
}

/// What a successful exchange changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The grant.
    pub grant_id: GrantId,
    /// The key that is its access token.
    pub access_key_id: ApiKeyId,
    /// The granted scopes, which are those of the access token.
    pub scopes: Scopes,
    /// The client secret with which the client authenticated, and when it was last seen.
    pub secret: Option<(AppSecretId, Option<Instant>)>,
    /// The resource to which its tokens are bound.
    pub resource: Option<Resource>,
}

/// A client asks what an access token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionQuery {
    /// Who asks.
    pub client: ClientCredentials,
    /// The id of the presented access token, and the digest of its secret; `None` when what was presented is none.
    pub token: Option<(ApiKeyId, Digest)>,
    /// When that happens.
    pub now: Instant,
}

/// What a token is, for the client that may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// The app it was issued to.
    pub app_id: AppId,
    /// The user as whom it acts.
    pub user_id: UserId,
    /// The name of that user.
    pub username: String,
    /// What it is good for, as it is stored.
    pub authorization: Authorization,
    /// What its app may have at this moment.
    pub app: AppLimits,
    /// Whether it came of a refresh and was not used since, as far as is written down.
    pub unused: bool,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it stops working.
    pub expires_at: Instant,
    /// The key to which it is bound.
    pub jkt: Option<KeyThumbprint>,
}

/// The answer to [`GrantRepository::introspect_access`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection {
    /// The client secret with which the caller authenticated.
    pub secret_id: AppSecretId,
    /// When that secret was last seen.
    pub secret_last_used_at: Option<Instant>,
    /// Resources that the calling app serves.
    pub caller_resources: Vec<Resource>,
    /// The token, if there is one, its id and secret are right, it has not expired and its user may act.
    pub token: Option<TokenFacts>,
}

/// A live grant as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedGrant {
    /// The grant.
    pub grant: Grant,
    /// The app that may act.
    pub app: App,
    /// When its access token was last used, to the hour.
    pub last_used: Option<Instant>,
}

/// How many grants are counted at most, beyond the offset of a page.
pub const GRANTS_COUNT_MAX: u32 = 10_000;

/// Which grants are asked for; `None` narrows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Those of this user.
    pub user: Option<UserId>,
    /// Those for this app.
    pub app: Option<AppId>,
}

/// A live grant with the name of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGrant {
    /// The grant and its app.
    pub granted: AuthorizedGrant,
    /// Name of its user.
    pub username: String,
}

/// One page of grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantPage {
    /// The grants of the page, newest first.
    pub grants: Vec<ListedGrant>,
    /// How many match behind `after_id`, before limit and offset, but at most [`GRANTS_COUNT_MAX`] more than the offset.
    pub count: u64,
}

/// Stores grants with their tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait GrantRepository {
    /// The grant with this id.
    fn find(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError>;
    /// The grant whose refresh tokens have this prefix.
    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<Grant>, StoreError>;
    /// The live grants of a user, newest first.
    fn list_of_user(&mut self, user: UserId, now: Instant) -> Result<Vec<AuthorizedGrant>, StoreError>;
    /// The live grants that match and are visible, newest first (beginning, then id). Behind `after_id` are those that are older than
    /// that grant; `None` when it is gone: nobody knows what stood behind it.
    fn list(
        &mut self,
        filter: GrantFilter,
        visible: &ListFilter,
        page: Page,
        now: Instant,
    ) -> Result<Option<GrantPage>, StoreError>;

    /// Adds a grant and the key that is its access token. May answer `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        grant: &Grant,
        key: &ApiKey,
    ) -> Result<(), StoreError>;

    /// Exchanges a refresh token in one step, if **all** of this holds, and writes nothing otherwise (`None`):
    ///
    /// - the client exists; a confidential one proves itself by the secret or has by a key, a public one has no secret to give;
    /// - a grant that was given to who had a key is asked for by who has one;
    /// - the grant of the prefix belongs to it, the presented digest is the live one and has not expired;
    /// - the user of the grant may act;
    /// - the app was not changed since the grant was checked, and the resource of the grant is among
    ///   [`Rotation::resources`], if there are any, by its text;
    /// - the grant is bound to the key [`Rotation::bound_to`], or to none if that is `None`.
    ///
    /// It replaces the live digest and the digest of the access token's key, prepends the presented token to
    /// [`Grant::exchanged`](doorward_domain::oauth2::ExchangedTokens), counts the generation, sets the expiries and
    /// the key, and notes that the new access token was not used.
    /// Atomic: of several at once exactly one gets `Some`. Scopes of the access token become those of the grant.
    fn rotate(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        rotation: &Rotation,
    ) -> Result<Option<Rotated>, StoreError>;

    /// Begins the life of the live access token of a grant anew. `false`, and nothing written, when another refresh token is
    /// the live one by now.
    fn renew_access(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        renewal: &Renewal,
    ) -> Result<bool, StoreError>;

    /// Writes which scopes are left of a grant, having been checked against this revision of its app.
    fn reconcile(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: GrantId,
        scopes: &Scopes,
        app_revision: i32,
    ) -> Result<(), StoreError>;

    /// Sets the scopes of the access token of a grant, within the transaction that exchanges a refresh token.
    fn narrow_access(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        key: &ApiKeyId,
        scopes: &Scopes,
    ) -> Result<(), StoreError>;

    /// Issues an access token for the service account of the client, in one step, if the client proves itself by its
    /// secret, has a service account, that user may act, the app has no list of allowed scopes or resources, and a key comes if it must; `None`,
    /// and nothing written, otherwise. The key belongs to the app and the secret, slides not, and is bound to no resource.
    /// Answers the client secret used and when it was last seen.
    fn issue_client_token(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        token: &ClientToken,
    ) -> Result<Option<(AppSecretId, Option<Instant>)>, StoreError>;

    /// Looks at an access token for a confidential client, in one step. `None` when the client does not prove itself.
    fn introspect_access(&mut self, query: &IntrospectionQuery) -> Result<Option<Introspection>, StoreError>;

    /// Ends a grant: deletes it and its key. `false` when it was gone.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: GrantId,
    ) -> Result<bool, StoreError>;
    /// Ends all grants of an app and the tokens of its service account, deletes its codes, what it pushed and what devices wait for,
    /// forgets what users have allowed it, and answers how many grants there were.
    fn delete_of_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        app: AppId,
    ) -> Result<usize, StoreError>;
    /// Ends all grants of a user for an app, deletes their codes too, and answers how many grants there were.
    fn delete_of_user_and_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<usize, StoreError>;
}
