//! Rules that several writers must not break together: here there is only one writer.

use super::Conn;
use super::group_members::OneOf;
use crate::rows::{GroupRow, TemplateRow, UserRow, WorkspaceRow};
use crate::schema::{groups, organization_members, templates, users, workspaces};
use crate::types::Id;
use diesel::prelude::*;
use doorward_domain::ids::{GroupId, OrganizationId, TemplateId, UserId, WorkspaceId};

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_first_user(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Reads a user. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()
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
