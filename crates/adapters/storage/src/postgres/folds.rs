//! New marks for counting users, and members of groups without their history.

use super::Conn;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Bool};
use diesel::{QueryResult, RunQueryDsl as _};

/// Replaces the marks, and forgets the changes that they contain. One statement reads users and changes, so that both
/// are of the same moment: what others commit meanwhile is in neither.
pub(super) fn renew_marks(conn: &mut Conn, marks: &str) -> QueryResult<()> {
    conn.batch_execute("DELETE FROM user_marks")?;
    conn.batch_execute(&format!("WITH contained AS (DELETE FROM user_changes), {marks}"))
}

/// Groups with numbers whose sum is how many members they have.
pub(super) const MEMBERS: &str = "(SELECT group_id, members FROM member_counts \
    UNION ALL SELECT group_id, change AS members FROM member_changes) AS counted";

/// Whether there are so many changes of members, or more.
pub(super) fn has_member_changes(conn: &mut Conn, many: i64) -> QueryResult<bool> {
    let due = diesel::dsl::sql::<Bool>("SELECT (SELECT count(*) FROM (SELECT 1 FROM member_changes LIMIT ");
    due.bind::<BigInt, _>(many).sql(") AS changes) >= ").bind::<BigInt, _>(many).get_result(conn)
}

/// Adds the changes of members to the numbers, in one statement: whoever counts sees them in one place or the other, and
/// what others commit meanwhile stays a change.
pub(super) fn fold_members(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(
        "WITH taken AS (DELETE FROM member_changes RETURNING group_id, change), \
         sums AS (SELECT group_id, sum(change) AS change FROM taken GROUP BY group_id) \
         INSERT INTO member_counts AS c (group_id, members) \
            SELECT group_id, change FROM sums WHERE change <> 0 ORDER BY group_id \
            ON CONFLICT (group_id) DO UPDATE SET members = c.members + excluded.members",
    )?;
    conn.batch_execute("DELETE FROM member_counts WHERE members = 0")
}
