//! Conditions that SQLite writes its own way.

use crate::schema::users;
use crate::types;
use diesel::BoxableExpression;
use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

/// Users that hold one of these site roles at least.
pub(super) fn holds_any_role<'a>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<users::table, Sqlite, SqlType = Bool> + 'a> {
    Box::new(
        sql::<Bool>(
            "EXISTS (SELECT 1 FROM json_each(users.roles) held WHERE held.value IN (SELECT value FROM json_each(",
        )
        .bind::<types::sql::Json, _>(types::Json(roles))
        .sql(")))"),
    )
}
