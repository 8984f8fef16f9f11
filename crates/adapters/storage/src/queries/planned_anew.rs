//! A condition that keeps a statement from being planned once for all parameters.
//!
//! Where some values are rare and others common, such a plan reads a table from end to end: the log for a rare action, all
//! users for the members of a small organization. Planning takes a fraction of a millisecond.

use super::Conn;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};

type Backend = <Conn as Connection>::Backend;

/// True, and the statement is planned for its parameters each time.
#[derive(Debug)]
pub(super) struct PlannedAnew;

condition!(PlannedAnew);

impl QueryFragment<Backend> for PlannedAnew {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("1 = 1");
        Ok(())
    }
}
