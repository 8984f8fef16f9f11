//! The condition that a column is one of many ids, which are one parameter however many they are.

use super::{Conn, lists};
use crate::types::Ids;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;

type Backend = <Conn as Connection>::Backend;

/// The condition, to be given to `filter`. The column is written as in SQL: `users.id`.
#[derive(Clone, Debug)]
pub(super) struct Among(pub(super) &'static str, pub(super) Ids);

impl Expression for Among {
    type SqlType = Bool;
}

impl<Tables> AppearsOnTable<Tables> for Among {}
impl<Tables> SelectableExpression<Tables> for Among {}

impl<GroupBy> ValidGrouping<GroupBy> for Among {
    type IsAggregate = is_aggregate::Never;
}

impl QueryId for Among {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Backend> for Among {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        lists::one_of(&mut out, self.0, &self.1)
    }
}
