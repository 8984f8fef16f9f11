//! The clock of the database, and rows that others hold: here it is that of this process, and there is only one writer.

use super::Conn;
use diesel::QueryResult;

/// Now, to the millisecond.
pub(super) const NOW: &str = "(CAST(round(unixepoch('subsec') * 1000.0) AS integer) * 1000)";

/// Now, and so many microseconds later, which stand between both parts.
pub(super) const LATER: (&str, &str) = ("(CAST(round(unixepoch('subsec') * 1000.0) AS integer) * 1000 + ", ")");

/// Nobody else holds a row.
pub(super) const SKIP_LOCKED: &str = "";

/// Around a query whose answers a row is one of.
pub(super) const ONE_OF: (&str, &str) = (" IN (", ")");

/// What tells a row from the others of its table: its primary key, for tables without row ids.
pub(super) const fn row_name(key: &'static str) -> &'static str {
    key
}

/// Until the transaction ends, nobody else gets past this with the topic.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_topic(_conn: &mut Conn, _topic: &str) -> QueryResult<()> {
    Ok(())
}
