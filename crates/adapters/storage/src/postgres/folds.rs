//! New marks for counting users.

use super::Conn;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Bool;
use diesel::{QueryResult, RunQueryDsl as _};

/// Key of the advisory lock under which the marks are made anew.
const MARKS: i64 = 0x646f_6f72_0002;

/// Whether nobody else makes the marks anew, who then cannot until the transaction ends.
pub(super) fn try_lock(conn: &mut Conn) -> QueryResult<bool> {
    diesel::dsl::sql::<Bool>(&format!("SELECT pg_try_advisory_xact_lock({MARKS})")).get_result(conn)
}

/// Replaces the marks, and forgets the changes that they contain. One statement reads users and changes, so that both
/// are of the same moment: what others commit meanwhile is in neither.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute("DELETE FROM user_marks")?;
    conn.batch_execute(&format!("WITH contained AS (DELETE FROM user_changes), {marks}"))
}
