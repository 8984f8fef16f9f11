//! The sync with identity providers: its settings (`enterprise-identity.md` 4.1, 4.2), and below what it does.

mod runs;

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::idp_sync::{Filter, GroupSync, Mapping, MappingChange, OrganizationSync, Pair, RoleSync};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::{Principal, idp_sync};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_find_organization_sync, find_organization_sync);
    r.user(__path_set_organization_sync, set_organization_sync);
    r.user(__path_configure_organization_sync, configure_organization_sync);
    r.user(__path_map_organization_sync, map_organization_sync);
    r.user(__path_find_group_sync, find_group_sync);
    r.user(__path_set_group_sync, set_group_sync);
    r.user(__path_configure_group_sync, configure_group_sync);
    r.user(__path_map_group_sync, map_group_sync);
    r.user(__path_find_role_sync, find_role_sync);
    r.user(__path_set_role_sync, set_role_sync);
    r.user(__path_configure_role_sync, configure_role_sync);
    r.user(__path_map_role_sync, map_role_sync);
    r.user(runs::__path_dry_run, runs::dry_run);
    r.user(runs::__path_list, runs::list);
    r.user(runs::__path_available_fields, runs::available_fields);
    r.user(runs::__path_field_values, runs::field_values);
    r.user(runs::__path_organization_fields, runs::organization_fields);
    r.user(runs::__path_organization_values, runs::organization_values);
}

/// How members of organizations follow claims. What is absent is empty or false, also when it is set.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = OrganizationSyncSettings)]
pub(crate) struct OrganizationSyncObject {
    /// The claim; empty: members do not follow.
    field: String,
    /// Organizations by the value of the claim; `null` while it has never been set.
    #[schema(value_type = Option<BTreeMap<String, Vec<Uuid>>>)]
    mapping: Option<Mapping<OrganizationId>>,
    /// Whether everybody belongs to the default organization.
    organization_assign_default: bool,
}

impl From<OrganizationSyncObject> for OrganizationSync {
    fn from(body: OrganizationSyncObject) -> Self {
        let OrganizationSyncObject { field, mapping, organization_assign_default } = body;
        Self { field, mapping, assign_default: organization_assign_default }
    }
}

impl From<RoleSyncObject> for RoleSync {
    fn from(body: RoleSyncObject) -> Self {
        Self { field: body.field, mapping: body.mapping }
    }
}

impl From<OrganizationSync> for OrganizationSyncObject {
    fn from(sync: OrganizationSync) -> Self {
        let OrganizationSync { field, mapping, assign_default } = sync;
        Self { field, mapping, organization_assign_default: assign_default }
    }
}

/// How the groups of an organization follow claims. What is absent is empty or false, also when it is set.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = GroupSyncSettings)]
pub(crate) struct GroupSyncObject {
    /// The claim; empty: groups do not follow.
    field: String,
    /// Groups by the value of the claim; `null` while it has never been set. Another value is the name of a group.
    #[schema(value_type = Option<BTreeMap<String, Vec<Uuid>>>)]
    mapping: Option<Mapping<GroupId>>,
    /// Only values in which this regular expression is found count.
    #[schema(value_type = Option<String>)]
    regex_filter: Option<Filter>,
    /// Whether groups that are named and not there are made.
    auto_create_missing_groups: bool,
    /// From the settings file; it cannot be set here.
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_group_name_mapping: Option<BTreeMap<String, String>>,
}

impl From<GroupSync> for GroupSyncObject {
    fn from(sync: GroupSync) -> Self {
        let GroupSync { field, mapping, regex_filter, auto_create_missing_groups, legacy_group_name_mapping } = sync;
        let names = Some(legacy_group_name_mapping).filter(|names| !names.is_empty());
        Self { field, mapping, regex_filter, auto_create_missing_groups, legacy_group_name_mapping: names }
    }
}

impl From<GroupSyncObject> for GroupSync {
    fn from(body: GroupSyncObject) -> Self {
        Self {
            field: body.field,
            mapping: body.mapping,
            regex_filter: body.regex_filter,
            auto_create_missing_groups: body.auto_create_missing_groups,
            legacy_group_name_mapping: body.legacy_group_name_mapping.unwrap_or_default(),
        }
    }
}

/// How the roles of the members of an organization follow claims. What is absent is empty, also when it is set.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = RoleSyncSettings)]
pub(crate) struct RoleSyncObject {
    /// The claim; empty: roles do not follow.
    field: String,
    /// Roles by the value of the claim; `null` while it has never been set. Another value is the name of a role.
    #[schema(value_type = Option<BTreeMap<String, Vec<String>>>)]
    mapping: Option<Mapping<String>>,
}

impl From<RoleSync> for RoleSyncObject {
    fn from(sync: RoleSync) -> Self {
        Self { field: sync.field, mapping: sync.mapping }
    }
}

/// The claim of organization sync.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchOrganizationIDPSyncConfigRequest)]
pub(crate) struct ConfigureOrganizationSync {
    field: String,
    assign_default: bool,
}

/// The claim of group sync and what goes with it.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchGroupIDPSyncConfigRequest)]
pub(crate) struct ConfigureGroupSync {
    field: String,
    #[schema(value_type = Option<String>)]
    regex_filter: Option<Filter>,
    auto_create_missing_groups: bool,
}

/// The claim of role sync.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchRoleIDPSyncConfigRequest)]
pub(crate) struct ConfigureRoleSync {
    field: String,
}

/// A value of a claim, and an id that it gives.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = IDPSyncMapping)]
pub(crate) struct GivenId {
    given: String,
    gets: Uuid,
}

/// A value of a claim, and a role that it gives.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = IDPSyncRoleMapping)]
pub(crate) struct GivenRole {
    given: String,
    gets: String,
}

/// Pairs to be added and to be removed; what is in both is removed.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchIDPSyncMappingRequest)]
pub(crate) struct MapIds {
    add: Vec<GivenId>,
    remove: Vec<GivenId>,
}

/// Pairs to be added and to be removed; what is in both is removed.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = PatchRoleIDPSyncMappingRequest)]
pub(crate) struct MapRoles {
    add: Vec<GivenRole>,
    remove: Vec<GivenRole>,
}

impl MapIds {
    fn change<T: From<Uuid>>(self) -> MappingChange<T> {
        let pairs =
            |list: Vec<GivenId>| list.into_iter().map(|pair| Pair { given: pair.given, gets: pair.gets.into() });
        MappingChange { add: pairs(self.add).collect(), remove: pairs(self.remove).collect() }
    }
}

impl MapRoles {
    fn change(self) -> MappingChange<String> {
        let pairs = |list: Vec<GivenRole>| list.into_iter().map(|pair| Pair { given: pair.given, gets: pair.gets });
        MappingChange { add: pairs(self.add).collect(), remove: pairs(self.remove).collect() }
    }
}

/// Shows how members of organizations follow the claims of identity providers.
#[utoipa::path(
    get, path = "/api/v2/settings/idpsync/organization", tag = "idp-sync",
    responses((status = 200, body = OrganizationSyncObject)),
)]
pub(crate) async fn find_organization_sync(call: Call, actor: Principal) -> HandlerResult {
    let found = idp_sync::find_organization_sync(call.context(), &actor).await?;
    Ok(ok(&OrganizationSyncObject::from(found)))
}

/// Sets how members of organizations follow the claims of identity providers.
#[utoipa::path(
    patch, path = "/api/v2/settings/idpsync/organization", tag = "idp-sync", request_body = OrganizationSyncObject,
    responses((status = 200, body = OrganizationSyncObject)),
)]
pub(crate) async fn set_organization_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: OrganizationSyncObject =
        call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::IdpsyncSettings)).await?;
    let set = idp_sync::set_organization_sync(call.context(), &actor, body.into()).await?;
    Ok(ok(&OrganizationSyncObject::from(set)))
}

/// Sets the claim of organization sync; the mapping stays.
#[utoipa::path(
    patch, path = "/api/v2/settings/idpsync/organization/config", tag = "idp-sync",
    request_body = ConfigureOrganizationSync,
    responses((status = 200, body = OrganizationSyncObject)),
)]
pub(crate) async fn configure_organization_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ConfigureOrganizationSync =
        call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::IdpsyncSettings)).await?;
    let set = idp_sync::configure_organization_sync(call.context(), &actor, body.field, body.assign_default).await?;
    Ok(ok(&OrganizationSyncObject::from(set)))
}

/// Adds pairs to the mapping of organization sync and removes others.
#[utoipa::path(
    patch, path = "/api/v2/settings/idpsync/organization/mapping", tag = "idp-sync", request_body = MapIds,
    responses((status = 200, body = OrganizationSyncObject)),
)]
pub(crate) async fn map_organization_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: MapIds = call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::IdpsyncSettings)).await?;
    let set = idp_sync::map_organization_sync(call.context(), &actor, body.change()).await?;
    Ok(ok(&OrganizationSyncObject::from(set)))
}

/// Shows how the groups of an organization follow the claims of identity providers.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/settings/idpsync/groups", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = GroupSyncObject)),
)]
pub(crate) async fn find_group_sync(call: Call, actor: Principal) -> HandlerResult {
    let found = idp_sync::find_group_sync(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&GroupSyncObject::from(found)))
}

/// Sets how the groups of an organization follow the claims of identity providers.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/groups", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = GroupSyncObject,
    responses((status = 200, body = GroupSyncObject)),
)]
pub(crate) async fn set_group_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: GroupSyncObject = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let set = idp_sync::set_group_sync(call.context(), &actor, &call.organization(), body.into()).await?;
    Ok(ok(&GroupSyncObject::from(set)))
}

/// Sets the claim of group sync, its filter, and whether missing groups are made; the mapping stays.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/groups/config", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = ConfigureGroupSync,
    responses((status = 200, body = GroupSyncObject)),
)]
pub(crate) async fn configure_group_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ConfigureGroupSync = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let config = (body.field, body.regex_filter, body.auto_create_missing_groups);
    let set = idp_sync::configure_group_sync(call.context(), &actor, &call.organization(), config).await?;
    Ok(ok(&GroupSyncObject::from(set)))
}

/// Adds pairs to the mapping of group sync and removes others.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/groups/mapping", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = MapIds,
    responses((status = 200, body = GroupSyncObject)),
)]
pub(crate) async fn map_group_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: MapIds = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let set = idp_sync::map_group_sync(call.context(), &actor, &call.organization(), body.change()).await?;
    Ok(ok(&GroupSyncObject::from(set)))
}

/// Shows how the roles of the members of an organization follow the claims of identity providers.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/settings/idpsync/roles", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = RoleSyncObject)),
)]
pub(crate) async fn find_role_sync(call: Call, actor: Principal) -> HandlerResult {
    let found = idp_sync::find_role_sync(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&RoleSyncObject::from(found)))
}

/// Sets how the roles of the members of an organization follow the claims of identity providers.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/roles", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = RoleSyncObject,
    responses((status = 200, body = RoleSyncObject)),
)]
pub(crate) async fn set_role_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: RoleSyncObject = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let set = idp_sync::set_role_sync(call.context(), &actor, &call.organization(), body.into()).await?;
    Ok(ok(&RoleSyncObject::from(set)))
}

/// Sets the claim of role sync; the mapping stays.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/roles/config", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = ConfigureRoleSync,
    responses((status = 200, body = RoleSyncObject)),
)]
pub(crate) async fn configure_role_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ConfigureRoleSync = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let set = idp_sync::configure_role_sync(call.context(), &actor, &call.organization(), body.field).await?;
    Ok(ok(&RoleSyncObject::from(set)))
}

/// Adds pairs to the mapping of role sync and removes others.
#[utoipa::path(
    patch, path = "/api/v2/organizations/{organization}/settings/idpsync/roles/mapping", tag = "idp-sync",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body = MapRoles,
    responses((status = 200, body = RoleSyncObject)),
)]
pub(crate) async fn map_role_sync(mut call: Call, actor: Principal) -> HandlerResult {
    let body: MapRoles = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let set = idp_sync::map_role_sync(call.context(), &actor, &call.organization(), body.change()).await?;
    Ok(ok(&RoleSyncObject::from(set)))
}
