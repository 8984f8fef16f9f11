//! What is shown of groups.

use crate::error::Error;
use doorward_domain::groups::Group;
use doorward_domain::ids::GroupId;
use doorward_domain::names::{DisplayName, OrganizationName};
use doorward_domain::users::ReducedUser;
use doorward_ports::Repositories;
use doorward_ports::groups::{FoundGroup, MemberScope};
use std::collections::HashMap;

/// How many members are held at once.
pub const MEMBER_PAGE: u32 = 1000;

/// Takes groups with their members as they are read: for each group `begin`, any number of `members`, `end`. An error ends
/// the reading.
pub trait GroupSink: Send {
    /// A group follows.
    fn begin(&mut self, group: &FoundGroup) -> Result<(), Error>;
    /// Some of its members, by id; never more than [`MEMBER_PAGE`].
    fn members(&mut self, members: Vec<ReducedUser>) -> Result<(), Error>;
    /// That was all of the group. So many members it has, whether they may be seen or not.
    fn end(&mut self, total_member_count: u64) -> Result<(), Error>;
}

/// A group with everything that is shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// Name of its organization.
    pub organization_name: OrganizationName,
    /// What people see of its organization.
    pub organization_display_name: DisplayName,
    /// Those of its members that were asked for, by id.
    pub members: Vec<ReducedUser>,
    /// How many members it has.
    pub total_member_count: u64,
}

/// Keeps everything. For groups that are known to be small, and for tests.
impl GroupSink for Vec<GroupView> {
    fn begin(&mut self, group: &FoundGroup) -> Result<(), Error> {
        let FoundGroup { group, organization_name, organization_display_name } = group.clone();
        let members = Vec::new();
        self.push(GroupView { group, organization_name, organization_display_name, members, total_member_count: 0 });
        Ok(())
    }

    fn members(&mut self, members: Vec<ReducedUser>) -> Result<(), Error> {
        if let Some(view) = self.last_mut() {
            view.members.extend(members);
        }
        Ok(())
    }

    fn end(&mut self, total_member_count: u64) -> Result<(), Error> {
        if let Some(view) = self.last_mut() {
            view.total_member_count = total_member_count;
        }
        Ok(())
    }
}

/// The groups with these ids in full, by lower-cased name, whoever may read them; ids of no group are left out. For what
/// names groups, as access lists do.
pub fn views_by_id(
    repos: &mut dyn Repositories,
    ids: &[GroupId],
    scope: &MemberScope,
) -> Result<Vec<GroupView>, Error> {
    let found = repos.groups().list_by_id(ids)?;
    views(repos, &found, scope)
}

/// These groups in full, in the same order. All members are held at once.
pub fn views(
    repos: &mut dyn Repositories,
    groups: &[FoundGroup],
    scope: &MemberScope,
) -> Result<Vec<GroupView>, Error> {
    let mut views = Vec::with_capacity(groups.len());
    show(repos, groups, scope, &mut views)?;
    Ok(views)
}

/// Reads these groups in full into a sink, in the same order. Few queries: two for the numbers, and two at most for every
/// [`MEMBER_PAGE`] members or for a run of groups that have no more together.
pub(super) fn show(
    repos: &mut dyn Repositories,
    groups: &[FoundGroup],
    scope: &MemberScope,
    sink: &mut dyn GroupSink,
) -> Result<(), Error> {
    if groups.is_empty() {
        return Ok(());
    }
    let plain: Vec<Group> = groups.iter().map(|found| found.group.clone()).collect();
    let totals: HashMap<GroupId, u64> = repos.groups().count_members(&plain)?.into_iter().collect();
    let total = |group: &Group| totals.get(&group.id).copied().unwrap_or(0);
    let mut rest = plain.as_slice();
    let mut shown = groups.iter();
    while !rest.is_empty() {
        let (run, later) = rest.split_at(run_of(rest, total));
        rest = later;
        if let [only] = run {
            let Some(found) = shown.next() else { break };
            sink.begin(found)?;
            let mut listed = 0;
            read(repos, run, total(only) == 0, scope, |_, members| {
                listed += count(members.len());
                sink.members(members)
            })?;
            // Somebody may have joined between the two queries.
            sink.end(total(only).max(listed))?;
        } else {
            let mut members: HashMap<GroupId, Vec<ReducedUser>> = HashMap::new();
            let empty = run.iter().all(|group| total(group) == 0);
            read(repos, run, empty, scope, |group, page| {
                members.entry(group).or_default().extend(page);
                Ok(())
            })?;
            for found in shown.by_ref().take(run.len()) {
                let members = members.remove(&found.group.id).unwrap_or_default();
                let total = total(&found.group).max(count(members.len()));
                sink.begin(found)?;
                sink.members(members)?;
                sink.end(total)?;
            }
        }
    }
    Ok(())
}

/// How many of the first groups have no more members together than fit on one page; one at least.
fn run_of(groups: &[Group], total: impl Fn(&Group) -> u64) -> usize {
    let mut sum = 0;
    let fits = groups.iter().take_while(|group| {
        sum += total(group);
        sum <= u64::from(MEMBER_PAGE)
    });
    fits.count().max(1)
}

/// Reads the members of a run of groups, group by group.
fn read(
    repos: &mut dyn Repositories,
    run: &[Group],
    empty: bool,
    scope: &MemberScope,
    mut take: impl FnMut(GroupId, Vec<ReducedUser>) -> Result<(), Error>,
) -> Result<(), Error> {
    if empty || *scope == MemberScope::Nobody {
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = repos.groups().list_members(run, scope, after, MEMBER_PAGE)?;
        let complete = count(page.len()) < u64::from(MEMBER_PAGE);
        after = page.last().map(|member| (member.group_id, member.user.id));
        let mut page = page.into_iter().peekable();
        while let Some(first) = page.next() {
            let group = first.group_id;
            let mut members = vec![first.user];
            while let Some(next) = page.next_if(|next| next.group_id == group) {
                members.push(next.user);
            }
            take(group, members)?;
        }
        if complete {
            return Ok(());
        }
    }
}

fn count(members: usize) -> u64 {
    u64::try_from(members).unwrap_or(u64::MAX)
}
