//! Groups as they are sent (`identity.md` 6).

use crate::users::ReducedUserObject;
use doorward_services::groups::{FoundGroup, GroupList, GroupMemberPage, GroupView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub(crate) struct GroupObject {
    #[serde(flatten)]
    head: GroupHead,
    /// Those members that the caller may read.
    members: Vec<ReducedUserObject>,
    /// How many members there are, whether the caller may read them or not.
    total_member_count: u64,
}

/// What is sent of a group besides its members.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupHead {
    id: Uuid,
    name: String,
    display_name: String,
    organization_id: Uuid,
    avatar_url: String,
    quota_allowance: i32,
    /// `user` or `oidc`.
    source: &'static str,
    organization_name: String,
    organization_display_name: String,
}

impl From<&FoundGroup> for GroupHead {
    fn from(FoundGroup { group, organization_name, organization_display_name }: &FoundGroup) -> Self {
        Self {
            id: group.id.0,
            name: group.name.to_string(),
            display_name: group.display_name.to_string(),
            organization_id: group.organization_id.0,
            avatar_url: group.avatar_url.clone(),
            quota_allowance: group.quota_allowance,
            source: group.source.as_str(),
            organization_name: organization_name.to_string(),
            organization_display_name: organization_display_name.to_string(),
        }
    }
}

impl From<GroupView> for GroupObject {
    fn from(view: GroupView) -> Self {
        let GroupView { group, organization_name, organization_display_name, members, total_member_count } = view;
        Self {
            head: GroupHead::from(&FoundGroup { group, organization_name, organization_display_name }),
            members: members.into_iter().map(ReducedUserObject::from).collect(),
            total_member_count,
        }
    }
}

/// A page of the members of a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupMembersResponse)]
pub(crate) struct GroupMembersObject {
    users: Vec<ReducedUserObject>,
    /// How many match, before `limit` and `offset`.
    count: u64,
}

impl From<GroupMemberPage> for GroupMembersObject {
    fn from(page: GroupMemberPage) -> Self {
        Self { users: page.users.into_iter().map(ReducedUserObject::from).collect(), count: page.count }
    }
}

/// A group without its members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupWithoutMembers)]
pub(crate) struct BareGroupObject {
    #[serde(flatten)]
    head: GroupHead,
    /// How many members there are, whether the caller may read them or not.
    total_member_count: u64,
}

/// A page of groups.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaginatedGroupsResponse)]
pub(crate) struct GroupsObject {
    groups: Vec<BareGroupObject>,
    /// How many match, before `limit` and `offset`.
    count: u64,
}

impl From<(FoundGroup, u64)> for BareGroupObject {
    fn from((found, total_member_count): (FoundGroup, u64)) -> Self {
        Self { head: GroupHead::from(&found), total_member_count }
    }
}

impl From<GroupList> for GroupsObject {
    fn from(list: GroupList) -> Self {
        Self { groups: list.groups.into_iter().map(BareGroupObject::from).collect(), count: list.count }
    }
}
