//! Rules that several writers must not break together: here there is only one writer.

use super::Conn;
use crate::rows::UserRow;
use crate::schema::users;
use crate::types::Id;
use diesel::prelude::*;
use doorward_domain::ids::UserId;

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_first_user(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Reads a user. Until the transaction ends, nobody else gets to change it.
pub(super) fn hold_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()
}
