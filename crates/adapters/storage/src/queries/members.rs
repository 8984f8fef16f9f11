//! Members of organizations.

use super::visible::{Columns, Lists, Visible};
use super::{Conn, filters, locks};
use crate::rows::{MemberUserRow, MembershipRow};
use crate::schema::{organization_members, templates, users};
use crate::session::Session;
use crate::types::{At, Id, Json};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::Member;
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::members::{MemberPage, MemberRepository};

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
        members_of!($organization).filter(not(users::is_system)).filter(Visible::new($visible, COLUMNS))
    };
}

impl MemberRepository for Session<'_, Conn> {
    fn find(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.run(|conn| Ok(find(conn, organization, user)?))
    }

    fn hold(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError> {
        self.run(|conn| {
            if !locks::hold_membership(conn, organization, user)? {
                return Ok(None);
            }
            Ok(find(conn, organization, user)?)
        })
    }

    fn list(
        &mut self,
        organization: OrganizationId,
        visible: &ListFilter,
        page: Page,
    ) -> Result<MemberPage, StoreError> {
        if Visible::new(visible, COLUMNS).is_never() {
            return Ok(MemberPage::default());
        }
        self.run(|conn| {
            let rows: Vec<(MembershipRow, MemberUserRow)> = listed!(organization, visible)
                .order((users::username_key, users::id))
                // SQLite takes no offset without a limit.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .offset(page.offset.into())
                .select((MembershipRow::as_select(), MemberUserRow::as_select()))
                .load(conn)?;
            let members: Vec<Member> = rows.into_iter().map(member).collect();
            let count = if page.limit.is_none() && page.offset == 0 {
                members.len() as u64
            } else {
                let count: i64 = listed!(organization, visible).count().get_result(conn)?;
                u64::try_from(count).unwrap_or(0)
            };
            Ok(MemberPage { members, count })
        })
    }

    fn update_roles(
        &mut self,
        _permit: &Permit<action::Assign, resource::AssignOrgRole>,
        organization: OrganizationId,
        user: UserId,
        roles: &[String],
        now: Instant,
    ) -> Result<bool, StoreError> {
        let changed = self.run(|conn| {
            let changed = diesel::update(organization_members::table.find((Id(organization), Id(user))))
                .set((organization_members::roles.eq(Json(roles)), organization_members::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(changed > 0)
        })?;
        self.changed(Change::User(user));
        Ok(changed)
    }

    fn delete(
        &mut self,
        _permit: &Permit<action::Delete, resource::OrganizationMember>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let gone = self.atomically(|conn| {
            let gone = diesel::delete(organization_members::table.find((Id(organization), Id(user)))).execute(conn)?;
            if gone > 0 {
                // Groups are left by themselves; an entry on an access list would count without membership too.
                let key = user.to_string();
                let listed = templates::table.filter(templates::organization_id.eq(Id(organization)));
                diesel::update(listed.filter(filters::lists_user(&key)))
                    .set(templates::user_acl.eq(filters::list_without_user(&key)))
                    .execute(conn)?;
            }
            Ok(gone > 0)
        })?;
        self.changed(Change::User(user));
        Ok(gone)
    }
}

fn find(conn: &mut Conn, organization: OrganizationId, user: UserId) -> QueryResult<Option<Member>> {
    let row: Option<(MembershipRow, MemberUserRow)> = members_of!(organization)
        .filter(organization_members::user_id.eq(Id(user)))
        .select((MembershipRow::as_select(), MemberUserRow::as_select()))
        .get_result(conn)
        .optional()?;
    Ok(row.map(member))
}

fn member((membership, user): (MembershipRow, MemberUserRow)) -> Member {
    user.member(membership.into())
}
