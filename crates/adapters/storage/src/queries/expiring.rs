//! Rows that die by themselves, and their removal in batches.

use super::{Conn, moments};
use crate::rows::purge_day;
use crate::types::{At, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer};
use doorward_domain::Instant;
use time::Duration;

type Backend = <Conn as Connection>::Backend;

/// A table whose rows die by themselves: one line beside the queries of the table, and one in the list in `maintenance`.
#[derive(Debug)]
pub(super) struct Expiring {
    /// The table.
    pub(super) table: &'static str,
    /// Its primary key, in brackets if it has several columns.
    key: &'static str,
    /// The indexed column by which the dead are looked up.
    by: &'static str,
    dies: Dies,
}

/// When a row is dead.
#[derive(Debug)]
enum Dies {
    /// At the instant in the column.
    At,
    /// So long after the instant in the column.
    After(Duration),
    /// On the day in the column, which is rounded up, and no sooner than the instant in this one.
    OnDay(&'static str),
}

impl Expiring {
    /// Rows are dead from the instant in the indexed column `by` on; never, where it holds none.
    pub(super) const fn at(table: &'static str, key: &'static str, by: &'static str) -> Self {
        Self { table, key, by, dies: Dies::At }
    }

    /// Rows are dead so long after the instant in the indexed column `by`.
    pub(super) const fn after(table: &'static str, key: &'static str, by: &'static str, kept: Duration) -> Self {
        Self { table, key, by, dies: Dies::After(kept) }
    }

    /// Rows are dead from the instant in `exactly` on, whose day (see [`purge_day`]) is in the indexed column `by`.
    pub(super) const fn on_day(
        table: &'static str,
        key: &'static str,
        by: &'static str,
        exactly: &'static str,
    ) -> Self {
        Self { table, key, by, dies: Dies::OnDay(exactly) }
    }

    /// Removes at most `batch` rows that are dead at `now`, those that died first, and leaves out those that others hold; how
    /// many. One that is prolonged meanwhile lives on.
    pub(super) fn purge(&self, conn: &mut Conn, now: Instant, batch: u32) -> QueryResult<usize> {
        let now = match self.dies {
            Dies::At | Dies::OnDay(_) => now,
            Dies::After(kept) => now - kept,
        };
        Purge { of: self, now: At(now), today: purge_day(now), batch: batch.into() }.execute(conn)
    }
}

/// Removes the dead: looked up by index in their order, and looked at once more where they are removed.
struct Purge<'a> {
    of: &'a Expiring,
    now: At,
    today: i32,
    batch: i64,
}

impl Purge<'_> {
    fn are_dead<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(self.of.by);
        out.push_sql(" <= ");
        match self.of.dies {
            Dies::At | Dies::After(_) => out.push_bind_param::<sql::Instant, _>(&self.now),
            Dies::OnDay(exactly) => {
                out.push_bind_param::<Integer, _>(&self.today)?;
                out.push_sql(" AND ");
                out.push_sql(exactly);
                out.push_sql(" <= ");
                out.push_bind_param::<sql::Instant, _>(&self.now)
            }
        }
    }
}

impl QueryId for Purge<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<Conn> for Purge<'_> {}

impl QueryFragment<Backend> for Purge<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let row = moments::row_name(self.of.key);
        out.push_sql("DELETE FROM ");
        out.push_sql(self.of.table);
        out.push_sql(" WHERE ");
        out.push_sql(row);
        out.push_sql(moments::ONE_OF.0);
        out.push_sql("SELECT ");
        out.push_sql(row.trim_matches(['(', ')']));
        out.push_sql(" FROM ");
        out.push_sql(self.of.table);
        out.push_sql(" WHERE ");
        self.are_dead(&mut out)?;
        out.push_sql(" ORDER BY ");
        out.push_sql(self.of.by);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.batch)?;
        out.push_sql(moments::SKIP_LOCKED);
        out.push_sql(moments::ONE_OF.1);
        out.push_sql(" AND ");
        self.are_dead(&mut out)
    }
}
