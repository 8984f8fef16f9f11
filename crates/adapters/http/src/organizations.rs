//! Organizations (`identity.md` 4).

use crate::conventions::Api;
use crate::kit::answer::{Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::users::OrganizationObject;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::{Principal, organizations};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_create, create).needs(Feature::MultipleOrganizations);
    r.user(__path_find, find);
    r.user(__path_update, update).needs(Feature::MultipleOrganizations);
    r.user(__path_delete, delete).needs(Feature::MultipleOrganizations);
}

/// Lists the organizations that the caller may read, by name.
#[utoipa::path(
    get, path = "/api/v2/organizations", tag = "organizations",
    responses((status = 200, body = [OrganizationObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let found = organizations::list(call.context(), &actor).await?;
    Ok(ok(&found.into_iter().map(OrganizationObject::from).collect::<Vec<_>>()))
}

/// An organization to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateOrganizationRequest)]
pub(crate) struct Create {
    #[schema(required)]
    name: String,
    /// The name, unless given.
    display_name: String,
    description: String,
    icon: String,
    /// Built-in organization roles that every member has besides the implied one; `organization-workspace-access` is taken
    /// and adds nothing.
    default_org_member_roles: Vec<String>,
}

/// Makes an organization. The caller becomes a member of it.
#[utoipa::path(
    post, path = "/api/v2/organizations", tag = "organizations", request_body = Create,
    responses((status = 201, body = OrganizationObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Create = call.json_for(&actor, Intent::Anywhere(Action::Create, ResourceType::Organization)).await?;
    let command = organizations::CreateOrganization {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        default_roles: body.default_org_member_roles,
    };
    let organization = organizations::create(call.context(), &actor, command).await?;
    Ok(created(&OrganizationObject::from(organization)))
}

/// Shows an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = OrganizationObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let organization = organizations::find(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&OrganizationObject::from(organization)))
}

/// What is to change of an organization; what is absent stays.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateOrganizationRequest)]
pub(crate) struct Update {
    /// Empty is as good as absent.
    name: String,
    /// Empty is as good as absent.
    display_name: String,
    description: Option<String>,
    icon: Option<String>,
    /// Built-in organization roles that every member has besides the implied one; `organization-workspace-access` is taken
    /// and adds nothing. They replace those of before; absent keeps them.
    default_org_member_roles: Option<Vec<String>>,
}

/// Changes an organization.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}", tag = "organizations", request_body = Update,
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = OrganizationObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let organization = call.organization();
    let body: Update =
        call.json_for(&actor, Intent::Within(organization.clone(), Action::Update, ResourceType::Organization)).await?;
    let command = organizations::UpdateOrganization {
        name: body.name,
        display_name: body.display_name,
        description: body.description,
        icon: body.icon,
        default_roles: body.default_org_member_roles,
    };
    let organization = organizations::update(call.context(), &actor, &organization, command).await?;
    Ok(ok(&OrganizationObject::from(organization)))
}

/// Deletes an organization that is empty but for at most one member.
#[utoipa::path(
    delete, path = "/api/v2/organizations/{organization}", tag = "organizations",
    params(("organization" = String, Path, description = "Id or name")),
    responses((status = 200, body = Message)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    organizations::delete(call.context(), &actor, &call.organization()).await?;
    Ok(message("Organization has been deleted."))
}
