//! New marks for counting users.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Replaces the marks, and forgets the changes that they contain. One statement reads users and changes, so that both
/// are of the same moment: what others commit meanwhile is in neither.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute("DELETE FROM user_marks")?;
    conn.batch_execute(&format!("WITH contained AS (DELETE FROM user_changes), {marks}"))
}
