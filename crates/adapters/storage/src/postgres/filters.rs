//! Conditions that PostgreSQL writes its own way.

use crate::schema::{organization_members, templates};
use crate::types;
use diesel::BoxableExpression;
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::sql_types::{Array, Bool, Text};
use serde::Serialize;
use std::fmt::Debug;

/// Users that hold one of these site roles at least, in any query that reads users.
pub(super) fn holds_any_role<'a, Tables>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<Tables, Pg, SqlType = Bool> + 'a> {
    // The first half is the condition of the index of those who have roles at all, word for word.
    let held = sql::<Bool>("(users.roles <> '[]'::jsonb AND jsonb_exists_any(users.roles, ");
    Box::new(held.bind::<Array<Text>, _>(roles).sql("))"))
}

/// Members that hold this role.
pub(super) fn member_holds<'a>(
    role: &'a str,
) -> Box<dyn BoxableExpression<organization_members::table, Pg, SqlType = Bool> + 'a> {
    // As above.
    let held = sql::<Bool>("(organization_members.roles <> '[]'::jsonb AND jsonb_exists(organization_members.roles, ");
    Box::new(held.bind::<Text, _>(role).sql("))"))
}

/// Members that hold one of these roles at least, in any query that reads members.
pub(super) fn holds_one_of<'a, Tables>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<Tables, Pg, SqlType = Bool> + 'a> {
    // As above.
    let held =
        sql::<Bool>("(organization_members.roles <> '[]'::jsonb AND jsonb_exists_any(organization_members.roles, ");
    Box::new(held.bind::<Array<Text>, _>(roles).sql("))"))
}

/// The roles of a member, but for this one.
pub(super) fn roles_without<'a>(
    role: &'a str,
) -> Box<dyn BoxableExpression<organization_members::table, Pg, SqlType = types::sql::Json> + 'a> {
    Box::new(sql::<types::sql::Json>("organization_members.roles - ").bind::<Text, _>(role))
}

/// The roles that `by_place` has for the organization of a member, which is there by its hexadecimal digits.
pub(super) fn roles_by_place<'a, T: Serialize + Debug + Send + Sync>(
    by_place: &'a types::Json<T>,
) -> Box<dyn BoxableExpression<organization_members::table, Pg, SqlType = types::sql::Json> + 'a> {
    Box::new(
        sql::<types::sql::Json>("(")
            .bind::<types::sql::Json, _>(by_place)
            .sql(" -> replace(organization_members.organization_id::text, '-', ''))"),
    )
}

/// Templates whose access list names this user.
pub(super) fn lists_user<'a>(user: &'a str) -> Box<dyn BoxableExpression<templates::table, Pg, SqlType = Bool> + 'a> {
    Box::new(sql::<Bool>("jsonb_exists(templates.user_acl, ").bind::<Text, _>(user).sql(")"))
}

/// The access list of a template, without this user.
pub(super) fn list_without_user<'a>(
    user: &'a str,
) -> Box<dyn BoxableExpression<templates::table, Pg, SqlType = types::sql::Json> + 'a> {
    Box::new(sql::<types::sql::Json>("templates.user_acl - ").bind::<Text, _>(user))
}
