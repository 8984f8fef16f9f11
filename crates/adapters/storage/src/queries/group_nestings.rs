//! Groups within groups. Triggers carry what changes here to `effective_members`.
//!
//! Whoever changes them holds the group Everyone of the organization, so that of two who would make a circle together the second sees
//! what the first has done, and then all groups whose members will be in others, whose members nobody changes meanwhile.

use super::one_of::OneOf;
use super::{Conn, locks, member_counts};
use crate::error::Error;
use crate::rows::{FoundRow, GroupRow, entities};
use crate::schema::{effective_members, group_ancestors, group_members, group_nestings, groups, organizations, users};
use crate::types::Id;
use diesel::dsl::{count_star, exists, not};
use diesel::prelude::*;
use doorward_domain::groups::{Group, NestingError, Nestings, Within};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_ports::groups::FoundGroup;
use std::collections::{BTreeMap, BTreeSet};

/// Pairs in one statement: both databases take several times as many values.
const AT_ONCE: usize = 500;

/// The groups directly in this one, by lower-cased name and id.
pub(super) fn inside(conn: &mut Conn, group: GroupId) -> Result<Vec<FoundGroup>, Error> {
    let children =
        group_nestings::table.filter(group_nestings::parent_id.eq(Id(group))).select(group_nestings::child_id);
    let rows = groups::table
        .inner_join(organizations::table.on(organizations::id.eq(groups::organization_id)))
        .filter(not(organizations::deleted))
        .filter(groups::id.eq_any(children))
        .order((groups::name_key, groups::id))
        .select((GroupRow::as_select(), organizations::name, organizations::display_name))
        .load::<FoundRow>(conn)?;
    Ok(entities(rows)?)
}

/// Puts a group into another. `false` if it lies directly there already.
pub(super) fn nest(conn: &mut Conn, parent: &Group, child: &Group) -> Result<Result<bool, NestingError>, Error> {
    let mut nestings = held(conn, parent.organization_id)?;
    let there = nestings.contains(parent.id, child.id);
    let gained = match nestings.nest(parent, child) {
        Ok(gained) => gained,
        Err(refused) => return Ok(Err(refused)),
    };
    if there {
        return Ok(Ok(false));
    }
    hold(conn, &nestings.inside(child.id))?;
    diesel::insert_into(group_nestings::table)
        .values((
            group_nestings::parent_id.eq(Id(parent.id)),
            group_nestings::child_id.eq(Id(child.id)),
            group_nestings::organization_id.eq(Id(parent.organization_id)),
        ))
        .execute(conn)?;
    let gained: Vec<Within> = gained.into_iter().collect();
    for pairs in gained.chunks(AT_ONCE) {
        let row = |pair: &Within| {
            (group_ancestors::group_id.eq(Id(pair.group)), group_ancestors::ancestor_id.eq(Id(pair.ancestor)))
        };
        let rows: Vec<_> = pairs.iter().map(row).collect();
        diesel::insert_into(group_ancestors::table).values(rows).execute(conn)?;
    }
    Ok(Ok(true))
}

/// Takes a group out of another. `false` if it does not lie directly there.
pub(super) fn part(conn: &mut Conn, parent: &Group, child: GroupId) -> Result<bool, Error> {
    let mut nestings = held(conn, parent.organization_id)?;
    let Some(lost) = nestings.part(parent.id, child) else { return Ok(false) };
    hold(conn, &nestings.inside(child))?;
    diesel::delete(group_nestings::table.find((Id(parent.id), Id(child)))).execute(conn)?;
    forget(conn, &lost)?;
    Ok(true)
}

/// Takes a group out of all others, and all others out of it.
pub(super) fn leave(conn: &mut Conn, group: GroupId) -> Result<(), Error> {
    let place: Option<Id<OrganizationId>> =
        groups::table.find(Id(group)).select(groups::organization_id).get_result(conn).optional()?;
    let Some(place) = place else { return Ok(()) };
    let mut nestings = held(conn, place.0)?;
    let inside = nestings.inside(group);
    let lost = nestings.leave(group);
    if lost.is_empty() {
        return Ok(());
    }
    hold(conn, &inside)?;
    let theirs = group_nestings::parent_id.eq(Id(group)).or(group_nestings::child_id.eq(Id(group)));
    diesel::delete(group_nestings::table.filter(theirs)).execute(conn)?;
    forget(conn, &lost)
}

/// All of an organization. Until the transaction ends, nobody else gets to change them.
fn held(conn: &mut Conn, organization: OrganizationId) -> Result<Nestings, Error> {
    locks::group_for_update(conn, GroupId(organization.0))?;
    let stored = group_nestings::table
        .filter(group_nestings::organization_id.eq(Id(organization)))
        .select((group_nestings::parent_id, group_nestings::child_id))
        .load::<(Id<GroupId>, Id<GroupId>)>(conn)?;
    Ok(Nestings::new(stored.into_iter().map(|(parent, child)| (parent.0, child.0))))
}

/// Until the transaction ends, nobody changes the members of these groups.
fn hold(conn: &mut Conn, groups: &BTreeSet<GroupId>) -> Result<(), Error> {
    locks::groups_for_update(conn, OneOf::ids("groups.id", groups.iter().copied()))?;
    Ok(())
}

/// That these groups no longer lie there: a statement for each group.
fn forget(conn: &mut Conn, lost: &BTreeSet<Within>) -> Result<(), Error> {
    let mut by_group: BTreeMap<GroupId, Vec<GroupId>> = BTreeMap::new();
    for pair in lost {
        by_group.entry(pair.group).or_default().push(pair.ancestor);
    }
    for (group, ancestors) in by_group {
        let rows = group_ancestors::table
            .filter(group_ancestors::group_id.eq(Id(group)))
            .filter(OneOf::ids("group_ancestors.ancestor_id", ancestors));
        diesel::delete(rows).execute(conn)?;
    }
    Ok(())
}

/// Those of the users who are in the group by groups within it only, sorted.
pub(super) fn members_by_nesting(conn: &mut Conn, group: GroupId, users: &[UserId]) -> QueryResult<Vec<UserId>> {
    let directly = group_members::table
        .filter(group_members::group_id.eq(effective_members::group_id))
        .filter(group_members::user_id.eq(effective_members::user_id));
    let ids = effective_members::table
        .filter(effective_members::group_id.eq(Id(group)))
        .filter(OneOf::ids("effective_members.user_id", users.iter().copied()))
        .filter(not(exists(directly)))
        .order(effective_members::user_id)
        .select(effective_members::user_id)
        .load::<Id<UserId>>(conn)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// How many users each of the groups has that were put into it. Those of groups that contain others are counted one by one: of the
/// others it is known.
pub(super) fn count_direct(conn: &mut Conn, groups: &[Group]) -> QueryResult<Vec<(GroupId, u64)>> {
    let ids = groups.iter().map(|group| group.id);
    let outer: BTreeSet<GroupId> = group_nestings::table
        .filter(OneOf::ids("group_nestings.parent_id", ids.clone()))
        .select(group_nestings::parent_id)
        .distinct()
        .load::<Id<GroupId>>(conn)?
        .into_iter()
        .map(|id| id.0)
        .collect();
    let mut counts = member_counts::of(conn, ids.filter(|id| !outer.contains(id)))?;
    if !outer.is_empty() {
        let counted = group_members::table
            .inner_join(users::table.on(users::id.eq(group_members::user_id)))
            .filter(not(users::deleted))
            .filter(not(users::is_system))
            .filter(OneOf::ids("group_members.group_id", outer))
            .group_by(group_members::group_id)
            .select((group_members::group_id, count_star()))
            .load::<(Id<GroupId>, i64)>(conn)?;
        counts.extend(counted.into_iter().map(|(id, count)| (id.0, u64::try_from(count).unwrap_or(0))));
    }
    Ok(counts)
}
