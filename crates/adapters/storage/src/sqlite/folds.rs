//! New marks for counting users.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Replaces the marks, and forgets the changes that they contain. Nobody else writes meanwhile.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute(&format!("DELETE FROM user_marks; DELETE FROM user_changes; WITH {marks}"))
}
