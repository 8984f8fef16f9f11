//! How many users follow one of them in the order of the list, without reading them all.
//!
//! The migration `counts` tells what the two tables hold. The number is that of the next mark, and of what has changed
//! behind it since, and of the users up to it, which are read: all in one statement, so that all speak of one moment.

use super::advisory::Advisory;
use super::{Conn, folds, lists};
use crate::types::Texts;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};

type Backend = <Conn as Connection>::Backend;

/// So many changes are worth new marks: reading them costs less than a page of users.
const MANY_CHANGES: i64 = 1_000;

/// After every name, for it begins with the last character there is.
const LAST: &str = "\u{10FFFF}";

/// Listed users with a name after `after` and one of `statuses`.
#[derive(Debug)]
struct Following<'a> {
    after: &'a str,
    statuses: Texts,
}

impl QueryId for Following<'_> {
    type QueryId = Following<'static>;
}

impl Query for Following<'_> {
    type SqlType = BigInt;
}

impl RunQueryDsl<Conn> for Following<'_> {}

impl QueryFragment<Backend> for Following<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        // Without a mark ahead all are read.
        out.push_sql("WITH mark AS (SELECT coalesce(min(username_key), ");
        out.push_bind_param::<Text, _>(LAST)?;
        out.push_sql(") AS username_key FROM user_marks WHERE username_key >= ");
        out.push_bind_param::<Text, _>(self.after)?;
        out.push_sql(
            ") SELECT CAST((SELECT count(*) FROM users WHERE NOT deleted AND NOT is_system AND username_key > ",
        );
        out.push_bind_param::<Text, _>(self.after)?;
        out.push_sql(" AND username_key <= (SELECT username_key FROM mark) AND ");
        lists::one_of_texts(&mut out, "status", &self.statuses)?;
        out.push_sql(
            ") + (SELECT coalesce(sum(following), 0) FROM user_marks \
             WHERE username_key = (SELECT username_key FROM mark) AND ",
        );
        lists::one_of_texts(&mut out, "status", &self.statuses)?;
        out.push_sql(
            ") + (SELECT coalesce(sum(change), 0) FROM user_changes \
             WHERE username_key > (SELECT username_key FROM mark) AND ",
        );
        lists::one_of_texts(&mut out, "status", &self.statuses)?;
        out.push_sql(") AS bigint)");
        Ok(())
    }
}

/// Counts the listed users after the name `after` (all of them without it) that have one of `statuses`.
pub(super) fn following(conn: &mut Conn, after: Option<&str>, statuses: Texts) -> QueryResult<i64> {
    Following { after: after.unwrap_or_default(), statuses }.get_result(conn)
}

/// The marks of all users as they are now.
const MARKS: &str = "\
    listed AS ( \
        SELECT username_key, status, (row_number() OVER (ORDER BY username_key) - 1) / 256 AS stretch \
        FROM users WHERE NOT deleted AND NOT is_system), \
    places AS ( \
        SELECT max(username_key) AS username_key, stretch FROM listed GROUP BY stretch \
        UNION ALL SELECT '', -1), \
    amounts AS (SELECT stretch, status, count(*) AS amount FROM listed GROUP BY stretch, status) \
    INSERT INTO user_marks (username_key, status, following) \
    SELECT p.username_key, s.status, CAST(coalesce(sum(a.amount) OVER ( \
        PARTITION BY s.status ORDER BY p.stretch DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bigint) \
    FROM places p CROSS JOIN (SELECT DISTINCT status FROM amounts) s \
    LEFT JOIN amounts a ON a.stretch = p.stretch AND a.status = s.status";

/// Makes new marks if there are none, or many changes since, and folds the changes of members if they are many. Must be
/// called in a transaction; whether it did anything.
pub(super) fn renew(conn: &mut Conn) -> QueryResult<bool> {
    if !is_due(conn)? && !folds::has_member_changes(conn, MANY_CHANGES)? || !Advisory::Counts.try_lock(conn)? {
        return Ok(false);
    }
    let (marks, members) = (is_due(conn)?, folds::has_member_changes(conn, MANY_CHANGES)?);
    if marks {
        folds::renew_marks(conn, MARKS)?;
    }
    if members {
        folds::fold_members(conn)?;
    }
    Ok(marks || members)
}

fn is_due(conn: &mut Conn) -> QueryResult<bool> {
    let due = "SELECT NOT EXISTS (SELECT 1 FROM user_marks) \
               OR (SELECT count(*) FROM (SELECT 1 FROM user_changes LIMIT ";
    let due = diesel::dsl::sql::<Bool>(due).bind::<BigInt, _>(MANY_CHANGES).sql(") AS changes) >= ");
    due.bind::<BigInt, _>(MANY_CHANGES).get_result(conn)
}
