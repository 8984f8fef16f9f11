use crate::schema::{scim_groups, scim_tokens, scim_users};
use crate::types::{At, Hash, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{GroupId, OrganizationId, ScimTokenId, UserId};
use doorward_domain::scim::{GroupRecord, Resource, ScimToken, UserRecord};
use time::Duration;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = scim_users, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct ScimUserRow {
    directory: Id<OrganizationId>,
    user_id: Id<UserId>,
    external_id: Option<String>,
    user_name: String,
    user_name_key: String,
    attributes: Json<Resource>,
    created_at: At,
    updated_at: At,
}

impl ScimUserRow {
    /// What a directory says of a user.
    pub(crate) fn new(directory: Id<OrganizationId>, user_id: UserId, record: &UserRecord) -> Self {
        Self {
            directory,
            user_id: Id(user_id),
            external_id: record.external_id.clone(),
            user_name: record.user_name.clone(),
            user_name_key: record.user_name_key(),
            attributes: Json(record.attributes.clone()),
            created_at: At(record.created_at),
            updated_at: At(record.updated_at),
        }
    }
}

impl From<ScimUserRow> for UserRecord {
    fn from(row: ScimUserRow) -> Self {
        Self {
            user_name: row.user_name,
            external_id: row.external_id,
            attributes: row.attributes.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = scim_groups, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct ScimGroupRow {
    directory: Id<OrganizationId>,
    group_id: Id<GroupId>,
    external_id: Option<String>,
    display_name: String,
    display_name_key: String,
    version: i64,
    created_at: At,
    updated_at: At,
}

impl ScimGroupRow {
    /// What a directory says of a group.
    pub(crate) fn new(directory: Id<OrganizationId>, group_id: GroupId, record: &GroupRecord) -> Self {
        Self {
            directory,
            group_id: Id(group_id),
            external_id: record.external_id.clone(),
            display_name: record.display_name.clone(),
            display_name_key: record.display_name_key(),
            version: record.version,
            created_at: At(record.created_at),
            updated_at: At(record.updated_at),
        }
    }
}

impl From<ScimGroupRow> for GroupRecord {
    fn from(row: ScimGroupRow) -> Self {
        Self {
            display_name: row.display_name,
            external_id: row.external_id,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = scim_tokens, treat_none_as_default_value = false)]
pub(crate) struct ScimTokenRow {
    id: Id<ScimTokenId>,
    organization_id: Id<OrganizationId>,
    name: String,
    prefix: String,
    digest: Hash,
    created_by: Option<Id<UserId>>,
    created_at: At,
    expires_at: Option<At>,
    last_used_at: Option<At>,
    lifetime_seconds: Option<i64>,
}

impl From<&ScimToken> for ScimTokenRow {
    fn from(token: &ScimToken) -> Self {
        Self {
            id: Id(token.id),
            organization_id: Id(token.organization_id),
            name: token.name.clone(),
            prefix: token.prefix.clone(),
            digest: Hash(token.digest),
            created_by: token.created_by.map(Id),
            created_at: At(token.created_at),
            expires_at: token.expires_at.map(At),
            last_used_at: token.last_used_at.map(At),
            lifetime_seconds: token.lifetime.map(Duration::whole_seconds),
        }
    }
}

impl From<ScimTokenRow> for ScimToken {
    fn from(row: ScimTokenRow) -> Self {
        Self {
            id: row.id.0,
            organization_id: row.organization_id.0,
            name: row.name,
            prefix: row.prefix,
            digest: row.digest.0,
            created_by: row.created_by.map(|id| id.0),
            created_at: row.created_at.0,
            lifetime: row.lifetime_seconds.map(Duration::seconds),
            expires_at: row.expires_at.map(|at| at.0),
            last_used_at: row.last_used_at.map(|at| at.0),
        }
    }
}
