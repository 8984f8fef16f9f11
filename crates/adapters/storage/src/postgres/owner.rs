//! A key with all that a request needs to know about its user: one prepared statement, one round trip.

use super::Conn;
use super::statement::statement;
use crate::error::Error;
use crate::rows::{AppLists, KeyRow, UserRow, app_limits};
use crate::types::{At, Id, Json, sql};
use diesel::pg::Pg;
use diesel::sql_types::{Array, Nullable, Text};
use diesel::{Expression, OptionalExtension as _, RunQueryDsl as _, Selectable};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{DefaultRoles, RoleNames};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::User;
use doorward_ports::sessions::KeyOwner;

type SqlTypeOf<Row> = <<Row as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// The memberships, column by column, with the default roles of the organizations, and the groups.
type Belongings = (
    Option<Vec<Id<OrganizationId>>>,
    Option<Vec<Json<Vec<String>>>>,
    Option<Vec<Json<Vec<String>>>>,
    Option<Vec<At>>,
    Option<Vec<At>>,
    Vec<Id<GroupId>>,
);

statement! {
    FindOwner { id: &'a str as Text, } -> (
        SqlTypeOf<KeyRow>,
        SqlTypeOf<UserRow>,
        (
            Nullable<Array<sql::Uuid>>,
            Nullable<Array<sql::Json>>,
            Nullable<Array<sql::Json>>,
            Nullable<Array<sql::Instant>>,
            Nullable<Array<sql::Instant>>,
            Array<sql::Uuid>,
        ),
        (Nullable<sql::Json>, Nullable<sql::Json>),
    ) {
        // The columns of keys and users in the order of the rows here. By name: a column that a later version adds is none of ours.
        "SELECT \
           k.id, k.user_id, k.secret_digest, k.login_type, k.scopes, k.token_name, k.ip, k.created_at, k.updated_at, \
           k.last_used, k.expires_at, k.lifetime_seconds, k.app_id, k.grant_id, k.app_secret_id, k.audience, \
           k.slides_until, k.purge_at, k.allow_list, k.unused, k.jkt, u.id, u.email, u.email_key, u.username, u.username_key, \
           u.name, u.avatar_url, u.password_hash, u.status, u.login_type, u.roles, u.created_at, u.updated_at, \
           u.last_seen_at, u.deleted, u.is_system, u.theme_preference, u.terminal_font, \
           m.organizations, m.roles, m.defaults, m.created, m.updated, \
           ARRAY(SELECT g.group_id FROM group_members g WHERE g.user_id = k.user_id ORDER BY g.group_id), \
           a.allowed_scopes, a.allowed_resources \
         FROM api_keys k LEFT JOIN oauth2_apps a ON a.id = k.app_id JOIN users u ON u.id = k.user_id AND NOT u.deleted \
         CROSS JOIN LATERAL (\
           SELECT array_agg(o.organization_id) AS organizations, array_agg(o.roles) AS roles, \
             array_agg(o.default_roles) AS defaults, \
             array_agg(o.created_at) AS created, array_agg(o.updated_at) AS updated \
           FROM (\
             SELECT b.*, p.default_roles FROM organization_members b JOIN organizations p ON p.id = b.organization_id \
             WHERE b.user_id = k.user_id ORDER BY b.organization_id) o) m \
         WHERE k.id = ?"
    }
}

pub(super) fn find(conn: &mut Conn, id: &ApiKeyId) -> Result<Option<KeyOwner>, Error> {
    let row: Option<(KeyRow, UserRow, Belongings, AppLists)> =
        FindOwner { id: id.as_str() }.get_result(conn).optional()?;
    let Some((key, user, belongings, lists)) = row else { return Ok(None) };
    let (organizations, roles, defaults, created, updated, groups) = belongings;
    let key = ApiKey::try_from(key)?;
    let times = created.into_iter().flatten().zip(updated.into_iter().flatten());
    let organizations = organizations.unwrap_or_default();
    let defaults = organizations.iter().zip(defaults.into_iter().flatten());
    let default_roles = defaults.flat_map(|(place, Json(names))| DefaultRoles::from_storage(names).granted(place.0.0));
    let memberships = organizations.iter().zip(roles.into_iter().flatten()).zip(times);
    let memberships = memberships.map(|((organization, roles), (created, updated))| Membership {
        organization_id: organization.0,
        user_id: key.user_id,
        roles: RoleNames::from_storage(roles.0),
        created_at: created.0,
        updated_at: updated.0,
    });
    Ok(Some(KeyOwner {
        app: key.oauth2.is_some().then(|| app_limits(lists)),
        memberships: memberships.collect(),
        default_roles: default_roles.collect(),
        user: User::try_from(user)?,
        groups: groups.into_iter().map(|id| id.0).collect(),
        key,
    }))
}
