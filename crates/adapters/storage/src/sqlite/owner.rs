//! A key with all that a request needs to know about its user, step by step: steps are cheap here.

use super::Conn;
use crate::error::Error;
use crate::rows::{KeyRow, MembershipRow, UserRow, app_limits};
use crate::schema::{api_keys, effective_members, oauth2_apps, organization_members, organizations, users};
use crate::types::{Id, Json};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::ids::GroupId;
use doorward_domain::organizations::Membership;
use doorward_domain::roles::DefaultRoles;
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::User;
use doorward_ports::sessions::KeyOwner;

pub(super) fn find(conn: &mut Conn, id: &ApiKeyId) -> Result<Option<KeyOwner>, Error> {
    let row: Option<(KeyRow, UserRow)> = api_keys::table
        .inner_join(users::table.on(users::id.eq(api_keys::user_id)))
        .filter(api_keys::id.eq(id.as_str()))
        .filter(not(users::deleted))
        .select((KeyRow::as_select(), UserRow::as_select()))
        .get_result(conn)
        .optional()?;
    let Some((key, user)) = row else { return Ok(None) };
    let (key, user) = (ApiKey::try_from(key)?, User::try_from(user)?);
    let places: Vec<(MembershipRow, Json<Vec<String>>)> = organization_members::table
        .inner_join(organizations::table.on(organizations::id.eq(organization_members::organization_id)))
        .filter(organization_members::user_id.eq(Id(user.id)))
        .order(organization_members::organization_id)
        .select((MembershipRow::as_select(), organizations::default_roles))
        .load(conn)?;
    let granted = |(place, Json(names)): (MembershipRow, Json<Vec<String>>)| {
        let place = Membership::from(place);
        (DefaultRoles::from_storage(names).granted(place.organization_id.0), place)
    };
    let (default_roles, memberships): (Vec<_>, Vec<_>) = places.into_iter().map(granted).unzip();
    let groups = effective_members::table
        .filter(effective_members::user_id.eq(Id(user.id)))
        .order(effective_members::group_id)
        .select(effective_members::group_id)
        .load::<Id<GroupId>>(conn)?;
    let app = match &key.oauth2 {
        Some(binding) => oauth2_apps::table
            .find(Id(binding.app_id))
            .select((oauth2_apps::allowed_scopes, oauth2_apps::allowed_resources))
            .get_result(conn)
            .optional()?
            .map(app_limits),
        None => None,
    };
    Ok(Some(KeyOwner {
        app,
        key,
        user,
        memberships,
        default_roles: default_roles.into_iter().flatten().collect(),
        groups: groups.into_iter().map(|id| id.0).collect(),
    }))
}
