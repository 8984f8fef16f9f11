//! Counting the rows of a query, which may have a limit.

use super::Conn;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

type Backend = <Conn as Connection>::Backend;

/// How many rows a query has.
#[derive(Debug)]
pub(super) struct Count<Q>(pub(super) Q);

impl<Q> Query for Count<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<Conn> for Count<Q> {}

impl<Q> QueryId for Count<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Count<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}
