//! Audit records: who did what to which thing.

mod query;

pub use query::{AuditFilter, AuditQuery, parse_audit_query};

use crate::Instant;
use crate::ids::{AuditId, OrganizationId, UserId};
use crate::text_enum::text_enum;

text_enum! {
    /// What was done (`enterprise-platform.md` 9.1, and what this server adds).
    AuditAction {
        /// Something was made.
        Create = "create",
        /// Something was changed.
        Write = "write",
        /// Something was ended.
        Delete = "delete",
        /// A workspace was started.
        Start = "start",
        /// A workspace was stopped.
        Stop = "stop",
        /// Somebody signed in, or tried to.
        Login = "login",
        /// Somebody signed out.
        Logout = "logout",
        /// Somebody signed up.
        Register = "register",
        /// Somebody asked for a new password.
        RequestPasswordReset = "request_password_reset",
        /// A connection was made.
        Connect = "connect",
        /// A connection was ended.
        Disconnect = "disconnect",
        /// An app was opened.
        Open = "open",
        /// An app was closed.
        Close = "close",
        /// A refresh token was presented again after its grace: the grant was ended.
        RefreshTokenReuse = "refresh_token_reuse",
        /// An authorization code was presented again.
        AuthorizationCodeReplay = "authorization_code_replay",
        /// A device asked for access.
        DeviceAuthorizationStart = "device_authorization_start",
        /// Somebody allowed a device what it asked for.
        DeviceAuthorizationApprove = "device_authorization_approve",
        /// Somebody denied a device what it asked for.
        DeviceAuthorizationDeny = "device_authorization_deny",
        /// Somebody asked why another may or may not do something.
        ExplainAccess = "explain_access",
        /// Somebody asked who may do something.
        SearchAccess = "search_access",
        /// An identity provider has published private keys, which are not taken.
        PrivateKeyExposure = "private_key_exposure",
    }
}

text_enum! {
    /// The kind of the thing touched (`enterprise-platform.md` 9.1, and what this server adds).
    AuditResource {
        /// A template.
        Template = "template",
        /// A version of a template.
        TemplateVersion = "template_version",
        /// A user.
        User = "user",
        /// A workspace.
        Workspace = "workspace",
        /// A build of a workspace.
        WorkspaceBuild = "workspace_build",
        /// The SSH key of a user.
        GitSshKey = "git_ssh_key",
        /// A session or an API token.
        ApiKey = "api_key",
        /// A group.
        Group = "group",
        /// A licence.
        License = "license",
        /// The change of a user's way to sign in.
        ConvertLogin = "convert_login",
        /// Settings of the health checks.
        HealthSettings = "health_settings",
        /// Settings of notifications.
        NotificationsSettings = "notifications_settings",
        /// Settings of prebuilt workspaces.
        PrebuildsSettings = "prebuilds_settings",
        /// A workspace proxy.
        WorkspaceProxy = "workspace_proxy",
        /// An organization.
        Organization = "organization",
        /// An OAuth2 app.
        Oauth2ProviderApp = "oauth2_provider_app",
        /// A client secret of an OAuth2 app.
        Oauth2ProviderAppSecret = "oauth2_provider_app_secret",
        /// A user's consent to an OAuth2 app, with its tokens.
        Oauth2ProviderGrant = "oauth2_provider_grant",
        /// A key of the server.
        CryptoKey = "crypto_key",
        /// A token of the directory of an organization.
        ScimToken = "scim_token",
        /// A key of provisioner daemons.
        ProvisionerKey = "provisioner_key",
        /// A provider through which users sign in.
        IdentityProvider = "identity_provider",
        /// A custom role.
        CustomRole = "custom_role",
        /// That a user belongs to an organization.
        OrganizationMember = "organization_member",
        /// A template of notifications.
        NotificationTemplate = "notification_template",
        /// Organization sync with the identity provider.
        IdpSyncSettingsOrganization = "idp_sync_settings_organization",
        /// Group sync with the identity provider.
        IdpSyncSettingsGroup = "idp_sync_settings_group",
        /// Role sync with the identity provider.
        IdpSyncSettingsRole = "idp_sync_settings_role",
        /// A workspace agent.
        WorkspaceAgent = "workspace_agent",
        /// An app in a workspace.
        WorkspaceApp = "workspace_app",
    }
}

text_enum! {
    /// Why a workspace was built; stands in the additional fields of records of builds.
    BuildReason {
        /// Somebody asked for it.
        Initiator = "initiator",
        /// The schedule of starts.
        Autostart = "autostart",
        /// The schedule of stops.
        Autostop = "autostop",
        /// The workspace was not used for long.
        Dormancy = "dormancy",
        /// A failed build was stopped.
        Failedstop = "failedstop",
        /// The workspace was dormant for long.
        Autodelete = "autodelete",
    }
}

/// Name of the additional field that holds the [`BuildReason`].
pub const BUILD_REASON: &str = "build_reason";

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its id, ordered by time.
    pub id: AuditId,
    /// When it happened.
    pub time: Instant,
    /// Who did it; `None` for the server itself.
    pub user_id: Option<UserId>,
    /// The organization it concerns, if one.
    pub organization_id: Option<OrganizationId>,
    /// Address of the client, or empty.
    pub ip: String,
    /// What the client calls itself, or empty.
    pub user_agent: String,
    /// Kind of the thing touched.
    pub resource_type: AuditResource,
    /// Id of the thing touched.
    pub resource_id: String,
    /// Its name for people: a username, an app's name.
    pub resource_target: String,
    /// What was done.
    pub action: AuditAction,
    /// Changed fields with old and new values, secrets masked, as JSON.
    pub diff: serde_json::Value,
    /// Status of the answer.
    pub status_code: u16,
    /// More about the event, as JSON.
    pub additional_fields: serde_json::Value,
    /// The request it belongs to.
    pub request_id: Option<uuid::Uuid>,
}
