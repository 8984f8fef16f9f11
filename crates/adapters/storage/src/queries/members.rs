//! Members of organizations.

use super::one_of::OneOf;
use super::planned_anew::PlannedAnew;
use super::user_lists::{containing, linked_at_github, position};
use super::visible::{Columns, Lists, Visible};
use super::{Conn, filters, locks, member_counts};
use crate::error::{Error, RowError};
use crate::rows::{MemberUserRow, MembershipRow};
use crate::schema::{organization_members, templates, users};
use crate::touches::Touches;
use crate::types::{self, At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use doorward_domain::Instant;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::{Member, MemberFilter};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, RoleNames, action, resource};
use doorward_ports::StoreError;
use doorward_ports::members::{MemberPage, MemberRepository};
use std::collections::BTreeMap;

/// A membership is known by the id of its user, who owns it, and has no access lists.
const COLUMNS: Columns = Columns {
    id: "organization_members.user_id",
    organization: Some("organization_members.organization_id"),
    owner: Some("organization_members.user_id"),
    lists: Lists::None,
};

/// The members of an organization with their users.
macro_rules! members_of {
    ($organization:expr) => {
        organization_members::table
            .inner_join(users::table.on(users::id.eq(organization_members::user_id)))
            .filter(organization_members::organization_id.eq(Id($organization)))
            .filter(not(users::deleted))
    };
}

/// The members that a list shows.
macro_rules! listed {
    ($organization:expr, $visible:expr) => {
        members_of!($organization)
            .filter(not(users::is_system))
            .filter(Visible::new($visible, COLUMNS))
            .filter(PlannedAnew)
    };
}

impl MemberRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.run(|conn| find(conn, organization, user))
    }

    fn find_for_update(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.run(|conn| {
            if !locks::membership_for_update(conn, organization, user)? {
                return Ok(None);
            }
            find(conn, organization, user)
        })
    }

    fn list(
        &mut self,
        organization: OrganizationId,
        visible: &ListFilter,
        page: Page,
    ) -> Result<MemberPage, StoreError> {
        if page.after_id.is_some() {
            return self.search(organization, visible, &MemberFilter::default(), page);
        }
        let condition = Visible::new(visible, COLUMNS);
        if condition.is_never() {
            return Ok(MemberPage::default());
        }
        let all = condition.is_all_of(organization.0);
        self.run(|conn| {
            let whole = page.limit.is_none() && page.offset == 0;
            let known = if all && !whole { Some(count_all(conn, organization)?) } else { None };
            if let (Some(count), Some(limit)) = (known.filter(|count| *count > FEW), page.limit) {
                let ids = first(conn, organization, limit, page.offset)?;
                // Fewer: they do not come early enough in the order of all users.
                if ids.len() as u64 == u64::from(limit) {
                    let rows: Vec<(MembershipRow, MemberUserRow)> = members_of!(organization)
                        .filter(OneOf::ids("organization_members.user_id", ids))
                        .order((users::username_key, users::id))
                        .select((MembershipRow::as_select(), MemberUserRow::as_select()))
                        .load(conn)?;
                    return Ok(MemberPage { members: members(rows)?, count });
                }
            }
            if let Some(Id(owner)) = condition.only_owner() {
                let own = listed!(organization, visible).filter(organization_members::user_id.eq(Id(UserId(owner))));
                let own = own.select((MembershipRow::as_select(), MemberUserRow::as_select()));
                let own: Option<(MembershipRow, MemberUserRow)> = own.get_result(conn).optional()?;
                let count = u64::from(own.is_some());
                let shown = own.filter(|_| page.offset == 0 && page.limit != Some(0));
                return Ok(MemberPage { members: members(shown)?, count });
            }
            let rows: Vec<(MembershipRow, MemberUserRow)> = listed!(organization, visible)
                .order((users::username_key, users::id))
                // SQLite takes no offset without a limit.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .offset(page.offset.into())
                .select((MembershipRow::as_select(), MemberUserRow::as_select()))
                .load(conn)?;
            let members = members(rows)?;
            let count = match known {
                Some(count) => count,
                None if whole => members.len() as u64,
                None => {
                    let count: i64 = listed!(organization, visible).count().get_result(conn)?;
                    u64::try_from(count).unwrap_or(0)
                }
            };
            Ok(MemberPage { members, count })
        })
    }

    fn search(
        &mut self,
        organization: OrganizationId,
        visible: &ListFilter,
        filter: &MemberFilter,
        page: Page,
    ) -> Result<MemberPage, StoreError> {
        if Visible::new(visible, COLUMNS).is_never() {
            return Ok(MemberPage::default());
        }
        self.run(|conn| {
            let after: Option<String> = match page.after_id {
                None => None,
                Some(id) => match position(conn, id)? {
                    Some(name) => Some(name),
                    None => return Ok(MemberPage::default()),
                },
            };
            let matching = || {
                let mut query = listed!(organization, visible).into_boxed();
                if let Some(name) = &after {
                    query = query.filter(users::username_key.gt(name));
                }
                if let Some(id) = filter.github_user_id {
                    query = query.filter(organization_members::user_id.eq_any(linked_at_github!(id)));
                }
                if let Some(user) = filter.user_id {
                    query = query.filter(organization_members::user_id.eq(Id(user)));
                }
                if !filter.search.is_empty() {
                    let pattern = containing(&filter.search);
                    let email = users::email_key.like(pattern.clone()).escape('\\');
                    query = query.filter(email.or(users::username_key.like(pattern).escape('\\')));
                }
                query
            };
            let rows: Vec<(MembershipRow, MemberUserRow)> = matching()
                .order((users::username_key, users::id))
                // SQLite takes no offset without a limit.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .offset(page.offset.into())
                .select((MembershipRow::as_select(), MemberUserRow::as_select()))
                .load(conn)?;
            let count: i64 = matching().count().get_result(conn)?;
            Ok(MemberPage { members: members(rows)?, count: u64::try_from(count).unwrap_or(0) })
        })
    }

    fn list_holders(
        &mut self,
        organization: Option<OrganizationId>,
        roles: &[String],
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError> {
        macro_rules! holders {
            () => {
                organization_members::table
                    .inner_join(users::table.on(users::id.eq(organization_members::user_id)))
                    .filter(not(users::deleted))
                    .filter(not(users::is_system))
                    .filter(filters::holds_one_of(roles))
                    .order((users::username_key, users::id))
                    .select((users::username_key, users::id))
                    .distinct()
                    .limit(limit.into())
            };
        }
        self.run(|conn| {
            let rows: Vec<(String, Id<UserId>)> = match organization {
                Some(place) => holders!().filter(organization_members::organization_id.eq(Id(place))).load(conn)?,
                None => holders!().load(conn)?,
            };
            Ok(rows.into_iter().map(|(_, id)| id.0).collect())
        })
    }

    fn update_roles(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignOrgRole>,
        organization: OrganizationId,
        user: UserId,
        roles: &RoleNames,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().organization(organization.0), Touches::user(user), |conn| {
            let changed = diesel::update(organization_members::table.find((Id(organization), Id(user))))
                .set((
                    organization_members::roles.eq(Json(roles.as_slice())),
                    organization_members::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_roles_of(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignOrgRole>,
        user: UserId,
        roles: &[(OrganizationId, RoleNames)],
        now: Instant,
    ) -> Result<usize, StoreError> {
        if roles.is_empty() {
            return Ok(0);
        }
        // By the hexadecimal digits of the organization, so that both databases find their place in one document.
        let by_place: BTreeMap<String, &[String]> =
            roles.iter().map(|(place, roles)| (place.0.simple().to_string(), roles.as_slice())).collect();
        let by_place = Json(by_place);
        let places = OneOf::ids("organization_members.organization_id", roles.iter().map(|(place, _)| *place));
        self.write(permit, &permit.kind(), Touches::user(user), |conn| {
            let mine = organization_members::table.filter(organization_members::user_id.eq(Id(user))).filter(places);
            Ok(diesel::update(mine)
                .set((
                    organization_members::roles.eq(filters::roles_by_place(&by_place)),
                    organization_members::updated_at.eq(At(now)),
                ))
                .execute(conn)?)
        })
    }

    fn delete_of(
        &mut self,
        permit: &Permit<action::Delete, resource::OrganizationMember>,
        user: UserId,
        organizations: &[OrganizationId],
    ) -> Result<usize, StoreError> {
        if organizations.is_empty() {
            return Ok(0);
        }
        let places = |column| OneOf::ids(column, organizations.iter().copied());
        self.write_all(permit, &permit.kind().id(user.0).owner(user.0), Touches::user(user), |conn| {
            let mine = organization_members::table
                .filter(organization_members::user_id.eq(Id(user)))
                .filter(places("organization_members.organization_id"));
            let gone = diesel::delete(mine).execute(conn)?;
            // As when one membership ends.
            let key = user.to_string();
            let listed = templates::table.filter(places("templates.organization_id"));
            diesel::update(listed.filter(filters::lists_user(&key)))
                .set(templates::user_acl.eq(filters::list_without_user(&key)))
                .execute(conn)?;
            Ok(gone)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::OrganizationMember>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(user.0).owner(user.0).organization(organization.0),
            Touches::user(user),
            |conn| {
                let gone =
                    diesel::delete(organization_members::table.find((Id(organization), Id(user)))).execute(conn)?;
                if gone > 0 {
                    // Groups are left by themselves; an entry on an access list would count without membership too.
                    let key = user.to_string();
                    let listed = templates::table.filter(templates::organization_id.eq(Id(organization)));
                    diesel::update(listed.filter(filters::lists_user(&key)))
                        .set(templates::user_acl.eq(filters::list_without_user(&key)))
                        .execute(conn)?;
                }
                Ok(gone > 0)
            },
        )
    }
}

/// So many members are sorted in no time.
const FEW: u64 = 1_000;

/// Among so many users, in the order of names, the first members are looked for.
const EARLY: u32 = 2_000;

/// How many members the organization has.
fn count_all(conn: &mut Conn, organization: OrganizationId) -> QueryResult<u64> {
    // They are those of the group Everyone, which has the id of the organization.
    let counts = member_counts::of(conn, [GroupId(organization.0)])?;
    Ok(counts.first().map_or(0, |(_, count)| *count))
}

/// Who is on a page of the members, if they are found among the first users: each of these is looked up as a member,
/// until there are enough. To read and sort all members takes the longer the more there are, and databases choose it once
/// they plan for organizations of any size.
fn first(conn: &mut Conn, organization: OrganizationId, limit: u32, offset: u32) -> QueryResult<Vec<UserId>> {
    if limit.saturating_add(offset) > EARLY {
        return Ok(Vec::new());
    }
    // A subquery for one value is answered by key for each user, and never turned into a join.
    let ids = sql::<types::sql::Uuid>(
        "SELECT u.id FROM (SELECT id, username_key FROM users WHERE NOT deleted AND NOT is_system \
         ORDER BY username_key, id LIMIT ",
    )
    .bind::<BigInt, _>(i64::from(EARLY))
    .sql(") AS u WHERE (SELECT 1 FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ")
    .bind::<types::sql::Uuid, _>(Id(organization))
    .sql(") = 1 ORDER BY u.username_key, u.id LIMIT ")
    .bind::<BigInt, _>(i64::from(limit))
    .sql(" OFFSET ")
    .bind::<BigInt, _>(i64::from(offset));
    Ok(ids.load::<Id<UserId>>(conn)?.into_iter().map(|id| id.0).collect())
}

fn find(conn: &mut Conn, organization: OrganizationId, user: UserId) -> Result<Option<Member>, Error> {
    let row: Option<(MembershipRow, MemberUserRow)> = members_of!(organization)
        .filter(organization_members::user_id.eq(Id(user)))
        .select((MembershipRow::as_select(), MemberUserRow::as_select()))
        .get_result(conn)
        .optional()?;
    Ok(row.map(member).transpose()?)
}

fn members(rows: impl IntoIterator<Item = (MembershipRow, MemberUserRow)>) -> Result<Vec<Member>, RowError> {
    rows.into_iter().map(member).collect()
}

fn member((membership, user): (MembershipRow, MemberUserRow)) -> Result<Member, RowError> {
    user.member(membership.into())
}
