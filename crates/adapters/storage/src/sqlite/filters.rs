//! Conditions that SQLite writes its own way.

use crate::schema::{organization_members, templates};
use crate::types;
use diesel::BoxableExpression;
use diesel::dsl::sql;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use serde::Serialize;
use std::fmt::Debug;

/// Users that hold one of these site roles at least, in any query that reads users.
pub(super) fn holds_any_role<'a, Tables>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<Tables, Sqlite, SqlType = Bool> + 'a> {
    // The first half is the condition of the index of those who have roles at all, word for word.
    Box::new(
        sql::<Bool>(
            "(users.roles <> '[]' \
              AND EXISTS (SELECT 1 FROM json_each(users.roles) held WHERE held.value IN (SELECT value FROM json_each(",
        )
        .bind::<types::sql::Json, _>(types::Json(roles))
        .sql("))))"),
    )
}

/// Members that hold this role.
pub(super) fn member_holds<'a>(
    role: &'a str,
) -> Box<dyn BoxableExpression<organization_members::table, Sqlite, SqlType = Bool> + 'a> {
    // As above.
    Box::new(
        sql::<Bool>(
            "(organization_members.roles <> '[]' \
              AND EXISTS (SELECT 1 FROM json_each(organization_members.roles) held WHERE held.value = ",
        )
        .bind::<Text, _>(role)
        .sql("))"),
    )
}

/// Members that hold one of these roles at least, in any query that reads members.
pub(super) fn holds_one_of<'a, Tables>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<Tables, Sqlite, SqlType = Bool> + 'a> {
    // As above.
    Box::new(
        sql::<Bool>(
            "(organization_members.roles <> '[]' AND EXISTS (SELECT 1 FROM json_each(organization_members.roles) held \
              WHERE held.value IN (SELECT value FROM json_each(",
        )
        .bind::<types::sql::Json, _>(types::Json(roles))
        .sql("))))"),
    )
}

/// The roles of a member, but for this one.
pub(super) fn roles_without<'a>(
    role: &'a str,
) -> Box<dyn BoxableExpression<organization_members::table, Sqlite, SqlType = types::sql::Json> + 'a> {
    Box::new(
        sql::<types::sql::Json>(
            "(SELECT json_group_array(held.value) FROM json_each(organization_members.roles) held WHERE held.value <> ",
        )
        .bind::<Text, _>(role)
        .sql(")"),
    )
}

/// The roles that `by_place` has for the organization of a member, which is there by its hexadecimal digits.
pub(super) fn roles_by_place<'a, T: Serialize + Debug + Send + Sync>(
    by_place: &'a types::Json<T>,
) -> Box<dyn BoxableExpression<organization_members::table, Sqlite, SqlType = types::sql::Json> + 'a> {
    Box::new(
        sql::<types::sql::Json>("(")
            .bind::<types::sql::Json, _>(by_place)
            .sql(" -> lower(hex(organization_members.organization_id)))"),
    )
}

/// Templates whose access list names this user.
pub(super) fn lists_user<'a>(
    user: &'a str,
) -> Box<dyn BoxableExpression<templates::table, Sqlite, SqlType = Bool> + 'a> {
    Box::new(
        sql::<Bool>("EXISTS (SELECT 1 FROM json_each(templates.user_acl) entry WHERE entry.key = ")
            .bind::<Text, _>(user)
            .sql(")"),
    )
}

/// The access list of a template, without this user.
pub(super) fn list_without_user<'a>(
    user: &'a str,
) -> Box<dyn BoxableExpression<templates::table, Sqlite, SqlType = types::sql::Json> + 'a> {
    Box::new(
        sql::<types::sql::Json>("json_remove(templates.user_acl, '$.\"' || ").bind::<Text, _>(user).sql(" || '\"')"),
    )
}
