//! What a subject is made of, laid out for quick answers.

use super::members::{Members, Owned};
use super::permission::{Masks, Vote};
use super::{Id, ResourceType, Role, Scope};

/// What a subject knows of itself.
pub(super) struct Inner {
    pub(super) id: Id,
    pub(super) roles: Vec<Role>,
    /// Sorted.
    pub(super) groups: Vec<Id>,
    pub(super) scope: Option<Scope>,
    pub(super) rows: Box<[Row; ResourceType::COUNT]>,
    pub(super) members: Members,
    pub(super) owned: Owned,
}

/// All levels of one resource type side by side, one bit per action, deny already taken off allow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) scope: Votes,
    pub(super) site: Votes,
    pub(super) user: Votes,
    /// Some organization allows.
    pub(super) any: u16,
}

/// Bits that vote for, and bits that vote against; never both.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Votes {
    pub(super) allow: u16,
    pub(super) deny: u16,
}

impl Votes {
    fn of(masks: &Masks, resource: ResourceType) -> Self {
        let row = masks.row(resource);
        Self { allow: row.allow & !row.deny, deny: row.deny }
    }

    #[inline]
    pub(super) const fn vote(self, bit: u16) -> Vote {
        if self.allow & bit != 0 {
            Vote::Allow
        } else if self.deny & bit != 0 {
            Vote::Deny
        } else {
            Vote::Silent
        }
    }
}

impl Inner {
    pub(super) fn new(id: Id, roles: Vec<Role>, mut groups: Vec<Id>, scope: Option<Scope>) -> Self {
        groups.sort_unstable();
        groups.dedup();
        let (mut site, mut user) = (Masks::default(), Masks::default());
        for role in &roles {
            site.join(role.site().masks());
            user.join(role.user().masks());
        }
        let members = Members::new(roles.iter().flat_map(Role::organizations));
        let owned = Owned::new(roles.iter().flat_map(Role::owned));
        let mut rows = Box::new([Row::default(); ResourceType::COUNT]);
        for (row, resource) in rows.iter_mut().zip(ResourceType::ALL) {
            let scope = scope.as_ref().map(|scope| Votes::of(scope.site().masks(), resource));
            *row = Row {
                scope: scope.unwrap_or_default(),
                site: Votes::of(&site, resource),
                user: Votes::of(&user, resource),
                any: members.iter().map(|(_, masks)| Votes::of(masks, resource).allow).fold(0, |any, bits| any | bits),
            };
        }
        Self { id, roles, groups, scope, rows, members, owned }
    }
}
