//! What directories that provision by SCIM have stored.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::groups::{Group, GroupMember};
use doorward_domain::ids::{GroupId, OrganizationId, ScimTokenId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::{GroupRecord, Lookup, ProvisionedGroup, ProvisionedUser, ScimToken, UserRecord};

/// A group of a directory in which a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    /// The user.
    pub user_id: UserId,
    /// The group.
    pub group_id: GroupId,
    /// How the directory calls it.
    pub display_name: String,
}

/// Stores what directories know of users and groups. A `directory` is an organization, or `None` for that of the deployment.
///
/// Users of the deployment are all people with an account: neither deleted ones, nor accounts for programs, nor those that are part
/// of the server. Users of an organization's directory are those members of the organization whom
/// it has stored.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ScimRepository {
    /// The user with this id.
    fn find_user(
        &mut self,
        directory: Option<OrganizationId>,
        id: UserId,
    ) -> Result<Option<ProvisionedUser>, StoreError>;
    /// The user to whom the directory gave this id. Letter case matters.
    fn find_user_by_external_id(
        &mut self,
        directory: Option<OrganizationId>,
        external_id: &str,
    ) -> Result<Option<UserId>, StoreError>;
    /// Users, by id, whose id, external id, user name (or its beginning) or one of whose addresses is looked up, or who have changed
    /// since; at most `limit`. Accounts
    /// without a record are found by the name and address of the account; those with one, perhaps, too.
    fn find_users(
        &mut self,
        directory: Option<OrganizationId>,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<ProvisionedUser>, StoreError>;
    /// Users, by id: only those after `after`, without the first `offset`, at most `limit`.
    fn list_users(
        &mut self,
        directory: Option<OrganizationId>,
        after: Option<UserId>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ProvisionedUser>, StoreError>;
    /// Those of these users whom the directory has, sorted.
    fn users_among(&mut self, directory: Option<OrganizationId>, users: &[UserId]) -> Result<Vec<UserId>, StoreError>;
    /// How many users there are.
    fn count_users(&mut self, directory: Option<OrganizationId>) -> Result<u64, StoreError>;
    /// Stores what a directory says of a user, who exists, and of whom it has said nothing yet. May answer as `store_user`.
    fn insert_user(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        directory: Option<OrganizationId>,
        id: UserId,
        record: &UserRecord,
    ) -> Result<(), StoreError>;
    /// Stores what a directory says of a user, who exists, in the place of what it said before. When the user is deleted, this
    /// is too. May answer `Conflict::ScimUserName` or `Conflict::ScimExternalId`.
    fn store_user(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        directory: Option<OrganizationId>,
        id: UserId,
        record: &UserRecord,
    ) -> Result<(), StoreError>;

    /// The group with this id, if the directory has made it.
    fn find_group(
        &mut self,
        directory: Option<OrganizationId>,
        id: GroupId,
    ) -> Result<Option<ProvisionedGroup>, StoreError>;
    /// Groups, by id, whose id, external id or name (or its beginning), or one of whose members is looked up, or that have changed
    /// since; at most `limit`.
    fn find_groups(
        &mut self,
        directory: Option<OrganizationId>,
        lookup: &Lookup,
        limit: u32,
    ) -> Result<Vec<ProvisionedGroup>, StoreError>;
    /// Groups, by id: only those after `after`, without the first `offset`, at most `limit`.
    fn list_groups(
        &mut self,
        directory: Option<OrganizationId>,
        after: Option<GroupId>,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ProvisionedGroup>, StoreError>;
    /// How many groups there are.
    fn count_groups(&mut self, directory: Option<OrganizationId>) -> Result<u64, StoreError>;
    /// The groups of the directory in which these users are, by user and group.
    fn list_user_groups(
        &mut self,
        directory: Option<OrganizationId>,
        users: &[UserId],
    ) -> Result<Vec<UserGroup>, StoreError>;
    /// Those of the users who are in the group, sorted.
    fn members_among(&mut self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>, StoreError>;
    /// Those of the users who are in these groups, by group and user. Deleted ones are in none.
    fn list_members_among(&mut self, groups: &[GroupId], users: &[UserId]) -> Result<Vec<GroupMember>, StoreError>;
    /// Stores what a directory says of a group, which exists, in the place of what it said before. When the group is deleted,
    /// this is too. The version is counted up by whatever else changes the members. May answer `Conflict::ScimDisplayName` or
    /// `Conflict::ScimExternalId`.
    fn store_group(
        &mut self,
        permit: &Permit<action::Update, resource::Group>,
        directory: Option<OrganizationId>,
        group: &Group,
        record: &GroupRecord,
    ) -> Result<(), StoreError>;
}

/// Stores the tokens of the directories of organizations.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ScimTokenRepository {
    /// The tokens of an organization, in the order in which they were made.
    fn list(&mut self, organization: OrganizationId) -> Result<Vec<ScimToken>, StoreError>;
    /// The token with this public part, whose organization is not deleted.
    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<ScimToken>, StoreError>;
    /// Adds a token. May answer `Conflict::Random`.
    fn insert(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        token: &ScimToken,
    ) -> Result<(), StoreError>;
    /// Ends the life of a token at this instant. `false` when the organization has no such token.
    fn expire(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        organization: OrganizationId,
        id: ScimTokenId,
        at: Instant,
    ) -> Result<bool, StoreError>;
    /// Deletes a token. `false` when the organization has no such token.
    fn delete(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        organization: OrganizationId,
        id: ScimTokenId,
    ) -> Result<bool, StoreError>;
    /// Notes that a token was used.
    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: ScimTokenId,
        now: Instant,
    ) -> Result<(), StoreError>;
}
