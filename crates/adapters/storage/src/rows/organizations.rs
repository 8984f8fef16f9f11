use super::ReducedUserRow;
use crate::error::RowError;
use crate::schema::{custom_roles, organization_members, organizations, users};
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{CustomRoleId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, OrganizationName};
use doorward_domain::organizations::{Member, Membership, Organization};
use doorward_domain::roles::{CustomRole, DefaultRoles, Permission, PermissionSet, RoleName, RoleNames};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations, treat_none_as_default_value = false)]
pub(crate) struct OrganizationRow {
    id: Id<OrganizationId>,
    name: String,
    name_key: String,
    display_name: String,
    description: String,
    icon: String,
    created_at: At,
    updated_at: At,
    is_default: bool,
    deleted: bool,
    default_roles: Json<Vec<String>>,
}

impl From<&Organization> for OrganizationRow {
    fn from(organization: &Organization) -> Self {
        Self {
            id: Id(organization.id),
            name: organization.name.to_string(),
            name_key: organization.name.key(),
            display_name: organization.display_name.to_string(),
            description: organization.description.clone(),
            icon: organization.icon.clone(),
            created_at: At(organization.created_at),
            updated_at: At(organization.updated_at),
            is_default: organization.is_default,
            deleted: false,
            default_roles: Json(organization.default_roles.names().to_vec()),
        }
    }
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id.0,
            name: OrganizationName::from_storage(row.name),
            display_name: DisplayName::from_storage(row.display_name),
            description: row.description,
            icon: row.icon,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            is_default: row.is_default,
            default_roles: DefaultRoles::from_storage(row.default_roles.0),
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = organization_members, treat_none_as_default_value = false)]
pub(crate) struct MembershipRow {
    pub(crate) organization_id: Id<OrganizationId>,
    pub(crate) user_id: Id<UserId>,
    pub(crate) roles: Json<Vec<String>>,
    pub(crate) created_at: At,
    pub(crate) updated_at: At,
}

impl From<&Membership> for MembershipRow {
    fn from(membership: &Membership) -> Self {
        Self {
            organization_id: Id(membership.organization_id),
            user_id: Id(membership.user_id),
            roles: Json(membership.roles.as_slice().to_vec()),
            created_at: At(membership.created_at),
            updated_at: At(membership.updated_at),
        }
    }
}

impl From<MembershipRow> for Membership {
    fn from(row: MembershipRow) -> Self {
        Self {
            organization_id: row.organization_id.0,
            user_id: row.user_id.0,
            roles: RoleNames::from_storage(row.roles.0),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// What is shown of the user of a membership.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct MemberUserRow {
    #[diesel(embed)]
    user: ReducedUserRow,
    roles: Json<Vec<String>>,
}

impl MemberUserRow {
    pub(crate) fn member(self, membership: Membership) -> Result<Member, RowError> {
        Ok(Member { membership, user: self.user.try_into()?, site_roles: RoleNames::from_storage(self.roles.0) })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = custom_roles, treat_none_as_default_value = false)]
pub(crate) struct RoleRow {
    id: Id<CustomRoleId>,
    organization_id: Option<Id<OrganizationId>>,
    name: String,
    display_name: String,
    site_permissions: Json<Vec<Permission>>,
    organization_permissions: Json<Vec<Permission>>,
    user_permissions: Json<Vec<Permission>>,
    member_permissions: Json<Vec<Permission>>,
    created_at: At,
    updated_at: At,
}

impl RoleRow {
    /// A role that is made at `now`.
    pub(crate) fn new(id: CustomRoleId, role: &CustomRole, now: Instant) -> Self {
        let name = role.name();
        let list = |grants: &PermissionSet| Json(grants.permissions().to_vec());
        Self {
            id: Id(id),
            organization_id: name.organization_id().map(|id| Id(id.into())),
            name: name.name().to_owned(),
            display_name: role.display_name().to_owned(),
            site_permissions: list(role.role().site()),
            organization_permissions: Json(role.in_organization().to_vec()),
            user_permissions: list(role.role().user()),
            member_permissions: Json(role.on_owned().to_vec()),
            created_at: At(now),
            updated_at: At(now),
        }
    }

    pub(crate) const fn id(&self) -> CustomRoleId {
        self.id.0
    }

    pub(crate) const fn site(&self) -> &Json<Vec<Permission>> {
        &self.site_permissions
    }

    pub(crate) const fn organization(&self) -> &Json<Vec<Permission>> {
        &self.organization_permissions
    }

    pub(crate) const fn user(&self) -> &Json<Vec<Permission>> {
        &self.user_permissions
    }

    pub(crate) const fn member(&self) -> &Json<Vec<Permission>> {
        &self.member_permissions
    }
}

impl From<RoleRow> for CustomRole {
    fn from(row: RoleRow) -> Self {
        let name = match row.organization_id {
            Some(organization) => RoleName::organization(row.name, organization.0.0),
            None => RoleName::site(row.name),
        };
        Self::new(
            name,
            row.display_name,
            row.site_permissions.0,
            row.organization_permissions.0,
            row.user_permissions.0,
        )
        .with_owned(row.member_permissions.0)
    }
}
