//! What asks for care before it is given away.

use super::super::{Action, ResourceType};

/// Who can change these decides who gets in, and what they may do.
const RIGHTS: [ResourceType; 16] = [
    ResourceType::ApiKey,
    ResourceType::AssignOrgRole,
    ResourceType::AssignRole,
    ResourceType::CryptoKey,
    ResourceType::DeploymentConfig,
    ResourceType::Group,
    ResourceType::IdpsyncSettings,
    ResourceType::License,
    ResourceType::Oauth2App,
    ResourceType::Oauth2AppCodeToken,
    ResourceType::Oauth2AppSecret,
    ResourceType::Organization,
    ResourceType::OrganizationMember,
    ResourceType::System,
    ResourceType::User,
    ResourceType::WorkspaceProxy,
];

/// To read these is to know what an attacker wants to know.
const CONFIDENTIAL: [ResourceType; 3] = [ResourceType::AuditLog, ResourceType::CryptoKey, ResourceType::DebugInfo];

/// Where people work.
const WORK: [ResourceType; 3] = [ResourceType::Template, ResourceType::Workspace, ResourceType::WorkspaceDormant];

/// Whether this action on this type asks for care.
pub(super) fn is_sensitive(resource: ResourceType, action: Action) -> bool {
    let only_reads = matches!(action, Action::Read | Action::ReadPersonal);
    let destroys_or_enters = matches!(action, Action::Delete | Action::Ssh);
    (RIGHTS.contains(&resource) && !only_reads)
        || CONFIDENTIAL.contains(&resource)
        || (WORK.contains(&resource) && destroys_or_enters)
}
