//! Reading the audit log.

use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::organizations::OrganizationRef;
use crate::users::access;
use doorward_domain::audit::{AuditFilter, AuditQuery, AuditResource, parse_audit_query};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, Object, ResourceType, resource};
use doorward_domain::users::User;
use doorward_ports::audit::{AuditEntry, AuditFacets};
use doorward_ports::{Repositories, StoreError};
use std::collections::HashSet;
use uuid::Uuid;

/// Records of a page for which no limit is asked.
const PAGE_DEFAULT: u32 = 100;
/// Most records of a page.
const PAGE_MAX: u32 = 10_000;
/// Message of every query that is refused.
const INVALID_QUERY: &str = "Invalid audit search query.";

/// A record with what it names, as of now.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedEntry {
    /// The record, its user and its organization.
    pub entry: AuditEntry,
    /// Whether what was touched is gone.
    pub is_deleted: bool,
}

/// A page of the audit log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditList {
    /// The entries of the page, newest first.
    pub entries: Vec<ListedEntry>,
    /// How many match; exact up to a hundred thousand more than the offset.
    pub count: u64,
}

/// The records that the caller may read. Who may read none anywhere is refused.
pub(super) fn visible(actor: &Principal) -> Result<ListFilter, Error> {
    let visible = actor.subject.list_filter(Action::Read, ResourceType::AuditLog);
    if visible.is_never() || (!visible.is_all() && visible.organizations().is_empty()) {
        actor.subject.check(Action::Read, &Object::of::<resource::AuditLog>().any_organization())?;
    }
    Ok(visible)
}

pub(super) fn parse(query: &str) -> Result<AuditQuery, Error> {
    parse_audit_query(query).map_err(|errors| Error::bad_query(INVALID_QUERY, errors))
}

/// Counts the newest records that the caller may read, narrowed by a search query, by what was done, to what kind of thing, and by whom.
///
/// Needs `audit_log:read` somewhere. Errors: `Forbidden`, `Invalid` (the query).
pub async fn facets(ctx: &Context, actor: &Principal, query: &str) -> Result<AuditFacets, Error> {
    let (visible, query) = (visible(actor)?, parse(query)?);
    ctx.look(actor, move |look| {
        let Some(filter) = resolve(look.repos, look.by, query)? else { return Ok(AuditFacets::default()) };
        Ok(look.repos.audit().facets(&filter, &visible)?)
    })
    .await
}

/// Lists the records that the caller may read, newest first, narrowed by a search query. Who may read none anywhere is
/// refused.
pub async fn list(ctx: &Context, actor: &Principal, query: &str, page: Page) -> Result<AuditList, Error> {
    let (visible, query) = (visible(actor)?, parse(query)?);
    let limit = page.limit.filter(|limit| *limit > 0).unwrap_or(PAGE_DEFAULT).min(PAGE_MAX);
    let page = Page { limit: Some(limit), ..page };
    ctx.look(actor, move |look| {
        let Some(filter) = resolve(look.repos, look.by, query)? else { return Ok(AuditList::default()) };
        let found = look.repos.audit().list(&filter, &visible, page)?;
        Ok(AuditList { entries: listed(look.repos, found.entries)?, count: found.count })
    })
    .await
}

/// The records with whether what they touched is gone.
pub(super) fn listed(repos: &mut dyn Repositories, entries: Vec<AuditEntry>) -> Result<Vec<ListedEntry>, StoreError> {
    let gone = gone(repos, &entries)?;
    let listed = |entry: AuditEntry| {
        let is_deleted = thing(&entry).is_some_and(|thing| gone.contains(&thing));
        ListedEntry { entry, is_deleted }
    };
    Ok(entries.into_iter().map(listed).collect())
}

/// Looks the names of a query up. `None` when it names a user whom nobody is: then nothing matches.
pub(super) fn resolve(
    repos: &mut dyn Repositories,
    actor: &Principal,
    query: AuditQuery,
) -> Result<Option<AuditFilter>, Error> {
    let organization = match &query.organization {
        Some(text) => Some(find_organization(repos, actor, text)?),
        None => None,
    };
    let named = match query.username.as_deref() {
        Some("me") => Some(actor.user_id()),
        Some(name) => {
            let living = repos.users().find_by_username(name)?;
            Some(living_or_deleted(repos, living, name)?)
        }
        None => None,
    };
    let addressed = match query.email.as_deref() {
        Some(email) => {
            let living = repos.users().find_by_email(email)?;
            Some(living_or_deleted(repos, living, email)?)
        }
        None => None,
    };
    let mut asked = [named, addressed, query.user_id.map(Some)].into_iter().flatten();
    // All that is said of the user must be true of the same one.
    let user = match asked.next() {
        None => None,
        Some(Some(id)) if asked.all(|other| other == Some(id)) => Some(id),
        Some(_) => return Ok(None),
    };
    Ok(Some(query.with_ids(user, organization)))
}

/// Names and addresses are free again when their user is deleted, who is meant only when nobody else has them now.
fn living_or_deleted(
    repos: &mut dyn Repositories,
    living: Option<User>,
    name_or_email: &str,
) -> Result<Option<UserId>, StoreError> {
    let found = match living {
        Some(user) => Some(user),
        None => repos.users().find_deleted(name_or_email)?,
    };
    Ok(found.map(|user| user.id))
}

/// The organization that is named, by its id as it is, by its name if the caller may read it.
fn find_organization(repos: &mut dyn Repositories, actor: &Principal, text: &str) -> Result<OrganizationId, Error> {
    let found = match OrganizationRef::parse(text) {
        OrganizationRef::Id(id) => return Ok(id),
        OrganizationRef::Default => repos.organizations().find_default()?,
        OrganizationRef::Name(name) => repos.organizations().find_by_name(&name)?,
    };
    let found = found.map(|organization| organization.id);
    found.filter(|id| access::may(actor, Action::Read, &access::organization(*id)).is_ok()).ok_or_else(|| {
        let detail = format!("Organization \"{text}\" not found, or you may not read it.");
        Error::invalid_fields(INVALID_QUERY, vec![FieldError::new("organization", detail)])
    })
}

/// Which of the things touched are gone, each looked up once.
fn gone(repos: &mut dyn Repositories, entries: &[AuditEntry]) -> Result<HashSet<(AuditResource, Uuid)>, StoreError> {
    let things: HashSet<_> = entries.iter().filter_map(thing).collect();
    if things.is_empty() {
        return Ok(HashSet::new());
    }
    let things: Vec<_> = things.into_iter().collect();
    Ok(repos.audit().list_deleted(&things)?.into_iter().collect())
}

/// What was touched, if it is something that can be looked up.
fn thing(entry: &AuditEntry) -> Option<(AuditResource, Uuid)> {
    let id = Uuid::parse_str(&entry.record.resource_id).ok().filter(|id| !id.is_nil())?;
    Some((entry.record.resource_type, id))
}
