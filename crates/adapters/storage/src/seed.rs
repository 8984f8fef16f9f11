//! Filling a database with many rows at once, for trying Doorward out at scale.
//!
//! Past the store port, which writes what people do, one thing at a time: here rows go in by `COPY` on PostgreSQL and by
//! one prepared statement on SQLite, in one transaction. Nothing is audited and no cached subject is told, so this is
//! for databases that nobody uses yet.

use crate::open::Address;
use crate::open_error::OpenError;
use crate::options::Options;
use crate::rows::{AuditRow, GroupRow, MembershipRow, OrganizationRow, UserRow};
use crate::schema::{audit_logs, custom_roles, group_members, groups, organization_members, organizations, users};
use crate::types::{At, Id, Json};
use crate::{error, postgres, sqlite};
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use doorward_domain::Instant;
use doorward_domain::audit::AuditRecord;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::Permission;
use doorward_domain::users::User;
use doorward_ports::StoreError;
use std::fmt;
use uuid::Uuid;

/// A custom role of an organization to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRole {
    /// Its id.
    pub id: Uuid,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it grants in the organization.
    pub permissions: Vec<Permission>,
    /// When it was made.
    pub created_at: Instant,
}

/// Adds rows in one transaction, which dropping it undoes. Each method adds all rows it is given, or fails, after which
/// nothing more can be added; `Conflict` says which rule of the store a row breaks.
pub struct Seeder(Connection);

enum Connection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl fmt::Debug for Seeder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seeder").finish_non_exhaustive()
    }
}

/// Says the same to both kinds of connection.
macro_rules! either {
    ($seeder:expr, $conn:ident => $call:expr) => {
        match &mut $seeder.0 {
            Connection::Postgres($conn) => $call.map_err(error::store_error),
            Connection::Sqlite($conn) => $call.map_err(error::store_error),
        }
    };
}

/// Adds rows to a table, in the quickest way of each database.
macro_rules! add {
    ($seeder:expr, $table:expr, $rows:expr) => {{
        let rows = $rows;
        let added = match &mut $seeder.0 {
            Connection::Postgres(conn) => {
                let rows: Vec<_> = rows.collect();
                diesel::copy_from($table).from_insertable(&rows).execute(conn).map(drop)
            }
            Connection::Sqlite(conn) => {
                let mut rows = rows;
                rows.try_for_each(|row| diesel::insert_into($table).values(row).execute(conn).map(drop))
            }
        };
        added.map_err(error::store_error)
    }};
}

impl Seeder {
    /// Begins a transaction in the database that `url` names, whose schema must be up to date. On SQLite nobody else can
    /// write until it ends.
    pub fn begin(url: &str, options: &Options) -> Result<Self, OpenError> {
        let mut seeder = match Address::parse(url)? {
            Address::Postgres(url) => Self(Connection::Postgres(
                postgres::connect(url, options.connect_timeout.std()).map_err(OpenError::Connect)?,
            )),
            Address::Sqlite(path) => Self(Connection::Sqlite(sqlite::connect_to_seed(&path)?)),
        };
        match &mut seeder.0 {
            Connection::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn),
            Connection::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
        }
        .map_err(OpenError::prepare)?;
        Ok(seeder)
    }

    /// Whether there is more than the first start and the first user leave behind.
    pub fn is_used(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM (SELECT 1 FROM users WHERE NOT is_system LIMIT 2) AS some_users) > 1 \
                   OR EXISTS (SELECT 1 FROM organizations WHERE NOT is_default) \
                   OR EXISTS (SELECT 1 FROM groups WHERE id <> organization_id)";
        either!(self, conn => diesel::dsl::sql::<Bool>(sql).get_result(conn))
    }

    /// Adds users.
    pub fn users(&mut self, rows: &[User]) -> Result<(), StoreError> {
        add!(self, users::table, rows.iter().map(UserRow::from))
    }

    /// Adds organizations, each with its group of all members.
    pub fn organizations(&mut self, rows: &[Organization]) -> Result<(), StoreError> {
        add!(self, organizations::table, rows.iter().map(OrganizationRow::from))?;
        add!(self, groups::table, rows.iter().map(|row| GroupRow::from(&Group::everyone(row))))
    }

    /// Adds members of organizations.
    pub fn memberships(&mut self, rows: &[Membership]) -> Result<(), StoreError> {
        add!(self, organization_members::table, rows.iter().map(MembershipRow::from))
    }

    /// Adds custom roles.
    pub fn roles(&mut self, rows: &[SeedRole]) -> Result<(), StoreError> {
        add!(self, custom_roles::table, rows.iter().map(RoleRow::from))
    }

    /// Adds groups.
    pub fn groups(&mut self, rows: &[Group]) -> Result<(), StoreError> {
        add!(self, groups::table, rows.iter().map(GroupRow::from))
    }

    /// Adds members of groups, who must be members of the organizations: group, its organization, user.
    pub fn group_members(&mut self, rows: &[(GroupId, OrganizationId, UserId)]) -> Result<(), StoreError> {
        let row = |(group, organization, user): &(GroupId, OrganizationId, UserId)| {
            (
                group_members::group_id.eq(Id(*group)),
                group_members::organization_id.eq(Id(*organization)),
                group_members::user_id.eq(Id(*user)),
            )
        };
        add!(self, group_members::table, rows.iter().map(row))
    }

    /// Adds audit records.
    pub fn audit(&mut self, rows: &[AuditRecord]) -> Result<(), StoreError> {
        add!(self, audit_logs::table, rows.iter().map(AuditRow::from))
    }

    /// Keeps what was added.
    pub fn commit(mut self) -> Result<Seeded, StoreError> {
        either!(self, conn => AnsiTransactionManager::commit_transaction(conn))?;
        Ok(Seeded(self))
    }
}

/// What was added is kept.
#[derive(Debug)]
pub struct Seeded(Seeder);

impl Seeded {
    /// Lets the database look at its new rows, so that it plans for them; on PostgreSQL indexes alone answer afterwards
    /// where they can. It would do so by itself, but later.
    pub fn analyze(mut self) -> Result<(), StoreError> {
        match &mut self.0.0 {
            Connection::Postgres(conn) => conn.batch_execute("VACUUM (ANALYZE)"),
            Connection::Sqlite(conn) => conn.batch_execute("ANALYZE"),
        }
        .map_err(error::store_error)
    }
}

#[derive(Insertable)]
#[diesel(table_name = custom_roles, treat_none_as_default_value = false)]
struct RoleRow<'a> {
    id: Id<Uuid>,
    organization_id: Option<Id<OrganizationId>>,
    name: &'a str,
    display_name: &'a str,
    site_permissions: Json<Vec<Permission>>,
    organization_permissions: Json<&'a [Permission]>,
    user_permissions: Json<Vec<Permission>>,
    member_permissions: Json<Vec<Permission>>,
    created_at: At,
    updated_at: At,
}

impl<'a> From<&'a SeedRole> for RoleRow<'a> {
    fn from(role: &'a SeedRole) -> Self {
        Self {
            id: Id(role.id),
            organization_id: Some(Id(role.organization_id)),
            name: &role.name,
            display_name: &role.display_name,
            site_permissions: Json(Vec::new()),
            organization_permissions: Json(&role.permissions),
            user_permissions: Json(Vec::new()),
            member_permissions: Json(Vec::new()),
            created_at: At(role.created_at),
            updated_at: At(role.created_at),
        }
    }
}
