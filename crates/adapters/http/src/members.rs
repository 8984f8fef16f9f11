//! Members of organizations (`identity.md` 5).

use crate::conventions::Api;
use crate::kit::answer::{self, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use crate::users::{RoleObject, UpdateRoles};
use doorward_domain::organizations::Member;
use doorward_domain::page::Page;
use doorward_services::Principal;
use doorward_services::members::{self, MemberList, MemberView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_page, page);
    r.user(__path_find, find);
    r.user(__path_add, add);
    r.user(__path_remove, remove);
    r.user(__path_update_roles, update_roles);
}

/// A member of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganizationMember)]
pub(crate) struct MemberObject {
    user_id: Uuid,
    organization_id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Roles in the organization; the implied `organization-member` is not among them.
    roles: Vec<RoleObject>,
}

/// A member of an organization with what is shown of the user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganizationMemberWithUserData)]
pub(crate) struct MemberWithUserObject {
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    avatar_url: String,
    email: String,
    /// `active`, `dormant` or `suspended`.
    status: &'static str,
    /// `password`, `github`, `oidc`, `token` or `none`.
    login_type: &'static str,
    last_seen_at: Timestamp,
    user_created_at: Timestamp,
    user_updated_at: Timestamp,
    /// Whether this is an account for a program, without address and password; absent when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    is_service_account: bool,
    /// Site roles; the implied `member` is not among them.
    global_roles: Vec<RoleObject>,
    #[serde(flatten)]
    member: MemberObject,
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginatedMembersResponse)]
pub(crate) struct MembersObject {
    members: Vec<MemberWithUserObject>,
    /// How many there are, before `limit` and `offset`.
    count: u64,
}

impl From<MemberView> for MemberWithUserObject {
    fn from(view: MemberView) -> Self {
        let objects = |labels: Vec<_>| labels.into_iter().map(RoleObject::from).collect();
        let MemberView { member: Member { membership, user, .. }, roles, site_roles } = view;
        Self {
            member: MemberObject {
                user_id: membership.user_id.0,
                organization_id: membership.organization_id.0,
                created_at: membership.created_at.into(),
                updated_at: membership.updated_at.into(),
                roles: objects(roles),
            },
            status: user.status.as_str(),
            login_type: user.login_type.as_str(),
            last_seen_at: user.last_seen_at.into(),
            user_created_at: user.created_at.into(),
            user_updated_at: user.updated_at.into(),
            is_service_account: user.is_service_account(),
            email: user.shown_email().to_owned(),
            username: user.username.into(),
            name: user.name.into(),
            avatar_url: user.avatar_url,
            global_roles: objects(site_roles),
        }
    }
}

impl From<MemberList> for MembersObject {
    fn from(list: MemberList) -> Self {
        Self { members: list.members.into_iter().map(MemberWithUserObject::from).collect(), count: list.count }
    }
}

/// Lists the members of an organization that the caller may read, by user name.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/members", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Search: free words, `user_id:` and `github_user_id:`"),
    ),
    responses((status = 200, body = [MemberWithUserObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let text = query.text("q").unwrap_or_default();
    query.done_loosely()?;
    let found = members::list(call.context(), &actor, &call.organization(), &text, Page::default()).await?;
    Ok(answer::list(found.members.len(), || MembersObject::from(found).members).await)
}

/// Shows a member of an organization. Whoever is none, or may not be read by the caller, is not found.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/members/{user}", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    responses((status = 200, body = MemberWithUserObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let member = members::find(call.context(), &actor, &call.organization(), &call.user()).await?;
    Ok(ok(&MemberWithUserObject::from(member)))
}

/// Lists some of the members of an organization that the caller may read, by user name.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/paginated-members", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Search: free words, `user_id:` and `github_user_id:`"),
        ("after_id" = Option<Uuid>, Query, description = "Only members after this user"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = MembersObject)),
)]
pub(crate) async fn page(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = members::list(call.context(), &actor, &call.organization(), &text, page).await?;
    Ok(answer::list(found.members.len(), || MembersObject::from(found)).await)
}

/// Makes a user a member of an organization.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/members/{user}", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    responses((status = 200, body = MemberObject)),
)]
pub(crate) async fn add(call: Call, actor: Principal) -> HandlerResult {
    let member = members::add(call.context(), &actor, &call.organization(), &call.user()).await?;
    Ok(ok(&MemberWithUserObject::from(member).member))
}

/// Removes a member from an organization and all its groups.
#[utoipa::path(
    delete, path = "/api/v2/organizations/{organization}/members/{user}", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id or name"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn remove(call: Call, actor: Principal) -> HandlerResult {
    members::remove(call.context(), &actor, &call.organization(), &call.user()).await?;
    Ok(no_content())
}

/// Replaces the roles of a member.
#[utoipa::path(
    put, path = "/api/v2/organizations/{organization}/members/{user}/roles", tag = "members",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id or name"),
    ),
    request_body = UpdateRoles,
    responses((status = 200, body = MemberObject)),
)]
pub(crate) async fn update_roles(mut call: Call, actor: Principal) -> HandlerResult {
    let (organization, user) = (call.organization(), call.user());
    let may = async |call: &Call| members::may_change_roles(call.context(), &actor, &organization, &user).await;
    let body: UpdateRoles = call.json_after(may).await?;
    let member = members::update_roles(call.context(), &actor, &organization, &user, body.into_names()).await?;
    Ok(ok(&MemberWithUserObject::from(member).member))
}
