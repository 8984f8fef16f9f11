//! Members of groups. Those of the groups Everyone stand in `organization_members`. Of all others, `effective_members` says who is in
//! them, and `group_members` who was put into them.

use super::one_of::OneOf;
use super::planned_anew::PlannedAnew;
use super::user_lists::{containing, linked_at_github, narrowed, position};
use super::visible::{Columns, Lists, Visible};
use super::{Conn, filters, locks, member_counts};
use crate::error::{Error, RowError};
use crate::rows::ReducedUserRow;
use crate::schema::{effective_members, group_members, groups, organization_members, users};
use crate::types::{self, At, Id};
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Bool, Text};
use doorward_domain::groups::{Group, GroupMember};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::ListFilter;
use doorward_domain::users::{LoginType, ReducedUser, UserFilter};
use doorward_ports::groups::{GroupMemberPage, MemberScope};
use uuid::Uuid;

type Backend = <Conn as Connection>::Backend;

/// A group member belongs to itself and to the organization of the group (`rbac.md` 6).
const COLUMNS: Columns = Columns {
    id: "users.id",
    organization: Some("effective_members.organization_id"),
    owner: Some("users.id"),
    lists: Lists::None,
};
const EVERYONE_COLUMNS: Columns = Columns { organization: Some("organization_members.organization_id"), ..COLUMNS };

/// The condition that a user is in a group: also by a group within it, or as a member of the organization.
#[derive(Debug)]
pub(super) struct HasMember(Id<UserId>);

impl HasMember {
    pub(super) const fn new(user: UserId) -> Self {
        Self(Id(user))
    }
}

condition!(HasMember);

impl QueryFragment<Backend> for HasMember {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        // One list of few ids leads to the groups by their key; two conditions joined by OR would have all groups read.
        out.push_sql("groups.id IN (SELECT group_id FROM effective_members WHERE user_id = ");
        out.push_bind_param::<types::sql::Uuid, _>(&self.0)?;
        out.push_sql(" UNION ALL SELECT organization_id FROM organization_members WHERE user_id = ");
        out.push_bind_param::<types::sql::Uuid, _>(&self.0)?;
        out.push_sql(")");
        Ok(())
    }
}

/// A place in a list of members.
type Place = (GroupId, UserId);

/// Ids of the explicit groups and of the groups Everyone.
fn by_kind(groups: &[Group]) -> (Vec<GroupId>, Vec<GroupId>) {
    let (everyone, explicit): (Vec<&Group>, Vec<&Group>) = groups.iter().partition(|group| group.is_everyone());
    let ids = |groups: Vec<&Group>| groups.into_iter().map(|group| group.id).collect();
    (ids(explicit), ids(everyone))
}

/// A page of the members of the groups.
pub(super) fn list(
    conn: &mut Conn,
    groups: &[Group],
    scope: &MemberScope,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<GroupMember>, Error> {
    let (explicit, everyone) = by_kind(groups);
    let filter = match scope {
        MemberScope::All | MemberScope::Direct => None,
        MemberScope::Visible(filter) => Some(filter),
        MemberScope::Nobody => return Ok(Vec::new()),
    };
    let mut rows = Vec::new();
    if !explicit.is_empty() {
        rows.extend(if *scope == MemberScope::Direct {
            put_in(conn, &explicit, after, limit)?
        } else {
            of_explicit(conn, &explicit, filter, after, limit)?
        });
    }
    if !everyone.is_empty() {
        let both = !rows.is_empty();
        rows.extend(of_everyone(conn, &everyone, filter, after, limit)?);
        if both {
            rows.sort_by_key(|(group, user)| (group.0, user.id()));
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
    }
    let member = |(group, user): Row| Ok(GroupMember { group_id: group.0, user: user.try_into()? });
    Ok(rows.into_iter().map(member).collect::<Result<_, RowError>>()?)
}

type Row = (Id<GroupId>, ReducedUserRow);

/// What is common to both kinds: the tables differ, and so do the types of the queries.
macro_rules! members {
    ($table:ident, $group:ident, $columns:expr, $conn:expr, $ids:expr, $filter:expr, $after:expr, $limit:expr) => {{
        let mut query = $table::table
            .inner_join(users::table.on(users::id.eq($table::user_id)))
            .filter(not(users::deleted))
            .filter(not(users::is_system))
            .select(($table::$group, ReducedUserRow::as_select()))
            .order(($table::$group, $table::user_id))
            .limit(i64::from($limit))
            .into_boxed();
        if let Some(filter) = $filter {
            let visible = Visible::new(filter, $columns);
            if visible.is_never() {
                return Ok(Vec::new());
            }
            if let Some(Id(owner)) = visible.only_owner() {
                query = query.filter($table::user_id.eq(Id(UserId(owner))));
            }
            if !visible.is_all() {
                query = query.filter(visible);
            }
        }
        match ($ids, $after) {
            // The next page of one group begins where the index is entered. Said of both columns, so that either may lead.
            ([only], Some((group, user))) if *only == group => {
                query = query.filter($table::$group.eq(Id(Uuid::from(group))));
                query = query.filter($table::user_id.gt(Id(user))).filter(users::id.gt(Id(user)));
            }
            ([only], _) => query = query.filter($table::$group.eq(Id(Uuid::from(*only)))),
            (many, _) => {
                query = query.filter(OneOf::ids(
                    concat!(stringify!($table), ".", stringify!($group)),
                    many.iter().copied(),
                ));
            }
        }
        if let Some((group, user)) = $after.filter(|(group, _)| $ids != [*group]) {
            let (group, user) = (Id(Uuid::from(group)), Id(user));
            let later = $table::$group.gt(group).or($table::$group.eq(group).and($table::user_id.gt(user)));
            query = query.filter($table::$group.ge(group)).filter(later);
        }
        Ok(query.load::<Row>($conn)?)
    }};
}

fn of_explicit(
    conn: &mut Conn,
    ids: &[GroupId],
    filter: Option<&ListFilter>,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    members!(effective_members, group_id, COLUMNS, conn, ids, filter, after, limit)
}

/// Those who were put into the groups.
fn put_in(conn: &mut Conn, ids: &[GroupId], after: Option<Place>, limit: u32) -> Result<Vec<Row>, Error> {
    let nothing: Option<&ListFilter> = None;
    members!(group_members, group_id, COLUMNS, conn, ids, nothing, after, limit)
}

fn of_everyone(
    conn: &mut Conn,
    ids: &[GroupId],
    filter: Option<&ListFilter>,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    members!(organization_members, organization_id, EVERYONE_COLUMNS, conn, ids, filter, after, limit)
}

/// Adds those of the users who belong to the organization.
pub(super) fn insert(
    conn: &mut Conn,
    group: GroupId,
    organization: OrganizationId,
    users: &[UserId],
) -> Result<usize, Error> {
    let rows = organization_members::table
        .filter(organization_members::organization_id.eq(Id(organization)))
        .filter(OneOf::ids("organization_members.user_id", users.iter().copied()))
        .order(organization_members::user_id)
        .select((
            Id(group).into_sql::<types::sql::Uuid>(),
            organization_members::user_id,
            organization_members::organization_id,
        ));
    Ok(rows
        .insert_into(group_members::table)
        .into_columns((group_members::group_id, group_members::user_id, group_members::organization_id))
        .execute(conn)?)
}

/// A page of the members of one group in one of the two tables. The types of the queries differ.
macro_rules! page_of {
    ($table:ident, $group:ident, $columns:expr, $conn:expr, $id:expr, $asked:expr, $after:expr) => {{
        let Asked { filter, scope, page, known } = $asked;
        let after: Option<&str> = $after;
        let visible = || match scope {
            MemberScope::All | MemberScope::Direct | MemberScope::Nobody => None,
            MemberScope::Visible(filter) => Some(Visible::new(filter, $columns)),
        };
        let matching = || {
            let mut query = $table::table
                .inner_join(users::table.on(users::id.eq($table::user_id)))
                .filter($table::$group.eq(Id(Uuid::from($id))))
                .filter(not(users::deleted))
                .filter(not(users::is_system))
                .filter(PlannedAnew)
                .into_boxed();
            if let Some(visible) = visible() {
                if let Some(Id(owner)) = visible.only_owner() {
                    query = query.filter($table::user_id.eq(Id(UserId(owner))));
                }
                if !visible.is_all() {
                    query = query.filter(visible);
                }
            }
            if let Some(key) = after {
                query = query.filter(users::username_key.gt(key));
            }
            narrowed!(query, filter)
        };
        let rows: Vec<ReducedUserRow> = matching()
            .order((users::username_key, users::id))
            // SQLite takes no offset without a limit.
            .limit(page.limit.map_or(i64::MAX, i64::from))
            .offset(page.offset.into())
            .select(ReducedUserRow::as_select())
            .load($conn)?;
        let count = match known {
            Some(count) => count,
            None => u64::try_from(matching().count().get_result::<i64>($conn)?).unwrap_or(0),
        };
        (rows, count)
    }};
}

/// What is asked of the members of one group.
struct Asked<'a> {
    filter: &'a UserFilter,
    scope: &'a MemberScope,
    page: Page,
    /// How many there are, when that is known without reading them.
    known: Option<u64>,
}

/// A page of the members of a group, by user name.
pub(super) fn page(
    conn: &mut Conn,
    group: &Group,
    filter: &UserFilter,
    scope: &MemberScope,
    page: Page,
) -> Result<GroupMemberPage, Error> {
    let columns = if group.is_everyone() { EVERYONE_COLUMNS } else { COLUMNS };
    let (never, all) = match scope {
        MemberScope::All => (false, true),
        MemberScope::Direct => (false, group.is_everyone()),
        MemberScope::Visible(filter) => {
            let visible = Visible::new(filter, columns);
            (visible.is_never(), visible.is_all_of(group.organization_id.0))
        }
        MemberScope::Nobody => (true, false),
    };
    if never {
        return Ok(GroupMemberPage::default());
    }
    let after: Option<String> = match page.after_id {
        None => None,
        Some(id) => match position(conn, id)? {
            Some(key) => Some(key),
            None => return Ok(GroupMemberPage::default()),
        },
    };
    let known = if all && after.is_none() && *filter == UserFilter::default() {
        Some(member_counts::of(conn, [group.id])?.first().map_or(0, |(_, count)| *count))
    } else {
        None
    };
    let asked = Asked { filter, scope, page, known };
    let (rows, count) = if group.is_everyone() {
        page_of!(organization_members, organization_id, EVERYONE_COLUMNS, conn, group.id, asked, after.as_deref())
    } else if *scope == MemberScope::Direct {
        page_of!(group_members, group_id, COLUMNS, conn, group.id, asked, after.as_deref())
    } else {
        page_of!(effective_members, group_id, COLUMNS, conn, group.id, asked, after.as_deref())
    };
    let users = rows.into_iter().map(ReducedUser::try_from).collect::<Result<_, RowError>>()?;
    Ok(GroupMemberPage { users, count })
}

/// Removes those of the users who are in the group, and says who that was, sorted.
pub(super) fn delete(conn: &mut Conn, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>, Error> {
    let rows = group_members::table
        .filter(group_members::group_id.eq(Id(group)))
        .filter(OneOf::ids("group_members.user_id", users.iter().copied()));
    let mut removed: Vec<UserId> = diesel::delete(rows)
        .returning(group_members::user_id)
        .load::<Id<UserId>>(conn)?
        .into_iter()
        .map(|id| id.0)
        .collect();
    removed.sort_unstable();
    Ok(removed)
}

/// Adds a user to those of the groups to whose organizations the user belongs, and in which the user is not yet.
pub(super) fn insert_in(conn: &mut Conn, user: UserId, ids: &[GroupId]) -> Result<usize, Error> {
    let there = locks::groups_for_key_share(conn, OneOf::ids("groups.id", ids.iter().copied()))?;
    let rows = groups::table
        .inner_join(organization_members::table.on(organization_members::organization_id.eq(groups::organization_id)))
        .filter(OneOf::ids("groups.id", there.into_iter().map(|id| id.0)))
        .filter(organization_members::user_id.eq(Id(user)))
        // Those of all members have no rows.
        .filter(groups::organization_id.ne(sql::<types::sql::Uuid>("groups.id")))
        .order(groups::id)
        .select((groups::id, organization_members::user_id, groups::organization_id));
    Ok(rows
        .insert_into(group_members::table)
        .into_columns((group_members::group_id, group_members::user_id, group_members::organization_id))
        .on_conflict_do_nothing()
        .execute(conn)?)
}

/// Removes a user from those of the groups in which the user is.
pub(super) fn delete_from(conn: &mut Conn, user: UserId, ids: &[GroupId]) -> QueryResult<usize> {
    let rows = group_members::table
        .filter(group_members::user_id.eq(Id(user)))
        .filter(OneOf::ids("group_members.group_id", ids.iter().copied()));
    diesel::delete(rows).execute(conn)
}
