//! Grants as others look at them.

use super::Conn;
use super::counted::Count;
use super::one_of::OneOf;
use super::planned_anew::PlannedAnew;
use super::visible::{Columns, Lists, Visible};
use crate::error::Error;
use crate::rows::{AppRow, GrantRow, entities};
use crate::schema::{api_keys, oauth2_apps, oauth2_grants, users};
use crate::types::{At, Id};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, GrantId, UserId};
use doorward_domain::oauth2::{App, Grant};
use doorward_domain::page::Page;
use doorward_domain::roles::ListFilter;
use doorward_ports::oauth2::{AuthorizedGrant, GRANTS_COUNT_MAX, GrantFilter, GrantPage, ListedGrant};
use std::collections::{HashMap, HashSet};

type Backend = <Conn as Connection>::Backend;
type Found<'a> = oauth2_grants::BoxedQuery<'a, Backend>;
/// Where a grant stands in the list.
type Place = (At, Id<GrantId>);

/// A grant belongs to its user, and to no organization.
const COLUMNS: Columns =
    Columns { id: "oauth2_grants.id", organization: None, owner: Some("oauth2_grants.user_id"), lists: Lists::None };
/// So many keys are named by one statement.
const AT_ONCE: usize = 400;

pub(super) fn list(
    conn: &mut Conn,
    filter: GrantFilter,
    allowed: &ListFilter,
    page: Page,
    now: Instant,
) -> Result<Option<GrantPage>, Error> {
    let after: Option<Place> = match page.after_id {
        None => None,
        Some(id) => match position(conn, GrantId(id))? {
            Some(place) => Some(place),
            None => return Ok(None),
        },
    };
    let Some(found) = matching(filter, allowed, after, now) else { return Ok(Some(GrantPage::default())) };
    let limit = page.limit.map_or(i64::MAX, i64::from);
    let rows: Vec<GrantRow> = found
        .order((oauth2_grants::created_at.desc(), oauth2_grants::id.desc()))
        .limit(limit)
        .offset(page.offset.into())
        .select(GrantRow::as_select())
        .load(conn)?;
    let grants: Vec<Grant> = entities(rows)?;
    let (offset, shown) = (u64::from(page.offset), u64::try_from(grants.len()).unwrap_or(u64::MAX));
    // A page that is not full says itself how many there are.
    let is_last = page.limit.is_none_or(|limit| shown < u64::from(limit));
    let count = if is_last && (shown > 0 || offset == 0) {
        offset + shown
    } else {
        let most = i64::from(page.offset) + i64::from(GRANTS_COUNT_MAX);
        match matching(filter, allowed, after, now) {
            None => 0,
            Some(all) => {
                let all = Count(all.select(oauth2_grants::created_at).limit(most));
                u64::try_from(all.get_result::<i64>(conn)?).unwrap_or(0)
            }
        }
    };
    Ok(Some(GrantPage { grants: described(conn, grants)?, count }))
}

fn position(conn: &mut Conn, id: GrantId) -> QueryResult<Option<Place>> {
    oauth2_grants::table.find(Id(id)).select((oauth2_grants::created_at, oauth2_grants::id)).get_result(conn).optional()
}

/// The live grants that match, behind a place if one is given; `None` when there can be none.
fn matching<'a>(filter: GrantFilter, allowed: &ListFilter, after: Option<Place>, now: Instant) -> Option<Found<'a>> {
    let visible = Visible::new(allowed, COLUMNS);
    if visible.is_never() {
        return None;
    }
    let live = oauth2_grants::table.filter(PlannedAnew).filter(oauth2_grants::refresh_expires_at.gt(At(now)));
    let mut query = live.into_boxed();
    if !visible.is_all() {
        query = query.filter(visible);
    }
    if let Some(user) = filter.user {
        query = query.filter(oauth2_grants::user_id.eq(Id(user)));
    }
    if let Some(app) = filter.app {
        query = query.filter(oauth2_grants::app_id.eq(Id(app)));
    }
    if let Some((began, id)) = after {
        // The first part is what an index is read by.
        query = query.filter(oauth2_grants::created_at.le(began));
        query = query.filter(oauth2_grants::created_at.lt(began).or(oauth2_grants::id.lt(id)));
    }
    Some(query)
}

/// The grants with what they name, each of which is looked up once.
fn described(conn: &mut Conn, grants: Vec<Grant>) -> Result<Vec<ListedGrant>, Error> {
    if grants.is_empty() {
        return Ok(Vec::new());
    }
    let people: HashSet<UserId> = grants.iter().map(|grant| grant.user_id).collect();
    let names: Vec<(Id<UserId>, String)> =
        users::table.filter(OneOf::ids("users.id", people)).select((users::id, users::username)).load(conn)?;
    let names: HashMap<UserId, String> = names.into_iter().map(|(Id(id), name)| (id, name)).collect();
    let apps: HashSet<AppId> = grants.iter().map(|grant| grant.app_id).collect();
    let apps: Vec<AppRow> =
        oauth2_apps::table.filter(OneOf::ids("oauth2_apps.id", apps)).select(AppRow::as_select()).load(conn)?;
    let apps: HashMap<AppId, App> = entities::<_, App>(apps)?.into_iter().map(|app| (app.id, app)).collect();
    let keys: Vec<&str> = grants.iter().map(|grant| grant.access_key_id.as_str()).collect();
    let mut used: HashMap<String, Option<At>> = HashMap::new();
    for some in keys.chunks(AT_ONCE) {
        let found: Vec<(String, Option<At>)> = api_keys::table
            .filter(api_keys::id.eq_any(some.iter().copied()))
            .select((api_keys::id, api_keys::last_used))
            .load(conn)?;
        used.extend(found);
    }
    // The app of a grant that has just been deleted went with it.
    let listed = |grant: Grant| {
        let app = apps.get(&grant.app_id)?.clone();
        let last_used = used.get(grant.access_key_id.as_str()).copied().flatten().map(|at| at.0);
        let username = names.get(&grant.user_id).cloned().unwrap_or_default();
        Some(ListedGrant { granted: AuthorizedGrant { grant, app, last_used }, username })
    };
    Ok(grants.into_iter().filter_map(listed).collect())
}
