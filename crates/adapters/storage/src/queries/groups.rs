//! Groups.

use super::group_members::{self as members, HasMember};
use super::one_of::OneOf;
use super::user_lists::containing;
use super::visible::{Columns, Lists, Visible};
use super::{Conn, group_managers, group_nestings as nestings, locks, member_counts};
use crate::error::Error;
use crate::rows::{FoundRow, GroupRow, entities};
use crate::schema::{audit_logs, groups, organizations};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::groups::{EVERYONE, Group, GroupFilter, GroupMember, NestingError};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names;
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::users::{ReducedUser, UserFilter};
use doorward_ports::groups::{FoundGroup, GroupMemberPage, GroupPage, GroupRepository, MemberScope};
use doorward_ports::{Conflict, StoreError};
use std::collections::{BTreeSet, HashSet};

/// A group belongs to nobody; its own members may read it, and those who look after these.
const COLUMNS: Columns =
    Columns { id: "groups.id", organization: Some("groups.organization_id"), owner: None, lists: Lists::OwnMembers };

/// From so many users on, a change is reported once for all of them.
const SINGLE_CHANGES: usize = 100;

/// Groups in one statement: both databases take several times as many values.
const GROUPS_AT_ONCE: usize = 500;

/// Groups with their organizations.
macro_rules! joined {
    () => {
        groups::table
            .inner_join(organizations::table.on(organizations::id.eq(groups::organization_id)))
            .filter(not(organizations::deleted))
    };
}

/// Groups with what is shown of their organization.
macro_rules! found {
    () => {
        joined!().select((GroupRow::as_select(), organizations::name, organizations::display_name))
    };
}

/// Those groups of a boxed query that match and are let through.
macro_rules! narrowed {
    ($query:expr, $filter:expr, $visible:expr) => {{
        let (mut query, filter, visible): (_, &GroupFilter, Visible) = ($query, $filter, $visible);
        if !visible.is_all() {
            query = query.filter(visible);
        }
        if let Some(organization) = filter.organization {
            query = query.filter(groups::organization_id.eq(Id(organization)));
        }
        if let Some(user) = filter.has_member {
            query = query.filter(HasMember::new(user));
        }
        if let Some(organizations) = &filter.known_in {
            query = query.filter(OneOf::ids("groups.organization_id", organizations.iter().copied()));
        }
        if let Some(ids) = &filter.ids {
            query = query.filter(OneOf::ids("groups.id", ids.iter().copied()));
        }
        if !filter.search.is_empty() {
            let pattern = containing(&filter.search);
            let displayed = sql::<Bool>("lower(groups.display_name) LIKE ").bind::<Text, _>(pattern.clone());
            let named = groups::name_key.like(pattern).escape('\\');
            query = query.filter(named.or(displayed.sql(" ESCAPE '\\'")));
        }
        query
    }};
}

impl GroupRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: GroupId) -> Result<Option<FoundGroup>, StoreError> {
        self.run(|conn| {
            let row = found!().filter(groups::id.eq(Id(id))).get_result::<FoundRow>(conn).optional()?;
            Ok(row.map(FoundGroup::try_from).transpose()?)
        })
    }

    fn find_for_update(&mut self, id: GroupId) -> Result<Option<Group>, StoreError> {
        self.run(|conn| Ok(locks::group_for_update(conn, id)?.map(Group::try_from).transpose()?))
    }

    fn find_by_name(&mut self, organization: OrganizationId, name: &str) -> Result<Option<FoundGroup>, StoreError> {
        self.run(|conn| {
            let row = found!()
                .filter(groups::organization_id.eq(Id(organization)))
                .filter(groups::name.eq(name))
                .get_result::<FoundRow>(conn)
                .optional()?;
            Ok(row.map(FoundGroup::try_from).transpose()?)
        })
    }

    fn place(&mut self, id: GroupId) -> Result<Option<String>, StoreError> {
        self.run(|conn| {
            let here: Option<String> = groups::table.find(Id(id)).select(groups::name).get_result(conn).optional()?;
            if here.is_some() {
                return Ok(here);
            }
            // No group is deleted without a record of it.
            let gone = audit_logs::table
                .filter(audit_logs::resource_id.eq(id.to_string()))
                .filter(audit_logs::resource_type.eq(AuditResource::Group.as_str()))
                .filter(audit_logs::action.eq(AuditAction::Delete.as_str()))
                .order((audit_logs::time.desc(), audit_logs::id.desc()))
                .select(audit_logs::resource_target)
                .first(conn)
                .optional()?;
            if gone.is_some() {
                return Ok(gone);
            }
            // But for the group of all members, which goes with its organization and has its id.
            let place = organizations::table.find(Id(OrganizationId(id.0))).select(organizations::id);
            let everyone: Option<Id<OrganizationId>> = place.get_result(conn).optional()?;
            Ok(everyone.map(|_| EVERYONE.to_owned()))
        })
    }

    fn list_by_id(&mut self, ids: &[GroupId]) -> Result<Vec<FoundGroup>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows = found!()
                .filter(OneOf::ids("groups.id", ids.iter().copied()))
                .order((groups::name_key, groups::id))
                .load::<FoundRow>(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_by_name(&mut self, names: &[(OrganizationId, String)]) -> Result<Vec<FoundGroup>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: HashSet<(OrganizationId, &str)> =
            names.iter().map(|(place, name)| (*place, name.as_str())).collect();
        let places: BTreeSet<OrganizationId> = names.iter().map(|(place, _)| *place).collect();
        let texts: BTreeSet<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        self.run(|conn| {
            let rows = found!()
                .filter(OneOf::ids("groups.organization_id", places))
                .filter(OneOf::texts("groups.name", texts))
                .order((groups::name_key, groups::id))
                .load::<FoundRow>(conn)?;
            let mut found: Vec<FoundGroup> = entities(rows)?;
            // Each organization was asked for the names of all.
            found.retain(|found| wanted.contains(&(found.group.organization_id, found.group.name.as_str())));
            Ok(found)
        })
    }

    fn list(
        &mut self,
        filter: &GroupFilter,
        visible: &ListFilter,
        page: &GroupPage,
    ) -> Result<Vec<FoundGroup>, StoreError> {
        let visible = Visible::new(visible, COLUMNS);
        if visible.is_never() || page.limit == Some(0) || filter.ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let visible = with_managed(conn, visible)?;
            let mut query = narrowed!(found!().order((groups::name_key, groups::id)).into_boxed(), filter, visible);
            if let Some((name, id)) = &page.after {
                let key = names::key(name);
                let later = groups::name_key.gt(key.clone()).or(groups::id.gt(Id(*id)));
                query = query.filter(groups::name_key.ge(key)).filter(later);
            }
            if page.limit.is_some() || page.offset > 0 {
                // SQLite takes no offset without a limit.
                query = query.limit(page.limit.map_or(i64::MAX, i64::from)).offset(page.offset.into());
            }
            Ok(entities(query.load::<FoundRow>(conn)?)?)
        })
    }

    fn count(&mut self, filter: &GroupFilter, visible: &ListFilter) -> Result<u64, StoreError> {
        let visible = Visible::new(visible, COLUMNS);
        if visible.is_never() || filter.ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(0);
        }
        self.run(|conn| {
            let visible = with_managed(conn, visible)?;
            let count: i64 = narrowed!(joined!().into_boxed(), filter, visible).count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    fn page_members(
        &mut self,
        group: &Group,
        filter: &UserFilter,
        scope: &MemberScope,
        page: Page,
    ) -> Result<GroupMemberPage, StoreError> {
        self.run(|conn| members::page(conn, group, filter, scope, page))
    }

    fn count_members(&mut self, groups: &[Group]) -> Result<Vec<(GroupId, u64)>, StoreError> {
        self.run(|conn| Ok(member_counts::of(conn, groups.iter().map(|group| group.id))?))
    }

    fn count_direct_members(&mut self, groups: &[Group]) -> Result<Vec<(GroupId, u64)>, StoreError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| Ok(nestings::count_direct(conn, groups)?))
    }

    fn members_by_nesting(&mut self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| Ok(nestings::members_by_nesting(conn, group, users)?))
    }

    fn list_nested(&mut self, group: GroupId) -> Result<Vec<FoundGroup>, StoreError> {
        self.run(|conn| nestings::inside(conn, group))
    }

    fn list_managers(&mut self, group: GroupId) -> Result<Vec<ReducedUser>, StoreError> {
        self.run(|conn| group_managers::list(conn, group))
    }

    fn is_manager(&mut self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        self.run(|conn| Ok(group_managers::is_one(conn, group, user)?))
    }

    fn list_members(
        &mut self,
        groups: &[Group],
        scope: &MemberScope,
        after: Option<(GroupId, UserId)>,
        limit: u32,
    ) -> Result<Vec<GroupMember>, StoreError> {
        self.run(|conn| members::list(conn, groups, scope, after, limit))
    }

    fn members_for_key_share(
        &mut self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let users = OneOf::ids("organization_members.user_id", users.iter().copied());
        self.run(|conn| Ok(locks::members_for_key_share(conn, organization, users)?))
    }

    fn insert(&mut self, permit: &Permit<action::Create, resource::Group>, group: &Group) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(group.id.0).organization(group.organization_id.0),
            Touches::nobody("it has no members yet"),
            |conn| {
                if !locks::organization_for_key_share(conn, group.organization_id)? {
                    return Err(Error::Conflict(Conflict::OrganizationDeleted));
                }
                diesel::insert_into(groups::table).values(GroupRow::from(group)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn insert_missing(
        &mut self,
        permit: &Permit<action::Create, resource::Group>,
        groups: &[Group],
    ) -> Result<usize, StoreError> {
        // In one order, so that of two who make the same ones neither has what the other waits for.
        let mut sorted: Vec<&Group> = groups.iter().collect();
        sorted.sort_by_key(|group| (group.organization_id, group.name.as_str()));
        let why = Touches::nobody("they have no members yet");
        self.write_all(permit, &permit.kind(), why, |conn| {
            let mut made = 0;
            for groups in sorted.chunks(GROUPS_AT_ONCE) {
                let rows: Vec<GroupRow> = groups.iter().map(|group| GroupRow::from(*group)).collect();
                made += diesel::insert_into(groups::table)
                    .values(rows)
                    .on_conflict((groups::organization_id, groups::name))
                    .do_nothing()
                    .execute(conn)?;
            }
            Ok(made)
        })
    }

    fn update(&mut self, permit: &Permit<action::Update, resource::Group>, group: &Group) -> Result<bool, StoreError> {
        self.write(
            permit,
            &permit.kind().id(group.id.0).organization(group.organization_id.0),
            Touches::nobody("only its id is remembered"),
            |conn| {
                let changed = diesel::update(groups::table.find(Id(group.id)))
                    .set((
                        groups::name.eq(group.name.as_str()),
                        groups::name_key.eq(group.name.key()),
                        groups::display_name.eq(group.display_name.as_str()),
                        groups::avatar_url.eq(&group.avatar_url),
                        groups::quota_allowance.eq(group.quota_allowance),
                        groups::updated_at.eq(At(group.updated_at)),
                    ))
                    .execute(conn)?;
                Ok(changed > 0)
            },
        )
    }

    fn insert_members(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        users: &[UserId],
    ) -> Result<usize, StoreError> {
        if users.is_empty() || group.is_everyone() {
            return Ok(0);
        }
        // Those who are added are not yet known as members of the group, but as members of its organization.
        let many = users.len() > SINGLE_CHANGES;
        let touches = if many { Touches::organization(group.organization_id) } else { Touches::users(users) };
        self.write(permit, &permit.kind().id(group.id.0).organization(group.organization_id.0), touches, |conn| {
            members::insert(conn, group.id, group.organization_id, users)
        })
    }

    fn delete_members(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let touches = |removed: &Vec<UserId>| {
            if removed.len() > SINGLE_CHANGES { Touches::group(group.id) } else { Touches::users(removed) }
        };
        self.write(permit, &permit.kind().id(group.id.0).organization(group.organization_id.0), touches, |conn| {
            members::delete(conn, group.id, users)
        })
    }

    fn insert_memberships(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        user: UserId,
        groups: &[GroupId],
    ) -> Result<usize, StoreError> {
        if groups.is_empty() {
            return Ok(0);
        }
        self.write(permit, &permit.kind(), Touches::user(user), |conn| members::insert_in(conn, user, groups))
    }

    fn delete_memberships(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        user: UserId,
        groups: &[GroupId],
    ) -> Result<usize, StoreError> {
        if groups.is_empty() {
            return Ok(0);
        }
        self.write(permit, &permit.kind(), Touches::user(user), |conn| Ok(members::delete_from(conn, user, groups)?))
    }

    fn nest(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        parent: &Group,
        child: &Group,
    ) -> Result<Result<bool, NestingError>, StoreError> {
        // Whoever gets into the outer group is in the inner one, and whoever is remembered so.
        let touches = |done: &Result<bool, NestingError>| match done {
            Ok(true) => Touches::group(child.id),
            Ok(false) | Err(_) => Touches::nobody("nothing has changed"),
        };
        let about = permit.kind().id(parent.id.0).organization(parent.organization_id.0);
        self.write_all(permit, &about, touches, |conn| nestings::nest(conn, parent, child))
    }

    fn part(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        parent: &Group,
        child: GroupId,
    ) -> Result<bool, StoreError> {
        let touches =
            |done: &bool| if *done { Touches::group(child) } else { Touches::nobody("it does not lie there") };
        let about = permit.kind().id(parent.id.0).organization(parent.organization_id.0);
        self.write_all(permit, &about, touches, |conn| nestings::part(conn, parent, child))
    }

    fn insert_manager(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(group.id.0).organization(group.organization_id.0);
        let why = Touches::nobody("who manages a group is looked up each time");
        self.write(permit, &about, why, |conn| Ok(group_managers::insert(conn, group, user)?))
    }

    fn delete_manager(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(group.id.0).organization(group.organization_id.0);
        let why = Touches::nobody("who manages a group is looked up each time");
        self.write(permit, &about, why, |conn| Ok(group_managers::delete(conn, group.id, user)?))
    }

    fn delete(&mut self, permit: &Permit<action::Delete, resource::Group>, id: GroupId) -> Result<bool, StoreError> {
        let touches = |deleted: &bool| if *deleted { Touches::group(id) } else { Touches::nobody("it is not there") };
        self.write_all(permit, &permit.kind().id(id.0), touches, |conn| {
            nestings::leave(conn, id)?;
            Ok(diesel::delete(groups::table.find(Id(id))).execute(conn)? > 0)
        })
    }
}

/// Who looks after the members of groups sees these too. Asked apart: a list of ids leads to the groups by their key.
fn with_managed(conn: &mut Conn, mut visible: Visible) -> QueryResult<Visible> {
    if let Some(reader) = visible.reader() {
        visible.and_groups(group_managers::of(conn, reader)?);
    }
    Ok(visible)
}
