//! Advisory locks, of which SQLite needs none: it has one writer.

use super::Conn;
use diesel::QueryResult;

/// What is locked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Advisory {
    /// That the first user is made.
    FirstUser,
    /// That owners are ended.
    Owners,
    /// That custom roles are made, changed and deleted.
    RoleDefinitions,
    /// That counts are made anew.
    Counts,
    /// That settings are changed while the server runs.
    RuntimeSettings,
    /// That workspace proxies are made, each with a number of its own.
    WorkspaceProxies,
    /// That clients register themselves, of which there are so many at most.
    Registrations,
    /// That devices ask for codes, of which there are so many at most.
    DeviceAuthorizations,
}

#[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the other database asks its server")]
impl Advisory {
    /// Nobody else is writing.
    pub(super) fn lock(self, _conn: &mut Conn) -> QueryResult<()> {
        Ok(())
    }

    /// Nobody else is writing.
    pub(super) fn try_lock(self, _conn: &mut Conn) -> QueryResult<bool> {
        Ok(true)
    }
}
