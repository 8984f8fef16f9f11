//! The kinds of resources that are listed.

use super::answer::Place;
use super::refusal::Refusal;
use super::{answer, members};
use crate::deed::Look;
use crate::users::access;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::scim::{GROUP, Lookup, ProvisionedGroup, ProvisionedUser, Resource, ResourceType, USER};
use doorward_ports::{Repositories, StoreError};
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
    /// The resources, in one trip for all of them.
    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        with_relation: bool,
    ) -> Result<Vec<Resource>, Refusal>;
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

    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        with_relation: bool,
    ) -> Result<Vec<Resource>, Refusal> {
        let ids: Vec<UserId> = items.iter().map(|user| user.account.id).collect();
        let groups = if with_relation && !ids.is_empty() {
            repos.scim().list_user_groups(place.directory, &ids)?
        } else {
            Vec::new()
        };
        Ok(items.iter().map(|user| answer::whole_user(place, user, &groups).resource).collect())
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

    fn dress(
        repos: &mut dyn Repositories,
        place: &Place,
        items: &[Self::Item],
        with_relation: bool,
    ) -> Result<Vec<Resource>, Refusal> {
        let groups: Vec<Group> = items.iter().map(|item| item.group.clone()).collect();
        let members = if with_relation && !groups.is_empty() {
            Some(members::read(repos, &groups)?.ok_or_else(members::too_many)?)
        } else {
            None
        };
        let dressed = items.iter().map(|item| {
            let mine = members.as_ref().map(|all| all.get(&item.group.id).map(Vec::as_slice).unwrap_or_default());
            answer::whole_group(place, item, mine).resource
        });
        Ok(dressed.collect())
    }
}
