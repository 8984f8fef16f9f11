//! All repositories there are: the list from which the trait that gives them and its mock are made.

/// From lines of `accessor: room::{Repository, MockRepository}`.
macro_rules! repositories {
    ($($(#[$doc:meta])* $accessor:ident: $room:ident::{$repository:ident, $mock:ident},)+) => {
        /// All repositories, over one connection. Whatever implements each of them implements this.
        pub trait Repositories {
            $($(#[$doc])* fn $accessor(&mut self) -> &mut dyn crate::$room::$repository;)+
        }

        impl<T: $(crate::$room::$repository +)+> Repositories for T {
            $(fn $accessor(&mut self) -> &mut dyn crate::$room::$repository { self })+
        }

        /// One mock for each repository, boxed, for all of them together are large. Set expectations on the fields, then make a store of
        /// it.
        #[cfg(feature = "mocks")]
        #[derive(Default)]
        pub struct MockRepositories {
            $($(#[$doc])* pub $accessor: Box<crate::$room::$mock>,)+
            /// What the store made of this is asked for. Keep a clone, to look at it afterwards.
            pub calls: crate::mocks::Calls,
        }

        #[cfg(feature = "mocks")]
        impl Repositories for MockRepositories {
            $(fn $accessor(&mut self) -> &mut dyn crate::$room::$repository { &mut *self.$accessor })+
        }

        #[cfg(feature = "mocks")]
        impl Repositories for crate::mocks::Closure<'_> {
            $(fn $accessor(&mut self) -> &mut dyn crate::$room::$repository { &mut *self.call().$accessor })+
        }

        /// The mocks by themselves.
        #[cfg(feature = "mocks")]
        pub(crate) mod mocks {
            $(pub use crate::$room::$mock;)+
        }
    };
}

repositories! {
    /// Users.
    users: users::{UserRepository, MockUserRepository},
    /// Sessions, API tokens and access tokens.
    api_keys: sessions::{ApiKeyRepository, MockApiKeyRepository},
    /// Sessions as others look at them and end them.
    sessions: sessions::{SessionRepository, MockSessionRepository},
    /// Failed sign-ins.
    throttles: sessions::{ThrottleRepository, MockThrottleRepository},
    /// Accounts at identity providers.
    user_links: user_links::{UserLinkRepository, MockUserLinkRepository},
    /// Sessions that began at an identity provider.
    federated_sessions: user_links::{FederatedSessionRepository, MockFederatedSessionRepository},
    /// Tokens of others that are good for one use.
    replays: replays::{ReplayRepository, MockReplayRepository},
    /// Organizations.
    organizations: organizations::{OrganizationRepository, MockOrganizationRepository},
    /// Groups and their members.
    groups: groups::{GroupRepository, MockGroupRepository},
    /// Members of organizations.
    members: members::{MemberRepository, MockMemberRepository},
    /// Custom roles.
    roles: roles::{RoleRepository, MockRoleRepository},
    /// OAuth2 apps and their secrets.
    apps: oauth2::{AppRepository, MockAppRepository},
    /// Authorization codes.
    codes: oauth2::{CodeRepository, MockCodeRepository},
    /// Requests that clients have pushed.
    pushed_requests: oauth2::{PushedRequestRepository, MockPushedRequestRepository},
    /// Sets of keys of clients that were fetched.
    client_keys: oauth2::{ClientKeyRepository, MockClientKeyRepository},
    /// What devices ask for.
    device_authorizations: oauth2::{DeviceAuthorizationRepository, MockDeviceAuthorizationRepository},
    /// Grants with their tokens.
    grants: oauth2::{GrantRepository, MockGrantRepository},
    /// Clients that registered themselves.
    registrations: registrations::{RegistrationRepository, MockRegistrationRepository},
    /// Copies of the metadata documents of clients.
    client_documents: registrations::{ClientDocumentRepository, MockClientDocumentRepository},
    /// What this server keeps as a provider of OpenID Connect.
    openid: openid::{OpenIdRepository, MockOpenIdRepository},
    /// Tokens by which clients may be registered.
    initial_tokens: registrations::{InitialTokenRepository, MockInitialTokenRepository},
    /// Registered resources.
    resource_servers: resource_servers::{ResourceServerRepository, MockResourceServerRepository},
    /// Apps that are to be told of the end of sessions.
    logouts: openid::{LogoutRepository, MockLogoutRepository},
    /// Templates with their access lists.
    templates: templates::{TemplateRepository, MockTemplateRepository},
    /// Versions of templates.
    template_versions: template_versions::{TemplateVersionRepository, MockTemplateVersionRepository},
    /// Files that people upload.
    files: files::{FileRepository, MockFileRepository},
    /// Jobs of provisioner daemons.
    provisioner_jobs: provisioner_jobs::{ProvisionerJobRepository, MockProvisionerJobRepository},
    /// Workspaces and their builds.
    workspaces: workspaces::{WorkspaceRepository, MockWorkspaceRepository},
    /// Schedules that users chose for themselves.
    quiet_hours: quiet_hours::{QuietHoursRepository, MockQuietHoursRepository},
    /// Keys of provisioner daemons.
    provisioner_keys: provisioners::{ProvisionerKeyRepository, MockProvisionerKeyRepository},
    /// Provisioner daemons.
    provisioner_daemons: provisioners::{ProvisionerDaemonRepository, MockProvisionerDaemonRepository},
    /// What syncs with identity providers have done.
    sync_log: idp_sync::{SyncLogRepository, MockSyncLogRepository},
    /// What users spend and may spend.
    quotas: quotas::{QuotaRepository, MockQuotaRepository},
    /// The audit log.
    audit: audit::{AuditRepository, MockAuditRepository},
    /// The keys of the server.
    keys: keys::{KeyRepository, MockKeyRepository},
    /// Licences, and how many users are active.
    licenses: licenses::{LicenseRepository, MockLicenseRepository},
    /// Cleaning, facts about the deployment, health.
    maintenance: maintenance::{MaintenanceRepository, MockMaintenanceRepository},
    /// Settings that people change while the server runs.
    runtime_settings: runtime_settings::{RuntimeSettingRepository, MockRuntimeSettingRepository},
    /// What directories have stored of users and groups.
    scim: scim::{ScimRepository, MockScimRepository},
    /// Tokens of the directories of organizations.
    scim_tokens: scim::{ScimTokenRepository, MockScimTokenRepository},
    /// The servers of the deployment and of its workspace proxies.
    replicas: replicas::{ReplicaRepository, MockReplicaRepository},
    /// Workspace proxies.
    workspace_proxies: workspace_proxies::{WorkspaceProxyRepository, MockWorkspaceProxyRepository},
    /// Background jobs and their leases.
    jobs: jobs::{JobRepository, MockJobRepository},
    /// Events that wait to be handled.
    outbox: outbox::{OutboxRepository, MockOutboxRepository},
    /// What people are to be told, and by which ways.
    notifications: notifications::{NotificationRepository, MockNotificationRepository},
    /// What stands in inboxes.
    inbox: notifications::{InboxRepository, MockInboxRepository},
    /// One-time passcodes.
    passcodes: passcodes::{PasscodeRepository, MockPasscodeRepository},
    /// Second factors.
    factors: factors::{FactorRepository, MockFactorRepository},
}

#[cfg(feature = "mocks")]
impl std::fmt::Debug for MockRepositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MockRepositories(..)")
    }
}
