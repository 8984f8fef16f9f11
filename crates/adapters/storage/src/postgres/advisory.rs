//! Advisory locks: rules that several servers must not break together, and that no row stands for.

use super::Conn;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Bool;
use diesel::{QueryResult, RunQueryDsl as _};

/// What is locked, with the key of its lock. No two have the same key.
#[derive(Clone, Copy, Debug)]
#[repr(i64)]
pub(super) enum Advisory {
    /// That the first user is made.
    FirstUser = 0x646f_6f72_0001,
    /// That owners are ended. To be taken after users are locked, and before anything else is.
    Owners = 0x646f_6f72_0002,
    /// That custom roles are made, changed and deleted. To be taken before anything else is locked.
    RoleDefinitions = 0x646f_6f72_0003,
    /// That counts are made anew.
    Counts = 0x646f_6f72_0004,
    /// That settings are changed while the server runs. To be taken after users and organizations are locked.
    RuntimeSettings = 0x646f_6f72_0005,
    /// That workspace proxies are made, each with a number of its own.
    WorkspaceProxies = 0x646f_6f72_0017,
    /// That clients register themselves, of which there are so many at most.
    Registrations = 0x646f_6f72_0021,
    /// That devices ask for codes, of which there are so many at most.
    DeviceAuthorizations = 0x646f_6f72_0027,
}

impl Advisory {
    /// Waits for the lock, and has it until the transaction ends.
    pub(super) fn lock(self, conn: &mut Conn) -> QueryResult<()> {
        conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({})", self as i64))
    }

    /// Takes the lock if nobody has it; whether it did.
    pub(super) fn try_lock(self, conn: &mut Conn) -> QueryResult<bool> {
        diesel::dsl::sql::<Bool>(&format!("SELECT pg_try_advisory_xact_lock({})", self as i64)).get_result(conn)
    }
}
