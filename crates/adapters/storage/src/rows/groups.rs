use super::users::email;
use crate::error::RowError;
use crate::schema::{groups, users};
use crate::types::{At, Id};
use diesel::prelude::*;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, GroupName, OrganizationName, RealName, Username};
use doorward_domain::users::ReducedUser;
use doorward_ports::groups::FoundGroup;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = groups, treat_none_as_default_value = false)]
pub(crate) struct GroupRow {
    id: Id<GroupId>,
    organization_id: Id<OrganizationId>,
    name: String,
    name_key: String,
    display_name: String,
    avatar_url: String,
    quota_allowance: i32,
    source: String,
    created_at: At,
    updated_at: At,
}

impl From<&Group> for GroupRow {
    fn from(group: &Group) -> Self {
        Self {
            id: Id(group.id),
            organization_id: Id(group.organization_id),
            name: group.name.to_string(),
            name_key: group.name.key(),
            display_name: group.display_name.to_string(),
            avatar_url: group.avatar_url.clone(),
            quota_allowance: group.quota_allowance,
            source: group.source.as_str().to_owned(),
            created_at: At(group.created_at),
            updated_at: At(group.updated_at),
        }
    }
}

impl TryFrom<GroupRow> for Group {
    type Error = RowError;

    fn try_from(row: GroupRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("groups", column, row.id.0);
        Ok(Self {
            source: row.source.parse().map_err(|cause| bad("source").because(cause))?,
            id: row.id.0,
            organization_id: row.organization_id.0,
            name: GroupName::from_storage(row.name),
            display_name: DisplayName::from_storage(row.display_name),
            avatar_url: row.avatar_url,
            quota_allowance: row.quota_allowance,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// A group with name and display name of its organization.
#[derive(Debug, Queryable)]
pub(crate) struct FoundRow(GroupRow, String, String);

impl TryFrom<FoundRow> for FoundGroup {
    type Error = RowError;

    fn try_from(row: FoundRow) -> Result<Self, RowError> {
        Ok(Self {
            group: row.0.try_into()?,
            organization_name: OrganizationName::from_storage(row.1),
            organization_display_name: DisplayName::from_storage(row.2),
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct ReducedUserRow {
    id: Id<UserId>,
    username: String,
    avatar_url: String,
    name: String,
    email: String,
    created_at: At,
    updated_at: At,
    last_seen_at: Option<At>,
    status: String,
    login_type: String,
    theme_preference: String,
}

impl ReducedUserRow {
    pub(crate) fn id(&self) -> UserId {
        self.id.0
    }
}

impl TryFrom<ReducedUserRow> for ReducedUser {
    type Error = RowError;

    fn try_from(row: ReducedUserRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("users", column, row.id.0);
        Ok(Self {
            status: row.status.parse().map_err(|cause| bad("status").because(cause))?,
            login_type: row.login_type.parse().map_err(|cause| bad("login_type").because(cause))?,
            id: row.id.0,
            username: Username::from_storage(row.username),
            avatar_url: row.avatar_url,
            name: RealName::from_storage(row.name),
            email: email(row.email),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            last_seen_at: row.last_seen_at.map(|at| at.0),
            theme_preference: row.theme_preference,
        })
    }
}
