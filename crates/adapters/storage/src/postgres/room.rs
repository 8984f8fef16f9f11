//! Whether the disk has room.

use super::Conn;
use diesel::QueryResult;
use diesel::connection::SimpleConnection as _;

/// Makes a table of a quarter of a megabyte where those of the database are, and forgets it: unlike a row, it finds no space
/// that an older one has left. Whoever may make none learns nothing by it.
const PROOF: &str = "DO $$ BEGIN PERFORM set_config('temp_tablespaces', '', true); \
                     CREATE TEMPORARY TABLE doorward_room ON COMMIT DROP AS \
                     SELECT repeat('x', 1000) AS filler FROM generate_series(1, 256); \
                     EXCEPTION WHEN insufficient_privilege THEN NULL; END $$";

/// Fails where nothing can grow.
pub(super) fn prove(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(PROOF)
}
