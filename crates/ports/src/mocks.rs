//! Mocks of every port, and a store that runs closures on mock repositories.
//!
//! ```
//! use doorward_domain::{ids::UserId, users::User};
//! use doorward_ports::{StoreError, mocks::MockRepositories};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut repos = MockRepositories::default();
//! repos.users.expect_find_by_username().withf(|name| name == "ann").returning(|_| Ok(None));
//! let store = repos.into_store();
//!
//! // Your use case gets the store and never notices:
//! let found = store.read(|repos| repos.users().find_by_username("ann")).await;
//! assert!(matches!(found, Ok::<Option<User>, StoreError>(None)));
//! # }
//! ```

use crate::audit::AuditRepository;
use crate::maintenance::{MaintenanceRepository, Purged};
use crate::oauth2::{
    AppRepository, AuthorizedGrant, ClientCredentials, ClientToken, CodeRepository, GrantRepository, Introspection,
    Rotated, Rotation,
};
use crate::organizations::OrganizationRepository;
use crate::roles::RoleRepository;
use crate::sessions::{ApiKeyRepository, KeyOwner, ThrottleRepository};
use crate::store::{Repositories, Store, StoreBackend, Work, WorkMode};
use crate::users::{UserPage, UserRepository};
use crate::{Clock, PasswordHasher, Random, StoreError};
use async_trait::async_trait;
use doorward_domain::audit::AuditRecord;
use doorward_domain::ids::{AppId, AppSecretId, CodeId, GrantId, GroupId, OrganizationId, UserId};
use doorward_domain::oauth2::{App, AppSecret, AuthorizationCode, Grant};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::page::Page;
use doorward_domain::roles::{CustomRole, ListFilter, Permit, RoleName, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId, KeyRefresh, Throttle, ThrottlePolicy};
use doorward_domain::users::{LoginType, PasswordHash, User, UserFilter, UserStatus};
use doorward_domain::{Digest, Instant, Secret};
use mockall::mock;
use std::sync::Mutex;
use time::Duration;

mock! {
    /// Mock of [`UserRepository`].
    #[derive(Debug)]
    pub UserRepository {}
    impl UserRepository for UserRepository {
        fn any_exists(&mut self) -> Result<bool, StoreError>;
        fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
        fn hold(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
        fn find_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError>;
        fn find_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError>;
        fn list_group_ids(&mut self, id: UserId) -> Result<Vec<GroupId>, StoreError>;
        fn list(&mut self, filter: &UserFilter, visible: &ListFilter, page: Page) -> Result<UserPage, StoreError>;
        fn insert(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError>;
        fn insert_first(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError>;
        fn update_profile(
            &mut self,
            permit: &Permit<action::UpdatePersonal, resource::User>,
            id: UserId,
            username: &str,
            name: &str,
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn update_appearance(
            &mut self,
            permit: &Permit<action::UpdatePersonal, resource::User>,
            id: UserId,
            theme_preference: &str,
            terminal_font: &str,
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn update_password(
            &mut self,
            permit: &Permit<action::UpdatePersonal, resource::User>,
            id: UserId,
            hash: &PasswordHash,
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn update_status(
            &mut self,
            permit: &Permit<action::Update, resource::User>,
            id: UserId,
            status: UserStatus,
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn update_roles(
            &mut self,
            permit: &Permit<action::Assign, resource::AssignRole>,
            id: UserId,
            roles: &[String],
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn delete(
            &mut self,
            permit: &Permit<action::Delete, resource::User>,
            id: UserId,
            now: Instant,
        ) -> Result<bool, StoreError>;
        fn touch(&mut self, permit: &Permit<action::Update, resource::User>, id: UserId, now: Instant)
        -> Result<(), StoreError>;
    }
}

mock! {
    /// Mock of [`ApiKeyRepository`].
    #[derive(Debug)]
    pub ApiKeyRepository {}
    impl ApiKeyRepository for ApiKeyRepository {
        fn find_owner(&mut self, id: &ApiKeyId) -> Result<Option<KeyOwner>, StoreError>;
        fn find(&mut self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
        fn find_token(&mut self, user: UserId, name: &str) -> Result<Option<ApiKey>, StoreError>;
        fn list(&mut self, login_type: LoginType, user: Option<UserId>) -> Result<Vec<(ApiKey, String)>, StoreError>;
        fn insert(&mut self, permit: &Permit<action::Create, resource::ApiKey>, key: &ApiKey) -> Result<(), StoreError>;
        fn refresh(
            &mut self,
            permit: &Permit<action::Update, resource::ApiKey>,
            key: &ApiKey,
            refresh: KeyRefresh,
            ip: &str,
            now: Instant,
        ) -> Result<(), StoreError>;
        fn delete(&mut self, permit: &Permit<action::Delete, resource::ApiKey>, id: &ApiKeyId) -> Result<bool, StoreError>;
        fn delete_of_scope(
            &mut self,
            permit: &Permit<action::Delete, resource::ApiKey>,
            user: UserId,
            scope: &str,
        ) -> Result<usize, StoreError>;
    }
}

mock! {
    /// Mock of [`ThrottleRepository`].
    #[derive(Debug)]
    pub ThrottleRepository {}
    impl ThrottleRepository for ThrottleRepository {
        fn find(&mut self, keys: &[String]) -> Result<Vec<Throttle>, StoreError>;
        fn record_failure(
            &mut self,
            permit: &Permit<action::Update, resource::System>,
            keys: &[(String, ThrottlePolicy)],
            now: Instant,
        ) -> Result<(), StoreError>;
        fn clear(&mut self, permit: &Permit<action::Update, resource::System>, key: &str) -> Result<(), StoreError>;
        fn knows_place(&mut self, user: UserId, place: &str, since: Instant) -> Result<bool, StoreError>;
        fn remember_place(
            &mut self,
            permit: &Permit<action::Update, resource::System>,
            user: UserId,
            place: &str,
            now: Instant,
        ) -> Result<(), StoreError>;
    }
}

mock! {
    /// Mock of [`OrganizationRepository`].
    #[derive(Debug)]
    pub OrganizationRepository {}
    impl OrganizationRepository for OrganizationRepository {
        fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
        fn find_by_name(&mut self, name: &str) -> Result<Option<Organization>, StoreError>;
        fn find_default(&mut self) -> Result<Option<Organization>, StoreError>;
        fn list_of_user(&mut self, user: UserId) -> Result<Vec<Organization>, StoreError>;
        fn insert(
            &mut self,
            permit: &Permit<action::Create, resource::Organization>,
            organization: &Organization,
        ) -> Result<(), StoreError>;
        fn insert_member(
            &mut self,
            permit: &Permit<action::Create, resource::OrganizationMember>,
            membership: &Membership,
        ) -> Result<(), StoreError>;
        fn list_memberships(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError>;
        fn list_memberships_of(&mut self, users: &[UserId]) -> Result<Vec<Membership>, StoreError>;
    }
}

mock! {
    /// Mock of [`RoleRepository`].
    #[derive(Debug)]
    pub RoleRepository {}
    impl RoleRepository for RoleRepository {
        fn find_custom(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError>;
    }
}

mock! {
    /// Mock of [`AppRepository`].
    #[derive(Debug)]
    pub AppRepository {}
    impl AppRepository for AppRepository {
        fn find(&mut self, id: AppId) -> Result<Option<App>, StoreError>;
        fn list(&mut self) -> Result<Vec<App>, StoreError>;
        fn list_granted_by(&mut self, user: UserId, now: Instant) -> Result<Vec<App>, StoreError>;
        fn insert(&mut self, permit: &Permit<action::Create, resource::Oauth2App>, app: &App) -> Result<(), StoreError>;
        fn update(&mut self, permit: &Permit<action::Update, resource::Oauth2App>, app: &App) -> Result<bool, StoreError>;
        fn delete(&mut self, permit: &Permit<action::Delete, resource::Oauth2App>, id: AppId) -> Result<bool, StoreError>;
        fn find_secret(&mut self, id: AppSecretId) -> Result<Option<AppSecret>, StoreError>;
        fn find_secret_by_prefix(&mut self, prefix: &str) -> Result<Option<AppSecret>, StoreError>;
        fn list_secrets(&mut self, app: AppId) -> Result<Vec<AppSecret>, StoreError>;
        fn insert_secret(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppSecret>,
            secret: &AppSecret,
        ) -> Result<(), StoreError>;
        fn delete_secret(
            &mut self,
            permit: &Permit<action::Delete, resource::Oauth2AppSecret>,
            id: AppSecretId,
        ) -> Result<bool, StoreError>;
        fn touch_secret(
            &mut self,
            permit: &Permit<action::Update, resource::Oauth2AppSecret>,
            id: AppSecretId,
            now: Instant,
        ) -> Result<(), StoreError>;
    }
}

mock! {
    /// Mock of [`CodeRepository`].
    #[derive(Debug)]
    pub CodeRepository {}
    impl CodeRepository for CodeRepository {
        fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<AuthorizationCode>, StoreError>;
        fn insert(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
            code: &AuthorizationCode,
        ) -> Result<(), StoreError>;
        fn replace(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
            code: &AuthorizationCode,
        ) -> Result<(), StoreError>;
        fn redeem(
            &mut self,
            permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
            id: CodeId,
            grant: GrantId,
            now: Instant,
        ) -> Result<bool, StoreError>;
    }
}

mock! {
    /// Mock of [`GrantRepository`].
    #[derive(Debug)]
    pub GrantRepository {}
    impl GrantRepository for GrantRepository {
        fn find(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError>;
        fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<Grant>, StoreError>;
        fn list_of_user(&mut self, user: UserId, now: Instant) -> Result<Vec<AuthorizedGrant>, StoreError>;
        fn insert(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
            grant: &Grant,
            key: &ApiKey,
        ) -> Result<(), StoreError>;
        fn rotate(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
            rotation: &Rotation,
        ) -> Result<Option<Rotated>, StoreError>;
        fn narrow_access(
            &mut self,
            permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
            key: &ApiKeyId,
            scopes: &[String],
        ) -> Result<(), StoreError>;
        fn issue_client_token(
            &mut self,
            permit: &Permit<action::Create, resource::ApiKey>,
            token: &ClientToken,
        ) -> Result<Option<(AppSecretId, Option<Instant>)>, StoreError>;
        fn introspect_access(
            &mut self,
            client: &ClientCredentials,
            key: &ApiKeyId,
            digest: Digest,
            now: Instant,
        ) -> Result<Option<Introspection>, StoreError>;
        fn delete(
            &mut self,
            permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
            id: GrantId,
        ) -> Result<bool, StoreError>;
        fn delete_of_user_and_app(
            &mut self,
            permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
            user: UserId,
            app: AppId,
        ) -> Result<usize, StoreError>;
    }
}

mock! {
    /// Mock of [`AuditRepository`].
    #[derive(Debug)]
    pub AuditRepository {}
    impl AuditRepository for AuditRepository {
        fn insert(
            &mut self,
            permit: &Permit<action::Create, resource::AuditLog>,
            record: &AuditRecord,
        ) -> Result<(), StoreError>;
    }
}

mock! {
    /// Mock of [`MaintenanceRepository`].
    #[derive(Debug)]
    pub MaintenanceRepository {}
    impl MaintenanceRepository for MaintenanceRepository {
        fn server_key(
            &mut self,
            permit: &Permit<action::Create, resource::CryptoKey>,
            name: &str,
            generated: &[u8],
            now: Instant,
        ) -> Result<Vec<u8>, StoreError>;
        fn purge(
            &mut self,
            permit: &Permit<action::Delete, resource::System>,
            now: Instant,
            batch: u32,
        ) -> Result<Purged, StoreError>;
        fn ping(&mut self) -> Result<(), StoreError>;
        fn count_grants(&mut self) -> Result<u64, StoreError>;
    }
}

mock! {
    /// Mock of [`PasswordHasher`].
    #[derive(Debug)]
    pub PasswordHasher {}
    #[async_trait]
    impl PasswordHasher for PasswordHasher {
        async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, crate::crypto::HashingBusy>;
        async fn verify(&self, password: Secret<String>, hash: Option<PasswordHash>) -> Result<bool, crate::crypto::HashingBusy>;
    }
}

/// One mock for each repository. Set expectations on the fields, then make a store of it.
#[derive(Debug, Default)]
pub struct MockRepositories {
    /// Users.
    pub users: MockUserRepository,
    /// Keys.
    pub api_keys: MockApiKeyRepository,
    /// Failed sign-ins.
    pub throttles: MockThrottleRepository,
    /// Organizations.
    pub organizations: MockOrganizationRepository,
    /// Custom roles.
    pub roles: MockRoleRepository,
    /// Apps and secrets.
    pub apps: MockAppRepository,
    /// Authorization codes.
    pub codes: MockCodeRepository,
    /// Grants.
    pub grants: MockGrantRepository,
    /// The audit log.
    pub audit: MockAuditRepository,
    /// Cleaning, keys of the server, health.
    pub maintenance: MockMaintenanceRepository,
}

impl MockRepositories {
    /// A store whose closures run on these mocks, one at a time. A mock that is called without an expectation panics,
    /// as mockall does; nothing is rolled back, for nothing is written.
    #[must_use]
    pub fn into_store(self) -> Store {
        Store::new(MockStore(Mutex::new(self)))
    }
}

impl Repositories for MockRepositories {
    fn users(&mut self) -> &mut dyn UserRepository {
        &mut self.users
    }
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        &mut self.api_keys
    }
    fn throttles(&mut self) -> &mut dyn ThrottleRepository {
        &mut self.throttles
    }
    fn organizations(&mut self) -> &mut dyn OrganizationRepository {
        &mut self.organizations
    }
    fn roles(&mut self) -> &mut dyn RoleRepository {
        &mut self.roles
    }
    fn apps(&mut self) -> &mut dyn AppRepository {
        &mut self.apps
    }
    fn codes(&mut self) -> &mut dyn CodeRepository {
        &mut self.codes
    }
    fn grants(&mut self) -> &mut dyn GrantRepository {
        &mut self.grants
    }
    fn audit(&mut self) -> &mut dyn AuditRepository {
        &mut self.audit
    }
    fn maintenance(&mut self) -> &mut dyn MaintenanceRepository {
        &mut self.maintenance
    }
}

/// A store that runs each closure on its mock repositories.
#[derive(Debug)]
pub struct MockStore(Mutex<MockRepositories>);

#[async_trait]
impl StoreBackend for MockStore {
    async fn run(&self, _mode: WorkMode, work: Work) -> Result<(), StoreError> {
        let mut repos = self.0.lock().map_err(|poisoned| StoreError::other(poisoned.to_string()))?;
        work(&mut *repos);
        Ok(())
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct FixedClock(Mutex<Instant>);

impl FixedClock {
    /// Starts at this instant.
    #[must_use]
    pub const fn at(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Bytes that look random and are the same in every run (xorshift). For tests only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// Starts with this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed ^ 0x9E37_79B9_7F4A_7C15))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for byte in bytes {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *byte = state.to_be_bytes()[3];
        }
    }
}

/// A password hasher without the cost: the hash is the password itself, marked. For tests only.
#[derive(Debug, Default)]
pub struct PlainHasher;

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, crate::crypto::HashingBusy> {
        Ok(PasswordHash::new(format!("plain:{}", password.expose())))
    }
    async fn verify(
        &self,
        password: Secret<String>,
        hash: Option<PasswordHash>,
    ) -> Result<bool, crate::crypto::HashingBusy> {
        Ok(hash.is_some_and(|hash| hash.expose() == format!("plain:{}", password.expose())))
    }
}
