//! A condition on a list of values of any length, which is one parameter.

use super::{Conn, lists};
use crate::types::{Ids, Texts};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use uuid::Uuid;

type Backend = <Conn as Connection>::Backend;

/// The condition, to be given to `filter`. The column is written as in SQL: `users.id`.
#[derive(Debug)]
pub(crate) struct OneOf {
    column: &'static str,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Ids(Ids),
    Texts(Texts),
}

impl OneOf {
    /// The column is one of these ids.
    pub(crate) fn ids<T: Into<Uuid>>(column: &'static str, ids: impl IntoIterator<Item = T>) -> Self {
        Self { column, values: Values::Ids(ids.into_iter().collect()) }
    }

    /// The column is one of these texts.
    pub(crate) fn texts<'a>(column: &'static str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { column, values: Values::Texts(Texts(texts.into_iter().map(str::to_owned).collect())) }
    }
}

condition!(OneOf);

impl QueryFragment<Backend> for OneOf {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        match &self.values {
            Values::Ids(ids) => lists::one_of(&mut out, self.column, ids),
            Values::Texts(texts) => lists::one_of_texts(&mut out, self.column, texts),
        }
    }
}
