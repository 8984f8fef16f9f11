//! Lists of the users and groups of a directory.

use super::answer::Place;
use super::kinds::{Groups, Kind, Relation, Users};
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
enum Found<K: Kind> {
    /// The page, cut out by the store; and how many resources there are in all.
    Page(Vec<K::Item>, u64),
    /// All that match, of which the page is to be cut.
    All(Vec<Match<K>>),
}

/// One that matches: what the store has of it, and as much of the resource as it took to see that.
struct Match<K: Kind> {
    item: K::Item,
    resource: Resource,
}

/// One of either kind.
enum Either {
    User(Match<Users>),
    Group(Match<Groups>),
}

impl Either {
    const fn resource(&self) -> &Resource {
        match self {
            Self::User(user) => &user.resource,
            Self::Group(group) => &group.resource,
        }
    }
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

    /// How much of the attribute that stands elsewhere decides what matches, and where it stands in the list.
    fn relation<K: Kind>(&self) -> Relation {
        if self.sort.is_some_and(|sort| sort.target.names().1 == K::RELATION) {
            return Relation::All;
        }
        let asking = self.condition.as_ref().filter(|condition| condition.mentions(K::RELATION));
        asking.map_or(Relation::Nothing, K::decides)
    }

    /// Those of the items that match.
    fn among<K: Kind>(
        &self,
        look: &mut Look<'_>,
        place: &Place,
        items: Vec<K::Item>,
        relation: &Relation,
    ) -> Result<Vec<Match<K>>, Refusal> {
        let dressed = K::dress(look.repos, place, &items, relation)?;
        let all = items.into_iter().zip(dressed).map(|(item, resource)| Match { item, resource });
        let matches = |one: &Match<K>| self.condition.as_ref().is_none_or(|condition| condition.matches(&one.resource));
        Ok(all.filter(matches).collect())
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
        let found = matching::<Users>(look, &place, &users)?.into_iter().map(Either::User);
        let more = matching::<Groups>(look, &place, &groups)?.into_iter().map(Either::Group);
        let mut found: Vec<Either> = found.chain(more).collect();
        sort(&mut found, users.sort, Either::resource);
        let total = number(found.len());
        let (mut kinds, mut of_users, mut of_groups) = (Vec::new(), Vec::new(), Vec::new());
        for one in page(found, users.paging) {
            match one {
                Either::User(user) => {
                    kinds.push(Users::KIND);
                    of_users.push(user.item);
                }
                Either::Group(group) => {
                    kinds.push(Groups::KIND);
                    of_groups.push(group.item);
                }
            }
        }
        let mut of_users = shown::<Users>(look, &place, &users, of_users)?.into_iter();
        let mut of_groups = shown::<Groups>(look, &place, &groups, of_groups)?.into_iter();
        // Where the groups end before their page does, the page ends.
        let shown = kinds
            .into_iter()
            .map_while(|kind| if kind.name == Users::KIND.name { of_users.next() } else { of_groups.next() });
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
        let (items, total) = match find::<K>(look, &place, &wanted)? {
            Found::Page(items, total) => (items, total),
            Found::All(mut found) => {
                sort(&mut found, wanted.sort, |one| &one.resource);
                let total = number(found.len());
                (page(found, wanted.paging).map(|one| one.item).collect(), total)
            }
        };
        Ok(ListResponse::new(shown::<K>(look, &place, &wanted, items)?, total, wanted.paging))
    })
    .await
}

/// What was asked for of those on a page. The page ends where no more can be shown at once (RFC 7644 3.4.2.4 allows fewer than were
/// asked for).
fn shown<K: Kind>(
    look: &mut Look<'_>,
    place: &Place,
    wanted: &Wanted,
    mut items: Vec<K::Item>,
) -> Result<Vec<Resource>, Refusal> {
    let mut relation = Relation::Nothing;
    if wanted.projection.shows(K::RELATION) && !items.is_empty() {
        relation = Relation::All;
        // The first is tried even if it is too much by itself: then the refusal says so.
        items.truncate(K::fitting(look.repos, &items)?.max(1));
    }
    let whole = K::dress(look.repos, place, &items, &relation)?;
    Ok(whole.iter().map(|resource| wanted.projection.apply(resource)).collect())
}

/// A page as the store has it, or all that match.
fn find<K: Kind>(look: &mut Look<'_>, place: &Place, wanted: &Wanted) -> Result<Found<K>, Refusal> {
    if wanted.condition.is_some() || wanted.sort.is_some() {
        return Ok(Found::All(matching::<K>(look, place, wanted)?));
    }
    let total = K::count(look.repos, place.directory)?;
    let paging = wanted.paging;
    if paging.count == 0 || paging.offset() >= total {
        return Ok(Found::Page(Vec::new(), total));
    }
    Ok(Found::Page(K::list(look.repos, place.directory, None, paging.offset(), paging.count)?, total))
}

/// All that match. Of the attribute that stands elsewhere no more is read than it takes to see that.
fn matching<K: Kind>(look: &mut Look<'_>, place: &Place, wanted: &Wanted) -> Result<Vec<Match<K>>, Refusal> {
    let scan_max = place.settings.scim.scan_max;
    let relation = wanted.relation::<K>();
    if let Some(lookup) = wanted.condition.as_ref().and_then(|condition| condition.lookup(K::KIND)) {
        let items = K::find(look.repos, place.directory, &lookup, scan_max.saturating_add(1))?;
        refuse_too_many(number(items.len()), scan_max)?;
        return wanted.among::<K>(look, place, items, &relation);
    }
    if relation == Relation::All && !K::SCANS_RELATION {
        let detail = format!("a filter by {} must name one by value eq, or be joined by `and` to an id", K::RELATION);
        return Err(ScimError::new(ScimType::TooMany, detail).into());
    }
    refuse_too_many(K::count(look.repos, place.directory)?, scan_max)?;
    let (mut found, mut after, mut seen) = (Vec::new(), None::<Uuid>, 0);
    loop {
        let items = K::list(look.repos, place.directory, after, 0, BATCH)?;
        seen += number(items.len());
        refuse_too_many(seen, scan_max)?;
        let is_full = number(items.len()) >= u64::from(BATCH);
        after = items.last().map(K::id);
        found.extend(wanted.among::<K>(look, place, items, &relation)?);
        if !is_full {
            return Ok(found);
        }
    }
}

fn sort<T>(found: &mut [T], sort: Option<Sort>, resource: impl Fn(&T) -> &Resource) {
    if let Some(sort) = sort {
        found.sort_by(|one, other| sort.compare(resource(one), resource(other)));
    }
}

/// The page of these.
fn page<T>(found: Vec<T>, paging: Paging) -> impl Iterator<Item = T> {
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
