//! Conditions on lists of ids and on access lists, as SQLite writes them. However long a list is, it is one parameter.

use crate::types::{Ids, Json, Texts, sql};
use diesel::QueryResult;
use diesel::query_builder::AstPass;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use std::collections::BTreeMap;

/// `column` is one of `ids`.
pub(super) fn one_of<'b>(out: &mut AstPass<'_, 'b, Sqlite>, column: &str, ids: &'b Ids) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" IN (SELECT unhex(value) FROM json_each(");
    out.push_bind_param::<Text, _>(ids)?;
    out.push_sql("))");
    Ok(())
}

/// `column` is one of `texts`.
pub(super) fn one_of_texts<'b>(out: &mut AstPass<'_, 'b, Sqlite>, column: &str, texts: &'b Texts) -> QueryResult<()> {
    out.push_sql(column);
    out.push_sql(" IN (SELECT value FROM json_each(");
    out.push_bind_param::<Text, _>(texts)?;
    out.push_sql("))");
    Ok(())
}

/// The list in `column` lets the user do one of `actions`.
pub(super) fn user_may<'b>(
    out: &mut AstPass<'_, 'b, Sqlite>,
    column: &str,
    user: &'b String,
    actions: &'b Texts,
) -> QueryResult<()> {
    out.push_sql("EXISTS (SELECT 1 FROM json_each(");
    out.push_sql(column);
    out.push_sql(") AS entry, json_each(entry.value) AS granted WHERE entry.key = ");
    out.push_bind_param::<Text, _>(user)?;
    out.push_sql(" AND granted.value IN (SELECT value FROM json_each(");
    out.push_bind_param::<Text, _>(actions)?;
    out.push_sql(")))");
    Ok(())
}

/// The list in `column` lets one of `groups`, or all members of the organization of the row, do one of `actions`.
pub(super) fn group_may<'b>(
    out: &mut AstPass<'_, 'b, Sqlite>,
    column: &str,
    organization: &str,
    groups: &'b Texts,
    actions: &'b Texts,
) -> QueryResult<()> {
    out.push_sql("EXISTS (SELECT 1 FROM json_each(");
    out.push_sql(column);
    out.push_sql(") AS entry, json_each(entry.value) AS granted WHERE (unhex(entry.key, '-') = ");
    out.push_sql(organization);
    out.push_sql(" OR entry.key IN (SELECT value FROM json_each(");
    out.push_bind_param::<Text, _>(groups)?;
    out.push_sql("))) AND granted.value IN (SELECT value FROM json_each(");
    out.push_bind_param::<Text, _>(actions)?;
    out.push_sql(")))");
    Ok(())
}

/// All `pairs` are among those of the object in `column`.
pub(super) fn pairs_among<'b>(
    out: &mut AstPass<'_, 'b, Sqlite>,
    column: &str,
    pairs: &'b Json<BTreeMap<String, String>>,
) -> QueryResult<()> {
    out.push_sql("NOT EXISTS (SELECT 1 FROM json_each(");
    out.push_bind_param::<sql::Json, _>(pairs)?;
    out.push_sql(") AS wanted WHERE NOT EXISTS (SELECT 1 FROM json_each(");
    out.push_sql(column);
    out.push_sql(") AS had WHERE had.key = wanted.key AND had.value = wanted.value))");
    Ok(())
}

/// All pairs of the object in `column` are among `pairs`.
pub(super) fn pairs_within<'b>(
    out: &mut AstPass<'_, 'b, Sqlite>,
    column: &str,
    pairs: &'b Json<BTreeMap<String, String>>,
) -> QueryResult<()> {
    out.push_sql("NOT EXISTS (SELECT 1 FROM json_each(");
    out.push_sql(column);
    out.push_sql(") AS wanted WHERE NOT EXISTS (SELECT 1 FROM json_each(");
    out.push_bind_param::<sql::Json, _>(pairs)?;
    out.push_sql(") AS had WHERE had.key = wanted.key AND had.value = wanted.value))");
    Ok(())
}
