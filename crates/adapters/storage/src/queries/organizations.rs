//! Organizations and members.

use super::Conn;
use crate::rows::{GroupRow, MembershipRow, OrganizationRow};
use crate::schema::{groups, organization_members, organizations};
use crate::session::Session;
use crate::types::Id;
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::groups::Group;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names;
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::organizations::OrganizationRepository;

impl OrganizationRepository for Session<'_, Conn> {
    fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.run(|conn| {
            let row = organizations::table
                .filter(organizations::id.eq(Id(id)))
                .filter(not(organizations::deleted))
                .select(OrganizationRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Organization::from))
        })
    }

    fn find_by_name(&mut self, name: &str) -> Result<Option<Organization>, StoreError> {
        self.run(|conn| {
            let row = organizations::table
                .filter(organizations::name_key.eq(names::key(name)))
                .filter(not(organizations::deleted))
                .select(OrganizationRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Organization::from))
        })
    }

    fn find_default(&mut self) -> Result<Option<Organization>, StoreError> {
        self.run(|conn| {
            let row = organizations::table
                .filter(organizations::is_default)
                .select(OrganizationRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Organization::from))
        })
    }

    fn list_of_user(&mut self, user: UserId) -> Result<Vec<Organization>, StoreError> {
        self.run(|conn| {
            let rows = organizations::table
                .inner_join(organization_members::table.on(organization_members::organization_id.eq(organizations::id)))
                .filter(organization_members::user_id.eq(Id(user)))
                .filter(not(organizations::deleted))
                .order(organizations::name_key)
                .select(OrganizationRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Organization::from).collect())
        })
    }

    fn insert(
        &mut self,
        _permit: &Permit<action::Create, resource::Organization>,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        self.atomically(|conn| {
            diesel::insert_into(organizations::table).values(OrganizationRow::from(organization)).execute(conn)?;
            diesel::insert_into(groups::table).values(GroupRow::from(&Group::everyone(organization))).execute(conn)?;
            Ok(())
        })
    }

    fn insert_member(
        &mut self,
        _permit: &Permit<action::Create, resource::OrganizationMember>,
        membership: &Membership,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(organization_members::table).values(MembershipRow::from(membership)).execute(conn)?;
            Ok(())
        })?;
        self.changed(Change::User(membership.user_id));
        Ok(())
    }

    fn list_memberships(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.list_memberships_of(&[user])
    }

    fn list_memberships_of(&mut self, users: &[UserId]) -> Result<Vec<Membership>, StoreError> {
        self.run(|conn| {
            let rows = organization_members::table
                .filter(organization_members::user_id.eq_any(users.iter().copied().map(Id)))
                .order((organization_members::user_id, organization_members::organization_id))
                .select(MembershipRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Membership::from).collect())
        })
    }
}
