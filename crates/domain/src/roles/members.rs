//! The organizations of a subject, each with its joined permissions.

use super::Id;
use super::ResourceType;
use super::permission::{Masks, PermissionSet, Vote};

/// Up to this many organizations are read through; more are found by their hash.
const FEW: usize = 4;

/// A small map that is read millions of times and written once.
pub(super) struct Members {
    /// Sorted by id.
    entries: Box<[(Id, Masks)]>,
    /// Open addressing, a power of two at least twice as long as `entries`: index plus one, zero is free.
    slots: Box<[u16]>,
}

impl Members {
    pub(super) fn new<'a>(lists: impl Iterator<Item = (&'a Id, &'a PermissionSet)>) -> Self {
        let mut entries: Vec<(Id, Masks)> = Vec::new();
        for (id, grants) in lists {
            match entries.binary_search_by(|(known, _)| known.cmp(id)) {
                Ok(at) => {
                    if let Some((_, masks)) = entries.get_mut(at) {
                        masks.join(grants.masks());
                    }
                }
                Err(at) => entries.insert(at, (id.clone(), grants.masks().clone())),
            }
        }
        let slots = if entries.len() <= FEW { Vec::new() } else { slots(&entries) };
        Self { entries: entries.into(), slots: slots.into() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Masks)> {
        self.entries.iter().map(|(id, masks)| (id, masks))
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, id: &Id) -> bool {
        self.find(id).is_some()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    pub(super) fn find(&self, id: &Id) -> Option<&Masks> {
        if self.slots.is_empty() {
            return self.entries.iter().find_map(|(known, masks)| (known == id).then_some(masks));
        }
        let mut at = start(id, self.slots.len());
        // INVARIANT: some slot is free, so the walk ends.
        loop {
            let index = usize::from(*self.slots.get(at)?);
            let (known, masks) = self.entries.get(index.checked_sub(1)?)?;
            if known == id {
                return Some(masks);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

/// What is said of that which the subject owns, by organization. Empty for nearly everybody.
#[derive(Default)]
pub(super) struct Owned(Box<[(Id, Masks)]>);

impl Owned {
    pub(super) fn new<'a>(lists: impl Iterator<Item = (&'a Id, &'a PermissionSet)>) -> Self {
        // The same sorted list, without the index.
        Self(Members::new(lists).entries)
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How it votes in one organization.
    pub(super) fn vote(&self, id: &Id, resource: ResourceType, bit: u16) -> Vote {
        let found = self.0.binary_search_by(|(known, _)| known.cmp(id)).ok().and_then(|at| self.0.get(at));
        found.map_or(Vote::Silent, |(_, masks)| masks.row(resource).vote(bit))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Id> {
        self.0.iter().map(|(id, _)| id)
    }
}

/// Empty when there are more organizations than the index can number; `find` then reads them through.
fn slots(entries: &[(Id, Masks)]) -> Vec<u16> {
    let mut slots = vec![0_u16; (entries.len() * 2).next_power_of_two()];
    for (index, (id, _)) in entries.iter().enumerate() {
        let Ok(number) = u16::try_from(index + 1) else { return Vec::new() };
        let mut at = start(id, slots.len());
        while let Some(slot) = slots.get_mut(at) {
            if *slot == 0 {
                *slot = number;
                break;
            }
            at = (at + 1) & (slots.len() - 1);
        }
    }
    slots
}

/// The upper bits of the hash are the mixed ones.
#[inline]
fn start(id: &Id, len: usize) -> usize {
    usize::try_from(id.spread() >> 32).unwrap_or(0) & (len - 1)
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Permission, ResourceType};
    use super::*;

    #[test]
    fn every_organization_is_found_and_no_other() {
        let grants = PermissionSet::new(vec![Permission::allow(ResourceType::Group, Action::Read)]);
        for count in [0, 1, FEW, FEW + 1, 64, 1000, 70_000] {
            let ids: Vec<Id> = (0..count).map(|number| Id::from(format!("organization {number}"))).collect();
            let members = Members::new(ids.iter().map(|id| (id, &grants)));
            assert!(ids.iter().step_by(count / 100 + 1).all(|id| members.find(id).is_some()));
            assert!(members.find(&Id::from("another")).is_none());
            assert_eq!(members.iter().count(), count);
        }
    }
}
