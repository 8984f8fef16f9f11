//! What directories have stored of groups.

use super::Conn;
use super::one_of::OneOf;
use crate::error::{Error, RowError};
use crate::rows::{GroupRow, ReducedUserRow, ScimGroupRow};
use crate::schema::{group_members, groups, scim_groups, users};
use crate::types::{At, Id};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::groups::GroupMember;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::scim::{GroupRecord, Lookup, ProvisionedGroup, behind_prefix};
use doorward_ports::scim::UserGroup;

/// A group with what the directory has stored.
type Row = (GroupRow, ScimGroupRow);

/// The directory of the deployment stands beside those of organizations; no organization has the id of zeroes.
pub(super) fn place(directory: Option<OrganizationId>) -> Id<OrganizationId> {
    Id(directory.unwrap_or(OrganizationId::NIL))
}

/// The groups of a directory.
macro_rules! made {
    ($directory:expr) => {
        groups::table
            .inner_join(scim_groups::table.on(scim_groups::group_id.eq(groups::id)))
            .filter(scim_groups::directory.eq(place($directory)))
            .into_boxed()
    };
}

pub(super) fn find(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    id: GroupId,
) -> Result<Option<ProvisionedGroup>, Error> {
    let row: Option<Row> = made!(directory)
        .filter(groups::id.eq(Id(id)))
        .select((GroupRow::as_select(), ScimGroupRow::as_select()))
        .get_result(conn)
        .optional()?;
    row.map(provisioned).transpose()
}

pub(super) fn look_up(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    lookup: &Lookup,
    limit: u32,
) -> Result<Vec<ProvisionedGroup>, Error> {
    let mut ids: Vec<GroupId> = lookup.ids.iter().copied().map(GroupId).collect();
    let mut add = |found: Vec<Id<GroupId>>| ids.extend(found.into_iter().map(|id| id.0));
    let texts = |column: &'static str, texts: &[String]| OneOf::texts(column, texts.iter().map(String::as_str));
    let recorded =
        || scim_groups::table.filter(scim_groups::directory.eq(place(directory))).select(scim_groups::group_id);
    if !lookup.external_ids.is_empty() {
        add(recorded().filter(texts("scim_groups.external_id", &lookup.external_ids)).load(conn)?);
    }
    if !lookup.display_names.is_empty() {
        add(recorded().filter(texts("scim_groups.display_name_key", &lookup.display_names)).load(conn)?);
    }
    if !lookup.members.is_empty() {
        let mine = group_members::table.filter(OneOf::ids("group_members.user_id", lookup.members.iter().copied()));
        add(mine.select(group_members::group_id).distinct().load(conn)?);
    }
    for prefix in &lookup.display_name_prefixes {
        let mut named = recorded().filter(scim_groups::display_name_key.ge(prefix)).into_boxed();
        if let Some(end) = behind_prefix(prefix) {
            named = named.filter(scim_groups::display_name_key.lt(end));
        }
        add(named.limit(limit.into()).load(conn)?);
    }
    if let Some(since) = lookup.modified_since {
        add(recorded().filter(scim_groups::updated_at.ge(At(since))).limit(limit.into()).load(conn)?);
        // What people change of the group changes it too.
        let changed = made!(directory).filter(groups::updated_at.ge(At(since)));
        add(changed.limit(limit.into()).select(groups::id).load(conn)?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = made!(directory)
        .filter(OneOf::ids("groups.id", ids))
        .order(groups::id)
        .limit(limit.into())
        .select((GroupRow::as_select(), ScimGroupRow::as_select()))
        .load(conn)?;
    rows.into_iter().map(provisioned).collect()
}

pub(super) fn list(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    after: Option<GroupId>,
    offset: u64,
    limit: u32,
) -> Result<Vec<ProvisionedGroup>, Error> {
    let mut query = made!(directory);
    if let Some(after) = after {
        query = query.filter(scim_groups::group_id.gt(Id(after)));
    }
    let rows: Vec<Row> = query
        // The order of the primary key of what directories have stored, of whom others have made groups nothing is read.
        .order(scim_groups::group_id)
        .offset(i64::try_from(offset).unwrap_or(i64::MAX))
        .limit(limit.into())
        .select((GroupRow::as_select(), ScimGroupRow::as_select()))
        .load(conn)?;
    rows.into_iter().map(provisioned).collect()
}

pub(super) fn count(conn: &mut Conn, directory: Option<OrganizationId>) -> QueryResult<u64> {
    let count: i64 = scim_groups::table.filter(scim_groups::directory.eq(place(directory))).count().get_result(conn)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn of_users(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    users: &[UserId],
) -> QueryResult<Vec<UserGroup>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Id<UserId>, Id<GroupId>, String)> = group_members::table
        .inner_join(scim_groups::table.on(scim_groups::group_id.eq(group_members::group_id)))
        .filter(scim_groups::directory.eq(place(directory)))
        .filter(OneOf::ids("group_members.user_id", users.iter().copied()))
        .order((group_members::user_id, group_members::group_id))
        .select((group_members::user_id, group_members::group_id, scim_groups::display_name))
        .load(conn)?;
    let group = |(user, group, display_name): (Id<UserId>, Id<GroupId>, String)| UserGroup {
        user_id: user.0,
        group_id: group.0,
        display_name,
    };
    Ok(rows.into_iter().map(group).collect())
}

pub(super) fn members_among(conn: &mut Conn, group: GroupId, users: &[UserId]) -> QueryResult<Vec<UserId>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let members = group_members::table
        .filter(group_members::group_id.eq(Id(group)))
        .filter(OneOf::ids("group_members.user_id", users.iter().copied()))
        .order(group_members::user_id)
        .select(group_members::user_id);
    Ok(members.load::<Id<UserId>>(conn)?.into_iter().map(|id| id.0).collect())
}

pub(super) fn list_members_among(
    conn: &mut Conn,
    groups: &[GroupId],
    users: &[UserId],
) -> Result<Vec<GroupMember>, Error> {
    if groups.is_empty() || users.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Id<GroupId>, ReducedUserRow)> = group_members::table
        .inner_join(users::table.on(users::id.eq(group_members::user_id)))
        .filter(not(users::deleted))
        .filter(not(users::is_system))
        .filter(OneOf::ids("group_members.group_id", groups.iter().copied()))
        .filter(OneOf::ids("group_members.user_id", users.iter().copied()))
        .order((group_members::group_id, group_members::user_id))
        .select((group_members::group_id, ReducedUserRow::as_select()))
        .load(conn)?;
    let member = |(group, user): (Id<GroupId>, ReducedUserRow)| -> Result<_, RowError> {
        Ok(GroupMember { group_id: group.0, user: user.try_into()? })
    };
    Ok(rows.into_iter().map(member).collect::<Result<_, _>>()?)
}

pub(super) fn store(
    conn: &mut Conn,
    directory: Option<OrganizationId>,
    id: GroupId,
    record: &GroupRecord,
) -> Result<(), Error> {
    let row = ScimGroupRow::new(place(directory), id, record);
    diesel::insert_into(scim_groups::table)
        .values(&row)
        .on_conflict((scim_groups::directory, scim_groups::group_id))
        .do_update()
        .set(&row)
        .execute(conn)?;
    Ok(())
}

fn provisioned((group, record): Row) -> Result<ProvisionedGroup, Error> {
    Ok(ProvisionedGroup { group: group.try_into()?, record: record.into() })
}
