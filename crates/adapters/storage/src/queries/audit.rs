//! The audit log.

use super::Conn;
use super::audit_facets::{self, Found};
use super::counted::Count;
use super::one_of::OneOf;
use super::planned_anew::PlannedAnew;
use super::visible::{Columns, Lists, Visible};
use crate::error::Error;
use crate::rows::{AuditRow, OrganizationRow, UserRow, entities};
use crate::schema::{
    audit_logs, oauth2_app_secrets, oauth2_apps, organizations, templates, users, workspace_builds, workspaces,
};
use crate::touches::Touches;
use crate::types::{At, Id, Ids};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use doorward_domain::Instant;
use doorward_domain::audit::{AuditFilter, AuditRecord, AuditResource};
use doorward_domain::ids::{AuditId, OrganizationId, UserId};
use doorward_domain::names;
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::users::User;
use doorward_ports::StoreError;
use doorward_ports::audit::{AuditEntry, AuditFacets, AuditPage, AuditRepository, COUNT_MAX};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use uuid::Uuid;

impl AuditRepository for UnitOfWork<'_, Conn> {
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::AuditLog>,
        record: &AuditRecord,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(record.id.0), Touches::nobody("subjects know no records"), |conn| {
            diesel::insert_into(audit_logs::table).values(AuditRow::from(record)).execute(conn)?;
            Ok(())
        })
    }

    fn list(&mut self, filter: &AuditFilter, visible: &ListFilter, page: Page) -> Result<AuditPage, StoreError> {
        self.run(|conn| {
            let after: Option<Place> = match page.after_id {
                None => None,
                Some(id) => match position(conn, AuditId(id))? {
                    Some(place) => Some(place),
                    None => return Ok(AuditPage::default()),
                },
            };
            let Some(found) = matching(filter, visible, after) else { return Ok(AuditPage::default()) };
            // SQLite takes no offset without a limit.
            let limit = page.limit.map_or(i64::MAX, i64::from);
            let rows: Vec<AuditRow> = found
                .order((audit_logs::time.desc(), audit_logs::id.desc()))
                .limit(limit)
                .offset(page.offset.into())
                .select(AuditRow::as_select())
                .load(conn)?;
            let count = count(conn, (filter, visible, after), page, rows.len())?;
            Ok(AuditPage { entries: entries(conn, rows)?, count })
        })
    }

    fn list_behind(
        &mut self,
        filter: &AuditFilter,
        visible: &ListFilter,
        after: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.run(|conn| {
            let after: Option<Place> = match after {
                None => None,
                Some(id) => match position(conn, id)? {
                    Some(place) => Some(place),
                    None => return Ok(Vec::new()),
                },
            };
            let Some(found) = matching(filter, visible, after) else { return Ok(Vec::new()) };
            let rows: Vec<AuditRow> = found
                .order((audit_logs::time.desc(), audit_logs::id.desc()))
                .limit(limit.into())
                .select(AuditRow::as_select())
                .load(conn)?;
            entries(conn, rows)
        })
    }

    fn facets(&mut self, filter: &AuditFilter, visible: &ListFilter) -> Result<AuditFacets, StoreError> {
        self.run(|conn| match matching(filter, visible, None) {
            None => Ok(AuditFacets::default()),
            Some(found) => audit_facets::of(conn, found),
        })
    }

    fn list_deleted(&mut self, things: &[(AuditResource, Uuid)]) -> Result<Vec<(AuditResource, Uuid)>, StoreError> {
        let of = |kind: AuditResource| -> Ids {
            things.iter().filter(|(known, _)| *known == kind).map(|(_, id)| *id).collect()
        };
        self.run(|conn| {
            let mut gone = Vec::new();
            let mut missing = |kind: AuditResource, asked: &Ids, here: &[Id<Uuid>]| {
                let here: HashSet<Uuid> = here.iter().map(|id| id.0).collect();
                gone.extend(asked.iter().filter(|id| !here.contains(id)).map(|id| (kind, id)));
            };
            // One query for each kind that occurs. A kind with a table of its own gets its three lines here.
            let asked = of(AuditResource::User);
            if !asked.is_empty() {
                let here = users::table.filter(OneOf::ids("users.id", asked.iter())).filter(not(users::deleted));
                missing(AuditResource::User, &asked, &here.select(users::id).load(conn)?);
            }
            let asked = of(AuditResource::Oauth2ProviderApp);
            if !asked.is_empty() {
                let here = oauth2_apps::table.filter(OneOf::ids("oauth2_apps.id", asked.iter()));
                missing(AuditResource::Oauth2ProviderApp, &asked, &here.select(oauth2_apps::id).load(conn)?);
            }
            let asked = of(AuditResource::Oauth2ProviderAppSecret);
            if !asked.is_empty() {
                let here = oauth2_app_secrets::table.filter(OneOf::ids("oauth2_app_secrets.id", asked.iter()));
                let here: Vec<Id<Uuid>> = here.select(oauth2_app_secrets::id).load(conn)?;
                missing(AuditResource::Oauth2ProviderAppSecret, &asked, &here);
            }
            let asked = of(AuditResource::Template);
            if !asked.is_empty() {
                let here =
                    templates::table.filter(OneOf::ids("templates.id", asked.iter())).filter(not(templates::deleted));
                missing(AuditResource::Template, &asked, &here.select(templates::id).load(conn)?);
            }
            let asked = of(AuditResource::Workspace);
            if !asked.is_empty() {
                let here = workspaces::table.filter(OneOf::ids("workspaces.id", asked.iter()));
                let here: Vec<Id<Uuid>> = here.filter(not(workspaces::deleted)).select(workspaces::id).load(conn)?;
                missing(AuditResource::Workspace, &asked, &here);
            }
            // A build is there as long as its workspace.
            let asked = of(AuditResource::WorkspaceBuild);
            if !asked.is_empty() {
                let here = workspace_builds::table
                    .inner_join(workspaces::table.on(workspaces::id.eq(workspace_builds::workspace_id)))
                    .filter(OneOf::ids("workspace_builds.id", asked.iter()));
                let here: Vec<Id<Uuid>> =
                    here.filter(not(workspaces::deleted)).select(workspace_builds::id).load(conn)?;
                missing(AuditResource::WorkspaceBuild, &asked, &here);
            }
            Ok(gone)
        })
    }

    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        before: Instant,
        batch: u32,
    ) -> Result<usize, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody("subjects know no records"), |conn| {
            let old: Vec<Id<AuditId>> = audit_logs::table
                .filter(audit_logs::time.lt(At(before)))
                .order((audit_logs::time, audit_logs::id))
                .limit(batch.into())
                .select(audit_logs::id)
                .load(conn)?;
            if old.is_empty() {
                return Ok(0);
            }
            let old: Ids = old.into_iter().map(|id| id.0).collect();
            Ok(diesel::delete(audit_logs::table.filter(OneOf::ids("audit_logs.id", old.iter()))).execute(conn)?)
        })
    }
}

/// A record belongs to its organization, if it has one, and to nobody.
const COLUMNS: Columns =
    Columns { id: "audit_logs.id", organization: Some("audit_logs.organization_id"), owner: None, lists: Lists::None };

/// Where a record stands in the list.
type Place = (At, Id<AuditId>);

fn position(conn: &mut Conn, id: AuditId) -> QueryResult<Option<Place>> {
    audit_logs::table.find(Id(id)).select((audit_logs::time, audit_logs::id)).get_result(conn).optional()
}

/// The records that match, behind a place if one is given; `None` when there can be none.
fn matching<'a>(filter: &'a AuditFilter, allowed: &ListFilter, after: Option<Place>) -> Option<Found<'a>> {
    let visible = Visible::new(allowed, COLUMNS);
    if visible.is_never() {
        return None;
    }
    let mut query = audit_logs::table.filter(PlannedAnew).into_boxed();
    if !visible.is_all() {
        query = query.filter(visible);
    }
    // Of a single organization the list can be read in its order.
    if let ([only], false) = (allowed.organizations(), allowed.is_all())
        && let Some(id) = only.as_uuid()
    {
        query = query.filter(audit_logs::organization_id.eq(Id(OrganizationId(id))));
    }
    if let Some((time, id)) = after {
        // The first part is what an index is read by.
        query = query.filter(audit_logs::time.le(time));
        query = query.filter(audit_logs::time.lt(time).or(audit_logs::id.lt(id)));
    }
    if let Some(id) = filter.request_id {
        query = query.filter(audit_logs::request_id.eq(Id(id)));
    }
    if let Some(id) = filter.resource_id {
        query = query.filter(audit_logs::resource_id.eq(id.to_string()));
    }
    if let Some(target) = &filter.resource_target {
        query = query.filter(audit_logs::target_key.eq(names::key(target)));
    }
    if let Some(id) = filter.user_id {
        query = query.filter(audit_logs::user_id.eq(Id(id)));
    }
    if let Some(since) = filter.since {
        query = query.filter(audit_logs::time.ge(At(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(audit_logs::time.lt(At(until)));
    }
    if let Some(id) = filter.organization_id {
        query = query.filter(audit_logs::organization_id.eq(Id(id)));
    }
    if let Some(kind) = filter.resource_type {
        query = query.filter(audit_logs::resource_type.eq(kind.as_str()));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_logs::action.eq(action.as_str()));
    }
    if let Some(reason) = filter.build_reason {
        // As the index spells it.
        let stored = sql::<Bool>("(additional_fields ->> 'build_reason') = ").bind::<Text, _>(reason.as_str());
        query = query.filter(stored);
    }
    Some(query)
}

/// How many match, up to the limit. A page that is not full says so itself.
fn count(
    conn: &mut Conn,
    (filter, visible, after): (&AuditFilter, &ListFilter, Option<Place>),
    page: Page,
    rows: usize,
) -> Result<u64, Error> {
    let offset = u64::from(page.offset);
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    let is_last = page.limit.is_none_or(|limit| rows < u64::from(limit));
    if is_last && (rows > 0 || offset == 0) {
        return Ok(offset + rows);
    }
    let Some(mut found) = matching(filter, visible, after) else { return Ok(0) };
    // The order costs nothing where an index has it, and keeps to that index.
    if visible.is_all() || visible.organizations().len() == 1 {
        found = found.order((audit_logs::time.desc(), audit_logs::id.desc()));
    }
    let most = if is_last { i64::from(page.offset) } else { i64::from(page.offset) + i64::from(COUNT_MAX) };
    let count: i64 = Count(found.select(audit_logs::time).limit(most)).get_result(conn)?;
    // What the page shows is there, whatever was written or removed since.
    let shown = if rows > 0 { offset + rows } else { 0 };
    Ok(u64::try_from(count).unwrap_or(0).max(shown))
}

/// The records with their users and organizations, of which each is looked up once.
fn entries(conn: &mut Conn, rows: Vec<AuditRow>) -> Result<Vec<AuditEntry>, Error> {
    let people: Ids = distinct(rows.iter().filter_map(|row| row.user_id.map(|id| id.0)));
    let people: HashMap<UserId, User> = if people.is_empty() {
        HashMap::new()
    } else {
        let rows: Vec<UserRow> =
            users::table.filter(OneOf::ids("users.id", people.iter())).select(UserRow::as_select()).load(conn)?;
        entities::<_, User>(rows)?.into_iter().map(|user| (user.id, user)).collect()
    };
    let places: Ids = distinct(rows.iter().filter_map(|row| row.organization_id.map(|id| id.0)));
    let places: HashMap<OrganizationId, Organization> = if places.is_empty() {
        HashMap::new()
    } else {
        let found = organizations::table.filter(OneOf::ids("organizations.id", places.iter()));
        let rows: Vec<OrganizationRow> = found.select(OrganizationRow::as_select()).load(conn)?;
        rows.into_iter().map(Organization::from).map(|place| (place.id, place)).collect()
    };
    let records: Vec<AuditRecord> = entities(rows)?;
    let entry = |record: AuditRecord| AuditEntry {
        user: record.user_id.and_then(|id| people.get(&id).cloned()),
        organization: record.organization_id.and_then(|id| places.get(&id).cloned()),
        record,
    };
    Ok(records.into_iter().map(entry).collect())
}

fn distinct<T: Into<Uuid> + Hash + Eq>(ids: impl Iterator<Item = T>) -> Ids {
    ids.collect::<HashSet<T>>().into_iter().collect()
}
