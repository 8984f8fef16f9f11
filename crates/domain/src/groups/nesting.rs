//! Groups within groups: who is in a group is in all groups in which it lies.

use super::Group;
use crate::ids::GroupId;
use std::collections::{BTreeMap, BTreeSet};

/// How many steps it is at most from a group to the innermost one in it.
pub const NESTED_DEEP: usize = 8;
/// How many times at most a group of one organization lies directly in another.
pub const NESTINGS_MAX: usize = 1000;

/// That a group lies in another, however deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Within {
    /// The inner group.
    pub group: GroupId,
    /// The outer one.
    pub ancestor: GroupId,
}

/// Why a group cannot lie in another, in the order in which it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NestingError {
    /// The group of all members neither has groups in it nor lies in one.
    #[error("the group of all members neither contains groups nor lies in one")]
    Everyone,
    /// The groups belong to different organizations.
    #[error("a group contains groups of its own organization only")]
    OtherOrganization,
    /// It is the same group.
    #[error("a group cannot contain itself")]
    Itself,
    /// The outer group lies in the inner one already.
    #[error("the group lies in the other one already, and cannot contain it")]
    Circle,
    /// The chain of groups would be too long.
    #[error("groups are nested at most {NESTED_DEEP} deep")]
    TooDeep,
    /// The organization has too many of them.
    #[error("an organization nests groups at most {NESTINGS_MAX} times")]
    TooMany,
}

/// Which groups of an organization lie directly in which. Without circles, since [`Nestings::nest`] lets none through.
///
/// ```
/// use doorward_domain::groups::{Nestings, Within};
/// use doorward_domain::ids::GroupId;
/// use uuid::Uuid;
///
/// let [all, devs, ops] = [1, 2, 3].map(|n| GroupId(Uuid::from_u128(n)));
/// let nestings = Nestings::new([(all, devs), (devs, ops)]);
/// assert!(nestings.closure().contains(&Within { group: ops, ancestor: all }));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nestings {
    children: BTreeMap<GroupId, BTreeSet<GroupId>>,
    parents: BTreeMap<GroupId, BTreeSet<GroupId>>,
}

type Edges = BTreeMap<GroupId, BTreeSet<GroupId>>;

impl Nestings {
    /// Those that are stored: outer and inner groups.
    pub fn new(stored: impl IntoIterator<Item = (GroupId, GroupId)>) -> Self {
        let mut nestings = Self::default();
        stored.into_iter().for_each(|(parent, child)| nestings.add(parent, child));
        nestings
    }

    /// Whether the second lies directly in the first.
    #[must_use]
    pub fn contains(&self, parent: GroupId, child: GroupId) -> bool {
        self.children.get(&parent).is_some_and(|children| children.contains(&child))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.children.values().map(BTreeSet::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The group and all that lie in it.
    #[must_use]
    pub fn inside(&self, group: GroupId) -> BTreeSet<GroupId> {
        reached(&self.children, group)
    }

    /// Each group with each in which it lies.
    #[must_use]
    pub fn closure(&self) -> BTreeSet<Within> {
        self.parents.keys().flat_map(|group| self.above(*group)).collect()
    }

    /// Puts a group into another. Answers what lies where that did not before; nothing if it lies directly there already.
    pub fn nest(&mut self, parent: &Group, child: &Group) -> Result<BTreeSet<Within>, NestingError> {
        if parent.is_everyone() || child.is_everyone() {
            return Err(NestingError::Everyone);
        }
        if parent.organization_id != child.organization_id {
            return Err(NestingError::OtherOrganization);
        }
        let (parent, child) = (parent.id, child.id);
        if parent == child {
            return Err(NestingError::Itself);
        }
        if self.contains(parent, child) {
            return Ok(BTreeSet::new());
        }
        let inside = self.inside(child);
        if inside.contains(&parent) {
            return Err(NestingError::Circle);
        }
        if height(&self.parents, parent) + 1 + height(&self.children, child) > NESTED_DEEP {
            return Err(NestingError::TooDeep);
        }
        if self.len() >= NESTINGS_MAX {
            return Err(NestingError::TooMany);
        }
        let before: BTreeSet<Within> = self.above_all(&inside);
        self.add(parent, child);
        Ok(&self.above_all(&inside) - &before)
    }

    /// Takes a group out of another. Answers what no longer lies where it did; `None` if it does not lie directly there.
    pub fn part(&mut self, parent: GroupId, child: GroupId) -> Option<BTreeSet<Within>> {
        if !self.contains(parent, child) {
            return None;
        }
        let inside = self.inside(child);
        let before = self.above_all(&inside);
        self.remove(parent, child);
        Some(&before - &self.above_all(&inside))
    }

    /// Takes a group out of all others, and all others out of it. Answers what no longer lies where it did.
    pub fn leave(&mut self, group: GroupId) -> BTreeSet<Within> {
        let inside = self.inside(group);
        let before = self.above_all(&inside);
        for parent in self.parents.get(&group).cloned().unwrap_or_default() {
            self.remove(parent, group);
        }
        for child in self.children.get(&group).cloned().unwrap_or_default() {
            self.remove(group, child);
        }
        &before - &self.above_all(&inside)
    }

    fn add(&mut self, parent: GroupId, child: GroupId) {
        self.children.entry(parent).or_default().insert(child);
        self.parents.entry(child).or_default().insert(parent);
    }

    fn remove(&mut self, parent: GroupId, child: GroupId) {
        take(&mut self.children, parent, child);
        take(&mut self.parents, child, parent);
    }

    /// Where a group lies.
    fn above(&self, group: GroupId) -> impl Iterator<Item = Within> {
        let above = reached(&self.parents, group).into_iter();
        above.filter(move |ancestor| *ancestor != group).map(move |ancestor| Within { group, ancestor })
    }

    fn above_all(&self, groups: &BTreeSet<GroupId>) -> BTreeSet<Within> {
        groups.iter().flat_map(|group| self.above(*group)).collect()
    }
}

fn take(edges: &mut Edges, from: GroupId, to: GroupId) {
    if let Some(there) = edges.get_mut(&from) {
        there.remove(&to);
        if there.is_empty() {
            edges.remove(&from);
        }
    }
}

/// The group and all that are reached from it.
fn reached(edges: &Edges, from: GroupId) -> BTreeSet<GroupId> {
    let mut found = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(group) = left.pop() {
        left.extend(edges.get(&group).into_iter().flatten().copied().filter(|next| found.insert(*next)));
    }
    found
}

/// How many steps the longest way from a group takes. What is longer than is allowed need not be known better.
fn height(edges: &Edges, from: GroupId) -> usize {
    let mut level = BTreeSet::from([from]);
    for steps in 0..=NESTED_DEEP {
        level = level.iter().filter_map(|group| edges.get(group)).flatten().copied().collect();
        if level.is_empty() {
            return steps;
        }
    }
    NESTED_DEEP + 1
}

#[cfg(test)]
mod tests {
    use super::super::{EVERYONE, GroupSource};
    use super::*;
    use crate::Instant;
    use crate::ids::OrganizationId;
    use crate::names::{DisplayName, GroupName};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id(n: u128) -> GroupId {
        GroupId(Uuid::from_u128(n))
    }

    /// A group of the organization 1; the first one is that of all its members.
    fn group(n: u128) -> Group {
        Group {
            id: id(n),
            organization_id: OrganizationId(Uuid::from_u128(1)),
            name: GroupName::from_storage(if n == 1 { EVERYONE.to_owned() } else { format!("g{n}") }),
            display_name: DisplayName::default(),
            avatar_url: String::new(),
            quota_allowance: 0,
            source: GroupSource::User,
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        }
    }

    fn within(group: u128, ancestor: u128) -> Within {
        Within { group: id(group), ancestor: id(ancestor) }
    }

    #[test]
    fn what_cannot_be_is_said_in_its_order() {
        let mut nestings = Nestings::new([(id(2), id(3)), (id(3), id(4))]);
        let refused = |n: &mut Nestings, parent: u128, child: u128| n.nest(&group(parent), &group(child)).unwrap_err();
        assert_eq!(refused(&mut nestings, 1, 2), NestingError::Everyone);
        assert_eq!(refused(&mut nestings, 2, 1), NestingError::Everyone);
        let stranger = Group { organization_id: OrganizationId(Uuid::from_u128(99)), ..group(5) };
        assert_eq!(nestings.nest(&group(2), &stranger), Err(NestingError::OtherOrganization));
        assert_eq!(refused(&mut nestings, 2, 2), NestingError::Itself);
        assert_eq!(refused(&mut nestings, 4, 2), NestingError::Circle);
        assert_eq!(nestings.nest(&group(2), &group(3)), Ok(BTreeSet::new()), "it is there already");
        assert_eq!(nestings.len(), 2, "what was refused left nothing behind");
    }

    #[test]
    fn eight_steps_are_the_most_on_either_side() {
        let chain = |from: u128, steps: u128| (from..from + steps).map(|n| (id(n), id(n + 1)));
        let mut nestings = Nestings::new(chain(10, 4).chain(chain(20, 3)));
        assert!(nestings.nest(&group(14), &group(20)).is_ok(), "4 + 1 + 3");
        assert_eq!(nestings.nest(&group(23), &group(30)), Err(NestingError::TooDeep));
        assert_eq!(nestings.nest(&group(30), &group(10)), Err(NestingError::TooDeep));
        assert!(nestings.nest(&group(22), &group(30)).is_ok());
    }

    #[test]
    fn an_organization_has_so_many_and_no_more() {
        let stored = (0..NESTINGS_MAX).map(|n| (id(2), id(100 + u128::try_from(n).unwrap())));
        let mut nestings = Nestings::new(stored);
        assert_eq!(nestings.nest(&group(2), &group(3)), Err(NestingError::TooMany));
        assert!(nestings.part(id(2), id(100)).is_some());
        assert!(nestings.nest(&group(2), &group(3)).is_ok());
    }

    #[test]
    fn who_lies_there_on_two_ways_stays_when_one_ends() {
        let mut nestings = Nestings::new([(id(2), id(3)), (id(3), id(5)), (id(2), id(4)), (id(4), id(5))]);
        assert_eq!(nestings.part(id(3), id(5)), Some(BTreeSet::from([within(5, 3)])));
        assert_eq!(nestings.leave(id(4)), BTreeSet::from([within(4, 2), within(5, 2), within(5, 4)]));
        assert_eq!(nestings.part(id(4), id(5)), None);
        assert_eq!(nestings.closure(), BTreeSet::from([within(3, 2)]));
    }

    /// Whether one group is reached from another on any way, said without the code under test.
    fn lies(edges: &BTreeSet<(GroupId, GroupId)>, group: GroupId, ancestor: GroupId) -> bool {
        edges.iter().any(|(parent, child)| *child == group && (*parent == ancestor || lies(edges, *parent, ancestor)))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Nest(u128, u128),
        Part(u128, u128),
        Leave(u128),
    }

    fn step() -> impl Strategy<Value = Step> {
        let one = 2..10_u128;
        prop_oneof![
            6 => (one.clone(), one.clone()).prop_map(|(a, b)| Step::Nest(a, b)),
            2 => (one.clone(), one.clone()).prop_map(|(a, b)| Step::Part(a, b)),
            1 => one.prop_map(Step::Leave),
        ]
    }

    proptest! {
        #[test]
        fn what_changes_adds_up_to_what_lies_where(steps in prop::collection::vec(step(), 0..40)) {
            let (mut nestings, mut edges, mut kept) = (Nestings::default(), BTreeSet::new(), BTreeSet::new());
            for step in steps {
                match step {
                    Step::Nest(parent, child) => match nestings.nest(&group(parent), &group(child)) {
                        Ok(gained) => {
                            prop_assert!(kept.is_disjoint(&gained), "only what is new");
                            kept.extend(gained);
                            edges.insert((id(parent), id(child)));
                        }
                        Err(NestingError::Itself) => prop_assert_eq!(parent, child),
                        Err(NestingError::Circle) => prop_assert!(lies(&edges, id(parent), id(child))),
                        Err(error) => prop_assert_eq!(error, NestingError::TooDeep),
                    },
                    Step::Part(parent, child) => {
                        let lost = nestings.part(id(parent), id(child));
                        prop_assert_eq!(lost.is_some(), edges.remove(&(id(parent), id(child))));
                        let lost = lost.unwrap_or_default();
                        prop_assert!(lost.is_subset(&kept));
                        kept = &kept - &lost;
                    }
                    Step::Leave(one) => {
                        let lost = nestings.leave(id(one));
                        prop_assert!(lost.is_subset(&kept));
                        kept = &kept - &lost;
                        edges.retain(|(parent, child)| *parent != id(one) && *child != id(one));
                    }
                }
                let real: BTreeSet<Within> = (2..10).flat_map(|a| (2..10).map(move |b| within(a, b)))
                    .filter(|pair| lies(&edges, pair.group, pair.ancestor)).collect();
                prop_assert!(real.iter().all(|pair| pair.group != pair.ancestor), "no circles");
                prop_assert_eq!(&kept, &real);
                prop_assert_eq!(&nestings.closure(), &real);
                prop_assert_eq!(nestings.len(), edges.len());
            }
        }
    }
}
