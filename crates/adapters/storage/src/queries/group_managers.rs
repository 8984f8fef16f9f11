//! Who looks after the members of groups. A manager is a member of the organization: the database sees to it.

use super::Conn;
use crate::error::{Error, RowError};
use crate::rows::ReducedUserRow;
use crate::schema::{group_managers, users};
use crate::types::Id;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::users::ReducedUser;

/// The managers of a group, by lower-cased user name.
pub(super) fn list(conn: &mut Conn, group: GroupId) -> Result<Vec<ReducedUser>, Error> {
    let rows: Vec<ReducedUserRow> = group_managers::table
        .inner_join(users::table.on(users::id.eq(group_managers::user_id)))
        .filter(group_managers::group_id.eq(Id(group)))
        .filter(not(users::deleted))
        .filter(not(users::is_system))
        .order((users::username_key, users::id))
        .select(ReducedUserRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(ReducedUser::try_from).collect::<Result<_, RowError>>()?)
}

/// The groups that a user looks after.
pub(super) fn of(conn: &mut Conn, user: UserId) -> QueryResult<Vec<GroupId>> {
    let groups = group_managers::table.filter(group_managers::user_id.eq(Id(user))).select(group_managers::group_id);
    Ok(groups.load::<Id<GroupId>>(conn)?.into_iter().map(|id| id.0).collect())
}

/// Whether the user is one of them.
pub(super) fn is_one(conn: &mut Conn, group: GroupId, user: UserId) -> QueryResult<bool> {
    diesel::select(exists(group_managers::table.find((Id(group), Id(user))))).get_result(conn)
}

/// Makes a user one of them. `false` if that is so already.
pub(super) fn insert(conn: &mut Conn, group: &Group, user: UserId) -> QueryResult<bool> {
    let made = diesel::insert_into(group_managers::table)
        .values((
            group_managers::group_id.eq(Id(group.id)),
            group_managers::user_id.eq(Id(user)),
            group_managers::organization_id.eq(Id(group.organization_id)),
        ))
        .on_conflict((group_managers::group_id, group_managers::user_id))
        .do_nothing()
        .execute(conn)?;
    Ok(made > 0)
}

/// Takes it from a user. `false` if the user was none.
pub(super) fn delete(conn: &mut Conn, group: GroupId, user: UserId) -> QueryResult<bool> {
    Ok(diesel::delete(group_managers::table.find((Id(group), Id(user)))).execute(conn)? > 0)
}
