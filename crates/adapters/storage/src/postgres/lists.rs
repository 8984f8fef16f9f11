//! Conditions on lists of ids and on access lists, as PostgreSQL writes them. However long a list is, it is one parameter.

use crate::types::{Ids, Json, Texts, sql};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, Text};
use std::collections::BTreeMap;

/// `column` is one of `ids`.
pub(super) fn one_of<'b>(out: &mut AstPass<'_, 'b, Pg>, column: &str, ids: &'b Ids) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" = ANY(");
    out.push_bind_param::<Array<sql::Uuid>, _>(ids)?;
    out.push_sql(")");
    Ok(())
}

/// `column` is one of `texts`.
pub(super) fn one_of_texts<'b>(out: &mut AstPass<'_, 'b, Pg>, column: &str, texts: &'b Texts) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" = ANY(");
    out.push_bind_param::<Array<Text>, _>(texts)?;
    out.push_sql(")");
    Ok(())
}

/// The list in `column` lets the user do one of `actions`.
pub(super) fn user_may<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    column: &str,
    user: &'b String,
    actions: &'b Texts,
) -> QueryResult<()> {
    out.push_sql("COALESCE(jsonb_exists_any(");
    out.push_sql(column);
    out.push_sql(" -> ");
    out.push_bind_param::<Text, _>(user)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<Text>, _>(actions)?;
    out.push_sql("), FALSE)");
    Ok(())
}

/// The list in `column` lets one of `groups`, or all members of the organization of the row, do one of `actions`.
pub(super) fn group_may<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    column: &str,
    organization: &str,
    groups: &'b Texts,
    actions: &'b Texts,
) -> QueryResult<()> {
    out.push_sql("EXISTS (SELECT 1 FROM jsonb_each(");
    out.push_sql(column);
    out.push_sql(") AS entry WHERE (entry.key = ");
    out.push_sql(organization);
    out.push_sql("::text OR entry.key = ANY(");
    out.push_bind_param::<Array<Text>, _>(groups)?;
    out.push_sql(")) AND jsonb_exists_any(entry.value, ");
    out.push_bind_param::<Array<Text>, _>(actions)?;
    out.push_sql("))");
    Ok(())
}

/// All `pairs` are among those of the object in `column`.
pub(super) fn pairs_among<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    column: &str,
    pairs: &'b Json<BTreeMap<String, String>>,
) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" @> ");
    out.push_bind_param::<sql::Json, _>(pairs)?;
    Ok(())
}

/// All pairs of the object in `column` are among `pairs`.
pub(super) fn pairs_within<'b>(
    out: &mut AstPass<'_, 'b, Pg>,
    column: &str,
    pairs: &'b Json<BTreeMap<String, String>>,
) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" <@ ");
    out.push_bind_param::<sql::Json, _>(pairs)?;
    Ok(())
}
