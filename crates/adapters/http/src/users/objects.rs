//! Users as they are sent (`identity.md` 3).

use crate::kit::json::Timestamp;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{BuiltIn, RoleName};
use doorward_domain::users::ReducedUser;
use doorward_services::roles::RoleLabel;
use doorward_services::users::{UserList, UserRoles, UserView};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A user as shown in lists of others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReducedUser)]
pub(crate) struct ReducedUserObject {
    id: Uuid,
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    avatar_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    name: String,
    email: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_seen_at: Timestamp,
    /// `active`, `dormant` or `suspended`.
    status: &'static str,
    /// `password`, `github`, `oidc`, `token` or `none`.
    login_type: &'static str,
    /// Whether this is an account for a program, without address and password; absent when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    is_service_account: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    theme_preference: String,
}

impl From<ReducedUser> for ReducedUserObject {
    fn from(user: ReducedUser) -> Self {
        Self {
            is_service_account: user.is_service_account(),
            id: user.id.0,
            email: user.shown_email().to_owned(),
            username: user.username.into(),
            avatar_url: user.avatar_url,
            name: user.name.into(),
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            last_seen_at: user.last_seen_at.into(),
            status: user.status.as_str(),
            login_type: user.login_type.as_str(),
            theme_preference: user.theme_preference,
        }
    }
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserObject {
    #[serde(flatten)]
    reduced: ReducedUserObject,
    organization_ids: Vec<Uuid>,
    /// Site roles; the implied `member` is not among them.
    roles: Vec<RoleObject>,
}

/// A role that somebody holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlimRole)]
pub(crate) struct RoleObject {
    name: String,
    display_name: String,
    /// Absent for site roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
}

impl From<UserView> for UserObject {
    fn from(UserView { user, organization_ids, roles }: UserView) -> Self {
        Self {
            reduced: ReducedUser::from(user).into(),
            organization_ids: organization_ids.into_iter().map(|id| id.0).collect(),
            roles: roles.into_iter().map(RoleObject::from).collect(),
        }
    }
}

impl From<RoleLabel> for RoleObject {
    fn from(RoleLabel { name, display_name }: RoleLabel) -> Self {
        Self { organization_id: name.organization_id(), name: name.name().to_owned(), display_name }
    }
}

/// The name of a site role for people; custom roles go by their name.
pub(crate) fn role_display_name(name: &str) -> String {
    BuiltIn::find(&RoleName::site(name)).map_or_else(|| name.to_owned(), |role| role.display_name().to_owned())
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GetUsersResponse)]
pub(crate) struct UsersObject {
    users: Vec<UserObject>,
    /// How many match, before `limit` and `offset`; 0 when the page is empty.
    count: u64,
}

impl From<UserList> for UsersObject {
    fn from(list: UserList) -> Self {
        Self { users: list.users.into_iter().map(UserObject::from).collect(), count: list.count }
    }
}

/// The roles of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserRoles)]
pub(crate) struct UserRolesObject {
    roles: Vec<String>,
    /// By the id of the organization.
    organization_roles: BTreeMap<Uuid, Vec<String>>,
}

impl From<UserRoles> for UserRolesObject {
    fn from(roles: UserRoles) -> Self {
        let organization_roles =
            roles.organization_roles.into_iter().map(|(id, names)| (id.0, names.into_vec())).collect();
        Self { roles: roles.roles.into_vec(), organization_roles }
    }
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub(crate) struct OrganizationObject {
    id: Uuid,
    name: String,
    display_name: String,
    description: String,
    icon: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_default: bool,
    /// Roles that every member has besides the implied one.
    default_org_member_roles: Vec<String>,
}

impl From<Organization> for OrganizationObject {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.0,
            name: organization.name.into(),
            display_name: organization.display_name.into(),
            description: organization.description,
            icon: organization.icon,
            created_at: organization.created_at.into(),
            updated_at: organization.updated_at.into(),
            is_default: organization.is_default,
            default_org_member_roles: organization.default_roles.names().to_vec(),
        }
    }
}
