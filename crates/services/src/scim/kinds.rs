//! The kinds of resources that are listed.

use super::answer::Place;
use super::refusal::Refusal;
use super::{answer, members};
use crate::deed::Look;
use crate::users::access;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::scim::{
    Condition, GROUP, Lookup, MEMBERS_MAX, ProvisionedGroup, ProvisionedUser, Resource, ResourceType, USER,
};
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Whose directory it is.
type Directory = Option<OrganizationId>;

/// A kind of resource.
pub(super) trait Kind {
    /// What the store has of one.
    type Item;
    /// Its schemas.
    const KIND: &'static ResourceType;
    /// The attribute that stands elsewhere, and is read only if somebody wants to see it or asks about it.
    const RELATION: &'static str;
    /// Whether that attribute may be asked about when all resources are looked at.
    const SCANS_RELATION: bool;

    /// May the caller read them?
    fn authorize(look: &Look<'_>) -> Result<(), Refusal>;
    /// Those that may be meant, by id.
    fn find(
        repos: &mut dyn Repositories,
        directory: Directory,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError>;
    /// Some of all, by id.
    fn list(
        repos: &mut dyn Repositories,
        directory: Directory,
        after: Option<Uuid>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError>;
    /// How many there are.
    fn count(repos: &mut dyn Repositories, directory: Directory) -> Result<u64, StoreError>;
    /// The id of one.
    fn id(item: &Self::Item) -> Uuid;
    /// How much of the attribute that stands elsewhere decides whether a resource meets the condition, which asks about it.
    fn decides(condition: &Condition) -> Relation;
    /// The resources, in one trip for all of them.
    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        relation: &Relation,
    ) -> Result<Vec<Resource>, Refusal>;
    /// So many of these, from the first on, as can be shown at once with the attribute that stands elsewhere.
    fn fitting(repos: &mut dyn Repositories, items: &[Self::Item]) -> Result<usize, Refusal>;
}

/// How much is read of the attribute that stands elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Nothing.
    Nothing,
    /// Of the members these, if they are some.
    Among(Vec<UserId>),
    /// All of it.
    All,
}

/// People with an account.
pub(super) struct Users;

impl Kind for Users {
    type Item = ProvisionedUser;
    const KIND: &'static ResourceType = &USER;
    const RELATION: &'static str = "groups";
    const SCANS_RELATION: bool = true;

    fn authorize(look: &Look<'_>) -> Result<(), Refusal> {
        Ok(access::may(look.by, Action::Read, &Object::of::<resource::User>())?)
    }

    fn find(
        repos: &mut dyn Repositories,
        directory: Directory,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError> {
        repos.scim().find_users(directory, lookup, limit)
    }

    fn list(
        repos: &mut dyn Repositories,
        directory: Directory,
        after: Option<Uuid>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError> {
        repos.scim().list_users(directory, after.map(UserId), offset, limit)
    }

    fn count(repos: &mut dyn Repositories, directory: Directory) -> Result<u64, StoreError> {
        repos.scim().count_users(directory)
    }

    fn id(item: &Self::Item) -> Uuid {
        item.account.id.0
    }

    fn decides(_condition: &Condition) -> Relation {
        Relation::All
    }

    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        relation: &Relation,
    ) -> Result<Vec<Resource>, Refusal> {
        let ids: Vec<UserId> = items.iter().map(|user| user.account.id).collect();
        let groups = if *relation == Relation::All && !ids.is_empty() {
            repos.scim().list_user_groups(place.directory, &ids)?
        } else {
            Vec::new()
        };
        Ok(items.iter().map(|user| answer::whole_user(place, user, &groups).resource).collect())
    }

    fn fitting(_repos: &mut dyn Repositories, items: &[Self::Item]) -> Result<usize, Refusal> {
        Ok(items.len())
    }
}

/// Groups that the directory has made.
pub(super) struct Groups;

impl Kind for Groups {
    type Item = ProvisionedGroup;
    const KIND: &'static ResourceType = &GROUP;
    const RELATION: &'static str = "members";
    const SCANS_RELATION: bool = false;

    fn authorize(look: &Look<'_>) -> Result<(), Refusal> {
        Ok(access::may(look.by, Action::Read, &Object::of::<resource::Group>())?)
    }

    fn find(
        repos: &mut dyn Repositories,
        directory: Directory,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError> {
        repos.scim().find_groups(directory, lookup, limit)
    }

    fn list(
        repos: &mut dyn Repositories,
        directory: Directory,
        after: Option<Uuid>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<Self::Item>, StoreError> {
        repos.scim().list_groups(directory, after.map(GroupId), offset, limit)
    }

    fn count(repos: &mut dyn Repositories, directory: Directory) -> Result<u64, StoreError> {
        repos.scim().count_groups(directory)
    }

    fn id(item: &Self::Item) -> Uuid {
        item.group.id.0
    }

    fn decides(condition: &Condition) -> Relation {
        let deciding = condition.deciding_members();
        deciding.map_or(Relation::All, |ids| Relation::Among(ids.into_iter().map(UserId).collect()))
    }

    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        relation: &Relation,
    ) -> Result<Vec<Resource>, Refusal> {
        let groups: Vec<Group> = items.iter().map(|item| item.group.clone()).collect();
        let members = match relation {
            Relation::Nothing => None,
            Relation::Among(users) => {
                let ids: Vec<GroupId> = groups.iter().map(|group| group.id).collect();
                let found = repos.scim().list_members_among(&ids, users)?;
                Some(members::by_group(repos, place, found)?)
            }
            Relation::All if groups.is_empty() => None,
            Relation::All => Some(members::read(repos, place, &groups)?.ok_or_else(members::too_many)?),
        };
        let dressed = items.iter().map(|item| {
            let mine = members.as_ref().map(|all| all.get(&item.group.id).map(Vec::as_slice).unwrap_or_default());
            answer::whole_group(place, item, mine).resource
        });
        Ok(dressed.collect())
    }

    fn fitting(repos: &mut dyn Repositories, items: &[Self::Item]) -> Result<usize, Refusal> {
        let groups: Vec<Group> = items.iter().map(|item| item.group.clone()).collect();
        let counts: BTreeMap<GroupId, u64> = repos.groups().count_direct_members(&groups)?.into_iter().collect();
        let mut left = u64::try_from(MEMBERS_MAX).unwrap_or(u64::MAX);
        let fits = |group: &&Group| {
            let members = counts.get(&group.id).copied().unwrap_or(0);
            let fits = members <= left;
            left = left.saturating_sub(members);
            fits
        };
        Ok(groups.iter().take_while(fits).count())
    }
}
