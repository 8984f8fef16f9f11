use crate::schema::{organization_members, organizations};
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names;
use doorward_domain::organizations::{Membership, Organization};

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
}

impl From<&Organization> for OrganizationRow {
    fn from(organization: &Organization) -> Self {
        Self {
            id: Id(organization.id),
            name: organization.name.clone(),
            name_key: names::key(&organization.name),
            display_name: organization.display_name.clone(),
            description: organization.description.clone(),
            icon: organization.icon.clone(),
            created_at: At(organization.created_at),
            updated_at: At(organization.updated_at),
            is_default: organization.is_default,
            deleted: false,
        }
    }
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            display_name: row.display_name,
            description: row.description,
            icon: row.icon,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            is_default: row.is_default,
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
            roles: Json(membership.roles.clone()),
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
            roles: row.roles.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}
