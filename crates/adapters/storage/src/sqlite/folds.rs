//! New marks for counting users. Members of groups have numbers that are always up to date.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Replaces the marks, and forgets the changes that they contain. Nobody else writes meanwhile.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute(&format!("DELETE FROM user_marks; DELETE FROM user_changes; WITH {marks}"))
}

/// Groups with numbers whose sum is how many members they have.
pub(super) const MEMBERS: &str = "member_counts";

/// Whether there are so many changes of members, or more: none are kept.
#[expect(clippy::unnecessary_wraps, reason = "the other database has some")]
pub(super) fn has_member_changes(_conn: &mut Conn, _many: i64) -> QueryResult<bool> {
    Ok(false)
}

/// There is nothing to be added to the numbers.
#[expect(clippy::unnecessary_wraps, reason = "the other database has changes")]
pub(super) fn fold_members(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}
