//! Members of organizations.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Member, MemberFilter};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, RoleNames, action, resource};

/// One page of members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberPage {
    /// The members of the page.
    pub members: Vec<Member>,
    /// How many there are, after `after_id` if that is given, before limit and offset.
    pub count: u64,
}

/// Stores who belongs to which organization; adding is [`OrganizationRepository::insert_member`].
///
/// [`OrganizationRepository::insert_member`]: crate::organizations::OrganizationRepository::insert_member
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait MemberRepository {
    /// The member. Deleted users are none.
    fn find(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError>;
    /// The member, with a row lock on the membership (`FOR NO KEY UPDATE`) until the transaction ends: whoever wants to change
    /// or end it meanwhile waits for that. Custom roles that are to be given are locked before
    /// ([`RoleRepository`](crate::roles::RoleRepository::find_custom_for_key_share)).
    fn find_for_update(&mut self, organization: OrganizationId, user: UserId) -> Result<Option<Member>, StoreError>;
    /// A page of the members that `visible` lets through, by lower-cased user name. Deleted users and those that are part of
    /// the server are left out. `after_id` names a user, who need not be a member any more, nor be there at all; after an id
    /// that no user ever had there is nothing.
    fn list(
        &mut self,
        organization: OrganizationId,
        visible: &ListFilter,
        page: Page,
    ) -> Result<MemberPage, StoreError>;
    /// Like [`list`](Self::list), of those members that match.
    fn search(
        &mut self,
        organization: OrganizationId,
        visible: &ListFilter,
        filter: &MemberFilter,
        page: Page,
    ) -> Result<MemberPage, StoreError>;
    /// At most so many of the users who hold a role of one of these names by a membership, in one organization or (`None`) in any, by
    /// lower-cased name. Deleted users and those that are part of the server are left out.
    fn list_holders(
        &mut self,
        organization: Option<OrganizationId>,
        roles: &[String],
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError>;
    /// Replaces the stored roles of a member. `false` when there is no such member.
    fn update_roles(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignOrgRole>,
        organization: OrganizationId,
        user: UserId,
        roles: &RoleNames,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Replaces the stored roles of one user in several organizations; who is no member of one has none there afterwards either. Says
    /// how many memberships there were.
    fn update_roles_of(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignOrgRole>,
        user: UserId,
        roles: &[(OrganizationId, RoleNames)],
        now: Instant,
    ) -> Result<usize, StoreError>;
    /// Ends the memberships of one user in several organizations, and those in all groups there. Says how many there were.
    fn delete_of(
        &mut self,
        permit: &Permit<action::Delete, resource::OrganizationMember>,
        user: UserId,
        organizations: &[OrganizationId],
    ) -> Result<usize, StoreError>;
    /// Ends a membership, and those in all groups of the organization. `false` when there is no such member.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::OrganizationMember>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<bool, StoreError>;
}
