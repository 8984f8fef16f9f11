//! Organizations and members.

use super::one_of::OneOf;
use super::visible::{Columns, Lists, Visible};
use super::{Conn, locks};
use crate::error::Error;
use crate::rows::{GroupRow, MembershipRow, OrganizationRow};
use crate::schema::{
    custom_roles, groups, organization_members, organizations, runtime_settings, templates, users, workspaces,
};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names;
use doorward_domain::organizations::{Blocker, Membership, Organization};
use doorward_domain::roles::{ListFilter, Permit, ResourceType, action, resource};
use doorward_ports::organizations::OrganizationRepository;
use doorward_ports::{Conflict, StoreError};
use std::collections::BTreeSet;

/// An organization belongs to itself and to nobody, and has no access lists.
const COLUMNS: Columns =
    Columns { id: "organizations.id", organization: Some("organizations.id"), owner: None, lists: Lists::None };

/// Memberships in one statement: both databases take several times as many values.
const MEMBERS_AT_ONCE: usize = 1000;

impl OrganizationRepository for UnitOfWork<'_, Conn> {
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

    fn find_for_update(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        self.run(|conn| Ok(locks::organization_for_update(conn, id)?.map(Organization::from)))
    }

    fn list_by_id(&mut self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows = organizations::table
                .filter(OneOf::ids("organizations.id", ids.iter().copied()))
                .filter(not(organizations::deleted))
                .order(organizations::name_key)
                .select(OrganizationRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Organization::from).collect())
        })
    }

    fn list_by_id_for_key_share(&mut self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let among = OneOf::ids("organizations.id", ids.iter().copied());
        self.run(|conn| {
            let rows = locks::living_organizations_for_key_share(conn, among)?;
            Ok(rows.into_iter().map(Organization::from).collect())
        })
    }

    fn list(&mut self, visible: &ListFilter) -> Result<Vec<Organization>, StoreError> {
        let visible = Visible::new(visible, COLUMNS);
        if visible.is_never() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows = organizations::table
                .filter(not(organizations::deleted))
                .filter(visible)
                .order(organizations::name_key)
                .select(OrganizationRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Organization::from).collect())
        })
    }

    fn list_of_user(&mut self, user: UserId, visible: &ListFilter) -> Result<Vec<Organization>, StoreError> {
        let visible = Visible::new(visible, COLUMNS);
        if visible.is_never() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows = organizations::table
                .inner_join(organization_members::table.on(organization_members::organization_id.eq(organizations::id)))
                .filter(organization_members::user_id.eq(Id(user)))
                .filter(not(organizations::deleted))
                .filter(visible)
                .order(organizations::name_key)
                .select(OrganizationRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Organization::from).collect())
        })
    }

    fn delete_blockers(&mut self, id: OrganizationId) -> Result<Vec<Blocker>, StoreError> {
        self.run(|conn| {
            let members: i64 = organization_members::table
                .inner_join(users::table.on(users::id.eq(organization_members::user_id)))
                .filter(organization_members::organization_id.eq(Id(id)))
                .filter(not(users::is_system))
                .count()
                .get_result(conn)?;
            let groups: i64 = groups::table
                .filter(groups::organization_id.eq(Id(id)))
                .filter(groups::id.ne(Id(GroupId(id.0))))
                .count()
                .get_result(conn)?;
            let templates = templates::table.filter(templates::organization_id.eq(Id(id)));
            let templates: i64 = templates.filter(not(templates::deleted)).count().get_result(conn)?;
            let workspaces = workspaces::table.filter(workspaces::organization_id.eq(Id(id)));
            let workspaces: i64 = workspaces.filter(not(workspaces::deleted)).count().get_result(conn)?;
            // One line for each kind of thing that must go first.
            let found = [
                (members > 1).then(|| Blocker::Members(members.unsigned_abs())),
                (groups > 0).then(|| Blocker::Groups(groups.unsigned_abs())),
                (templates > 0).then(|| Blocker::Templates(templates.unsigned_abs())),
                (workspaces > 0).then(|| Blocker::Workspaces(workspaces.unsigned_abs())),
            ];
            Ok(found.into_iter().flatten().collect())
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Organization>,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(organization.id.0).organization(organization.id.0),
            Touches::nobody("it has no members yet"),
            |conn| {
                diesel::insert_into(organizations::table).values(OrganizationRow::from(organization)).execute(conn)?;
                diesel::insert_into(groups::table)
                    .values(GroupRow::from(&Group::everyone(organization)))
                    .execute(conn)?;
                Ok(())
            },
        )
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Organization>,
        organization: &Organization,
    ) -> Result<bool, StoreError> {
        self.write(
            permit,
            &permit.kind().id(organization.id.0).organization(organization.id.0),
            Touches::organization(organization.id),
            |conn| {
                let living = organizations::table.find(Id(organization.id)).filter(not(organizations::deleted));
                let changed = diesel::update(living)
                    .set((
                        organizations::name.eq(organization.name.as_str()),
                        organizations::name_key.eq(organization.name.key()),
                        organizations::display_name.eq(organization.display_name.as_str()),
                        organizations::description.eq(&organization.description),
                        organizations::icon.eq(&organization.icon),
                        organizations::default_roles.eq(Json(organization.default_roles.names().to_vec())),
                        organizations::updated_at.eq(At(organization.updated_at)),
                    ))
                    .execute(conn)?;
                Ok(changed > 0)
            },
        )
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Organization>,
        id: OrganizationId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(id.0).organization(id.0), Touches::organization(id), |conn| {
            let others = organizations::table
                .find(Id(id))
                .filter(not(organizations::deleted))
                .filter(not(organizations::is_default));
            let gone = diesel::update(others)
                .set((organizations::deleted.eq(true), organizations::updated_at.eq(At(now))))
                .execute(conn)?;
            if gone > 0 {
                let organization = Some(Id(id));
                diesel::delete(custom_roles::table.filter(custom_roles::organization_id.eq(organization)))
                    .execute(conn)?;
                let members = organization_members::table.filter(organization_members::organization_id.eq(Id(id)));
                diesel::delete(members).execute(conn)?;
                let settings = runtime_settings::table.filter(runtime_settings::organization_id.eq(Id(id)));
                diesel::delete(settings).execute(conn)?;
                // Their members go with them.
                diesel::delete(groups::table.filter(groups::organization_id.eq(Id(id)))).execute(conn)?;
            }
            Ok(gone > 0)
        })
    }

    fn insert_member(
        &mut self,
        permit: &Permit<action::Create, resource::OrganizationMember>,
        membership: &Membership,
    ) -> Result<(), StoreError> {
        let (place, user) = (membership.organization_id, membership.user_id);
        let member = permit.kind().id(user.0).owner(user.0).organization(place.0);
        self.write_all(permit, &member, Touches::user(user), |conn| {
            if !locks::organization_for_key_share(conn, membership.organization_id)? {
                return Err(Error::Conflict(Conflict::OrganizationDeleted));
            }
            diesel::insert_into(organization_members::table).values(MembershipRow::from(membership)).execute(conn)?;
            Ok(())
        })
    }

    fn insert_members(
        &mut self,
        members: &[(Permit<action::Create, resource::OrganizationMember>, Membership)],
    ) -> Result<(), StoreError> {
        let [(permit, first), ..] = members else { return Ok(()) };
        let about = |membership: &Membership| {
            let (place, user) = (membership.organization_id, membership.user_id);
            permit.kind().id(user.0).owner(user.0).organization(place.0)
        };
        let are_covered = members.iter().all(|(permit, membership)| permit.covers(&about(membership)));
        let users: BTreeSet<UserId> = members.iter().map(|(_, membership)| membership.user_id).collect();
        let places: BTreeSet<OrganizationId> =
            members.iter().map(|(_, membership)| membership.organization_id).collect();
        let users: Vec<UserId> = users.into_iter().collect();
        self.write_all(permit, &about(first), Touches::users(&users), |conn| {
            if !are_covered {
                return Err(Error::NotPermitted(ResourceType::OrganizationMember));
            }
            let living = OneOf::ids("organizations.id", places.iter().copied());
            if locks::organizations_for_key_share(conn, living)? < places.len() {
                return Err(Error::Conflict(Conflict::OrganizationDeleted));
            }
            // The statement for one row stays prepared.
            if let [(_, member)] = members {
                diesel::insert_into(organization_members::table).values(MembershipRow::from(member)).execute(conn)?;
                return Ok(());
            }
            for members in members.chunks(MEMBERS_AT_ONCE) {
                let rows: Vec<MembershipRow> = members.iter().map(|(_, member)| MembershipRow::from(member)).collect();
                diesel::insert_into(organization_members::table).values(rows).execute(conn)?;
            }
            Ok(())
        })
    }

    fn list_memberships(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.list_memberships_of(&[user])
    }

    fn list_memberships_of(&mut self, users: &[UserId]) -> Result<Vec<Membership>, StoreError> {
        self.run(|conn| {
            let rows = organization_members::table
                .filter(OneOf::ids("organization_members.user_id", users.iter().copied()))
                .order((organization_members::user_id, organization_members::organization_id))
                .select(MembershipRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Membership::from).collect())
        })
    }
}
