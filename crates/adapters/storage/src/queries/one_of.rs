//! A condition on a list of values of any length, which is one parameter.
//!
//! A list of one is a comparison with this one: a statement that is prepared is then planned once for all, while a list is
//! planned anew each time, for the database cannot tell how long it will be.

use super::{Conn, lists};
use crate::types::{Id, Ids, Texts, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::Text;
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
            Values::Ids(ids) => match ids.as_slice() {
                [one] => {
                    equals(&mut out, self.column);
                    out.push_bind_param::<sql::Uuid, Id<Uuid>>(one)
                }
                _ => lists::one_of(&mut out, self.column, ids),
            },
            Values::Texts(texts) => match texts.0.as_slice() {
                [one] => {
                    equals(&mut out, self.column);
                    out.push_bind_param::<Text, String>(one)
                }
                _ => lists::one_of_texts(&mut out, self.column, texts),
            },
        }
    }
}

fn equals(out: &mut AstPass<'_, '_, Backend>, column: &str) {
    out.push_sql(column);
    out.push_sql(" = ");
}
