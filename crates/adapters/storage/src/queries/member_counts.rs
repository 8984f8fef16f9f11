//! How many members groups have, without reading them all.
//!
//! The migration `member_counts` tells what is kept. Who is counted is who is listed: users that are neither deleted nor
//! part of the server.

use super::{Conn, folds, lists};
use crate::types::{Id, Ids, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use doorward_domain::ids::GroupId;

type Backend = <Conn as Connection>::Backend;

/// The numbers of these groups; those without members are left out.
#[derive(Debug)]
struct Counts(Ids);

impl QueryId for Counts {
    type QueryId = Self;
}

impl Query for Counts {
    type SqlType = (sql::Uuid, BigInt);
}

impl RunQueryDsl<Conn> for Counts {}

impl QueryFragment<Backend> for Counts {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("SELECT group_id, CAST(sum(members) AS bigint) FROM ");
        out.push_sql(folds::MEMBERS);
        out.push_sql(" WHERE ");
        lists::one_of(&mut out, "group_id", &self.0)?;
        out.push_sql(" GROUP BY group_id HAVING sum(members) <> 0");
        Ok(())
    }
}

/// How many members each of the groups has; those without members are left out.
pub(super) fn of(conn: &mut Conn, groups: impl IntoIterator<Item = GroupId>) -> QueryResult<Vec<(GroupId, u64)>> {
    let ids: Ids = groups.into_iter().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let counts: Vec<(Id<GroupId>, i64)> = Counts(ids).load(conn)?;
    Ok(counts.into_iter().map(|(id, count)| (id.0, u64::try_from(count).unwrap_or(0))).collect())
}
