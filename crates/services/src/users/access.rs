//! Authorization checks of users, keys and organizations: the objects of `rbac.md` 6.

use super::caller::Held;
use crate::Principal;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{
    Action, ActionMarker, Denied, ListFilter, Object, Permit, ResourceMarker, ResourceType, action, resource,
};
use doorward_domain::sessions::ApiKey;

/// May the caller, as of this transaction, do this to what is described? The proof is for a write port; use [`may`] where
/// nothing is written, or before the transaction.
pub(crate) fn permit<A: ActionMarker, R: ResourceMarker>(
    actor: &Held,
    object: &Object<'_>,
) -> Result<Permit<A, R>, Denied> {
    actor.permit(object)
}

/// May the caller do this to what is described?
pub(crate) fn may(actor: &Principal, action: Action, object: &Object<'_>) -> Result<(), Denied> {
    actor.subject.check(action, object)
}

/// The users that the caller may read.
pub(crate) fn visible_users(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::User)
}

/// A user, who owns itself.
pub(crate) fn user(id: UserId) -> Object<'static> {
    Object::of::<resource::User>().id(id.0).owner(id.0)
}

/// A key, owned by its user.
pub(crate) fn key(key: &ApiKey) -> Object<'static> {
    Object::of::<resource::ApiKey>().id(key.id.as_str()).owner(key.user_id.0)
}

/// The keys of a user, and one that is to be made.
pub(crate) fn keys_of(owner: UserId) -> Object<'static> {
    Object::of::<resource::ApiKey>().owner(owner.0)
}

/// The organizations that the caller may read.
pub(crate) fn visible_organizations(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::Organization)
}

/// The members of organizations that the caller may read.
pub(crate) fn visible_members(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::OrganizationMember)
}

/// A member, owned by the user.
pub(crate) fn member(organization: OrganizationId, user: UserId) -> Object<'static> {
    Object::of::<resource::OrganizationMember>().id(user.0).organization(organization.0).owner(user.0)
}

/// A member that is being added: without an owner, so that nobody can add themselves.
pub(crate) fn new_member(organization: OrganizationId, user: UserId) -> Object<'static> {
    Object::of::<resource::OrganizationMember>().id(user.0).organization(organization.0)
}

/// The roles of an organization.
pub(crate) fn roles_of(organization: OrganizationId) -> Object<'static> {
    Object::of::<resource::AssignOrgRole>().organization(organization.0)
}

/// An organization, which belongs to itself.
pub(crate) fn organization(id: OrganizationId) -> Object<'static> {
    Object::of::<resource::Organization>().id(id.0).organization(id.0)
}

/// May the caller add members to this organization? Asked without an owner, so that nobody can add themselves.
pub(crate) fn add_member(
    actor: &Held,
    id: OrganizationId,
) -> Result<Permit<action::Create, resource::OrganizationMember>, Denied> {
    permit(actor, &members_to_be(id))
}

/// The members that an organization does not have yet.
pub(crate) fn members_to_be(id: OrganizationId) -> Object<'static> {
    Object::of::<resource::OrganizationMember>().organization(id.0)
}
