//! Lists of the users and groups of a directory.

use super::answer::Place;
use super::kinds::{Groups, Kind, Users};
use super::refusal::Refusal;
use crate::Principal;
use crate::context::Context;
use crate::deed::Look;
use doorward_domain::scim::{
    Condition, Filter, ListResponse, Paging, Projection, Resource, ResourceType, ScimError, ScimType, SearchRequest,
    Sort,
};
use uuid::Uuid;

/// So many resources are read at a time when all have to be looked at.
const BATCH: u32 = 500;

/// What a list is narrowed to and sorted by.
struct Wanted {
    condition: Option<Condition>,
    sort: Option<Sort>,
    paging: Paging,
    projection: Projection,
}

/// What was found.
enum Found {
    /// The page, cut out by the store; and how many resources there are in all.
    Page(Vec<Resource>, u64),
    /// All that match, of which the page is to be cut.
    All(Vec<Resource>),
}

impl Wanted {
    fn read(kind: &'static ResourceType, request: &SearchRequest, results_max: u32) -> Result<Self, ScimError> {
        let filter = request.filter.as_deref().filter(|text| !text.trim().is_empty());
        let condition = filter.map(|text| Ok::<_, ScimError>(text.parse::<Filter>()?.resolve(kind)?)).transpose()?;
        let order = request.sort_order.as_deref();
        let attributes = request.attributes.as_deref();
        Ok(Self {
            condition,
            sort: request.sort_by.as_deref().map(|by| Sort::read(kind, by, order)).transpose()?,
            paging: Paging::new(request.start_index, request.count, results_max),
            projection: Projection::read(kind, attributes, request.excluded_attributes.as_deref())?,
        })
    }

    fn asks_about(&self, attribute: &str) -> bool {
        let by_filter = self.condition.as_ref().is_some_and(|condition| condition.mentions(attribute));
        by_filter || self.sort.is_some_and(|sort| sort.target.names().1 == attribute)
    }
}

/// A page of the users that match a filter (RFC 7644 3.4.2). Without an order they come in that in which they were made.
///
/// What an index knows ([`Condition::lookup`]) is found by it, and takes as long however many users there are. Any other filter or
/// order looks at every user; when there are more than `scim.scan_max`, it is refused.
///
/// Needs a directory. Errors: `Request` (`invalidFilter`, `invalidValue` for a parameter, `tooMany`).
pub async fn list_users(
    ctx: &Context,
    by: &Principal,
    request: &SearchRequest,
) -> Result<ListResponse<Resource>, Refusal> {
    list::<Users>(ctx, by, request).await
}

/// A page of the groups that match a filter, as [`list_users`]. Filters by members need an index: `members.value eq` and ids, names or
/// external ids.
///
/// Needs a directory. Errors: as [`list_users`].
pub async fn list_groups(
    ctx: &Context,
    by: &Principal,
    request: &SearchRequest,
) -> Result<ListResponse<Resource>, Refusal> {
    list::<Groups>(ctx, by, request).await
}

/// A page of the users and then the groups that match a filter (RFC 7644 3.4.2.1). All of them are looked at, unless an index knows
/// the filter.
///
/// Needs a directory. Errors: as [`list_users`]. What is sorted by must be an attribute of both.
pub async fn list_all(
    ctx: &Context,
    by: &Principal,
    request: &SearchRequest,
) -> Result<ListResponse<Resource>, Refusal> {
    let place = Place::of(ctx, by);
    let users = Wanted::read(Users::KIND, request, place.settings.scim.results_max)?;
    let groups = Wanted::read(Groups::KIND, request, place.settings.scim.results_max)?;
    ctx.look(by, move |look| {
        Users::authorize(look)?;
        Groups::authorize(look)?;
        let mut found = matching::<Users>(look, &place, &users)?;
        found.extend(matching::<Groups>(look, &place, &groups)?);
        sort(&mut found, users.sort);
        let total = number(found.len());
        let shown = page(found, users.paging).map(|resource| {
            let is_user =
                resource.get("meta").and_then(|meta| meta.get("resourceType")?.as_str()) == Some(Users::KIND.name);
            if is_user { users.projection.apply(&resource) } else { groups.projection.apply(&resource) }
        });
        Ok(ListResponse::new(shown.collect(), total, users.paging))
    })
    .await
}

async fn list<K: Kind>(
    ctx: &Context,
    by: &Principal,
    request: &SearchRequest,
) -> Result<ListResponse<Resource>, Refusal> {
    let wanted = Wanted::read(K::KIND, request, ctx.settings.scim.results_max)?;
    let place = Place::of(ctx, by);
    ctx.look(by, move |look| {
        K::authorize(look)?;
        let (resources, total) = match find::<K>(look, &place, &wanted)? {
            Found::Page(resources, total) => (resources, total),
            Found::All(mut found) => {
                sort(&mut found, wanted.sort);
                let total = number(found.len());
                (page(found, wanted.paging).collect(), total)
            }
        };
        let shown = resources.iter().map(|resource| wanted.projection.apply(resource));
        Ok(ListResponse::new(shown.collect(), total, wanted.paging))
    })
    .await
}

/// A page as the store has it, or all that match.
fn find<K: Kind>(look: &mut Look<'_>, place: &Place, wanted: &Wanted) -> Result<Found, Refusal> {
    if wanted.condition.is_some() || wanted.sort.is_some() {
        return Ok(Found::All(matching::<K>(look, place, wanted)?));
    }
    let total = K::count(look.repos, place.directory)?;
    let paging = wanted.paging;
    if paging.count == 0 || paging.offset() >= total {
        return Ok(Found::Page(Vec::new(), total));
    }
    let items = K::list(look.repos, place.directory, None, paging.offset(), paging.count)?;
    let with_relation = wanted.projection.shows(K::RELATION);
    Ok(Found::Page(K::dress(look.repos, place, &items, with_relation)?, total))
}

/// All that match.
fn matching<K: Kind>(look: &mut Look<'_>, place: &Place, wanted: &Wanted) -> Result<Vec<Resource>, Refusal> {
    let scan_max = place.settings.scim.scan_max;
    let matches = |resource: &Resource| wanted.condition.as_ref().is_none_or(|condition| condition.matches(resource));
    let asks = wanted.asks_about(K::RELATION);
    let with_relation = asks || wanted.projection.shows(K::RELATION);
    if let Some(lookup) = wanted.condition.as_ref().and_then(|condition| condition.lookup(K::KIND)) {
        let items = K::find(look.repos, place.directory, &lookup, scan_max.saturating_add(1))?;
        refuse_too_many(number(items.len()), scan_max)?;
        let mut found = K::dress(look.repos, place, &items, with_relation)?;
        found.retain(matches);
        return Ok(found);
    }
    if asks && !K::SCANS_RELATION {
        let detail = format!("a filter by {} must name one by value eq, or be joined by `and` to an id", K::RELATION);
        return Err(ScimError::new(ScimType::TooMany, detail).into());
    }
    refuse_too_many(K::count(look.repos, place.directory)?, scan_max)?;
    let (mut found, mut after, mut seen) = (Vec::new(), None::<Uuid>, 0);
    loop {
        let items = K::list(look.repos, place.directory, after, 0, BATCH)?;
        seen += number(items.len());
        refuse_too_many(seen, scan_max)?;
        let mut dressed = K::dress(look.repos, place, &items, with_relation)?;
        dressed.retain(matches);
        found.extend(dressed);
        match items.last() {
            Some(last) if number(items.len()) >= u64::from(BATCH) => after = Some(K::id(last)),
            Some(_) | None => return Ok(found),
        }
    }
}

fn sort(found: &mut [Resource], sort: Option<Sort>) {
    if let Some(sort) = sort {
        found.sort_by(|one, other| sort.compare(one, other));
    }
}

/// The page of these.
fn page(found: Vec<Resource>, paging: Paging) -> impl Iterator<Item = Resource> {
    let offset = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
    let count = usize::try_from(paging.count).unwrap_or(usize::MAX);
    found.into_iter().skip(offset).take(count)
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn refuse_too_many(seen: u64, scan_max: u32) -> Result<(), ScimError> {
    if seen <= u64::from(scan_max) {
        return Ok(());
    }
    let detail = format!(
        "more than {scan_max} resources would have to be looked at: filter by id, externalId, userName, emails or displayName \
         of a group with eq, or leave filter and sortBy out"
    );
    Err(ScimError::new(ScimType::TooMany, detail))
}
