//! What directories have stored of users and, in `scim_groups`, of groups.

use super::Conn;
use super::has_address::HasAddress;
use super::one_of::OneOf;
use super::scim_groups::{self, place};
use super::scim_meant::Meant;
use crate::error::Error;
use crate::rows::{ScimUserRow, UserRow};
use crate::schema::{organization_members, scim_emails, scim_users, users};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use doorward_domain::groups::{Group, GroupMember};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::{GroupRecord, Lookup, ProvisionedGroup, ProvisionedUser, UserRecord, behind_prefix};
use doorward_ports::StoreError;
use doorward_ports::scim::{ScimRepository, UserGroup};

/// Why no cached permission is touched.
const NO_PERMISSION: &str = "no permission depends on what a directory says of a user";

/// A user with what the directory has stored.
type Row = (UserRow, Option<ScimUserRow>);

/// The users of a directory.
macro_rules! people {
    ($directory:expr) => {{
        let directory: Option<OrganizationId> = $directory;
        let recorded = scim_users::user_id.eq(users::id).and(scim_users::directory.eq(place(directory)));
        let mut query = users::table
            .left_join(scim_users::table.on(recorded))
            .filter(not(users::deleted))
            .filter(not(users::is_system))
            .filter(HasAddress)
            .into_boxed();
        if let Some(organization) = directory {
            let belongs = organization_members::table
                .filter(organization_members::organization_id.eq(Id(organization)))
                .filter(organization_members::user_id.eq(users::id));
            query = query.filter(scim_users::user_id.is_not_null()).filter(exists(belongs));
        }
        query
    }};
}

impl ScimRepository for UnitOfWork<'_, Conn> {
    fn find_user(
        &mut self,
        directory: Option<OrganizationId>,
        id: UserId,
    ) -> Result<Option<ProvisionedUser>, StoreError> {
        self.run(|conn| {
            let row: Option<Row> = people!(directory)
                .filter(users::id.eq(Id(id)))
                .select((UserRow::as_select(), Option::<ScimUserRow>::as_select()))
                .get_result(conn)
                .optional()?;
            row.map(provisioned).transpose()
        })
    }

    fn find_user_by_external_id(
        &mut self,
        directory: Option<OrganizationId>,
        external_id: &str,
    ) -> Result<Option<UserId>, StoreError> {
        self.run(|conn| {
            let found: Option<Id<UserId>> = scim_users::table
                .filter(scim_users::directory.eq(place(directory)))
                .filter(scim_users::external_id.eq(external_id))
                .select(scim_users::user_id)
                .get_result(conn)
                .optional()?;
            Ok(found.map(|id| id.0))
        })
    }

    fn find_users(
        &mut self,
        directory: Option<OrganizationId>,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<ProvisionedUser>, StoreError> {
        self.run(|conn| {
            let in_ranges = in_ranges(conn, directory, lookup, limit)?;
            let Some(meant) = Meant::by(directory, lookup, in_ranges) else { return Ok(Vec::new()) };
            let rows: Vec<Row> = people!(directory)
                .filter(meant)
                .order(users::id)
                .limit(limit.into())
                .select((UserRow::as_select(), Option::<ScimUserRow>::as_select()))
                .load(conn)?;
            rows.into_iter().map(provisioned).collect()
        })
    }

    fn list_users(
        &mut self,
        directory: Option<OrganizationId>,
        after: Option<UserId>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ProvisionedUser>, StoreError> {
        self.run(|conn| {
            let mut query = people!(directory);
            if let Some(after) = after {
                query = query.filter(users::id.gt(Id(after)));
            }
            let rows: Vec<Row> = query
                .order(users::id)
                .offset(i64::try_from(offset).unwrap_or(i64::MAX))
                .limit(limit.into())
                .select((UserRow::as_select(), Option::<ScimUserRow>::as_select()))
                .load(conn)?;
            rows.into_iter().map(provisioned).collect()
        })
    }

    fn users_among(&mut self, directory: Option<OrganizationId>, among: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        if among.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let known = people!(directory).filter(OneOf::ids("users.id", among.iter().copied()));
            let found: Vec<Id<UserId>> = known.order(users::id).select(users::id).load(conn)?;
            Ok(found.into_iter().map(|id| id.0).collect())
        })
    }

    fn count_users(&mut self, directory: Option<OrganizationId>) -> Result<u64, StoreError> {
        self.run(|conn| {
            let count: i64 = people!(directory).count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    fn insert_user(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        directory: Option<OrganizationId>,
        id: UserId,
        record: &UserRecord,
    ) -> Result<(), StoreError> {
        write_user(self, permit, directory, id, record, |conn, row| {
            diesel::insert_into(scim_users::table).values(row).execute(conn)
        })
    }

    fn store_user(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        directory: Option<OrganizationId>,
        id: UserId,
        record: &UserRecord,
    ) -> Result<(), StoreError> {
        write_user(self, permit, directory, id, record, |conn, row| {
            diesel::insert_into(scim_users::table)
                .values(row)
                .on_conflict((scim_users::directory, scim_users::user_id))
                .do_update()
                .set(row)
                .execute(conn)?;
            let mine = scim_emails::table
                .filter(scim_emails::directory.eq(place(directory)))
                .filter(scim_emails::user_id.eq(Id(id)));
            diesel::delete(mine).execute(conn)
        })
    }

    fn find_group(
        &mut self,
        directory: Option<OrganizationId>,
        id: GroupId,
    ) -> Result<Option<ProvisionedGroup>, StoreError> {
        self.run(|conn| scim_groups::find(conn, directory, id))
    }

    fn find_groups(
        &mut self,
        directory: Option<OrganizationId>,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<ProvisionedGroup>, StoreError> {
        self.run(|conn| scim_groups::look_up(conn, directory, lookup, limit))
    }

    fn list_groups(
        &mut self,
        directory: Option<OrganizationId>,
        after: Option<GroupId>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ProvisionedGroup>, StoreError> {
        self.run(|conn| scim_groups::list(conn, directory, after, offset, limit))
    }

    fn count_groups(&mut self, directory: Option<OrganizationId>) -> Result<u64, StoreError> {
        self.run(|conn| Ok(scim_groups::count(conn, directory)?))
    }

    fn list_user_groups(
        &mut self,
        directory: Option<OrganizationId>,
        users: &[UserId],
    ) -> Result<Vec<UserGroup>, StoreError> {
        self.run(|conn| Ok(scim_groups::of_users(conn, directory, users)?))
    }

    fn members_among(&mut self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        self.run(|conn| Ok(scim_groups::members_among(conn, group, users)?))
    }

    fn list_members_among(&mut self, groups: &[GroupId], users: &[UserId]) -> Result<Vec<GroupMember>, StoreError> {
        self.run(|conn| scim_groups::list_members_among(conn, groups, users))
    }

    fn store_group(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        directory: Option<OrganizationId>,
        group: &Group,
        record: &GroupRecord,
    ) -> Result<(), StoreError> {
        let about = permit.kind().id(group.id.0).organization(group.organization_id.0);
        let why = "no permission depends on what a directory says of a group";
        self.write(permit, &about, Touches::nobody(why), |conn| scim_groups::store(conn, directory, group.id, record))
    }
}

fn provisioned((user, record): Row) -> Result<ProvisionedUser, Error> {
    Ok(ProvisionedUser { account: user.try_into()?, record: record.map(UserRecord::from) })
}

/// Writes what a directory says of a user: `write` sees to the row, and to the addresses of before.
fn write_user(
    unit: &mut UnitOfWork<'_, Conn>,
    permit: &Permit<action::Update, resource::User>,
    directory: Option<OrganizationId>,
    id: UserId,
    record: &UserRecord,
    write: impl FnOnce(&mut Conn, &ScimUserRow) -> QueryResult<usize>,
) -> Result<(), StoreError> {
    unit.write_all(permit, &permit.kind().id(id.0).owner(id.0), Touches::nobody(NO_PERMISSION), |conn| {
        write(conn, &ScimUserRow::new(place(directory), id, record))?;
        Ok(insert_addresses(conn, directory, id, record)?)
    })
}

/// One by one: most have one address, and the statement for one row stays prepared.
fn insert_addresses(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    id: UserId,
    record: &UserRecord,
) -> QueryResult<()> {
    for key in record.email_keys() {
        let row = (
            scim_emails::directory.eq(place(directory)),
            scim_emails::email_key.eq(key),
            scim_emails::user_id.eq(Id(id)),
        );
        diesel::insert_into(scim_emails::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// The ids of those who lie in the ranges, each by an index; at most `limit` of each. If there are more, those of the directory that are
/// found are as many as `limit` too.
fn in_ranges(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    lookup: &Lookup,
    limit: u32,
) -> QueryResult<Vec<UserId>> {
    let mut ids: Vec<UserId> = Vec::new();
    let mut add = |found: Vec<Id<UserId>>| ids.extend(found.into_iter().map(|id| id.0));
    for prefix in &lookup.user_name_prefixes {
        // Two questions, for no index knows both columns.
        let mut recorded = people!(directory).filter(scim_users::user_name_key.ge(prefix));
        let mut accounts = people!(directory).filter(users::username_key.ge(prefix));
        if let Some(end) = behind_prefix(prefix) {
            recorded = recorded.filter(scim_users::user_name_key.lt(end.clone()));
            accounts = accounts.filter(users::username_key.lt(end));
        }
        add(recorded.limit(limit.into()).select(users::id).load(conn)?);
        add(accounts.limit(limit.into()).select(users::id).load(conn)?);
    }
    if let Some(since) = lookup.modified_since {
        let recorded = people!(directory).filter(scim_users::updated_at.ge(At(since)));
        add(recorded.limit(limit.into()).select(users::id).load(conn)?);
        let accounts = people!(directory).filter(users::updated_at.ge(At(since)));
        add(accounts.limit(limit.into()).select(users::id).load(conn)?);
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}
