//! Instants by the clock of the database.

use super::{Conn, moments};
use crate::types::sql;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use doorward_domain::Instant;
use time::Duration;

type Backend = <Conn as Connection>::Backend;

/// Now, and so many microseconds later.
#[derive(Debug)]
pub(super) struct Later(i64);

/// So long after now.
pub(super) fn later(by: Duration) -> Later {
    Later(micros(by))
}

/// Nothing here waits for longer. What is to happen later than so long after now was planned before the clock was set back, and is due.
pub(super) const LONGEST_WAIT: Duration = Duration::hours(2);

/// How long to wait from now on until then.
pub(super) fn wait(until: Instant, now: Instant) -> Duration {
    Some((until - now).max(Duration::ZERO)).filter(|wait| *wait <= LONGEST_WAIT).unwrap_or_default()
}

/// A duration as statements take it.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.whole_microseconds()).unwrap_or(i64::MAX)
}

impl Expression for Later {
    type SqlType = sql::Instant;
}

impl<Tables> AppearsOnTable<Tables> for Later {}
impl<Tables> SelectableExpression<Tables> for Later {}

impl<GroupBy> ValidGrouping<GroupBy> for Later {
    type IsAggregate = is_aggregate::Never;
}

impl QueryId for Later {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Backend> for Later {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(moments::LATER.0);
        out.push_bind_param::<BigInt, _>(&self.0)?;
        out.push_sql(moments::LATER.1);
        Ok(())
    }
}
