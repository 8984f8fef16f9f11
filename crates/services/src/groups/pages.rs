//! Groups and members in pages, for organizations in which both are many.

use super::GroupRef;
use super::access;
use crate::Principal;
use crate::context::Context;
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
///
/// Needs `group:read`, and shows what `group_member:read` reaches. Errors: `Invalid` (the query),
/// `OrganizationNotFound`, `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn members(
    ctx: &Context,
    actor: &Principal,
    group: &GroupRef,
    query: &str,
    page: Page,
) -> Result<GroupMemberPage, Error> {
    let filter = parse_user_query(query).map_err(|errors| Error::bad_query("Invalid user search query.", errors))?;
    let group = group.clone();
    ctx.look(actor, move |look| {
        let found = group.resolve(look.repos, look.by)?;
        let scope = access::members_of(look.repos, look.by, &found.group)?;
        Ok(look.repos.groups().page_members(&found.group, &filter, &scope, page)?)
    })
    .await
}

/// Lists groups of an organization by name, without their members, to those who may read all of them. `search` finds parts
/// of names and display names.
///
/// Needs `group:read` on all groups of the organization. Errors: `Invalid` (the search), `OrganizationNotFound`,
/// `Forbidden`.
pub async fn page(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    search: &str,
    page: Page,
) -> Result<GroupList, Error> {
    let search = parse_group_query(search).map_err(|errors| Error::bad_query("Invalid group search query.", errors))?;
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = organizations::resolve(look.repos, look.by, &reference)?.id;
        look.by.subject.check(Action::Read, &Object::of::<resource::Group>().organization(place.0))?;
        let filter = GroupFilter { organization: Some(place), search, ..GroupFilter::default() };
        let after = match page.after_id {
            None => None,
            Some(id) => match look.repos.groups().place(GroupId(id))? {
                Some(name) => Some((name, GroupId(id))),
                None => return Ok(GroupList::default()),
            },
        };
        let visible = access::visible_groups(look.by);
        let asked = GroupPage { after, offset: page.offset, limit: page.limit };
        let found = look.repos.groups().list(&filter, &visible, &asked)?;
        let plain: Vec<Group> = found.iter().map(|found| found.group.clone()).collect();
        let totals: HashMap<GroupId, u64> = look.repos.groups().count_members(&plain)?.into_iter().collect();
        let with_total = |found: FoundGroup| {
            let total = totals.get(&found.group.id).copied().unwrap_or(0);
            (found, total)
        };
        let groups = found.into_iter().map(with_total).collect();
        Ok(GroupList { groups, count: look.repos.groups().count(&filter, &visible)? })
    })
    .await
}
