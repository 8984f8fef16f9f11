//! New marks for counting users.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Whether nobody else makes the marks anew, who then cannot until the transaction ends.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn try_lock(_conn: &mut Conn) -> QueryResult<bool> {
    Ok(true)
}

/// Replaces the marks, and forgets the changes that they contain. Nobody else writes meanwhile.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute(&format!("DELETE FROM user_marks; DELETE FROM user_changes; WITH {marks}"))
}
