//! Organizations and members.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Blocker, Membership, Organization};
use doorward_domain::roles::{ListFilter, Permit, action, resource};

/// Stores organizations and who belongs to them.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait OrganizationRepository {
    /// The organization with this id, unless it is deleted.
    fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// The organization with this name, without regard to letter case, unless it is deleted.
    fn find_by_name(&mut self, name: &str) -> Result<Option<Organization>, StoreError>;
    /// The default organization; `None` only before the first start.
    fn find_default(&mut self) -> Result<Option<Organization>, StoreError>;
    /// The organization with this id, unless it is deleted, and a row lock (`FOR UPDATE`) until the transaction ends: nobody can
    /// change it, nor add to it what [`insert_member`](Self::insert_member) adds.
    fn find_for_update(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// The organizations with these ids, by lower-cased name. Deleted ones are left out.
    fn list_by_id(&mut self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError>;
    /// The same, by id, with a row lock on each (`FOR KEY SHARE`) until the transaction ends: whoever wants to delete one waits for
    /// that. For making somebody a member of several.
    fn list_by_id_for_key_share(&mut self, ids: &[OrganizationId]) -> Result<Vec<Organization>, StoreError>;
    /// The organizations that `visible` lets through, by lower-cased name. Deleted ones are left out.
    fn list(&mut self, visible: &ListFilter) -> Result<Vec<Organization>, StoreError>;
    /// The organizations of a user that `visible` lets through, by lower-cased name. Deleted ones are left out.
    fn list_of_user(&mut self, user: UserId, visible: &ListFilter) -> Result<Vec<Organization>, StoreError>;
    /// What keeps the organization from being deleted; empty when nothing does.
    fn delete_blockers(&mut self, id: OrganizationId) -> Result<Vec<Blocker>, StoreError>;
    /// Adds an organization together with its group Everyone. May answer `Conflict::OrganizationName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Organization>,
        organization: &Organization,
    ) -> Result<(), StoreError>;
    /// Changes name, display name, description, icon and default roles to what `organization` has, and notes when. May
    /// answer `Conflict::OrganizationName`. `false` when there is no such organization.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Organization>,
        organization: &Organization,
    ) -> Result<bool, StoreError>;
    /// Marks an organization as deleted: frees its name, and removes its members, groups and custom roles. The default
    /// organization stays. `false` when there is none to delete. To be [locked](Self::find_for_update) before, so that nothing is
    /// added meanwhile.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Organization>,
        id: OrganizationId,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Adds a member. May answer `Conflict::Membership`, and `Conflict::OrganizationDeleted` when the organization has
    /// gone. The user is to be locked before ([`UserRepository::find_for_update`](crate::users::UserRepository::find_for_update)), unless
    /// it is made in the same transaction.
    fn insert_member(
        &mut self,
        permit: &Permit<action::Create, resource::OrganizationMember>,
        membership: &Membership,
    ) -> Result<(), StoreError>;
    /// Adds memberships, each with its permit: all or none. Asks for and answers what [`insert_member`](Self::insert_member)
    /// does.
    fn insert_members(
        &mut self,
        members: &[(Permit<action::Create, resource::OrganizationMember>, Membership)],
    ) -> Result<(), StoreError>;
    /// The memberships of a user, by organization id.
    fn list_memberships(&mut self, user: UserId) -> Result<Vec<Membership>, StoreError>;
    /// The memberships of several users at once, by user and organization id.
    fn list_memberships_of(&mut self, users: &[UserId]) -> Result<Vec<Membership>, StoreError>;
}
