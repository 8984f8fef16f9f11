//! Rules that several writers must not break together: here there is only one writer.

use super::Conn;
use crate::rows::{TemplateRow, UserRow, WorkspaceRow};
use crate::schema::{templates, users, workspaces};
use crate::types::Id;
use diesel::prelude::*;
use doorward_domain::ids::{TemplateId, UserId, WorkspaceId};

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_first_user(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Reads a user. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()
}

/// Reads a template. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_template(conn: &mut Conn, id: TemplateId) -> QueryResult<Option<TemplateRow>> {
    templates::table.find(Id(id)).select(TemplateRow::as_select()).get_result(conn).optional()
}

/// Reads a workspace. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_workspace(conn: &mut Conn, id: WorkspaceId) -> QueryResult<Option<WorkspaceRow>> {
    workspaces::table.find(Id(id)).select(WorkspaceRow::as_select()).get_result(conn).optional()
}
