//! Which users a list or a search is of.

use super::visible::{Columns, Lists, Visible};
use super::{Conn, filters};
use crate::schema::users;
use crate::types::{At, Id, Texts};
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use doorward_domain::roles::ListFilter;
use doorward_domain::users::{LoginType, UserFilter, UserStatus};
use uuid::Uuid;

type Backend = <Conn as Connection>::Backend;
type Query<'a> = users::BoxedQuery<'a, Backend>;

/// Where a user stands in the list.
pub(super) fn position(conn: &mut Conn, id: Uuid) -> QueryResult<Option<String>> {
    users::table.find(Id(id)).select(users::username_key).get_result(conn).optional()
}

/// A user belongs to itself and to no organization, and has no access lists.
const COLUMNS: Columns = Columns { id: "users.id", organization: None, owner: Some("users.id"), lists: Lists::None };

/// Who signs in with the account at GitHub that has this number.
macro_rules! linked_at_github {
    ($id:expr) => {
        crate::schema::user_links::table
            .filter(crate::schema::user_links::login_type.eq(doorward_domain::users::LoginType::Github.as_str()))
            .filter(crate::schema::user_links::subject.eq($id.to_string()))
            .select(crate::schema::user_links::user_id)
    };
}
pub(super) use linked_at_github;

/// Narrows a query on users, or on users joined to something, to those that match.
macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let (mut query, filter): (_, &UserFilter) = ($query, $filter);
        if !filter.search.is_empty() {
            let pattern = containing(&filter.search);
            let email = users::email_key.like(pattern.clone()).escape('\\');
            query = query.filter(email.or(users::username_key.like(pattern).escape('\\')));
        }
        if !filter.statuses.is_empty() {
            query = query.filter(users::status.eq_any(filter.statuses.iter().map(|status| status.as_str())));
        }
        if !filter.login_types.is_empty() {
            query =
                query.filter(users::login_type.eq_any(filter.login_types.iter().map(|kind: &LoginType| kind.as_str())));
        }
        if !filter.takes_any_role() {
            query = query.filter(filters::holds_any_role(&filter.roles));
        }
        if let Some(before) = filter.last_seen_before {
            query = query.filter(users::last_seen_at.is_null().or(users::last_seen_at.le(At(before))));
        }
        if let Some(after) = filter.last_seen_after {
            query = query.filter(users::last_seen_at.ge(At(after)));
        }
        if let Some(before) = filter.created_before {
            query = query.filter(users::created_at.le(At(before)));
        }
        if let Some(after) = filter.created_after {
            query = query.filter(users::created_at.ge(At(after)));
        }
        if let Some(id) = filter.github_user_id {
            query = query.filter(users::id.eq_any(linked_at_github!(id)));
        }
        if !filter.name.is_empty() {
            let real_name = sql::<Bool>("lower(users.name) LIKE ").bind::<Text, _>(containing(&filter.name));
            query = query.filter(real_name.sql(" ESCAPE '\\'"));
        }
        if let Some(service_account) = filter.service_account {
            let is_one = if service_account { "users.email_key = ''" } else { "users.email_key <> ''" };
            query = query.filter(sql::<Bool>(is_one));
        }
        query
    }};
}
pub(super) use narrowed;

/// The users that match; `None` when there can be none.
pub(super) fn matching<'a>(filter: &'a UserFilter, visible: &ListFilter, after: Option<&'a str>) -> Option<Query<'a>> {
    let visible = Visible::new(visible, COLUMNS);
    if visible.is_never() {
        return None;
    }
    let mut query = users::table.filter(not(users::deleted)).filter(not(users::is_system)).into_boxed();
    if !visible.is_all() {
        query = query.filter(visible);
    }
    if let Some(key) = after {
        query = query.filter(users::username_key.gt(key));
    }
    Some(narrowed!(query, filter))
}

/// The states of those that match, when nothing but their state is asked and everybody may be seen.
pub(super) fn countable(filter: &UserFilter, visible: &ListFilter) -> Option<Texts> {
    let everybody = filter.takes_any_role();
    let (roles, statuses) = (filter.roles.clone(), filter.statuses.clone());
    let by_status = *filter == UserFilter { roles, statuses, ..UserFilter::default() };
    if !everybody || !by_status || !Visible::new(visible, COLUMNS).is_all() {
        return None;
    }
    let all = [UserStatus::Active, UserStatus::Dormant, UserStatus::Suspended];
    let asked = all.iter().filter(|status| filter.statuses.is_empty() || filter.statuses.contains(status));
    Some(Texts(asked.map(|status| status.as_str().to_owned()).collect()))
}

/// A pattern for `LIKE` that finds `text` anywhere and takes none of it for a wildcard.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
