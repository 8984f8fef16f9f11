/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ResourceType {
    /// `api_key`: your API tokens.
    ApiKey,
    /// `assign_org_role`: roles inside organizations.
    AssignOrgRole,
    /// `assign_role`: site-wide roles.
    AssignRole,
    /// `audit_log`: the audit log.
    AuditLog,
    /// `crypto_key`: the server's encryption keys.
    CryptoKey,
    /// `debug_info`: the server's debugging information.
    DebugInfo,
    /// `deployment_config`: the server's configuration.
    DeploymentConfig,
    /// `deployment_stats`: statistics of the server.
    DeploymentStats,
    /// `file`: files you upload.
    File,
    /// `group`: groups.
    Group,
    /// `group_member`: who belongs to which group.
    GroupMember,
    /// `idpsync_settings`: the settings that copy users and groups from your identity provider.
    IdpsyncSettings,
    /// `inbox_notification`: the notifications in your inbox.
    InboxNotification,
    /// `license`: licenses.
    License,
    /// `notification_message`: notification messages.
    NotificationMessage,
    /// `notification_preference`: your notification preferences.
    NotificationPreference,
    /// `notification_template`: notification templates.
    NotificationTemplate,
    /// `oauth2_app`: OAuth2 applications.
    Oauth2App,
    /// `oauth2_app_code_token`: the access you gave to OAuth2 applications.
    Oauth2AppCodeToken,
    /// `oauth2_app_secret`: secrets of OAuth2 applications.
    Oauth2AppSecret,
    /// `organization`: organizations.
    Organization,
    /// `organization_member`: members of organizations.
    OrganizationMember,
    /// `prebuilt_workspace`: workspaces built in advance.
    PrebuiltWorkspace,
    /// `provisioner_daemon`: provisioners.
    ProvisionerDaemon,
    /// `provisioner_jobs`: provisioner jobs.
    ProvisionerJobs,
    /// `replicas`: the servers that run this deployment.
    Replicas,
    /// `system`: internal system records.
    System,
    /// `tailnet_coordinator`: the network between workspaces.
    TailnetCoordinator,
    /// `template`: templates.
    Template,
    /// `user`: users.
    User,
    /// `webpush_subscription`: your browser notifications.
    WebpushSubscription,
    /// `workspace`: your workspaces.
    Workspace,
    /// `workspace_agent_devcontainers`: development containers in your workspaces.
    WorkspaceAgentDevcontainers,
    /// `workspace_agent_resource_monitor`: resource monitors of your workspaces.
    WorkspaceAgentResourceMonitor,
    /// `workspace_dormant`: your dormant workspaces.
    WorkspaceDormant,
    /// `workspace_proxy`: workspace proxies.
    WorkspaceProxy,
}

impl ResourceType {
    /// How many there are.
    pub const COUNT: usize = 36;

    /// All of them, in alphabetical order.
    pub const ALL: [Self; 36] = [Self::ApiKey, Self::AssignOrgRole, Self::AssignRole, Self::AuditLog, Self::CryptoKey, Self::DebugInfo, Self::DeploymentConfig, Self::DeploymentStats, Self::File, Self::Group, Self::GroupMember, Self::IdpsyncSettings, Self::InboxNotification, Self::License, Self::NotificationMessage, Self::NotificationPreference, Self::NotificationTemplate, Self::Oauth2App, Self::Oauth2AppCodeToken, Self::Oauth2AppSecret, Self::Organization, Self::OrganizationMember, Self::PrebuiltWorkspace, Self::ProvisionerDaemon, Self::ProvisionerJobs, Self::Replicas, Self::System, Self::TailnetCoordinator, Self::Template, Self::User, Self::WebpushSubscription, Self::Workspace, Self::WorkspaceAgentDevcontainers, Self::WorkspaceAgentResourceMonitor, Self::WorkspaceDormant, Self::WorkspaceProxy];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::AssignOrgRole => "assign_org_role",
            Self::AssignRole => "assign_role",
            Self::AuditLog => "audit_log",
            Self::CryptoKey => "crypto_key",
            Self::DebugInfo => "debug_info",
            Self::DeploymentConfig => "deployment_config",
            Self::DeploymentStats => "deployment_stats",
            Self::File => "file",
            Self::Group => "group",
            Self::GroupMember => "group_member",
            Self::IdpsyncSettings => "idpsync_settings",
            Self::InboxNotification => "inbox_notification",
            Self::License => "license",
            Self::NotificationMessage => "notification_message",
            Self::NotificationPreference => "notification_preference",
            Self::NotificationTemplate => "notification_template",
            Self::Oauth2App => "oauth2_app",
            Self::Oauth2AppCodeToken => "oauth2_app_code_token",
            Self::Oauth2AppSecret => "oauth2_app_secret",
            Self::Organization => "organization",
            Self::OrganizationMember => "organization_member",
            Self::PrebuiltWorkspace => "prebuilt_workspace",
            Self::ProvisionerDaemon => "provisioner_daemon",
            Self::ProvisionerJobs => "provisioner_jobs",
            Self::Replicas => "replicas",
            Self::System => "system",
            Self::TailnetCoordinator => "tailnet_coordinator",
            Self::Template => "template",
            Self::User => "user",
            Self::WebpushSubscription => "webpush_subscription",
            Self::Workspace => "workspace",
            Self::WorkspaceAgentDevcontainers => "workspace_agent_devcontainers",
            Self::WorkspaceAgentResourceMonitor => "workspace_agent_resource_monitor",
            Self::WorkspaceDormant => "workspace_dormant",
            Self::WorkspaceProxy => "workspace_proxy",
        }
    }

    /// Finds it by its name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "api_key" => Self::ApiKey,
            "assign_org_role" => Self::AssignOrgRole,
            "assign_role" => Self::AssignRole,
            "audit_log" => Self::AuditLog,
            "crypto_key" => Self::CryptoKey,
            "debug_info" => Self::DebugInfo,
            "deployment_config" => Self::DeploymentConfig,
            "deployment_stats" => Self::DeploymentStats,
            "file" => Self::File,
            "group" => Self::Group,
            "group_member" => Self::GroupMember,
            "idpsync_settings" => Self::IdpsyncSettings,
            "inbox_notification" => Self::InboxNotification,
            "license" => Self::License,
            "notification_message" => Self::NotificationMessage,
            "notification_preference" => Self::NotificationPreference,
            "notification_template" => Self::NotificationTemplate,
            "oauth2_app" => Self::Oauth2App,
            "oauth2_app_code_token" => Self::Oauth2AppCodeToken,
            "oauth2_app_secret" => Self::Oauth2AppSecret,
            "organization" => Self::Organization,
            "organization_member" => Self::OrganizationMember,
            "prebuilt_workspace" => Self::PrebuiltWorkspace,
            "provisioner_daemon" => Self::ProvisionerDaemon,
            "provisioner_jobs" => Self::ProvisionerJobs,
            "replicas" => Self::Replicas,
            "system" => Self::System,
            "tailnet_coordinator" => Self::TailnetCoordinator,
            "template" => Self::Template,
            "user" => Self::User,
            "webpush_subscription" => Self::WebpushSubscription,
            "workspace" => Self::Workspace,
            "workspace_agent_devcontainers" => Self::WorkspaceAgentDevcontainers,
            "workspace_agent_resource_monitor" => Self::WorkspaceAgentResourceMonitor,
            "workspace_dormant" => Self::WorkspaceDormant,
            "workspace_proxy" => Self::WorkspaceProxy,
            _ => return None,
        })
    }
}

/// What a permission allows to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// `application_connect`.
    ApplicationConnect,
    /// `assign`.
    Assign,
    /// `create`.
    Create,
    /// `create_agent`.
    CreateAgent,
    /// `delete`.
    Delete,
    /// `delete_agent`.
    DeleteAgent,
    /// `read`.
    Read,
    /// `read_personal`.
    ReadPersonal,
    /// `ssh`.
    Ssh,
    /// `start`.
    Start,
    /// `stop`.
    Stop,
    /// `unassign`.
    Unassign,
    /// `update`.
    Update,
    /// `update_personal`.
    UpdatePersonal,
    /// `use`.
    Use,
    /// `view_insights`.
    ViewInsights,
}

impl Action {
    /// How many there are.
    pub const COUNT: usize = 16;

    /// All of them, in alphabetical order.
    pub const ALL: [Self; 16] = [Self::ApplicationConnect, Self::Assign, Self::Create, Self::CreateAgent, Self::Delete, Self::DeleteAgent, Self::Read, Self::ReadPersonal, Self::Ssh, Self::Start, Self::Stop, Self::Unassign, Self::Update, Self::UpdatePersonal, Self::Use, Self::ViewInsights];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApplicationConnect => "application_connect",
            Self::Assign => "assign",
            Self::Create => "create",
            Self::CreateAgent => "create_agent",
            Self::Delete => "delete",
            Self::DeleteAgent => "delete_agent",
            Self::Read => "read",
            Self::ReadPersonal => "read_personal",
            Self::Ssh => "ssh",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Unassign => "unassign",
            Self::Update => "update",
            Self::UpdatePersonal => "update_personal",
            Self::Use => "use",
            Self::ViewInsights => "view_insights",
        }
    }

    /// Finds it by its name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "application_connect" => Self::ApplicationConnect,
            "assign" => Self::Assign,
            "create" => Self::Create,
            "create_agent" => Self::CreateAgent,
            "delete" => Self::Delete,
            "delete_agent" => Self::DeleteAgent,
            "read" => Self::Read,
            "read_personal" => Self::ReadPersonal,
            "ssh" => Self::Ssh,
            "start" => Self::Start,
            "stop" => Self::Stop,
            "unassign" => Self::Unassign,
            "update" => Self::Update,
            "update_personal" => Self::UpdatePersonal,
            "use" => Self::Use,
            "view_insights" => Self::ViewInsights,
            _ => return None,
        })
    }
}

impl ResourceType {
    /// The actions that are defined for this type, in alphabetical order.
    #[expect(clippy::match_same_arms, reason = "one arm per type, as in the data")]
    #[must_use]
    pub const fn actions(self) -> &'static [Action] {
        match self {
            Self::ApiKey => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::AssignOrgRole => &[Action::Assign, Action::Create, Action::Delete, Action::Read, Action::Unassign, Action::Update],
            Self::AssignRole => &[Action::Assign, Action::Read, Action::Unassign],
            Self::AuditLog => &[Action::Create, Action::Read],
            Self::CryptoKey => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::DebugInfo => &[Action::Read],
            Self::DeploymentConfig => &[Action::Read, Action::Update],
            Self::DeploymentStats => &[Action::Read],
            Self::File => &[Action::Create, Action::Read],
            Self::Group => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::GroupMember => &[Action::Read],
            Self::IdpsyncSettings => &[Action::Read, Action::Update],
            Self::InboxNotification => &[Action::Create, Action::Read, Action::Update],
            Self::License => &[Action::Create, Action::Delete, Action::Read],
            Self::NotificationMessage => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::NotificationPreference => &[Action::Read, Action::Update],
            Self::NotificationTemplate => &[Action::Read, Action::Update],
            Self::Oauth2App => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::Oauth2AppCodeToken => &[Action::Create, Action::Delete, Action::Read],
            Self::Oauth2AppSecret => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::Organization => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::OrganizationMember => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::PrebuiltWorkspace => &[Action::Delete, Action::Update],
            Self::ProvisionerDaemon => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::ProvisionerJobs => &[Action::Create, Action::Read, Action::Update],
            Self::Replicas => &[Action::Read],
            Self::System => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::TailnetCoordinator => &[Action::Create, Action::Delete, Action::Read, Action::Update],
            Self::Template => &[Action::Create, Action::Delete, Action::Read, Action::Update, Action::Use, Action::ViewInsights],
            Self::User => &[Action::Create, Action::Delete, Action::Read, Action::ReadPersonal, Action::Update, Action::UpdatePersonal],
            Self::WebpushSubscription => &[Action::Create, Action::Delete, Action::Read],
            Self::Workspace => &[Action::ApplicationConnect, Action::Create, Action::CreateAgent, Action::Delete, Action::DeleteAgent, Action::Read, Action::Ssh, Action::Start, Action::Stop, Action::Update],
            Self::WorkspaceAgentDevcontainers => &[Action::Create],
            Self::WorkspaceAgentResourceMonitor => &[Action::Create, Action::Read, Action::Update],
            Self::WorkspaceDormant => &[Action::ApplicationConnect, Action::Create, Action::CreateAgent, Action::Delete, Action::DeleteAgent, Action::Read, Action::Ssh, Action::Start, Action::Stop, Action::Update],
            Self::WorkspaceProxy => &[Action::Create, Action::Delete, Action::Read, Action::Update],
        }
    }
}
/// Every [`ResourceType`] as a type of its own, for [`Permit`](super::Permit).
pub mod resource {
    use super::{ResourceType, ResourceMarker, sealed};

    /// `api_key`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ApiKey;
    impl sealed::Sealed for ApiKey {}
    impl ResourceMarker for ApiKey {
        const TYPE: ResourceType = ResourceType::ApiKey;
    }

    /// `assign_org_role`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AssignOrgRole;
    impl sealed::Sealed for AssignOrgRole {}
    impl ResourceMarker for AssignOrgRole {
        const TYPE: ResourceType = ResourceType::AssignOrgRole;
    }

    /// `assign_role`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AssignRole;
    impl sealed::Sealed for AssignRole {}
    impl ResourceMarker for AssignRole {
        const TYPE: ResourceType = ResourceType::AssignRole;
    }

    /// `audit_log`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AuditLog;
    impl sealed::Sealed for AuditLog {}
    impl ResourceMarker for AuditLog {
        const TYPE: ResourceType = ResourceType::AuditLog;
    }

    /// `crypto_key`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CryptoKey;
    impl sealed::Sealed for CryptoKey {}
    impl ResourceMarker for CryptoKey {
        const TYPE: ResourceType = ResourceType::CryptoKey;
    }

    /// `debug_info`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DebugInfo;
    impl sealed::Sealed for DebugInfo {}
    impl ResourceMarker for DebugInfo {
        const TYPE: ResourceType = ResourceType::DebugInfo;
    }

    /// `deployment_config`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DeploymentConfig;
    impl sealed::Sealed for DeploymentConfig {}
    impl ResourceMarker for DeploymentConfig {
        const TYPE: ResourceType = ResourceType::DeploymentConfig;
    }

    /// `deployment_stats`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DeploymentStats;
    impl sealed::Sealed for DeploymentStats {}
    impl ResourceMarker for DeploymentStats {
        const TYPE: ResourceType = ResourceType::DeploymentStats;
    }

    /// `file`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct File;
    impl sealed::Sealed for File {}
    impl ResourceMarker for File {
        const TYPE: ResourceType = ResourceType::File;
    }

    /// `group`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Group;
    impl sealed::Sealed for Group {}
    impl ResourceMarker for Group {
        const TYPE: ResourceType = ResourceType::Group;
    }

    /// `group_member`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GroupMember;
    impl sealed::Sealed for GroupMember {}
    impl ResourceMarker for GroupMember {
        const TYPE: ResourceType = ResourceType::GroupMember;
    }

    /// `idpsync_settings`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct IdpsyncSettings;
    impl sealed::Sealed for IdpsyncSettings {}
    impl ResourceMarker for IdpsyncSettings {
        const TYPE: ResourceType = ResourceType::IdpsyncSettings;
    }

    /// `inbox_notification`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct InboxNotification;
    impl sealed::Sealed for InboxNotification {}
    impl ResourceMarker for InboxNotification {
        const TYPE: ResourceType = ResourceType::InboxNotification;
    }

    /// `license`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct License;
    impl sealed::Sealed for License {}
    impl ResourceMarker for License {
        const TYPE: ResourceType = ResourceType::License;
    }

    /// `notification_message`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct NotificationMessage;
    impl sealed::Sealed for NotificationMessage {}
    impl ResourceMarker for NotificationMessage {
        const TYPE: ResourceType = ResourceType::NotificationMessage;
    }

    /// `notification_preference`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct NotificationPreference;
    impl sealed::Sealed for NotificationPreference {}
    impl ResourceMarker for NotificationPreference {
        const TYPE: ResourceType = ResourceType::NotificationPreference;
    }

    /// `notification_template`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct NotificationTemplate;
    impl sealed::Sealed for NotificationTemplate {}
    impl ResourceMarker for NotificationTemplate {
        const TYPE: ResourceType = ResourceType::NotificationTemplate;
    }

    /// `oauth2_app`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Oauth2App;
    impl sealed::Sealed for Oauth2App {}
    impl ResourceMarker for Oauth2App {
        const TYPE: ResourceType = ResourceType::Oauth2App;
    }

    /// `oauth2_app_code_token`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Oauth2AppCodeToken;
    impl sealed::Sealed for Oauth2AppCodeToken {}
    impl ResourceMarker for Oauth2AppCodeToken {
        const TYPE: ResourceType = ResourceType::Oauth2AppCodeToken;
    }

    /// `oauth2_app_secret`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Oauth2AppSecret;
    impl sealed::Sealed for Oauth2AppSecret {}
    impl ResourceMarker for Oauth2AppSecret {
        const TYPE: ResourceType = ResourceType::Oauth2AppSecret;
    }

    /// `organization`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Organization;
    impl sealed::Sealed for Organization {}
    impl ResourceMarker for Organization {
        const TYPE: ResourceType = ResourceType::Organization;
    }

    /// `organization_member`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OrganizationMember;
    impl sealed::Sealed for OrganizationMember {}
    impl ResourceMarker for OrganizationMember {
        const TYPE: ResourceType = ResourceType::OrganizationMember;
    }

    /// `prebuilt_workspace`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PrebuiltWorkspace;
    impl sealed::Sealed for PrebuiltWorkspace {}
    impl ResourceMarker for PrebuiltWorkspace {
        const TYPE: ResourceType = ResourceType::PrebuiltWorkspace;
    }

    /// `provisioner_daemon`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ProvisionerDaemon;
    impl sealed::Sealed for ProvisionerDaemon {}
    impl ResourceMarker for ProvisionerDaemon {
        const TYPE: ResourceType = ResourceType::ProvisionerDaemon;
    }

    /// `provisioner_jobs`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ProvisionerJobs;
    impl sealed::Sealed for ProvisionerJobs {}
    impl ResourceMarker for ProvisionerJobs {
        const TYPE: ResourceType = ResourceType::ProvisionerJobs;
    }

    /// `replicas`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Replicas;
    impl sealed::Sealed for Replicas {}
    impl ResourceMarker for Replicas {
        const TYPE: ResourceType = ResourceType::Replicas;
    }

    /// `system`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct System;
    impl sealed::Sealed for System {}
    impl ResourceMarker for System {
        const TYPE: ResourceType = ResourceType::System;
    }

    /// `tailnet_coordinator`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct TailnetCoordinator;
    impl sealed::Sealed for TailnetCoordinator {}
    impl ResourceMarker for TailnetCoordinator {
        const TYPE: ResourceType = ResourceType::TailnetCoordinator;
    }

    /// `template`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Template;
    impl sealed::Sealed for Template {}
    impl ResourceMarker for Template {
        const TYPE: ResourceType = ResourceType::Template;
    }

    /// `user`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct User;
    impl sealed::Sealed for User {}
    impl ResourceMarker for User {
        const TYPE: ResourceType = ResourceType::User;
    }

    /// `webpush_subscription`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WebpushSubscription;
    impl sealed::Sealed for WebpushSubscription {}
    impl ResourceMarker for WebpushSubscription {
        const TYPE: ResourceType = ResourceType::WebpushSubscription;
    }

    /// `workspace`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Workspace;
    impl sealed::Sealed for Workspace {}
    impl ResourceMarker for Workspace {
        const TYPE: ResourceType = ResourceType::Workspace;
    }

    /// `workspace_agent_devcontainers`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WorkspaceAgentDevcontainers;
    impl sealed::Sealed for WorkspaceAgentDevcontainers {}
    impl ResourceMarker for WorkspaceAgentDevcontainers {
        const TYPE: ResourceType = ResourceType::WorkspaceAgentDevcontainers;
    }

    /// `workspace_agent_resource_monitor`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WorkspaceAgentResourceMonitor;
    impl sealed::Sealed for WorkspaceAgentResourceMonitor {}
    impl ResourceMarker for WorkspaceAgentResourceMonitor {
        const TYPE: ResourceType = ResourceType::WorkspaceAgentResourceMonitor;
    }

    /// `workspace_dormant`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WorkspaceDormant;
    impl sealed::Sealed for WorkspaceDormant {}
    impl ResourceMarker for WorkspaceDormant {
        const TYPE: ResourceType = ResourceType::WorkspaceDormant;
    }

    /// `workspace_proxy`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WorkspaceProxy;
    impl sealed::Sealed for WorkspaceProxy {}
    impl ResourceMarker for WorkspaceProxy {
        const TYPE: ResourceType = ResourceType::WorkspaceProxy;
    }
}

/// Every [`Action`] as a type of its own, for [`Permit`](super::Permit).
pub mod action {
    use super::{Action, ActionMarker, sealed};

    /// `application_connect`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ApplicationConnect;
    impl sealed::Sealed for ApplicationConnect {}
    impl ActionMarker for ApplicationConnect {
        const ACTION: Action = Action::ApplicationConnect;
    }

    /// `assign`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Assign;
    impl sealed::Sealed for Assign {}
    impl ActionMarker for Assign {
        const ACTION: Action = Action::Assign;
    }

    /// `create`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Create;
    impl sealed::Sealed for Create {}
    impl ActionMarker for Create {
        const ACTION: Action = Action::Create;
    }

    /// `create_agent`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CreateAgent;
    impl sealed::Sealed for CreateAgent {}
    impl ActionMarker for CreateAgent {
        const ACTION: Action = Action::CreateAgent;
    }

    /// `delete`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Delete;
    impl sealed::Sealed for Delete {}
    impl ActionMarker for Delete {
        const ACTION: Action = Action::Delete;
    }

    /// `delete_agent`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DeleteAgent;
    impl sealed::Sealed for DeleteAgent {}
    impl ActionMarker for DeleteAgent {
        const ACTION: Action = Action::DeleteAgent;
    }

    /// `read`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Read;
    impl sealed::Sealed for Read {}
    impl ActionMarker for Read {
        const ACTION: Action = Action::Read;
    }

    /// `read_personal`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReadPersonal;
    impl sealed::Sealed for ReadPersonal {}
    impl ActionMarker for ReadPersonal {
        const ACTION: Action = Action::ReadPersonal;
    }

    /// `ssh`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Ssh;
    impl sealed::Sealed for Ssh {}
    impl ActionMarker for Ssh {
        const ACTION: Action = Action::Ssh;
    }

    /// `start`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Start;
    impl sealed::Sealed for Start {}
    impl ActionMarker for Start {
        const ACTION: Action = Action::Start;
    }

    /// `stop`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Stop;
    impl sealed::Sealed for Stop {}
    impl ActionMarker for Stop {
        const ACTION: Action = Action::Stop;
    }

    /// `unassign`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Unassign;
    impl sealed::Sealed for Unassign {}
    impl ActionMarker for Unassign {
        const ACTION: Action = Action::Unassign;
    }

    /// `update`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Update;
    impl sealed::Sealed for Update {}
    impl ActionMarker for Update {
        const ACTION: Action = Action::Update;
    }

    /// `update_personal`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct UpdatePersonal;
    impl sealed::Sealed for UpdatePersonal {}
    impl ActionMarker for UpdatePersonal {
        const ACTION: Action = Action::UpdatePersonal;
    }

    /// `use`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Use;
    impl sealed::Sealed for Use {}
    impl ActionMarker for Use {
        const ACTION: Action = Action::Use;
    }

    /// `view_insights`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ViewInsights;
    impl sealed::Sealed for ViewInsights {}
    impl ActionMarker for ViewInsights {
        const ACTION: Action = Action::ViewInsights;
    }
}

