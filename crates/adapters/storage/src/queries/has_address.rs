//! The condition of the index of mail addresses.

use super::Conn;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};

type Backend = <Conn as Connection>::Backend;

/// Who has no address is an account for a program. Word for word the condition of the index, and, other than SQL that is
/// written out in a query, no hindrance to keeping the statement prepared.
#[derive(Debug)]
pub(super) struct HasAddress;

condition!(HasAddress);

impl QueryFragment<Backend> for HasAddress {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("users.email_key <> ''");
        Ok(())
    }
}
