//! Roles that can be given, and custom roles of organizations (`identity.md` 5, `rbac.md` 9 and 10).

use crate::conventions::Api;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles;
use doorward_domain::roles::custom::Draft;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::roles::{AssignableRole, RoleView};
use doorward_services::{Principal, roles as use_cases};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list_site, list_site);
    r.user(__path_list_organization, list_organization);
    r.user(__path_create, create).needs(Feature::CustomRoles);
    r.user(__path_update, update).needs(Feature::CustomRoles);
    r.user(__path_delete, delete).needs(Feature::CustomRoles);
}

/// Allows an action on a type of resource, or denies it.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = Permission)]
pub(crate) struct PermissionObject {
    /// Denies instead.
    negate: bool,
    #[schema(required)]
    resource_type: String,
    #[schema(required)]
    action: String,
}

/// A role with all that it grants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub(crate) struct RoleObject {
    name: String,
    /// Absent for site roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    display_name: String,
    site_permissions: Vec<PermissionObject>,
    organization_permissions: Vec<PermissionObject>,
    user_permissions: Vec<PermissionObject>,
    /// On what a member owns in the organization.
    organization_member_permissions: Vec<PermissionObject>,
}

/// A role, and whether the caller may give it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AssignableRoles)]
pub(crate) struct AssignableRoleObject {
    #[serde(flatten)]
    role: RoleObject,
    /// Whether the caller may give and take it.
    assignable: bool,
    /// Whether it is part of the server.
    built_in: bool,
}

/// A custom role as it shall be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = CustomRoleRequest)]
pub(crate) struct Custom {
    #[schema(required)]
    name: String,
    display_name: String,
    /// Must be empty.
    site_permissions: Vec<PermissionObject>,
    organization_permissions: Vec<PermissionObject>,
    /// Must be empty.
    user_permissions: Vec<PermissionObject>,
    /// On what a member owns in the organization; the caller must have them on what it owns there itself.
    organization_member_permissions: Vec<PermissionObject>,
}

impl From<roles::Permission> for PermissionObject {
    fn from(permission: roles::Permission) -> Self {
        Self {
            negate: permission.negate,
            resource_type: permission.resource_name().to_owned(),
            action: permission.action_name().to_owned(),
        }
    }
}

impl From<PermissionObject> for roles::Permission {
    fn from(object: PermissionObject) -> Self {
        Self::named(object.negate, &object.resource_type, &object.action)
    }
}

impl From<RoleView> for RoleObject {
    fn from(role: RoleView) -> Self {
        let objects = |list: Vec<roles::Permission>| list.into_iter().map(PermissionObject::from).collect();
        Self {
            name: role.name.name().to_owned(),
            organization_id: role.name.organization_id(),
            display_name: role.display_name,
            site_permissions: objects(role.site),
            organization_permissions: objects(role.organization),
            user_permissions: objects(role.user),
            organization_member_permissions: objects(role.organization_member),
        }
    }
}

impl From<AssignableRole> for AssignableRoleObject {
    fn from(entry: AssignableRole) -> Self {
        Self { role: entry.role.into(), assignable: entry.assignable, built_in: entry.built_in }
    }
}

impl From<Custom> for Draft {
    fn from(body: Custom) -> Self {
        let permissions = |list: Vec<PermissionObject>| list.into_iter().map(roles::Permission::from).collect();
        Self {
            name: body.name,
            display_name: body.display_name,
            site: permissions(body.site_permissions),
            organization: permissions(body.organization_permissions),
            user: permissions(body.user_permissions),
            organization_member: permissions(body.organization_member_permissions),
        }
    }
}

/// Lists the site roles.
#[utoipa::path(
    get, path = "/api/v2/users/roles", tag = "roles",
    responses((status = 200, body = [AssignableRoleObject])),
)]
pub(crate) async fn list_site(call: Call, actor: Principal) -> HandlerResult {
    let found = use_cases::list_site(call.context(), &actor).await?;
    Ok(ok(&found.into_iter().map(AssignableRoleObject::from).collect::<Vec<_>>()))
}

/// Lists the roles of an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/members/roles", tag = "roles",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = [AssignableRoleObject])),
)]
pub(crate) async fn list_organization(call: Call, actor: Principal) -> HandlerResult {
    let found = use_cases::list_organization(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&found.into_iter().map(AssignableRoleObject::from).collect::<Vec<_>>()))
}

/// Makes a custom role.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/members/roles", tag = "roles", request_body = Custom,
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = RoleObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let organization = call.organization();
    let body: Custom = call
        .json_for(&actor, Intent::Within(organization.clone(), Action::Create, ResourceType::AssignOrgRole))
        .await?;
    let role = use_cases::create(call.context(), &actor, &organization, body.into()).await?;
    Ok(ok(&RoleObject::from(role)))
}

/// Replaces all of a custom role but its name.
#[utoipa::path(
    put, path = "/api/v2/organizations/{organization}/members/roles", tag = "roles", request_body = Custom,
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = RoleObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let organization = call.organization();
    let body: Custom = call
        .json_for(&actor, Intent::Within(organization.clone(), Action::Update, ResourceType::AssignOrgRole))
        .await?;
    let role = use_cases::update(call.context(), &actor, &organization, body.into()).await?;
    Ok(ok(&RoleObject::from(role)))
}

/// Deletes a custom role and takes it from all members.
#[utoipa::path(
    delete, path = "/api/v2/organizations/{organization}/members/roles/{roleName}", tag = "roles",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("roleName" = String, Path, description = "Name of the role"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    use_cases::delete(call.context(), &actor, &call.organization(), &call.segment("roleName")).await?;
    Ok(no_content())
}
