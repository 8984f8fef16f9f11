//! Rules that several servers must not break together.

use super::Conn;
use crate::rows::UserRow;
use crate::schema::users;
use crate::types::Id;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use doorward_domain::ids::UserId;

/// Key of the advisory lock under which the first user is made.
const FIRST_USER: i64 = 0x646f_6f72_0001;

/// Until the transaction ends, nobody else gets past this.
pub(super) fn lock_first_user(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({FIRST_USER})"))
}

/// Reads a user. Until the transaction ends, nobody else gets to change it; references to it may be made.
pub(super) fn hold_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    users::table.find(Id(id)).select(UserRow::as_select()).for_no_key_update().get_result(conn).optional()
}
