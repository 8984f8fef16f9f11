//! Groups and members in pages, for organizations in which both are many.

use super::GroupRef;
use super::access;
use crate::context::{Actor, Context};
use crate::error::Error;
use crate::organizations::{self, OrganizationRef};
use doorward_domain::groups::{Group, GroupFilter, parse_group_query};
use doorward_domain::ids::GroupId;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::users::parse_user_query;
use doorward_ports::groups::{FoundGroup, GroupMemberPage, GroupPage};
use std::collections::HashMap;

/// A page of the groups of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupList {
    /// The groups of the page, each with the number of its members.
    pub groups: Vec<(FoundGroup, u64)>,
    /// How many match, before limit and offset.
    pub count: u64,
}

/// Lists members of a group that the caller may read, by user name, narrowed by a search query as lists of users are.
pub async fn members(
    ctx: &Context,
    actor: &Actor,
    group: &GroupRef,
    query: &str,
    page: Page,
) -> Result<GroupMemberPage, Error> {
    let filter = parse_user_query(query).map_err(|errors| Error::bad_query("Invalid user search query.", errors))?;
    let (actor, group) = (actor.clone(), group.clone());
    ctx.store
        .read(move |repos| {
            let found = group.resolve(repos, &actor)?;
            let scope = access::visible_members(&actor);
            Ok(repos.groups().page_members(&found.group, &filter, &scope, page)?)
        })
        .await
}

/// Lists groups of an organization by name, without their members, to those who may read all of them. `search` finds parts
/// of names and display names.
pub async fn page(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    search: &str,
    page: Page,
) -> Result<GroupList, Error> {
    let search = parse_group_query(search).map_err(|errors| Error::bad_query("Invalid group search query.", errors))?;
    let (actor, reference) = (actor.clone(), organization.clone());
    ctx.store
        .read(move |repos| {
            let place = organizations::resolve(repos, &actor, &reference)?.id;
            actor.subject.check(Action::Read, &Object::of::<resource::Group>().organization(place.0))?;
            let filter = GroupFilter { organization: Some(place), search, ..GroupFilter::default() };
            let after = match page.after_id {
                None => None,
                Some(id) => match repos.groups().place(GroupId(id))? {
                    Some(name) => Some((name, GroupId(id))),
                    None => return Ok(GroupList::default()),
                },
            };
            let visible = access::visible_groups(&actor);
            let asked = GroupPage { after, offset: page.offset, limit: page.limit };
            let found = repos.groups().list(&filter, &visible, &asked)?;
            let plain: Vec<Group> = found.iter().map(|found| found.group.clone()).collect();
            let totals: HashMap<GroupId, u64> = repos.groups().count_members(&plain)?.into_iter().collect();
            let with_total = |found: FoundGroup| {
                let total = totals.get(&found.group.id).copied().unwrap_or(0);
                (found, total)
            };
            let groups = found.into_iter().map(with_total).collect();
            Ok(GroupList { groups, count: repos.groups().count(&filter, &visible)? })
        })
        .await
}
