//! Groups and their members.

use crate::StoreError;
use doorward_domain::groups::{Group, GroupFilter, GroupMember, NestingError};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, OrganizationName};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::users::{ReducedUser, UserFilter};

/// A group with what is shown of its organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGroup {
    /// The group.
    pub group: Group,
    /// Name of its organization.
    pub organization_name: OrganizationName,
    /// What people see of its organization.
    pub organization_display_name: DisplayName,
}

/// Which part of a list of groups is asked for. The list is sorted by lower-cased name, then by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPage {
    /// Only groups after the one with this name and id.
    pub after: Option<(String, GroupId)>,
    /// Groups to leave out at the start.
    pub offset: u32,
    /// At most so many; `None` means all.
    pub limit: Option<u32>,
}

/// Which members are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberScope {
    /// All, whatever the one who asks may read.
    All,
    /// All who were put into the group itself, whatever the one who asks may read: not those of groups within it.
    Direct,
    /// Those that this lets through: what a subject may read of group members.
    Visible(ListFilter),
    /// None: only the groups are of interest.
    Nobody,
}

/// One page of the members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMemberPage {
    /// The members of the page.
    pub users: Vec<ReducedUser>,
    /// How many match after `after_id`, before limit and offset.
    pub count: u64,
}

/// Stores groups and who is in them.
///
/// The members of the group Everyone are those of its organization. Who is in a group is in all groups in which it lies, and is told
/// once; only what says "put into" is about the group itself. Deleted users and those that are part of the server
/// itself are neither listed nor counted anywhere; suspended and dormant ones are. Groups of a deleted organization do
/// not exist.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait GroupRepository {
    /// The group with this id.
    fn find(&mut self, id: GroupId) -> Result<Option<FoundGroup>, StoreError>;
    /// The group with this id and a row lock (`FOR NO KEY UPDATE`) until the transaction ends: whoever wants to change it or
    /// its members meanwhile waits for that.
    fn find_for_update(&mut self, id: GroupId) -> Result<Option<Group>, StoreError>;
    /// The group of an organization with exactly this name.
    fn find_by_name(&mut self, organization: OrganizationId, name: &str) -> Result<Option<FoundGroup>, StoreError>;
    /// The name by which the group with this id stands in lists, or stood when it was deleted; `None` if there never was
    /// one, or if nothing is known of it any more: of a deleted group, its record in the audit log tells. Who pages by it
    /// goes on where it stood.
    fn place(&mut self, id: GroupId) -> Result<Option<String>, StoreError>;
    /// The groups with these ids, whoever may read them, by lower-cased name and id.
    fn list_by_id(&mut self, ids: &[GroupId]) -> Result<Vec<FoundGroup>, StoreError>;
    /// The groups that have exactly these names in these organizations, whoever may read them, by lower-cased name and id.
    fn list_by_name(&mut self, names: &[(OrganizationId, String)]) -> Result<Vec<FoundGroup>, StoreError>;
    /// A page of the groups that match and that `visible` lets through, by lower-cased name and id.
    fn list(
        &mut self,
        filter: &GroupFilter,
        visible: &ListFilter,
        page: &GroupPage,
    ) -> Result<Vec<FoundGroup>, StoreError>;
    /// How many groups match and are let through by `visible`.
    fn count(&mut self, filter: &GroupFilter, visible: &ListFilter) -> Result<u64, StoreError>;
    /// A page of the members of a group that match, by lower-cased user name; after an unknown `after_id` there is nothing.
    fn page_members(
        &mut self,
        group: &Group,
        filter: &UserFilter,
        scope: &MemberScope,
        page: Page,
    ) -> Result<GroupMemberPage, StoreError>;
    /// How many members each of these groups has, in any order; groups without members may be missing.
    fn count_members(&mut self, groups: &[Group]) -> Result<Vec<(GroupId, u64)>, StoreError>;
    /// How many users were put into each of these groups, in any order; those of none may be missing.
    fn count_direct_members(&mut self, groups: &[Group]) -> Result<Vec<(GroupId, u64)>, StoreError>;
    /// Those of `users` who are members only by groups within this one, sorted.
    fn members_by_nesting(&mut self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>, StoreError>;
    /// The groups directly in this one, whoever may read them, by lower-cased name and id.
    fn list_nested(&mut self, group: GroupId) -> Result<Vec<FoundGroup>, StoreError>;
    /// Those who look after the members of a group, by lower-cased user name.
    fn list_managers(&mut self, group: GroupId) -> Result<Vec<ReducedUser>, StoreError>;
    /// Whether the user looks after the members of the group.
    fn is_manager(&mut self, group: GroupId, user: UserId) -> Result<bool, StoreError>;
    /// Members of these groups, by group id and user id: at most `limit`, and only those after this group and user.
    fn list_members(
        &mut self,
        groups: &[Group],
        scope: &MemberScope,
        after: Option<(GroupId, UserId)>,
        limit: u32,
    ) -> Result<Vec<GroupMember>, StoreError>;
    /// Those of `users` that belong to the organization, sorted, with a row lock on each membership (`FOR KEY SHARE`) until
    /// the transaction ends: whoever wants to remove them meanwhile waits for that.
    fn members_for_key_share(
        &mut self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;

    /// Adds a group. May answer `Conflict::GroupName`.
    fn insert(&mut self, permit: &Permit<action::Create, resource::Group>, group: &Group) -> Result<(), StoreError>;
    /// Adds those of the groups whose names are free in their organizations, which are there and stay. Says how many that were.
    fn insert_missing(
        &mut self,
        permit: &Permit<action::Create, resource::Group>,
        groups: &[Group],
    ) -> Result<usize, StoreError>;
    /// Changes name, display name, picture and allowance. May answer `Conflict::GroupName`. `false` when there is no such
    /// group.
    fn update(&mut self, permit: &Permit<action::Update, resource::Group>, group: &Group) -> Result<bool, StoreError>;
    /// Puts users into a group, none of whom may have been put there already (`Conflict::GroupMembership`) and all of whom must belong to
    /// its organization: the others are left out. Says how many were added.
    fn insert_members(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        users: &[UserId],
    ) -> Result<usize, StoreError>;
    /// Removes users who were put into a group. Says who of them that was, sorted.
    fn delete_members(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;
    /// Adds one user to several groups. Groups that are not there, that the user is in already, or to whose organization the user does
    /// not belong, are left out. Says to how many the user was added.
    fn insert_memberships(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        user: UserId,
        groups: &[GroupId],
    ) -> Result<usize, StoreError>;
    /// Removes one user from several groups. Says how many of them the user was in.
    fn delete_memberships(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        user: UserId,
        groups: &[GroupId],
    ) -> Result<usize, StoreError>;
    /// Puts a group into another, under the rules of [`Nestings::nest`](doorward_domain::groups::Nestings::nest). Until the transaction
    /// ends, nobody else changes which groups of the organization lie where. `false` if it lies directly there already.
    fn nest(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        parent: &Group,
        child: &Group,
    ) -> Result<Result<bool, NestingError>, StoreError>;
    /// Takes a group out of another. `false` if it does not lie directly there.
    fn part(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        parent: &Group,
        child: GroupId,
    ) -> Result<bool, StoreError>;
    /// Lets a user, who must belong to the organization, look after the members of a group. `false` if that is so already.
    fn insert_manager(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        user: UserId,
    ) -> Result<bool, StoreError>;
    /// Ends that. `false` if the user did not.
    fn delete_manager(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        group: &Group,
        user: UserId,
    ) -> Result<bool, StoreError>;
    /// Removes a group with its memberships and managers, out of all groups in which it lies. `false` when there is no such group.
    fn delete(&mut self, permit: &Permit<action::Delete, resource::Group>, id: GroupId) -> Result<bool, StoreError>;
}
