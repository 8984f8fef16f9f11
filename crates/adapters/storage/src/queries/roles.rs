//! Custom roles.

use super::advisory::Advisory;
use super::one_of::OneOf;
use super::{Conn, filters, locks};
use crate::error::Error;
use crate::rows::RoleRow;
use crate::schema::{custom_roles, organization_members};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{CustomRoleId, OrganizationId};
use doorward_domain::roles::{CustomRole, Object, Permit, RoleName, action, resource};
use doorward_ports::changes::Change;
use doorward_ports::roles::RoleRepository;
use doorward_ports::{Conflict, StoreError};
use std::collections::HashSet;

impl RoleRepository for UnitOfWork<'_, Conn> {
    fn find_custom(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows = custom_roles::table
                .filter(OneOf::texts("custom_roles.name", names.iter().map(RoleName::name)))
                .order((custom_roles::name, custom_roles::id))
                .select(RoleRow::as_select())
                .load(conn)?;
            Ok(meant(rows, names))
        })
    }

    fn find_custom_for_key_share(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = OneOf::texts("custom_roles.name", names.iter().map(RoleName::name));
        self.run(|conn| Ok(meant(locks::roles_for_key_share(conn, wanted)?, names)))
    }

    fn lock_definitions(&mut self) -> Result<(), StoreError> {
        self.run(|conn| Ok(Advisory::RoleDefinitions.lock(conn)?))
    }

    fn find_custom_for_update(&mut self, name: &RoleName) -> Result<Option<(CustomRoleId, CustomRole)>, StoreError> {
        self.run(|conn| {
            let row = locks::role_for_update(conn, name.name())?;
            let found = row.map(|row| (row.id(), CustomRole::from(row)));
            Ok(found.filter(|(_, role)| role.name() == name))
        })
    }

    fn list_custom(&mut self, organization: Option<OrganizationId>) -> Result<Vec<CustomRole>, StoreError> {
        self.run(|conn| {
            let listed = custom_roles::table.order(custom_roles::name).select(RoleRow::as_select());
            let rows = match organization {
                Some(id) => listed.filter(custom_roles::organization_id.eq(Some(Id(id)))).load(conn)?,
                None => listed.filter(custom_roles::organization_id.is_null()).load(conn)?,
            };
            Ok(rows.into_iter().map(CustomRole::from).collect())
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::AssignOrgRole>,
        id: CustomRoleId,
        role: &CustomRole,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &in_place_of(permit.kind(), role.name()), touched_by(role.name()), |conn| {
            let organization = role.name().organization_id().map(OrganizationId);
            if let Some(organization) = organization
                && !locks::organization_for_key_share(conn, organization)?
            {
                return Err(Error::Conflict(Conflict::OrganizationDeleted));
            }
            diesel::insert_into(custom_roles::table).values(RoleRow::new(id, role, now)).execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::AssignOrgRole>,
        id: CustomRoleId,
        role: &CustomRole,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &in_place_of(permit.kind(), role.name()), touched_by(role.name()), |conn| {
            let row = RoleRow::new(id, role, now);
            let changed = diesel::update(custom_roles::table.find(Id(id)))
                .set((
                    custom_roles::display_name.eq(role.display_name()),
                    custom_roles::site_permissions.eq(row.site()),
                    custom_roles::organization_permissions.eq(row.organization()),
                    custom_roles::user_permissions.eq(row.user()),
                    custom_roles::member_permissions.eq(row.member()),
                    custom_roles::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::AssignOrgRole>,
        name: &RoleName,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let organization = name.organization_id().map(OrganizationId).map(Id);
        self.write_all(permit, &in_place_of(permit.kind(), name), touched_by(name), |conn| {
            let role = custom_roles::table
                .filter(custom_roles::name.eq(name.name()))
                .filter(custom_roles::organization_id.eq(organization));
            let gone = diesel::delete(role).execute(conn)?;
            if let (Some(organization), true) = (organization, gone > 0) {
                // Who gave it to somebody meanwhile has kept it, so that this waited and sees them now.
                let holders = organization_members::table
                    .filter(organization_members::organization_id.eq(organization))
                    .filter(filters::member_holds(name.name()));
                diesel::update(holders)
                    .set((
                        organization_members::roles.eq(filters::roles_without(name.name())),
                        organization_members::updated_at.eq(At(now)),
                    ))
                    .execute(conn)?;
            }
            Ok(gone > 0)
        })
    }
}

/// Whoever may hold a custom role of this name.
fn touched_by(name: &RoleName) -> Touches {
    let organization = name.organization_id().map(OrganizationId);
    organization.map_or(Change::Everything, Change::Organization).into()
}

/// The custom roles of the place of this one.
fn in_place_of<'a>(roles: Object<'a>, name: &RoleName) -> Object<'a> {
    match name.organization_id() {
        Some(organization) => roles.organization(organization),
        None => roles,
    }
}

/// The roles that are meant: names are unique, but the one that has the name may be in another place.
fn meant(rows: Vec<RoleRow>, names: &[RoleName]) -> Vec<CustomRole> {
    let names: HashSet<&RoleName> = names.iter().collect();
    rows.into_iter().map(CustomRole::from).filter(|role| names.contains(role.name())).collect()
}
