//! Groups as they are sent (`identity.md` 6).

use crate::json::Timestamp;
use doorward_domain::users::ReducedUser;
use doorward_services::groups::{FoundGroup, GroupView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A user as shown in lists of members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReducedUser)]
pub(crate) struct ReducedUserObject {
    id: Uuid,
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    avatar_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    name: String,
    email: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_seen_at: Timestamp,
    /// `active`, `dormant` or `suspended`.
    status: &'static str,
    /// `password`, `github`, `oidc`, `token` or `none`.
    login_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    theme_preference: String,
}

impl From<ReducedUser> for ReducedUserObject {
    fn from(user: ReducedUser) -> Self {
        Self {
            id: user.id.0,
            username: user.username,
            avatar_url: user.avatar_url,
            name: user.name,
            email: user.email,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            last_seen_at: user.last_seen_at.into(),
            status: user.status.as_str(),
            login_type: user.login_type.as_str(),
            theme_preference: user.theme_preference,
        }
    }
}

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
            name: group.name.clone(),
            display_name: group.display_name.clone(),
            organization_id: group.organization_id.0,
            avatar_url: group.avatar_url.clone(),
            quota_allowance: group.quota_allowance,
            source: group.source.as_str(),
            organization_name: organization_name.clone(),
            organization_display_name: organization_display_name.clone(),
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
