//! Conditions that PostgreSQL writes its own way.

use crate::schema::users;
use diesel::BoxableExpression;
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::sql_types::{Array, Bool, Text};

/// Users that hold one of these site roles at least.
pub(super) fn holds_any_role<'a>(
    roles: &'a [String],
) -> Box<dyn BoxableExpression<users::table, Pg, SqlType = Bool> + 'a> {
    Box::new(sql::<Bool>("jsonb_exists_any(users.roles, ").bind::<Array<Text>, _>(roles).sql(")"))
}
