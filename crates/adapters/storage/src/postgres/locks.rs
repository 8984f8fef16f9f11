//! Rules that several servers must not break together.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Key of the advisory lock under which the first user is made.
const FIRST_USER: i64 = 0x646f_6f72_0001;

/// Until the transaction ends, nobody else gets past this.
pub(super) fn lock_first_user(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({FIRST_USER})"))
}
