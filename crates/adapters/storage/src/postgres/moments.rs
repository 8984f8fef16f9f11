//! The clock of the database, and rows that others hold. Shared work on background jobs goes by that clock, for those of
//! servers differ.

use super::Conn;
use diesel::{QueryResult, RunQueryDsl as _};

/// Now: when the statement began.
pub(super) const NOW: &str = "statement_timestamp()";

/// Now, and so many microseconds later, which stand between both parts.
pub(super) const LATER: (&str, &str) = ("(statement_timestamp() + ", " * interval '1 microsecond')");

/// Rows that others hold are left out.
pub(super) const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

/// Around a query whose answers a row is one of. It is asked once: a plan that asked again would pass over rows that it has
/// locked itself, and take more than its limit.
pub(super) const ONE_OF: (&str, &str) = (" = ANY(ARRAY(", "))");

/// What tells a row from the others of its table, whatever its primary key is.
pub(super) const fn row_name(_key: &'static str) -> &'static str {
    "ctid"
}

/// First half of the key of the advisory locks of topics.
const TOPICS: i32 = 0x646f_6f72;

/// Until the transaction ends, nobody else gets past this with the topic.
pub(super) fn lock_topic(conn: &mut Conn, topic: &str) -> QueryResult<()> {
    let lock = diesel::dsl::sql::<diesel::sql_types::Bool>(&format!(
        "SELECT true FROM (SELECT pg_advisory_xact_lock({TOPICS}, hashtext("
    ));
    let lock = lock.bind::<diesel::sql_types::Text, _>(topic).sql("))) AS locked");
    lock.get_result::<bool>(conn).map(drop)
}
