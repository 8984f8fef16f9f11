//! Finding groups.

use super::access;
use super::views::{GroupSink, show};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::organizations::{self, OrganizationRef};
use crate::users::{UserRef, reference};
use doorward_domain::groups::GroupFilter;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, Id, ResourceType};
use doorward_ports::Repositories;
use doorward_ports::groups::{FoundGroup, GroupPage, MemberScope};
use uuid::Uuid;

/// How many groups are held at once.
const GROUP_PAGE: u32 = 1000;
/// How many groups of a user are told.
const GROUPS_OF_USER: u32 = 100;

/// Which groups are asked for. A name that names nothing the caller may know of is refused; an id is taken as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupQuery {
    /// Id or name of an organization.
    pub organization: Option<String>,
    /// Id or name of a user.
    pub has_member: Option<String>,
    /// Ids of groups.
    pub ids: Option<Vec<GroupId>>,
    /// Which part of the list, which is sorted by lower-cased name and id. A group that was
    /// deleted meanwhile still says where to go on; after an id that no group ever had there is nothing.
    pub page: Page,
}

/// A group as named in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRef {
    /// By id.
    Id(GroupId),
    /// By its organization and its exact name.
    Name(OrganizationRef, String),
}

impl GroupRef {
    /// The group, if the caller may read it.
    pub(super) fn resolve(&self, repos: &mut dyn Repositories, actor: &Principal) -> Result<FoundGroup, Error> {
        let found = match self {
            Self::Id(id) => repos.groups().find(*id)?,
            Self::Name(organization, name) => {
                let organization = organizations::resolve(repos, actor, organization)?;
                repos.groups().find_by_name(organization.id, name)?
            }
        };
        let found = found.ok_or(Error::NotFound)?;
        access::readable(repos, actor, &found.group)?;
        Ok(found)
    }
}

/// Shows one group. With its members, if these are wanted, as far as the caller may read them.
///
/// Needs `group:read`, and `group_member:read` to see members. Errors: `OrganizationNotFound`, `NotFound` (missing or
/// not readable), `Forbidden` (only the scope is too short).
pub async fn find<S: GroupSink + 'static>(
    ctx: &Context,
    actor: &Principal,
    group: &GroupRef,
    with_members: bool,
    mut sink: S,
) -> Result<S, Error> {
    let group = group.clone();
    ctx.look(actor, move |look| {
        let found = group.resolve(look.repos, look.by)?;
        let scope =
            if with_members { access::members_of(look.repos, look.by, &found.group)? } else { MemberScope::Nobody };
        show(look.repos, &[found], &scope, &mut sink)?;
        Ok(sink)
    })
    .await
}

/// Lists the groups that the caller may read, of all organizations or of one: all conditions hold at once.
///
/// Shows what `group:read` and `group_member:read` reach. Errors: `OrganizationNotFound`, `Invalid` (`organization`,
/// `has_member`), `Forbidden` (only the scope is too short for what is named).
pub async fn list<S: GroupSink + 'static>(
    ctx: &Context,
    actor: &Principal,
    organization: Option<&OrganizationRef>,
    query: GroupQuery,
    mut sink: S,
) -> Result<S, Error> {
    let organization = organization.cloned();
    ctx.look(actor, move |look| {
        let mut filter = filter(look.repos, look.by, &query)?;
        if let Some(reference) = organization {
            filter.organization = Some(organizations::resolve(look.repos, look.by, &reference)?.id);
        }
        let after = match query.page.after_id {
            None => None,
            Some(id) => match look.repos.groups().place(GroupId(id))? {
                Some(name) => Some((name, GroupId(id))),
                None => return Ok(sink),
            },
        };
        let (groups, members) = (access::visible_groups(look.by), access::visible_members(look.by));
        let mut page = GroupPage { after, offset: query.page.offset, limit: None };
        let mut left = query.page.limit.unwrap_or(u32::MAX);
        while left > 0 {
            let limit = left.min(GROUP_PAGE);
            page.limit = Some(limit);
            let found: Vec<FoundGroup> = look.repos.groups().list(&filter, &groups, &page)?;
            show(look.repos, &found, &members, &mut sink)?;
            let count = u32::try_from(found.len()).unwrap_or(limit);
            let Some(last) = found.last().filter(|_| count == limit) else { break };
            page = GroupPage { after: Some((last.group.name.to_string(), last.group.id)), offset: 0, limit: None };
            left -= count;
        }
        Ok(sink)
    })
    .await
}

/// The groups of a user, without their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsOfUser {
    /// The first of them by name.
    pub groups: Vec<FoundGroup>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// Lists the groups of a user of which the caller may know that the user is in them, but for the groups Everyone.
///
/// Shows what `group:read` and `group_member:read` reach. Errors: `UserNotFound` (missing or not readable), `Forbidden` (only the
/// scope is too short).
pub async fn of_user(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<GroupsOfUser, Error> {
    let user = user.clone();
    ctx.look(actor, move |look| {
        let id = reference::resolve(look.repos, look.by, &user)?.id;
        let filter = GroupFilter { has_member: Some(id), known_in: known_in(look.by, id), ..GroupFilter::default() };
        let page = GroupPage { after: None, offset: 0, limit: Some(GROUPS_OF_USER + 1) };
        let mut groups = look.repos.groups().list(&filter, &access::visible_groups(look.by), &page)?;
        let most = usize::try_from(GROUPS_OF_USER).unwrap_or(usize::MAX);
        let is_cut = groups.len() > most;
        groups.truncate(most);
        groups.retain(|found| !found.group.is_everyone());
        Ok(GroupsOfUser { groups, is_cut })
    })
    .await
}

/// The organizations in which the caller may know that the user is a member of a group; `None` when in all. Else the
/// filter would tell what the lists of members do not.
fn known_in(actor: &Principal, user: UserId) -> Option<Vec<OrganizationId>> {
    let visible = actor.subject.list_filter(Action::Read, ResourceType::GroupMember);
    let in_reach = visible.allowed_ids().is_none_or(|ids| ids.contains(&user.0.into()));
    if !in_reach || visible.is_never() {
        return Some(Vec::new());
    }
    if visible.is_all() || actor.is(user) {
        return None;
    }
    Some(visible.organizations().iter().filter_map(Id::as_uuid).map(OrganizationId).collect())
}

/// Looks up what is named. Every name that leads nowhere is reported.
fn filter(repos: &mut dyn Repositories, actor: &Principal, query: &GroupQuery) -> Result<GroupFilter, Error> {
    let mut fields = Vec::new();
    let mut filter = GroupFilter { ids: query.ids.clone(), ..GroupFilter::default() };
    if let Some(text) = &query.organization {
        filter.organization = match Uuid::parse_str(text) {
            Ok(id) => Some(OrganizationId(id)),
            Err(_not_a_uuid) => match organizations::resolve(repos, actor, &OrganizationRef::Name(text.clone())) {
                Ok(organization) => Some(organization.id),
                Err(Error::OrganizationNotFound(name)) => {
                    fields.push(FieldError::new("organization", format!("No organization is called {name:?}.")));
                    None
                }
                Err(error) => return Err(error),
            },
        };
    }
    if let Some(text) = &query.has_member {
        filter.has_member = match Uuid::parse_str(text) {
            Ok(id) => Some(UserId(id)),
            Err(_not_a_uuid) => match reference::resolve(repos, actor, &UserRef::Name(text.clone())) {
                Ok(user) => Some(user.id),
                Err(Error::UserNotFound) => {
                    fields.push(FieldError::new("has_member", format!("No user is called {text:?}.")));
                    None
                }
                Err(error) => return Err(error),
            },
        };
    }
    filter.known_in = filter.has_member.and_then(|user| known_in(actor, user));
    if fields.is_empty() {
        Ok(filter)
    } else {
        Err(Error::invalid_fields("Query parameters have invalid values.", fields))
    }
}
