//! Rules that several writers must not break together: here there is only one writer.

use super::Conn;
use diesel::QueryResult;

/// Until the transaction ends, nobody else gets past this.
#[expect(clippy::unnecessary_wraps, reason = "the other database asks its server")]
pub(super) fn lock_first_user(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}
