//! What occurs how often in the audit log.

use super::Conn;
use super::one_of::OneOf;
use crate::error::{Error, RowError};
use crate::schema::{audit_logs, users};
use crate::types::{Id, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::UserId;
use doorward_ports::audit::{AuditFacets, COUNT_MAX, FACET_USERS_MAX};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::hash::Hash;
use std::str::FromStr;

type Backend = <Conn as Connection>::Backend;

/// Records that were looked for.
pub(super) type Found<'a> = audit_logs::BoxedQuery<'a, Backend>;

/// Counts the newest records of a query by what was done, to what, by whom: in one pass, which is folded here.
pub(super) fn of(conn: &mut Conn, found: Found<'_>) -> Result<AuditFacets, Error> {
    let newest = found.order((audit_logs::time.desc(), audit_logs::id.desc())).limit(COUNT_MAX.into()).select((
        audit_logs::action,
        audit_logs::resource_type,
        audit_logs::user_id,
    ));
    let rows: Vec<(String, String, Option<Id<UserId>>, i64)> = Tally(newest).load(conn)?;
    let (mut actions, mut kinds, mut people) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut all = 0;
    for (action, kind, user, count) in rows {
        let count = u64::try_from(count).unwrap_or(0);
        all += count;
        *actions.entry(action).or_insert(0) += count;
        *kinds.entry(kind).or_insert(0) += count;
        *people.entry(user.map(|id| id.0)).or_insert(0) += count;
    }
    let mut people = by_number(people);
    people.truncate(FACET_USERS_MAX);
    let known: Vec<UserId> = people.iter().filter_map(|(user, _)| *user).collect();
    let names: Vec<(Id<UserId>, String)> =
        users::table.filter(OneOf::ids("users.id", known)).select((users::id, users::username)).load(conn)?;
    let names: HashMap<UserId, String> = names.into_iter().map(|(Id(id), name)| (id, name)).collect();
    let with_name = |user: UserId| (user, names.get(&user).cloned().unwrap_or_default());
    Ok(AuditFacets {
        count: all,
        actions: read::<AuditAction>("action", by_number(actions))?,
        resource_types: read::<AuditResource>("resource_type", by_number(kinds))?,
        users: people.into_iter().map(|(user, count)| (user.map(with_name), count)).collect(),
    })
}

/// The most frequent first, and of those that are equally so the first by name.
fn by_number<T: Hash + Eq + Ord>(counted: HashMap<T, u64>) -> Vec<(T, u64)> {
    let mut counted: Vec<(T, u64)> = counted.into_iter().collect();
    counted.sort_by(|(one, few), (other, many)| (Reverse(few), one).cmp(&(Reverse(many), other)));
    counted
}

fn read<T: FromStr<Err: StdError + Send + Sync + 'static>>(
    column: &'static str,
    counted: Vec<(String, u64)>,
) -> Result<Vec<(T, u64)>, RowError> {
    let read = |(text, count): (String, u64)| match text.parse() {
        Ok(value) => Ok((value, count)),
        Err(cause) => Err(RowError::new("audit_logs", column, text).because(cause)),
    };
    counted.into_iter().map(read).collect()
}

/// How many rows of a query have the same values, by each three that occur.
#[derive(Debug)]
struct Tally<Q>(Q);

impl<Q> Query for Tally<Q> {
    type SqlType = (Text, Text, Nullable<sql::Uuid>, BigInt);
}

impl<Q> RunQueryDsl<Conn> for Tally<Q> {}

impl<Q> QueryId for Tally<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Tally<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("SELECT action, resource_type, user_id, count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted GROUP BY action, resource_type, user_id");
        Ok(())
    }
}
