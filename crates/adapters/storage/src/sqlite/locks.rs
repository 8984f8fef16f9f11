//! Rules that several writers must not break together: here there is only one writer.

use super::Conn;
use super::queries::one_of::OneOf;
use crate::rows::{AppRow, GroupRow, OrganizationRow, RoleRow, TemplateRow, UserRow, WorkspaceRow};
use crate::schema::{
    api_keys, custom_roles, groups, oauth2_apps, organization_members, organizations, templates, users, workspaces,
};
use crate::types::{Hash, Id};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Digest;
use doorward_domain::ids::{AppId, GroupId, OrganizationId, TemplateId, UserId, WorkspaceId};
use doorward_domain::sessions::ApiKeyId;

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_first_user(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_owners(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_role_definitions(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Reads a user. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()
}

/// Reads a user. Until the transaction ends, nobody gets to change it.
pub(super) fn keep_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    hold_user(conn, id)
}

/// Reads a group. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_group(conn: &mut Conn, id: GroupId) -> QueryResult<Option<GroupRow>> {
    groups::table.find(Id(id)).select(GroupRow::as_select()).get_result(conn).optional()
}

/// Those of the users who belong to the organization, sorted. Until the transaction ends, nobody else gets to remove them.
pub(super) fn hold_organization_members(
    conn: &mut Conn,
    organization: OrganizationId,
    among: OneOf,
) -> QueryResult<Vec<UserId>> {
    let ids = organization_members::table
        .filter(organization_members::organization_id.eq(Id(organization)))
        .filter(among)
        .order(organization_members::user_id)
        .select(organization_members::user_id)
        .load::<Id<UserId>>(conn)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Reads an organization that is not deleted. Until the transaction ends, nobody else gets to change it or to refer to it.
pub(super) fn hold_organization(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<OrganizationRow>> {
    let organization = organizations::table.find(Id(id)).filter(not(organizations::deleted));
    organization.select(OrganizationRow::as_select()).get_result(conn).optional()
}

/// Whether the organization is there, and it stays until the transaction ends.
pub(super) fn keep_organization(conn: &mut Conn, id: OrganizationId) -> QueryResult<bool> {
    let organization = organizations::table.find(Id(id)).filter(not(organizations::deleted));
    let found: Option<Id<OrganizationId>> = organization.select(organizations::id).get_result(conn).optional()?;
    Ok(found.is_some())
}

/// Whether there is such a membership. Until the transaction ends, nobody else gets to change or end it.
pub(super) fn hold_membership(conn: &mut Conn, organization: OrganizationId, user: UserId) -> QueryResult<bool> {
    let membership = organization_members::table.find((Id(organization), Id(user)));
    let found: Option<Id<UserId>> = membership.select(organization_members::user_id).get_result(conn).optional()?;
    Ok(found.is_some())
}

/// Reads custom roles. Until the transaction ends, nobody else gets to delete them.
pub(super) fn keep_roles(conn: &mut Conn, wanted: OneOf) -> QueryResult<Vec<RoleRow>> {
    custom_roles::table.filter(wanted).order(custom_roles::name).select(RoleRow::as_select()).load(conn)
}

/// Reads a custom role. Until the transaction ends, nobody else gets to change or give it.
pub(super) fn hold_role(conn: &mut Conn, name: &str) -> QueryResult<Option<RoleRow>> {
    let role = custom_roles::table.filter(custom_roles::name.eq(name));
    role.select(RoleRow::as_select()).get_result(conn).optional()
}

/// Reads a template. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_template(conn: &mut Conn, id: TemplateId) -> QueryResult<Option<TemplateRow>> {
    templates::table.find(Id(id)).select(TemplateRow::as_select()).get_result(conn).optional()
}

/// Reads a template. Until the transaction ends, nobody gets to change it.
pub(super) fn share_template(conn: &mut Conn, id: TemplateId) -> QueryResult<Option<TemplateRow>> {
    templates::table.find(Id(id)).select(TemplateRow::as_select()).get_result(conn).optional()
}

/// Reads a workspace. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_workspace(conn: &mut Conn, id: WorkspaceId) -> QueryResult<Option<WorkspaceRow>> {
    workspaces::table.find(Id(id)).select(WorkspaceRow::as_select()).get_result(conn).optional()
}

/// Reads an OAuth2 app. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_app(conn: &mut Conn, id: AppId) -> QueryResult<Option<AppRow>> {
    oauth2_apps::table.find(Id(id)).select(AppRow::as_select()).get_result(conn).optional()
}

/// Those of the keys that have these secrets and are not known to have been used.
pub(super) fn hold_unused_keys(conn: &mut Conn, keys: &[(ApiKeyId, Digest)]) -> QueryResult<Vec<String>> {
    // A digest belongs to one key, so that both lists together are as good as pairs.
    api_keys::table
        .filter(api_keys::id.eq_any(keys.iter().map(|(id, _)| id.as_str())))
        .filter(api_keys::secret_digest.eq_any(keys.iter().map(|(_, digest)| Hash(*digest))))
        .filter(api_keys::unused)
        .select(api_keys::id)
        .load(conn)
}
