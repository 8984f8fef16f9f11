//! The words of each room for its rules that a repository enforces.

use crate::error::Error;
use crate::{
    groups, licenses, members, organizations, provisioners, roles, scim, sessions, template_versions, templates, users,
    workspace_proxies, workspaces,
};
use doorward_ports::Conflict;

/// What a use case tells of a rule that would be broken, unless it knows more. Each room has the words for its own rules.
impl From<Conflict> for Error {
    fn from(rule: Conflict) -> Self {
        match rule {
            Conflict::Username => users::taken(["username"]),
            Conflict::Email => users::taken(["email"]),
            Conflict::UserLink => users::link_taken(),
            Conflict::FirstUser => users::first_exists_already(),
            Conflict::LastOwner => users::last_owner(),
            Conflict::TokenName => sessions::token_name_taken(),
            Conflict::OrganizationName => organizations::name_taken(),
            // Deleted at this very moment.
            Conflict::OrganizationDeleted => Self::NotFound,
            Conflict::Membership => members::is_member_already(),
            Conflict::RoleName => roles::name_taken(),
            Conflict::GroupName => groups::name_taken(),
            Conflict::GroupMembership => groups::is_added_already(),
            Conflict::TemplateName => templates::name_taken(),
            Conflict::TemplateVersionName => template_versions::name_taken(),
            Conflict::WorkspaceName => workspaces::name_taken(),
            Conflict::ProxyName => workspace_proxies::name_taken(),
            Conflict::BuildNumber => workspaces::built_by_others(),
            Conflict::ScimUserName => scim::user_name_taken(),
            Conflict::ScimDisplayName => scim::display_name_taken(),
            Conflict::ScimExternalId => scim::external_id_taken(),
            Conflict::License => licenses::is_added_already(),
            Conflict::ProvisionerKeyName => provisioners::key_name_taken(),
            Conflict::Random => Self::conflict("a random value came out twice"),
        }
    }
}
