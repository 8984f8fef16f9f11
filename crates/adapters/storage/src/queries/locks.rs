//! Rows that are read and locked until the transaction ends. Each function says which row lock it takes; SQLite has one
//! writer, so there `row_lock!` leaves the query as it is.
//!
//! | lock | others meanwhile |
//! |---|---|
//! | `FOR KEY SHARE` | cannot delete the row or change its key |
//! | `FOR SHARE` | cannot change the row; several may hold it |
//! | `FOR NO KEY UPDATE` | cannot change or lock the row; may refer to it by a foreign key |
//! | `FOR UPDATE` | cannot change, lock or refer to the row |

use super::Conn;
use super::one_of::OneOf;
use crate::rows::{
    AppRow, DeviceAuthorizationRow, GroupRow, InitialTokenRow, JobRow, OrganizationRow, RegisteredClientRow, RoleRow,
    TemplateRow, UserRow, VersionRow, WorkspaceProxyRow, WorkspaceRow,
};
use crate::schema::{
    api_keys, custom_roles, groups, oauth2_apps, oauth2_device_authorizations, oauth2_registered_clients,
    oauth2_registration_tokens, openid_sessions, organization_members, organizations, provisioner_jobs,
    template_versions, templates, users, workspace_proxies, workspaces,
};
use crate::types::{Hash, Id};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Digest;
use doorward_domain::ids::{
    AppId, GroupId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId, WorkspaceId,
    WorkspaceProxyId,
};
use doorward_domain::sessions::ApiKeyId;
use uuid::Uuid;

/// Reads a user. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn user_for_update(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    row_lock!(users::table.find(Id(id)).select(UserRow::as_select()), for_no_key_update).get_result(conn).optional()
}

/// Reads a user. Until the transaction ends, nobody gets to change it.
pub(super) fn user_for_share(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    row_lock!(users::table.find(Id(id)).select(UserRow::as_select()), for_share).get_result(conn).optional()
}

/// Reads what a device asks for. Until the transaction ends, nobody else gets to change it.
pub(super) fn device_authorization_for_update(
    conn: &mut Conn,
    prefix: &str,
) -> QueryResult<Option<DeviceAuthorizationRow>> {
    let row = oauth2_device_authorizations::table
        .filter(oauth2_device_authorizations::prefix.eq(prefix))
        .select(DeviceAuthorizationRow::as_select());
    row_lock!(row, for_no_key_update).get_result(conn).optional()
}

/// Reads a group. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn group_for_update(conn: &mut Conn, id: GroupId) -> QueryResult<Option<GroupRow>> {
    row_lock!(groups::table.find(Id(id)).select(GroupRow::as_select()), for_no_key_update).get_result(conn).optional()
}

/// Reads a workspace proxy. Until the transaction ends, nobody else gets to change it.
pub(super) fn workspace_proxy_for_update(
    conn: &mut Conn,
    id: WorkspaceProxyId,
) -> QueryResult<Option<WorkspaceProxyRow>> {
    let row = workspace_proxies::table.find(Id(id)).select(WorkspaceProxyRow::as_select());
    row_lock!(row, for_no_key_update).get_result(conn).optional()
}

/// Reads what is kept of a client that registered itself. Until the transaction ends, nobody else gets to change it.
pub(super) fn registered_client_for_update(conn: &mut Conn, id: AppId) -> QueryResult<Option<RegisteredClientRow>> {
    let row = oauth2_registered_clients::table.find(Id(id)).select(RegisteredClientRow::as_select());
    row_lock!(row, for_no_key_update).get_result(conn).optional()
}

/// The same of the one of this identity.
pub(super) fn registered_client_by_identity_for_update(
    conn: &mut Conn,
    identity: &Digest,
) -> QueryResult<Option<RegisteredClientRow>> {
    let row = oauth2_registered_clients::table
        .filter(oauth2_registered_clients::identity.eq(Some(Hash(*identity))))
        .select(RegisteredClientRow::as_select());
    row_lock!(row, for_no_key_update).get_result(conn).optional()
}

/// Reads a token by which clients may be registered. Until the transaction ends, nobody else gets to use it.
pub(super) fn initial_token_for_update(conn: &mut Conn, prefix: &str) -> QueryResult<Option<InitialTokenRow>> {
    let row = oauth2_registration_tokens::table
        .filter(oauth2_registration_tokens::prefix.eq(prefix))
        .select(InitialTokenRow::as_select());
    row_lock!(row, for_no_key_update).get_result(conn).optional()
}

/// The ids of those of these apps that are there, but for those that others hold. Until the transaction ends, nobody gets to refer to
/// them.
pub(super) fn free_apps_for_update(conn: &mut Conn, among: OneOf) -> QueryResult<Vec<Id<AppId>>> {
    let apps = oauth2_apps::table.filter(among).order(oauth2_apps::id).select(oauth2_apps::id);
    row_lock!(apps, for_update.skip_locked).load(conn)
}

/// Those of these groups that are there, by id. Until the transaction ends, nobody gets to delete them.
pub(super) fn groups_for_key_share(conn: &mut Conn, among: OneOf) -> QueryResult<Vec<Id<GroupId>>> {
    row_lock!(groups::table.filter(among).order(groups::id).select(groups::id), for_key_share).load(conn)
}

/// Those of these groups that are there, by id. Until the transaction ends, nobody gets to refer to them, and so to change their members.
pub(super) fn groups_for_update(conn: &mut Conn, among: OneOf) -> QueryResult<Vec<Id<GroupId>>> {
    row_lock!(groups::table.filter(among).order(groups::id).select(groups::id), for_update).load(conn)
}

/// The key of the session that apps know by this name. Until the transaction ends, it does not end.
pub(super) fn session_for_key_share(conn: &mut Conn, sid: Uuid) -> QueryResult<Option<String>> {
    let session = openid_sessions::table.filter(openid_sessions::sid.eq(Id(sid))).select(openid_sessions::key_id);
    row_lock!(session, for_key_share).get_result(conn).optional()
}

/// Those of the users who belong to the organization, sorted. Until the transaction ends, nobody else gets to remove them.
pub(super) fn members_for_key_share(
    conn: &mut Conn,
    organization: OrganizationId,
    among: OneOf,
) -> QueryResult<Vec<UserId>> {
    let members = organization_members::table
        .filter(organization_members::organization_id.eq(Id(organization)))
        .filter(among)
        .order(organization_members::user_id)
        .select(organization_members::user_id);
    let ids = row_lock!(members, for_key_share).load::<Id<UserId>>(conn)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Reads an organization that is not deleted. Until the transaction ends, nobody else gets to change it or to refer to it.
pub(super) fn organization_for_update(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<OrganizationRow>> {
    let organization = organizations::table.find(Id(id)).filter(not(organizations::deleted));
    row_lock!(organization.select(OrganizationRow::as_select()), for_update).get_result(conn).optional()
}

/// Whether the organization is there, and it stays until the transaction ends.
pub(super) fn organization_for_key_share(conn: &mut Conn, id: OrganizationId) -> QueryResult<bool> {
    let organization = organizations::table.find(Id(id)).filter(not(organizations::deleted));
    let found: Option<Id<OrganizationId>> =
        row_lock!(organization.select(organizations::id), for_key_share).get_result(conn).optional()?;
    Ok(found.is_some())
}

/// How many of these organizations are there, all of which stay until the transaction ends.
pub(super) fn organizations_for_key_share(conn: &mut Conn, among: OneOf) -> QueryResult<usize> {
    let living = organizations::table.filter(among).filter(not(organizations::deleted)).order(organizations::id);
    let found = row_lock!(living.select(organizations::id), for_key_share).load::<Id<OrganizationId>>(conn)?;
    Ok(found.len())
}

/// Reads those of these organizations that are not deleted, by id. Until the transaction ends, nobody gets to delete them.
pub(super) fn living_organizations_for_key_share(conn: &mut Conn, among: OneOf) -> QueryResult<Vec<OrganizationRow>> {
    let living = organizations::table.filter(among).filter(not(organizations::deleted)).order(organizations::id);
    row_lock!(living.select(OrganizationRow::as_select()), for_key_share).load(conn)
}

/// Whether there is such a membership. Until the transaction ends, nobody else gets to change or end it.
pub(super) fn membership_for_update(conn: &mut Conn, organization: OrganizationId, user: UserId) -> QueryResult<bool> {
    let membership = organization_members::table.find((Id(organization), Id(user)));
    let found: Option<Id<UserId>> =
        row_lock!(membership.select(organization_members::user_id), for_no_key_update).get_result(conn).optional()?;
    Ok(found.is_some())
}

/// Reads custom roles. Until the transaction ends, nobody else gets to delete them.
pub(super) fn roles_for_key_share(conn: &mut Conn, wanted: OneOf) -> QueryResult<Vec<RoleRow>> {
    let roles = custom_roles::table.filter(wanted).order(custom_roles::name).select(RoleRow::as_select());
    row_lock!(roles, for_key_share).load(conn)
}

/// Reads a custom role. Until the transaction ends, nobody else gets to change or give it.
pub(super) fn role_for_update(conn: &mut Conn, name: &str) -> QueryResult<Option<RoleRow>> {
    let role = custom_roles::table.filter(custom_roles::name.eq(name));
    row_lock!(role.select(RoleRow::as_select()), for_update).get_result(conn).optional()
}

/// Reads a template. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn template_for_update(conn: &mut Conn, id: TemplateId) -> QueryResult<Option<TemplateRow>> {
    row_lock!(templates::table.find(Id(id)).select(TemplateRow::as_select()), for_no_key_update)
        .get_result(conn)
        .optional()
}

/// Reads a template. Until the transaction ends, nobody gets to change it.
pub(super) fn template_for_share(conn: &mut Conn, id: TemplateId) -> QueryResult<Option<TemplateRow>> {
    row_lock!(templates::table.find(Id(id)).select(TemplateRow::as_select()), for_share).get_result(conn).optional()
}

/// Reads a version of a template. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn template_version_for_update(conn: &mut Conn, id: TemplateVersionId) -> QueryResult<Option<VersionRow>> {
    row_lock!(template_versions::table.find(Id(id)).select(VersionRow::as_select()), for_no_key_update)
        .get_result(conn)
        .optional()
}

/// Reads a job of provisioner daemons. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn provisioner_job_for_update(conn: &mut Conn, id: ProvisionerJobId) -> QueryResult<Option<JobRow>> {
    row_lock!(provisioner_jobs::table.find(Id(id)).select(JobRow::as_select()), for_no_key_update)
        .get_result(conn)
        .optional()
}

/// Reads a workspace. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn workspace_for_update(conn: &mut Conn, id: WorkspaceId) -> QueryResult<Option<WorkspaceRow>> {
    row_lock!(workspaces::table.find(Id(id)).select(WorkspaceRow::as_select()), for_no_key_update)
        .get_result(conn)
        .optional()
}

/// Reads an OAuth2 app. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn app_for_update(conn: &mut Conn, id: AppId) -> QueryResult<Option<AppRow>> {
    row_lock!(oauth2_apps::table.find(Id(id)).select(AppRow::as_select()), for_no_key_update)
        .get_result(conn)
        .optional()
}

/// Those of the keys that have these secrets and are not known to have been used, but for those that somebody else has
/// locked. Until the transaction ends, nobody else gets to change them.
pub(super) fn unused_keys_for_update(conn: &mut Conn, keys: &[(ApiKeyId, Digest)]) -> QueryResult<Vec<String>> {
    // A digest belongs to one key, so that both lists together are as good as pairs.
    let unused = api_keys::table
        .filter(api_keys::id.eq_any(keys.iter().map(|(id, _)| id.as_str())))
        .filter(api_keys::secret_digest.eq_any(keys.iter().map(|(_, digest)| Hash(*digest))))
        .filter(api_keys::unused)
        .select(api_keys::id);
    row_lock!(unused, for_no_key_update.skip_locked).load(conn)
}
